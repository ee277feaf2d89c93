//! What the poller shows of itself: one status, changed in place, watched from outside. Cheap to clone.

use crate::diagnosis::Finding;
use crate::dlms::hdlc::link::LinkCounters;
use crate::meter::clock::Clock;
use crate::meter::definition::{Definition, PolledObject};
use crate::meter::health::Vitals;
use crate::meter::identity::Identity;
use crate::meter::reading::Reading;
use crate::meter::recovery::Recovery;
use crate::meter::session::{Session, SessionError, Settled, Traffic};
use crate::meter::status::{Counters, LastError, MeterStatus, Phase, Points, Rung, RungState};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// More than these nobody reads at a glance.
const MOST_FINDINGS: usize = 5;

#[derive(Clone)]
pub(super) struct Board {
    status: watch::Sender<MeterStatus>,
    clock: Clock,
    /// What earlier sessions counted.
    before: (Traffic, LinkCounters),
    pub(super) vitals: Vitals,
}

impl Board {
    pub(super) fn new(clock: Clock, meter: &Definition) -> Self {
        let now = Instant::now();
        Self {
            status: watch::Sender::new(MeterStatus::new(now, meter.objects.len())),
            clock,
            before: Default::default(),
            vitals: Vitals::new(now, meter.interval(), &periods(meter)),
        }
    }

    pub(super) fn watch(&self) -> watch::Receiver<MeterStatus> {
        self.status.subscribe()
    }

    pub(super) fn is(&self, phase: &Phase) -> bool {
        self.status.borrow().phase == *phase
    }

    pub(super) fn phase_words(&self) -> &'static str {
        match self.status.borrow().phase {
            Phase::Stopped => "the meter is stopped",
            Phase::Connecting if self.status.borrow().queued => {
                "the meter waits for its turn to connect"
            }
            Phase::Connecting | Phase::Associating => "the meter is being connected",
            Phase::Ready => "the meter is ready",
            Phase::Waiting { .. } => "the meter could not be reached; the next try comes by itself",
            Phase::NeedsPerson => {
                "the meter refused the password, the proof or the keys; a person must say go on"
            }
            Phase::Releasing => "the meter is being released",
            Phase::Lent => "the meter is on the bench",
        }
    }

    pub(super) fn phase(&self, phase: Phase) {
        match phase {
            // A person said so.
            Phase::Stopped | Phase::Lent => self.vitals.duty(Instant::now(), false),
            // It still does what it did.
            Phase::Releasing => {}
            _ => self.vitals.duty(Instant::now(), true),
        }
        self.status.send_modify(|s| {
            let now = Instant::now();
            match phase {
                Phase::Connecting => {
                    s.rungs = Default::default();
                    (s.parameters, s.conformance, s.max_pdu) = (None, None, None);
                }
                // A link is made anew on the same connection: the first rung stands.
                Phase::Associating => s.rungs[1..].fill(RungState::Pending),
                _ => {}
            }
            if phase == Phase::Ready {
                s.ready_since = Some(now);
            } else {
                (s.ready_since, s.next_poll) = (None, None);
            }
            s.phase = phase;
            s.since = now;
        });
    }

    pub(super) fn rung(&self, rung: Rung, state: RungState) {
        self.status.send_modify(|s| s.set_rung(rung, state));
    }

    pub(super) fn count(&self, add: impl FnOnce(&mut Counters)) {
        self.status.send_modify(|s| add(&mut s.counters));
    }

    pub(super) fn next_poll(&self, at: Option<Instant>) {
        self.status.send_if_modified(|s| {
            let changed = s.next_poll != at;
            s.next_poll = at;
            changed
        });
    }

    pub(super) fn failed(&self, error: &SessionError, meter: &Definition) {
        let last = LastError {
            at: self.clock.now(),
            what: error.to_string(),
            try_next: error.advice(meter),
        };
        self.vitals.failed(Instant::now());
        self.status.send_modify(|s| s.last_error = Some(last));
    }

    /// What went wrong though no exchange did.
    pub(super) fn trouble(&self, what: String, try_next: String) {
        let at = self.clock.now();
        let last = LastError { at, what, try_next };
        self.status.send_modify(|s| s.last_error = Some(last));
    }

    pub(super) fn recovery(&self, change: impl FnOnce(&mut Recovery)) {
        self.status.send_if_modified(|s| {
            let before = s.recovery.clone();
            change(&mut s.recovery);
            s.recovery != before
        });
    }

    /// How long the meter may still hold an old link that is in the way.
    pub(super) fn may_hold_link(&self, inactivity: Duration) -> Option<Duration> {
        let until = self.status.borrow().may_hold_link_until(inactivity)?;
        let left = until.saturating_duration_since(Instant::now());
        (!left.is_zero()).then_some(left)
    }

    /// What is asked before the secret goes out once more.
    pub(super) fn asks(&self, words: Vec<String>) {
        self.status.send_modify(|s| s.asks = words);
    }

    pub(super) fn findings(&self, mut findings: Vec<Finding>) {
        findings.truncate(MOST_FINDINGS);
        self.status.send_if_modified(|s| {
            let changed = *s.findings != *findings;
            if changed {
                s.findings = findings.into();
            }
            changed
        });
    }

    /// A fault of ours ended the owner.
    pub(super) fn broke_off(&self) {
        self.trouble(
            "the task of this meter broke off: a fault of obiscope".to_owned(),
            "the meter was let go; restart obiscope, and report what the log says".to_owned(),
        );
        self.phase(Phase::Stopped);
    }

    /// Fresh values with the counters as they stand; `fresh` is emptied.
    pub(super) fn values(&self, fresh: &mut Vec<(usize, Reading)>, session: &Session) {
        self.status.send_modify(|s| {
            for (index, reading) in fresh.drain(..) {
                if let Some(value) = s.values.get_mut(index) {
                    *value = Some(reading);
                }
            }
            self.take_counts(s, session);
        });
    }

    pub(super) fn session(&self, session: &Session) {
        let Settled {
            parameters,
            conformance,
            max_pdu,
        } = session.settled();
        self.status.send_modify(|s| {
            (s.parameters, s.conformance, s.max_pdu) = (parameters, conformance, max_pdu);
            self.take_counts(s, session);
        });
    }

    /// The books of the ticks; nobody is told of it before the next change.
    pub(super) fn book<T>(&self, change: impl FnOnce(&mut [Points]) -> T) -> Option<T> {
        let mut done = None;
        self.status.send_if_modified(|s| {
            done = Some(change(&mut s.points));
            false
        });
        done
    }

    pub(super) fn queued(&self, queued: bool) {
        self.status.send_modify(|s| s.queued = queued);
    }

    pub(super) fn identity(&self, identity: Option<&Identity>) {
        self.status.send_if_modified(|s| {
            let changed = s.identity.as_deref() != identity;
            if changed {
                s.identity = identity.cloned().map(Arc::new);
            }
            changed
        });
    }

    /// How long one object took of a poll in which all were answered: the quickest of late.
    pub(super) fn each(&self, took: Duration) {
        self.status.send_if_modified(|s| {
            let faded = s.each.map(|before| before + before / 16);
            s.each = Some(faded.map_or(took, |faded| faded.min(took)));
            false
        });
    }

    pub(super) fn cycle(&self, took: Duration, failed: bool, missed: u64) {
        self.status.send_modify(|s| {
            s.last_cycle = Some(took);
            s.counters.polls += 1;
            s.counters.polls_failed += u64::from(failed);
            s.counters.polls_missed += missed;
        });
    }

    /// Another grid, or other objects.
    pub(super) fn plan(&self, old: &Definition, new: &Definition) {
        let was = |object: &PolledObject| old.objects.iter().position(|it| it.spec == object.spec);
        let objects = new.objects.iter().zip(periods(new));
        let objects = objects.map(|(object, period)| (was(object), period));
        self.vitals.plan(Instant::now(), new.interval(), objects);
    }

    /// The objects changed: values of those that stay are kept, in the new order.
    pub(super) fn objects(&self, old: &Definition, new: &Definition) {
        self.status.send_modify(|s| {
            let mut values = std::mem::take(&mut s.values);
            s.values = (new.objects.iter())
                .map(|object| {
                    let at = old.objects.iter().position(|o| o.spec == object.spec)?;
                    values.get_mut(at)?.take()
                })
                .collect();
            let points = std::mem::take(&mut s.points);
            s.points = (new.objects.iter())
                .map(|object| {
                    let at = old.objects.iter().position(|o| o.spec == object.spec);
                    at.and_then(|at| points.get(at))
                        .copied()
                        .unwrap_or_default()
                })
                .collect();
        });
    }

    /// Another device stands there.
    pub(super) fn another(&self, new: &Definition) {
        self.vitals
            .another(Instant::now(), new.interval(), &periods(new));
        let objects = new.objects.len();
        self.status.send_modify(|s| {
            s.values = vec![None; objects];
            s.points = vec![Points::default(); objects];
            (s.identity, s.each) = (None, None);
        });
    }

    /// The session as it stands before it is let go.
    pub(super) fn counts(&self, session: &Session) {
        self.status.send_modify(|s| self.take_counts(s, session));
    }

    /// The session is over: what it counted is kept, its goodbye included.
    pub(super) fn keep(&mut self, traffic: Traffic, link: LinkCounters) {
        self.before = (plus(self.before.0, traffic), plus_link(self.before.1, link));
        let (traffic, link) = self.before;
        self.status.send_modify(|s| show_counts(s, traffic, link));
    }

    fn take_counts(&self, s: &mut MeterStatus, session: &Session) {
        s.waits = session.waits();
        s.last_received = session.last_received().or(s.last_received);
        let traffic = plus(self.before.0, session.traffic());
        let link = plus_link(self.before.1, session.link_counters());
        show_counts(s, traffic, link);
    }
}

fn show_counts(s: &mut MeterStatus, traffic: Traffic, link: LinkCounters) {
    s.link = link;
    s.counters.gets = traffic.gets;
    s.counters.get_errors = traffic.get_errors;
    s.counters.bytes_sent = traffic.bytes_sent;
    s.counters.bytes_received = traffic.bytes_received;
    s.counters.round_trip_us = traffic.round_trip_us;
}

/// How often each object is due.
fn periods(meter: &Definition) -> Vec<Duration> {
    meter.objects.iter().map(|it| meter.every(it)).collect()
}

fn plus(a: Traffic, b: Traffic) -> Traffic {
    Traffic {
        gets: a.gets + b.gets,
        get_errors: a.get_errors + b.get_errors,
        bytes_sent: a.bytes_sent + b.bytes_sent,
        bytes_received: a.bytes_received + b.bytes_received,
        // Not a sum: the newer one that knows.
        round_trip_us: if b.round_trip_us == 0 {
            a.round_trip_us
        } else {
            b.round_trip_us
        },
    }
}

fn plus_link(a: LinkCounters, b: LinkCounters) -> LinkCounters {
    LinkCounters {
        frames_sent: a.frames_sent + b.frames_sent,
        frames_received: a.frames_received + b.frames_received,
        resent: a.resent + b.resent,
        bad_fcs: a.bad_fcs + b.bad_fcs,
        dropped: a.dropped + b.dropped,
        junk_bytes: a.junk_bytes + b.junk_bytes,
    }
}
