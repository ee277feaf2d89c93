//! The circuit breaker: a meter that needed too many new connections is left alone for a while. The rule: after the pause
//! one try decides, and only a value that was read closes it. Pure; time is handed in.

use crate::meter::definition::RecoverySettings;
use crate::meter::recovery::Breaker;
use std::collections::VecDeque;
use tokio::time::Instant;

#[derive(Debug, Default)]
pub struct CircuitBreaker {
    state: Breaker,
    /// Reconnects within the window, oldest first; never more than the limit.
    recent: VecDeque<Instant>,
}

impl CircuitBreaker {
    pub fn state(&self) -> Breaker {
        self.state
    }

    pub fn is_open(&self) -> bool {
        matches!(self.state, Breaker::Open { .. })
    }

    /// Reconnects that count at this moment.
    pub fn recent(&mut self, now: Instant, settings: &RecoverySettings) -> u32 {
        while (self.recent.front())
            .is_some_and(|at| now.duration_since(*at) >= settings.breaker_window)
        {
            self.recent.pop_front();
        }
        u32::try_from(self.recent.len()).unwrap_or(u32::MAX)
    }

    /// The link is lost, or did not come about. `Some`: nothing is tried until then.
    pub fn failed(&mut self, now: Instant, settings: &RecoverySettings) -> Option<Instant> {
        let opens = match self.state {
            Breaker::Closed => self.recent(now, settings) >= settings.breaker,
            Breaker::HalfOpen | Breaker::Open { .. } => true,
        };
        opens.then(|| {
            let until = now + settings.breaker_pause;
            self.state = Breaker::Open { until };
            until
        })
    }

    /// A new connection is tried now; `counts` unless somebody wished it.
    pub fn attempt(&mut self, now: Instant, counts: bool, settings: &RecoverySettings) {
        match self.state {
            Breaker::Open { .. } => self.state = Breaker::HalfOpen,
            Breaker::Closed if counts => {
                if self.recent(now, settings) >= settings.breaker {
                    self.recent.pop_front();
                }
                self.recent.push_back(now);
            }
            Breaker::HalfOpen | Breaker::Closed => {}
        }
    }

    /// A person says try: once, whatever was before.
    pub fn one_try(&mut self) {
        if self.is_open() {
            self.state = Breaker::HalfOpen;
        }
    }

    /// A value came. What led to the pause is over.
    pub fn worked(&mut self) {
        if self.state == Breaker::HalfOpen {
            *self = Self::default();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    const MINUTE: Duration = Duration::from_mins(1);

    fn after(reconnects: u32, apart: Duration) -> (CircuitBreaker, Instant) {
        let settings = RecoverySettings::default();
        let mut breaker = CircuitBreaker::default();
        let mut now = Instant::now();
        for n in 0..reconnects {
            assert_eq!(breaker.failed(now, &settings), None, "before reconnect {n}");
            breaker.attempt(now, true, &settings);
            now += apart;
        }
        (breaker, now)
    }

    #[test]
    fn it_opens_after_ten_reconnects_in_an_hour_and_not_after_nine() {
        let settings = RecoverySettings::default();
        let (mut breaker, now) = after(9, MINUTE);
        assert_eq!(breaker.failed(now, &settings), None);
        let (mut breaker, now) = after(10, MINUTE);
        assert_eq!(breaker.failed(now, &settings), Some(now + 5 * MINUTE));
        // Ten, but the first is an hour ago: the window slides.
        let (mut breaker, now) = after(10, 6 * MINUTE);
        assert_eq!(breaker.failed(now, &settings), None);
        assert_eq!(breaker.recent(now, &settings), 9);
    }

    #[test]
    fn one_try_decides() {
        let settings = RecoverySettings::default();
        let (mut breaker, now) = after(10, MINUTE);
        let until = breaker.failed(now, &settings).unwrap();
        breaker.attempt(until, true, &settings);
        assert_eq!(breaker.state(), Breaker::HalfOpen);
        assert_eq!(
            breaker.failed(until + MINUTE, &settings),
            Some(until + 6 * MINUTE)
        );
        breaker.attempt(until + 6 * MINUTE, true, &settings);
        breaker.worked();
        assert_eq!(breaker.state(), Breaker::Closed);
        assert_eq!(breaker.recent(until + 6 * MINUTE, &settings), 0);
        assert_eq!(breaker.failed(until + 7 * MINUTE, &settings), None);
    }

    #[test]
    fn a_person_gets_one_try_and_wishes_are_not_counted() {
        let settings = RecoverySettings::default();
        let (mut breaker, now) = after(10, MINUTE);
        breaker.failed(now, &settings);
        breaker.one_try();
        breaker.attempt(now, false, &settings);
        assert_eq!(breaker.state(), Breaker::HalfOpen);
        assert!(breaker.failed(now, &settings).is_some());

        let (mut breaker, now) = after(9, MINUTE);
        for _ in 0..50 {
            breaker.one_try();
            breaker.attempt(now, false, &settings);
        }
        assert_eq!(breaker.failed(now, &settings), None);
        breaker.worked();
        assert_eq!(
            breaker.recent(now, &settings),
            9,
            "closed, it forgets nothing"
        );
    }
}
