//! `obiscope scan`: where in this range does DLMS answer? The rule: it is polite. Few hosts at once, one connection to a
//! host, no password ever, nothing asked of a meter that another obiscope holds, and every connection ends in DISC and FIN.

mod add;
mod look;
mod saved;
mod show;

use super::exit::ExitKind;
use super::progress::Progress;
use super::{Failure, argument};
use crate::cosem::data::printable;
use crate::diagnosis::Finding;
use crate::meter::Clock;
use crate::meter::scan::{Hosts, Open, Port, Ports, Spoken, knock};
use crate::meter::transport::SharedConnector;
use crate::store::Store;
use saved::Saved;
use serde_json::Value;
use std::future::Future;
use std::io::Write;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a switch of the command line"
)]
pub struct Args {
    /// Hosts: 10.0.4.0/24, 10.0.4.10-10.0.4.40, 10.0.4.10-40 or one address
    #[arg(value_name = "CIDR|RANGE")]
    hosts: Hosts,
    /// Ports to ask on each host
    #[arg(long, value_name = "PORTS", default_value = "3333,4059,4061")]
    ports: Ports,
    /// Where DLMS answers or an open port is mute: the session of the public client, the ladder of addresses, and who it is
    #[arg(long)]
    probe: bool,
    /// How long to wait for a connection, and for each answer
    #[arg(long, value_name = "TIME", default_value = "2s", value_parser = argument::time)]
    timeout: Duration,
    /// Hosts asked at the same time, 1 to 512
    #[arg(long, value_name = "N", default_value = "32", value_parser = |text: &str| argument::whole::<u16>(text, 1, 512))]
    at_once: u16,
    /// Save what answers as new meters
    #[arg(long)]
    add: bool,
    /// Scan more than 65,536 hosts
    #[arg(long)]
    yes: bool,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

/// Longer waits for one host would make any scan endless.
const LONGEST_WAIT: Duration = Duration::from_secs(30);

/// One port and what is known of it.
#[derive(Debug)]
struct Seen {
    at: SocketAddr,
    port: Port,
    /// The saved meter of that place.
    saved: Option<String>,
    who: Who,
}

/// What a closer look brought.
#[derive(Debug, Default)]
struct Who {
    /// Key, as JSON, in words.
    identity: Vec<(&'static str, Value, String)>,
    findings: Vec<Finding>,
}

impl Seen {
    fn spoken(&self) -> Option<Spoken> {
        match self.port {
            Port::Open(Open::Dlms(spoken)) => Some(spoken),
            _ => None,
        }
    }

    /// Worth a line of its own.
    fn is_open(&self) -> bool {
        matches!(self.port, Port::Open(_) | Port::Held(_))
    }
}

/// What every host's task needs.
struct Job {
    connector: SharedConnector,
    ports: Vec<u16>,
    timeout: Duration,
    probe: bool,
    saved: Saved,
    seen: UnboundedSender<Seen>,
    stop: CancellationToken,
}

pub async fn run(
    args: &Args,
    store: &Store,
    connector: SharedConnector,
    stop: impl Future<Output = ()>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Result<ExitKind, Failure> {
    if let Some(why) = args.hosts.many().filter(|_| !args.yes) {
        return Err(Failure::usage(&why));
    }
    if args.timeout.is_zero() || args.timeout > LONGEST_WAIT {
        return Err(Failure::usage(
            "--timeout is how long one answer may take, above 0s and 30s at most; for example 2s",
        ));
    }
    let saved = Saved::of(&store.meters().await?).await;
    if !saved.unknown.is_empty() {
        let hosts = printable(&saved.unknown.join(", "));
        writeln!(
            err,
            "obiscope: no address known of saved hosts, whose meters may be shown as new: {hosts}"
        )?;
    }
    let (say, mut seen) = unbounded_channel();
    let job = Arc::new(Job {
        connector,
        ports: args.ports.0.clone(),
        timeout: args.timeout,
        probe: args.probe,
        saved,
        seen: say,
        stop: CancellationToken::new(),
    });
    let mut found: Vec<Seen> = Vec::new();
    let mut tally = show::Tally::new(args.hosts.count(), args.ports.0.len());
    let mut progress = Progress::new();
    let mut hosts = args.hosts.iter();
    let mut tasks = JoinSet::new();
    let mut stop = pin!(stop);
    let mut stopped = false;
    loop {
        while !stopped && tasks.len() < usize::from(args.at_once) {
            let Some(host) = hosts.next() else { break };
            tasks.spawn(ask(host, Arc::clone(&job)));
        }
        progress.show(err, &tally.words())?;
        tokio::select! {
            biased;
            // Whoever is being asked is still let go of properly; each wait is bounded.
            () = stop.as_mut(), if !stopped => {
                stopped = true;
                job.stop.cancel();
            }
            Some(one) = seen.recv() => {
                tally.count(&one);
                if one.is_open() {
                    found.push(one);
                }
            }
            done = tasks.join_next() => {
                if done.is_none() {
                    break;
                }
                tally.host();
            }
        }
    }
    while let Ok(one) = seen.try_recv() {
        tally.count(&one);
        if one.is_open() {
            found.push(one);
        }
    }
    progress.clear(err)?;
    found.sort_by_key(|one| one.at);
    // What was found is shown even where it cannot be saved.
    let added = if args.add {
        add::all(store, &mut found).await
    } else {
        Ok(add::Added::default())
    };
    if args.json {
        writeln!(out, "{}", show::to_json(&found, args.probe))?;
    } else {
        show::print(out, &found, args.probe)?;
        for line in added.iter().flat_map(|it| &it.lines) {
            writeln!(out, "{line}")?;
        }
    }
    for line in added.iter().flat_map(|it| &it.left) {
        writeln!(err, "obiscope: {line}")?;
    }
    if stopped {
        writeln!(err, "obiscope: stopped early; the rest was not asked")?;
    }
    writeln!(err, "obiscope: {}", tally.words())?;
    added?;
    Ok(if stopped {
        ExitKind::Partly
    } else if found.iter().any(|one| one.spoken().is_some()) {
        ExitKind::Done
    } else {
        ExitKind::Meter
    })
}

/// Port after port: several ports of one host may be one converter, which serves one client.
async fn ask(host: IpAddr, job: Arc<Job>) {
    for &port in &job.ports {
        if job.stop.is_cancelled() {
            return;
        }
        let at = SocketAddr::new(host, port);
        let mut seen = Seen {
            at,
            port: knock(host, port, &*job.connector, Clock::System, job.timeout).await,
            saved: job.saved.at(at).map(str::to_owned),
            who: Who::default(),
        };
        if let (Port::Open(open), true) = (&mut seen.port, job.probe) {
            seen.who = look::closer(at, open, &job.connector, job.timeout, &job.stop).await;
        }
        // Whoever listens has all the time there is.
        let _ = job.seen.send(seen);
    }
}
