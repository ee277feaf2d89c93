//! What the connections share: who is there, what they subscribed, what is retained, where messages go. The rule: a message is
//! recorded before it goes to anyone, and no subscriber that is slow holds up another.

use super::behaviour::Behaviour;
use super::packet::{Filter, Publish};
use super::reason;
use super::sink::{Received, Sink};
use super::thingsboard::ThingsBoard;
use super::topic::{matches, valid};
use std::collections::BTreeMap;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::{mpsc, watch};

/// Messages a slow subscriber may fall behind; more are not forwarded to it.
pub(super) const BACKLOG: usize = 1_000;
/// Subscriptions of one client.
const MOST_FILTERS: usize = 256;
const MOST_RETAINED: usize = 10_000;

/// How a connection is ended from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Farewell {
    Quiet,
    Abrupt,
    /// With a DISCONNECT where the version has one.
    Saying(u8),
}

pub(super) struct Hub {
    pub behaviour: watch::Sender<Arc<Behaviour>>,
    pub platform: Option<ThingsBoard>,
    /// CONNECTs that were accepted, ever.
    pub accepted: AtomicU64,
    /// TCP connections, ever.
    pub arrived: AtomicU64,
    /// Gone when the broker has stopped, so that its receiver ends while a handle still lives.
    deliver: Mutex<Option<mpsc::UnboundedSender<Received>>>,
    sink: Option<Mutex<Sink>>,
    peers: Mutex<BTreeMap<u64, Peer>>,
    retained: Mutex<BTreeMap<String, Publish>>,
}

struct Peer {
    farewell: watch::Sender<Option<Farewell>>,
    /// From its CONNACK on.
    client: Option<Client>,
}

pub(super) struct Client {
    pub id: String,
    pub filters: Vec<Filter>,
    pub forward: mpsc::Sender<Publish>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Hub {
    pub fn new(
        behaviour: Behaviour,
        deliver: mpsc::UnboundedSender<Received>,
        sink: Option<Sink>,
        platform: Option<ThingsBoard>,
    ) -> Self {
        Self {
            behaviour: watch::Sender::new(Arc::new(behaviour)),
            platform,
            accepted: AtomicU64::new(0),
            arrived: AtomicU64::new(0),
            deliver: Mutex::new(Some(deliver)),
            sink: sink.map(Mutex::new),
            peers: Mutex::default(),
            retained: Mutex::default(),
        }
    }

    /// A number for a new connection, and how it is told to go.
    pub fn arrive(&self) -> (u64, watch::Receiver<Option<Farewell>>) {
        let number = self.arrived.fetch_add(1, Ordering::Relaxed);
        let (farewell, told) = watch::channel(None);
        let peer = Peer {
            farewell,
            client: None,
        };
        lock(&self.peers).insert(number, peer);
        (number, told)
    }

    /// A client id belongs to the one who came last.
    pub fn enter(&self, number: u64, client: Client) {
        let mut peers = lock(&self.peers);
        for peer in peers.values() {
            if peer.client.as_ref().is_some_and(|it| it.id == client.id) {
                let taken_over = Farewell::Saying(reason::SESSION_TAKEN_OVER);
                peer.farewell.send_replace(Some(taken_over));
            }
        }
        if let Some(peer) = peers.get_mut(&number) {
            peer.client = Some(client);
        }
        self.accepted.fetch_add(1, Ordering::Relaxed);
    }

    pub fn leave(&self, number: u64) {
        lock(&self.peers).remove(&number);
    }

    pub fn end(&self, number: u64, farewell: Farewell) {
        if let Some(peer) = lock(&self.peers).get(&number) {
            peer.farewell.send_replace(Some(farewell));
        }
    }

    pub fn end_all(&self, farewell: Farewell) {
        for peer in lock(&self.peers).values() {
            peer.farewell.send_replace(Some(farewell));
        }
    }

    /// Those that had their CONNACK.
    pub fn clients(&self) -> Vec<String> {
        let peers = lock(&self.peers);
        let clients = peers.values().filter_map(|peer| peer.client.as_ref());
        clients.map(|client| client.id.clone()).collect()
    }

    pub fn close(&self) {
        lock(&self.deliver).take();
    }

    pub fn subscribers(&self, topic: &str) -> usize {
        let peers = lock(&self.peers);
        let clients = peers.values().filter_map(|peer| peer.client.as_ref());
        clients
            .filter(|client| client.filters.iter().any(|it| matches(topic, &it.path)))
            .count()
    }

    /// An error means that it could not be written down: it must not be acknowledged.
    pub fn record(&self, received: Received) -> io::Result<()> {
        if let Some(sink) = &self.sink {
            lock(sink).append(&received)?;
        }
        // A receiver that was dropped is no reason to stop serving.
        if let Some(deliver) = lock(&self.deliver).as_ref() {
            drop(deliver.send(received));
        }
        Ok(())
    }

    /// To all who subscribed it, once each. `from` is none for what the broker says itself.
    pub fn route(&self, from: Option<u64>, message: &Publish) {
        if message.retain {
            self.retain(message);
        }
        for (number, peer) in lock(&self.peers).iter() {
            let Some(client) = &peer.client else {
                continue;
            };
            let fitting = client.filters.iter().filter(|filter| {
                matches(&message.topic, &filter.path) && !(filter.no_local && from == Some(*number))
            });
            // Overlapping subscriptions: one copy with the best QoS (clause 3.3.4).
            if let Some(filter) = fitting.max_by_key(|filter| filter.qos) {
                let copy = Publish {
                    dup: false,
                    qos: message.qos.min(filter.qos),
                    retain: message.retain && filter.retain_as_published,
                    ..message.clone()
                };
                drop(client.forward.try_send(copy));
            }
        }
    }

    /// The latest of a topic is kept; an empty payload clears it (clause 3.3.1.3).
    fn retain(&self, message: &Publish) {
        let mut retained = lock(&self.retained);
        if message.payload.is_empty() {
            retained.remove(&message.topic);
        } else if retained.len() < MOST_RETAINED || retained.contains_key(&message.topic) {
            retained.insert(message.topic.clone(), message.clone());
        }
    }

    /// What is kept in memory is gone with a restart.
    pub fn forget(&self) {
        lock(&self.retained).clear();
    }

    /// One code for each filter, and the retained messages that they ask for.
    pub fn subscribe(&self, number: u64, filters: Vec<Filter>) -> (Vec<u8>, Vec<Publish>) {
        let mut codes = Vec::new();
        let mut kept = Vec::new();
        let mut peers = lock(&self.peers);
        let Some(client) = peers.get_mut(&number).and_then(|it| it.client.as_mut()) else {
            return (codes, kept);
        };
        for filter in filters {
            if !valid(&filter.path) {
                codes.push(reason::TOPIC_FILTER_INVALID);
                continue;
            }
            if filter.path.starts_with("$share/") {
                codes.push(reason::SHARED_SUBSCRIPTIONS_NOT_SUPPORTED);
                continue;
            }
            let known = client.filters.iter().position(|it| it.path == filter.path);
            if known.is_none() && client.filters.len() >= MOST_FILTERS {
                codes.push(reason::QUOTA_EXCEEDED);
                continue;
            }
            codes.push(filter.qos);
            if filter.retain_handling == 0 || filter.retain_handling == 1 && known.is_none() {
                let retained = lock(&self.retained);
                let asked = retained
                    .values()
                    .filter(|it| matches(&it.topic, &filter.path));
                kept.extend(asked.map(|message| Publish {
                    qos: message.qos.min(filter.qos),
                    ..message.clone()
                }));
            }
            match known.and_then(|at| client.filters.get_mut(at)) {
                Some(known) => *known = filter,
                None => client.filters.push(filter),
            }
        }
        (codes, kept)
    }

    pub fn unsubscribe(&self, number: u64, paths: &[String]) -> Vec<u8> {
        let mut peers = lock(&self.peers);
        let client = peers.get_mut(&number).and_then(|it| it.client.as_mut());
        let Some(client) = client else {
            return Vec::new();
        };
        let mut codes = Vec::new();
        for path in paths {
            let before = client.filters.len();
            client.filters.retain(|filter| filter.path != *path);
            codes.push(if client.filters.len() < before {
                reason::SUCCESS
            } else {
                reason::NO_SUBSCRIPTION_EXISTED
            });
        }
        codes
    }
}
