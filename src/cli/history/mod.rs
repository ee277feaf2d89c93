//! `obiscope history`: what was read of a saved meter, as a table, CSV or JSON lines; what went over its wire; and what is kept
//! how long. The rule: values are given as they are kept, and a file is written whole or not at all.

mod choose;
mod keep;
#[cfg(test)]
mod tests;
mod write;

use super::Failure;
use super::argument;
use super::exit::ExitKind;
use crate::meter::document::{self, SaveError};
use crate::store::{Recorded, Store, Track};
pub(super) use choose::{Moment, moment};
use choose::{Span, every};
use jiff::Timestamp;
use std::io::{self, Write};
use std::path::PathBuf;
use std::time::Duration;
use write::{Form, Output};

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[expect(clippy::struct_excessive_bools, reason = "flags of a command line")]
pub struct Args {
    #[command(subcommand)]
    pub keep: Option<Command>,
    /// A saved meter
    #[arg(required = true, value_name = "NAME")]
    pub target: Option<String>,
    /// Keys or OBIS codes of what was read; all of it unless given
    #[arg(value_name = "OBJECT")]
    pub objects: Vec<String>,
    /// From this time on: 2026-11-20T14:30:00+01:00, or 24h for so long ago
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = moment)]
    pub from: Moment,
    /// Up to this time, itself not included
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = moment)]
    pub to: Moment,
    /// One line for each such time, with lowest, mean and highest; raw: each reading
    #[arg(long, value_name = "TIME|raw", default_value = "raw", value_parser = every)]
    pub every: choose::Every,
    /// What went over the wire instead, a row a minute
    #[arg(long, conflicts_with_all = ["objects", "every"])]
    pub network: bool,
    /// Print CSV
    #[arg(long, conflicts_with = "json")]
    pub csv: bool,
    /// Print JSON, one object a line
    #[arg(long)]
    pub json: bool,
    /// Write to this file, whole or not at all; CSV unless --json is given
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Replace the file if there is one
    #[arg(long, requires = "output")]
    pub force: bool,
}

#[derive(Debug, clap::Subcommand)]
pub enum Command {
    /// Show what is kept and how long, or change it
    Keep(keep::Args),
}

/// Lines of network figures fetched together.
const MINUTES: usize = 10_000;
/// Steps fetched together.
const STEPS: u32 = 2_000;

pub async fn run(
    args: &Args,
    store: &Store,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<ExitKind, Failure> {
    if let Some(Command::Keep(args)) = &args.keep {
        return keep::run(args, store, now, out).await;
    }
    let meter = choose::meter(store, args.target.as_deref().unwrap_or_default()).await?;
    let span = choose::span(args.from, args.to, now)?;
    let form = match (args.json, args.csv || args.output.is_some()) {
        (true, _) => Form::Json,
        (false, true) => Form::Csv,
        (false, false) => Form::Table,
    };
    let tracks = if args.network {
        Vec::new()
    } else {
        choose::tracks(&meter.name, store.tracks(meter.id).await?, &args.objects)?
    };
    let Some(path) = &args.output else {
        let mut output = Output::new(form, out);
        give(args, store, &meter, span, &tracks, &mut output).await?;
        return Ok(ExitKind::Done);
    };
    let exists = || {
        let path = path.display();
        Failure::usage(&format!("{path} exists already: --force replaces it"))
    };
    if !args.force && path.symlink_metadata().is_ok() {
        return Err(exists());
    }
    // Beside its place first; only what came to its end takes the name.
    let mut spool = document::spool(&mut io::empty())?;
    let mut buffered = io::BufWriter::new(&mut spool);
    let mut output = Output::new(form, &mut buffered);
    give(args, store, &meter, span, &tracks, &mut output).await?;
    drop(buffered);
    io::Seek::rewind(&mut spool)?;
    document::save(path, args.force, |file| {
        io::copy(&mut spool, file).map(|_| ())
    })
    .map_err(|error| match error {
        SaveError::Exists(_) => exists(),
        error @ SaveError::Write { .. } => Failure {
            kind: ExitKind::Partly,
            words: error.to_string(),
        },
    })?;
    Ok(ExitKind::Done)
}

async fn give(
    args: &Args,
    store: &Store,
    meter: &crate::meter::Definition,
    span: Span,
    tracks: &[Track],
    output: &mut Output<'_>,
) -> Result<(), Failure> {
    if args.network {
        let mut from = span.from;
        loop {
            let rows = store.network(meter.id, from, span.to, MINUTES).await?;
            for row in &rows {
                output.traffic(row)?;
            }
            match rows.last() {
                Some(last) if rows.len() == MINUTES => {
                    from = last.at + Duration::from_millis(1);
                }
                _ => break,
            }
        }
    } else if let choose::Every::Step(width) = args.every {
        for track in tracks {
            let mut from = span.from;
            while from < span.to {
                let to = from
                    .saturating_add(width.saturating_mul(STEPS))
                    .unwrap_or(span.to);
                // Whole steps, or the next part would give the same one again.
                let to = choose::floor(to, width).max(from).min(span.to);
                let series = (store)
                    .history_steps(meter.id, &track.key, from, to, width)
                    .await?;
                for point in &series.points {
                    output.point(track, &series, point)?;
                }
                if to <= from {
                    break;
                }
                from = to;
            }
        }
    } else {
        let keys: Vec<String> = tracks.iter().map(|it| it.key.clone()).collect();
        let mut after = None;
        loop {
            let page = (store)
                .recorded(meter.id, keys.clone(), span.from, span.to, after)
                .await?;
            for reading in &page.readings {
                if tracks.iter().any(|track| is_of(reading, track)) {
                    output.reading(reading)?;
                }
            }
            output.flush()?;
            after = page.next;
            if after.is_none() {
                break;
            }
        }
    }
    Ok(output.end()?)
}

fn is_of(reading: &Recorded, track: &Track) -> bool {
    (
        &reading.key,
        reading.class,
        &reading.obis,
        reading.attribute,
    ) == (&track.key, track.class, &track.obis, track.attribute)
}

/// For `--age` and the like: `400d`.
fn age(text: &str) -> Result<Duration, String> {
    argument::time(text).map_err(|_| format!("{text:?} is no time; write 400d or 12h"))
}
