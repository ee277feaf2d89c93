//! The load behind a simulated meter: three phases whose registers agree with each other, from (seed, time) alone. Power,
//! power factor and current are made from one flow and rounded once, so P = U·I·PF, S = U·I and S² = P² + Q² hold in the
//! registers' own digits; counters are the closed-form integral of that same flow.

mod consumer;
mod household;
pub(in crate::simulator) mod noise;
#[cfg(test)]
mod tests;

use consumer::{Consumers, DAY, Flow};

/// Nominal supply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Supply {
    /// 0.01 V, phase to neutral.
    pub voltage: u32,
    /// 0.01 Hz.
    pub frequency: u32,
    /// Local time minus UTC, in seconds; the household lives by local time.
    pub utc_offset: i32,
}

/// One phase in one second, as a meter's registers hold it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Phase {
    /// 0.01 V.
    pub voltage: u32,
    /// mA.
    pub current: u32,
    /// 0.1 W.
    pub active: u32,
    /// 0.1 var, inductive.
    pub reactive: u32,
    /// 0.1 VA.
    pub apparent: u32,
    /// 0.001.
    pub power_factor: u32,
}

/// All instantaneous registers of one second. Totals are sums of the phases' registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Snapshot {
    pub phases: [Phase; 3],
    /// 0.01 Hz.
    pub frequency: u32,
}

impl Snapshot {
    /// 0.1 W.
    pub fn active(&self) -> u32 {
        self.phases.iter().map(|p| p.active).sum()
    }

    /// 0.1 var.
    pub fn reactive(&self) -> u32 {
        self.phases.iter().map(|p| p.reactive).sum()
    }

    /// 0.1 VA; the arithmetic sum, as meters without a vector mode give it.
    pub fn apparent(&self) -> u32 {
        self.phases.iter().map(|p| p.apparent).sum()
    }

    /// 0.001.
    pub fn power_factor(&self) -> u32 {
        ratio(self.active(), self.apparent())
    }
}

/// `1000 · a / b`, rounded; 1000 when there is no load.
fn ratio(active: u32, apparent: u32) -> u32 {
    if apparent == 0 {
        return 1000;
    }
    let (a, b) = (u64::from(active), u64::from(apparent));
    u32::try_from((a * 1000 + b / 2) / b).unwrap_or(1000)
}

/// Tariff rate (1 to 4) and the seconds of the local day it holds.
pub const TARIFFS: [(u8, u32, u32); 4] = [
    (1, 0, 21_600),
    (2, 21_600, 64_800),
    (3, 64_800, 79_200),
    (4, 79_200, 86_400),
];

/// Counters at one moment, by phase and rate, in Wh and varh with their fractions.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Energy {
    active: [[f64; 4]; 3],
    reactive: [[f64; 4]; 3],
}

/// Which counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Counted {
    /// Wh.
    Active,
    /// varh, inductive.
    Reactive,
    /// VAh: from each phase's active and reactive energy, not from the momentary S.
    Apparent,
}

impl Energy {
    fn cell(&self, what: Counted, phase: usize, rate: usize) -> f64 {
        // Long before the epoch a counter would stand below nothing.
        let p = self.active[phase][rate].max(0.0);
        let q = self.reactive[phase][rate].max(0.0);
        match what {
            Counted::Active => p,
            Counted::Reactive => q,
            // Not `hypot`, whose last digit may differ between platforms.
            Counted::Apparent => (p * p + q * q).sqrt(),
        }
    }

    /// All phases. Rate 0 is the total: the sum of the four rate registers, digit for digit.
    pub fn total(&self, what: Counted, rate: u8) -> u64 {
        match rate {
            1..=4 => {
                let rate = usize::from(rate) - 1;
                whole((0..3).map(|phase| self.cell(what, phase, rate)).sum())
            }
            _ => (1..=4).map(|rate| self.total(what, rate)).sum(),
        }
    }

    /// One phase (0 to 2), all rates.
    pub fn phase(&self, what: Counted, phase: usize) -> u64 {
        let phase = phase.min(2);
        whole((0..4).map(|rate| self.cell(what, phase, rate)).sum())
    }

    /// All phases and rates, with the fraction.
    pub fn exact(&self, what: Counted) -> f64 {
        let cells = (0..3).flat_map(|phase| (0..4).map(move |rate| (phase, rate)));
        cells
            .map(|(phase, rate)| self.cell(what, phase, rate))
            .sum()
    }

    /// What was added since `earlier`.
    pub fn since(&self, earlier: &Self) -> Self {
        let mut gained = *self;
        for phase in 0..3 {
            for rate in 0..4 {
                gained.active[phase][rate] -= earlier.active[phase][rate];
                gained.reactive[phase][rate] -= earlier.reactive[phase][rate];
            }
        }
        gained
    }
}

/// A counter shows whole units only.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "floats saturate when cast, and a counter below nothing shows nothing"
)]
fn whole(units: f64) -> u64 {
    units as u64
}

/// The curves of one household.
#[derive(Clone, Debug)]
pub struct Load {
    seed: u64,
    supply: Supply,
    phases: [Consumers; 3],
    /// By phase and tariff window: energy from midnight to the window's start, and in the whole window. Same every day.
    windows: [[(Flow, Flow); 4]; 3],
    /// mW·s that were on the counters at the epoch.
    initial: [[Flow; 4]; 3],
}

/// Counting starts on 2020-01-01.
const EPOCH_DAY: i64 = 18_262;
/// mW·s in a Wh.
const WATT_HOUR: f64 = 3_600_000.0;

impl Load {
    pub fn new(seed: u64, supply: Supply) -> Self {
        let phases = [0, 1, 2].map(|i| {
            let stream = 0x5EED + i as u64;
            Consumers::new(noise::bits(seed, stream, 0), household::PHASES[i])
        });
        let windows = [0, 1, 2].map(|i: usize| {
            TARIFFS.map(|(_, start, end)| {
                let before = phases[i].energy(0, start);
                (before, phases[i].energy(0, end) - before)
            })
        });
        let initial = [0, 1, 2].map(|i| {
            [0, 1, 2, 3].map(|rate| {
                let wh = f64::from(noise::whole(seed, 10 + i, rate, 400_000));
                Flow {
                    active: wh * WATT_HOUR,
                    reactive: wh * 0.31 * WATT_HOUR,
                }
            })
        });
        Self {
            seed,
            supply,
            phases,
            windows,
            initial,
        }
    }

    /// Local day since 1970 and second of that day.
    fn local(&self, unix: i64) -> (i64, u32) {
        let local = unix.saturating_add(i64::from(self.supply.utc_offset));
        let second = local.rem_euclid(i64::from(DAY));
        (
            local.div_euclid(i64::from(DAY)),
            u32::try_from(second).unwrap_or(0),
        )
    }

    /// Tariff in force, 1 to 4.
    pub fn tariff(&self, unix: i64) -> u8 {
        let (_, second) = self.local(unix);
        TARIFFS
            .iter()
            .rev()
            .find(|(_, start, _)| *start <= second)
            .map_or(1, |(rate, ..)| *rate)
    }

    /// The registers of the second that starts at `unix`.
    pub fn snapshot(&self, unix: i64) -> Snapshot {
        let (day, second) = self.local(unix);
        let mut phases = [Phase::default(); 3];
        for (stream, (phase, consumers)) in (20u64..).zip(phases.iter_mut().zip(&self.phases)) {
            *phase = self.phase(unix, stream, consumers.power(day, second));
        }
        let drift = 2.2 * noise::wander(self.seed, 30, unix, 45) + 0.8 * self.flutter(31, unix);
        Snapshot {
            phases,
            frequency: round(f64::from(self.supply.frequency) + drift),
        }
    }

    fn flutter(&self, stream: u64, unix: i64) -> f64 {
        noise::signed(self.seed, stream, unix)
    }

    fn phase(&self, unix: i64, stream: u64, flow: Flow) -> Phase {
        let nominal = f64::from(self.supply.voltage);
        let apparent = (flow.active * flow.active + flow.reactive * flow.reactive).sqrt();
        // The feeder: 0.12 ohm takes its share, in 0.01 V, of mVA over 0.01 V.
        let drop = 0.12 * 10.0 * apparent / nominal;
        let slow = noise::wander(self.seed, stream, unix, 900);
        let swing = nominal * (0.011 * slow + 0.0012 * self.flutter(stream + 10, unix));
        let voltage = round(nominal + swing - drop).max(1);
        let power_factor = round(1000.0 * flow.active / apparent).clamp(1, 1000);
        let current = round(flow.active * 1e5 / (f64::from(voltage) * f64::from(power_factor)));
        let volt_ampere = u64::from(voltage) * u64::from(current);
        let apparent = divide(volt_ampere, 10_000);
        let active = divide(volt_ampere * u64::from(power_factor), 10_000_000);
        let (s, p) = (u64::from(apparent), u64::from(active));
        let square = s * s - (p * p).min(s * s);
        let mut reactive = square.isqrt();
        if square - reactive * reactive > reactive {
            reactive += 1;
        }
        Phase {
            voltage,
            current,
            active,
            reactive: u32::try_from(reactive).unwrap_or(u32::MAX),
            apparent,
            power_factor,
        }
    }

    /// The counters when the second `unix` starts.
    pub fn energy(&self, unix: i64) -> Energy {
        let (day, second) = self.local(unix);
        #[expect(
            clippy::cast_precision_loss,
            reason = "days of any calendar fit a double exactly"
        )]
        let days = (day - EPOCH_DAY) as f64;
        let mut energy = Energy::default();
        for i in 0..3 {
            let today = self.phases[i].energy(day, second);
            for (rate, (_, start, end)) in TARIFFS.iter().enumerate() {
                let (before, window) = self.windows[i][rate];
                let mut sum = self.initial[i][rate] + window * days;
                if second >= *end {
                    sum += window;
                } else if second > *start {
                    sum += today - before;
                }
                energy.active[i][rate] = sum.active / WATT_HOUR;
                energy.reactive[i][rate] = sum.reactive / WATT_HOUR;
            }
        }
        energy
    }
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "floats saturate when cast, and no register is negative"
)]
fn round(value: f64) -> u32 {
    value.round() as u32
}

/// Rounded division.
fn divide(value: u64, by: u64) -> u32 {
    u32::try_from((value + by / 2) / by).unwrap_or(u32::MAX)
}
