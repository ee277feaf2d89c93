//! What was due and what came of it, for the last hour and the last day, in a few octets. The rule: parts fall out whole, so
//! that a window never holds more than was counted.

use super::share::Share;

/// Milliseconds of a part of the hour and of the day.
pub(super) const SHORT: u64 = 10 * 60 * 1_000;
pub(super) const LONG: u64 = 2 * 60 * 60 * 1_000;
/// The part that is filled, and as many as make the whole.
const SHORTS: usize = 7;
const LONGS: usize = 13;
/// After so long nothing of what was before is left in any window.
pub(super) const ALL: u64 = LONG * LONGS as u64;

/// What a part is counted in: points of a grid no closer than a second fit 16 bits for two hours, milliseconds 32.
pub(super) trait Count: Copy + Default + Into<u64> + TryFrom<u64> {}
impl Count for u16 {}
impl Count for u32 {}

#[derive(Clone, Debug)]
pub(super) struct Ring<C> {
    short: [[C; 2]; SHORTS],
    long: [[C; 2]; LONGS],
}

impl<C: Count> Default for Ring<C> {
    fn default() -> Self {
        Self {
            short: [[C::default(); 2]; SHORTS],
            long: [[C::default(); 2]; LONGS],
        }
    }
}

fn place(at: u64, part: u64, parts: usize) -> usize {
    usize::try_from(at / part % parts as u64).unwrap_or(0)
}

impl<C: Count> Ring<C> {
    /// In the parts that hold `at`.
    pub(super) fn add(&mut self, at: u64, share: Share) {
        for part in [
            &mut self.short[place(at, SHORT, SHORTS)],
            &mut self.long[place(at, LONG, LONGS)],
        ] {
            let [of, good] = *part;
            let sum = (
                C::try_from(of.into().saturating_add(share.of)),
                C::try_from(good.into().saturating_add(share.good)),
            );
            // A part that is full keeps its proportion.
            if let (Ok(of), Ok(good)) = sum {
                *part = [of, good];
            }
        }
    }

    /// `edge` is where a part ends: what was counted so long ago is forgotten.
    pub(super) fn turn(&mut self, edge: u64) {
        if edge.is_multiple_of(SHORT) {
            self.short[place(edge, SHORT, SHORTS)] = [C::default(); 2];
        }
        if edge.is_multiple_of(LONG) {
            self.long[place(edge, LONG, LONGS)] = [C::default(); 2];
        }
    }

    pub(super) fn hour(&self) -> Share {
        sum(&self.short)
    }

    pub(super) fn day(&self) -> Share {
        sum(&self.long)
    }
}

fn sum<C: Count>(parts: &[[C; 2]]) -> Share {
    parts.iter().fold(Share::default(), |sum, [of, good]| {
        sum + Share::new((*good).into(), (*of).into())
    })
}
