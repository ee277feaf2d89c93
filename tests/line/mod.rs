//! Lines to simulated meters for tests of the whole house: in memory, in virtual time, from one seed. What goes wrong on
//! a line is a chance per chunk, and what the meter truly said is written down before anything can go wrong with it.

mod fragile;
pub mod site;

use obiscope::cosem::{AttributeRef, Data};
use obiscope::dlms::hdlc::{Control, Decoder, Frame, Item, LLC_COMMAND, LLC_RESPONSE, frame};
use obiscope::dlms::security::Secret;
use obiscope::dlms::xdlms::get::{GetRequest, GetResponse};
use obiscope::meter::transport::{ConnectFuture, Connector, Stream};
use obiscope::meter::{Clock, Definition};
use obiscope::simulator::profile::Profile;
use obiscope::simulator::server::{SharedMeter, pipe, shared};
use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, split};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

/// Of client 1.
pub const PASSWORD: &str = "22222222";
pub const SECOND: Duration = Duration::from_secs(1);

/// What a line does to what travels on it. Chances are per chunk and of a thousand.
#[derive(Clone, Copy)]
pub struct Faults {
    pub lose: u32,
    pub damage: u32,
    pub repeat: u32,
    pub delay: u32,
    /// How long a delayed chunk, and all behind it, is held up at most.
    pub hold: Duration,
    /// An optical head that hears itself: what we say comes back first.
    pub echo: bool,
    /// Comes before every answer.
    pub junk: &'static [u8],
    /// Waits for whoever connects.
    pub residue: &'static [u8],
    /// UA loses its parameters.
    pub bare_ua: bool,
    pub reach: Reach,
    /// The stream panics when this many chunks were read from it; 0 never.
    pub panic_after: u32,
}

/// Whether there is anyone at the other end.
#[derive(Clone, Copy, PartialEq)]
pub enum Reach {
    Open,
    /// Nothing gets through either way, and nobody says so.
    Cut,
    /// Connections are accepted and closed at once.
    HangsUp,
    /// Connecting takes until the timeout.
    Nowhere,
}

pub const WELL: Faults = Faults {
    lose: 0,
    damage: 0,
    repeat: 0,
    delay: 0,
    hold: Duration::ZERO,
    echo: false,
    junk: b"",
    residue: b"",
    bare_ua: false,
    reach: Reach::Open,
    panic_after: 0,
};

pub const CUT: Faults = Faults {
    reach: Reach::Cut,
    ..WELL
};

/// Everything of one kind of trouble at this rate.
pub fn trouble(per_mille: u32) -> Faults {
    Faults {
        lose: per_mille,
        damage: per_mille,
        repeat: per_mille,
        delay: per_mille,
        hold: 9 * SECOND,
        ..WELL
    }
}

#[derive(Clone, Default)]
pub struct World(Arc<Mutex<BTreeMap<String, Line>>>, u64);

#[derive(Clone)]
pub struct Line(Arc<Shared>);

struct Shared {
    meter: SharedMeter,
    plugged: watch::Sender<bool>,
    state: Mutex<State>,
}

struct State {
    faults: Faults,
    rng: fastrand::Rng,
    connects: Vec<Instant>,
    /// AARQs with a secret in them, as the meter heard them.
    secrets: usize,
    /// By invoke-id: a meter may repeat an earlier answer.
    asked: [Option<AttributeRef>; 16],
    said: BTreeMap<String, Vec<(Instant, Data)>>,
}

pub fn clock() -> Clock {
    Clock::From {
        base: "2026-11-20T14:32:07Z".parse().unwrap(),
        at: Instant::now(),
    }
}

pub fn microstar(name: &str, password: &str) -> Definition {
    let mut definition = Definition::microstar(name, name, 1);
    definition.password = Some(Secret::new(password));
    definition
}

impl World {
    /// The same lines with other luck.
    pub fn of_seed(seed: u64) -> Self {
        Self(Arc::default(), seed)
    }

    pub fn line(&self, host: &str, profile: Profile, faults: Faults) -> Line {
        let mut all = self.0.lock().unwrap();
        let line = Line(Arc::new(Shared {
            meter: shared(profile, clock().now()),
            plugged: watch::Sender::new(true),
            state: Mutex::new(State {
                faults,
                rng: fastrand::Rng::with_seed(self.1 << 8 | all.len() as u64),
                connects: Vec::new(),
                secrets: 0,
                asked: [None; 16],
                said: BTreeMap::new(),
            }),
        }));
        all.insert(host.to_owned(), line.clone());
        line
    }
}

impl Connector for World {
    fn connect<'a>(&'a self, meter: &'a Definition) -> ConnectFuture<'a> {
        Box::pin(async move {
            let line = self.0.lock().unwrap().get(&meter.host).cloned();
            let Some(line) = line else {
                return Err(io::ErrorKind::ConnectionRefused.into());
            };
            let faults = line.faults();
            line.with(|s| s.connects.push(Instant::now()));
            if faults.reach == Reach::Nowhere {
                tokio::time::sleep(meter.timeout).await;
                return Err(io::ErrorKind::TimedOut.into());
            }
            if !*line.0.plugged.borrow() {
                return Err(io::ErrorKind::ConnectionRefused.into());
            }
            let (ours, theirs) = tokio::io::duplex(64 * 1024);
            if faults.reach == Reach::HangsUp {
                return Ok(Box::new(ours) as Box<dyn Stream>);
            }
            let served = pipe(&line.0.meter);
            tokio::spawn(line.carry(theirs, served));
            Ok(if faults.panic_after > 0 {
                Box::new(fragile::Fragile(ours, faults.panic_after))
            } else {
                Box::new(ours)
            })
        })
    }
}

impl Line {
    fn with<T>(&self, act: impl FnOnce(&mut State) -> T) -> T {
        act(&mut self.0.state.lock().unwrap())
    }

    fn faults(&self) -> Faults {
        self.with(|s| s.faults)
    }

    pub fn set(&self, faults: Faults) {
        self.with(|s| s.faults = faults);
    }

    pub fn plug(&self, plugged: bool) {
        self.0.plugged.send_replace(plugged);
    }

    /// The meter's process is killed: connections end, and all it knew of clients is gone.
    pub fn kill(&self) {
        self.plug(false);
        self.0.meter.lock().unwrap().power_cycle();
    }

    pub fn connects(&self) -> Vec<Instant> {
        self.with(|s| s.connects.clone())
    }

    pub fn secrets(&self) -> usize {
        self.with(|s| s.secrets)
    }

    pub fn is_associated(&self) -> bool {
        let now = Instant::now().into_std();
        self.0.meter.lock().unwrap().is_associated(now)
    }

    /// Whether the meter said this of that attribute within the minute before.
    pub fn said(&self, attribute: AttributeRef, raw: &serde_json::Value, at: Instant) -> bool {
        self.with(|s| {
            s.said.get(&attribute.to_string()).is_some_and(|all| {
                all.iter()
                    .rev()
                    .skip_while(|(when, _)| *when > at)
                    .take_while(|(when, _)| at.duration_since(*when) <= 60 * SECOND)
                    .any(|(_, data)| data.to_json() == *raw)
            })
        })
    }

    /// As the meter said it of attribute 3.
    pub fn scaler_unit(&self, value: AttributeRef) -> (i8, u8) {
        let attribute = AttributeRef {
            attribute: 3,
            ..value
        };
        self.with(|s| match &s.said[&attribute.to_string()][0].1 {
            Data::Structure(pair) => match pair[..] {
                [Data::Integer(scaler), Data::Enum(unit)] => (scaler, unit),
                _ => panic!("{pair:?}"),
            },
            other => panic!("{other:?}"),
        })
    }

    async fn carry(self, ours: DuplexStream, meter: DuplexStream) {
        let mut plugged = self.0.plugged.subscribe();
        let (mut from_us, mut to_us) = split(ours);
        let (mut from_meter, mut to_meter) = split(meter);
        let (back, mut answers) = mpsc::unbounded_channel::<Vec<u8>>();
        let _ = back.send(self.faults().residue.to_vec());
        let echo = back.clone();
        let up = async {
            let (mut buffer, mut ear) = ([0; 4096], Decoder::new());
            while let Ok(n @ 1..) = from_us.read(&mut buffer).await {
                if self.faults().echo {
                    let _ = echo.send(buffer[..n].to_vec());
                }
                for chunk in self.suffer(&buffer[..n]).await {
                    self.overhear(&mut ear, &chunk);
                    if to_meter.write_all(&chunk).await.is_err() {
                        return;
                    }
                }
            }
        };
        let down = async {
            let (mut buffer, mut ear) = ([0; 4096], Decoder::new());
            while let Ok(n @ 1..) = from_meter.read(&mut buffer).await {
                self.overhear(&mut ear, &buffer[..n]);
                let faults = self.faults();
                let mut said = faults.junk.to_vec();
                said.extend(if faults.bare_ua {
                    without_parameters(&buffer[..n])
                } else {
                    buffer[..n].to_vec()
                });
                for chunk in self.suffer(&said).await {
                    let _ = back.send(chunk);
                }
            }
        };
        let out = async {
            while let Some(chunk) = answers.recv().await {
                if to_us.write_all(&chunk).await.is_err() {
                    return;
                }
            }
        };
        tokio::select! {
            biased;
            () = async { drop(plugged.wait_for(|plugged| !plugged).await) } => {}
            () = up => {}
            () = down => {}
            () = out => {}
        }
    }

    /// What is left of a chunk, and how often.
    async fn suffer(&self, chunk: &[u8]) -> Vec<Vec<u8>> {
        let mut chunk = chunk.to_vec();
        let (copies, hold) = self.with(|s| {
            let Faults {
                lose,
                damage,
                repeat,
                delay,
                hold,
                reach,
                ..
            } = s.faults;
            let mut chance = |per_mille| per_mille > 0 && s.rng.u32(..1000) < per_mille;
            if reach == Reach::Cut || chance(lose) {
                return (0, Duration::ZERO);
            }
            let (damaged, twice, late) = (chance(damage), chance(repeat), chance(delay));
            if damaged {
                let at = s.rng.usize(..chunk.len());
                chunk[at] ^= s.rng.u8(1..);
            }
            let hold = if late {
                hold.mul_f64(s.rng.f64())
            } else {
                Duration::ZERO
            };
            (1 + usize::from(twice), hold)
        });
        if !hold.is_zero() {
            tokio::time::sleep(hold).await;
        }
        vec![chunk; copies]
    }

    /// Both ways: what was asked as the meter hears it, what it answers as it says it.
    fn overhear(&self, ear: &mut Decoder, chunk: &[u8]) {
        ear.push(chunk);
        while let Some(item) = ear.next() {
            let Item::Frame { octets, .. } = item else {
                continue;
            };
            let Ok(frame) = Frame::parse(octets) else {
                continue;
            };
            if !frame.fcs_ok() || !matches!(frame.control(), Control::Information { .. }) {
                continue;
            }
            if let Some(apdu) = frame.information().strip_prefix(&LLC_COMMAND) {
                if apdu.first() == Some(&0x60)
                    && apdu.windows(2).any(|w| w[0] == 0xAC && w[1] == 10)
                {
                    self.with(|s| s.secrets += 1);
                }
                if let Ok(GetRequest::Normal {
                    invoke, attribute, ..
                }) = GetRequest::decode(apdu)
                {
                    self.with(|s| s.asked[usize::from(invoke.id())] = Some(attribute));
                }
            } else if let Some(apdu) = frame.information().strip_prefix(&LLC_RESPONSE)
                && let Ok(GetResponse::Data { invoke, data, .. }) = GetResponse::decode(apdu)
                && let Ok((value, _)) = Data::decode(data)
            {
                self.with(|s| {
                    if let Some(attribute) = s.asked[usize::from(invoke.id())] {
                        let all = s.said.entry(attribute.to_string()).or_default();
                        all.push((Instant::now(), value));
                    }
                });
            }
        }
    }
}

/// The same bytes, but a UA says nothing of its parameters.
fn without_parameters(chunk: &[u8]) -> Vec<u8> {
    let Ok(frame) = Frame::parse(&chunk[1..chunk.len() - 1]) else {
        return chunk.to_vec();
    };
    if !matches!(frame.control(), Control::Ua { .. }) {
        return chunk.to_vec();
    }
    let mut out = Vec::new();
    let (to, from) = (frame.destination(), frame.source());
    frame::build(to, from, frame.control(), false, &[], &mut out).unwrap();
    out
}
