//! How soon a question is put again, by how soon answers came (after RFC 6298, with Karn's rule). The rule: only the asking
//! again comes sooner; the giving up takes as long as was configured, and what is asked early is RR, which repeats nothing
//! unless the meter says that it lacks it. So a meter that is merely slow loses nothing by it.

use std::time::{Duration, Instant};

/// Answers of one link before it is trusted: AARE and proofs take their own time.
const ENOUGH: u8 = 8;
/// A wait doubles no more often.
const MOST_DOUBLINGS: u8 = 6;

#[derive(Default)]
pub(super) struct Pace {
    smoothed: Duration,
    varies: Duration,
    /// The slowest answer of late. Meters answer most objects at once and some slowly: that is no loss.
    slowest: Duration,
    answers: u8,
    /// Of the wait, since a question last needed no repeating.
    doublings: u8,
    /// When the question under way first went out.
    asked: Option<Instant>,
    /// Our frame went out twice: which one is answered, nobody knows.
    repeated: bool,
    /// When we last asked where the meter stands.
    reminded: Option<Instant>,
}

fn part(time: Duration, of: u32) -> Duration {
    time.checked_div(of).unwrap_or_default()
}

impl Pace {
    pub(super) fn ask(&mut self, now: Instant) {
        self.asked = Some(now);
        self.repeated = false;
        self.reminded = None;
    }

    pub(super) fn repeated(&mut self) {
        self.repeated = true;
    }

    /// RR went out early; the next wait is twice as long.
    pub(super) fn remind(&mut self, now: Instant) {
        self.reminded = Some(now);
        self.doublings = self.doublings.saturating_add(1).min(MOST_DOUBLINGS);
    }

    pub(super) fn doublings(&self) -> u8 {
        self.doublings
    }

    /// The first frame of the answer came.
    pub(super) fn answered(&mut self, now: Instant) {
        let Some(asked) = self.asked.take() else {
            return;
        };
        // So soon after RR it may be an answer that was lost and said again.
        let usual = self.smoothed.saturating_add(self.varies.saturating_mul(4));
        let said_again =
            (self.reminded).is_some_and(|at| now.saturating_duration_since(at) <= usual);
        if self.repeated || said_again {
            return;
        }
        let took = now.saturating_duration_since(asked);
        if self.reminded.is_none() {
            self.smooth(took);
        }
        self.doublings = 0;
        let faded = self.slowest.saturating_sub(part(self.slowest, 256));
        self.slowest = faded.max(took);
        self.answers = self.answers.saturating_add(1);
    }

    fn smooth(&mut self, took: Duration) {
        if self.answers == 0 {
            self.smoothed = took;
            self.varies = part(took, 2);
            return;
        }
        let off = self.smoothed.abs_diff(took);
        self.varies = self.varies.saturating_sub(part(self.varies, 4));
        self.varies = self.varies.saturating_add(part(off, 4));
        self.smoothed = self.smoothed.saturating_sub(part(self.smoothed, 8));
        self.smoothed = self.smoothed.saturating_add(part(took, 8));
    }

    /// How long an answer is awaited before the meter is reminded; `None` while too little is known.
    pub(super) fn wait(&self, floor: Duration, ceiling: Duration) -> Option<Duration> {
        if self.answers < ENOUGH || floor >= ceiling {
            return None;
        }
        let by_mean = self.smoothed.saturating_add(self.varies.saturating_mul(4));
        let by_slowest = self.slowest.saturating_add(part(self.slowest, 4));
        let wait = by_mean.max(by_slowest).max(floor);
        let doubled = 1u32.checked_shl(self.doublings.into()).unwrap_or(u32::MAX);
        Some(wait.saturating_mul(doubled).min(ceiling))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FLOOR: Duration = Duration::from_secs(1);
    const CEILING: Duration = Duration::from_secs(7);

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn exchange(pace: &mut Pace, now: &mut Instant, took: Duration) {
        pace.ask(*now);
        *now += took;
        pace.answered(*now);
    }

    #[test]
    fn nothing_is_hurried_before_enough_is_known_and_never_under_the_floor() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        for _ in 0..7 {
            exchange(&mut pace, &mut now, ms(40));
            assert_eq!(pace.wait(FLOOR, CEILING), None);
        }
        exchange(&mut pace, &mut now, ms(40));
        assert_eq!(pace.wait(FLOOR, CEILING), Some(FLOOR));
        assert_eq!(pace.wait(CEILING, CEILING), None, "switched off");
        assert!(pace.wait(ms(1), CEILING).unwrap() < ms(200));
    }

    #[test]
    fn one_slow_object_among_quick_ones_is_waited_for() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        for _ in 0..50 {
            for took in [50, 50, 50, 50, 50, 50, 50, 50, 3_000] {
                exchange(&mut pace, &mut now, ms(took));
            }
            assert!(pace.wait(FLOOR, CEILING).unwrap() > ms(3_000));
        }
    }

    #[test]
    fn what_was_repeated_measures_nothing_and_waits_double_until_an_answer_is_clean() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        for _ in 0..20 {
            exchange(&mut pace, &mut now, ms(50));
        }
        // Lost again and again: each time RR, and the frame once more.
        for doubled in [2, 4, 7, 7] {
            pace.ask(now);
            now += FLOOR;
            pace.remind(now);
            pace.repeated();
            now += ms(50);
            pace.answered(now);
            assert_eq!(pace.wait(FLOOR, CEILING), Some(FLOOR * doubled));
        }
        exchange(&mut pace, &mut now, ms(50));
        assert_eq!(pace.wait(FLOOR, CEILING), Some(FLOOR));
        // An answer lost and said again is not slow either.
        pace.ask(now);
        pace.remind(now + FLOOR);
        pace.answered(now + FLOOR + ms(50));
        exchange(&mut pace, &mut now, ms(50));
        assert_eq!(pace.wait(FLOOR, CEILING), Some(FLOOR));
    }

    #[test]
    fn a_meter_that_became_slow_is_learned_of() {
        let (mut pace, mut now) = (Pace::default(), Instant::now());
        for _ in 0..20 {
            exchange(&mut pace, &mut now, ms(50));
        }
        pace.ask(now);
        pace.remind(now + FLOOR);
        pace.answered(now + ms(2_500));
        assert_eq!(pace.wait(FLOOR, CEILING), Some(ms(3_125)));
    }
}
