//! The newest message of each device, followed from the table to its PUBACK. The rule: acknowledged is said only when
//! the broker has acknowledged every message of that moment; what is not known is not said.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::Device;
use crate::store::{Kind, OutboxRow};

/// Octets of a payload that are kept to be looked at.
const SHOWN: usize = 4096;
/// Messages of one moment that are told apart; no dialect makes so many of one poll.
const PARTS: usize = 64;

/// What became of the newest messages of one device: those made of one poll.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trail {
    /// When the values were read, in whole milliseconds.
    pub read: Timestamp,
    pub topic: Arc<str>,
    /// At most 4 KiB of it, as it went out.
    pub payload: Arc<[u8]>,
    /// When the last of them went out.
    pub sent: Timestamp,
    /// When the last acknowledgement came.
    pub acknowledged: Option<Timestamp>,
    /// Messages that went out; the same again counts once.
    pub parts: usize,
    /// Of these, acknowledged.
    pub taken: usize,
}

impl Trail {
    /// When the broker had all `messages` of what was read then.
    pub fn done(&self, messages: usize) -> Option<Timestamp> {
        (self.parts >= messages.min(PARTS) && self.taken == self.parts)
            .then_some(self.acknowledged)
            .flatten()
    }
}

/// Messages of one device that were acknowledged since the program started, and the octets of their topics and payloads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Delivered {
    pub messages: u64,
    pub bytes: u64,
}

/// Cheap to clone; one a publisher. It holds one entry for each device there was a message of, until that publishes here
/// no more.
#[derive(Clone, Debug, Default)]
pub struct Trails {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug, Default)]
struct Inner {
    devices: HashMap<String, Followed>,
    /// Rows under way.
    under_way: HashMap<i64, UnderWay>,
    delivered: HashMap<String, Delivered>,
    moved: BTreeSet<String>,
}

#[derive(Debug)]
struct UnderWay {
    device: String,
    bytes: u64,
}

#[derive(Debug)]
struct Followed {
    trail: Trail,
    /// Row, and whether it was acknowledged.
    rows: Vec<(i64, bool)>,
}

/// Test messages belong to nobody.
const TEST: &str = "\0test";

impl Trails {
    pub fn of(&self, device: &str) -> Option<Trail> {
        let inner = self.lock();
        inner.devices.get(device).map(|it| it.trail.clone())
    }

    /// The newest test message.
    pub fn of_test(&self) -> Option<Trail> {
        self.of(TEST)
    }

    /// All that was acknowledged of this device, also what is not followed.
    pub fn delivered(&self, device: &str) -> Delivered {
        let inner = self.lock();
        inner.delivered.get(device).copied().unwrap_or_default()
    }

    /// Devices whose trail went on since the last call.
    pub fn take_moved(&self) -> BTreeSet<String> {
        std::mem::take(&mut self.lock().moved)
    }

    /// Of no other device is anything kept, but what is still under way.
    pub(super) fn keep_only(&self, devices: &[Device]) {
        let mut inner = self.lock();
        let names: HashSet<&str> = devices.iter().map(|it| it.name.as_str()).collect();
        let kept = |name: &str| name == TEST || names.contains(name);
        inner.devices.retain(|name, _| kept(name));
        inner.moved.retain(|name| kept(name));
    }

    /// A connection begins: what the one before had under way is sent again.
    pub(super) fn begin(&self) {
        self.lock().under_way.clear();
    }

    pub(super) fn sent(&self, rows: &[OutboxRow], at: Timestamp) {
        let mut inner = self.lock();
        for row in rows {
            inner.sent(row, at);
        }
    }

    pub(super) fn acknowledged(&self, rows: &[i64], at: Timestamp) {
        let mut inner = self.lock();
        for row in rows {
            inner.acknowledged(*row, at);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn sent(&mut self, row: &OutboxRow, at: Timestamp) {
        let device = match (row.kind, &row.device) {
            (Kind::Telemetry, Some(device)) => device.as_str(),
            (Kind::Test, _) => TEST,
            _ => return,
        };
        let bytes = (row.topic.len() + row.payload.len()) as u64;
        let under_way = UnderWay {
            device: device.to_owned(),
            bytes,
        };
        self.under_way.insert(row.id, under_way);
        if let Some(known) = self.devices.get_mut(device) {
            if !known.sent(row, at) {
                return;
            }
        } else {
            let known = Followed::new(row, at);
            self.devices.insert(device.to_owned(), known);
        }
        if !self.moved.contains(device) {
            self.moved.insert(device.to_owned());
        }
    }

    fn acknowledged(&mut self, row: i64, at: Timestamp) {
        let Some(UnderWay { device, bytes }) = self.under_way.remove(&row) else {
            return;
        };
        if let Some(delivered) = self.delivered.get_mut(&device) {
            delivered.messages += 1;
            delivered.bytes += bytes;
        } else {
            let delivered = Delivered { messages: 1, bytes };
            self.delivered.insert(device.clone(), delivered);
        }
        if let Some(known) = self.devices.get_mut(&device)
            && known.acknowledged(row, at)
        {
            self.moved.insert(device);
        }
    }
}

impl Followed {
    fn new(row: &OutboxRow, at: Timestamp) -> Self {
        let shown = row.payload.get(..SHOWN).unwrap_or(&row.payload);
        Self {
            trail: Trail {
                read: row.created,
                topic: Arc::from(row.topic.as_str()),
                payload: Arc::from(shown),
                sent: at,
                acknowledged: None,
                parts: 1,
                taken: 0,
            },
            rows: vec![(row.id, false)],
        }
    }

    /// False for one that is older than what is followed.
    fn sent(&mut self, row: &OutboxRow, at: Timestamp) -> bool {
        let newest = self.rows.iter().map(|(id, _)| *id).max();
        if row.created == self.trail.read {
            // Sent again on another connection, or a further part.
            if let Some(part) = self.rows.iter_mut().find(|(id, _)| *id == row.id) {
                part.1 = false;
            } else if self.rows.len() < PARTS {
                self.rows.push((row.id, false));
            }
            self.trail.sent = at;
            self.count();
            return true;
        }
        if newest > Some(row.id) {
            return false;
        }
        *self = Self::new(row, at);
        true
    }

    fn acknowledged(&mut self, row: i64, at: Timestamp) -> bool {
        let Some(part) = self.rows.iter_mut().find(|(id, _)| *id == row) else {
            return false;
        };
        part.1 = true;
        self.trail.acknowledged = Some(at);
        self.count();
        true
    }

    fn count(&mut self) {
        self.trail.parts = self.rows.len();
        self.trail.taken = self.rows.iter().filter(|(_, taken)| *taken).count();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millisecond(ms).unwrap()
    }

    fn row(id: i64, created: i64, device: &str) -> OutboxRow {
        OutboxRow {
            id,
            broker: 1,
            topic: format!("t/{device}"),
            payload: vec![b'x'; 5000],
            created: at(created),
            kind: Kind::Telemetry,
            device: Some(device.to_owned()),
            retain: false,
            attempts: 0,
        }
    }

    #[test]
    fn acknowledged_means_all_of_one_poll() {
        let trails = Trails::default();
        trails.sent(&[row(1, 1000, "a"), row(2, 1000, "a")], at(1010));
        trails.acknowledged(&[2], at(1020));
        let trail = trails.of("a").unwrap();
        assert_eq!((trail.parts, trail.taken), (2, 1));
        assert_eq!(trail.done(2), None);
        trails.acknowledged(&[1], at(1030));
        let trail = trails.of("a").unwrap();
        assert_eq!(trail.done(2), Some(at(1030)));
        // One of three is not even out yet.
        assert_eq!(trail.done(3), None);
        assert_eq!(trail.payload.len(), SHOWN);
        assert_eq!(trails.take_moved(), BTreeSet::from(["a".to_owned()]));
        assert!(trails.take_moved().is_empty());
    }

    #[test]
    fn a_device_that_publishes_here_no_more_is_forgotten() {
        let trails = Trails::default();
        let mut test = row(9, 1000, "x");
        test.kind = Kind::Test;
        trails.sent(&[row(1, 1000, "a"), row(2, 1000, "b"), test], at(1010));
        trails.keep_only(&[Device {
            meter: crate::meter::MeterId(1),
            name: "a".into(),
            kind: "dlms".into(),
            attributes: Vec::new(),
            objects: Vec::new(),
        }]);
        assert!(trails.of("a").is_some() && trails.of_test().is_some());
        assert_eq!(trails.of("b"), None);
        trails.acknowledged(&[1, 2], at(1020));
        assert!(trails.of("a").unwrap().done(1).is_some());
        assert_eq!(trails.of("b"), None);
    }

    #[test]
    fn a_lost_connection_takes_its_acknowledgements_with_it() {
        let trails = Trails::default();
        trails.sent(&[row(1, 1000, "a")], at(1010));
        trails.begin();
        // What the lost one might still say is about a packet of its own.
        trails.acknowledged(&[1], at(1020));
        assert_eq!(trails.of("a").unwrap().done(1), None);
        trails.sent(&[row(1, 1000, "a")], at(2000));
        trails.acknowledged(&[1], at(2010));
        let trail = trails.of("a").unwrap();
        assert_eq!((trail.parts, trail.sent), (1, at(2000)));
        assert_eq!(trail.done(1), Some(at(2010)));
    }

    #[test]
    fn a_straggler_does_not_take_the_place_of_the_newest() {
        let trails = Trails::default();
        // The clock was set back between the two.
        trails.sent(&[row(7, 5000, "a"), row(8, 4000, "a")], at(5001));
        trails.sent(&[row(3, 3000, "a")], at(5002));
        assert_eq!(trails.of("a").unwrap().read, at(4000));
        // It counts, once.
        for row in [3, 3, 8, 99] {
            trails.acknowledged(&[row], at(5003));
        }
        let all = 2 * (5000 + "t/a".len() as u64);
        let (messages, bytes) = (2, all);
        assert_eq!(trails.delivered("a"), Delivered { messages, bytes });
        assert_eq!(trails.delivered("b"), Delivered::default());
        let mut other = row(9, 9000, "a");
        other.kind = Kind::Attributes;
        trails.sent(&[other], at(9001));
        assert_eq!(trails.of("a").unwrap().read, at(4000));
    }
}
