//! The meter's clock against ours. The rule: the raw date-time is judged, nothing in it is invented.

use super::{Millis, Plausible, rows};
use crate::cosem::DateTime;
use crate::diagnosis::Confidence::{Likely, Possible};

/// Seconds a clock may be off before it is said.
const TOLERANCE: i64 = 60;
const HALF_HOUR: i64 = 1800;

impl Plausible {
    /// The clock as read at `at`: milliseconds since 1970, UTC. What a meter calls local time is held against UTC with its
    /// own deviation.
    pub fn clock(&mut self, clock: &DateTime, at: Millis) {
        let Some(civil) = clock.civil() else {
            return self.say(&rows::X23, Likely, || {
                format!("{clock}: year or day is not given")
            });
        };
        let status = clock.status().unwrap_or(0);
        if status & 0x0B != 0 {
            self.say(&rows::X23, Likely, || {
                format!("{clock}: status {status:02X} says the time is doubtful or invalid")
            });
        }
        let Some(deviation) = clock.deviation() else {
            return self.say(&rows::X23, Possible, || {
                format!("{clock}: the deviation from UTC is not given")
            });
        };
        let Ok(stamp) = civil.to_zoned(jiff::tz::TimeZone::UTC) else {
            return;
        };
        // The standard counts the deviation from local time to UTC.
        let meter = stamp
            .timestamp()
            .as_second()
            .saturating_add(i64::from(deviation).saturating_mul(60));
        let off = meter.saturating_sub(at / 1000);
        if off.abs() <= TOLERANCE {
            return;
        }
        let rest = off.rem_euclid(HALF_HOUR);
        let whole = rest <= TOLERANCE || rest >= HALF_HOUR - TOLERANCE;
        if whole && off.abs() <= 28 * HALF_HOUR * 2 {
            let mirrored = off.saturating_sub(i64::from(deviation).saturating_mul(120));
            let words = if deviation != 0 && mirrored.abs() <= TOLERANCE {
                "right if the deviation is read with the other sign"
            } else {
                "off by a whole number of half hours: a matter of time zone or daylight saving"
            };
            self.say(&rows::X23, Likely, || format!("{clock}: {words} ({off} s)"));
        } else {
            self.say(&rows::V7, Likely, || {
                format!("{clock}: {off} s from the reader's clock")
            });
        }
    }
}
