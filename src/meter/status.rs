//! What the screen and scripts see of one meter: a value, replaced whole, never locked.

use super::identity::Identity;
use super::reading::Reading;
use super::recovery::Recovery;
use crate::diagnosis::Finding;
use crate::dlms::hdlc::{Parameters, link::LinkCounters};
use crate::dlms::xdlms::Conformance;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

#[derive(Clone, Debug, PartialEq)]
pub enum Phase {
    Stopped,
    Connecting,
    Associating,
    Ready,
    /// Next try at `until`, after that many failures in a row.
    Waiting {
        until: Instant,
        failures: u32,
    },
    /// A person must say go on.
    NeedsPerson,
    Releasing,
    /// On the bench: somebody probes it or steps through a session, and nobody polls.
    Lent,
}

/// The steps of the ladder, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Rung {
    Tcp,
    Snrm,
    Ua,
    Aarq,
    Aare,
    /// Both proofs of high-level security.
    Hls,
    Ready,
}

#[derive(Clone, Debug, PartialEq, Default)]
pub enum RungState {
    #[default]
    Pending,
    Active,
    Done {
        took: Duration,
        detail: String,
    },
    Failed {
        why: String,
    },
}

/// `values` holds the latest reading per polled object, in the definition's order.
#[derive(Clone, Debug, PartialEq)]
pub struct MeterStatus {
    pub phase: Phase,
    pub since: Instant,
    pub rungs: [RungState; 7],
    pub parameters: Option<Parameters>,
    pub conformance: Option<Conformance>,
    pub max_pdu: Option<u16>,
    pub last_received: Option<Instant>,
    pub ready_since: Option<Instant>,
    pub values: Vec<Option<Reading>>,
    /// What became of the ticks of each object's grid, in the same order.
    pub points: Vec<Points>,
    /// In words: what failed, at which layer, with what evidence, what to try. Kept after it was mended.
    pub last_error: Option<LastError>,
    /// What the person must know before the secret goes out once more; empty where nobody asks.
    pub asks: Vec<String>,
    /// What the bytes say is wrong, likeliest first, a few.
    pub findings: Arc<[Finding]>,
    pub counters: Counters,
    pub link: LinkCounters,
    /// What was done to keep it read.
    pub recovery: Recovery,
    /// When the next poll is due.
    pub next_poll: Option<Instant>,
    pub last_cycle: Option<Duration>,
    /// What one object takes of a poll: the quickest of late.
    pub each: Option<Duration>,
    /// It waits for its turn to connect: as many others as may do at this moment.
    pub queued: bool,
    /// How long an answer is awaited before the meter is asked again, where that is measured and under its timeout.
    pub waits: Option<Duration>,
    /// What the meter says it is, read once an association.
    pub identity: Option<Arc<Identity>>,
}

/// Why a tick of a grid went by without a reading.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Cause {
    /// The meter was there, and what went before was not done.
    #[default]
    Busy,
    /// There was no association, or it was lost before the answer came.
    Away,
    /// It was not to be asked: lent to the bench, waiting for a person, or let go at someone's word.
    Paused,
    /// This object alone is rested, since it keeps failing.
    Resting,
}

/// The ticks of one object's grid, each when it is over. Every one that was due was either read or missed by a cause: the
/// sum of those is `due`, at any moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Points {
    pub due: u32,
    /// The meter answered, be it that it refused.
    pub read: u32,
    pub busy: u32,
    pub away: u32,
    pub paused: u32,
    pub resting: u32,
}

impl Points {
    pub(super) fn due(&mut self, count: u64) {
        self.due = self
            .due
            .saturating_add(u32::try_from(count).unwrap_or(u32::MAX));
    }

    pub(super) fn missed(&mut self, cause: Cause, count: u64) {
        let count = u32::try_from(count).unwrap_or(u32::MAX);
        match cause {
            Cause::Busy => self.busy = self.busy.saturating_add(count),
            Cause::Away => self.away = self.away.saturating_add(count),
            Cause::Paused => self.paused = self.paused.saturating_add(count),
            Cause::Resting => self.resting = self.resting.saturating_add(count),
        }
    }
}

#[derive(Clone, Debug, PartialEq)]
pub struct LastError {
    pub at: jiff::Timestamp,
    pub what: String,
    pub try_next: String,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub gets: u64,
    pub get_errors: u64,
    /// Finished cycles, and how many of them brought not one value.
    pub polls: u64,
    pub polls_failed: u64,
    /// Ticks of the grid that passed while the meter was busy or away.
    pub polls_missed: u64,
    /// Cycles that could not be handed on because the head-end was full.
    pub polls_lost: u64,
    pub connects: u64,
    /// Connects after the first.
    pub reconnects: u64,
    /// SNRM and AARQ again on the same connection.
    pub resyncs: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    /// Smoothed round trip, microseconds.
    pub round_trip_us: u64,
}

impl MeterStatus {
    /// Stopped, nothing known yet, room for `objects` values.
    pub fn new(now: Instant, objects: usize) -> Self {
        Self {
            phase: Phase::Stopped,
            since: now,
            rungs: Default::default(),
            parameters: None,
            conformance: None,
            max_pdu: None,
            last_received: None,
            ready_since: None,
            values: vec![None; objects],
            points: vec![Points::default(); objects],
            last_error: None,
            asks: Vec::new(),
            findings: Arc::default(),
            counters: Counters::default(),
            link: LinkCounters::default(),
            recovery: Recovery::default(),
            next_poll: None,
            last_cycle: None,
            each: None,
            queued: false,
            waits: None,
            identity: None,
        }
    }

    /// Until when the meter may hold an old link for us: it was heard lately, and now no link or association comes about.
    pub fn may_hold_link_until(&self, inactivity: Duration) -> Option<Instant> {
        let failed = |rung| matches!(self.rung(rung), RungState::Failed { .. });
        let refused = [Rung::Snrm, Rung::Ua, Rung::Aarq, Rung::Aare]
            .into_iter()
            .any(failed);
        let until = self.last_received? + inactivity;
        (refused && !inactivity.is_zero()).then_some(until)
    }

    pub fn rung(&self, rung: Rung) -> &RungState {
        &self.rungs[rung as usize]
    }

    pub(super) fn set_rung(&mut self, rung: Rung, state: RungState) {
        self.rungs[rung as usize] = state;
    }
}
