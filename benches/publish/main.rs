//! Messages on their way through the outbox, beside paho-mqtt, which keeps nothing, through the same mosquitto in one run:
//! `cargo bench --bench publish`, about a minute and a half.
//!
//! paho and we take turns; the median of the ratios is told. Durable means: committed to a file with synchronous FULL, sent,
//! acknowledged, and taken out of the file. Install with .ci/peers; what is missing is said.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_precision_loss,
    reason = "a bench prints and stops at the first surprise"
)]

mod latency;
mod mosquitto;
mod queue;

use mosquitto::{Mosquitto, paho};
use obiscope::meter::Clock;
use obiscope::publish::{PublisherHandle, Spawn, drain};
use obiscope::store::{BrokerDefinition, Dialect, Kind, Message, Protocol, Store};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// Octets of a payload: a meter's reading of three or four values.
const SIZE: usize = 190;
const MESSAGES: u64 = 30_000;
const ROUNDS: usize = 5;
/// What one commit holds: a poll cycle over many meters.
const LOT: u64 = 200;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let mosquitto = Mosquitto::start();
    println!(
        "messages of {SIZE} octets a second through mosquitto, QoS 1, median of {ROUNDS} turns\n"
    );
    let mut pipelined = Vec::new();
    let mut each = Vec::new();
    let cases: Vec<(Protocol, u16)> = [Protocol::V311, Protocol::V5]
        .into_iter()
        .flat_map(|protocol| [1, 20, 100].map(|window| (protocol, window)))
        .collect();
    let mut ours = vec![Vec::new(); cases.len()];
    for _ in 0..ROUNDS {
        each.push(paho(mosquitto.port, 5_000, SIZE, "each"));
        pipelined.push(paho(mosquitto.port, MESSAGES, SIZE, "20"));
        for ((protocol, window), rates) in cases.iter().zip(&mut ours) {
            rates.push(runtime.block_on(durable(mosquitto.port, *protocol, *window)));
        }
    }
    let ratio = |rates: &[f64]| {
        let ratios = rates
            .iter()
            .zip(&pipelined)
            .map(|(ours, theirs)| ours / theirs);
        median(ratios.collect())
    };
    println!("{:<44}{:>9}  {:>14}", "", "a second", "beside paho");
    let row = |what: &str, rates: &[f64]| {
        println!(
            "{what:<44}{:>9.0}  {:>13.2}x",
            median(rates.to_vec()),
            ratio(rates)
        );
    };
    row("paho-mqtt, waits for each, keeps nothing", &each);
    row("paho-mqtt, pipelined (20), keeps nothing", &pipelined);
    for ((protocol, window), rates) in cases.iter().zip(&ours) {
        row(
            &format!("durable, MQTT {}, window {window}", protocol.name()),
            rates,
        );
    }
    println!();
    queue::measure(&runtime, mosquitto.port);
    latency::measure(&runtime, mosquitto.port);
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(0.0)
}

struct Desk {
    store: Store,
    broker: BrokerDefinition,
    _folder: tempfile::TempDir,
}

impl Desk {
    async fn new(port: u16, protocol: Protocol, window: u16) -> Self {
        // Beside the build, on a real disk: /tmp may be memory.
        let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let store = Store::open(&folder.path().join("obiscope.db")).unwrap();
        let url = format!("mqtt://127.0.0.1:{port}");
        let mut broker = BrokerDefinition::new("bench", &url, Dialect::Json).unwrap();
        (broker.protocol, broker.window) = (protocol, window);
        let broker = store.save_broker(broker).await.unwrap();
        Self {
            store,
            broker,
            _folder: folder,
        }
    }

    fn publish(&self) -> PublisherHandle {
        drain::spawn(Spawn {
            broker: self.broker.clone(),
            store: self.store.clone(),
            clock: Clock::System,
            flush: Duration::from_secs(5),
            seed: 1,
            roster: watch::channel(Arc::default()).1,
            requests: None,
        })
    }

    async fn enqueue(&self, count: u64) {
        let message = || Message::new(Kind::Telemetry, "bench/obiscope", vec![b'x'; SIZE]);
        let lot = (0..count).map(|_| message()).collect();
        let now = jiff::Timestamp::now();
        self.store.enqueue(self.broker.id, now, lot).await.unwrap();
    }
}

async fn acknowledged(handle: &mut PublisherHandle, count: u64) {
    let done = handle.status.wait_for(|it| it.acknowledged >= count);
    let done = tokio::time::timeout(Duration::from_mins(5), done).await;
    drop(done.unwrap_or_else(|_| panic!("{count} were never acknowledged")));
}

/// From the first commit until the last row has left the table.
async fn durable(port: u16, protocol: Protocol, window: u16) -> f64 {
    let desk = Desk::new(port, protocol, window).await;
    let mut handle = desk.publish();
    let connected = |it: &obiscope::publish::BrokerStatus| !it.history.is_empty();
    handle.status.wait_for(connected).await.unwrap();
    let began = Instant::now();
    for _ in 0..MESSAGES / LOT {
        desk.enqueue(LOT).await;
        handle.wake.notify_one();
    }
    acknowledged(&mut handle, MESSAGES).await;
    while desk.store.depth(desk.broker.id).await.unwrap().waiting > 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let rate = MESSAGES as f64 / began.elapsed().as_secs_f64();
    handle.stop.cancel();
    handle.task.await.unwrap();
    rate
}
