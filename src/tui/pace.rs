//! When the next picture may be drawn. The rule: keys are answered at once; what changes by itself waits for its slot, and
//! what changes beside what one looks at waits until the line has had its rest.
use std::time::Duration;
use tokio::time::Instant;

/// Time between pictures drawn for data.
pub const SLOT: Duration = Duration::from_millis(33);
const SLOT_OVER_SSH: Duration = Duration::from_millis(100);
const SLOWEST_SLOT: Duration = Duration::from_millis(500);
/// Time between pictures drawn for meters nobody has selected, at the least …
const CALM: Duration = Duration::from_millis(250);
/// … and so long that such pictures cost no more than this in a second, in bytes …
const CALM_BYTES: u64 = 2000;
/// … but no longer than this.
const CALMEST: Duration = Duration::from_secs(4);

pub struct Slots {
    usual: Duration,
    now: Duration,
    next: Instant,
    calm: Instant,
}

impl Slots {
    /// `far`: the terminal is at the other end of an ssh session.
    pub fn new(now: Instant, far: bool) -> Self {
        let usual = if far { SLOT_OVER_SSH } else { SLOT };
        Self {
            usual,
            now: usual,
            next: now,
            calm: now,
        }
    }

    /// When a picture of what one looks at may follow.
    pub fn next(&self) -> Instant {
        self.next
    }

    /// When a picture of everything else may follow.
    pub fn calm(&self) -> Instant {
        self.calm
    }

    /// A write that takes long means the line is full: fewer pictures until it has recovered.
    pub fn drawn(&mut self, now: Instant, took: Duration, bytes: usize) {
        self.now = if took > self.now / 4 {
            (self.now * 2).min(SLOWEST_SLOT)
        } else if took < self.now / 16 {
            (self.now / 2).max(self.usual)
        } else {
            self.now
        };
        self.next = now + self.now;
        let paid = Duration::from_millis((bytes as u64).saturating_mul(1000) / CALM_BYTES);
        self.calm = now + paid.clamp(CALM.max(self.now), CALMEST);
    }

    /// Pictures a second, when they have become few.
    pub fn slow(&self) -> Option<u16> {
        // One late write is no slow line.
        (self.now > self.usual * 2)
            .then(|| u16::try_from(1000 / self.now.as_millis().max(1)).unwrap_or(u16::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_line_gets_fewer_pictures_and_recovers() {
        let now = Instant::now();
        let mut slots = Slots::new(now, false);
        for _ in 0..6 {
            slots.drawn(now, Duration::from_millis(200), 100);
        }
        assert_eq!(slots.next() - now, SLOWEST_SLOT);
        assert_eq!(slots.slow(), Some(2));
        for _ in 0..6 {
            slots.drawn(now, Duration::ZERO, 100);
        }
        assert_eq!((slots.next() - now, slots.slow()), (SLOT, None));
    }

    #[test]
    fn what_changes_elsewhere_waits_until_the_line_has_rested() {
        let now = Instant::now();
        let mut slots = Slots::new(now, false);
        let mut after = |bytes| {
            slots.drawn(now, Duration::ZERO, bytes);
            slots.calm() - now
        };
        assert_eq!(after(100), CALM);
        assert_eq!(after(3000), Duration::from_millis(1500));
        assert_eq!(after(1_000_000), CALMEST);
    }
}
