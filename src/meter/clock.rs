//! Wall-clock time, handed in from outside so that a demo and a simulation can fix it.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use std::sync::atomic::{AtomicI64, Ordering};

/// Where wall-clock time comes from. Monotonic time is always tokio's, which tests can pause.
#[derive(Clone, Copy, Debug)]
pub enum Clock {
    /// The computer's own clock.
    System,
    /// `base` at `at`, running with tokio's clock from there (so that paused time works).
    From {
        base: Timestamp,
        at: tokio::time::Instant,
    },
    /// The same, `ahead` milliseconds further: a clock that leaps, as when a laptop wakes or somebody sets it.
    Set {
        base: Timestamp,
        at: tokio::time::Instant,
        ahead: &'static AtomicI64,
    },
}

impl Clock {
    pub fn now(&self) -> Timestamp {
        match self {
            Self::System => Timestamp::now(),
            Self::From { base, at } => {
                let elapsed = SignedDuration::try_from(at.elapsed()).unwrap_or_default();
                base.checked_add(elapsed).unwrap_or(*base)
            }
            Self::Set { base, at, ahead } => {
                let elapsed = SignedDuration::try_from(at.elapsed()).unwrap_or_default();
                let ahead = SignedDuration::from_millis(ahead.load(Ordering::Relaxed));
                base.checked_add(elapsed.saturating_add(ahead))
                    .unwrap_or(*base)
            }
        }
    }
}

/// `12 Nov 2026`, where this computer stands.
pub fn local_day(at: Timestamp) -> String {
    at.to_zoned(TimeZone::system())
        .strftime("%-d %b %Y")
        .to_string()
}

/// RFC 3339 to the millisecond with this computer's offset: how every time is written for scripts.
pub fn rfc3339(at: Timestamp) -> String {
    let offset = TimeZone::system().to_offset(at);
    let millis = Timestamp::from_millisecond(at.as_millisecond()).unwrap_or(at);
    format!("{:.3}", millis.display_with_offset(offset))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[tokio::test(start_paused = true)]
    async fn a_fixed_clock_runs_with_tokio() {
        let base: Timestamp = "2026-11-20T14:32:07.5Z".parse().unwrap();
        let clock = Clock::From {
            base,
            at: tokio::time::Instant::now(),
        };
        assert_eq!(clock.now(), base);
        tokio::time::advance(Duration::from_secs(90)).await;
        assert_eq!(clock.now().to_string(), "2026-11-20T14:33:37.5Z");
    }

    #[test]
    fn times_are_rfc_3339_with_offset_and_milliseconds() {
        let at: Timestamp = "2026-11-20T14:32:07.123456Z".parse().unwrap();
        let text = rfc3339(at);
        let back: Timestamp = text.parse().unwrap();
        assert_eq!(back.as_millisecond(), at.as_millisecond());
        assert!(text.contains(".123"), "{text}");
        assert!(!text.ends_with('Z'), "{text}");
    }
}
