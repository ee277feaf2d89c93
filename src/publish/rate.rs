//! Acknowledgements in the last minute, in a fixed ring of seconds. Time comes in as data.

use tokio::time::Instant;

const SECONDS: usize = 60;

#[derive(Clone, Debug)]
pub(super) struct Rate {
    start: Instant,
    /// The second the ring stands at, counted from `start`.
    now: u64,
    ring: [u64; SECONDS],
}

impl Rate {
    pub(super) fn new(start: Instant) -> Self {
        Self {
            start,
            now: 0,
            ring: [0; SECONDS],
        }
    }

    pub(super) fn add(&mut self, now: Instant, count: u64) {
        self.advance(now);
        if let Some(second) = self.ring.get_mut(slot(self.now)) {
            *second += count;
        }
    }

    pub(super) fn per_minute(&mut self, now: Instant) -> u64 {
        self.advance(now);
        self.ring.iter().sum()
    }

    fn advance(&mut self, now: Instant) {
        let second = now.saturating_duration_since(self.start).as_secs();
        let passed = second.saturating_sub(self.now).min(SECONDS as u64);
        for step in 1..=passed {
            // Counted back from the newest, so that a long pause clears each slot once.
            if let Some(old) = self.ring.get_mut(slot(second + 1 - step)) {
                *old = 0;
            }
        }
        self.now = self.now.max(second);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "below 60")]
fn slot(second: u64) -> usize {
    (second % SECONDS as u64) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_minute_passes() {
        let start = Instant::now();
        let at = |seconds| start + Duration::from_secs(seconds);
        let mut rate = Rate::new(start);
        rate.add(at(0), 5);
        rate.add(at(30), 7);
        assert_eq!(rate.per_minute(at(59)), 12);
        assert_eq!(rate.per_minute(at(60)), 7);
        assert_eq!(rate.per_minute(at(89)), 7);
        assert_eq!(rate.per_minute(at(90)), 0);
        rate.add(at(100_000), 1);
        assert_eq!(rate.per_minute(at(100_059)), 1);
        assert_eq!(rate.per_minute(at(200_000)), 0);
    }
}
