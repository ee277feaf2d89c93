//! How one broker is doing, as a value that is replaced whole. The rule: what waits and what was lost is told beside what
//! arrived.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use crate::diagnosis::Finding;
use crate::store::QueueDepth;

#[derive(Clone, Debug, PartialEq)]
pub enum BrokerPhase {
    Connecting,
    Connected,
    Waiting {
        until: Instant,
    },
    /// Refused in a way that will not mend itself (bad token, unknown certificate); tried again once a minute.
    Refused,
    /// A person said so.
    Paused,
    Stopped,
}

/// Something that happened to the connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    pub at: jiff::Timestamp,
    pub what: String,
    pub cause: Cause,
}

/// Why a connection began or ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cause {
    Connected,
    /// Nobody there, or the network between.
    Unreachable,
    /// The other side hung up without a word.
    Closed,
    /// Another client has our name, says the broker.
    TakenOver,
    /// It did not let us in: name, password, token or certificate.
    Refused,
    /// Messages were not acknowledged.
    NoAcknowledgement,
    /// More than the broker takes.
    Quota,
    /// It does not let us publish there.
    Forbidden,
    Other,
}

/// Of the last few hundred acknowledgements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Latency {
    pub p50: Duration,
    pub p99: Duration,
    pub max: Duration,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BrokerStatus {
    pub phase: BrokerPhase,
    pub since: Instant,
    pub depth: QueueDepth,
    /// What waited at the end of each of the last seconds, oldest first; at most [`TREND`].
    pub trend: Arc<[u64]>,
    /// Since the program started.
    pub acknowledged: u64,
    /// Octets of topics and payloads that went out, and of messages that came in.
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub received: u64,
    /// Acknowledged in the last 60 s.
    pub per_minute: u64,
    pub latency: Option<Latency>,
    pub last_topic: Option<String>,
    /// At most 4 KiB, control characters visible.
    pub last_payload: Option<String>,
    pub last_error: Option<(jiff::Timestamp, String)>,
    /// The last of them, oldest first.
    pub history: Arc<[Happening]>,
    /// How many there ever were: clocks are set back, this is not.
    pub happenings: u64,
    /// What is wrong by name, likeliest first.
    pub findings: Arc<[Finding]>,
    /// Connections after the first.
    pub reconnects: u64,
}

/// Seconds of [`BrokerStatus::trend`].
pub const TREND: usize = 60;
const HISTORY: usize = 20;
const LATENCIES: usize = 512;

impl BrokerStatus {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            phase: BrokerPhase::Connecting,
            since: now,
            depth: QueueDepth::default(),
            trend: Arc::default(),
            acknowledged: 0,
            bytes_sent: 0,
            bytes_received: 0,
            received: 0,
            per_minute: 0,
            latency: None,
            last_topic: None,
            last_payload: None,
            last_error: None,
            history: Arc::default(),
            happenings: 0,
            findings: Arc::default(),
            reconnects: 0,
        }
    }

    pub(super) fn happened(&mut self, what: Happening) {
        let kept = self.history.len().saturating_sub(HISTORY - 1);
        self.history = (self.history.iter().skip(kept).cloned())
            .chain([what])
            .collect();
        self.happenings += 1;
    }

    pub(super) fn tick(&mut self, waiting: u64) {
        let kept = self.trend.len().saturating_sub(TREND - 1);
        self.trend = (self.trend.iter().skip(kept).copied())
            .chain([waiting])
            .collect();
    }
}

/// The last acknowledgements' latencies, in a ring.
#[derive(Debug, Default)]
pub(super) struct Latencies {
    ring: VecDeque<Duration>,
}

impl Latencies {
    pub(super) fn add(&mut self, latency: Duration) {
        if self.ring.len() >= LATENCIES {
            self.ring.pop_front();
        }
        self.ring.push_back(latency);
    }

    pub(super) fn measure(&self) -> Option<Latency> {
        let mut sorted: Vec<Duration> = self.ring.iter().copied().collect();
        sorted.sort_unstable();
        let last = sorted.len().checked_sub(1)?;
        let share = |hundredths: usize| sorted.get(last * hundredths / 100).copied();
        Some(Latency {
            p50: share(50)?,
            p99: share(99)?,
            max: share(100)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rings_keep_the_newest() {
        let mut status = BrokerStatus::new(Instant::now());
        let mut latencies = Latencies::default();
        assert_eq!(latencies.measure(), None);
        for number in 1..=1_000_u32 {
            status.tick(number.into());
            status.happened(Happening {
                at: jiff::Timestamp::UNIX_EPOCH,
                what: number.to_string(),
                cause: Cause::Closed,
            });
            latencies.add(Duration::from_millis(number.into()));
        }
        assert_eq!(status.trend.len(), TREND);
        assert_eq!(status.trend.last(), Some(&1_000));
        assert_eq!(status.history.len(), HISTORY);
        assert_eq!(status.history[0].what, "981");
        let latency = latencies.measure().unwrap();
        assert_eq!(latency.max, Duration::from_secs(1));
        assert_eq!(latency.p50, Duration::from_millis(744));
    }
}
