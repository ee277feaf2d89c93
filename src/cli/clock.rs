//! `obiscope clock`: the meter's time beside this computer's, and setting it when asked to. Meters differ in what their
//! deviation means; which reading of it was taken is always said.

use super::Failure;
use super::exit::ExitKind;
use super::visit::{Door, Place, Purpose, Trouble, ask, get, visit};
use crate::cosem::Data;
use crate::cosem::data::printable;
use crate::meter::drift::{Drift, TIME};
use crate::meter::session::Session;
use jiff::Timestamp;
use std::future::Future;
use std::io::Write;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    /// Set the meter's clock to this computer's
    #[arg(long)]
    pub sync: bool,
    /// Do not ask
    #[arg(long, requires = "sync")]
    pub yes: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

pub async fn run(
    args: &Args,
    door: &Door<'_>,
    stop: impl Future<Output = ()>,
    out: &mut dyn Write,
) -> Result<ExitKind, Failure> {
    let purpose = if args.sync {
        Purpose::Write
    } else {
        Purpose::Read
    };
    let (before, after) = visit(
        purpose,
        &args.place,
        door,
        stop,
        async |session: &mut Session, meter| {
            let (before, data) = read(session).await?;
            if !args.sync {
                return Ok((before, None));
            }
            let question = format!(
                "Set the clock of {} ({}) to this computer's?",
                meter.name,
                before.words()
            );
            if !args.yes && !ask(session, meter, &question).await? {
                return Ok((before, None));
            }
            let value = before.correction(&data, Timestamp::now());
            session.allow_writing();
            let written = session.set(TIME, &value).await?;
            written.map_err(|error| Trouble::refused("the clock was not set", error))?;
            Ok((before, Some(read(session).await?.0)))
        },
    )
    .await?;
    if args.json {
        let mut json = before.to_json();
        if let Some(after) = &after {
            json["after"] = after.to_json();
        }
        writeln!(out, "{json}")?;
    } else {
        writeln!(out, "{}", printable(&before.words()))?;
        if let Some(after) = &after {
            writeln!(out, "set: {}", printable(&after.words()))?;
        }
    }
    Ok(if args.sync && after.is_none() {
        ExitKind::Partly
    } else {
        ExitKind::Done
    })
}

async fn read(session: &mut Session) -> Result<(Drift, Data), Trouble> {
    let data = get(session, TIME).await?;
    let now = Timestamp::now();
    let data = data.map_err(|error| Trouble::refused("the clock", error))?;
    let drift = Drift::of(&data, now);
    let drift =
        drift.ok_or_else(|| Trouble::refused("the clock is no date-time", data.to_text()))?;
    Ok((drift, data))
}
