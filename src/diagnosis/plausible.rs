//! Values that cannot be: held against one another and against what they were before. The rule: a pure function of what
//! was read and when; it knows no meter but by its readings, keeps no more than the last of each object, and what it
//! said is taken back when the object reads well again.
//!
//! The numbers are exact decimals; floats serve only to compare with a margin.

mod checks;
mod claims;
mod clock;
mod energy;
mod rows;
#[cfg(test)]
mod tests;
mod together;

use super::{Finding, Millis};
use crate::cosem::by_object::ByObject;
use crate::cosem::{Decimal, Obis, Unit};
use claims::Claims;
use energy::Flow;
use std::collections::BTreeMap;

/// Objects remembered.
const OBJECTS: usize = 256;
/// What several values say together must hold in so many cycles: a load that is switched between two answers of one
/// cycle looks like a contradiction, once.
const PATIENCE: u32 = 3;

/// Whether a finding of this id is about values, or the clock, and not about what bytes say of the link.
pub fn is_one(id: &str) -> bool {
    rows::ALL.iter().any(|row| row.id == id)
}

/// One value as it was read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sample {
    pub obis: Obis,
    /// raw × 10^scaler.
    pub value: Decimal,
    /// As the meter told it; of a float this is not the scaler of `value`.
    pub scaler: i8,
    /// None where the object has none.
    pub unit: Option<Unit>,
    pub at: Millis,
}

/// What is known of the installation. None: not judged, but for what is absurd anywhere.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Expected {
    /// Between phase and neutral, in volts, as the meter shows it: the primary one where it multiplies by a ratio.
    pub voltage: Option<f64>,
    /// In hertz.
    pub frequency: Option<f64>,
}

/// Judges the readings of one meter.
#[derive(Debug)]
pub struct Plausible {
    expected: Expected,
    held: ByObject<Sample>,
    /// Phase voltages that were there once, by object: a phase that never was is not lost.
    alive: Vec<Obis>,
    flows: ByObject<Flow>,
    claims: Claims,
}

/// The values of one cycle.
struct Cycle<'a>(BTreeMap<[u8; 6], &'a Sample>);

impl<'a> Cycle<'a> {
    fn get(&self, obis: Obis) -> Option<&'a Sample> {
        self.0.get(&obis.0).copied()
    }

    fn value(&self, obis: Obis) -> Option<f64> {
        Some(self.get(obis)?.value.to_f64())
    }
}

impl Plausible {
    pub fn new(expected: Expected) -> Self {
        Self {
            expected,
            held: ByObject::default(),
            alive: Vec::new(),
            flows: ByObject::default(),
            claims: Claims::new(PATIENCE),
        }
    }

    /// For a single cycle that no other follows: what only several could make sure of is said as possible.
    pub fn at_once(expected: Expected) -> Self {
        Self {
            claims: Claims::new(1),
            ..Self::new(expected)
        }
    }

    /// Takes in what one cycle brought, in any order.
    pub fn cycle(&mut self, samples: &[Sample]) {
        let Some(at) = samples.iter().map(|sample| sample.at).max() else {
            return;
        };
        let mut cycle = Cycle(BTreeMap::new());
        for sample in samples {
            // A value that means "none" is told of and not compared with anything.
            if self.filler(sample) {
                self.held.remove(sample.obis);
                continue;
            }
            self.alone(sample);
            let before = self.held.get(sample.obis).copied();
            if let Some(before) = before {
                self.against_before(sample, &before);
            }
            if before.is_some() || self.held.len() < OBJECTS {
                self.held.insert(sample.obis, *sample);
                cycle.0.insert(sample.obis.0, sample);
            }
        }
        self.together(&cycle);
        self.energies(&cycle);
        let judged: Vec<Obis> = samples.iter().map(|sample| sample.obis).collect();
        self.claims.settle(&judged, at);
    }

    /// Best first.
    pub fn findings(&self) -> Vec<Finding> {
        self.claims.findings()
    }

    /// Objects that are no longer read are no longer judged, nor is what was said of them kept.
    pub fn keep_only(&mut self, kept: impl Fn(Obis) -> bool) {
        self.held.retain(|obis, _| kept(obis));
        self.flows.retain(|obis, _| kept(obis));
        self.alive.retain(|obis| kept(*obis));
        self.claims.retain(kept);
    }
}

/// Whether `finding` is one of ours and rests on a value of this object.
pub fn concerns(finding: &Finding, obis: Obis) -> bool {
    let name = obis.to_string();
    finding.evidence.iter().any(|evidence| {
        evidence.frame.is_none()
            && evidence
                .text
                .strip_prefix(&name)
                .is_some_and(|rest| rest.starts_with(' '))
    })
}

/// `1-1:32.7.0.255 = 135.40 V`
fn shown(sample: &Sample) -> String {
    let unit = sample.unit.map_or("", Unit::symbol);
    format!("{} = {} {unit}", sample.obis, sample.value)
        .trim_end()
        .to_owned()
}
