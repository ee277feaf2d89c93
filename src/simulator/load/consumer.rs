//! What hangs on one phase: standby, a daily curve, appliances and flicker. Each part knows its power in any second and,
//! in closed form, its energy since midnight; every part has the same total over any tariff window of any day. That one
//! rule is what makes counters exact, monotone and cheap wherever the clock jumps.

use super::noise;
use std::ops::{Add, AddAssign, Mul, Sub};

/// Seconds of a day.
pub(super) const DAY: u32 = 86_400;
/// Everything that repeats within the day divides this many seconds, and tariffs change only at multiples of it.
pub(super) const BLOCK: u32 = 7_200;
const BLOCKS: usize = 12;

/// Active and reactive power in mW and mvar, or energy in mW·s and mvar·s.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Flow {
    pub active: f64,
    pub reactive: f64,
}

impl Flow {
    /// `tangent` is Q/P.
    fn new(active: f64, tangent: f64) -> Self {
        Self {
            active,
            reactive: active * tangent,
        }
    }
}

impl Add for Flow {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self {
            active: self.active + other.active,
            reactive: self.reactive + other.reactive,
        }
    }
}

impl Sub for Flow {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        self + other * -1.0
    }
}

impl Mul<f64> for Flow {
    type Output = Self;
    fn mul(self, factor: f64) -> Self {
        Self {
            active: self.active * factor,
            reactive: self.reactive * factor,
        }
    }
}

impl AddAssign for Flow {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// Runs once in each `period`, for `duration` seconds, starting somewhere in `from..=to - duration`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Appliance {
    /// W, before the household's own scale.
    pub watts: f64,
    /// Q/P.
    pub tangent: f64,
    /// A divisor of [`BLOCK`], or a whole [`DAY`]; then `from..to` lies within one tariff window.
    pub period: u32,
    pub from: u32,
    pub to: u32,
    pub duration: u32,
}

impl Appliance {
    fn start(&self, seed: u64, stream: u64, slot: i64) -> u32 {
        let room = (self.to - self.from).saturating_sub(self.duration);
        self.from + noise::whole(seed, stream, slot, room)
    }

    /// Slots since the epoch, slots since midnight, seconds into the slot.
    fn slot(&self, day: i64, second: u32) -> (i64, u32, u32) {
        let today = second / self.period;
        let absolute = day * i64::from(DAY / self.period) + i64::from(today);
        (absolute, today, second % self.period)
    }

    fn on(&self, seed: u64, stream: u64, day: i64, second: u32) -> bool {
        let (slot, _, into) = self.slot(day, second);
        let start = self.start(seed, stream, slot);
        (start..start + self.duration).contains(&into)
    }

    /// Seconds it ran from midnight to `second`.
    fn ran(&self, seed: u64, stream: u64, day: i64, second: u32) -> u32 {
        let (slot, whole, into) = self.slot(day, second);
        let start = self.start(seed, stream, slot);
        whole * self.duration + into.saturating_sub(start).min(self.duration)
    }
}

/// Flicker: in each step of `step` seconds the difference of two random numbers, so that the sum of all steps is the last
/// number alone. The last step of a block brings it back to nothing.
#[derive(Clone, Copy, Debug)]
struct Flicker {
    step: u32,
    milliwatts: f64,
}

const FLICKER: [Flicker; 3] = [
    Flicker {
        step: 1,
        milliwatts: 900.0,
    },
    Flicker {
        step: 16,
        milliwatts: 4_000.0,
    },
    Flicker {
        step: 300,
        milliwatts: 11_000.0,
    },
];

impl Flicker {
    fn level(&self, seed: u64, day: i64, slot: Option<u32>) -> f64 {
        let per_block = BLOCK / self.step;
        match slot {
            Some(slot) if slot % per_block != per_block - 1 => {
                let absolute = day * i64::from(DAY / self.step) + i64::from(slot);
                self.milliwatts * noise::signed(seed, u64::from(self.step), absolute)
            }
            _ => 0.0,
        }
    }

    /// The numbers on both sides of the step that holds `second`.
    fn around(&self, seed: u64, day: i64, second: u32) -> (f64, f64) {
        let slot = second / self.step;
        let before = self.level(seed, day, slot.checked_sub(1));
        (before, self.level(seed, day, Some(slot)))
    }

    fn power(&self, seed: u64, day: i64, second: u32) -> f64 {
        let (before, after) = self.around(seed, day, second);
        after - before
    }

    fn energy(&self, seed: u64, day: i64, second: u32) -> f64 {
        let (before, after) = self.around(seed, day, second);
        before * f64::from(self.step) + (after - before) * f64::from(second % self.step)
    }
}

/// One phase's consumers.
#[derive(Clone, Debug)]
pub(super) struct Consumers {
    seed: u64,
    appliances: &'static [Appliance],
    /// Scale of appliances and curve in this household.
    scale: f64,
    /// mW; always more than the flicker can take away.
    standby: f64,
    /// Q/P of standby, curve and flicker.
    tangent: f64,
    /// The daily curve at the start of each block, mW.
    knots: [f64; BLOCKS],
    /// Its energy from midnight to the start of each block, mW·s.
    before: [f64; BLOCKS],
}

/// The shape of a household's day, in W at the start of each block.
const CURVE: [f64; BLOCKS] = [
    34.0, 22.0, 20.0, 62.0, 118.0, 96.0, 124.0, 110.0, 104.0, 190.0, 236.0, 120.0,
];

impl Consumers {
    pub fn new(seed: u64, appliances: &'static [Appliance]) -> Self {
        let scale = 1.0 + 0.2 * noise::signed(seed, 100, 0);
        let mut knots = [0.0; BLOCKS];
        for (hour, (knot, watts)) in (0i64..).zip(knots.iter_mut().zip(CURVE)) {
            *knot = watts * 1000.0 * scale * (1.0 + 0.15 * noise::signed(seed, 101, hour));
        }
        let mut before = [0.0; BLOCKS];
        for i in 1..BLOCKS {
            before[i] = before[i - 1] + f64::from(BLOCK) * (knots[i - 1] + knots[i]) / 2.0;
        }
        Self {
            seed,
            appliances,
            scale,
            standby: 58_000.0 + 18_000.0 * noise::signed(seed, 102, 0),
            tangent: 0.42 + 0.08 * noise::signed(seed, 103, 0),
            knots,
            before,
        }
    }

    /// The knots around `second` and how far into the block it is, in seconds.
    fn block(&self, second: u32) -> (usize, f64, f64, f64) {
        let i = (second / BLOCK) as usize % BLOCKS;
        let next = self.knots[(i + 1) % BLOCKS];
        (i, self.knots[i], next, f64::from(second % BLOCK))
    }

    /// mW in the second that starts at `second` of `day`.
    pub fn power(&self, day: i64, second: u32) -> Flow {
        let (_, from, to, into) = self.block(second);
        // Taken in the middle of the second: off the exact integral by far less than a milliwatt.
        let u = (into + 0.5) / f64::from(BLOCK);
        let mut steady = self.standby + from + (to - from) * (3.0 - 2.0 * u) * u * u;
        for flicker in FLICKER {
            steady += flicker.power(self.seed, day, second);
        }
        let mut sum = Flow::new(steady, self.tangent);
        for (stream, appliance) in (200u64..).zip(self.appliances) {
            if appliance.on(self.seed, stream, day, second) {
                sum += Flow::new(appliance.watts * 1000.0 * self.scale, appliance.tangent);
            }
        }
        sum
    }

    /// mW·s from midnight of `day` to `second`, which may be the end of the day.
    pub fn energy(&self, day: i64, second: u32) -> Flow {
        if second >= DAY {
            // The last block joins the first one's knot; nothing else differs from the sum of its parts.
            let last = DAY - BLOCK;
            let curve = self.before[BLOCKS - 1]
                + f64::from(BLOCK) * (self.knots[BLOCKS - 1] + self.knots[0]) / 2.0;
            let mut sum = Flow::new(self.standby * f64::from(last + BLOCK) + curve, self.tangent);
            for appliance in self.appliances {
                let ran = f64::from(DAY / appliance.period * appliance.duration);
                sum += Flow::new(
                    appliance.watts * 1000.0 * self.scale * ran,
                    appliance.tangent,
                );
            }
            return sum;
        }
        let (i, from, to, into) = self.block(second);
        let u = into / f64::from(BLOCK);
        let within = f64::from(BLOCK) * (from * u + (to - from) * (1.0 - u / 2.0) * u * u * u);
        let mut steady = self.standby * f64::from(second) + self.before[i] + within;
        for flicker in FLICKER {
            steady += flicker.energy(self.seed, day, second);
        }
        let mut sum = Flow::new(steady, self.tangent);
        for (stream, appliance) in (200u64..).zip(self.appliances) {
            let ran = f64::from(appliance.ran(self.seed, stream, day, second));
            sum += Flow::new(
                appliance.watts * 1000.0 * self.scale * ran,
                appliance.tangent,
            );
        }
        sum
    }
}
