//! `obiscope profile`: a profile's buffer as a table, for people, as CSV or as JSON, row by row as it comes. A lost
//! connection is made anew and goes on after the last row; a CSV file is whole or bears another name.

mod cursor;
mod fetch;
mod partial;
#[cfg(test)]
mod tests;
mod write;

pub(super) use write::quoted;

use super::Failure;
use super::exit::ExitKind;
use super::visit::{Door, Place, Purpose, find};
use crate::cosem::profile::CaptureObject;
use crate::cosem::{Obis, ScalerUnit};
use fetch::Fetching;
use partial::Asked;
use std::future::Future;
use std::io::Write;
use std::path::PathBuf;
use write::Output;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    /// The profile's OBIS code, for example 1-0:99.1.0
    pub obis: Obis,
    /// Rows from this time on, as the meter's clock shows it: 2026-11-20 or 2026-11-20T14:30
    #[arg(long, value_name = "TIME", value_parser = moment, requires = "to")]
    pub from: Option<jiff::civil::DateTime>,
    /// Rows up to this time, itself included
    #[arg(long, value_name = "TIME", value_parser = moment, requires = "from")]
    pub to: Option<jiff::civil::DateTime>,
    /// Only the newest N rows of the buffer
    #[arg(long, value_name = "N", conflicts_with_all = ["from", "to"], value_parser = clap::value_parser!(u32).range(1..))]
    pub last: Option<u32>,
    /// Write the table to this file as CSV; until it is whole it is named FILE.partial
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
    /// Go on with the FILE.partial of a read that broke off
    #[arg(long, requires = "csv", conflicts_with = "json")]
    pub resume: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

fn moment(text: &str) -> Result<jiff::civil::DateTime, String> {
    text.parse().map_err(|_| {
        "a time is written 2026-11-20 or 2026-11-20T14:30:00, as the meter's clock shows it"
            .to_owned()
    })
}

/// One column with what scales its numbers.
pub struct Column {
    pub object: CaptureObject,
    pub scaler_unit: Option<ScalerUnit>,
}

pub async fn run(
    args: &Args,
    door: &Door<'_>,
    stop: impl Future<Output = ()>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<ExitKind, Failure> {
    // The wrong way round is found out here, not by a meter that then gives nothing.
    if let Some((from, to)) = args.from.zip(args.to)
        && from > to
    {
        return Err(Failure::usage(&format!("--from {from} is after --to {to}")));
    }
    let found = find(Purpose::Read, &args.place, door).await?;
    // A file that cannot be written is found out before the meter is asked for a year of rows.
    let asked = Asked::of(args, &found.meter.name);
    let (output, saved) = Output::open(args, asked, out)?;
    let mut fetching = Fetching::new(args, output, saved, err);
    let done = found.persist(door, stop, &mut fetching).await;
    fetching.end(done)
}
