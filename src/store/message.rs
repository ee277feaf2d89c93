//! What goes in and comes out: a poll with the messages made of it, what waits, what became of it. The rule: a message
//! is whole, topic and octets, so that whoever sends it needs nothing else.

use std::sync::Arc;

use jiff::Timestamp;

use crate::meter::Poll;

/// What a message is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Telemetry,
    Attributes,
    /// A device comes or goes.
    Lifecycle,
    /// What there is to be read, for a platform that asks to be told.
    Discovery,
    Statistics,
    /// Sent to see whether it arrives.
    Test,
}

impl Kind {
    const ALL: [Self; 6] = [
        Self::Telemetry,
        Self::Attributes,
        Self::Lifecycle,
        Self::Discovery,
        Self::Statistics,
        Self::Test,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Telemetry => "telemetry",
            Self::Attributes => "attributes",
            Self::Lifecycle => "lifecycle",
            Self::Discovery => "discovery",
            Self::Statistics => "statistics",
            Self::Test => "test",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }
}

/// A message waiting for its PUBACK.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxRow {
    /// Grows, and never comes back.
    pub id: i64,
    pub broker: i64,
    pub topic: String,
    pub payload: Vec<u8>,
    /// When its values were read.
    pub created: Timestamp,
    pub kind: Kind,
    /// As the platform calls it.
    pub device: Option<String>,
    pub retain: bool,
    /// Connections that ended while it was under way.
    pub attempts: u32,
}

impl OutboxRow {
    /// Of topic and payload.
    pub fn octets(&self) -> usize {
        self.topic.len() + self.payload.len()
    }
}

/// A message that was given up on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadRow {
    pub row: OutboxRow,
    pub reason: String,
    /// When it was.
    pub at: Timestamp,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub topic: String,
    pub payload: Vec<u8>,
    pub kind: Kind,
    pub device: Option<String>,
    pub retain: bool,
}

impl Message {
    /// Of no device in particular, not retained.
    pub fn new(kind: Kind, topic: impl Into<String>, payload: impl Into<Vec<u8>>) -> Self {
        Self {
            topic: topic.into(),
            payload: payload.into(),
            kind,
            device: None,
            retain: false,
        }
    }
}

/// What a queue holds, and what never left it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueDepth {
    pub waiting: u64,
    /// Topics and payloads.
    pub bytes: u64,
    pub oldest: Option<Timestamp>,
    /// Ever left out unsent, by the limits or by hand.
    pub dropped: u64,
    /// Given up on and still there to be looked at.
    pub dead: u64,
    /// Ever given up on.
    pub rejected: u64,
}

/// What became of a poll.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Committed {
    pub messages: usize,
    /// Of these, values.
    pub telemetry: usize,
    /// Older messages that had to go for it.
    pub dropped: u64,
}

/// One value as it was stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredReading {
    pub obis: String,
    pub at: Timestamp,
    /// Exact decimal or text.
    pub value: Option<String>,
    /// As the meter sent it, JSON.
    pub raw: Option<String>,
    pub unit: Option<u8>,
    pub error: Option<String>,
}

/// Runs inside the transaction that commits the poll; gets the device's next sequence number, from 1.
/// The number counts as used only when at least one message comes back.
pub type Render = Arc<dyn Fn(u64) -> Vec<Message> + Send + Sync>;

/// A poll, and the broker its messages go to, if any.
pub type Lot = (Arc<Poll>, Option<(i64, Render)>);
