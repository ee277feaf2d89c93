//! Which readings of a poll the broker is told, by each object's report strategy. The rule: what counts as told is what was
//! committed; a poll that could not be stored leaves things as if it had not been. The first of each start is told.

use std::collections::BTreeMap;

use crate::cosem::{Data, Decimal};
use crate::meter::definition::{Deadband, Report};
use crate::meter::{Poll, PolledObject, Reading};

/// What one meter's receiver was told last, by key.
#[derive(Debug, Default)]
pub struct Reported {
    /// Broker and device name: another receiver knows nothing yet.
    whom: (i64, String),
    last: BTreeMap<String, Last>,
}

#[derive(Debug)]
struct Last {
    at: jiff::Timestamp,
    said: Said,
}

#[derive(Debug, PartialEq)]
enum Said {
    Number(Decimal),
    Other(Data),
    Error(String),
}

impl Said {
    fn of(reading: &Reading) -> Self {
        match (&reading.value, reading.decimal()) {
            (Err(error), _) => Self::Error(error.to_string()),
            (Ok(_), Some(number)) => Self::Number(number),
            (Ok(data), None) => Self::Other(data.clone()),
        }
    }
}

impl Reported {
    /// Whether any of these is told less often than it is read.
    pub fn matters(objects: &[PolledObject]) -> bool {
        objects.iter().any(|object| !object.report.is_every())
    }

    /// What of this poll is to be told.
    pub fn choose(&self, whom: &(i64, String), objects: &[PolledObject], poll: &Poll) -> Poll {
        let due = |reading: &&Reading| {
            let object = objects.iter().find(|object| object.key == reading.key);
            let report = object.map_or_else(Report::default, |object| object.report);
            let last = self.last.get(&reading.key).filter(|_| self.whom == *whom);
            last.is_none_or(|last| is_due(report, last, reading))
        };
        Poll {
            meter: poll.meter,
            at: poll.at,
            readings: poll.readings.iter().filter(due).cloned().collect(),
        }
    }

    /// That was committed.
    pub fn settle(&mut self, whom: (i64, String), objects: &[PolledObject], told: &Poll) {
        if self.whom != whom {
            self.last.clear();
            self.whom = whom;
        }
        self.last
            .retain(|key, _| objects.iter().any(|object| object.key == *key));
        for reading in &told.readings {
            let last = Last {
                at: reading.at,
                said: Said::of(reading),
            };
            self.last.insert(reading.key.clone(), last);
        }
    }
}

fn is_due(report: Report, last: &Last, reading: &Reading) -> bool {
    if report.is_every() {
        return true;
    }
    let elapsed = reading.at.duration_since(last.at);
    let elapsed = std::time::Duration::try_from(elapsed);
    let late = report.period.is_some_and(|period| {
        // A poll comes a little early at times; a clock that was put back says nothing of how long it has been.
        elapsed.map_or(true, |elapsed| {
            elapsed.saturating_add(period / 20) >= period
        })
    });
    late || report
        .change
        .is_some_and(|by| match (&last.said, &Said::of(reading)) {
            (Said::Number(before), Said::Number(now)) => moved(by, *before, *now),
            (before, now) => before != now,
        })
}

/// A number as raw × 10^exponent.
type Exact = (i128, i32);

/// Whether the two are as far apart as that, and apart at all. Exact; what is too large to calculate with counts as moved.
fn moved(by: Deadband, before: Decimal, now: Decimal) -> bool {
    let exact = |it: Decimal| (it.raw, i32::from(it.scaler));
    let (before, now) = (exact(before), exact(now));
    let Some((a, b)) = aligned(before, now) else {
        return true;
    };
    let Some(apart) = a.checked_sub(b).and_then(i128::checked_abs) else {
        return true;
    };
    let exponent = before.1.min(now.1);
    apart != 0
        && match by {
            Deadband::Absolute(by) => at_least((apart, exponent), exact(by)),
            Deadband::Percent(by) => {
                let (by, places) = exact(by);
                let share = before.0.checked_abs().and_then(|it| it.checked_mul(by));
                // A hundredth of it is two places down.
                share
                    .is_none_or(|share| at_least((apart, exponent), (share, before.1 + places - 2)))
            }
        }
}

fn at_least(a: Exact, b: Exact) -> bool {
    aligned(a, b).is_none_or(|(a, b)| a >= b)
}

/// Both by the same power of ten.
fn aligned(a: Exact, b: Exact) -> Option<(i128, i128)> {
    let least = a.1.min(b.1);
    let at = |(raw, exponent): Exact| match raw {
        0 => Some(0),
        raw => {
            let up = u32::try_from(exponent - least).ok()?;
            10_i128.checked_pow(up)?.checked_mul(raw)
        }
    };
    Some((at(a)?, at(b)?))
}

#[cfg(test)]
mod tests;
