//! Link errors in a row: frames bad or unanswered since the last good one. Pure; it looks at counters.

use crate::dlms::hdlc::link::LinkCounters;

#[derive(Clone, Copy, Debug, Default)]
pub struct Streak {
    /// `None`: nobody wants to know.
    limit: Option<u32>,
    good: u64,
    /// Errors counted when the last good frame came.
    before: u64,
}

impl Streak {
    pub fn of(limit: u32) -> Self {
        Self {
            limit: Some(limit),
            ..Self::default()
        }
    }

    /// How many in a row, once there are too many.
    pub fn too_long(&mut self, counters: LinkCounters) -> Option<u32> {
        let limit = self.limit?;
        let good = counters.frames_received.saturating_sub(counters.dropped);
        let errors = counters.bad_fcs.saturating_add(counters.resent);
        if good != self.good {
            (self.good, self.before) = (good, errors);
        }
        let row = u32::try_from(errors.saturating_sub(self.before)).unwrap_or(u32::MAX);
        (row >= limit).then(|| {
            self.before = errors;
            row
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fifteen_in_a_row_and_not_with_a_good_one_between() {
        let mut streak = Streak::of(15);
        let mut counters = LinkCounters::default();
        for _ in 0..14 {
            counters.bad_fcs += 1;
            assert_eq!(streak.too_long(counters), None);
        }
        counters.frames_received += 1;
        assert_eq!(streak.too_long(counters), None);
        for _ in 0..7 {
            counters.resent += 1;
            counters.bad_fcs += 1;
            assert_eq!(streak.too_long(counters), None);
        }
        // A frame of no use does not break the row.
        (counters.frames_received, counters.dropped) = (2, 1);
        counters.resent += 1;
        assert_eq!(streak.too_long(counters), Some(15));
        assert_eq!(streak.too_long(counters), None, "said once");
        assert_eq!(Streak::default().too_long(counters), None);
    }
}
