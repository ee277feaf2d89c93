//! `obiscope alarms`: what is wrong with the saved meters, and what was; somebody says that they know of it. The rule: an alarm
//! is acknowledged once, by name; what runs beside takes it up within seconds.

use super::argument::counted;
use super::history::{Moment, moment};
use super::saved::Error;
use super::table::Table;
use crate::cosem::data::printable;
use crate::meter::clock::rfc3339;
use crate::store::{Ack, Alarm, AlarmQuery, Store};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::io::Write;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Args {
    #[command(subcommand)]
    pub command: Option<Command>,
    /// Those that are over, too
    #[arg(long)]
    all: bool,
    /// Of this saved meter alone
    #[arg(long, value_name = "NAME")]
    meter: Option<String>,
    /// Last seen at this time or later: 2026-11-20T14:30:00+01:00, or 24h for so long ago
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Moment>,
    /// Print a JSON array
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Say that somebody knows of an alarm
    #[command(group(clap::ArgGroup::new("which").required(true)))]
    Ack {
        /// Its number
        #[arg(group = "which", value_name = "ID")]
        id: Option<i64>,
        /// All that stand and nobody has acknowledged
        #[arg(long, group = "which")]
        all: bool,
        /// Who
        #[arg(long, value_name = "NAME")]
        by: String,
        /// What is done about it
        #[arg(long, value_name = "TEXT", default_value = "")]
        note: String,
    },
}

/// More than are ever kept.
const MOST: usize = 1_000_000;

impl Args {
    /// Whether it leaves anything changed.
    pub fn changes(&self) -> bool {
        self.command.is_some()
    }
}

pub async fn run(
    args: &Args,
    store: &Store,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<(), Error> {
    match &args.command {
        None => list(args, store, now, out).await,
        Some(Command::Ack { id, by, note, .. }) => {
            let ack = Ack::new(by, note, now).map_err(Error::Input)?;
            let Some(id) = *id else {
                let done = store.acknowledge_alarms(ack).await?;
                let what = counted(done, "alarm", "alarms");
                writeln!(out, "{what} acknowledged by {by}")?;
                return Ok(());
            };
            let alarm = store.acknowledge_alarm(id, ack).await?;
            let (name, text) = (printable(&alarm.name), printable(&alarm.text));
            writeln!(out, "alarm {id} acknowledged by {by}: {name}: {text}")?;
            Ok(())
        }
    }
}

async fn list(
    args: &Args,
    store: &Store,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<(), Error> {
    let since =
        match args.since {
            None => None,
            Some(Moment::At(at)) => Some(at),
            Some(Moment::Ago(ago)) => Some(now.checked_sub(ago).map_err(|_| {
                Error::Input("--since: that is before any time there is".to_owned())
            })?),
        };
    let query = AlarmQuery {
        cleared: args.all,
        meter: args.meter.clone(),
        since,
        limit: MOST,
    };
    let alarms = store.alarms(query).await?;
    if let Some(name) = &args.meter
        && alarms.is_empty()
    {
        // A meter that was removed has alarms under its name; else it is a slip.
        store.meter_named(name).await?;
    }
    if args.json {
        let all: Vec<_> = alarms.iter().map(as_json).collect();
        writeln!(out, "{}", Value::Array(all))?;
        return Ok(());
    }
    if alarms.is_empty() {
        let what = if args.all {
            "there are no alarms"
        } else {
            "no alarm stands"
        };
        writeln!(out, "{what}")?;
        return Ok(());
    }
    let mut table = Table::new([true, false, false, false, false, true, false, false]);
    let heads = [
        "id",
        "severity",
        "meter",
        "cause",
        "last seen",
        "times",
        "state",
        "what",
    ];
    table.add(heads.map(str::to_owned));
    for alarm in &alarms {
        table.add([
            alarm.id.to_string(),
            alarm.severity.word().to_owned(),
            printable(&alarm.name),
            alarm.cause.clone(),
            local(alarm.last),
            alarm.count.to_string(),
            state(alarm),
            printable(&alarm.text),
        ]);
    }
    table.print(out)?;
    Ok(())
}

/// `stands`, `over since 12:30:07`, and who knows of it.
fn state(alarm: &Alarm) -> String {
    let mut words = match alarm.cleared {
        None => "stands".to_owned(),
        Some(at) => format!("over {}", local(at)),
    };
    if let Some(ack) = &alarm.acknowledged {
        words = format!("{words}, known to {}", printable(&ack.by));
        if !ack.note.is_empty() {
            words = format!("{words} ({})", printable(&ack.note));
        }
    }
    words
}

/// To the second, where this computer stands.
fn local(at: Timestamp) -> String {
    let here = at.to_zoned(jiff::tz::TimeZone::system());
    here.strftime("%Y-%m-%d %H:%M:%S").to_string()
}

fn as_json(alarm: &Alarm) -> Value {
    let ack = alarm.acknowledged.as_ref();
    json!({
        "id": alarm.id,
        "meter": alarm.meter.map(|_| &alarm.name),
        "key": alarm.key,
        "cause": alarm.cause,
        "severity": alarm.severity.word(),
        "text": alarm.text,
        "first": rfc3339(alarm.first),
        "last": rfc3339(alarm.last),
        "count": alarm.count,
        "value": alarm.value,
        "acknowledged": ack.map(|it| json!({
            "by": it.by,
            "note": it.note,
            "at": rfc3339(it.at),
        })),
        "cleared": alarm.cleared.map(rfc3339),
    })
}

#[cfg(test)]
mod tests;
