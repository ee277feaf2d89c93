//! `obiscope bridge`: the meters read and published without a screen, until it is told to stop. The rule: however it is
//! told, every meter is released, and what could not be sent waits in the database for the next start.

mod status;
mod tell;

use super::data_dir::Places;
use super::exit::ExitKind;
use super::stop::asked_to_stop;
use super::workbench::runtime;
use super::{Failure, argument, logging, notify, open_files, saved};
use crate::headend::{Headend, Options, Scope};
use crate::meter::transport::Lines;
use crate::meter::{Clock, Definition};
use crate::store::Store;
use status::Status;
use std::io::{self, Write};
use std::sync::Arc;
use std::time::Duration;
use tell::Teller;
use tokio::time::{Instant, sleep_until};

#[derive(Debug, clap::Args)]
#[command(
    after_help = "It ends at SIGTERM, SIGINT or SIGHUP: the meters are released, what waits is sent for at most \
                  10 s, and the rest waits for the next start. A second signal ends it at once.\n\n\
                  Meters and brokers that are added, edited or removed meanwhile are taken up within seconds. \
                  assets/obiscope-bridge.service runs it under systemd."
)]
pub struct Args {
    /// Only these meters, also those that are switched off; all that are enabled unless given
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Status lines as JSON on standard output instead of words on stderr
    #[arg(long)]
    json: bool,
    /// How often to say how it goes: the status report in the log and on stderr, or a JSON line
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = often)]
    status_every: Duration,
}

/// Bytes of trace kept for each meter: nobody looks, but diagnoses need some.
const TRACE_BYTES: usize = 64 * 1024;
/// How long what waits may still be sent at the end.
const FLUSH: Duration = Duration::from_secs(10);

fn often(text: &str) -> Result<Duration, String> {
    let time = argument::time(text)?;
    let fits = (Duration::from_secs(1)..=Duration::from_hours(24)).contains(&time);
    let wrong = || format!("{text:?}: a status line every second to every day; write 60s");
    fits.then_some(time).ok_or_else(wrong)
}

pub fn run(args: &Args, places: &Places) -> Result<ExitKind, Failure> {
    let store = places.open_store()?;
    let _log = logging::start_aloud(&places.logs);
    runtime()?.block_on(async {
        let chosen = choose(args, &store).await;
        if let Err(failure) = chosen {
            store.close().await;
            return Err(failure);
        }
        bridge(args, store).await
    })
}

/// Whether there is anything to do.
async fn choose(args: &Args, store: &Store) -> Result<(), Failure> {
    let meters = store.meters().await?;
    if meters.is_empty() {
        return Err(Failure::usage(
            "there are no meters yet; for example: obiscope meter add house --host 192.168.1.20:3333 --publish lab",
        ));
    }
    for name in &args.names {
        store.meter_named(name).await.map_err(saved::Error::from)?;
    }
    let enabled = |meter: &Definition| meter.enabled;
    if args.names.is_empty() && !meters.iter().any(enabled) {
        let words = match meters.len() {
            1 => "the only meter is switched off".to_owned(),
            all => format!("all {all} meters are switched off"),
        };
        return Err(Failure::usage(&format!(
            "{words}; name those to start (obiscope bridge NAME…), or switch them on with obiscope meter edit"
        )));
    }
    Ok(())
}

async fn bridge(args: &Args, store: Store) -> Result<ExitKind, Failure> {
    // Before anything starts: whoever is told to stop early must stop too.
    let stop = tokio::spawn(asked_to_stop());
    let only = (!args.names.is_empty()).then(|| args.names.clone());
    let options = Options {
        store: store.clone(),
        connector: Arc::new(Lines),
        clock: Clock::System,
        seed: fastrand::u64(..),
        trace_bytes: TRACE_BYTES,
    };
    let scope = Scope {
        only,
        brokers: None,
        flush: FLUSH,
        report_every: Some(args.status_every),
    };
    let headend = match Headend::start_some(options, scope).await {
        Ok(headend) => headend,
        Err(error) => {
            store.close().await;
            return Err(error.into());
        }
    };
    open_files::tell(&headend, &store).await;
    let mut say = Say { json: args.json };
    say.status("start", &headend);
    notify::tell("READY=1");
    let mut teller = Teller::default();
    watch(args, &headend, &mut say, &mut teller, stop).await;
    notify::tell("STOPPING=1");
    tracing::info!("asked to stop: releasing the meters, sending what waits for at most 10 s");
    let again = asked_to_stop();
    tokio::select! {
        biased;
        () = headend.shutdown() => {}
        () = again => {
            tracing::warn!("asked twice: ended at once; what was not sent waits in the database");
            return Ok(ExitKind::Partly);
        }
    }
    // What happened on the way out, too.
    teller.tell(headend.take_changes());
    say.status("end", &headend);
    Ok(ExitKind::Done)
}

/// Until told to stop.
async fn watch(
    args: &Args,
    headend: &Headend,
    say: &mut Say,
    teller: &mut Teller,
    mut stop: tokio::task::JoinHandle<()>,
) {
    let mut next = Instant::now() + args.status_every;
    loop {
        tokio::select! {
            biased;
            _ = &mut stop => return,
            () = sleep_until(next) => {
                // Not the lines that were missed while the machine slept.
                next = Instant::now() + args.status_every;
                say.goes_on(headend);
            }
            () = headend.changed() => teller.tell(headend.take_changes()),
        }
    }
}

struct Say {
    json: bool,
}

impl Say {
    /// In between. In words the head-end's own report says it, in the log and on stderr.
    fn goes_on(&mut self, headend: &Headend) {
        if self.json {
            return self.status("status", headend);
        }
        let words = Status::of(headend).words();
        notify::tell(&format!("STATUS={}", words.lines().next().unwrap_or("")));
    }

    /// Nobody may be listening; the readings go on.
    fn status(&mut self, event: &str, headend: &Headend) {
        let status = Status::of(headend);
        let words = status.words();
        notify::tell(&format!("STATUS={}", words.lines().next().unwrap_or("")));
        if self.json {
            let mut out = io::stdout();
            let line = status.json(event, Clock::System.now());
            let _ = writeln!(out, "{line}").and_then(|()| out.flush());
            return;
        }
        let mut err = io::stderr();
        for line in words.lines() {
            let _ = writeln!(err, "obiscope bridge: {event}: {line}");
        }
    }
}
