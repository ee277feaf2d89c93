//! The drain against the small broker: what every test starts from.

mod acks;
mod away;
mod controls;
mod delivery;
mod early;
mod ends;
mod named;
#[cfg(feature = "peers")]
mod peers;
mod platform;
mod poison;
mod reasons;
mod tls;
mod trouble;

use std::collections::BTreeMap;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::meter::{Clock, Definition, MeterId, Poll};
use crate::publish::{BrokerPhase, BrokerStatus, PublisherHandle, Spawn, drain};
use crate::simulator::broker::{Behaviour, Broker, start};
use crate::store::{BrokerDefinition, DeadRow, Dialect, Kind, Message, Protocol, Render, Store};

const FLUSH: Duration = Duration::from_secs(5);
/// A test that waits longer has failed.
const LIMIT: Duration = Duration::from_secs(20);

struct Bench {
    store: Store,
    broker: BrokerDefinition,
    meter: MeterId,
}

impl Bench {
    async fn new(port: u16) -> Self {
        let store = Store::in_memory().unwrap();
        let url = format!("mqtt://127.0.0.1:{port}");
        let broker = BrokerDefinition::new("lab", &url, Dialect::Json).unwrap();
        let broker = store.save_broker(broker).await.unwrap();
        let meter = store.save_meter(Definition::new("m", "127.0.0.1", 1)).await;
        Self {
            store,
            broker,
            meter: meter.unwrap().id,
        }
    }

    async fn speaking(port: u16, protocol: Protocol) -> Self {
        let mut bench = Self::new(port).await;
        bench.broker.protocol = protocol;
        bench.broker = bench.store.save_broker(bench.broker).await.unwrap();
        bench
    }

    async fn queue_text(&self, text: &'static str) {
        self.commit(Arc::new(move |_| vec![message(text)])).await;
    }

    async fn dead(&self) -> Vec<DeadRow> {
        self.store.dead(self.broker.id, 0, 1_000).await.unwrap()
    }

    /// Queues numbered messages, one poll each.
    async fn queue(&self, numbers: std::ops::Range<u32>) {
        for number in numbers {
            let render: Render = Arc::new(move |_| vec![message(number.to_string())]);
            self.commit(render).await;
        }
    }

    async fn commit(&self, render: Render) {
        let poll = Poll {
            meter: self.meter,
            at: jiff::Timestamp::now(),
            readings: Vec::new(),
        };
        self.store
            .commit_poll(poll, Some((self.broker.id, render)))
            .await
            .unwrap();
    }

    fn spawn(&self) -> PublisherHandle {
        self.spawn_with(FLUSH)
    }

    fn spawn_with(&self, flush: Duration) -> PublisherHandle {
        drain::spawn(Spawn {
            broker: self.broker.clone(),
            store: self.store.clone(),
            clock: Clock::System,
            flush,
            seed: 7,
            roster: watch::channel(Arc::default()).1,
            requests: None,
        })
    }

    async fn waiting(&self) -> u64 {
        self.store.depth(self.broker.id).await.unwrap().waiting
    }
}

fn message(payload: impl Into<Vec<u8>>) -> Message {
    Message::new(Kind::Telemetry, "meters/m/telemetry", payload)
}

async fn broker(behaviour: Behaviour) -> (Broker, CancellationToken) {
    broker_at(0, behaviour).await
}

async fn broker_at(port: u16, behaviour: Behaviour) -> (Broker, CancellationToken) {
    let stop = CancellationToken::new();
    let place = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let broker = start(place, behaviour, stop.clone()).await.unwrap();
    (broker, stop)
}

async fn until(
    status: &mut watch::Receiver<BrokerStatus>,
    wanted: impl FnMut(&BrokerStatus) -> bool,
) -> BrokerStatus {
    let found = timeout(LIMIT, status.wait_for(wanted)).await;
    if let Ok(found) = found {
        return found.unwrap().clone();
    }
    drop(found);
    panic!("still {:?}", *status.borrow())
}

/// The next message as its number.
async fn next(broker: &mut Broker) -> u32 {
    let message = timeout(LIMIT, broker.received.recv()).await.unwrap();
    let payload = message.unwrap().payload;
    std::str::from_utf8(&payload).unwrap().parse().unwrap()
}

async fn ended(handle: PublisherHandle) {
    handle.stop.cancel();
    timeout(LIMIT, handle.task).await.unwrap().unwrap();
    assert_eq!(handle.status.borrow().phase, BrokerPhase::Stopped);
}

const VERSIONS: [Protocol; 2] = [Protocol::V311, Protocol::V5];

/// Time runs ahead while no socket is waited for.
async fn skip(by: Duration) {
    tokio::time::pause();
    tokio::time::advance(by).await;
    tokio::time::resume();
}

/// As `until`, but does not sit out what takes minutes: pauses between connections, and a PUBACK that does not come.
async fn hurried(
    status: &mut watch::Receiver<BrokerStatus>,
    mut wanted: impl FnMut(&BrokerStatus) -> bool,
) -> BrokerStatus {
    let end = std::time::Instant::now() + LIMIT;
    let mut quiet = 0;
    loop {
        let now = status.borrow_and_update().clone();
        if wanted(&now) {
            return now;
        }
        assert!(std::time::Instant::now() < end, "still {now:?}");
        match now.phase {
            BrokerPhase::Waiting { .. } | BrokerPhase::Refused => {
                skip(Duration::from_secs(66)).await;
            }
            BrokerPhase::Connected if quiet >= 4 => skip(Duration::from_secs(21)).await,
            _ => {}
        }
        match timeout(Duration::from_millis(10), status.changed()).await {
            Ok(_) => quiet = 0,
            Err(_) => quiet += 1,
        }
    }
}

fn drained(status: &BrokerStatus) -> bool {
    status.phase == BrokerPhase::Connected && status.depth.waiting == 0
}

/// How often each payload came, of those that the broker took.
fn copies(broker: &mut Broker) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    while let Ok(received) = broker.received.try_recv() {
        if received.taken() {
            let payload = String::from_utf8(received.payload).unwrap();
            *found.entry(payload).or_insert(0) += 1;
        }
    }
    found
}

fn assert_all(found: &BTreeMap<String, usize>, numbers: std::ops::Range<u32>) {
    let missing: Vec<_> = numbers
        .filter(|number| !found.contains_key(&number.to_string()))
        .collect();
    assert!(missing.is_empty(), "never arrived: {missing:?}");
}
