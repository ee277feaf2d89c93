//! A value alone, and against the one before. The rule: a margin for what meters round, and nothing said of a quantity
//! that is not known for certain.

use super::claims::Stay;
use super::{Plausible, Sample, rows, shown};
use crate::cosem::{Obis, Unit};
use crate::diagnosis::Confidence::{self, Certain, Likely, Possible};
use crate::diagnosis::Diagnosis;

const WATT: u8 = 27;
const WATT_HOUR: u8 = 30;
/// Quantities without one; some meters say so of everything.
const UNITLESS: u8 = 255;

/// Instantaneous electricity value: its quantity (C).
pub(super) const fn quantity(obis: Obis) -> Option<u8> {
    match obis.0 {
        [1, _, c, 7, 0, _] => Some(c),
        _ => None,
    }
}

/// Total or tariff energy register: C.
const fn energy(obis: Obis) -> Option<u8> {
    match obis.0 {
        [1, _, c @ 1..=10, 8, _, 255] => Some(c),
        _ => None,
    }
}

/// The unit a quantity is measured in (Blue Book 4.3.2 and 7.5.1).
const fn due_unit(obis: Obis) -> Option<u8> {
    let [1, _, c, d, _, _] = obis.0 else {
        return None;
    };
    let energy = match d {
        7 => false,
        8 => true,
        _ => return None,
    };
    // Phases have the quantities of the sum, twenty apart.
    let quantity = match c {
        1..=15 => c,
        21..=35 => c - 20,
        41..=55 => c - 40,
        61..=75 => c - 60,
        124..=126 => 12,
        _ => return None,
    };
    Some(match (quantity, energy) {
        (1 | 2 | 15, false) => WATT,
        (1 | 2 | 15, true) => WATT_HOUR,
        (3..=8, false) => 29,
        (3..=8, true) => 32,
        (9 | 10, false) => 28,
        (9 | 10, true) => 31,
        (11, false) => 33,
        (12, false) => 35,
        (13, false) => UNITLESS,
        (14, false) => 44,
        _ => return None,
    })
}

/// The power of ten (not the zeroth) that `ratio` is near, if any.
pub(super) fn decade(ratio: f64) -> Option<i32> {
    (1..=4)
        .flat_map(|n| [n, -n])
        .find(|n| (ratio / 10_f64.powi(*n) - 1.0).abs() < 0.15)
}

/// A low voltage in use somewhere, and `value` is a power of ten times it.
fn decade_of_low_voltage(value: f64) -> Option<(i32, f64)> {
    if (40.0..=750.0).contains(&value) {
        return None;
    }
    [120.0, 230.0]
        .into_iter()
        .find_map(|usual| Some((decade(value / usual)?, usual)))
}

impl Plausible {
    pub(super) fn say(
        &mut self,
        row: &'static Diagnosis,
        stay: Stay,
        sure: Confidence,
        sample: &Sample,
        text: impl FnOnce() -> String,
    ) {
        self.claims
            .say(row, stay, sure, (sample.obis, sample.at), text);
    }

    fn state(&mut self, row: &'static Diagnosis, sure: Confidence, sample: &Sample, more: &str) {
        self.say(row, Stay::State, sure, sample, || {
            format!("{}{more}", shown(sample))
        });
    }

    /// All ones, or the largest of a signed type.
    pub(super) fn filler(&mut self, sample: &Sample) -> bool {
        let wide = matches!(
            sample.value.raw,
            0xFFFF_FFFF
                | 0x7FFF_FFFF
                | -0x8000_0000
                | 0xFFFF_FFFF_FFFF_FFFF
                | 0x7FFF_FFFF_FFFF_FFFF
        ) || sample.value.raw == i128::from(i64::MIN);
        // A register may well stand at 65535; a measured value hardly.
        let narrow = matches!(sample.value.raw, 0xFFFF | 0x7FFF | -0x8000)
            && quantity(sample.obis).is_some();
        if wide || narrow {
            let sure = if wide { Likely } else { Possible };
            let more = format!(": raw {:X}", sample.value.raw);
            self.state(&rows::X21, sure, sample, &more);
        }
        wide || narrow
    }

    pub(super) fn alone(&mut self, sample: &Sample) {
        let value = sample.value.to_f64();
        if let (Some(due), Some(unit)) = (due_unit(sample.obis), sample.unit)
            && unit.0 != due
        {
            let bare = matches!(unit.0, 0 | UNITLESS);
            if due != UNITLESS && !bare {
                let more = format!(": unit {}, due is {}", unit.0, Unit(due).symbol());
                return self.state(&rows::V9, Certain, sample, &more);
            } else if due == UNITLESS && !bare {
                let more = format!(": unit {}, due is none", unit.0);
                return self.state(&rows::V9, Likely, sample, &more);
            }
        }
        match quantity(sample.obis) {
            Some(14) => self.frequency(sample, value),
            Some(13 | 33 | 53 | 73) if value.abs() > 1.005 => {
                self.state(&rows::X22, Likely, sample, ": a power factor is at most 1");
            }
            Some(12 | 32 | 52 | 72 | 124..=126) if self.expected.voltage.is_none() => {
                if let Some((n, usual)) = decade_of_low_voltage(value) {
                    let more = format!(
                        ": 10^{n} times the usual {usual} V (where it is a medium voltage, give the meter's nominal \
                         voltage)"
                    );
                    self.state(&rows::X19, Possible, sample, &more);
                }
            }
            _ => {}
        }
    }

    fn frequency(&mut self, sample: &Sample, value: f64) {
        if (40.0..=70.0).contains(&value) {
            let near = |nominal: f64| (value / nominal - 1.0).abs() <= 0.02;
            let nominal = self.expected.frequency;
            if !nominal.map_or(near(50.0) || near(60.0), near) {
                let more = nominal.map_or_else(String::new, |it| format!(", nominal is {it} Hz"));
                self.state(&rows::V2, Likely, sample, &more);
            }
            return;
        }
        let nominal = self.expected.frequency;
        // A frequency of its own (16.7 Hz railways) is not judged by that of the mains.
        if nominal.is_some_and(|nominal| (value / nominal - 1.0).abs() <= 0.02) {
            return;
        }
        let off = match nominal {
            Some(nominal) => decade(value / nominal),
            None => decade(value / 50.0).or_else(|| decade(value / 60.0)),
        };
        if let Some(n) = off {
            let more = format!(": 10^{n} times a network's frequency");
            self.state(&rows::X19, Likely, sample, &more);
        } else {
            self.state(&rows::X22, Likely, sample, "");
        }
    }

    pub(super) fn against_before(&mut self, sample: &Sample, before: &Sample) {
        let after = || format!("{} after {}", shown(sample), shown(before));
        if before.scaler != sample.scaler || before.unit != sample.unit {
            return self.say(&rows::V8, Stay::Event, Certain, sample, || {
                format!(
                    "{}, scaler {}; before, scaler {}: {}",
                    shown(sample),
                    sample.scaler,
                    before.scaler,
                    shown(before)
                )
            });
        }
        let same_scale = before.value.scaler == sample.value.scaler;
        if energy(sample.obis).is_none() || !same_scale || sample.at <= before.at {
            return;
        }
        if sample.value.raw < before.value.raw {
            // Registers of six to nine digits begin at zero again.
            let full = (6..=9).any(|digits| {
                let most = 10_i128.pow(digits);
                before.value.raw < most && before.value.raw >= most / 100 * 99
            }) && sample.value.raw < before.value.raw / 50;
            let sure = if full { Possible } else { Certain };
            self.say(&rows::V6, Stay::Event, sure, sample, after);
        }
    }
}
