//! `obiscope demo`: simulated meters, an embedded broker and the screen on top. Nothing is
//! installed for it and nothing saved is touched.

use super::Failure;
use super::exit::ExitKind;
use super::workbench::{require_terminal, runtime, show};
use crate::cosem::{Obis, ObjectSpec};
use crate::dlms::security::Secret;
use crate::headend::{Headend, Options};
use crate::meter::definition::FieldError;
use crate::meter::{Clock, Definition, PolledObject, transport::Lines};
use crate::simulator::broker::{self, Behaviour};
use crate::simulator::profile::Profile;
use crate::simulator::server::{self, Schedule};
use crate::store::{BrokerDefinition, Dialect, Store};
use crate::tui::run::Setup;
use jiff::Timestamp;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio_util::sync::CancellationToken;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// How many simulated meters
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u16).range(1..=1000))]
    meters: u16,
    /// Decides every random choice; the same seed and clock give the same picture
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Wall-clock time at start, e.g. 2026-11-20T14:32:00Z; without it, now
    #[arg(long, value_name = "RFC3339")]
    clock: Option<Timestamp>,
}

const TRACE_BYTES: usize = 256 * 1024;
const FREE_PORT: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

pub fn run(args: &Args) -> Result<ExitKind, Failure> {
    require_terminal()?;
    runtime()?.block_on(async {
        let stop = CancellationToken::new();
        // Everything simulated ends with this function, however it is left.
        let _stop = stop.clone().drop_guard();
        let clock = match args.clock {
            Some(base) => Clock::From {
                base,
                at: tokio::time::Instant::now(),
            },
            None => Clock::System,
        };
        let store = Store::in_memory()?;
        let mut broker = broker::start(FREE_PORT, Behaviour::default(), stop.clone()).await?;
        // The demo's broker has no other reader; what arrives is let go.
        tokio::spawn(async move { while broker.received.recv().await.is_some() {} });
        store
            .save_broker(lab(broker.address).map_err(|error| Failure::usage(&error))?)
            .await?;
        // A meter serves as long as its handle lives.
        let mut running = Vec::new();
        for number in 0..args.meters {
            let cast = cast(number, args.seed);
            let meter = server::serve(
                cast.profile.clone(),
                FREE_PORT,
                clock.now(),
                cast.schedule,
                &stop,
            )?;
            store.save_meter(cast.definition(meter.address)).await?;
            running.push(meter);
        }
        let headend = Headend::start(Options {
            store,
            connector: Arc::new(Lines),
            clock,
            seed: args.seed,
            trace_bytes: TRACE_BYTES,
        })
        .await?;
        show(Setup {
            headend: Some(headend),
            replay: None,
            clock,
            demo: true,
            about: vec![("demo".into(), "simulated meters; nothing is saved".into())],
            files: std::env::temp_dir(),
        })
        .await
    })
}

fn lab(address: SocketAddr) -> Result<BrokerDefinition, FieldError> {
    let url = format!("mqtt://{address}");
    let lab = BrokerDefinition::new("lab", &url, Dialect::Json)?;
    Ok(BrokerDefinition {
        client_id: "obiscope-demo".into(),
        ..lab
    })
}

fn polled(code: Obis) -> PolledObject {
    PolledObject::new(ObjectSpec::Value(code), code.key())
}

/// What is read from a meter that is no Microstar.
const FEEDER: [Obis; 6] = [
    Obis::new(1, 0, 32, 7, 0, 255),
    Obis::new(1, 0, 31, 7, 0, 255),
    Obis::new(1, 0, 1, 7, 0, 255),
    Obis::new(1, 0, 13, 7, 0, 255),
    Obis::new(1, 0, 14, 7, 0, 255),
    Obis::new(1, 0, 1, 8, 0, 255),
];

/// Of the voltage, which is read first.
const MICROSTAR_LIMITS: &str = "high:132,low:128,hysteresis:0.3";
const FEEDER_LIMITS: &str = "high:232,low:225,hysteresis:0.5";

/// One meter of the play: how it behaves and how we know it.
struct Cast {
    profile: Profile,
    schedule: Option<Schedule>,
    name: String,
    microstar: bool,
}

/// One healthy; one slow, out at the pump house behind a radio; one whose workshop switches its
/// power off and on again. Then round again. The list shows them in this order.
fn cast(number: u16, seed: u64) -> Cast {
    let seed = seed.wrapping_mul(1009).wrapping_add(u64::from(number));
    let nth = number / 3 + 1;
    match number % 3 {
        0 => Cast {
            profile: Profile::microstar(seed),
            schedule: None,
            name: format!("microstar-{nth:03}"),
            microstar: true,
        },
        1 => {
            let mut profile = Profile::generic(seed);
            profile.delay = Duration::from_millis(350);
            Cast {
                profile,
                schedule: None,
                name: if nth == 1 {
                    "pump-house".into()
                } else {
                    format!("pump-house-{nth}")
                },
                microstar: false,
            }
        }
        _ => Cast {
            profile: Profile::microstar(seed),
            schedule: Some(Schedule {
                on: Duration::from_secs(25),
                off: Duration::from_secs(15),
            }),
            name: format!("workshop-{nth}"),
            microstar: true,
        },
    }
}

impl Cast {
    fn definition(&self, address: SocketAddr) -> Definition {
        let host = address.ip().to_string();
        let mut meter = if self.microstar {
            let mut meter = Definition::microstar(&self.name, host, address.port());
            // The label on the simulated meter; the real ones carry the same.
            meter.password = Some(Secret::new("22222222"));
            meter
        } else {
            Definition::new(&self.name, host, address.port())
        };
        meter.poll = Duration::from_secs(if self.microstar { 2 } else { 5 });
        if !self.microstar {
            meter.objects = FEEDER.map(polled).into();
        }
        // Narrow enough that the course of a day brings an alarm now and then.
        let limits = if self.microstar {
            MICROSTAR_LIMITS
        } else {
            FEEDER_LIMITS
        };
        if let (Some(voltage), Ok(limits)) = (meter.objects.first_mut(), limits.parse()) {
            voltage.limits = limits;
        }
        meter.objects.push(polled(Obis::new(0, 0, 1, 0, 0, 255)));
        meter.publish = Some("lab".into());
        meter
    }
}
