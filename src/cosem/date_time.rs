//! COSEM date-time: fields that are not specified stay so; none is invented. Blue Book 4.1.6.1.

use std::fmt;

/// Year (2), month, day, day of week; FF (FFFF) means not specified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Date {
    pub raw: [u8; 5],
}

/// Hour, minute, second, hundredths; FF means not specified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Time {
    pub raw: [u8; 4],
}

/// Twelve octets: date, time, deviation (2), clock status. Accessors give `None` for not specified.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DateTime {
    pub raw: [u8; 12],
}

/// Clock status bits by name, as the Blue Book orders them.
const STATUS: [(u8, &str); 5] = [
    (0x01, "invalid"),
    (0x02, "doubtful"),
    (0x04, "different clock base"),
    (0x08, "invalid status"),
    (0x80, "DST"),
];

fn specified(octet: u8) -> Option<u8> {
    (octet != 0xFF).then_some(octet)
}

impl Date {
    pub fn year(&self) -> Option<u16> {
        let [high, low, ..] = self.raw;
        Some(u16::from_be_bytes([high, low])).filter(|year| *year != 0xFFFF)
    }

    /// 1…12; FD and FE stand for the end and the begin of daylight saving.
    pub fn month(&self) -> Option<u8> {
        let [_, _, month, ..] = self.raw;
        specified(month)
    }

    /// 1…31; FE is the last day of the month, FD the last but one.
    pub fn day(&self) -> Option<u8> {
        let [_, _, _, day, _] = self.raw;
        specified(day)
    }

    /// 1 is Monday.
    pub fn day_of_week(&self) -> Option<u8> {
        let [.., day] = self.raw;
        specified(day)
    }

    fn is_plausible(self) -> bool {
        self.year().is_none_or(|y| (1900..=2200).contains(&y))
            && self
                .month()
                .is_none_or(|m| matches!(m, 1..=12 | 0xFD | 0xFE))
            && self.day().is_none_or(|d| matches!(d, 1..=31 | 0xFD | 0xFE))
            && self.day_of_week().is_none_or(|d| matches!(d, 1..=7))
    }
}

impl Time {
    pub fn hour(&self) -> Option<u8> {
        let [hour, ..] = self.raw;
        specified(hour)
    }

    pub fn minute(&self) -> Option<u8> {
        let [_, minute, ..] = self.raw;
        specified(minute)
    }

    pub fn second(&self) -> Option<u8> {
        let [_, _, second, _] = self.raw;
        specified(second)
    }

    pub fn hundredths(&self) -> Option<u8> {
        let [.., hundredths] = self.raw;
        specified(hundredths)
    }

    fn is_plausible(self) -> bool {
        self.hour().is_none_or(|h| h < 24)
            && self.minute().is_none_or(|m| m < 60)
            && self.second().is_none_or(|s| s < 60)
            && self.hundredths().is_none_or(|h| h < 100)
    }
}

impl DateTime {
    /// An octet-string that can only be meant as a date-time: twelve octets, every field in its range.
    pub fn from_octets(octets: &[u8]) -> Option<Self> {
        let raw = <[u8; 12]>::try_from(octets).ok()?;
        let time = Self { raw };
        let deviation_fits = time.deviation().is_none_or(|d| (-720..=840).contains(&d));
        (time.date().is_plausible() && time.time().is_plausible() && deviation_fits).then_some(time)
    }

    pub fn date(&self) -> Date {
        let [a, b, c, d, e, ..] = self.raw;
        Date {
            raw: [a, b, c, d, e],
        }
    }

    pub fn time(&self) -> Time {
        let [_, _, _, _, _, a, b, c, d, ..] = self.raw;
        Time { raw: [a, b, c, d] }
    }

    pub fn year(&self) -> Option<u16> {
        self.date().year()
    }

    /// Minutes as sent. The standard wants minutes to add to local time to get UTC; meters differ in the sign, so it is
    /// shown raw and never used to convert.
    pub fn deviation(&self) -> Option<i16> {
        let [.., high, low, _] = self.raw;
        Some(i16::from_be_bytes([high, low])).filter(|d| *d != i16::MIN)
    }

    /// Clock status bits; `None` when the octet is FF.
    pub fn status(&self) -> Option<u8> {
        let [.., status] = self.raw;
        specified(status)
    }

    /// Local civil time as the meter's clock shows it, when year…second are all specified.
    pub fn civil(&self) -> Option<jiff::civil::DateTime> {
        let (date, time) = (self.date(), self.time());
        let small = |octet: u8| i8::try_from(octet).ok();
        let hundredths = time.hundredths().filter(|h| *h < 100).unwrap_or(0);
        jiff::civil::DateTime::new(
            i16::try_from(date.year()?).ok()?,
            small(date.month()?)?,
            small(date.day()?)?,
            small(time.hour()?)?,
            small(time.minute()?)?,
            small(time.second()?)?,
            i32::from(hundredths).saturating_mul(10_000_000),
        )
        .ok()
    }

    /// Every field specified, the day of the week too; a year before 0 or after 9999 is left unspecified.
    pub fn from_civil(t: jiff::civil::DateTime, deviation: Option<i16>, status: u8) -> Self {
        let octet = |n: i8| u8::try_from(n).unwrap_or(0xFF);
        let [y1, y2] = u16::try_from(t.year()).unwrap_or(0xFFFF).to_be_bytes();
        let [d1, d2] = deviation.unwrap_or(i16::MIN).to_be_bytes();
        let hundredths = u8::try_from(t.subsec_nanosecond() / 10_000_000).unwrap_or(0xFF);
        Self {
            raw: [
                y1,
                y2,
                octet(t.month()),
                octet(t.day()),
                octet(t.weekday().to_monday_one_offset()),
                octet(t.hour()),
                octet(t.minute()),
                octet(t.second()),
                hundredths,
                d1,
                d2,
                status,
            ],
        }
    }
}

/// `2026-11-20 14:32:07`, unspecified fields as dashes; behind it, in brackets, a deviation other than 0 and a status
/// other than 0, both as sent.
impl fmt::Display for DateTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.date(), self.time())?;
        let deviation = self.deviation().filter(|d| *d != 0);
        let status = self.status().filter(|s| *s != 0);
        match (deviation, status) {
            (None, None) => Ok(()),
            (Some(deviation), None) => write!(f, " (deviation {deviation} min)"),
            (None, Some(status)) => write!(f, " ({})", Status(status)),
            (Some(deviation), Some(status)) => {
                write!(f, " (deviation {deviation} min, {})", Status(status))
            }
        }
    }
}

struct Status(u8);

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "status {:02X}", self.0)?;
        let named = STATUS.iter().filter(|(bit, _)| self.0 & bit != 0);
        for (index, (_, name)) in named.enumerate() {
            write!(f, "{} {name}", if index == 0 { ":" } else { "," })?;
        }
        Ok(())
    }
}

/// `2026-11-20`; the day of the week follows only where the date alone does not say it.
impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.year() {
            Some(year) => write!(f, "{year:04}-")?,
            None => f.write_str("-----")?,
        }
        match self.month() {
            Some(0xFD) => f.write_str("(DST end)-")?,
            Some(0xFE) => f.write_str("(DST begin)-")?,
            Some(month) => write!(f, "{month:02}-")?,
            None => f.write_str("---")?,
        }
        match self.day() {
            Some(0xFD) => f.write_str("(last but one)")?,
            Some(0xFE) => f.write_str("(last)")?,
            Some(day) => write!(f, "{day:02}")?,
            None => f.write_str("--")?,
        }
        let complete = self.year().is_some()
            && self.month().is_some_and(|m| m < 0xFD)
            && self.day().is_some_and(|d| d < 0xFD);
        match self.day_of_week() {
            Some(day) if !complete => {
                let names = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"];
                match names.get(usize::from(day).wrapping_sub(1)) {
                    Some(name) => write!(f, " {name}"),
                    None => write!(f, " day of week {day}"),
                }
            }
            _ => Ok(()),
        }
    }
}

/// `14:32:07`, with hundredths when they are specified and not 0.
impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fields = [self.hour(), self.minute(), self.second()];
        for (index, field) in fields.into_iter().enumerate() {
            if index > 0 {
                f.write_str(":")?;
            }
            match field {
                Some(value) => write!(f, "{value:02}")?,
                None => f.write_str("--")?,
            }
        }
        match self.hundredths() {
            Some(hundredths) if hundredths != 0 => write!(f, ".{hundredths:02}"),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use jiff::civil;
    use proptest::prelude::*;

    use super::{Date, DateTime, Time};

    fn shown(raw: [u8; 12]) -> String {
        DateTime { raw }.to_string()
    }

    #[test]
    fn shown_as_the_meter_says_it() {
        let base = [0x07, 0xEA, 11, 20, 5, 14, 32, 7, 0, 0x80, 0, 0];
        let with = |changes: &[(usize, u8)]| {
            let mut raw = base;
            for (index, value) in changes {
                raw[*index] = *value;
            }
            shown(raw)
        };
        assert_eq!(with(&[]), "2026-11-20 14:32:07");
        assert_eq!(with(&[(9, 0)]), "2026-11-20 14:32:07");
        assert_eq!(with(&[(8, 5)]), "2026-11-20 14:32:07.05");
        assert_eq!(with(&[(8, 255), (4, 255)]), "2026-11-20 14:32:07");
        assert_eq!(with(&[(7, 255)]), "2026-11-20 14:32:--");
        assert_eq!(
            with(&[(9, 0xFF), (10, 0xC4)]),
            "2026-11-20 14:32:07 (deviation -60 min)"
        );
        assert_eq!(with(&[(11, 0x80)]), "2026-11-20 14:32:07 (status 80: DST)");
        assert_eq!(with(&[(11, 0xFF)]), "2026-11-20 14:32:07");
        assert_eq!(
            with(&[(9, 0), (10, 60), (11, 0x81)]),
            "2026-11-20 14:32:07 (deviation 60 min, status 81: invalid, DST)"
        );
        assert_eq!(with(&[(11, 0x40)]), "2026-11-20 14:32:07 (status 40)");
    }

    #[test]
    fn what_is_not_specified_stays_so() {
        // The last Sunday of March at two, whatever the year.
        assert_eq!(
            shown([0xFF, 0xFF, 3, 0xFE, 7, 2, 0, 0, 0, 0x80, 0, 0]),
            "-----03-(last) Sun 02:00:00"
        );
        assert_eq!(
            shown([
                0xFF, 0xFF, 0xFE, 0xFD, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x80, 0, 0xFF
            ]),
            "-----(DST begin)-(last but one) --:--:--"
        );
        assert_eq!(Date { raw: [0xFF; 5] }.to_string(), "----------");
        assert_eq!(Time { raw: [0xFF; 4] }.to_string(), "--:--:--");
        let none = DateTime {
            raw: [
                0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x80, 0, 0xFF,
            ],
        };
        assert_eq!(
            (none.year(), none.deviation(), none.status(), none.civil()),
            (None, None, None, None)
        );
    }

    #[test]
    fn civil_needs_all_from_year_to_second() {
        let mut raw = [0x07, 0xEA, 11, 20, 0xFF, 14, 32, 7, 0xFF, 0x80, 0, 0];
        assert_eq!(
            DateTime { raw }.civil(),
            Some(civil::datetime(2026, 11, 20, 14, 32, 7, 0))
        );
        raw[7] = 0xFF;
        assert_eq!(DateTime { raw }.civil(), None);
        raw[7] = 7;
        raw[2] = 0xFE;
        assert_eq!(DateTime { raw }.civil(), None);
        raw[2] = 2;
        raw[3] = 30;
        assert_eq!(DateTime { raw }.civil(), None);
    }

    #[test]
    fn from_civil_fills_every_field() {
        let time = civil::datetime(2026, 11, 20, 14, 32, 7, 250_000_000);
        assert_eq!(
            DateTime::from_civil(time, None, 0).raw,
            [0x07, 0xEA, 11, 20, 5, 14, 32, 7, 25, 0x80, 0x00, 0]
        );
        let east = DateTime::from_civil(time, Some(-60), 0x80);
        assert_eq!((east.deviation(), east.status()), (Some(-60), Some(0x80)));
        assert_eq!(east.civil(), Some(time));
    }

    #[test]
    fn octets_are_a_date_time_only_when_every_field_may_be() {
        let good = [0x07, 0xEA, 11, 20, 5, 14, 32, 7, 0, 0x80, 0, 0];
        assert!(DateTime::from_octets(&good).is_some());
        assert!(DateTime::from_octets(&good[..11]).is_none());
        for (index, value) in [
            (0, 0x30),
            (2, 13),
            (3, 32),
            (4, 0),
            (5, 24),
            (6, 60),
            (7, 61),
            (8, 100),
            (9, 0x30),
        ] {
            let mut raw = good;
            raw[index] = value;
            assert!(DateTime::from_octets(&raw).is_none(), "{index}");
        }
        assert!(DateTime::from_octets(b"GRX000123456").is_none());
    }

    proptest! {
        #![proptest_config(crate::cosem::repeatable())]

        #[test]
        fn any_octets_print_without_panic(raw: [u8; 12]) {
            let time = DateTime { raw };
            prop_assert!(!time.to_string().is_empty());
            let _ = time.civil();
        }

        #[test]
        fn civil_comes_back(seconds in 0_i64..4_000_000_000, deviation: i16, status: u8) {
            let time = jiff::Timestamp::from_second(seconds).unwrap().to_zoned(jiff::tz::TimeZone::UTC).datetime();
            let back = DateTime::from_civil(time, Some(deviation), status);
            prop_assert_eq!(back.civil(), Some(time));
            prop_assert!(DateTime::from_octets(&back.raw).is_some() || deviation.unsigned_abs() > 720);
        }
    }
}
