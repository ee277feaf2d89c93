//! How a meter does, measured so that it cannot flatter: what was due by the grid, and what of it brought a value. The rule:
//! time in which the meter was away counts against it, time for which a person stopped it does not count at all.

mod ring;
mod share;
mod spread;
mod tally;

use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

pub use share::{Band, Share};
pub use spread::Percentiles;
use tally::Tally;

/// One look at it; cheap to share, and it does not change by itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Health {
    /// Of the last hour, or of the last day where nothing was due in an hour.
    pub band: Band,
    /// Values due and values read, over all objects. The hour is the last 60 to 70 minutes, the day the last 24 to 26 h:
    /// the part of a ring that is being filled is always in.
    pub hour: Share,
    pub day: Share,
    /// Since the program started.
    pub start: Share,
    /// Milliseconds watched, and those of them in which a poll on the grid had brought a value.
    pub available_hour: Share,
    pub available_day: Share,
    pub available: Share,
    /// In the definition's order.
    pub objects: Box<[ObjectHealth]>,
    /// From a poll's first request to its last answer; of the last half hour to hour, like the answers.
    pub cycle: Option<Percentiles>,
    /// From a request to its answer.
    pub answer: Option<Percentiles>,
    /// Polls that were finished, brought they something or not.
    pub cycles: u64,
    /// Grid points of the poll that brought not one value, whether the meter refused, hung or was away.
    pub missed: u64,
    /// For how long it was watched since the program started: not while it was stopped, or lent.
    pub watched: Duration,
    pub last_value: Option<Instant>,
    /// Values that are in the database, since the program started.
    pub stored: u64,
    /// Messages made of them for a broker.
    pub published: u64,
    /// Messages the broker has acknowledged, and the octets of their topics and payloads. Messages of an earlier run are among
    /// them, where some had waited.
    pub acknowledged: u64,
    pub acknowledged_bytes: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ObjectHealth {
    pub hour: Share,
    pub day: Share,
    pub last_value: Option<Instant>,
}

impl Health {
    /// How old the newest value is.
    pub fn age(&self, now: Instant) -> Option<Duration> {
        self.last_value.map(|at| now.saturating_duration_since(at))
    }
}

/// Where a meter's owner, its session and the head-end count; cheap to clone. Nothing is waited for while it is locked, and
/// nothing else is locked.
#[derive(Clone)]
pub struct Vitals(Arc<Mutex<Tally>>);

impl fmt::Debug for Vitals {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Vitals")
    }
}

impl Vitals {
    /// Nothing is due before [`duty`](Self::duty) begins. `periods`: how often each object is due; `poll`: how often any is.
    pub fn new(now: Instant, poll: Duration, periods: &[Duration]) -> Self {
        Self(Arc::new(Mutex::new(Tally::new(now, poll, periods))))
    }

    /// Whether anybody wants it to be read. Grids begin anew with each stretch of duty.
    pub fn duty(&self, now: Instant, on: bool) {
        self.lock().duty(now, on);
    }

    /// Other objects, or another grid: `was` says which object it was before, for each of them. What is new begins with nothing.
    pub fn plan(
        &self,
        now: Instant,
        poll: Duration,
        objects: impl IntoIterator<Item = (Option<usize>, Duration)>,
    ) {
        self.lock().plan(now, poll, objects);
    }

    /// Another device stands there: nothing that was counted is its.
    pub fn another(&self, now: Instant, poll: Duration, periods: &[Duration]) {
        self.lock().another(now, poll, periods);
    }

    /// A poll begins: what it serves is not missed before it ends.
    pub fn began(&self, now: Instant) {
        self.lock().began(now);
    }

    /// What came of this object at a point of its grid; a second answer for the same point only mends a failed one.
    pub fn tried(&self, object: usize, point: Instant, brought: bool) {
        self.lock().tried(object, point, brought);
    }

    /// The poll of this grid point is over.
    pub fn ended(&self, now: Instant, point: Instant, took: Duration, brought: bool) {
        self.lock().ended(now, point, took, brought);
    }

    /// What is due now failed, without anybody having come to ask: no connection, no association.
    pub fn failed(&self, now: Instant) {
        self.lock().failed(now);
    }

    pub fn answered(&self, took: Duration) {
        self.lock().answered(took);
    }

    pub fn stored(&self, values: u64, messages: u64) {
        self.lock().stored(values, messages);
    }

    /// As of now; `acknowledged` is not known here.
    pub fn health(&self, now: Instant) -> Health {
        self.lock().health(now)
    }

    fn lock(&self) -> MutexGuard<'_, Tally> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
