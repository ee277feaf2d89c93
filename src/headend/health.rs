//! How each meter does, and all of them together: looked at when a meter moved, and every few seconds. The rule: a meter that is
//! silent for ever moves nothing, and is told of all the same.

use super::fleet::{LOT, Meter, State};
use super::{Inner, lock};
use crate::meter::health::{Band, Health, Share};
use crate::meter::{MeterId, Phase};
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// What nobody looked at for so long is looked at.
const EVERY: Duration = Duration::from_secs(10);
/// Between two sums that are shown.
const SUM_EVERY: Duration = Duration::from_secs(1);

/// What a person needs to know of a phase at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PhaseGroup {
    Ready,
    /// Connecting, associating or releasing.
    Busy,
    /// Waits for its next try.
    Retry,
    NeedsPerson,
    Stopped,
    /// Lent to somebody.
    Bench,
}

impl PhaseGroup {
    pub const ALL: [Self; 6] = [
        Self::Ready,
        Self::Busy,
        Self::Retry,
        Self::NeedsPerson,
        Self::Stopped,
        Self::Bench,
    ];

    pub const fn of(phase: &Phase) -> Self {
        match phase {
            Phase::Ready => Self::Ready,
            Phase::Connecting | Phase::Associating | Phase::Releasing => Self::Busy,
            Phase::NeedsPerson => Self::NeedsPerson,
            Phase::Stopped => Self::Stopped,
            Phase::Lent => Self::Bench,
            Phase::Waiting { .. } => Self::Retry,
        }
    }

    /// Nobody expects values of it.
    pub const fn is_off(self) -> bool {
        matches!(self, Self::Stopped | Self::Bench)
    }
}

/// All meters together. Counts are since the program started, and of the meters that are there now.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Totals {
    pub meters: u64,
    groups: [u64; PhaseGroup::ALL.len()],
    bands: [u64; Band::ALL.len()],
    /// Values due and read.
    pub hour: Share,
    pub day: Share,
    pub start: Share,
    /// Milliseconds watched, and those in which values came.
    pub available_day: Share,
    pub available: Share,
    pub cycles: u64,
    /// Grid points without a value.
    pub missed: u64,
    /// Polls that could not be handed on to the store.
    pub lost: u64,
    pub requests: u64,
    pub refused: u64,
    pub frames_sent: u64,
    pub frames_received: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    pub resent: u64,
    pub resyncs: u64,
    pub reconnects: u64,
    /// Values in the database.
    pub stored: u64,
    /// Messages made of them, and acknowledged by brokers.
    pub published: u64,
    pub acknowledged: u64,
    pub acknowledged_bytes: u64,
    /// Over the last seconds.
    pub rates: Rates,
}

/// A second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rates {
    pub values: f64,
    pub requests: f64,
    pub bytes_sent: f64,
    pub bytes_received: f64,
    pub messages: f64,
}

impl Totals {
    pub fn group(&self, group: PhaseGroup) -> u64 {
        self.groups[group as usize]
    }

    /// Of the meters that are wanted: those stopped or on the bench are in none.
    pub fn band(&self, band: Band) -> u64 {
        self.bands[band as usize]
    }

    pub(super) fn add(&mut self, meter: &Meter) {
        let status = meter.status.borrow();
        let health = &meter.health;
        self.meters += 1;
        let group = PhaseGroup::of(&status.phase);
        self.groups[group as usize] += 1;
        if !group.is_off() {
            self.bands[health.band as usize] += 1;
        }
        self.hour += health.hour;
        self.day += health.day;
        self.start += health.start;
        self.available_day += health.available_day;
        self.available += health.available;
        self.cycles += health.cycles;
        self.missed += health.missed;
        let counters = &status.counters;
        self.lost += counters.polls_lost;
        self.requests += counters.gets;
        self.refused += counters.get_errors;
        self.frames_sent += status.link.frames_sent;
        self.frames_received += status.link.frames_received;
        self.bytes_sent += counters.bytes_sent;
        self.bytes_received += counters.bytes_received;
        self.resent += status.link.resent;
        self.resyncs += counters.resyncs;
        self.reconnects += counters.reconnects;
        self.stored += health.stored;
        self.published += health.published;
        self.acknowledged += health.acknowledged;
        self.acknowledged_bytes += health.acknowledged_bytes;
    }
}

impl Rates {
    /// Of what was counted between two moments; what went down with a meter that left is no rate.
    fn between(before: &Totals, now: &Totals, time: Duration) -> Self {
        let seconds = time.as_secs_f64();
        let rate = |of: fn(&Totals) -> u64| {
            let more = of(now).saturating_sub(of(before));
            #[expect(clippy::cast_precision_loss, reason = "counts of seconds")]
            let rate = more as f64 / seconds;
            rate
        };
        Self {
            values: rate(|it| it.start.good),
            requests: rate(|it| it.requests),
            bytes_sent: rate(|it| it.bytes_sent),
            bytes_received: rate(|it| it.bytes_received),
            messages: rate(|it| it.acknowledged),
        }
    }
}

/// When a meter's health was last looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Looked(Option<Instant>);

/// The sums that were shown last.
#[derive(Default)]
pub(super) struct Vital {
    shown: Option<(Instant, Arc<Totals>)>,
    /// What the rates are measured from.
    earlier: Option<(Instant, Arc<Totals>)>,
    rates: Rates,
}

impl State {
    pub(super) fn look_at_health(&mut self, meters: impl IntoIterator<Item = MeterId>) {
        let now = Instant::now();
        for id in meters {
            self.look(id, now);
        }
    }

    /// Whether a person would see that it does better or worse.
    fn look(&mut self, id: MeterId, now: Instant) -> bool {
        let delivered = self.delivered(id);
        let Some(meter) = self.meters.get_mut(&id) else {
            return false;
        };
        let mut health = meter.vitals.health(now);
        if let Some(delivered) = delivered {
            health.acknowledged = delivered.messages;
            health.acknowledged_bytes = delivered.bytes;
        }
        let seen = |it: &Health| (it.band, it.hour.tenths(), it.day.tenths());
        let news = seen(&health) != seen(&meter.health);
        meter.health = Arc::new(health);
        (self.alarms).of_health(&meter.definition, &mut meter.watched, &meter.health, now);
        meter.looked = Looked(Some(now));
        news
    }

    /// Of those behind `after` that nobody looked at lately; the last one, while there are more.
    fn look_at_some(&mut self, after: Option<MeterId>, now: Instant) -> Option<MeterId> {
        let lot = self.lot(after);
        for id in &lot {
            let looked = self.meters.get(id).and_then(|meter| meter.looked.0);
            let old = looked.is_none_or(|at| now.duration_since(at) >= EVERY);
            if old && self.look(*id, now) {
                self.moved.insert(*id);
            }
        }
        let more = lot.len() == LOT;
        lot.last().filter(|_| more).copied()
    }

    fn sum(&self, now: Instant) -> Totals {
        let mut totals = Totals::default();
        for meter in self.meters.values() {
            totals.add(meter);
        }
        totals.rates = match &self.vital.earlier {
            Some((at, before)) if now > *at => {
                Rates::between(before, &totals, now.duration_since(*at))
            }
            _ => self.vital.rates,
        };
        totals
    }

    /// Of no more than a second ago, so that who looks often does not pay for it.
    pub(super) fn recent_totals(&mut self) -> Arc<Totals> {
        let now = Instant::now();
        if let Some((at, totals)) = &self.vital.shown
            && now.saturating_duration_since(*at) < SUM_EVERY
            && totals.meters == self.meters.len() as u64
        {
            return Arc::clone(totals);
        }
        let totals = Arc::new(self.sum(now));
        self.vital.shown = Some((now, Arc::clone(&totals)));
        totals
    }

    fn measure_rates(&mut self, now: Instant) {
        let totals = self.sum(now);
        self.vital.rates = totals.rates;
        self.vital.earlier = Some((now, Arc::new(totals)));
    }

    pub(super) fn stored(&self, meter: MeterId, values: usize, messages: usize) {
        if let Some(meter) = self.meters.get(&meter) {
            meter.vitals.stored(values as u64, messages as u64);
        }
    }
}

/// Ends with the head-end.
pub(super) async fn run(inner: Weak<Inner>) {
    let mut ticks = interval_at(Instant::now() + EVERY, EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    loop {
        ticks.tick().await;
        let mut after = None;
        loop {
            let Some(inner) = inner.upgrade() else { return };
            if lock(&inner.polls).is_none() {
                return;
            }
            after = inner.look_at_some(after);
            if after.is_none() {
                break;
            }
            // Meters have their turn between.
            tokio::task::yield_now().await;
        }
    }
}

impl Inner {
    /// Counted now.
    pub(super) fn totals(&self) -> Totals {
        self.by_lots(|state, lot| state.look_at_health(lot.iter().copied()));
        lock(&self.state).sum(Instant::now())
    }

    fn look_at_some(&self, after: Option<MeterId>) -> Option<MeterId> {
        let now = Instant::now();
        let mut state = lock(&self.state);
        let after = state.look_at_some(after, now);
        if after.is_none() {
            state.measure_rates(now);
        }
        let dirty = state.is_dirty();
        drop(state);
        if dirty {
            self.changed.notify_waiters();
        }
        after
    }
}
