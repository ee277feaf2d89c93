//! `obiscope probe`: why does this meter not answer? The session once as it is set, then the ladder of addresses, then
//! what the bytes say, likeliest first. The rule: what it does stands on the screen before it is done.

use super::exit::ExitKind;
use super::visit::{Door, Found, Place, Purpose, find};
use super::{Failure, finding, probe_end, step};
use crate::cosem::data::printable;
use crate::diagnosis::Finding;
use crate::dlms::hdlc::{ClientAddress, ServerAddress};
use crate::headend::{KeepError, keep_working};
use crate::meter::known_good::KnownGood;
use crate::meter::probe::words::{self, hex};
use crate::meter::probe::{Kept, Options, Prober, Progress, Report, Step};
use crate::meter::{Clock, Definition};
use crate::store::Store;
use serde_json::{Value, json};
use std::future::Future;
use std::io::{self, BufRead, IsTerminal, Write};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::unbounded_channel;

#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
pub struct Args {
    #[command(flatten)]
    pub place: Place,
    /// First wait the meter's inactivity time, then ask again (Enter goes on at once)
    #[arg(long, conflicts_with = "step")]
    pub wait: bool,
    /// Hold the association idle for so long, then ask again: shows what ends idle sessions
    #[arg(long, value_name = "DURATION", conflicts_with = "step")]
    pub stay: Option<humantime::Duration>,
    /// Try all-station addresses too: only where one meter is on the line
    #[arg(long, conflicts_with = "step")]
    pub all_station: bool,
    /// Keep the address that worked with the saved meter
    #[arg(long, conflicts_with = "step")]
    pub save: bool,
    /// Show each step's bytes before they go, and ask
    #[arg(long, conflicts_with = "json")]
    pub step: bool,
    /// Print JSON
    #[arg(long)]
    pub json: bool,
}

pub async fn run(
    args: &Args,
    door: &Door<'_>,
    stop: impl Future<Output = ()>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<ExitKind, Failure> {
    let found = find(Purpose::Probe, &args.place, door).await?;
    if args.save && found.meter.id.0 == 0 {
        return Err(Failure::usage(
            "--save keeps what worked with a saved meter: add it first with `obiscope meter add`",
        ));
    }
    if let Some(owner) = &found.owner {
        let owner = printable(owner);
        writeln!(
            err,
            "obiscope: another obiscope ({owner}) reads the saved meters; a meter serves one client, stop it there first"
        )?;
    }
    let store = (door.open_store)()?;
    let done = probe(args, &found, &store, door, stop, out).await;
    store.close().await;
    done
}

async fn probe(
    args: &Args,
    found: &Found,
    store: &Store,
    door: &Door<'_>,
    stop: impl Future<Output = ()>,
    out: &mut dyn Write,
) -> Result<ExitKind, Failure> {
    let before = if args.save {
        Some(store.meter_named(&found.meter.name).await?)
    } else {
        None
    };
    let kept = kept(found, store).await;
    if args.step {
        return Box::pin(step::run(found, kept, door.connector, stop, out)).await;
    }
    let skip = args.wait.then(Arc::<Notify>::default);
    if let Some(skip) = skip.clone().filter(|_| io::stdin().is_terminal()) {
        // A thread of its own: nothing waits for it when the program is to end.
        std::thread::spawn(move || {
            let _ = io::stdin().lock().read_line(&mut String::new());
            skip.notify_one();
        });
    }
    let options = Options {
        wait: skip,
        all_station: args.all_station,
        confirmed: found.confirmed,
        accepted: args.place.accept_counter,
        stay: args.stay.map(Into::into),
    };
    let (say, mut said) = unbounded_channel();
    let (meter, tap) = (&found.meter, found.tap.clone());
    let mut prober = Prober::new(
        meter,
        door.connector,
        Clock::System,
        tap,
        kept,
        options,
        say,
    );
    let mut screen = Screen {
        terminal: io::stdout().is_terminal(),
        trying: String::new(),
        counting: 0,
        enter: args.wait,
    };
    let mut stopped = false;
    let mut written = Ok(());
    {
        let mut running = pin!(prober.run());
        let mut stop = pin!(stop);
        loop {
            tokio::select! {
                biased;
                () = stop.as_mut() => {
                    stopped = true;
                    break;
                }
                Some(progress) = said.recv() => {
                    if !args.json {
                        written = screen.show(out, &progress);
                    }
                    if written.is_err() {
                        break;
                    }
                }
                () = running.as_mut() => break,
            }
        }
    }
    let report = prober.end().await;
    written?;
    while let (Ok(progress), false) = (said.try_recv(), args.json) {
        screen.show(out, &progress)?;
    }
    let mut kept_address = Ok(());
    if args.save && !stopped {
        kept_address = keep(store, found, before, &report).await;
    }
    let target = if found.meter.id.0 == 0 {
        meter.endpoint()
    } else {
        printable(&meter.name)
    };
    if args.json {
        writeln!(out, "{}", to_json(&report, meter, &target))?;
    } else {
        screen.clear(out)?;
        probe_end::conclude(out, &report, meter, &target)?;
    }
    kept_address?;
    Ok(match report.working {
        _ if stopped => ExitKind::Partly,
        Some(_) => ExitKind::Done,
        None => ExitKind::Meter,
    })
}

async fn kept(found: &Found, store: &Store) -> Kept {
    let shared = Arc::new(store.clone());
    let known_good = if found.meter.id.0 == 0 {
        None
    } else {
        let notes = store.meter_notes(found.meter.id).await.unwrap_or_default();
        notes
            .last_good
            .and_then(|(at, link)| KnownGood::read(at, &link))
    };
    Kept {
        counters: found.counters.then(|| shared.clone() as _),
        attempts: shared,
        known_good,
    }
}

/// What worked becomes the meter's own address, whatever address the command line gave; `before` is the meter as it
/// was saved when the probe began.
async fn keep(
    store: &Store,
    found: &Found,
    before: Option<Definition>,
    report: &Report,
) -> Result<(), Failure> {
    let Some((working, before)) = report.working.zip(before) else {
        return Ok(());
    };
    let saved = store.meter_named(&found.meter.name).await?;
    let probed = Definition {
        client: before.client,
        server: before.server,
        ..found.meter.clone()
    };
    let at = jiff::Timestamp::now();
    match keep_working(store, saved, &probed, working, at).await {
        Ok(_) => Ok(()),
        Err(KeepError::Store(error)) => Err(error.into()),
        Err(error @ KeepError::Elsewhere(_)) => Err(Failure::usage(&printable(&error.to_string()))),
    }
}

/// What is seen of a probe while it runs.
struct Screen {
    /// A countdown is written over itself; a log gets a line now and then.
    terminal: bool,
    /// What comes next.
    trying: String,
    /// Characters of the countdown that stands on the last line.
    counting: usize,
    /// Enter ends the wait.
    enter: bool,
}

/// Seconds between two lines of a countdown in a log.
const SELDOM: u64 = 30;

impl Screen {
    fn show(&mut self, out: &mut dyn Write, progress: &Progress) -> io::Result<()> {
        match progress {
            Progress::Step(step) => {
                self.clear(out)?;
                let asked = step.asked.map_or_else(String::new, |(client, server)| {
                    format!("{} client {client}  ", hex(server))
                });
                let (name, outcome) = (step.step, step.outcome.name());
                let (took, words) = (span(step.took), printable(&step.words));
                writeln!(out, "{name:<7} {outcome:<8} {took:>9}  {asked}{words}")?;
            }
            Progress::Trying(words) => self.trying = printable(words),
            Progress::Waiting(left) => self.count(out, left.as_secs_f64().ceil())?,
        }
        out.flush()
    }

    fn count(&mut self, out: &mut dyn Write, left: f64) -> io::Result<()> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "whole seconds of a wait, never negative"
        )]
        let left = left as u64;
        let enter = if self.enter { " (Enter: at once)" } else { "" };
        let text = format!("wait    {left} s, then: {}", self.trying);
        if self.terminal {
            let text = format!("{text}{enter}");
            let length = text.chars().count();
            let rest = self.counting.saturating_sub(length);
            write!(out, "\r{text}{:rest$}", "")?;
            self.counting = length;
        } else if self.counting == 0 || left.is_multiple_of(SELDOM) {
            writeln!(out, "{text}")?;
            self.counting = 1;
        }
        Ok(())
    }

    /// The countdown is over.
    fn clear(&mut self, out: &mut dyn Write) -> io::Result<()> {
        let length = std::mem::take(&mut self.counting);
        if self.terminal && length > 0 {
            write!(out, "\r{:length$}\r", "")?;
        }
        Ok(())
    }
}

fn to_json(report: &Report, meter: &Definition, target: &str) -> Value {
    let address = |client: ClientAddress, server: ServerAddress| {
        json!({
            "client": client.sap(),
            "server": { "upper": server.upper(), "lower": server.lower(), "bytes": server.size() },
        })
    };
    let step = |step: &Step| {
        let mut value = json!({
            "step": step.step,
            "outcome": step.outcome.name(),
            "ms": u64::try_from(step.took.as_millis()).unwrap_or(u64::MAX),
            "words": step.words,
        });
        if let Some((client, server)) = step.asked {
            value["asked"] = address(client, server);
        }
        value
    };
    let working = report.working.map_or(Value::Null, |working| {
        let mut value = address(working.client, working.server);
        value["association"] = working.association.into();
        value["hex"] = hex(working.server).into();
        value
    });
    json!({
        "steps": report.steps.iter().map(step).collect::<Vec<_>>(),
        "working": working,
        "facts": report.facts,
        "notes": report.beside,
        "before": report.before,
        "next": words::command(report, meter, target),
        "left": words::offers(report, meter, target),
        "findings": report.findings.iter().map(|it: &Finding| finding::to_json(it)).collect::<Vec<_>>(),
    })
}

fn span(took: Duration) -> String {
    match took.as_millis() {
        ms @ 0..10_000 => format!("{ms} ms"),
        _ => format!("{:.1} s", took.as_secs_f64()),
    }
}
