//! The counting itself; pure, time as data. Each object has a grid of points; a point is served by the first value that comes
//! before the next point, and missed once that has come. The rule: nothing is settled before its time, and nothing twice.

use super::ring::{ALL, Ring, SHORT};
use super::share::{Band, Share};
use super::spread::Spread;
use super::{Health, ObjectHealth};
use std::time::Duration;
use tokio::time::Instant;

/// Where the windows of the percentiles end: every half hour.
const WINDOW: u64 = 3 * SHORT;

pub(super) struct Tally {
    /// All times below are milliseconds since then.
    born: Instant,
    on: bool,
    /// A poll is under way.
    open: bool,
    /// Everything is accounted for up to then.
    rolled: u64,
    watched: u64,
    /// Any value at all, by time.
    whole: Grid,
    available: Ring<u32>,
    all_available: Share,
    objects: Box<[Object]>,
    all: Share,
    cycle: Spread,
    answer: Spread,
    cycles: u64,
    missed: u64,
    stored: u64,
    published: u64,
}

struct Object {
    grid: Grid,
    ring: Ring<u16>,
    /// Milliseconds, one more than it was; 0 for never.
    last: u64,
}

/// Points of time, and the first that is not settled.
struct Grid {
    next: u64,
    period: u32,
    /// That one was tried in vain.
    tried: bool,
}

/// What became settled: points missed, and whether this one was served.
#[derive(Default)]
struct Settled {
    missed: u64,
    served: bool,
}

impl Settled {
    fn share(&self) -> Share {
        let served = u64::from(self.served);
        Share::new(served, self.missed + served)
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

impl Grid {
    fn new(period: Duration, now: u64) -> Self {
        Self {
            next: now,
            period: u32::try_from(millis(period)).unwrap_or(u32::MAX).max(1),
            tried: false,
        }
    }

    fn begin(&mut self, now: u64) {
        (self.next, self.tried) = (now, false);
    }

    /// How many points are over at `now` and brought nothing.
    fn pass(&mut self, now: u64) -> u64 {
        let period = u64::from(self.period);
        let passed = now.saturating_sub(self.next) / period;
        if passed > 0 {
            self.next += passed * period;
            self.tried = false;
        }
        passed
    }

    /// The poller's grid may stand a little beside ours, and was told to it later: its points count.
    fn tried(&mut self, point: u64, brought: bool) -> Settled {
        let period = u64::from(self.period);
        let slack = period / 8;
        let Some(since) = (point + slack).checked_sub(self.next) else {
            // Served already.
            return Settled::default();
        };
        self.next = if brought { point + period } else { point };
        self.tried = !brought;
        Settled {
            missed: since / period,
            served: brought,
        }
    }

    /// The point whose time is not over, if it is known to have failed so far.
    fn failing(&self) -> Share {
        Share::new(0, u64::from(self.tried))
    }
}

impl Object {
    fn new(period: Duration, now: u64) -> Self {
        Self {
            grid: Grid::new(period, now),
            ring: Ring::default(),
            last: 0,
        }
    }
}

impl Tally {
    pub(super) fn new(now: Instant, poll: Duration, periods: &[Duration]) -> Self {
        Self {
            born: now,
            on: false,
            open: false,
            rolled: 0,
            watched: 0,
            whole: Grid::new(poll, 0),
            available: Ring::default(),
            all_available: Share::default(),
            objects: periods.iter().map(|it| Object::new(*it, 0)).collect(),
            all: Share::default(),
            cycle: Spread::default(),
            answer: Spread::default(),
            cycles: 0,
            missed: 0,
            stored: 0,
            published: 0,
        }
    }

    fn at(&self, now: Instant) -> u64 {
        millis(now.saturating_duration_since(self.born))
    }

    fn instant(&self, at: u64) -> Instant {
        self.born + Duration::from_millis(at)
    }

    pub(super) fn duty(&mut self, now: Instant, on: bool) {
        self.roll(now);
        if self.on != on {
            self.on = on;
            self.begin();
        }
    }

    fn begin(&mut self) {
        self.open = false;
        self.whole.begin(self.rolled);
        for object in &mut self.objects {
            object.grid.begin(self.rolled);
        }
    }

    pub(super) fn plan(
        &mut self,
        now: Instant,
        poll: Duration,
        objects: impl IntoIterator<Item = (Option<usize>, Duration)>,
    ) {
        self.roll(now);
        let mut old: Vec<Option<Object>> = std::mem::take(&mut self.objects)
            .into_iter()
            .map(Some)
            .collect();
        let now = self.rolled;
        let whole = Grid::new(poll, now);
        if whole.period != self.whole.period {
            self.whole = whole;
        }
        self.objects = objects
            .into_iter()
            .map(|(was, period)| {
                let new = Object::new(period, now);
                match was.and_then(|at| old.get_mut(at)?.take()) {
                    Some(kept) if kept.grid.period == new.grid.period => kept,
                    Some(kept) => Object {
                        grid: new.grid,
                        ..kept
                    },
                    None => new,
                }
            })
            .collect();
    }

    pub(super) fn another(&mut self, now: Instant, poll: Duration, periods: &[Duration]) {
        let on = self.on;
        let counted = (self.stored, self.published);
        *self = Self::new(now, poll, periods);
        (self.stored, self.published) = counted;
        self.on = on;
    }

    pub(super) fn began(&mut self, now: Instant) {
        self.roll(now);
        self.open = true;
    }

    pub(super) fn tried(&mut self, object: usize, point: Instant, brought: bool) {
        let (at, on, rolled) = (self.at(point), self.on, self.rolled);
        let Some(object) = self.objects.get_mut(object).filter(|_| on) else {
            return;
        };
        if brought {
            object.last = rolled.max(at) + 1;
        }
        let settled = object.grid.tried(at, brought).share();
        object.ring.add(rolled, settled);
        self.all += settled;
    }

    pub(super) fn ended(&mut self, now: Instant, point: Instant, took: Duration, brought: bool) {
        // Still open: what the poll itself was late for is settled by what it brought.
        self.roll(now);
        self.open = false;
        self.cycles += 1;
        self.cycle.add(took);
        if self.on {
            let settled = self.whole.tried(self.at(point), brought);
            self.watch(&settled);
            self.settle(self.rolled, self.rolled);
        }
    }

    fn watch(&mut self, settled: &Settled) {
        let Share { of, good } = settled.share();
        let period = u64::from(self.whole.period);
        let time = Share::new(good * period, of * period);
        self.available.add(self.rolled, time);
        self.all_available += time;
        self.missed += settled.missed;
    }

    pub(super) fn failed(&mut self, now: Instant) {
        self.roll(now);
        if !self.on {
            return;
        }
        let grids = self.objects.iter_mut().map(|object| &mut object.grid);
        for grid in grids.chain([&mut self.whole]) {
            grid.tried |= grid.next <= self.rolled;
        }
    }

    pub(super) fn answered(&mut self, took: Duration) {
        self.answer.add(took);
    }

    pub(super) fn stored(&mut self, values: u64, messages: u64) {
        self.stored += values;
        self.published += messages;
    }

    /// Accounts for the time up to now.
    fn roll(&mut self, now: Instant) {
        let now = self.at(now);
        if now.saturating_sub(self.rolled) > 2 * ALL {
            // All of this falls out of every window again.
            self.pass(now - ALL);
        }
        while self.rolled < now {
            let edge = (self.rolled / SHORT + 1) * SHORT;
            self.pass(edge.min(now));
            if self.rolled == edge {
                self.turn(edge);
            }
        }
    }

    fn pass(&mut self, to: u64) {
        let from = std::mem::replace(&mut self.rolled, to);
        if !self.on {
            return;
        }
        self.watched += to.saturating_sub(from);
        if self.open {
            return;
        }
        // What is over at an edge belongs to the part before it.
        self.settle(to, to.saturating_sub(1).max(from));
    }

    /// What was over at `to` is missed, and counted in the part that holds `part`.
    fn settle(&mut self, to: u64, part: u64) {
        for object in &mut self.objects {
            let missed = Share::new(0, object.grid.pass(to));
            object.ring.add(part, missed);
            self.all += missed;
        }
        let missed = self.whole.pass(to);
        if missed > 0 && !self.objects.is_empty() {
            let time = Share::new(0, missed * u64::from(self.whole.period));
            self.available.add(part, time);
            self.all_available += time;
            self.missed += missed;
        }
    }

    fn turn(&mut self, edge: u64) {
        for object in &mut self.objects {
            object.ring.turn(edge);
        }
        self.available.turn(edge);
        if edge.is_multiple_of(WINDOW) {
            self.cycle.turn();
            self.answer.turn();
        }
    }

    pub(super) fn health(&mut self, now: Instant) -> Health {
        self.roll(now);
        let objects: Box<[ObjectHealth]> = (self.objects.iter())
            .map(|object| {
                let failing = object.grid.failing();
                ObjectHealth {
                    hour: object.ring.hour() + failing,
                    day: object.ring.day() + failing,
                    last_value: object.last.checked_sub(1).map(|at| self.instant(at)),
                }
            })
            .collect();
        let failing =
            (self.objects.iter()).fold(Share::default(), |sum, object| sum + object.grid.failing());
        let hour: Share = objects
            .iter()
            .fold(Share::default(), |sum, it| sum + it.hour);
        let day: Share = objects
            .iter()
            .fold(Share::default(), |sum, it| sum + it.day);
        let down = if self.whole.tried && !self.objects.is_empty() {
            self.rolled.saturating_sub(self.whole.next)
        } else {
            0
        };
        let down = Share::new(0, down.min(self.whole.period.into()));
        Health {
            band: Band::of(if hour.of == 0 { day } else { hour }),
            hour,
            day,
            start: self.all + failing,
            available_hour: self.available.hour() + down,
            available_day: self.available.day() + down,
            available: self.all_available + down,
            last_value: objects.iter().filter_map(|it| it.last_value).max(),
            objects,
            cycle: self.cycle.percentiles(),
            answer: self.answer.percentiles(),
            cycles: self.cycles,
            missed: self.missed,
            watched: Duration::from_millis(self.watched),
            stored: self.stored,
            published: self.published,
            acknowledged: 0,
            acknowledged_bytes: 0,
        }
    }
}
