//! Which objects are due when. Objects of one interval share a grid, and all grids of a meter share their first tick, so that
//! what is due together is read together. The rule: every tick is either served or accounted for with its cause.

use super::pace::Grid;
use crate::meter::definition::{Definition, PolledObject};
use crate::meter::status::{Cause, Points};
use std::time::Duration;
use tokio::time::Instant;

/// The objects of one interval.
#[derive(Clone, Copy, Debug)]
struct Lane {
    grid: Grid,
    /// A tick is being served.
    ticked: bool,
    /// Its objects are being read, tick or not.
    read: bool,
    /// Among its objects is one that was never due: it is read at once, and the grid goes on as it was.
    fresh: bool,
}

/// Empty until the first poll, and after a person stopped the meter: that time is not missed.
#[derive(Debug, Default)]
pub(super) struct Schedule {
    lanes: Vec<Lane>,
    /// Why ticks go by now.
    cause: Cause,
}

impl Schedule {
    /// All objects are due with the next poll, which is tick 0 of all.
    pub(super) fn forget(&mut self) {
        self.lanes.clear();
    }

    /// When something is due; now where nothing was read yet. `None`: there is nothing to read.
    pub(super) fn due(&self, meter: &Definition, now: Instant) -> Option<Instant> {
        if meter.objects.is_empty() {
            return None;
        }
        let each = self
            .lanes
            .iter()
            .map(|lane| if lane.fresh { now } else { lane.grid.next() });
        Some(each.min().unwrap_or(now))
    }

    /// A poll starts: of all objects, or of what is due. Ticks before the one it serves were missed; how many.
    pub(super) fn begin(
        &mut self,
        meter: &Definition,
        now: Instant,
        all: bool,
        points: &mut [Points],
    ) -> u64 {
        let first = self.lanes.is_empty();
        if first {
            self.lanes = lanes(meter, now);
        }
        let mut missed = 0;
        for lane in &mut self.lanes {
            let passed = lane.grid.pass(now);
            lane.ticked = first || passed > 0;
            lane.read = all || lane.ticked || lane.fresh;
            lane.fresh = false;
            // The tick that is served goes into the books with what becomes of it.
            let before = passed.saturating_sub(1);
            missed += before;
            for points in of_lane(meter, points, lane.grid.period()) {
                points.due(before);
                points.missed(self.cause, before);
            }
        }
        // From now on it is we who are late.
        self.cause = Cause::Busy;
        missed
    }

    /// Whether this object is read in the poll that has begun.
    pub(super) fn reads(&self, meter: &Definition, object: &PolledObject) -> bool {
        let period = meter.every(object);
        self.lanes
            .iter()
            .any(|lane| lane.read && lane.grid.period() == period)
    }

    /// Places of the objects that are read in the poll that has begun, instead of what `due` holds.
    pub(super) fn places(&self, meter: &Definition, due: &mut Vec<usize>) {
        due.clear();
        let objects = meter.objects.iter().enumerate();
        due.extend(
            objects
                .filter(|(_, object)| self.reads(meter, object))
                .map(|(place, _)| place),
        );
    }

    /// The tick of this object's grid that is served, or was last.
    pub(super) fn point(&self, meter: &Definition, object: &PolledObject) -> Option<Instant> {
        let period = meter.every(object);
        let lane = self.lanes.iter().find(|it| it.grid.period() == period)?;
        Some(lane.grid.point())
    }

    /// The same of the grid that ticks most often.
    pub(super) fn quickest_point(&self) -> Option<Instant> {
        let quickest = self.lanes.iter().min_by_key(|it| it.grid.period())?;
        Some(quickest.grid.point())
    }

    /// The poll is over. `read` says of an object (by its place) whether its answer came, else why not. Ticks that
    /// went by meanwhile are missed by what was read, and due for what was not; how many were missed.
    pub(super) fn end(
        &mut self,
        meter: &Definition,
        now: Instant,
        read: impl Fn(usize) -> Result<(), Cause>,
        points: &mut [Points],
    ) -> u64 {
        let mut missed = 0;
        for lane in &mut self.lanes {
            if !std::mem::take(&mut lane.read) {
                continue;
            }
            let ticked = std::mem::take(&mut lane.ticked);
            let passed = lane.grid.pass(now);
            missed += passed;
            let period = lane.grid.period();
            for (index, (object, points)) in meter.objects.iter().zip(&mut *points).enumerate() {
                if meter.every(object) != period {
                    continue;
                }
                match (ticked, read(index)) {
                    (true, Ok(())) => points.read += 1,
                    (true, Err(cause)) => points.missed(cause, 1),
                    (false, _) => {}
                }
                points.due(passed + u64::from(ticked));
                points.missed(Cause::Busy, passed);
            }
        }
        missed
    }

    /// From now on ticks go by for another reason; those that went by so far had the old one. How many they were.
    pub(super) fn turns(
        &mut self,
        meter: &Definition,
        now: Instant,
        cause: Cause,
        points: &mut [Points],
    ) -> u64 {
        let before = std::mem::replace(&mut self.cause, cause);
        if before == cause {
            return 0;
        }
        let mut missed = 0;
        for lane in &mut self.lanes {
            let passed = lane.grid.pass(now);
            missed += passed;
            for points in of_lane(meter, points, lane.grid.period()) {
                points.due(passed);
                points.missed(before, passed);
            }
        }
        missed
    }

    /// Whether ticks go by for another reason than this.
    pub(super) fn is_for(&self, cause: Cause) -> bool {
        self.cause == cause
    }

    /// The definition changes. With another period of the meter's all begins anew; else what stays keeps its grid.
    pub(super) fn adopt(&mut self, old: &Definition, new: &Definition, now: Instant) {
        let Some(anchor) = self.lanes.first().map(|lane| lane.grid.anchor()) else {
            return;
        };
        if old.poll != new.poll {
            return self.forget();
        }
        if old.objects == new.objects {
            return;
        }
        let mut anew = lanes(new, anchor);
        for lane in &mut anew {
            let period = lane.grid.period();
            let before = self.lanes.iter().find(|it| it.grid.period() == period);
            if let Some(before) = before {
                *lane = *before;
            } else {
                // Ticks before it was asked for are nobody's.
                lane.grid.pass(now);
            }
            // Those of the meter's own interval come soon enough.
            lane.fresh |= period != new.poll
                && (new.objects.iter())
                    .filter(|object| new.every(object) == period)
                    .any(|object| !old.objects.iter().any(|it| it.spec == object.spec));
            lane.fresh |= before.is_none();
        }
        self.lanes = anew;
    }
}

/// One a different interval, in the objects' order.
fn lanes(meter: &Definition, anchor: Instant) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::with_capacity(1);
    for object in &meter.objects {
        let period = meter.every(object);
        if lanes.iter().all(|lane| lane.grid.period() != period) {
            lanes.push(Lane {
                grid: Grid::new(anchor, period),
                ticked: false,
                read: false,
                fresh: false,
            });
        }
    }
    lanes
}

fn of_lane<'a>(
    meter: &Definition,
    points: &'a mut [Points],
    period: Duration,
) -> impl Iterator<Item = &'a mut Points> {
    let objects = meter.objects.iter();
    (objects.zip(points))
        .filter_map(move |(object, points)| (meter.every(object) == period).then_some(points))
}

#[cfg(test)]
mod tests;
