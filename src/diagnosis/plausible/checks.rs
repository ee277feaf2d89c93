//! The checks: a value alone, against the one before, against others of the same moment. The rule: a margin for what
//! meters round and for values read one after another.

use super::{Millis, Plausible, Sample, rows, shown};
use crate::cosem::{Obis, Unit};
use crate::diagnosis::Confidence::{Certain, Likely, Possible};

/// Values read within this are of one moment.
const MOMENT: Millis = 30_000;
/// Below this many volt-amperes a comparison tells nothing.
const FAINT: f64 = 20.0;

const WATT: u8 = 27;
const WATT_HOUR: u8 = 30;

/// The same channel's object with another quantity, instantaneous.
const fn now(obis: Obis, c: u8) -> Obis {
    let [a, b, ..] = obis.0;
    Obis([a, b, c, 7, 0, 255])
}

/// Instantaneous electricity value: its quantity (C).
const fn quantity(obis: Obis) -> Option<u8> {
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

/// The unit a quantity is measured in.
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
        (13, _) => 255,
        (14, false) => 44,
        _ => return None,
    })
}

/// The power of ten (not the zeroth) that `ratio` is near, if any.
fn decade(ratio: f64) -> Option<i32> {
    (1..=4)
        .flat_map(|n| [n, -n])
        .find(|n| (ratio / 10_f64.powi(*n) - 1.0).abs() < 0.15)
}

impl Plausible {
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
            self.say(&rows::X21, sure, || {
                format!("{}: raw {:X}", shown(sample), sample.value.raw)
            });
        }
        wide || narrow
    }

    pub(super) fn alone(&mut self, sample: &Sample) {
        let value = sample.value.to_f64();
        if let (Some(due), Some(unit)) = (due_unit(sample.obis), sample.unit)
            && unit.0 != due
            && !(due == 255 && unit.0 == 0)
        {
            self.say(&rows::V9, Certain, || {
                let due = Unit(due);
                let name = if due.symbol().is_empty() {
                    "no unit"
                } else {
                    due.symbol()
                };
                format!("{}: unit {}, due is {name}", shown(sample), unit.0)
            });
            return;
        }
        match quantity(sample.obis) {
            Some(14) if !(40.0..=70.0).contains(&value) => {
                let nominal = self.expected.frequency.unwrap_or(50.0);
                if let Some(n) = decade(value / nominal).or_else(|| decade(value / 60.0)) {
                    self.say(&rows::X19, Likely, || {
                        format!("{}: 10^{n} times a network's frequency", shown(sample))
                    });
                } else {
                    self.say(&rows::X22, Likely, || shown(sample));
                }
            }
            Some(14) => {
                let near = |nominal: f64| (value / nominal - 1.0).abs() <= 0.02;
                if !self
                    .expected
                    .frequency
                    .map_or(near(50.0) || near(60.0), near)
                {
                    self.say(&rows::V2, Likely, || shown(sample));
                }
            }
            Some(13 | 33 | 53 | 73) if value.abs() > 1.005 => {
                self.say(&rows::X22, Likely, || {
                    format!("{}: a power factor is at most 1", shown(sample))
                });
            }
            Some(32 | 52 | 72) => self.voltage(sample, value),
            _ => {}
        }
    }

    fn voltage(&mut self, sample: &Sample, value: f64) {
        let Some(nominal) = self.expected.voltage.filter(|nominal| *nominal > 0.0) else {
            return;
        };
        let ratio = value / nominal;
        if let Some(n) = decade(ratio) {
            self.say(&rows::X19, Likely, || {
                format!("{}: 10^{n} times the nominal {nominal} V", shown(sample))
            });
        } else if ratio > 0.2 && !(0.85..=1.15).contains(&ratio) {
            let sure = if (0.75..=1.25).contains(&ratio) {
                Possible
            } else {
                Likely
            };
            self.say(&rows::V1, sure, || {
                format!("{}, nominal is {nominal} V", shown(sample))
            });
        } else if ratio <= 0.2 {
            self.say(&rows::X22, Likely, || {
                format!("{}, nominal is {nominal} V", shown(sample))
            });
        }
    }

    pub(super) fn against_before(&mut self, sample: &Sample, before: &Sample) {
        if before.value.scaler != sample.value.scaler || before.unit != sample.unit {
            self.say(&rows::V8, Certain, || {
                format!("{} after {}", shown(sample), shown(before))
            });
            return;
        }
        if energy(sample.obis).is_some()
            && sample.value.raw < before.value.raw
            && sample.at > before.at
        {
            // Registers of six to nine digits begin at zero again.
            let full = (6..=9).any(|digits| {
                let most = 10_i128.pow(digits);
                before.value.raw < most && before.value.raw >= most / 100 * 99
            }) && sample.value.raw < before.value.raw / 50;
            let sure = if full { Possible } else { Certain };
            self.say(&rows::V6, sure, || {
                format!("{} after {}", shown(sample), shown(before))
            });
        }
    }

    pub(super) fn together(&mut self, sample: &Sample) {
        match quantity(sample.obis) {
            Some(21 | 31 | 32 | 33) => self.phase(sample, 20),
            Some(41 | 51 | 52 | 53) => self.phase(sample, 40),
            Some(61 | 71 | 72 | 73) => self.phase(sample, 60),
            _ => {}
        }
        match quantity(sample.obis) {
            Some(1) => {
                self.sum(sample);
                self.flow(sample);
                self.single_phase(sample);
            }
            Some(32 | 52 | 72) => self.lost_phase(sample),
            _ => {}
        }
        if energy(sample.obis) == Some(1) {
            self.standing(sample);
        }
    }

    /// P against U·I·PF on one phase; `first` is what its quantities are counted from.
    fn phase(&mut self, sample: &Sample, first: u8) {
        let read = |c: u8| self.last(now(sample.obis, first.saturating_add(c)), sample.at, MOMENT);
        if let (Some(power), Some(voltage), Some(current)) = (read(1), read(12), read(11)) {
            let factor = read(13);
            self.power(sample, power, voltage * current, factor);
        }
    }

    /// A meter with one phase gives its power as the sum.
    fn single_phase(&mut self, sample: &Sample) {
        let read = |c: u8| self.last(now(sample.obis, c), sample.at, MOMENT);
        let others = [51, 52, 71, 72].into_iter().any(|c| read(c).is_some());
        if others || read(21).is_some() {
            return;
        }
        if let (Some(voltage), Some(current)) = (read(32), read(31)) {
            let factor = read(33).or_else(|| read(13));
            self.power(sample, sample.value.to_f64(), voltage * current, factor);
        }
    }

    fn power(&mut self, sample: &Sample, power: f64, apparent: f64, factor: Option<f64>) {
        let apparent = apparent.abs();
        if apparent < FAINT {
            return;
        }
        let power = power.abs();
        let due = factor.map(|factor| apparent * factor.abs());
        let words = || {
            let factor =
                factor.map_or_else(String::new, |factor| format!(" at power factor {factor}"));
            format!(
                "{}: P {power:.1} W, U·I {apparent:.1} VA{factor}",
                shown(sample)
            )
        };
        let off = due
            .filter(|due| *due >= FAINT)
            .and_then(|due| decade(power / due));
        if off.is_some() || (due.is_none() && decade(power / apparent).is_some_and(|n| n > 0)) {
            self.say(&rows::X19, Likely, words);
        } else if let Some(due) = due {
            if (power - due).abs() > (apparent * 0.1).max(FAINT / 2.0) {
                self.say(&rows::V3, Likely, words);
            }
        } else if power > apparent * 1.1 {
            self.say(&rows::V3, Likely, words);
        } else if power < apparent * 0.02 {
            self.say(&rows::V3, Possible, words);
        }
    }

    fn sum(&mut self, sample: &Sample) {
        let total = sample.value.to_f64();
        let read = |c: u8| self.last(now(sample.obis, c), sample.at, MOMENT);
        let (Some(one), Some(two), Some(three)) = (read(21), read(41), read(61)) else {
            return;
        };
        let sum = one + two + three;
        let scale = one.abs() + two.abs() + three.abs();
        // What is exported on one phase is not always taken off the import of the others.
        if (total - sum).abs() > (scale * 0.05).max(FAINT) {
            self.say(&rows::V4, Likely, || {
                format!(
                    "{}: the phases give {one} + {two} + {three} = {sum}",
                    shown(sample)
                )
            });
        }
    }

    fn lost_phase(&mut self, sample: &Sample) {
        let read = |c: u8| self.last(now(sample.obis, c), sample.at, MOMENT);
        let all = [read(32), read(52), read(72)];
        let most = all.iter().flatten().copied().fold(0.0_f64, f64::max);
        let value = sample.value.to_f64();
        if most > 40.0 && value < most * 0.2 {
            self.say(&rows::X22, Likely, || {
                format!("{}, another phase has {most} V", shown(sample))
            });
        }
    }

    /// Power goes on: what it must have added to the energy register.
    fn flow(&mut self, sample: &Sample) {
        let [a, b, ..] = sample.obis.0;
        let key = [a, b, 1, 8, 0, 255];
        let unit_factor = 1.0 / 3_600_000.0;
        let power = sample.value.to_f64().max(0.0);
        let entry = self.flowed.entry(key).or_insert((sample.at, 0.0));
        let millis = sample.at.saturating_sub(entry.0);
        // A gap of hours tells nothing of what flowed in it.
        if (0..=3_600_000).contains(&millis) {
            let millis = f64::from(u32::try_from(millis).unwrap_or_default());
            entry.1 += power * millis * unit_factor;
        }
        entry.0 = sample.at;
    }

    fn standing(&mut self, sample: &Sample) {
        let key = sample.obis.0;
        let Some(held) = self.held.get(&key).copied() else {
            return;
        };
        if held.since == sample.at {
            if let Some(flowed) = self.flowed.get_mut(&key) {
                flowed.1 = 0.0;
            }
            return;
        }
        let flowed = self.flowed.get(&key).map_or(0.0, |flowed| flowed.1);
        // Three steps of the register's own resolution.
        let step = 10_f64.powi(i32::from(sample.value.scaler));
        if flowed > 3.0 * step {
            let seconds = sample.at.saturating_sub(held.since) / 1000;
            self.say(&rows::V5, Likely, || {
                format!(
                    "{} for {seconds} s, while {flowed:.1} Wh flowed",
                    shown(sample)
                )
            });
        }
    }
}
