//! Energy against the power that flowed meanwhile. The rule: power is only summed over cycles near enough to each other,
//! and a register is given the time its own steps take.

use super::claims::Stay;
use super::{Cycle, Millis, Plausible, Sample, rows, shown};
use crate::cosem::Obis;
use crate::diagnosis::Confidence::Likely;

/// Cycles further apart tell nothing of what flowed between them.
const GAP: Millis = 15 * 60_000;
/// What was sampled less often than this may have missed half of the load.
const CLOSE: Millis = 60_000;
/// Some registers step by tens of watt-hours, or once in some minutes.
const COARSE: f64 = 50.0;
const PATIENT: Millis = 5 * 60_000;
/// Before rates are compared.
const ENOUGH: f64 = 200.0;
const LONG: Millis = 30 * 60_000;

/// What flowed since the register of one channel was marked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Flow {
    at: Millis,
    power: f64,
    energy: f64,
    /// Since the register last moved.
    still: (Millis, f64),
    /// Since and from where rates are compared: it begins with a move, so that no half step is counted. All cycles since
    /// were close.
    rate: Option<(Millis, f64, f64)>,
}

impl Flow {
    fn begin(power: &Sample, energy: f64) -> Self {
        Self {
            at: power.at,
            power: power.value.to_f64(),
            energy,
            still: (power.at, 0.0),
            rate: None,
        }
    }
}

/// Milliseconds as hours; spans of minutes and hours.
fn hours(millis: Millis) -> f64 {
    f64::from(u32::try_from(millis).unwrap_or_default()) / 3_600_000.0
}

impl Plausible {
    pub(super) fn energies(&mut self, cycle: &Cycle<'_>) {
        let totals = cycle.0.values().filter_map(|sample| match sample.obis.0 {
            [1, b, 1, 8, 0, 255] => {
                let power = cycle.get(Obis([1, b, 1, 7, 0, 255]))?;
                Some((*sample, power))
            }
            _ => None,
        });
        for (energy, power) in totals {
            self.flowed(energy, power);
        }
    }

    fn flowed(&mut self, sample: &Sample, power: &Sample) {
        let energy = sample.value.to_f64();
        let Some(before) = self.flows.get(sample.obis).copied() else {
            let flow = Flow::begin(power, energy);
            self.flows.insert(sample.obis, flow);
            return;
        };
        let gap = power.at.saturating_sub(before.at);
        if !(1..=GAP).contains(&gap) || energy < before.energy {
            let flow = Flow::begin(power, energy);
            self.flows.insert(sample.obis, flow);
            return;
        }
        let watts = power.value.to_f64();
        let grown = (watts + before.power).max(0.0) / 2.0 * hours(gap);
        let mut flow = Flow {
            at: power.at,
            power: watts,
            energy,
            ..before
        };
        let step = 10_f64.powi(i32::from(sample.scaler));
        let moved = energy - before.energy > step / 2.0;
        if let Some(rate) = &mut flow.rate {
            rate.2 += grown;
        }
        if gap > CLOSE {
            flow.rate = None;
        }
        if moved {
            flow.still = (power.at, 0.0);
            flow.rate = self.rate(sample, flow, step);
        } else {
            flow.still.1 += grown;
            let (since, flowed) = flow.still;
            let lasted = power.at.saturating_sub(since);
            if flowed > (3.0 * step).max(COARSE) && lasted >= PATIENT {
                self.say(&rows::V5, Stay::State, Likely, sample, || {
                    let minutes = lasted / 60_000;
                    format!(
                        "{} for {minutes} min, while {flowed:.1} Wh flowed",
                        shown(sample)
                    )
                });
            }
        }
        self.flows.insert(sample.obis, flow);
    }

    /// The register has just moved: did it move as power flowed?
    fn rate(&mut self, sample: &Sample, flow: Flow, step: f64) -> Option<(Millis, f64, f64)> {
        let fresh = Some((flow.at, flow.energy, 0.0));
        let Some((since, from, flowed)) = flow.rate else {
            return fresh;
        };
        let moved = flow.energy - from;
        let enough = flowed.max(moved) >= ENOUGH.max(20.0 * step);
        if flow.at.saturating_sub(since) < LONG || !enough {
            return flow.rate;
        }
        let ratio = moved / flowed.max(f64::MIN_POSITIVE);
        if !(0.5..=2.0).contains(&ratio) {
            self.say(&rows::V10, Stay::Event, Likely, sample, || {
                let factor = ratio.max(1.0 / ratio);
                format!(
                    "{}: {moved:.1} Wh counted while {flowed:.1} Wh flowed, a factor of {factor:.1}",
                    shown(sample)
                )
            });
        }
        fresh
    }
}
