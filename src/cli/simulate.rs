//! `obiscope simulate`: meters for tests. Prints one JSON line per listener when it is ready, then serves until SIGTERM or
//! SIGINT; standard output carries nothing else.

use crate::simulator::profile::Profile;
use crate::simulator::server::{self, Running};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Serve simulated meters on the loopback interface until interrupted
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Loopback address to listen on; port 0 lets the system choose, any other is the first of consecutive ports
    #[arg(long, value_name = "ADDR:PORT", default_value = "127.0.0.1:0", value_parser = address)]
    listen: SocketAddr,
    /// How many meters
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    meters: u16,
    /// Seed of the first meter's serial number and load; each further meter takes the next
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// What kind of meter
    #[arg(long, value_enum, default_value_t = Kind::Microstar)]
    profile: Kind,
    /// How long each answer takes, such as 30ms
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = super::argument::time)]
    delay: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// The field meters: server address 1 in one byte, clients 1, 16, 17 and 32
    Microstar,
    /// Server address 1/17 in 1, 2 or 4 bytes, big windows and frames, clients 1, 16 and 17
    Generic,
}

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error(
        "{0} is not a loopback address: simulated meters know published passwords and are not for a network; \
         listen on 127.0.0.1 or [::1]"
    )]
    NotLoopback(SocketAddr),
    #[error(
        "{meters} meters from port {first} on would end beyond port 65535; try a lower port, or port 0"
    )]
    Ports { first: u16, meters: u16 },
    #[error("cannot listen on {address}: {source}")]
    Listen {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("cannot watch for signals: {0}")]
    Signals(io::Error),
    #[error("cannot write to standard output: {0}")]
    Output(io::Error),
}

impl Error {
    /// Wrong usage, or something failed.
    pub fn exit(&self) -> super::exit::ExitKind {
        match self {
            Self::NotLoopback(_) | Self::Ports { .. } => super::exit::ExitKind::Usage,
            Self::Listen { .. } | Self::Signals(_) | Self::Output(_) => {
                super::exit::ExitKind::Partly
            }
        }
    }
}

/// Serves until SIGTERM or SIGINT.
pub async fn run(args: Args, out: &mut dyn Write) -> Result<(), Error> {
    // Watched before the first line is printed: who reads it may interrupt us at once.
    let mut terminate = signal(SignalKind::terminate()).map_err(Error::Signals)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(Error::Signals)?;
    let stop = CancellationToken::new();
    let running = start(&args, &stop, out)?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    stop.cancel();
    for meter in running {
        meter.finished().await;
    }
    Ok(())
}

/// Starts all meters, then says where they are.
fn start(
    args: &Args,
    stop: &CancellationToken,
    out: &mut dyn Write,
) -> Result<Vec<Running>, Error> {
    if !args.listen.ip().is_loopback() {
        return Err(Error::NotLoopback(args.listen));
    }
    let first = args.listen.port();
    if first != 0 && first.checked_add(args.meters - 1).is_none() {
        return Err(Error::Ports {
            first,
            meters: args.meters,
        });
    }
    let clock = jiff::Timestamp::now();
    let mut running = Vec::with_capacity(args.meters.into());
    for index in 0..args.meters {
        let mut address = args.listen;
        if first != 0 {
            address.set_port(first + index);
        }
        let meter = server::serve(args.meter(index), address, clock, None, stop)
            .map_err(|source| Error::Listen { address, source })?;
        running.push(meter);
    }
    for meter in &running {
        let line = serde_json::json!({
            "listening": meter.address.to_string(),
            "meter": meter.name,
        });
        writeln!(out, "{line}").map_err(Error::Output)?;
    }
    out.flush().map_err(Error::Output)?;
    Ok(running)
}

fn address(text: &str) -> Result<SocketAddr, String> {
    text.parse()
        .map_err(|_| format!("{text:?} is not ADDR:PORT; write 127.0.0.1:0 or [::1]:4059"))
}

impl Args {
    fn meter(&self, index: u16) -> Profile {
        let seed = self.seed.wrapping_add(index.into());
        let (profile, kind) = match self.profile {
            Kind::Microstar => (Profile::microstar(seed), "microstar"),
            Kind::Generic => (Profile::generic(seed), "generic"),
        };
        profile
            .named(format!("{kind}-{:03}", index + 1))
            .delayed(self.delay)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Command {
        #[command(flatten)]
        args: Args,
    }

    fn args(line: &str) -> Result<Args, clap::Error> {
        let words = std::iter::once("simulate").chain(line.split_whitespace());
        Command::try_parse_from(words).map(|command| command.args)
    }

    fn lines(line: &str) -> (Vec<Running>, Vec<serde_json::Value>) {
        let mut out = Vec::new();
        let stop = CancellationToken::new();
        let running = start(&args(line).unwrap(), &stop, &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let values = text.lines().map(|line| serde_json::from_str(line).unwrap());
        (running, values.collect())
    }

    #[tokio::test]
    async fn one_line_a_meter() {
        let (running, lines) = lines("--meters 3 --profile generic --delay 5ms");
        assert_eq!(lines.len(), 3);
        for (meter, line) in running.iter().zip(&lines) {
            assert_eq!(line["listening"], meter.address.to_string());
            assert_eq!(line["meter"], meter.name);
            assert!(tokio::net::TcpStream::connect(meter.address).await.is_ok());
        }
        assert_eq!(running[2].name, "generic-003");
        let profile = running[2].meter.lock().unwrap().profile().clone();
        assert_eq!((profile.seed, profile.delay), (3, Duration::from_millis(5)));
    }

    #[tokio::test]
    async fn what_is_refused() {
        for (line, code, words) in [
            ("--listen 0.0.0.0:0", 2, "not a loopback address"),
            (
                "--listen 127.0.0.1:65535 --meters 2",
                2,
                "beyond port 65535",
            ),
        ] {
            let error = run(args(line).unwrap(), &mut Vec::new()).await.unwrap_err();
            assert_eq!(error.exit().code(), code);
            assert!(error.to_string().contains(words), "{error}");
        }
        for line in [
            "--listen nowhere",
            "--meters 0",
            "--delay soon",
            "--profile other",
            "--fault x",
        ] {
            assert!(args(line).is_err(), "{line}");
        }
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_named() {
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = taken.local_addr().unwrap();
        let error = run(
            args(&format!("--listen {address}")).unwrap(),
            &mut Vec::new(),
        )
        .await
        .unwrap_err();
        assert!(error.to_string().contains(&address.to_string()), "{error}");
    }
}
