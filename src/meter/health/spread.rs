//! How long things take, as percentiles out of a few fixed counts. The rule: each is right to a fifth, however many there were.

use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Percentiles {
    pub p50: Duration,
    pub p90: Duration,
    pub p99: Duration,
}

/// Two to an octave, from 1 ms to 67 s.
const STEPS: usize = 32;
/// 2^10 µs.
const LEAST: u32 = 10;

/// Counts of the window that is filled, and of the one before it.
#[derive(Clone, Debug, Default)]
pub(super) struct Spread {
    now: [u16; STEPS],
    before: [u16; STEPS],
}

impl Spread {
    pub(super) fn add(&mut self, took: Duration) {
        let count = &mut self.now[step(took)];
        if *count == u16::MAX {
            // Proportions are what counts.
            for count in &mut self.now {
                *count = count.div_ceil(2);
            }
        }
        self.now[step(took)] += 1;
    }

    pub(super) fn turn(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }

    pub(super) fn percentiles(&self) -> Option<Percentiles> {
        let mut counts = [0_u32; STEPS];
        let mut all = 0_u32;
        for (at, count) in counts.iter_mut().enumerate() {
            *count = u32::from(self.now[at]) + u32::from(self.before[at]);
            all += *count;
        }
        (all > 0).then(|| Percentiles {
            p50: percentile(&counts, all, 50),
            p90: percentile(&counts, all, 90),
            p99: percentile(&counts, all, 99),
        })
    }
}

fn step(took: Duration) -> usize {
    let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
    let octave = micros.max(1).ilog2();
    let Some(above) = octave.checked_sub(LEAST) else {
        return 0;
    };
    // The upper half of an octave begins at √2 of its beginning, near enough at 1.414.
    let upper = u128::from(micros) * 1_000 >= (1_414_u128 << octave);
    (above as usize * 2 + usize::from(upper)).min(STEPS - 1)
}

/// Where the step ends at this end: its microseconds.
fn edge(step: usize) -> u64 {
    let octave = 1_u64 << (LEAST as usize + step / 2);
    if step.is_multiple_of(2) {
        octave
    } else {
        octave * 1_414 / 1_000
    }
}

fn percentile(counts: &[u32; STEPS], all: u32, hundredths: u64) -> Duration {
    // The nearest rank: the least value that so many of a hundred do not pass.
    let rank = (u64::from(all) * hundredths).div_ceil(100).max(1);
    let mut before = 0;
    for (step, count) in counts.iter().enumerate() {
        let count = u64::from(*count);
        if before + count >= rank {
            let from = if step == 0 { 0 } else { edge(step) };
            let width = edge(step + 1) - from;
            // As if they were spread evenly over the step, each in the middle of its part.
            let micros = from + width * (2 * (rank - before) - 1) / (2 * count);
            return Duration::from_micros(micros);
        }
        before += count;
    }
    Duration::ZERO
}
