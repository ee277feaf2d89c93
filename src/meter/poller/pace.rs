//! When to poll: a fixed grid. Pure; time is handed in.

use std::time::Duration;
use tokio::time::Instant;

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

    pub(super) fn anchor(&self) -> Instant {
        self.anchor
    }

    pub(super) fn period(&self) -> Duration {
        self.period
    }

    /// How many ticks went by since the last one that was accounted for.
    pub(super) fn pass(&mut self, now: Instant) -> u64 {
        let current = self.index(now);
        let passed = current.saturating_sub(self.last);
        self.last = current.max(self.last);
        u64::from(passed)
    }

    /// The tick that was served or let pass last.
    pub(super) fn point(&self) -> Instant {
        self.anchor + self.period.saturating_mul(self.last)
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
    fn the_grid_does_not_drift_and_counts_what_it_skips() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut grid = Grid::new(start, Duration::from_secs(5));
        assert_eq!(grid.pass(at(0)), 0);
        assert_eq!(grid.pass(at(1_200)), 0);
        assert_eq!(grid.next(), at(5_000));
        // A little late, and it takes longer than two periods.
        assert_eq!(grid.pass(at(5_010)), 1);
        assert_eq!(grid.pass(at(16_000)), 2);
        assert_eq!(grid.next(), at(20_000));
        // One asked for in between changes nothing.
        assert_eq!(grid.pass(at(17_000)), 0);
        assert_eq!(grid.pass(at(17_100)), 0);
        assert_eq!(grid.next(), at(20_000));
        // Away for a minute: ticks 20 to 75 passed.
        assert_eq!(grid.pass(at(77_000)), 12);
        assert_eq!(grid.next(), at(80_000));
    }
}
