//! `obiscope profile`: a profile's buffer as a table, for people, as CSV or as JSON. How far it is stands on stderr; a
//! profile read in parts goes on where a lost exchange stopped it.

mod fetch;
mod write;

use super::Failure;
use super::exit::ExitKind;
use super::visit::{Door, Place, visit};
use crate::cosem::profile::CaptureObject;
use crate::cosem::{Data, Obis, ScalerUnit};
use crate::meter::session::Session;
use std::fs::File;
use std::future::Future;
use std::io::{BufWriter, Write};
use std::path::PathBuf;

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
    /// Write the table to this file as CSV
    #[arg(long, value_name = "FILE")]
    pub csv: Option<PathBuf>,
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

pub struct Profile {
    pub columns: Vec<Column>,
    pub rows: Vec<Vec<Data>>,
}

pub async fn run(
    args: &Args,
    door: &Door<'_>,
    stop: impl Future<Output = ()>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<ExitKind, Failure> {
    // A file that cannot be written is found out before the meter is asked for a year of rows.
    let csv = args.csv.as_ref().map(|path| {
        File::create(path)
            .map(BufWriter::new)
            .map_err(|error| Failure::usage(&format!("--csv {}: {error}", path.display())))
    });
    let csv = csv.transpose()?;
    let profile = visit(&args.place, door, stop, async |session: &mut Session, _| {
        fetch::profile(session, args, err).await
    })
    .await?;
    match csv {
        Some(mut file) => {
            write::csv(&profile, &mut file)?;
            file.flush()?;
            if args.json {
                write::json(&profile, out)?;
            }
        }
        None if args.json => write::json(&profile, out)?,
        None => write::table(&profile, out)?,
    }
    Ok(ExitKind::Done)
}
