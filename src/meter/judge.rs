//! Values of one meter judged as they come. The rule: only what has a unit and a scaler is judged, and the clock; a failed
//! reading says nothing about a value.

use super::definition::Definition;
use super::reading::Reading;
use crate::cosem::{Obis, ObjectSpec};
use crate::diagnosis::Finding;
use crate::diagnosis::plausible::{Expected, Plausible, Sample};
use std::cmp::Reverse;

#[derive(Debug)]
pub struct Judge(Plausible);

fn expected(meter: &Definition) -> Expected {
    Expected {
        voltage: meter.nominal.voltage,
        frequency: meter.nominal.frequency,
    }
}

impl Judge {
    /// Of readings that go on.
    pub fn new(meter: &Definition) -> Self {
        Self(Plausible::new(expected(meter)))
    }

    /// Of one reading alone.
    pub fn at_once(meter: &Definition) -> Self {
        Self(Plausible::at_once(expected(meter)))
    }

    /// The values of one cycle. True: something is or was found.
    pub fn cycle(&mut self, readings: &[Reading]) -> bool {
        let before = !self.0.findings().is_empty();
        let samples: Vec<_> = readings.iter().filter_map(sample).collect();
        self.0.cycle(&samples);
        for reading in readings {
            if let Some(clock) = reading.clock_time() {
                let at = reading.at.as_millisecond();
                self.0.clock(reading.obis(), &clock, at);
            }
        }
        before || !self.0.findings().is_empty()
    }

    /// Best first.
    pub fn findings(&self) -> Vec<Finding> {
        self.0.findings()
    }

    /// The definition changes: what was learned of another device, or under other nominal values, does not hold.
    pub fn adopt(&mut self, old: &Definition, new: &Definition) {
        if old.is_elsewhere(new) || old.nominal != new.nominal {
            *self = Self::new(new);
        } else if old.objects != new.objects {
            self.0
                .keep_only(|obis| new.objects.iter().any(|it| place(it.spec) == obis));
        }
    }
}

/// What the bytes say and what the values say, best first; of equally sure ones the bytes, which may explain the values.
pub fn merged(mut bytes: Vec<Finding>, values: Vec<Finding>) -> Vec<Finding> {
    bytes.extend(values);
    bytes.sort_by_key(|finding| Reverse(finding.confidence));
    bytes
}

fn place(spec: ObjectSpec) -> Obis {
    match spec {
        ObjectSpec::Value(obis) => obis,
        ObjectSpec::Attribute(attribute) => attribute.obis,
    }
}

fn sample(reading: &Reading) -> Option<Sample> {
    let scaler_unit = reading.scaler_unit?;
    Some(Sample {
        obis: reading.obis(),
        value: reading.decimal()?,
        scaler: scaler_unit.scaler,
        unit: Some(scaler_unit.unit),
        at: reading.at.as_millisecond(),
    })
}
