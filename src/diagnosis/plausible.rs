//! Values that cannot be: held against one another and against what they were before. The rule: a pure function of what
//! was read and when; it knows no meter but by its readings, and keeps no more than the last of each object.
//!
//! The numbers are exact decimals; floats serve only to compare with a margin.

mod checks;
mod clock;
mod rows;
#[cfg(test)]
mod tests;

use super::{Book, Confidence, Diagnosis, Evidence, Finding, Millis};
use crate::cosem::{Decimal, Obis, Unit};
use std::collections::BTreeMap;

/// Objects remembered.
const OBJECTS: usize = 256;

/// One value as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    pub obis: Obis,
    /// raw × 10^scaler.
    pub value: Decimal,
    /// None where the object has none.
    pub unit: Option<Unit>,
    pub at: Millis,
}

/// What is known of the installation. None: not judged.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Expected {
    /// Between phase and neutral, in volts.
    pub voltage: Option<f64>,
    /// In hertz.
    pub frequency: Option<f64>,
}

/// What is kept of one object.
#[derive(Clone, Copy, Debug)]
struct Held {
    now: Sample,
    /// Since when the value has been the same, and power when that began.
    since: Millis,
}

/// Judges the readings of one meter.
#[derive(Debug, Default)]
pub struct Plausible {
    expected: Expected,
    held: BTreeMap<[u8; 6], Held>,
    /// Energy expected since the register last moved, in watt-hours, by channel and direction.
    flowed: BTreeMap<[u8; 6], (Millis, f64)>,
    book: Book,
}

impl Plausible {
    pub fn new(expected: Expected) -> Self {
        Self {
            expected,
            ..Self::default()
        }
    }

    /// Takes a value in; those of one cycle may come in any order.
    pub fn observe(&mut self, sample: &Sample) {
        let key = sample.obis.0;
        let before = self.held.get(&key).copied();
        if before.is_none() && self.held.len() >= OBJECTS {
            return;
        }
        // A value that means "none" is told of and not compared with anything.
        if self.filler(sample) {
            self.held.remove(&key);
            return;
        }
        self.alone(sample);
        if let Some(before) = before {
            self.against_before(sample, &before.now);
        }
        let same = before.filter(|before| before.now.value == sample.value);
        self.held.insert(
            key,
            Held {
                now: *sample,
                since: same.map_or(sample.at, |before| before.since),
            },
        );
        self.together(sample);
    }

    /// Best first.
    pub fn findings(&self) -> Vec<Finding> {
        self.book.ranked()
    }

    fn say(&mut self, row: &'static Diagnosis, sure: Confidence, text: impl FnOnce() -> String) {
        self.book.note(row, sure, || Evidence::words(text()));
    }

    /// The last value of an object, if it is no older than `window` before `at`.
    fn last(&self, obis: Obis, at: Millis, window: Millis) -> Option<f64> {
        let held = self.held.get(&obis.0)?;
        let near = at.saturating_sub(held.now.at).saturating_abs() <= window;
        near.then(|| held.now.value.to_f64())
    }
}

/// `1-1:32.7.0.255 = 135.40 V`
fn shown(sample: &Sample) -> String {
    let unit = sample.unit.map_or("", Unit::symbol);
    format!("{} = {} {unit}", sample.obis, sample.value)
        .trim_end()
        .to_owned()
}
