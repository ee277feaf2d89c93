//! Times as logs write them. The one rule: what a stamp leaves out (date, zone) is taken from the line above, or is UTC.

use jiff::civil::{DateTime, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};

/// A clock that jumps back further than this has passed midnight.
const MIDNIGHT: SignedDuration = SignedDuration::from_hours(12);

/// The moment `text` names, `last` being that of the line above. None: it is no time.
pub(super) fn read(text: &str, last: Timestamp) -> Option<Timestamp> {
    let text = text.trim().replace(',', ".");
    if let Ok(at) = text.parse::<Timestamp>() {
        return Some(at);
    }
    let utc = |at: DateTime| at.to_zoned(TimeZone::UTC).ok().map(|at| at.timestamp());
    // A time of day alone: jiff would find one in a whole date too.
    let alone = !text.contains(['T', ' ']) && text.find('-').is_none();
    if alone && let Ok(time) = text.parse::<Time>() {
        let day = last.to_zoned(TimeZone::UTC).date();
        let at = utc(day.to_datetime(time))?;
        let passed = last.duration_since(at) > MIDNIGHT;
        return if passed {
            at.checked_add(SignedDuration::from_hours(24)).ok()
        } else {
            Some(at)
        };
    }
    utc(text.parse::<DateTime>().ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stamps_as_logs_write_them() {
        let at = |text: &str| read(text, Timestamp::UNIX_EPOCH).map(|at| at.to_string());
        let said = |text: &str| Some(text.to_owned());
        assert_eq!(at("12:39:25"), said("1970-01-01T12:39:25Z"));
        assert_eq!(at("12:39:25,042"), said("1970-01-01T12:39:25.042Z"));
        assert_eq!(at("2026-11-04 10:52:01"), said("2026-11-04T10:52:01Z"));
        assert_eq!(
            at("2026-11-04T10:52:01+07:00"),
            said("2026-11-04T03:52:01Z")
        );
        assert_eq!(at("yesterday"), None);
    }

    #[test]
    fn midnight_is_passed() {
        let last = "2026-11-04T23:59:59Z".parse().unwrap();
        let at = read("00:00:01", last).map(|at| at.to_string());
        assert_eq!(at.as_deref(), Some("2026-11-05T00:00:01Z"));
    }
}
