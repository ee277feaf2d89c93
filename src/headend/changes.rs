//! What the head-end shows: views, and what changed since someone last looked. Bounded however long nobody looks.

use super::attention::Attention;
use super::bench::BenchView;
use super::health::Totals;
use crate::diagnosis::Finding;
use crate::meter::health::Health;
use crate::meter::{Definition, MeterId, MeterStatus};
use crate::publish::{BrokerStatus, Trail};
use crate::store::{Alarm, BrokerDefinition, DeadLetter};
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// One meter as seen from outside; replaced whole when anything changes.
#[derive(Clone, Debug, PartialEq)]
pub struct MeterView {
    pub definition: Arc<Definition>,
    pub status: MeterStatus,
    /// As it was when the meter last moved, or a few seconds ago.
    pub health: Arc<Health>,
    /// What is done with it on the bench, or was and is not closed.
    pub bench: Option<Arc<BenchView>>,
    /// Why somebody should look at it, as of when this was made.
    pub attention: Option<Arc<Attention>>,
}

impl MeterView {
    /// With what is to be said of it without being asked.
    #[must_use]
    pub fn judged(mut self, now: Instant) -> Self {
        self.attention = Attention::of(&self, now).map(Arc::new);
        self
    }

    /// What is found wrong, likeliest first: by the bench, where it found anything.
    pub fn findings(&self) -> &[Finding] {
        match &self.bench {
            Some(bench) if !bench.findings.is_empty() => &bench.findings,
            _ => &self.status.findings,
        }
    }

    /// Somebody works on it at the bench now.
    pub fn on_bench(&self) -> bool {
        self.bench.as_ref().is_some_and(|bench| !bench.is_over())
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct BrokerView {
    pub definition: BrokerDefinition,
    pub status: BrokerStatus,
    /// The newest messages given up on, newest first.
    pub letters: Arc<[DeadLetter]>,
}

/// What became of a meter's newest poll on its way to a broker.
#[derive(Clone, Debug, PartialEq)]
pub struct Published {
    pub broker_id: i64,
    pub broker: String,
    /// As the platform calls the meter.
    pub device: String,
    /// When the poll was.
    pub read: jiff::Timestamp,
    /// When it was in the database, and its messages with it.
    pub stored: jiff::Timestamp,
    /// Messages with values of it; none where nothing was due.
    pub messages: usize,
    /// None while none of them went out.
    pub trail: Option<Trail>,
}

#[derive(Clone, Debug, Default)]
pub struct Changes {
    pub meters: Vec<Arc<MeterView>>,
    pub removed: Vec<MeterId>,
    pub brokers: Vec<Arc<BrokerView>>,
    pub removed_brokers: Vec<i64>,
    pub published: Vec<(MeterId, Arc<Published>)>,
    pub notices: Vec<Notice>,
    /// Raised, cleared, acknowledged, or still seen to hold: each as it is now, the oldest first.
    pub alarms: Vec<Arc<Alarm>>,
    /// Of all meters; none in changes that bring nothing of a head-end.
    pub totals: Option<Arc<Totals>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Notice {
    pub level: Level,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    Info,
    Warning,
    Error,
}

/// Notices nobody took yet; the oldest make way.
const MOST_NOTICES: usize = 100;
/// The same words again within this time are not news: a full disk fails every poll of every meter.
const SAME_WORDS: Duration = Duration::from_mins(1);

#[derive(Default)]
pub(super) struct Notices {
    waiting: VecDeque<Notice>,
    said: VecDeque<(String, Instant)>,
}

impl Notices {
    /// True when it is news.
    pub(super) fn add(&mut self, level: Level, text: String) -> bool {
        let now = Instant::now();
        self.said
            .retain(|(_, at)| now.duration_since(*at) < SAME_WORDS);
        if self.said.iter().any(|(said, _)| *said == text) {
            return false;
        }
        if self.said.len() >= MOST_NOTICES {
            self.said.pop_front();
        }
        if self.waiting.len() >= MOST_NOTICES {
            self.waiting.pop_front();
        }
        self.said.push_back((text.clone(), now));
        self.waiting.push_back(Notice { level, text });
        true
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn take(&mut self) -> Vec<Notice> {
        self.waiting.drain(..).collect()
    }
}
