//! What the screen and scripts see of one meter: a value, replaced whole, never locked.

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
            last_error: None,
            asks: Vec::new(),
            findings: Arc::default(),
            counters: Counters::default(),
            link: LinkCounters::default(),
            recovery: Recovery::default(),
            next_poll: None,
            last_cycle: None,
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
