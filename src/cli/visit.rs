//! One visit to a meter, as every one-shot command makes it: find the meter, connect, do the work, release. Whatever ends
//! the work, the meter is released before anything else is said.

use super::Failure;
use super::exit::ExitKind;
use super::link_options::LinkOptions;
use super::{saved, target};
use crate::cosem::data::printable;
use crate::cosem::{AttributeRef, Data};
use crate::dlms::association::GetError;
use crate::meter::session::{Session, SessionError};
use crate::meter::tap::Tap;
use crate::meter::transport::Connector;
use crate::meter::{Clock, Definition};
use crate::store::Store;
use std::future::Future;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::oneshot;
use tokio::time::{Instant, sleep_until};

/// The meter to visit, flattened into a command's arguments.
#[derive(Debug, clap::Args)]
pub struct Place {
    /// A saved meter's name, or HOST:PORT
    pub target: String,
    #[command(flatten)]
    pub link: LinkOptions,
}

/// What a visit needs from the program around it.
pub struct Door<'a> {
    /// Called only for a saved meter's name.
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
            words: lines.join("\nobiscope: "),
        }
    }
}

/// What a visit may do at the meter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Read,
    /// A meter marked read-only is then not even connected to.
    Write,
}

/// Finds, connects, works, releases; for work that writes, only where writing is let.
pub async fn visit_for<T>(
    purpose: Purpose,
    place: &Place,
    door: &Door<'_>,
    stop: impl Future<Output = ()>,
    work: impl AsyncFnOnce(&mut Session, &Definition) -> Result<T, Trouble>,
) -> Result<T, Failure> {
    let meter = definition(place, door).await?;
    if let Some(why) = meter.why_read_only().filter(|_| purpose == Purpose::Write) {
        return Err(Failure::usage(&printable(&why)));
    }
    call_on(meter, place, door, stop, work).await
}

/// Whether the invocation counters must be kept: those of a system title made for this visit alone need not.
pub fn outlives_the_visit(meter: &Definition, link: &LinkOptions) -> bool {
    let chosen = meter.id.0 != 0 || link.security.system_title.is_some();
    meter.security.is_some() && chosen
}

/// A visit that only reads.
pub async fn visit<T>(
    place: &Place,
    door: &Door<'_>,
    stop: impl Future<Output = ()>,
    work: impl AsyncFnOnce(&mut Session, &Definition) -> Result<T, Trouble>,
) -> Result<T, Failure> {
    visit_for(Purpose::Read, place, door, stop, work).await
}

async fn call_on<T>(
    meter: Definition,
    place: &Place,
    door: &Door<'_>,
    stop: impl Future<Output = ()>,
    work: impl AsyncFnOnce(&mut Session, &Definition) -> Result<T, Trouble>,
) -> Result<T, Failure> {
    let counters = if outlives_the_visit(&meter, &place.link) {
        Some((door.open_store)()?)
    } else {
        None
    };
    let tap = Tap::new(0);
    if let Some(path) = &place.link.trace {
        record(&tap, path, &meter)?;
    }
    let mut stop = pin!(stop);
    let mut no_ladder = |_, _| {};
    let connecting = Session::connect(&meter, door.connector, Clock::System, &tap, &mut no_ladder);
    let stream = tokio::select! {
        biased;
        () = &mut stop => Err(Trouble::Stopped),
        stream = connecting => stream.map_err(Trouble::from),
    };
    let stream = stream.map_err(|trouble| trouble.into_failure(&meter))?;
    let mut session = Session::new(&meter, stream, Clock::System, tap.clone());
    if let Some(counters) = &counters {
        session = session.with_counters(Arc::new(counters.clone()));
    }
    let done = tokio::select! {
        biased;
        () = &mut stop => Err(Trouble::Stopped),
        done = async {
            session.establish(&mut |_, _| {}).await?;
            work(&mut session, &meter).await
        } => done,
    };
    session.release().await;
    if let Some(counters) = counters {
        counters.close().await;
    }
    done.map_err(|trouble| trouble.into_failure(&meter))
}

fn record(tap: &Tap, path: &Path, meter: &Definition) -> Result<(), Failure> {
    tap.record_to(path, &meter.name)
        .map_err(|error| Failure::usage(&format!("--trace {}: {error}", path.display())))
}

/// The meter as saved or as given, with the link options laid over it.
async fn definition(place: &Place, door: &Door<'_>) -> Result<Definition, Failure> {
    let (mut meter, _owner) =
        target::find(&place.target, &place.link, || (door.open_store)()).await?;
    // What it polls is no matter here.
    meter.objects.clear();
    Ok(meter)
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
