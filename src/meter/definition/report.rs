//! When a value is told to the broker: every time it is read, when it moved, after a while. The rule: this thins out what
//! is sent and nothing else; every reading is stored here, and none is sent with another time than its own.

use crate::cosem::Decimal;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Neither: every reading. Both: when it moved, and at the latest after the period.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Once it is so far from what was told last.
    pub change: Option<Deadband>,
    pub period: Option<Duration>,
}

/// How far a number must move to be told; text is told whenever it is another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Deadband {
    /// In the unit of the value; zero: whenever it is another.
    Absolute(Decimal),
    /// Of what was told last.
    Percent(Decimal),
}

/// Digits of a deadband: more than any meter has, and few enough to calculate with exactly.
const DIGITS: usize = 15;
const LONGEST: Duration = Duration::from_hours(366 * 24);
const FORMS: &str = "write every, change, change:0.5, change:2%, 10m or change:0.5,10m";

impl Report {
    pub fn is_every(self) -> bool {
        self == Self::default()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let period = self.period.map(humantime::format_duration);
        match (self.change, period) {
            (None, None) => f.write_str("every"),
            (Some(change), None) => write!(f, "{change}"),
            (None, Some(period)) => write!(f, "{period}"),
            (Some(change), Some(period)) => write!(f, "{change},{period}"),
        }
    }
}

impl fmt::Display for Deadband {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Absolute(by) if by.raw == 0 => f.write_str("change"),
            Self::Absolute(by) => write!(f, "change:{by}"),
            Self::Percent(by) => write!(f, "change:{by}%"),
        }
    }
}

impl FromStr for Report {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut report = Self::default();
        for part in text.split(',').map(str::trim) {
            let again = || format!("{text:?} says the same thing twice; {FORMS}");
            if part == "every" && text.trim() == "every" {
                continue;
            }
            if part == "change" || part.starts_with("change:") {
                let by = part.strip_prefix("change:").unwrap_or("0");
                let by = deadband(by).ok_or_else(|| {
                    format!("{by:?} is not how far a value may move before it is told; {FORMS}")
                })?;
                if report.change.replace(by).is_some() {
                    return Err(again());
                }
                continue;
            }
            let period = humantime::parse_duration(part)
                .ok()
                .filter(|period| (Duration::from_secs(1)..=LONGEST).contains(period))
                .ok_or_else(|| format!("{part:?} does not say when to report; {FORMS}"))?;
            if report.period.replace(period).is_some() {
                return Err(again());
            }
        }
        Ok(report)
    }
}

fn deadband(text: &str) -> Option<Deadband> {
    match text.strip_suffix('%') {
        // Nothing of it in percent would be zero, which is said more plainly.
        Some(number) => decimal(number)
            .filter(|by| by.raw > 0)
            .map(Deadband::Percent),
        None => decimal(text).map(Deadband::Absolute),
    }
}

/// Digits, perhaps with a point in between.
fn decimal(text: &str) -> Option<Decimal> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || whole.len() + fraction.len() > DIGITS {
        return None;
    }
    if !text.contains('.') {
        return Some(Decimal::new(whole.parse().ok()?, 0));
    }
    let places = i8::try_from(fraction.len()).ok()?;
    Some(Decimal::new(
        format!("{whole}{fraction}").parse().ok()?,
        places.checked_neg()?,
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        for text in [
            "every",
            "change",
            "change:0.5",
            "change:2%",
            "change:0.25%",
            "10m",
            "change,10m",
            "change:0.5,10m",
        ] {
            let report: Report = text.parse().unwrap();
            assert_eq!(report.to_string(), text);
            assert_eq!(report.is_every(), text == "every");
        }
        let turned: Report = " 90s , change:1 ".parse().unwrap();
        assert_eq!(turned.to_string(), "change:1,1m 30s");
        assert_eq!("change:0".parse::<Report>().unwrap().to_string(), "change");
    }

    #[test]
    fn what_says_nothing_is_refused_with_what_does() {
        for text in [
            "",
            "sometimes",
            "every,10m",
            "change:",
            "change:-1",
            "change:1e3",
            "change:.5",
            "change:0%",
            "change:1234567890.1234567",
            "change,change",
            "10m,5m",
            "0s",
            "10ms",
            "9999y",
        ] {
            let error = text.parse::<Report>().unwrap_err();
            assert!(error.contains("change:0.5,10m"), "{text}: {error}");
        }
    }
}
