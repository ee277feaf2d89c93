//! Chance, from a seed: the same throws in every run.

use crate::simulator::load::noise;

/// Keeps these throws apart from those of the load curves.
const STREAM: u64 = 0x6661_756C;

#[derive(Clone, Debug)]
pub(super) struct Dice {
    seed: u64,
    thrown: i64,
}

impl Dice {
    pub const fn new(seed: u64) -> Self {
        Self { seed, thrown: 0 }
    }

    /// A whole number in `0..=most`.
    pub const fn up_to(&mut self, most: u32) -> u32 {
        self.thrown = self.thrown.wrapping_add(1);
        noise::whole(self.seed, STREAM, self.thrown, most)
    }

    /// True in so many of a million.
    pub const fn in_a_million(&mut self, parts: u32) -> bool {
        self.up_to(999_999) < parts
    }
}
