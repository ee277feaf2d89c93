//! The drain against the small broker: what every test starts from.

mod delivery;
#[cfg(feature = "peers")]
mod peers;
mod platform;
mod tls;
mod trouble;

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use crate::meter::{Clock, Definition, MeterId, Poll};
use crate::publish::{BrokerPhase, BrokerStatus, PublisherHandle, Spawn, drain};
use crate::simulator::broker::{Behaviour, Broker, start};
use crate::store::{BrokerDefinition, Dialect, Kind, Message, Render, Store};

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
