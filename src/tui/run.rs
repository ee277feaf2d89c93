//! The one loop of the screen. It waits for keys, the head-end, signals and its frame slot; it
//! never waits for a meter or a broker.

use super::app::pane::Pane;
use super::app::replay::{Batch, Replay, course::observe};
use super::app::{Assembler, Effect, Line, Model, Msg, Now, update};
use super::pace::{SLOT, Slots};
pub use super::recorded::Recorded;
use super::term::screen::{self, Screen};
use super::term::theme::Abilities;
use super::term::{clipboard, hangup, input};
use super::view;
use crate::diagnosis::{Engine, Settings};
use crate::headend::{Changes, Headend, Level, Notice};
use crate::meter::document;
use crate::meter::tap::Tap;
use crate::meter::{Clock, MeterId};
use crossterm::event::Event;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep_until};

/// What the screen is shown on.
pub struct Setup {
    /// None: a replay.
    pub headend: Option<Headend>,
    /// A recorded trace and how fast it is played.
    pub replay: Option<(Recorded, f64)>,
    pub clock: Clock,
    /// Simulated meters: a chip says so.
    pub demo: bool,
    /// Lines for the end of the help: name and value.
    pub about: Vec<(String, String)>,
    /// Where traces a person saves are written.
    pub files: PathBuf,
}

/// Events answered by one picture at most.
const EVENTS_A_TURN: usize = 32;
/// How often the followed meter's tap is looked at when nothing else happens.
const TRACE_LOOK: Duration = Duration::from_millis(200);

/// Shows the screen until a person quits, a signal comes or the terminal is gone. The terminal is
/// given back before this returns; the head-end goes on and is the caller's to shut down.
pub async fn run(setup: Setup) -> io::Result<()> {
    let abilities = Abilities::detect(&|name| std::env::var(name).ok());
    screen::restore_on_panic();
    let screen = Screen::enter(abilities)?;
    let _given_back = GiveBack;
    Loop::new(setup, screen)?.run().await
}

/// Gives the terminal back on every way out of `run`.
struct GiveBack;

impl Drop for GiveBack {
    fn drop(&mut self) {
        screen::restore();
    }
}

struct Loop {
    setup: Setup,
    screen: Screen<io::Stdout>,
    model: Model,
    size: (u16, u16),
    followed: Option<Followed>,
    answers: mpsc::UnboundedReceiver<Msg>,
    answer: mpsc::UnboundedSender<Msg>,
    slots: Slots,
    /// When changes were last taken from the head-end.
    taken: Instant,
    second: Instant,
    sent_before: u64,
    played: Instant,
    /// The trace that is replayed, read ahead.
    batches: Option<mpsc::Receiver<Batch>>,
}

/// The meter whose trace is on the screen.
struct Followed {
    meter: MeterId,
    tap: Tap,
    from: u64,
    assembler: Assembler,
    /// Looks at the same frames as the pane, so that its numbers are the rows' own.
    engine: Engine,
}

/// Whether the loop goes on after a message.
#[derive(PartialEq, Eq)]
enum Go {
    On,
    Quit,
}

impl Loop {
    fn new(mut setup: Setup, screen: Screen<io::Stdout>) -> io::Result<Self> {
        let (answer, answers) = mpsc::unbounded_channel();
        let mut model = Model::new(moment(setup.clock), jiff::tz::TimeZone::system());
        model.demo = setup.demo;
        model.about.clone_from(&setup.about);
        model.person = std::env::var("USER").unwrap_or_default();
        let mut batches = None;
        if let Some((mut recorded, speed)) = setup.replay.take() {
            let first = recorded.first();
            model.replay = Some(Box::new(Replay::new(first, speed, model.now.mono)));
            batches = Some(recorded.read_on());
            // A trace is frames; where there is room for one pane it is this one.
            model.focus = Pane::Trace;
        }
        Ok(Self {
            setup,
            screen,
            model,
            size: crossterm::terminal::size()?,
            followed: None,
            answers,
            answer,
            slots: Slots::new(Instant::now(), std::env::var_os("SSH_CONNECTION").is_some()),
            taken: Instant::now(),
            second: Instant::now(),
            sent_before: 0,
            played: Instant::now(),
            batches,
        })
    }

    async fn run(mut self) -> io::Result<()> {
        let mut gone = hangup::watch();
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let mut hung_up = signal(SignalKind::hangup())?;
        let mut events = input::events()?;
        let (width, height) = self.size;
        self.tell(Msg::Resize { width, height })?;
        self.tell(Msg::Changes(self.first()))?;
        self.draw()?;
        loop {
            let wake = self.next_wake();
            let wants = self
                .model
                .replay
                .as_ref()
                .is_some_and(|replay| replay.wants());
            let go = tokio::select! {
                biased;
                _ = &mut gone => Go::Quit,
                _ = terminate.recv() => Go::Quit,
                _ = interrupt.recv() => Go::Quit,
                _ = hung_up.recv() => Go::Quit,
                event = events.recv() => match event {
                    Some(event) => self.keys(event?, &mut events)?,
                    None => Go::Quit,
                },
                Some(answer) = self.answers.recv() => self.tell(answer)?,
                Some(batch) = next_batch(self.batches.as_mut()), if wants => {
                    self.tell(Msg::Recorded(batch))?
                }
                changes = changes(self.setup.headend.as_ref(), self.taken + SLOT) => {
                    self.taken = Instant::now();
                    self.tell(Msg::Changes(changes))?
                }
                () = sleep_until(wake) => Go::On,
            };
            if go == Go::Quit || self.catch_up()? == Go::Quit {
                return Ok(());
            }
            if self.due(Instant::now()) {
                self.draw()?;
            }
        }
    }

    /// Whether it is time for a picture.
    fn due(&self, now: Instant) -> bool {
        (self.model.dirty && now >= self.slots.next())
            || (self.model.stale && now >= self.slots.calm())
    }

    /// What there is to begin with.
    fn first(&self) -> Changes {
        match (&self.setup.headend, &self.model.replay) {
            (Some(headend), _) => headend.take_changes(),
            (None, Some(replay)) => Changes {
                meters: replay.views(),
                ..Changes::default()
            },
            (None, None) => Changes::default(),
        }
    }

    fn playing(&self) -> bool {
        let replay = self.model.replay.as_ref();
        replay.is_some_and(|replay| replay.playing && !replay.over())
    }

    /// The next moment something is due without an event: a slot, a second, a look at the trace.
    fn next_wake(&self) -> Instant {
        let mut wake = self.second + Duration::from_secs(1);
        if self.model.dirty {
            wake = wake.min(self.slots.next());
        }
        if self.model.stale {
            wake = wake.min(self.slots.calm());
        }
        if self.playing() {
            wake = wake.min(self.slots.next().max(Instant::now() + SLOT));
        }
        if self.followed.is_some() {
            wake = wake.min(Instant::now() + TRACE_LOOK);
        }
        wake
    }

    /// A key or click is answered in the same turn; it does not wait for a slot. Those that came
    /// while the last picture was on its way (a key held down, a slow line) share one answer.
    fn keys(
        &mut self,
        first: Event,
        more: &mut mpsc::Receiver<io::Result<Event>>,
    ) -> io::Result<Go> {
        self.tell(Msg::Tick(moment(self.setup.clock)))?;
        let mut event = first;
        for _ in 0..EVENTS_A_TURN {
            if self.event(event)? == Go::Quit {
                return Ok(Go::Quit);
            }
            let Ok(next) = more.try_recv() else { break };
            event = next?;
        }
        if self.model.dirty {
            self.draw()?;
        }
        Ok(Go::On)
    }

    fn event(&mut self, event: Event) -> io::Result<Go> {
        let Some(message) = input::message(event, self.size) else {
            return Ok(Go::On);
        };
        // What a key or click means depends on the picture it was pressed at.
        if matches!(message, Msg::Mouse(_)) && self.model.dirty {
            self.draw()?;
        }
        if let Msg::Resize { width, height } = message {
            self.size = (width, height);
            self.screen.resize(width, height)?;
        }
        self.tell(message)
    }

    /// The second's tick and the followed meter's new frames.
    fn catch_up(&mut self) -> io::Result<Go> {
        let now = Instant::now();
        if now >= self.second + Duration::from_secs(1) {
            self.second = now;
            let sent = self.screen.sent();
            let line = Line {
                bytes_per_second: sent.saturating_sub(self.sent_before),
                slow: self.slots.slow(),
            };
            self.sent_before = sent;
            self.tell(Msg::Line(line))?;
            if self.tell(Msg::Tick(moment(self.setup.clock)))? == Go::Quit {
                return Ok(Go::Quit);
            }
        }
        let elapsed = now.saturating_duration_since(self.played);
        self.played = now;
        if self.playing() && self.tell(Msg::Play(elapsed))? == Go::Quit {
            return Ok(Go::Quit);
        }
        let Some(followed) = &mut self.followed else {
            return Ok(Go::On);
        };
        if followed.tap.next_seq() == followed.from {
            return Ok(Go::On);
        }
        let (records, lost) = followed.tap.since(followed.from);
        if let Some(last) = records.last() {
            followed.from = last.seq.saturating_add(1);
        }
        let rows = followed.assembler.rows(&records);
        for record in &records {
            observe(
                &mut followed.engine,
                record.at.as_millisecond(),
                &record.what,
            );
        }
        let findings = Some(followed.engine.findings());
        let meter = followed.meter;
        self.tell(Msg::Trace {
            meter,
            rows,
            lost,
            findings,
        })
    }

    fn tell(&mut self, message: Msg) -> io::Result<Go> {
        let mut go = Go::On;
        for effect in update(&mut self.model, message) {
            if self.carry_out(effect)? == Go::Quit {
                go = Go::Quit;
            }
        }
        Ok(go)
    }

    fn carry_out(&mut self, effect: Effect) -> io::Result<Go> {
        match effect {
            Effect::Quit => return Ok(Go::Quit),
            Effect::Command { ticket, command } => {
                let Some(headend) = self.setup.headend.clone() else {
                    let result = Err("this is a replay: there is no meter to ask".to_owned());
                    let _ = self.answer.send(Msg::CommandDone { ticket, result });
                    return Ok(Go::On);
                };
                let answer = self.answer.clone();
                tokio::spawn(async move {
                    let result = headend.command(command).await;
                    // The screen may be gone by now.
                    let _ = answer.send(Msg::CommandDone { ticket, result });
                });
            }
            Effect::Broker { broker, command } => {
                let Some(headend) = self.setup.headend.clone() else {
                    self.notice(Level::Info, "this is a replay: there is no broker to ask");
                    return Ok(Go::On);
                };
                let answer = self.answer.clone();
                tokio::spawn(async move {
                    let (level, text) = match headend.broker(broker, command).await {
                        Ok(done) => (Level::Info, done),
                        Err(why) => (Level::Error, why),
                    };
                    let _ = answer.send(Msg::Notice(Notice { level, text }));
                });
            }
            Effect::History { ticket, query } => {
                let Some(headend) = self.setup.headend.clone() else {
                    let result = Err("a replay has no history".to_owned());
                    let _ = self.answer.send(Msg::History { ticket, result });
                    return Ok(Go::On);
                };
                let answer = self.answer.clone();
                tokio::spawn(async move {
                    let result = headend.history(query).await;
                    let _ = answer.send(Msg::History { ticket, result });
                });
            }
            Effect::Herald(bytes) => self.screen.sequence(&bytes)?,
            Effect::FollowTrace(meter) => {
                self.followed = meter.and_then(|meter| {
                    Some(Followed {
                        meter,
                        tap: self.setup.headend.as_ref()?.trace(meter)?,
                        from: 0,
                        assembler: Assembler::new(),
                        engine: Engine::new(Settings::default()),
                    })
                });
            }
            Effect::Copy(text) => match clipboard::sequence(&text) {
                Some(bytes) => self.screen.sequence(&bytes)?,
                None => self.notice(
                    Level::Warning,
                    "too long for the clipboard; save it instead",
                ),
            },
            Effect::WriteFile { name, contents } => self.write_file(name, contents),
            Effect::Mouse(on) => self.screen.mouse(on)?,
            Effect::Repaint => self.screen.resize(self.size.0, self.size.1)?,
            Effect::Suspend => {
                self.screen.suspend()?;
                self.size = crossterm::terminal::size()?;
                self.screen.resize(self.size.0, self.size.1)?;
                self.model.dirty = true;
            }
        }
        Ok(Go::On)
    }

    fn notice(&self, level: Level, text: impl Into<String>) {
        let text = text.into();
        // The receiver lives as long as this loop.
        let _ = self.answer.send(Msg::Notice(Notice { level, text }));
    }

    fn write_file(&self, name: String, contents: Vec<u8>) {
        let folder = self.setup.files.clone();
        let answer = self.answer.clone();
        tokio::task::spawn_blocking(move || {
            let notice = match write_beside(&folder, &name, &contents) {
                Ok(path) => Notice {
                    level: Level::Info,
                    text: format!("written to {}", path.display()),
                },
                Err(error) => Notice {
                    level: Level::Error,
                    text: format!(
                        "{name} could not be written in {}: {error}",
                        folder.display()
                    ),
                },
            };
            let _ = answer.send(Msg::Notice(notice));
        });
    }

    fn draw(&mut self) -> io::Result<()> {
        let mut shown = None;
        let model = &self.model;
        let sent = self
            .screen
            .draw(|frame| shown = Some(view::draw(model, frame)))?;
        (self.model.dirty, self.model.stale) = (false, false);
        if let Some(shown) = shown {
            self.tell(Msg::Shown(shown))?;
        }
        self.slots
            .drawn(Instant::now(), self.screen.writing(), sent);
        Ok(())
    }
}

/// More of the trace that is replayed; never anything else.
async fn next_batch(batches: Option<&mut mpsc::Receiver<Batch>>) -> Option<Batch> {
    batches?.recv().await
}

/// What changed at the head-end, not more often than it can be shown; never anything in a replay.
async fn changes(headend: Option<&Headend>, not_before: Instant) -> Changes {
    match headend {
        Some(headend) => {
            sleep_until(not_before).await;
            headend.changed().await;
            headend.take_changes()
        }
        None => std::future::pending().await,
    }
}

fn moment(clock: Clock) -> Now {
    Now {
        wall: clock.now(),
        mono: Instant::now().into_std(),
    }
}

/// Only plain names: what a person typed must not leave the folder.
fn write_beside(folder: &Path, name: &str, contents: &[u8]) -> io::Result<PathBuf> {
    let plain = Path::new(name).file_name().is_some_and(|file| file == name);
    if !plain {
        return Err(io::Error::other("a plain file name is wanted"));
    }
    std::fs::create_dir_all(folder)?;
    let path = folder.join(name);
    document::save(&path, false, |out| out.write_all(contents)).map_err(io::Error::other)?;
    Ok(path)
}
