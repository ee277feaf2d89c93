//! `obiscope simulate`: meters for tests. Prints one JSON line per listener when it is ready, then serves until SIGTERM or
//! SIGINT; standard output carries nothing else.

use crate::dlms::security::Protection;
use crate::dlms::security::hls::HlsMechanism;
use crate::simulator::clients::{Access, Client, SECRET, client_keys};
use crate::simulator::fault::{Fault, Kind as FaultKind, ROWS};
use crate::simulator::profile::{Profile, Transport};
use crate::simulator::server::{self, Running};
use std::io::{self, Write};
use std::net::SocketAddr;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Serve simulated meters on the loopback interface until interrupted
#[derive(Clone, Debug, clap::Args)]
#[command(after_help = CLIENTS)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
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
    /// What carries the APDUs
    #[arg(long, value_enum, default_value_t = Carrier::HdlcTcp)]
    transport: Carrier,
    /// HDLC only after the sign-on of IEC 62056-21 mode E
    #[arg(long)]
    mode_e: bool,
    /// Answer in general blocks wherever the client agreed to them, not only where it has no other way
    #[arg(long)]
    general_blocks: bool,
    /// Rows the load profile keeps
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=100_000))]
    rows: Option<u32>,
    /// At least so many objects
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=40_000))]
    objects: Option<u32>,
    /// Put this wrong in every meter, such as silent, late=8s or aare=1/13; may be given several times
    #[arg(long, value_name = "NAME[=ARG]", value_parser = fault)]
    fault: Vec<Fault>,
    /// Print every fault with an example, the diagnosis that names it and what it does, and end
    #[arg(long)]
    list_faults: bool,
    /// The list of faults as JSON
    #[arg(long, requires = "list_faults")]
    json: bool,
    /// Print the clients these meters know, with their published secrets, as JSON, and end
    #[arg(long)]
    list_clients: bool,
    /// How long each answer takes, such as 30ms
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = super::argument::time)]
    delay: Duration,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Kind {
    /// The field meters: server address 1 in one byte, clients 1, 16, 17 and 32
    Microstar,
    /// Server address 1/17 in 1, 2 or 4 bytes, big windows and frames, a client for every way to prove oneself and to cipher
    Generic,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Carrier {
    HdlcTcp,
    WrapperTcp,
    WrapperUdp,
}

const CLIENTS: &str = "\
Clients of the generic profile (the secret is 12345678 where one is needed):
   1  password 12345678          16  public           17  password 00000000
  35  HLS MD5      36  HLS SHA-1      37  HLS GMAC      38  HLS SHA-256
  39  HLS ECDSA, suite 1
  64  HLS GMAC, suite 0     \u{2502} these must authenticate
  65  HLS ECDSA, suite 1    \u{2502} and encrypt what they send
  66  HLS ECDSA, suite 2    \u{2502}
  67  HLS GMAC, suite 2     \u{2502}
  68  password, suite 0     \u{2502}
  69  HLS GMAC, suite 0, must authenticate     70  the same, must encrypt
Keys of suites 0 and 1: ek=000102030405060708090A0B0C0D0E0F ak=D0D1D2D3D4D5D6D7D8D9DADBDCDDDEDF;
all of them by --list-clients. The last invocation counter of suite N is in 0-0:43.1.N.255.";

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
    #[error("the sign-on of mode E comes before HDLC; leave out --mode-e or --transport {0}")]
    ModeE(&'static str),
    #[error("--fault {fault} needs {needs}; leave out --transport {transport}")]
    Fault {
        fault: Fault,
        needs: &'static str,
        transport: &'static str,
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
            Self::NotLoopback(_) | Self::Ports { .. } | Self::ModeE(_) | Self::Fault { .. } => {
                super::exit::ExitKind::Usage
            }
            Self::Listen { .. } | Self::Signals(_) | Self::Output(_) => {
                super::exit::ExitKind::Partly
            }
        }
    }
}

/// Serves until SIGTERM or SIGINT.
pub async fn run(args: Args, out: &mut dyn Write) -> Result<(), Error> {
    if args.list_faults {
        return list_faults(args.json, out).map_err(Error::Output);
    }
    if args.list_clients {
        let list = clients(&args.meter(0));
        return writeln!(out, "{list:#}").map_err(Error::Output);
    }
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
    if args.mode_e && args.transport != Carrier::HdlcTcp {
        return Err(Error::ModeE(args.transport.of_profile().name()));
    }
    for fault in &args.fault {
        if let Some(needs) = args.transport.lacks(fault.kind) {
            return Err(Error::Fault {
                fault: *fault,
                needs,
                transport: args.transport.of_profile().name(),
            });
        }
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
    // Some faults are about it.
    let transport = args.meter(0).transport;
    for meter in &running {
        let line = serde_json::json!({
            "listening": meter.address.to_string(),
            "meter": meter.name,
            "transport": transport.name(),
        });
        writeln!(out, "{line}").map_err(Error::Output)?;
    }
    out.flush().map_err(Error::Output)?;
    Ok(running)
}

/// One row for each way to be wrong.
fn list_faults(json: bool, out: &mut dyn Write) -> io::Result<()> {
    if json {
        let row = |row: &crate::simulator::fault::Row| {
            serde_json::json!({
                "name": row.name,
                "example": row.example,
                "finding": row.finding,
                "what": row.what,
            })
        };
        let list: serde_json::Value = ROWS.iter().map(row).collect();
        return writeln!(out, "{list}");
    }
    let mut table = super::table::Table::new([false; 3]);
    table.add(["FAULT".into(), "NAMED".into(), "WHAT".into()]);
    for row in ROWS {
        let name = row.example.map_or_else(
            || row.name.to_owned(),
            |example| format!("{}={example}", row.name),
        );
        table.add([name, row.finding.into(), row.what.into()]);
    }
    table.print(out)
}

fn fault(text: &str) -> Result<Fault, String> {
    text.parse()
        .map_err(|error: crate::simulator::fault::Unknown| error.to_string())
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
        let mut profile = profile
            .named(format!("{kind}-{:03}", index + 1))
            .delayed(self.delay)
            .over(self.transport.of_profile());
        if self.mode_e {
            profile = profile.with_mode_e();
        }
        if self.general_blocks {
            profile = profile.with_general_blocks();
        }
        if let Some(rows) = self.rows {
            profile = profile.with_rows(rows);
        }
        if let Some(least) = self.objects {
            profile = profile.with_objects(usize::try_from(least).unwrap_or(usize::MAX));
        }
        for fault in &self.fault {
            profile = profile.with_fault(*fault);
        }
        profile
    }
}

impl Carrier {
    const fn of_profile(self) -> Transport {
        match self {
            Self::HdlcTcp => Transport::HdlcTcp,
            Self::WrapperTcp => Transport::WrapperTcp,
            Self::WrapperUdp => Transport::WrapperUdp,
        }
    }

    /// What a fault needs that this cannot give it. Silently doing nothing would be worse than a refusal.
    fn lacks(self, kind: FaultKind) -> Option<&'static str> {
        if self != Self::HdlcTcp && kind.needs_hdlc() {
            Some("HDLC")
        } else if self == Self::WrapperUdp && kind.needs_tcp() {
            Some("a TCP connection")
        } else {
            None
        }
    }
}

/// What a client needs to be let in, in the words of the link options. The secrets are published ones.
fn clients(profile: &Profile) -> serde_json::Value {
    let title = profile.system_title().hex();
    let row = |client: &Client| {
        let auth = match &client.access {
            Access::Public => "none",
            Access::Password(_) => "lls",
            Access::Hls { mechanism, .. } => match mechanism {
                HlsMechanism::Md5 => "hls-md5",
                HlsMechanism::Sha1 => "hls-sha1",
                HlsMechanism::Gmac => "hls-gmac",
                HlsMechanism::Sha256 => "hls-sha256",
                HlsMechanism::Ecdsa => "hls-ecdsa",
            },
        };
        let secret = match &client.access {
            Access::Public => None,
            Access::Password(password) => Some(String::from_utf8_lossy(password.expose())),
            Access::Hls { mechanism, .. } => mechanism.needs_secret().then(|| SECRET.into()),
        };
        let security = client.security.as_ref();
        serde_json::json!({
            "client": client.sap,
            "auth": auth,
            "secret": secret,
            "suite": security.map(|security| security.suite.number()),
            "required": security.and_then(|it| it.required).map(|required| match required {
                Protection::Authentication => "auth",
                Protection::Encryption => "enc",
                Protection::Both => "auth-enc",
            }),
            "keys": security.map(|security| client_keys(security.suite)),
            "meter_title": title,
        })
    };
    profile.clients.iter().map(row).collect()
}

#[cfg(test)]
#[path = "simulate_tests.rs"]
mod tests;
