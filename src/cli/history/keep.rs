//! `obiscope history keep`: how long what is kept, and what it takes. The rule: what would keep next to nothing is refused, and
//! what is too much goes at once, old rows first, while the rest runs on.

use super::super::Failure;
use super::super::argument::counted;
use super::super::exit::ExitKind;
use super::super::table::Table;
use super::age;
use crate::store::{Held, Keep, Store};
use jiff::Timestamp;
use serde_json::json;
use std::io::Write;
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Readings as they were read; 400d unless set
    #[arg(long, value_name = "TIME", value_parser = age)]
    pub age: Option<Duration>,
    /// Lowest, mean and highest of each minute; 2 years unless set
    #[arg(long, value_name = "TIME", value_parser = age)]
    pub minute_age: Option<Duration>,
    /// The same of each quarter of an hour; 10 years unless set. Those of three hours and a day stay while there is room
    #[arg(long, value_name = "TIME", value_parser = age)]
    pub quarter_age: Option<Duration>,
    /// What went over the wire; 90d unless set
    #[arg(long, value_name = "TIME", value_parser = age)]
    pub network_age: Option<Duration>,
    /// Rows over all meters: one holds all values of a cycle
    #[arg(long, value_name = "N")]
    pub rows: Option<u64>,
    /// Room over all meters, about: 500MB, 2GB
    #[arg(long, value_name = "SIZE", value_parser = size)]
    pub bytes: Option<u64>,
    /// Print one JSON object
    #[arg(long)]
    pub json: bool,
}

pub(super) fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("{text:?} is no size; write 500MB or 2GB");
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let number: u64 = digits.trim().parse().map_err(|_| wrong())?;
    let unit = match text
        .get(digits.len()..)
        .unwrap_or_default()
        .to_ascii_uppercase()
        .as_str()
    {
        "" | "B" => 1,
        "KB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        "KIB" => 1 << 10,
        "MIB" => 1 << 20,
        "GIB" => 1 << 30,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit).ok_or_else(wrong)
}

pub(super) async fn run(
    args: &Args,
    store: &Store,
    now: Timestamp,
    out: &mut dyn Write,
) -> Result<ExitKind, Failure> {
    let before = store.keep().await?;
    let keep = Keep {
        age: args.age.unwrap_or(before.age),
        minute_age: args.minute_age.unwrap_or(before.minute_age),
        quarter_age: args.quarter_age.unwrap_or(before.quarter_age),
        network_age: args.network_age.unwrap_or(before.network_age),
        rows: args.rows.unwrap_or(before.rows),
        bytes: args.bytes.unwrap_or(before.bytes),
    };
    let mut gone = 0;
    if keep != before {
        store.set_keep(keep).await.map_err(|error| {
            if error.is_request() {
                Failure::usage(&error)
            } else {
                error.into()
            }
        })?;
        gone = store.tidy(now).await?;
    }
    let held = store.held().await?;
    if args.json {
        let age = |age: Duration| humantime::format_duration(age).to_string();
        let of = |it: &Held| json!({ "what": name(it.step), "rows": it.rows, "bytes": it.bytes });
        let object = json!({
            "age": age(keep.age),
            "minute_age": age(keep.minute_age),
            "quarter_age": age(keep.quarter_age),
            "network_age": age(keep.network_age),
            "rows": keep.rows,
            "bytes": keep.bytes,
            "removed": gone,
            "held": held.iter().map(of).collect::<Vec<_>>(),
        });
        writeln!(out, "{object}")?;
        return Ok(ExitKind::Done);
    }
    let mut table = Table::new([false, false, true, true]);
    table.add(["", "kept", "rows", "bytes"].map(str::to_owned));
    for it in &held {
        let kept = match it.step {
            0 => Some(keep.age),
            60 => Some(keep.minute_age),
            900 => Some(keep.quarter_age),
            -60 => Some(keep.network_age),
            _ => None,
        };
        let kept = kept.map_or("while there is room".to_owned(), |age| {
            humantime::format_duration(age).to_string()
        });
        table.add([
            name(it.step).to_owned(),
            kept,
            it.rows.to_string(),
            it.bytes.to_string(),
        ]);
    }
    let (rows, bytes) = (keep.rows.to_string(), keep.bytes.to_string());
    table.add(["at most".to_owned(), String::new(), rows, bytes]);
    table.print(out)?;
    if gone > 0 {
        writeln!(out, "{} removed", counted(gone, "row", "rows"))?;
    }
    Ok(ExitKind::Done)
}

fn name(step: i64) -> &'static str {
    match step {
        0 => "readings",
        60 => "minutes",
        900 => "quarters of an hour",
        10_800 => "three hours",
        86_400 => "days",
        _ => "network",
    }
}
