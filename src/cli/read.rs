//! `obiscope read`: connect, read, print, release. Whatever ends it, the meter is released before it returns.

use super::Failure;
use super::argument;
use super::exit::ExitKind;
use super::finding;
use super::object_list::Kept;
use super::table::Table;
use super::visit::{Door, Place, Purpose, Trouble, find};
use crate::cosem::data::printable;
use crate::cosem::{Obis, ObjectSpec};
use crate::meter::judge::Judge;
use crate::meter::session::{Session, SessionError};
use crate::meter::{Definition, PolledObject, Reading};
use std::cell::Cell;
use std::future::Future;
use std::io::{self, Write};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
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
}

/// `stop` resolves when the program is asked to end; after a whole round of `--every` that is no failure.
pub async fn run(
    args: &Args,
    door: &Door<'_>,
    stop: impl Future<Output = ()>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<ExitKind, Failure> {
    let mut found = find(Purpose::Read, &args.place, door).await?;
    choose(&mut found.meter, &args.objects)?;
    // Classes known from an earlier visit need not be tried out.
    let listed = match Kept::find(door, &found.meter).await {
        Some(kept) => kept.as_it_is(),
        None => None,
    };
    let stopped = Cell::new(false);
    let stop = async {
        stop.await;
        stopped.set(true);
    };
    let judge = match args.every {
        Some(_) => Judge::new(&found.meter),
        None => Judge::at_once(&found.meter),
    };
    let mut report = Report::new(out, err, args.json, judge);
    let done = found
        .visit(door, stop, async |session: &mut Session, meter| {
            if let Some(list) = &listed {
                session.objects.listed(list);
            }
            rounds(session, meter, args, &mut report).await
        })
        .await;
    let rounds_done = args.every.is_some() && report.rounds > 0;
    match done {
        // Without --every there was one thing to do, and it was cut off.
        Err(_) if stopped.get() && !rounds_done => Ok(ExitKind::Partly),
        Err(failure) if !stopped.get() => Err(failure),
        _ if report.failed => Ok(ExitKind::Partly),
        _ => Ok(ExitKind::Done),
    }
}

async fn rounds(
    session: &mut Session,
    meter: &Definition,
    args: &Args,
    report: &mut Report<'_>,
) -> Result<(), Trouble> {
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

/// What is to be read: what was said, else what is polled of a saved meter.
fn choose(meter: &mut Definition, objects: &[ObjectSpec]) -> Result<(), Failure> {
    if !objects.is_empty() {
        meter.objects = objects.iter().map(polled).collect();
    }
    if meter.objects.is_empty() {
        let words = "say what to read, for example 1-1:32.7.0 or 8/0-0:1.0.0/2";
        return Err(Failure::usage(words));
    }
    Ok(())
}

fn polled(spec: &ObjectSpec) -> PolledObject {
    PolledObject::new(*spec, obis(*spec).key())
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
    judge: Judge,
    /// What stands of the values and was said.
    told: Vec<&'static str>,
}

impl<'a> Report<'a> {
    fn new(out: &'a mut dyn Write, err: &'a mut dyn Write, json: bool, judge: Judge) -> Self {
        Self {
            out,
            err,
            json,
            table: Table::new([false, false, true, false, false]),
            rounds: 0,
            failed: false,
            judge,
            told: Vec::new(),
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
        self.out.flush()?;
        self.doubts(readings)
    }

    /// What the values show to be wrong, for people: scripts have the values. Each is told once, and when it is over.
    fn doubts(&mut self, readings: &[Reading]) -> io::Result<()> {
        self.judge.cycle(readings);
        let found = self.judge.findings();
        let over: Vec<_> = (self.told.iter().copied())
            .filter(|id| !found.iter().any(|it| it.id == *id))
            .collect();
        for id in over {
            self.told.retain(|told| *told != id);
            writeln!(self.err, "{id}  no longer")?;
        }
        for finding in found {
            if !self.told.contains(&finding.id) {
                self.told.push(finding.id);
                finding::print(self.err, &finding)?;
            }
        }
        self.err.flush()
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

#[cfg(test)]
mod tests;
