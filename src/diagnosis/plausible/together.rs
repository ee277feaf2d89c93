//! Values of one cycle against each other: phases, power against voltage and current, the sum. The rule: only values of
//! the same cycle and channel are compared, and what the number of phases leaves open is not said.

use super::checks::{decade, quantity};
use super::claims::Stay;
use super::{Cycle, Plausible, Sample, rows, shown};
use crate::cosem::Obis;
use crate::diagnosis::Confidence::{Likely, Possible};
use std::fmt::Write as _;

/// Below this many volt-amperes a comparison tells nothing.
const FAINT: f64 = 20.0;
/// And below this many, power supplies with their capacitors draw hardly a watt.
const REACTIVE: f64 = 100.0;
/// Under this share of the nominal, or of the highest phase, a phase is dead.
const DEAD: f64 = 0.2;

/// The same channel's object with another quantity, instantaneous.
const fn now(obis: Obis, c: u8) -> Obis {
    let [a, b, ..] = obis.0;
    Obis([a, b, c, 7, 0, 255])
}

/// Near √3: between two phases instead of phase and neutral.
fn is_line_to_line(ratio: f64) -> bool {
    (ratio / 3_f64.sqrt() - 1.0).abs() <= 0.08
}

/// ` (a factor of 40: is a transformer ratio in one of them only?)`, where the factor is a whole one.
fn ratio_words(a: f64, b: f64) -> String {
    let factor = (a / b).max(b / a);
    let whole = factor.round();
    if (5.0..=10_000.0).contains(&whole) && (factor / whole - 1.0).abs() < 0.02 {
        format!(" (a factor of {whole}: is a transformer ratio in one of them only?)")
    } else {
        String::new()
    }
}

impl Plausible {
    pub(super) fn together(&mut self, cycle: &Cycle<'_>) {
        let mut channels: Vec<u8> = Vec::new();
        for key in cycle.0.keys() {
            if quantity(Obis(*key)).is_some() && !channels.contains(&key[1]) {
                channels.push(key[1]);
            }
        }
        for b in channels {
            let any = Obis([1, b, 0, 7, 0, 255]);
            self.voltages(cycle, any);
            for first in [20, 40, 60] {
                self.phase(cycle, any, first);
            }
            self.single_phase(cycle, any);
            self.sum(cycle, any);
        }
    }

    fn voltages(&mut self, cycle: &Cycle<'_>, any: Obis) {
        let phases = [32, 52, 72].map(|c| cycle.get(now(any, c)));
        let value = |sample: Option<&Sample>| sample.map(|it| it.value.to_f64());
        let [one, two, three] = phases.map(value);
        let most = [one, two, three]
            .into_iter()
            .flatten()
            .fold(0.0_f64, f64::max);
        let nominal = self.expected.voltage.filter(|nominal| *nominal > 0.0);
        let whole = nominal.unwrap_or(most);
        let dead = |volts: f64| volts <= whole * DEAD;
        // Three wires: the second phase is what the others are measured against.
        let delta = two.is_none_or(dead)
            && nominal.is_some_and(|nominal| {
                [one, three]
                    .iter()
                    .all(|volts| volts.is_some_and(|volts| is_line_to_line(volts / nominal)))
            });
        if delta {
            return;
        }
        let alive: Vec<bool> = phases
            .iter()
            .map(|it| it.is_some_and(|it| self.alive.contains(&it.obis)))
            .collect();
        for (sample, was_alive) in phases.into_iter().zip(alive) {
            let Some(sample) = sample else { continue };
            let volts = sample.value.to_f64();
            if !dead(volts) {
                if !was_alive && most > 40.0 {
                    self.alive.push(sample.obis);
                }
                if let Some(nominal) = nominal {
                    self.voltage(sample, volts, nominal);
                }
                continue;
            }
            if most <= 40.0 && nominal.is_none() {
                continue;
            }
            // A decade below is a scaler, not a dead phase.
            if let Some(nominal) = nominal
                && let Some(n) = decade(volts / nominal)
            {
                self.say(&rows::X19, Stay::State, Likely, sample, || {
                    format!("{}: 10^{n} times the nominal {nominal} V", shown(sample))
                });
                continue;
            }
            // One phase alive of three that never were: a single-phase meter that lists three.
            let live = phases
                .iter()
                .flatten()
                .filter(|it| !dead(it.value.to_f64()))
                .count();
            let ambiguous = !was_alive && (live == 1 || (live == 2 && two.is_some_and(dead)));
            if !ambiguous {
                self.say(&rows::X22, Stay::State, Likely, sample, || {
                    if live == 0 {
                        format!("{}, nominal is {whole} V", shown(sample))
                    } else {
                        format!("{}, another phase has {most} V", shown(sample))
                    }
                });
            }
        }
        let Some(nominal) = nominal else { return };
        for c in [12, 124, 125, 126] {
            let Some(sample) = cycle.get(now(any, c)) else {
                continue;
            };
            // To neutral or between phases, or both sides of a split phase: the code alone does not say.
            let dues: &[f64] = if c == 12 { &[1.0] } else { &[] };
            let ratio = sample.value.to_f64() / nominal;
            let fits = [3_f64.sqrt(), 2.0]
                .iter()
                .chain(dues)
                .any(|due| (0.85..=1.15).contains(&(ratio / due)));
            if !fits && let Some(n) = decade(ratio).or_else(|| decade(ratio / 3_f64.sqrt())) {
                self.say(&rows::X19, Stay::State, Likely, sample, || {
                    format!(
                        "{}: 10^{n} times what the nominal {nominal} V gives",
                        shown(sample)
                    )
                });
            } else if !fits && ratio > DEAD {
                self.say(&rows::V1, Stay::State, Possible, sample, || {
                    format!("{}, nominal to neutral is {nominal} V", shown(sample))
                });
            }
        }
    }

    /// To neutral; not a dead one.
    fn voltage(&mut self, sample: &Sample, value: f64, nominal: f64) {
        let ratio = value / nominal;
        if let Some(n) = decade(ratio) {
            self.say(&rows::X19, Stay::State, Likely, sample, || {
                format!("{}: 10^{n} times the nominal {nominal} V", shown(sample))
            });
        } else if !(0.85..=1.15).contains(&ratio) {
            let sure = if (0.75..=1.25).contains(&ratio) {
                Possible
            } else {
                Likely
            };
            self.say(&rows::V1, Stay::State, sure, sample, || {
                let mut text = format!("{}, nominal is {nominal} V", shown(sample));
                if is_line_to_line(ratio) {
                    text.push_str(": √3 times it, as between two phases");
                } else {
                    text.push_str(&ratio_words(value, nominal));
                }
                text
            });
        }
    }

    /// P against U·I·PF on one phase; `first` is what its quantities are counted from.
    fn phase(&mut self, cycle: &Cycle<'_>, any: Obis, first: u8) {
        let read = |c: u8| cycle.value(now(any, first.saturating_add(c)));
        let Some(sample) = cycle.get(now(any, first.saturating_add(1))) else {
            return;
        };
        if let (Some(voltage), Some(current)) = (read(12), read(11)) {
            self.power(sample, voltage * current, read(13), false);
        }
    }

    /// A meter with one phase gives its power as the sum.
    fn single_phase(&mut self, cycle: &Cycle<'_>, any: Obis) {
        let read = |c: u8| cycle.value(now(any, c));
        let others = [(51, 0.0), (52, 20.0), (71, 0.0), (72, 20.0)]
            .into_iter()
            .any(|(c, most)| read(c).is_some_and(|value| value.abs() > most));
        if others || read(21).is_some() {
            return;
        }
        let Some(sample) = cycle.get(now(any, 1)) else {
            return;
        };
        if let (Some(voltage), Some(current)) = (read(32), read(31)) {
            let factor = read(33).or_else(|| read(13));
            self.power(sample, voltage * current, factor, true);
        }
    }

    /// `open`: there may be phases that nobody reads.
    fn power(&mut self, sample: &Sample, apparent: f64, factor: Option<f64>, open: bool) {
        let apparent = apparent.abs();
        if apparent < FAINT {
            return;
        }
        let power = sample.value.to_f64().abs();
        let due = factor.map(|factor| apparent * factor.abs());
        let full = due.filter(|due| *due >= FAINT);
        let words = || {
            let mut text = format!("{}: U·I gives {apparent:.1} VA", shown(sample));
            if let Some(factor) = factor {
                let _ = write!(text, " at power factor {factor}");
            }
            text.push_str(&ratio_words(power, full.unwrap_or(apparent)));
            text
        };
        let off = full.and_then(|due| decade(power / due));
        let too_much = full.unwrap_or(apparent);
        // Three phases have three times what one of them has.
        let most = too_much * if open { 3.5 } else { 1.0 } + apparent * 0.1;
        let (row, sure) = if off.is_some()
            || (due.is_none() && decade(power / apparent).is_some_and(|n| n > 0))
        {
            (&rows::X19, Likely)
        } else if power > most.max(FAINT / 2.0) {
            // A load that hangs on the phases nobody reads looks the same.
            (&rows::V3, if open { Possible } else { Likely })
        } else if let Some(due) = due {
            if due - power <= (apparent * 0.1).max(FAINT / 2.0) {
                return;
            }
            (&rows::V3, if open { Possible } else { Likely })
        } else if power < apparent * 0.02 && apparent >= REACTIVE {
            (&rows::V3, Possible)
        } else {
            return;
        };
        self.say(row, Stay::Slow, sure, sample, words);
    }

    fn sum(&mut self, cycle: &Cycle<'_>, any: Obis) {
        let Some(sample) = cycle.get(now(any, 1)) else {
            return;
        };
        let read = |c: u8| cycle.value(now(any, c));
        let (Some(one), Some(two), Some(three)) = (read(21), read(41), read(61)) else {
            return;
        };
        let total = sample.value.to_f64();
        let sum = one + two + three;
        let scale = one.abs() + two.abs() + three.abs();
        if (total - sum).abs() <= (scale * 0.05).max(FAINT) {
            return;
        }
        // What one phase feeds back is not always taken off the import of the others.
        let feeds = [2, 22, 42, 62]
            .into_iter()
            .any(|c| read(c).is_some_and(|power| power > 0.0));
        let sure = if total > sum { Likely } else { Possible };
        if !(feeds && total < sum) {
            self.say(&rows::V4, Stay::Slow, sure, sample, || {
                format!(
                    "{}: the phases give {one} + {two} + {three} = {sum}",
                    shown(sample)
                )
            });
        }
    }
}
