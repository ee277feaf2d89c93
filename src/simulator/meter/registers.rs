//! What a simulated meter measures, as whole numbers: the load's curves turned into the quantities its objects name. The
//! momentary registers are worked out once a second, the month's highest demand once an interval.

use super::wall;
use crate::simulator::load::{Counted, Energy, Load, Phase, Snapshot};
use crate::simulator::objects::{Quantity, Way};
use crate::simulator::profile::Profile;

/// Seconds of a demand interval (class 5 tells them, too).
pub(super) const INTERVAL: i64 = 900;
/// 0.1 W for a Wh within one interval.
const DEMAND: f64 = 10.0 * 4.0;

#[derive(Clone, Debug)]
pub(super) struct Registers {
    load: Load,
    second: Option<(i64, Snapshot)>,
    month: Option<Month>,
}

/// The month that runs: its opening counters, and its highest demand as far as intervals are over.
#[derive(Clone, Debug)]
struct Month {
    start: i64,
    number: i64,
    opening: Energy,
    /// Intervals are looked at up to here, and the counter stood so.
    looked: (i64, f64),
    /// 0.1 W, and the end of its interval.
    highest: (f64, i64),
}

impl Registers {
    pub fn new(profile: &Profile) -> Self {
        Self {
            load: Load::new(profile.seed, profile.supply),
            second: None,
            month: None,
        }
    }

    fn snapshot(&mut self, unix: i64) -> Snapshot {
        match self.second {
            Some((second, snapshot)) if second == unix => snapshot,
            _ => {
                let snapshot = self.load.snapshot(unix);
                self.second = Some((unix, snapshot));
                snapshot
            }
        }
    }

    fn phase(&mut self, unix: i64, phase: usize) -> Phase {
        let [a, b, c] = self.snapshot(unix).phases;
        match phase {
            0 => a,
            1 => b,
            _ => c,
        }
    }

    fn month(&mut self, unix: i64, profile: &Profile) -> &Month {
        let (start, number) = wall::month(unix, profile);
        let boundary = unix - unix.rem_euclid(INTERVAL);
        let held = self
            .month
            .take()
            .filter(|month| month.start == start && month.looked.0 <= boundary.max(start));
        let mut month = held.unwrap_or_else(|| {
            let opening = self.load.energy(start);
            Month {
                start,
                number,
                looked: (start, opening.exact(Counted::Active)),
                highest: (0.0, start),
                opening,
            }
        });
        while month.looked.0 + INTERVAL <= unix {
            let end = month.looked.0 + INTERVAL;
            let counter = self.load.energy(end).exact(Counted::Active);
            let demand = (counter - month.looked.1) * DEMAND;
            if demand > month.highest.0 {
                month.highest = (demand, end);
            }
            month.looked = (end, counter);
        }
        self.month.insert(month)
    }

    /// 0.1 W (var, VA): what was counted from `start` to `end`, spread over one interval.
    fn demand(&self, start: i64, end: i64, counted: Counted) -> f64 {
        let opening = self.load.energy(start);
        self.load.energy(end).since(&opening).exact(counted) * DEMAND
    }

    /// When the highest demand of the month was reached.
    pub fn highest_at(&mut self, unix: i64, profile: &Profile) -> i64 {
        self.month(unix, profile).highest.1
    }

    pub fn value(&mut self, quantity: Quantity, unix: i64, profile: &Profile) -> i64 {
        match quantity {
            Quantity::Voltage(phase) => self.phase(unix, phase).voltage.into(),
            Quantity::Current(phase) => self.phase(unix, phase).current.into(),
            Quantity::Frequency => self.snapshot(unix).frequency.into(),
            Quantity::PowerFactor(None) => self.snapshot(unix).power_factor().into(),
            Quantity::PowerFactor(Some(phase)) => self.phase(unix, phase).power_factor.into(),
            Quantity::Power(_, Way::Out, _)
            | Quantity::Energy(_, Way::Out, _)
            | Quantity::Month(_, Way::Out, _)
            | Quantity::RisingDemand(_, Way::Out)
            | Quantity::CumulativeDemand(_, Way::Out, _) => 0,
            Quantity::Power(counted, Way::In, Some(phase)) => {
                let phase = self.phase(unix, phase);
                i64::from(match counted {
                    Counted::Active => phase.active,
                    Counted::Reactive => phase.reactive,
                    Counted::Apparent => phase.apparent,
                })
            }
            Quantity::Power(counted, Way::In, None) => {
                let snapshot = self.snapshot(unix);
                i64::from(match counted {
                    Counted::Active => snapshot.active(),
                    Counted::Reactive => snapshot.reactive(),
                    Counted::Apparent => snapshot.apparent(),
                })
            }
            Quantity::Energy(counted, Way::In, rate) => {
                count(self.load.energy(unix).total(counted, rate))
            }
            Quantity::PhaseEnergy(counted, phase) => {
                count(self.load.energy(unix).phase(counted, phase))
            }
            Quantity::Month(counted, Way::In, rate) => {
                let opening = self.month(unix, profile).opening;
                let now = self.load.energy(unix);
                count(
                    now.total(counted, rate)
                        .saturating_sub(opening.total(counted, rate)),
                )
            }
            Quantity::MonthPowerFactor(rate) => {
                let opening = self.month(unix, profile).opening;
                let gained = self.load.energy(unix).since(&opening);
                let apparent = gained.total(Counted::Apparent, rate);
                let active = gained.total(Counted::Active, rate);
                count(
                    (active * 1000 + apparent / 2)
                        .checked_div(apparent)
                        .unwrap_or(1000)
                        .min(1000),
                )
            }
            Quantity::RisingDemand(counted, Way::In) => {
                whole(self.demand(unix - unix.rem_euclid(INTERVAL), unix, counted))
            }
            Quantity::LastDemand => {
                let end = unix - unix.rem_euclid(INTERVAL);
                whole(self.demand(end - INTERVAL, end, Counted::Active))
            }
            Quantity::MaximumDemand => whole(self.month(unix, profile).highest.0),
            Quantity::CumulativeDemand(_, Way::In, rate) => {
                let months = self.month(unix, profile).number.max(0);
                months * (26_400 - 1_700 * i64::from(rate))
            }
            Quantity::Angle(between) => {
                let to = self.phasor(unix, between / 10);
                let from = self.phasor(unix, between % 10);
                whole((to - from).rem_euclid(360.0) * 10.0) % 3600
            }
            Quantity::Tariff => self.load.tariff(unix).into(),
            Quantity::Constant(value) => value.into(),
        }
    }

    /// Degrees: voltages 120 apart, L2 after L1, and each current behind its voltage.
    fn phasor(&mut self, unix: i64, index: u8) -> f64 {
        let number = usize::from(index % 4).min(2);
        let voltage = [0.0, 240.0, 120.0].get(number).copied().unwrap_or(0.0);
        if index < 4 {
            return voltage;
        }
        let phase = self.phase(unix, number);
        let lag = f64::from(phase.reactive).atan2(f64::from(phase.active));
        voltage - lag.to_degrees()
    }
}

/// A counter that never reaches the type's end.
fn count(value: u64) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[expect(
    clippy::cast_possible_truncation,
    reason = "floats saturate when cast; demand stays far below"
)]
fn whole(value: f64) -> i64 {
    value.round() as i64
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: i64 = 1_763_640_000;
    const ACTIVE: Counted = Counted::Active;

    fn read(registers: &mut Registers, quantity: Quantity, unix: i64) -> i64 {
        registers.value(quantity, unix, &Profile::microstar(5))
    }

    #[test]
    fn the_highest_demand_is_the_highest_of_all_intervals() {
        let profile = Profile::microstar(5);
        let mut registers = Registers::new(&profile);
        let (start, _) = wall::month(NOON, &profile);
        let mut highest = 0;
        for end in (start + INTERVAL..=NOON).step_by(900) {
            highest = highest.max(read(&mut registers, Quantity::LastDemand, end));
        }
        assert!(highest > 10_000, "{highest}");
        // Looked at on the way, after a jump over weeks, and after a jump back.
        assert_eq!(read(&mut registers, Quantity::MaximumDemand, NOON), highest);
        let fresh = || Registers::new(&profile);
        assert_eq!(read(&mut fresh(), Quantity::MaximumDemand, NOON), highest);
        let early = start + 5 * INTERVAL;
        let of_five = read(&mut fresh(), Quantity::MaximumDemand, early);
        assert_eq!(
            read(&mut registers, Quantity::MaximumDemand, early),
            of_five
        );
        assert!(registers.highest_at(NOON, &profile) <= NOON);
        // A new month starts from nothing.
        let (next, _) = wall::month(NOON + 20 * 86_400, &profile);
        assert_eq!(read(&mut registers, Quantity::MaximumDemand, next + 899), 0);
        assert!(read(&mut registers, Quantity::MaximumDemand, next + 900) > 0);
    }

    #[test]
    fn rising_demand_rises_and_the_month_counts_from_its_first_day() {
        let profile = Profile::microstar(5);
        let mut registers = Registers::new(&profile);
        let rising = Quantity::RisingDemand(ACTIVE, Way::In);
        let steps: Vec<i64> = (0..900)
            .step_by(100)
            .map(|s| read(&mut registers, rising, NOON + s))
            .collect();
        assert!(steps.is_sorted() && steps[0] == 0, "{steps:?}");
        let (start, _) = wall::month(NOON, &profile);
        let month = Quantity::Month(ACTIVE, Way::In, 0);
        assert_eq!(read(&mut registers, month, start), 0);
        let counter = Quantity::Energy(ACTIVE, Way::In, 0);
        let gained = read(&mut registers, counter, NOON) - read(&mut registers, counter, start);
        assert_eq!(read(&mut registers, month, NOON), gained);
        let factor = read(&mut registers, Quantity::MonthPowerFactor(0), NOON);
        assert!((850..1000).contains(&factor), "{factor}");
    }

    #[test]
    fn angles_follow_the_power_factor() {
        let mut registers = Registers::new(&Profile::microstar(5));
        assert_eq!(read(&mut registers, Quantity::Angle(1), NOON), 1200);
        assert_eq!(read(&mut registers, Quantity::Angle(2), NOON), 2400);
        for (angle, phase) in [(4, 0), (15, 1), (26, 2)] {
            let degrees = f64::from(
                i32::try_from(read(&mut registers, Quantity::Angle(angle), NOON)).unwrap(),
            ) / 10.0;
            let factor = f64::from(registers.phase(NOON, phase).power_factor) / 1000.0;
            assert!(
                (degrees.to_radians().cos() - factor).abs() < 0.002,
                "{degrees} {factor}"
            );
        }
    }
}
