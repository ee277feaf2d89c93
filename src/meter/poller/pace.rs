//! When to poll and when to try again: a fixed grid, and pauses that grow. Pure; time and chance are handed in.

use std::time::Duration;
use tokio::time::Instant;

/// A converter needs a moment to notice that the last client left.
const SHORTEST_PAUSE: Duration = Duration::from_secs(2);
/// With its jitter, a minute.
const LONGEST_PAUSE: Duration = Duration::from_secs(40);

/// Doubles from 2 s to 40 s, and up to half as much again by chance: between 2 s and a minute, and many meters that went
/// away together do not come back together.
pub(super) fn pause(failures: u32, rng: &mut fastrand::Rng) -> Duration {
    let doublings = failures.saturating_sub(1).min(5);
    let least = (SHORTEST_PAUSE * 2u32.pow(doublings)).min(LONGEST_PAUSE);
    least.mul_f64(1.0 + rng.f64() / 2.0)
}

/// Ticks at `anchor + k × period`, whatever a poll takes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Grid {
    anchor: Instant,
    period: Duration,
    /// The last tick that was served or let pass.
    last: u32,
}

impl Grid {
    /// Tick 0 is now.
    pub(super) fn new(now: Instant, period: Duration) -> Self {
        Self {
            anchor: now,
            period,
            last: 0,
        }
    }

    /// A poll starts; how many ticks before it were missed.
    pub(super) fn serve(&mut self, now: Instant) -> u64 {
        self.pass(now).saturating_sub(1)
    }

    /// How many ticks went by since the last one that was accounted for.
    pub(super) fn pass(&mut self, now: Instant) -> u64 {
        let current = self.index(now);
        let passed = current.saturating_sub(self.last);
        self.last = current.max(self.last);
        u64::from(passed)
    }

    pub(super) fn next(&self) -> Instant {
        self.anchor + self.period.saturating_mul(self.last.saturating_add(1))
    }

    fn index(&self, now: Instant) -> u32 {
        let ticks = now.duration_since(self.anchor).as_nanos() / self.period.as_nanos().max(1);
        u32::try_from(ticks).unwrap_or(u32::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_a_minute_and_differ() {
        let mut rng = fastrand::Rng::with_seed(7);
        for (failures, least) in [
            (1, 2),
            (2, 4),
            (3, 8),
            (4, 16),
            (5, 32),
            (6, 40),
            (u32::MAX, 40),
        ] {
            let least = Duration::from_secs(least);
            let most = least.mul_f64(1.5);
            let many: Vec<_> = (0..500).map(|_| pause(failures, &mut rng)).collect();
            assert!(many.iter().all(|p| (least..=most).contains(p)));
            assert!(*many.iter().max().unwrap() > least.mul_f64(1.45));
            assert!(*many.iter().min().unwrap() < least.mul_f64(1.05));
        }
    }

    #[test]
    fn the_grid_does_not_drift_and_counts_what_it_skips() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut grid = Grid::new(start, Duration::from_secs(5));
        assert_eq!(grid.serve(at(0)), 0);
        assert_eq!(grid.pass(at(1_200)), 0);
        assert_eq!(grid.next(), at(5_000));
        // A little late, and it takes longer than two periods.
        assert_eq!(grid.serve(at(5_010)), 0);
        assert_eq!(grid.pass(at(16_000)), 2);
        assert_eq!(grid.next(), at(20_000));
        // One asked for in between changes nothing.
        assert_eq!(grid.serve(at(17_000)), 0);
        assert_eq!(grid.pass(at(17_100)), 0);
        assert_eq!(grid.next(), at(20_000));
        // Away for a minute: ticks 20 to 75 passed.
        assert_eq!(grid.serve(at(77_000)), 11);
        assert_eq!(grid.next(), at(80_000));
    }
}
