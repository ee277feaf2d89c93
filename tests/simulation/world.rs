//! The meters, the converters before them and the lines to them, in memory and in virtual time. The rule: a line decides
//! nothing by itself but what its plan and its dice say; bytes are moved when somebody looks, and a look comes no later than
//! the next thing that is due.

use crate::log::Log;
use crate::schedule::{Noise, Plan, Step, Trouble};
use crate::witness::{Witness, asked};
use obiscope::meter::Definition;
use obiscope::meter::transport::{ConnectFuture, Connector, Stream};
use obiscope::simulator::meter::SimulatedMeter;
use obiscope::simulator::profile::Profile;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard};
use std::task::{Context, Poll, Waker};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep};

/// How long a converter believes in a client that a cut cable took.
const GHOST: Duration = Duration::from_mins(1);

#[derive(Clone)]
pub struct World(Arc<Mutex<Inner>>);

pub struct Inner {
    pub began: Instant,
    /// How far real time is ahead of ours since a suspend: meters saw it pass, we did not.
    pub slept: Duration,
    pub log: Log,
    pub converters: BTreeMap<String, Converter>,
    /// What must never be, with its time.
    pub broken: Vec<String>,
}

/// A meter and what stands between it and the network.
pub struct Converter {
    pub meter: SimulatedMeter,
    pub plan: Plan,
    pub witness: Witness,
    dice: fastrand::Rng,
    line: Option<Line>,
    /// Streams of ours that are open, whatever became of the line.
    pub held: u32,
    number: u64,
    /// Nobody is taken before.
    free_at: Duration,
    /// A client that a cut cable took is believed in until then.
    pub power: bool,
    pub connects: u64,
    pub refused: u64,
    /// Objects that are polled; the meter is asked for others, too.
    pub polled: Vec<[u8; 6]>,
    /// When one of them was asked for first: the grids begin there.
    pub first_get: Option<Duration>,
    /// A release that the meter could hear, after which it must not be associated.
    pub released: u64,
    /// Episodes that strike once and have struck.
    struck: Vec<Duration>,
    /// What was damaged on the line, of any kind.
    pub damaged: u64,
}

struct Line {
    number: u64,
    up: VecDeque<(Duration, Vec<u8>)>,
    down: VecDeque<(Duration, Vec<u8>)>,
    state: State,
    /// Silent since a step of a `Hang`, until then.
    hung: Option<Duration>,
    /// Held back to come together with what is next.
    merging: Option<(Duration, Vec<u8>)>,
    waker: Option<Waker>,
    /// DISC went to the meter whole.
    said_disc: bool,
    spoiled: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Open,
    Reset,
    Closed,
}

impl World {
    pub fn new(whole_log: bool) -> Self {
        Self(Arc::new(Mutex::new(Inner {
            began: Instant::now(),
            slept: Duration::ZERO,
            log: Log::new(whole_log),
            converters: BTreeMap::new(),
            broken: Vec::new(),
        })))
    }

    pub fn look(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap()
    }

    pub fn meter(
        &self,
        host: &str,
        profile: Profile,
        plan: Plan,
        wall: jiff::Timestamp,
        seed: u64,
    ) {
        let mut inner = self.look();
        let now = inner.meter_now();
        let converter = Converter {
            meter: SimulatedMeter::new(profile, now, wall),
            plan,
            witness: Witness::default(),
            dice: fastrand::Rng::with_seed(seed),
            line: None,
            held: 0,
            number: 0,
            free_at: Duration::ZERO,
            power: true,
            connects: 0,
            refused: 0,
            polled: Vec::new(),
            first_get: None,
            released: 0,
            struck: Vec::new(),
            damaged: 0,
        };
        inner.converters.insert(host.to_owned(), converter);
    }

    /// The computer slept: for the meters the time passed, and whoever was connected is forgotten by none but time.
    pub fn sleep(&self, time: Duration) {
        let mut inner = self.look();
        inner.slept += time;
        let at = inner.at();
        inner.log.add(at, "computer", "slept", &[]);
        let now = inner.meter_now();
        for converter in inner.converters.values_mut() {
            converter.meter.handle_timeout(now);
            if let Some(line) = &mut converter.line {
                line.wake();
            }
        }
    }

    /// Opens a stream as the kernel and the converter would.
    pub async fn connect(&self, host: &str, timeout: Duration) -> io::Result<Pipe> {
        let answer = {
            let mut inner = self.look();
            inner.knock(host)
        };
        match answer {
            Knock::Taken { number, latency } => {
                tokio::time::sleep(latency * 2).await;
                Ok(Pipe {
                    world: self.clone(),
                    host: host.to_owned(),
                    number,
                    timer: Box::pin(tokio::time::sleep_until(Instant::now())),
                    shut: false,
                    abort: false,
                })
            }
            Knock::Refused(latency) => {
                tokio::time::sleep(latency * 2).await;
                Err(io::ErrorKind::ConnectionRefused.into())
            }
            Knock::Silence => {
                tokio::time::sleep(timeout).await;
                Err(io::ErrorKind::TimedOut.into())
            }
        }
    }
}

impl Connector for World {
    fn connect<'a>(&'a self, meter: &'a Definition) -> ConnectFuture<'a> {
        Box::pin(async move {
            let pipe = World::connect(self, &meter.host, meter.timeout).await?;
            Ok(Box::new(pipe) as Box<dyn Stream>)
        })
    }
}

enum Knock {
    Taken { number: u64, latency: Duration },
    Refused(Duration),
    Silence,
}

impl Inner {
    /// Since the run began, as the client sees it.
    pub fn at(&self) -> Duration {
        Instant::now().duration_since(self.began)
    }

    fn meter_now(&self) -> std::time::Instant {
        Instant::now().into_std() + self.slept
    }

    pub fn is_associated(&self, host: &str) -> bool {
        self.converters[host].meter.is_associated(self.meter_now())
    }

    /// Every meter as it is now, also those nobody talks to.
    pub fn settle(&mut self) {
        let (at, now) = (self.at(), self.meter_now());
        for (host, converter) in &mut self.converters {
            converter.pump(at, now, host, &mut self.log);
        }
    }

    fn knock(&mut self, host: &str) -> Knock {
        let (at, now) = (self.at(), self.meter_now());
        let Some(converter) = self.converters.get_mut(host) else {
            return Knock::Silence;
        };
        converter.pump(at, now, host, &mut self.log);
        converter.connects += 1;
        if converter.held > 0 {
            self.broken.push(format!(
                "{at:?}: {host} is opened while a stream of ours to it is open"
            ));
        }
        let (mut refuse, mut busy, mut silent, mut reset, mut hang) =
            (false, false, false, false, None);
        for episode in converter.plan.episodes.iter().filter(|it| it.covers(at)) {
            match episode.what {
                Trouble::Refuse => refuse = true,
                Trouble::Busy => busy = true,
                Trouble::Cable => silent = true,
                Trouble::Reset(Step::Connect) => reset = true,
                Trouble::Hang(Step::Connect) => hang = Some(episode.until),
                _ => {}
            }
        }
        let latency = converter.plan.latency;
        if silent {
            self.log.add(at, host, "connect into nothing", &[]);
            return Knock::Silence;
        }
        // One client at a time: the one before may still count for one.
        if refuse || converter.line.is_some() || at < converter.free_at {
            converter.refused += 1;
            self.log.add(at, host, "refused", &[]);
            return Knock::Refused(latency);
        }
        converter.number += 1;
        converter.held += 1;
        let number = converter.number;
        let state = match (reset, busy) {
            (true, _) => State::Reset,
            (_, true) => State::Closed,
            _ => State::Open,
        };
        self.log
            .add(at, host, &format!("connected {number} {state:?}"), &[]);
        if state == State::Open {
            converter.meter.connected(now);
        }
        converter.line = Some(Line {
            number,
            up: VecDeque::new(),
            down: VecDeque::new(),
            state,
            hung: hang,
            merging: None,
            waker: None,
            said_disc: false,
            spoiled: state != State::Open || hang.is_some(),
        });
        Knock::Taken { number, latency }
    }
}

/// Which step a frame to the meter is.
fn step(frame: &[u8]) -> Option<Step> {
    // Flag, format, length, destination and source of one octet each, control.
    let control = *frame.get(5)?;
    match control {
        0x93 => Some(Step::Snrm),
        0x53 => Some(Step::Disc),
        _ if control & 1 == 0 && frame.get(11) == Some(&0x60) => Some(Step::Aarq),
        _ if control & 1 == 0 => Some(Step::Get),
        _ => None,
    }
}

impl Line {
    fn wake(&mut self) {
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn end(&mut self, state: State) {
        if self.state == State::Open {
            self.state = state;
            self.spoiled = true;
            self.up.clear();
            if state == State::Reset {
                self.down.clear();
            }
            self.wake();
        }
    }
}

impl Converter {
    /// Moves what is due until `at`.
    fn pump(&mut self, at: Duration, now: std::time::Instant, host: &str, log: &mut Log) {
        let (mut off, mut refuse, mut cut, mut held) = (false, false, false, false);
        for episode in self.plan.episodes.iter().filter(|it| it.covers(at)) {
            match episode.what {
                Trouble::Off => off = true,
                Trouble::Refuse => refuse = true,
                Trouble::Cable => cut = true,
                Trouble::Held => held = true,
                _ => {}
            }
        }
        if self.power == off {
            self.power = !off;
            if off {
                self.meter.power_cycle();
            }
            log.add(at, host, if off { "power off" } else { "power on" }, &[]);
            if let Some(line) = &mut self.line {
                line.spoiled = true;
                if !off {
                    // The converter still has its client.
                    self.meter.connected(now);
                }
            }
        }
        let Some(line) = &mut self.line else {
            self.meter.handle_timeout(now);
            return;
        };
        if refuse && line.state == State::Open {
            log.add(at, host, "reset: the converter is gone", &[]);
            line.end(State::Reset);
            self.meter.disconnected(now);
        }
        if cut {
            line.spoiled |= !line.up.is_empty() || !line.down.is_empty();
            line.up.clear();
            line.down.clear();
        }
        if line.hung.is_some_and(|until| until <= at) {
            line.hung = None;
        }
        while line.state == State::Open
            && let Some((_, bytes)) = line.up.pop_front_if(|(due, _)| *due <= at)
        {
            let deaf = off || held || line.hung.is_some();
            log.add(at, host, if deaf { "unheard" } else { "heard" }, &bytes);
            if deaf {
                line.spoiled = true;
                continue;
            }
            line.said_disc |= step(&bytes) == Some(Step::Disc);
            self.witness.heard(&bytes);
            self.meter.handle_bytes(now, &bytes);
        }
        self.meter.handle_timeout(now);
        let mut said = Vec::new();
        if line.state == State::Open && !off && self.meter.poll_transmit(now, &mut said) {
            self.witness.said(at, &said);
            log.add(at, host, "said", &said);
            if line.hung.is_none() && !cut {
                self.send(at, Way::Down, said);
            }
        }
    }

    /// Puts bytes on the line, as its noise has it.
    fn send(&mut self, at: Duration, way: Way, mut bytes: Vec<u8>) {
        let Some(line) = &mut self.line else { return };
        let mut noise = Noise::default();
        let (mut lose, mut flip) = (false, false);
        for episode in self.plan.episodes.iter().filter(|it| it.covers(at)) {
            match episode.what {
                Trouble::Noise(more) => noise = more,
                Trouble::LoseOne if way == Way::Down && !self.struck.contains(&episode.from) => {
                    self.struck.push(episode.from);
                    lose = true;
                }
                Trouble::FlipOne if way == Way::Down && !self.struck.contains(&episode.from) => {
                    self.struck.push(episode.from);
                    flip = true;
                }
                _ => {}
            }
        }
        let dice = &mut self.dice;
        let mut strikes = |rate: u32| rate > 0 && dice.u32(0..1000) < rate;
        lose |= strikes(noise.lose);
        flip |= strikes(noise.flip);
        let (repeat, delay, merge) = (
            strikes(noise.repeat),
            strikes(noise.delay),
            strikes(noise.merge),
        );
        if lose || flip || repeat || delay || merge {
            self.damaged += 1;
            line.spoiled = true;
        }
        if lose {
            return;
        }
        if flip {
            let bit = self.dice.usize(0..bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        let mut due = at + self.plan.latency;
        if delay {
            due += Duration::from_millis(self.dice.u64(100..3_000));
        }
        let queue = match way {
            Way::Up => &mut line.up,
            Way::Down => &mut line.down,
        };
        // What is behind does not overtake.
        due = queue.back().map_or(due, |(last, _)| due.max(*last));
        if way == Way::Down {
            if let Some((_, mut before)) = line.merging.take() {
                before.extend_from_slice(&bytes);
                bytes = before;
            }
            if merge {
                line.merging = Some((at + Duration::from_millis(700), bytes));
                return;
            }
        }
        queue.push_back((due, bytes.clone()));
        if repeat {
            queue.push_back((due + Duration::from_millis(1), bytes));
        }
    }

    /// When something is next to be done, as the client's clock has it.
    fn due(&self, at: Duration, now: std::time::Instant) -> Option<Duration> {
        let line = self.line.as_ref()?;
        let meter = self
            .meter
            .poll_timeout()
            .map(|due| at + due.saturating_duration_since(now));
        let edges = (self.plan.episodes.iter()).flat_map(|it| [it.from, it.until]);
        let edge = edges.filter(|edge| *edge > at).min();
        let up = line.up.front().map(|(due, _)| *due);
        let down = line.down.front().map(|(due, _)| *due);
        let merging = line.merging.as_ref().map(|(due, _)| *due);
        // A meter that is behind its own time is asked again in a moment, not at once.
        let soon = at + Duration::from_micros(100);
        let times = [
            meter.map(|it| it.max(soon)),
            edge,
            up,
            down,
            merging,
            line.hung,
        ];
        times.into_iter().flatten().min()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Up,
    Down,
}

/// The client's end of a line.
pub struct Pipe {
    world: World,
    host: String,
    number: u64,
    timer: Pin<Box<Sleep>>,
    shut: bool,
    /// Closed with SO_LINGER 0.
    pub abort: bool,
}

impl AsyncRead for Pipe {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        loop {
            let next = {
                let mut inner = this.world.look();
                let inner = &mut *inner;
                let (at, now, began) = (inner.at(), inner.meter_now(), inner.began);
                let converter = inner.converters.get_mut(&this.host).unwrap();
                converter.pump(at, now, &this.host, &mut inner.log);
                let Some(line) = converter
                    .line
                    .as_mut()
                    .filter(|line| line.number == this.number)
                else {
                    return Poll::Ready(Ok(()));
                };
                if let Some((due, bytes)) = &line.merging
                    && *due <= at
                {
                    line.down.push_back((*due, bytes.clone()));
                    line.merging = None;
                }
                if line.state == State::Reset {
                    return Poll::Ready(Err(io::ErrorKind::ConnectionReset.into()));
                }
                if let Some((_, bytes)) = line.down.pop_front_if(|(due, _)| *due <= at) {
                    let taken = bytes.len().min(buf.remaining());
                    buf.put_slice(&bytes[..taken]);
                    if taken < bytes.len() {
                        line.down.push_front((at, bytes[taken..].to_vec()));
                    }
                    inner.log.add(at, &this.host, "received", buf.filled());
                    return Poll::Ready(Ok(()));
                }
                if line.state == State::Closed && line.down.is_empty() {
                    return Poll::Ready(Ok(()));
                }
                line.waker = Some(cx.waker().clone());
                converter.due(at, now).map(|due| began + due)
            };
            let Some(next) = next else {
                return Poll::Pending;
            };
            if this.timer.deadline() != next {
                this.timer.as_mut().reset(next);
            }
            if this.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

impl AsyncWrite for Pipe {
    fn poll_write(
        self: Pin<&mut Self>,
        _: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let this = self.get_mut();
        let mut inner = this.world.look();
        let inner = &mut *inner;
        let (at, now) = (inner.at(), inner.meter_now());
        let converter = inner.converters.get_mut(&this.host).unwrap();
        converter.pump(at, now, &this.host, &mut inner.log);
        inner.log.add(at, &this.host, "sent", bytes);
        let step = step(bytes);
        if step == Some(Step::Get)
            && asked(bytes).is_some_and(|obis| converter.polled.contains(&obis))
        {
            converter.first_get.get_or_insert(at);
        }
        let (mut cut, mut reset, mut hang) = (false, false, None);
        for episode in converter.plan.episodes.iter().filter(|it| it.covers(at)) {
            match episode.what {
                Trouble::Cable => cut = true,
                Trouble::Reset(which) if Some(which) == step => reset = true,
                Trouble::Hang(which) if Some(which) == step => hang = Some(episode.until),
                _ => {}
            }
        }
        let line = converter
            .line
            .as_mut()
            .filter(|line| line.number == this.number);
        let Some(line) = line.filter(|line| line.state == State::Open) else {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        };
        if reset {
            inner.log.add(at, &this.host, "reset", &[]);
            line.end(State::Reset);
            converter.meter.disconnected(now);
            return Poll::Ready(Ok(bytes.len()));
        }
        if hang.is_some() {
            line.hung = hang;
            line.spoiled = true;
        }
        if cut {
            line.spoiled = true;
        } else {
            converter.send(at, Way::Up, bytes.to_vec());
        }
        // Whoever waits to read may have something earlier to wait for now.
        if let Some(line) = &mut converter.line {
            line.wake();
        }
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        let this = self.get_mut();
        this.shut = true;
        let mut inner = this.world.look();
        let converter = inner.converters.get_mut(&this.host).unwrap();
        if let Some(line) = converter
            .line
            .as_mut()
            .filter(|line| line.number == this.number)
            && line.up.is_empty()
        {
            // FIN is answered with FIN.
            if line.state == State::Open {
                line.state = State::Closed;
            }
            line.wake();
        }
        Poll::Ready(Ok(()))
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        // A test that fails drops with the world held.
        let Ok(mut inner) = self.world.0.try_lock() else {
            return;
        };
        let inner = &mut *inner;
        let (at, now) = (inner.at(), inner.meter_now());
        let Some(converter) = inner.converters.get_mut(&self.host) else {
            return;
        };
        converter.held -= 1;
        converter.pump(at, now, &self.host, &mut inner.log);
        let cut =
            (converter.plan.episodes.iter()).any(|it| it.covers(at) && it.what == Trouble::Cable);
        let Some(line) = converter
            .line
            .as_mut()
            .filter(|line| line.number == self.number)
        else {
            return;
        };
        if self.abort {
            line.up.clear();
        }
        // What is on its way arrives before the FIN.
        for (_, bytes) in std::mem::take(&mut line.up) {
            let deaf = cut || line.hung.is_some() || !converter.power;
            if !deaf {
                line.said_disc |= step(&bytes) == Some(Step::Disc);
                converter.witness.heard(&bytes);
                converter.meter.handle_bytes(now, &bytes);
            }
            inner.log.add(at, &self.host, "heard last", &bytes);
        }
        let (clean, state) = (line.said_disc && !line.spoiled, line.state);
        converter.line = None;
        let how = match (self.abort, cut, state) {
            (true, ..) => "aborted",
            (_, true, _) => "left unheard",
            (_, _, State::Reset) => "left after a reset",
            _ => "left",
        };
        inner.log.add(at, &self.host, how, &[]);
        let (after_goodbye, after_none) = converter.plan.hold;
        converter.free_at = at
            + match how {
                "left" if clean => after_goodbye,
                "left unheard" => GHOST,
                _ => after_none,
            };
        converter.meter.disconnected(now);
        if clean && !self.abort {
            converter.released += 1;
            if converter.meter.is_associated(now) {
                inner.broken.push(format!(
                    "{at:?}: {} was let go and is still associated",
                    self.host
                ));
            }
        } else if !self.abort && !cut && state == State::Open && converter.power {
            // Closed in order but without a DISC that arrived whole: the meter may keep it until its time is over.
            inner.log.add(at, &self.host, "no goodbye", &[]);
        }
    }
}
