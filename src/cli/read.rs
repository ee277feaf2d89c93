//! `obiscope read`: connect, read, print, release. Whatever ends it, the meter is released before it returns.

use super::Failure;
use super::argument;
use super::complain;
use super::exit::ExitKind;
use super::link_options::LinkOptions;
use super::table::Table;
use super::target;
use super::visit::outlives_the_visit;
use crate::cosem::data::printable;
use crate::cosem::{Obis, ObjectSpec};
use crate::meter::session::{Session, SessionError};
use crate::meter::tap::Tap;
use crate::meter::transport::Connector;
use crate::meter::{Clock, Definition, PolledObject, Reading};
use crate::store::{Store, StoreError};
use std::future::Future;
use std::io::{self, Write};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A saved meter's name, or HOST:PORT
    pub target: String,
    /// OBIS codes (1-1:32.7.0) or CLASS/OBIS/ATTRIBUTE (3/1-1:32.7.0/2); without any, those of the saved meter
    #[arg(value_name = "OBJECT")]
    pub objects: Vec<ObjectSpec>,
    /// Read again after this time, until stopped
    #[arg(long, value_name = "TIME", value_parser = argument::time)]
    pub every: Option<Duration>,
    /// Stop after so many rounds
    #[arg(long, value_name = "N", requires = "every", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// Print JSON: an array, one a line with --every
    #[arg(long)]
    pub json: bool,
    #[command(flatten)]
    pub link: LinkOptions,
}

/// Why it ended before it was done.
enum End {
    Lost(SessionError),
    /// Nobody reads our output any more.
    Output(io::Error),
}

impl From<SessionError> for End {
    fn from(error: SessionError) -> Self {
        Self::Lost(error)
    }
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

/// `stop` resolves when the program is asked to end. The store is opened only for a saved meter's name.
pub async fn run(
    args: Args,
    open_store: impl Fn() -> Result<Store, StoreError>,
    connector: &dyn Connector,
    stop: impl Future<Output = ()>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> ExitKind {
    let (meter, owner) = match definition(&args, &open_store).await {
        Ok(found) => found,
        Err(failure) => return complain(err, failure.kind, &failure.words),
    };
    let counters = if outlives_the_visit(&meter, &args.link) {
        match open_store() {
            Ok(store) => Some(store),
            Err(error) => return complain(err, ExitKind::Local, &error.to_string()),
        }
    } else {
        None
    };
    let tap = Tap::new(0);
    if let Some(path) = &args.link.trace
        && let Err(error) = tap.record_to(path, &meter.name)
    {
        let words = format!("--trace {}: {error}", path.display());
        return complain(err, ExitKind::Usage, &words);
    }
    let mut stop = pin!(stop);
    let mut no_ladder = |_, _| {};
    let connecting = Session::connect(&meter, connector, Clock::System, &tap, &mut no_ladder);
    let stream = tokio::select! {
        biased;
        () = &mut stop => return ExitKind::Partly,
        stream = connecting => match stream {
            Ok(stream) => stream,
            Err(error) => return refused(err, &error, &meter, owner.as_deref()),
        },
    };
    let mut session = Session::new(&meter, stream, Clock::System, tap.clone());
    if let Some(counters) = counters {
        session = session.with_counters(Arc::new(counters));
    }
    let mut report = Report::new(out, err, args.json);
    let ended = tokio::select! {
        biased;
        () = &mut stop => None,
        ended = rounds(&mut session, &meter, &args, &mut report) => Some(ended),
    };
    session.release().await;
    match ended {
        Some(Err(End::Lost(error))) => refused(report.err, &error, &meter, owner.as_deref()),
        // Like other filters: a reader that has enough is no failure.
        Some(Err(End::Output(error))) if error.kind() == io::ErrorKind::BrokenPipe => {
            ExitKind::Done
        }
        Some(Err(End::Output(error))) => complain(
            report.err,
            ExitKind::Partly,
            &format!("standard output cannot be written: {error}"),
        ),
        // Without --every there was one thing to do, and it was cut off.
        None if args.every.is_none() || report.rounds == 0 => ExitKind::Partly,
        _ if report.failed => ExitKind::Partly,
        None | Some(Ok(())) => ExitKind::Done,
    }
}

async fn rounds(
    session: &mut Session,
    meter: &Definition,
    args: &Args,
    report: &mut Report<'_>,
) -> Result<(), End> {
    session.establish(&mut |_, _| {}).await?;
    let mut ticks = args.every.map(|every| {
        let mut ticks = interval(every.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        ticks
    });
    loop {
        if let Some(ticks) = &mut ticks {
            wait(session, meter, ticks).await?;
        }
        let mut readings = Vec::with_capacity(meter.objects.len());
        for object in &meter.objects {
            readings.push(patiently(session, object).await?);
        }
        report.round(&readings)?;
        if ticks.is_none() || args.count.is_some_and(|count| report.rounds >= count) {
            return Ok(());
        }
    }
}

/// One value; a lost exchange gets one try to find the meter again on the same connection.
async fn patiently(session: &mut Session, object: &PolledObject) -> Result<Reading, SessionError> {
    match session.read(object.spec, &object.key).await {
        Err(error) if error.may_resynchronise() => {
            session.establish(&mut |_, _| {}).await?;
            session.read(object.spec, &object.key).await
        }
        other => other,
    }
}

/// Until the next round, keeping the association alive and noticing when it ends.
async fn wait(
    session: &mut Session,
    meter: &Definition,
    ticks: &mut tokio::time::Interval,
) -> Result<(), SessionError> {
    loop {
        let heard = session.last_received().unwrap_or_else(Instant::now);
        let alive = meter.keep_alive_after().map(|silence| heard + silence);
        tokio::select! {
            biased;
            _ = ticks.tick() => return Ok(()),
            error = session.idle() => return Err(error),
            () = async { sleep_until(alive.unwrap_or(heard)).await }, if alive.is_some() => {}
        }
        session.keep_alive().await?;
    }
}

/// The meter with what is to be read of it; and, of a saved one, which other process may be connected to it.
async fn definition(
    args: &Args,
    open_store: impl FnOnce() -> Result<Store, StoreError>,
) -> Result<(Definition, Option<String>), Failure> {
    let (mut meter, owner) = target::find(&args.target, &args.link, open_store).await?;
    if !args.objects.is_empty() {
        meter.objects = args.objects.iter().map(polled).collect();
    }
    if meter.objects.is_empty() {
        let words = "say what to read, for example 1-1:32.7.0 or 8/0-0:1.0.0/2";
        return Err(Failure::usage(words));
    }
    Ok((meter, owner))
}

fn polled(spec: &ObjectSpec) -> PolledObject {
    PolledObject {
        spec: *spec,
        key: obis(*spec).key(),
    }
}

fn obis(spec: ObjectSpec) -> Obis {
    match spec {
        ObjectSpec::Value(obis) => obis,
        ObjectSpec::Attribute(attribute) => attribute.obis,
    }
}

/// Prints rounds and remembers how they went.
struct Report<'a> {
    out: &'a mut dyn Write,
    err: &'a mut dyn Write,
    json: bool,
    table: Table<5>,
    rounds: u64,
    failed: bool,
}

impl<'a> Report<'a> {
    fn new(out: &'a mut dyn Write, err: &'a mut dyn Write, json: bool) -> Self {
        Self {
            out,
            err,
            json,
            table: Table::new([false, false, true, false, false]),
            rounds: 0,
            failed: false,
        }
    }

    fn round(&mut self, readings: &[Reading]) -> io::Result<()> {
        self.rounds += 1;
        if self.json {
            let array: Vec<_> = readings.iter().map(Reading::to_json).collect();
            writeln!(self.out, "{}", serde_json::Value::Array(array))?;
        }
        for reading in readings {
            if let Err(error) = &reading.value {
                self.failed = true;
                let words = printable(&error.to_string());
                writeln!(self.err, "obiscope: {}: {words}", reading.attribute)?;
            } else if !self.json {
                self.table.add(row(reading));
            }
        }
        self.table.print(self.out)?;
        self.out.flush()
    }
}

fn row(reading: &Reading) -> [String; 5] {
    let obis = reading.obis();
    let unit = reading.scaler_unit.map_or("", |s| s.unit.symbol());
    let place = match reading.spec {
        ObjectSpec::Value(_) => format!("{obis:#}"),
        ObjectSpec::Attribute(attribute) => attribute.to_string(),
    };
    [
        obis.describe(),
        place,
        printable(
            &reading
                .decoded()
                .map_or_else(|| reading.text(), |d| d.to_text()),
        ),
        unit.to_owned(),
        crate::meter::clock::rfc3339(reading.at),
    ]
}

fn refused(
    err: &mut dyn Write,
    error: &SessionError,
    meter: &Definition,
    owner: Option<&str>,
) -> ExitKind {
    let mut words = format!("{error}\ntry: {}", error.advice(meter));
    if let Some(owner) = owner {
        let note = format!(
            "\nnote: another obiscope ({owner}) reads the saved meters, and a meter serves one client: \
             stop this meter there first"
        );
        words.push_str(&note);
    }
    complain(err, ExitKind::Meter, &words)
}

#[cfg(test)]
mod tests;
