//! Time for a simulated meter: true wall time drives its load, and its own clock may be set wrong and drift.

use crate::cosem::date_time::DateTime;
use crate::simulator::profile::Profile;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::Offset;
use std::time::Instant;

const SECOND: i128 = 1_000_000_000;

/// Ties one `Instant` to wall time.
#[derive(Clone, Copy, Debug)]
pub(super) struct Wall {
    start: Instant,
    clock: Timestamp,
    /// What clients set the meter's own clock forward by since, in nanoseconds.
    adjusted: i128,
}

impl Wall {
    pub fn new(start: Instant, clock: Timestamp) -> Self {
        Self {
            start,
            clock,
            adjusted: 0,
        }
    }

    fn elapsed(&self, now: Instant) -> i128 {
        let nanoseconds = now.saturating_duration_since(self.start).as_nanos();
        i128::try_from(nanoseconds).unwrap_or(i128::MAX / 2)
    }

    /// True time, whole seconds since 1970.
    pub fn unix(&self, now: Instant) -> i64 {
        let nanoseconds = self.clock.as_nanosecond() + self.elapsed(now);
        i64::try_from(nanoseconds.div_euclid(SECOND)).unwrap_or(i64::MAX)
    }

    /// What the meter's own clock shows.
    pub fn shown(&self, now: Instant, profile: &Profile) -> DateTime {
        let nanoseconds = self.nanoseconds(now, profile);
        let timestamp = Timestamp::from_nanosecond(nanoseconds).unwrap_or(self.clock);
        date_time(timestamp, profile)
    }

    fn nanoseconds(&self, now: Instant, profile: &Profile) -> i128 {
        let elapsed = self.elapsed(now);
        let drift = elapsed / 1_000_000 * i128::from(profile.clock_drift_ppm);
        let offset = profile.clock_offset.as_nanos() + self.adjusted;
        self.clock.as_nanosecond() + elapsed + offset + drift
    }

    /// Sets the meter's own clock; the load goes on by true time. `None` when the time leaves something open.
    pub fn set(&mut self, now: Instant, time: DateTime, profile: &Profile) -> Option<()> {
        let wanted = timestamp(time, profile)?.as_nanosecond();
        self.adjusted += wanted - self.nanoseconds(now, profile);
        Some(())
    }

    /// To the nearest whole so many seconds.
    pub fn round(&mut self, now: Instant, seconds: i128, profile: &Profile) {
        let step = seconds * SECOND;
        let shown = self.nanoseconds(now, profile);
        let nearest = (shown + step / 2).div_euclid(step) * step;
        self.adjusted += nearest - shown;
    }

    pub fn shift(&mut self, seconds: i128) {
        self.adjusted += seconds * SECOND;
    }
}

/// Local time with its deviation, in the standard's sign: minutes to add to local time to reach UTC.
pub(super) fn date_time(timestamp: Timestamp, profile: &Profile) -> DateTime {
    DateTime::from_civil(
        offset(profile).to_datetime(timestamp),
        Some(deviation(profile)),
        0,
    )
}

/// The moment a client means: by its deviation, or else by the meter's own.
pub(super) fn timestamp(time: DateTime, profile: &Profile) -> Option<Timestamp> {
    let zone = match time.deviation() {
        None => offset(profile),
        Some(minutes) => Offset::from_seconds(-i32::from(minutes) * 60).ok()?,
    };
    zone.to_timestamp(time.civil()?).ok()
}

pub(super) fn deviation(profile: &Profile) -> i16 {
    i16::try_from(-profile.supply.utc_offset / 60).unwrap_or(0)
}

fn offset(profile: &Profile) -> Offset {
    Offset::from_seconds(profile.supply.utc_offset).unwrap_or(Offset::UTC)
}

/// The first of the local month that holds `unix`: its start in seconds since 1970, and months since January 2020.
pub(super) fn month(unix: i64, profile: &Profile) -> (i64, i64) {
    let timestamp = Timestamp::from_second(unix).unwrap_or(Timestamp::UNIX_EPOCH);
    let first: Date = offset(profile)
        .to_datetime(timestamp)
        .date()
        .first_of_month();
    let start = offset(profile).to_timestamp(first.at(0, 0, 0, 0));
    let months = (i64::from(first.year()) - 2020) * 12 + i64::from(first.month()) - 1;
    (start.map_or(unix, jiff::Timestamp::as_second), months)
}
