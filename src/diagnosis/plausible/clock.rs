//! The meter's clock against ours. The rule: the raw date-time is judged, nothing in it is invented.

use super::claims::Stay;
use super::{Millis, Plausible, rows};
use crate::cosem::{DateTime, Obis};
use crate::diagnosis::Confidence::{self, Likely, Possible};
use crate::diagnosis::Diagnosis;

/// Seconds a clock may be off before it is said.
const TOLERANCE: i64 = 60;
const HALF_HOUR: i64 = 1800;
/// No two time zones are further apart, daylight saving included.
const FARTHEST: i64 = 28 * 3600;

impl Plausible {
    /// The clock as read at `at`: milliseconds since 1970, UTC. What a meter calls local time is held against UTC with its
    /// own deviation.
    pub fn clock(&mut self, obis: Obis, clock: &DateTime, at: Millis) {
        if let Some((row, sure, words)) = judge(clock, at) {
            let text = || format!("{obis} = {clock}: {words}");
            self.claims.say(row, Stay::State, sure, (obis, at), text);
        }
        self.claims.settle(&[obis], at);
    }
}

type Verdict = (&'static Diagnosis, Confidence, String);

fn judge(clock: &DateTime, at: Millis) -> Option<Verdict> {
    let Some(civil) = clock.civil() else {
        let words = "year or day is not given".to_owned();
        return Some((&rows::X23, Likely, words));
    };
    let status = clock.status().unwrap_or(0);
    // Invalid, doubtful, invalid status.
    if status & 0x0B != 0 {
        let words = format!("status {status:02X} says the time is doubtful or invalid");
        return Some((&rows::X23, Likely, words));
    }
    let deviation = clock.deviation();
    let stamp = civil.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    // The standard counts the deviation from local time to UTC.
    let minutes = i64::from(deviation.unwrap_or(0));
    let meter = stamp.as_second().saturating_add(minutes.saturating_mul(60));
    let off = meter.saturating_sub(at.div_euclid(1000));
    if off.abs() <= TOLERANCE && deviation.is_some() {
        return None;
    }
    let rest = off.rem_euclid(HALF_HOUR);
    let whole = rest <= TOLERANCE || rest >= HALF_HOUR - TOLERANCE;
    if !whole || off.abs() > FARTHEST {
        let words = format!("{off} s from the reader's clock");
        return Some((&rows::V7, Likely, words));
    }
    let Some(deviation) = deviation else {
        let words = "the deviation from UTC is not given".to_owned();
        return Some((&rows::X23, Possible, words));
    };
    let mirrored = off.saturating_sub(i64::from(deviation).saturating_mul(120));
    let words = if deviation != 0 && mirrored.abs() <= TOLERANCE {
        "right if the deviation is read with the other sign"
    } else {
        "off by a whole number of half hours: a matter of time zone or daylight saving"
    };
    Some((&rows::X23, Likely, format!("{words} ({off} s)")))
}
