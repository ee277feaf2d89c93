//! A meter's clock beside ours. Pure. Meters differ in what their deviation means; which reading of it was taken is always
//! said.

use crate::cosem::value::in_the_manner_of;
use crate::cosem::{AttributeRef, Data, DateTime, Obis};
use jiff::tz::{Offset, TimeZone};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

pub const TIME: AttributeRef = AttributeRef {
    class: 8,
    obis: Obis::new(0, 0, 1, 0, 0, 255),
    attribute: 2,
};

/// The meter's clock beside ours.
#[derive(Clone, Debug, PartialEq)]
pub struct Drift {
    pub shown: DateTime,
    /// Meter minus computer; `None` when the meter's time is not fully specified.
    pub seconds: Option<i64>,
    /// What the meter's local time was taken to be.
    pub taken_as: &'static str,
    offset: Offset,
}

/// Within this, a reading other than the standard's is believed.
const NEAR: i64 = 300;

impl Drift {
    pub fn new(shown: DateTime, now: Timestamp) -> Self {
        let mut drift = Self {
            shown,
            seconds: None,
            taken_as: "local time",
            offset: TimeZone::system().to_offset(now),
        };
        let Some(civil) = shown.civil() else {
            return drift;
        };
        let minutes = |m: i16| Offset::from_seconds(i32::from(m) * 60).ok();
        let deviation = shown.deviation();
        // The standard's deviation leads from local time to UTC, so its offset is the other way round.
        let standard = deviation.and_then(|d| minutes(d.checked_neg()?));
        let readings = [
            (standard, "its deviation"),
            (deviation.and_then(minutes), "its deviation, sign reversed"),
            (Some(drift.offset), "local time"),
            (Some(Offset::UTC), "UTC"),
        ];
        let mut best: Option<i64> = None;
        for (offset, name) in readings {
            let Some(offset) = offset else { continue };
            let Ok(at) = offset.to_timestamp(civil) else {
                continue;
            };
            let seconds = at.duration_since(now).as_secs();
            let nearer = best.is_some_and(|b| seconds.abs() < b.abs()) && seconds.abs() <= NEAR;
            if best.is_none() || nearer {
                best = Some(seconds);
                (drift.taken_as, drift.offset) = (name, offset);
            }
        }
        drift.seconds = best;
        drift
    }

    pub fn to_json(&self) -> Value {
        json!({
            "time": self.shown.to_string(),
            "drift_seconds": self.seconds,
            "taken_as": self.seconds.map(|_| self.taken_as),
        })
    }

    pub fn words(&self) -> String {
        match self.seconds {
            Some(seconds) => format!(
                "{}, {seconds:+} s from this computer (taken as {})",
                self.shown, self.taken_as
            ),
            None => format!("{} (not fully specified)", self.shown),
        }
    }

    /// Of what attribute 2 of the clock holds; `None` when that is no date-time.
    pub fn of(data: &Data, now: Timestamp) -> Option<Self> {
        let raw = match data {
            Data::DateTime(time) => Some(time.raw),
            other => other.as_octets().and_then(|octets| octets.try_into().ok()),
        };
        raw.map(|raw| Self::new(DateTime { raw }, now))
    }

    /// What to write to set this meter's clock to `now`, in the type in which it shows its own.
    pub fn correction(&self, shown: &Data, now: Timestamp) -> Data {
        let time = self.corrected(now);
        match shown {
            Data::DateTime(_) => Data::DateTime(time),
            _ => Data::OctetString(time.raw.to_vec()),
        }
    }

    /// `now` as this meter would show it.
    fn corrected(&self, now: Timestamp) -> DateTime {
        let whole = now - SignedDuration::from_nanos(i64::from(now.subsec_nanosecond()));
        in_the_manner_of(&self.shown, self.offset.to_datetime(whole))
    }
}

#[cfg(test)]
mod tests {
    use super::Drift;
    use crate::cosem::DateTime;
    use jiff::{Timestamp, civil};

    fn drift(deviation: Option<i16>, hour: i8, second: i8) -> Drift {
        let now: Timestamp = "2026-11-20T12:00:00Z".parse().unwrap();
        let civil = civil::datetime(2026, 11, 20, hour, 0, second, 0);
        Drift::new(DateTime::from_civil(civil, deviation, 0), now)
    }

    #[test]
    fn either_sign_of_the_deviation_is_understood_and_named() {
        let east = drift(Some(-180), 15, 7);
        assert_eq!((east.seconds, east.taken_as), (Some(7), "its deviation"));
        let wrong_sign = drift(Some(180), 15, 7);
        assert_eq!(wrong_sign.seconds, Some(7));
        assert_eq!(wrong_sign.taken_as, "its deviation, sign reversed");
    }

    #[test]
    fn a_clock_far_off_is_taken_by_the_standard() {
        let far = drift(Some(-180), 3, 0);
        assert_eq!(
            (far.seconds, far.taken_as),
            (Some(-43_200), "its deviation")
        );
    }

    #[test]
    fn corrected_in_the_meter_s_own_manner() {
        let east = drift(Some(-180), 15, 7);
        let now: Timestamp = "2026-11-20T12:30:01.7Z".parse().unwrap();
        let time = east.corrected(now);
        assert_eq!(time.to_string(), "2026-11-20 15:30:01 (deviation -180 min)");
    }
}
