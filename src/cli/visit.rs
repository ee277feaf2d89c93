//! One visit to a meter, as every one-shot command makes it: find the meter, connect, do the work, release. Whatever ends
//! the work, the meter is released before anything else is said.

use super::Failure;
use super::exit::ExitKind;
use super::link_options::LinkOptions;
use super::{argument, saved, target};
use crate::cosem::data::printable;
use crate::cosem::{AttributeRef, Data};
use crate::dlms::association::GetError;
use crate::meter::attempts::{Attempts, Credential};
use crate::meter::known_good::link_json;
use crate::meter::session::{Session, SessionError};
use crate::meter::tap::Tap;
use crate::meter::transport::Connector;
use crate::meter::{Clock, Definition};
use crate::store::{MeterNote, Store};
use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep, sleep_until};

/// The meter to visit, flattened into a command's arguments.
#[derive(Debug, clap::Args)]
pub struct Place {
    /// A saved meter's name, or HOST:PORT
    pub target: String,
    #[command(flatten)]
    pub link: LinkOptions,
    /// Show the meter a secret once more that it refused before, without asking
    #[arg(long, help_heading = "Link options")]
    pub try_again: bool,
    /// Go on from this invocation counter, which the meter named, though it is far above ours
    #[arg(long, value_name = "N", help_heading = "Link options")]
    pub accept_counter: Option<u32>,
    /// Where another obiscope holds the meter, wait up to so long until it lets go
    #[arg(long, value_name = "TIME", help_heading = "Link options", value_parser = argument::time)]
    pub when_free: Option<Duration>,
}

/// What a visit needs from the program around it.
pub struct Door<'a> {
    /// Called for a saved meter's name, and where something must be kept: counters, attempts with a secret.
    pub open_store: &'a dyn Fn() -> Result<Store, Failure>,
    pub connector: &'a dyn Connector,
}

/// Why the work at the meter ended before it was done.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    #[error("{0}")]
    Session(#[from] SessionError),
    /// The meter said no to what the command is about, or what it says makes no sense.
    #[error("{0}")]
    Refused(String),
    /// What was asked for does not fit this meter; nothing was sent for it.
    #[error("{0}")]
    Usage(String),
    #[error("output: {0}")]
    Output(#[from] io::Error),
    #[error("stopped before it was done")]
    Stopped,
}

impl Trouble {
    /// `what` was asked for and not given.
    pub fn refused(what: impl std::fmt::Display, why: impl std::fmt::Display) -> Self {
        Self::Refused(format!("{what}: {why}"))
    }

    fn into_failure(self, meter: &Definition) -> Failure {
        if let Self::Output(error) = &self {
            return Failure::output(error);
        }
        let kind = match &self {
            Self::Session(_) | Self::Refused(_) => ExitKind::Meter,
            Self::Usage(_) => ExitKind::Usage,
            Self::Output(_) | Self::Stopped => ExitKind::Partly,
        };
        let words = match &self {
            Self::Session(error) => format!("{error}\ntry: {}", error.advice(meter)),
            other => other.to_string(),
        };
        let lines: Vec<_> = words.lines().map(printable).collect();
        Failure {
            kind,
            words: lines.join("\n"),
        }
    }
}

/// Work that survives a lost connection: it is called again on a new session and goes on from where it was.
pub trait Errand {
    type Done;

    fn at_the_meter(
        &mut self,
        session: &mut Session,
        meter: &Definition,
    ) -> impl Future<Output = Result<Self::Done, Trouble>>;

    /// How much was done so far, in any unit that only grows: while it grows, the meter is worth coming back to.
    fn done_so_far(&self) -> u64;

    /// The connection was lost; this is said before the pause.
    fn lost(&mut self, words: &str);
}

/// Pauses before each attempt to come back. A meter may hold a lost link for a while, and one that restarts takes its time.
const PAUSES: [u64; 8] = [2, 5, 10, 20, 30, 60, 60, 60];

/// What a visit may do at the meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Read,
    /// A meter marked read-only is then not even connected to.
    Write,
    /// Nobody is asked before: where a secret was refused the prober does without.
    Probe,
}

/// A meter found and not yet spoken to.
pub struct Found {
    pub meter: Definition,
    /// Its invocation counters must be kept.
    pub(super) counters: bool,
    /// A refused secret may be shown once more.
    pub(super) confirmed: bool,
    /// An invocation counter that a person takes for true.
    pub(super) accepted: Option<u32>,
    /// Another obiscope that may be connected to it.
    pub(super) owner: Option<String>,
    pub(super) tap: Tap,
}

/// The meter as saved or as given, with the link options laid over it; its trace file is open. For work that writes,
/// only where writing is let.
pub async fn find(purpose: Purpose, place: &Place, door: &Door<'_>) -> Result<Found, Failure> {
    let (meter, owner) = target::find(&place.target, &place.link, || (door.open_store)()).await?;
    if let Some(why) = meter.why_read_only().filter(|_| purpose == Purpose::Write) {
        return Err(Failure::usage(&printable(&why)));
    }
    let tap = Tap::new(0);
    if let Some(path) = &place.link.trace {
        tap.record_to(path, &meter.name)
            .map_err(|error| Failure::usage(&format!("--trace {}: {error}", path.display())))?;
    }
    // Those of a system title made for this visit alone need not be kept.
    let chosen = meter.id.0 != 0 || place.link.security.system_title.is_some();
    let confirmed = match purpose {
        Purpose::Probe => place.try_again,
        Purpose::Read | Purpose::Write => may_show_secret(&meter, place.try_again, door).await?,
    };
    Ok(Found {
        counters: meter.security.is_some() && chosen,
        confirmed,
        accepted: place.accept_counter,
        meter,
        owner,
        tap,
    })
}

/// Asks, before anything is sent, where this secret was refused before. True: a person said that it may go.
async fn may_show_secret(
    meter: &Definition,
    try_again: bool,
    door: &Door<'_>,
) -> Result<bool, Failure> {
    let Some(who) = Credential::of(meter) else {
        return Ok(false);
    };
    if try_again {
        return Ok(true);
    }
    let store = (door.open_store)()?;
    let record = store.record(who).await;
    store.close().await;
    let record = record.map_err(|error| Failure {
        kind: ExitKind::Local,
        words: error.to_string(),
    })?;
    if !record.asks() {
        return Ok(false);
    }
    let words = record.words(meter);
    let question = format!("{}. Show it once more?", words.join("; "));
    if saved::asks_at_a_terminal() && saved::confirmed(&question)? {
        return Ok(true);
    }
    let words: Vec<_> = words.iter().map(|line| printable(line)).collect();
    Err(Failure {
        kind: ExitKind::Meter,
        words: format!(
            "nothing was sent: {}\ntry: another password, or the same once more with --try-again",
            words.join("\n")
        ),
    })
}

/// Finds, connects, works, releases.
pub async fn visit<T>(
    purpose: Purpose,
    place: &Place,
    door: &Door<'_>,
    stop: impl Future<Output = ()>,
    work: impl AsyncFnOnce(&mut Session, &Definition) -> Result<T, Trouble>,
) -> Result<T, Failure> {
    let found = find(purpose, place, door).await?;
    found.visit(door, stop, work).await
}

impl Found {
    /// Connects, works, releases.
    pub async fn visit<T>(
        &self,
        door: &Door<'_>,
        stop: impl Future<Output = ()>,
        work: impl AsyncFnOnce(&mut Session, &Definition) -> Result<T, Trouble>,
    ) -> Result<T, Failure> {
        let store = self.store(door)?;
        let done = self
            .once(door, store.as_ref(), self.confirmed, pin!(stop), work)
            .await;
        if let Some(store) = store {
            store.close().await;
        }
        done.map_err(|trouble| self.failure(trouble))
    }

    /// The same, coming back after a lost connection: politely, and no longer than it gets on.
    pub async fn persist<E: Errand>(
        &self,
        door: &Door<'_>,
        stop: impl Future<Output = ()>,
        errand: &mut E,
    ) -> Result<E::Done, Failure> {
        let store = self.store(door)?;
        let done = self.again(door, store.as_ref(), stop, errand).await;
        if let Some(store) = store {
            store.close().await;
        }
        done.map_err(|trouble| self.failure(trouble))
    }

    async fn again<E: Errand>(
        &self,
        door: &Door<'_>,
        store: Option<&Store>,
        stop: impl Future<Output = ()>,
        errand: &mut E,
    ) -> Result<E::Done, Trouble> {
        let mut stop = pin!(stop);
        let mut pauses = PAUSES.iter();
        let mut reached = false;
        loop {
            let before = errand.done_so_far();
            let done = self
                .once(
                    door,
                    store,
                    self.confirmed && !reached,
                    stop.as_mut(),
                    async |session, meter| {
                        reached = true;
                        errand.at_the_meter(session, meter).await
                    },
                )
                .await;
            let trouble = match done {
                Ok(done) => return Ok(done),
                Err(trouble) => trouble,
            };
            if errand.done_so_far() > before {
                pauses = PAUSES.iter();
            }
            let pause = match &trouble {
                Trouble::Session(error) if reached && error.may_come_back() => pauses.next(),
                _ => None,
            };
            let Some(pause) = pause else {
                return Err(trouble);
            };
            errand.lost(&printable(&format!("{trouble}; trying again in {pause} s")));
            tokio::select! {
                biased;
                () = stop.as_mut() => return Err(Trouble::Stopped),
                () = sleep(Duration::from_secs(*pause)) => {}
            }
        }
    }

    /// Where things are kept, if anything is: counters, attempts with a secret, what worked of a saved meter.
    fn store(&self, door: &Door<'_>) -> Result<Option<Store>, Failure> {
        let keeps = self.counters || self.meter.auth.shows_a_secret() || self.meter.id.0 != 0;
        keeps.then(|| (door.open_store)()).transpose()
    }

    async fn once<T>(
        &self,
        door: &Door<'_>,
        store: Option<&Store>,
        confirmed: bool,
        mut stop: Pin<&mut impl Future<Output = ()>>,
        work: impl AsyncFnOnce(&mut Session, &Definition) -> Result<T, Trouble>,
    ) -> Result<T, Trouble> {
        let mut no_ladder = |_, _| {};
        let (meter, tap) = (&self.meter, &self.tap);
        let connecting =
            Session::connect(meter, door.connector, Clock::System, tap, &mut no_ladder);
        let stream = tokio::select! {
            biased;
            () = stop.as_mut() => return Err(Trouble::Stopped),
            stream = connecting => stream?,
        };
        let mut session = Session::new(meter, stream, Clock::System, tap.clone())
            .with_accepted_counter(self.accepted);
        if let Some(store) = store {
            let kept = Arc::new(store.clone());
            session = session.with_attempts(kept.clone(), confirmed);
            if self.counters {
                session = session.with_counters(kept);
            }
        }
        let done = tokio::select! {
            biased;
            () = stop.as_mut() => Err(Trouble::Stopped),
            done = async {
                session.establish(&mut |_, _| {}).await?;
                if let Some(store) = store {
                    keep_good(store, meter, &session).await;
                }
                work(&mut session, meter).await
            } => done,
        };
        session.release().await;
        done
    }

    fn failure(&self, trouble: Trouble) -> Failure {
        let mut failure = trouble.into_failure(&self.meter);
        if failure.kind == ExitKind::Meter
            && let Some(owner) = &self.owner
        {
            let note = format!(
                "\nnote: another obiscope ({owner}) reads the saved meters, and a meter serves one client: \
                 stop this meter there first"
            );
            failure.words.push_str(&note);
        }
        failure
    }
}

/// What worked is remembered of a saved meter, if it was asked as it is saved.
async fn keep_good(store: &Store, meter: &Definition, session: &Session) {
    if meter.id.0 == 0 {
        return;
    }
    let saved = store.meter_named(&meter.name).await;
    if saved.is_ok_and(|saved| !saved.is_elsewhere(meter)) {
        let link = link_json(meter, session.settled());
        let at = jiff::Timestamp::now();
        // No visit fails for it.
        drop(
            store
                .note_meter(meter.id, MeterNote::Good { at, link })
                .await,
        );
    }
}

/// One attribute; a lost exchange gets one try to find the meter again on the same connection.
pub async fn get(
    session: &mut Session,
    attribute: AttributeRef,
) -> Result<Result<Data, GetError>, SessionError> {
    match session.get(attribute).await {
        Err(error) if error.may_resynchronise() => {
            session.establish(&mut |_, _| {}).await?;
            session.get(attribute).await
        }
        other => other,
    }
}

/// Asks a person on the terminal while the meter is kept from falling asleep.
pub async fn ask(
    session: &mut Session,
    meter: &Definition,
    question: &str,
) -> Result<bool, Trouble> {
    let (tell, told) = oneshot::channel();
    let question = printable(question);
    // A thread of its own: nothing waits for it when the program is to end.
    std::thread::spawn(move || {
        let _ = tell.send(saved::confirmed(&question));
    });
    let mut told = pin!(told);
    loop {
        let heard = session.last_received().unwrap_or_else(Instant::now);
        let alive = meter.keep_alive_after().map(|silence| heard + silence);
        tokio::select! {
            biased;
            answer = &mut told => return match answer {
                Ok(Ok(yes)) => Ok(yes),
                Ok(Err(error)) => Err(Trouble::Usage(error.to_string())),
                Err(_) => Err(Trouble::Stopped),
            },
            error = session.idle() => return Err(error.into()),
            () = async { sleep_until(alive.unwrap_or(heard)).await }, if alive.is_some() => {}
        }
        session.keep_alive().await?;
    }
}
