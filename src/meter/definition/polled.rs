//! One object that is read, and how often, as people write it: `OBJECT[=KEY][@EVERY]`. The rule: what is written out reads
//! back the same.

use super::{Limits, Report};
use crate::cosem::ObjectSpec;
use std::time::Duration;

/// One object read in every poll, or at times of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolledObject {
    pub spec: ObjectSpec,
    /// The key in payloads; default `Obis::key()`.
    pub key: String,
    /// Time from one reading to the next; `None`: as the meter is polled.
    pub every: Option<Duration>,
    /// When the broker is told of it.
    pub report: Report,
    /// Beyond these its value is an alarm.
    pub limits: Limits,
}

/// After the `@`: with the meter's other objects.
const WITH_THE_METER: &str = "poll";

impl PolledObject {
    /// Read in every poll, told every time it is read.
    pub fn new(spec: ObjectSpec, key: impl Into<String>) -> Self {
        Self {
            spec,
            key: key.into(),
            every: None,
            report: Report::default(),
            limits: Limits::default(),
        }
    }

    /// What stands before the `@`, and the interval behind it. A key may hold an `@` of its own, unless a number follows.
    pub fn split_every(text: &str) -> Result<(&str, Option<Duration>), String> {
        let Some((before, after)) = text.rsplit_once('@') else {
            return Ok((text, None));
        };
        let after = after.trim();
        if after == WITH_THE_METER {
            return Ok((before, None));
        }
        let is_time = after.is_empty() || after.starts_with(|c: char| c.is_ascii_digit());
        if !is_time {
            return Ok((text, None));
        }
        humantime::parse_duration(after)
            .map(|every| (before, Some(every)))
            .map_err(|_| {
                format!(
                    "{text}: {after:?} is not a duration; write for example {before}@15m, or @poll"
                )
            })
    }

    /// `@15m` as `split_every` takes it; empty where it is read with the meter.
    pub fn every_text(&self) -> String {
        match self.every {
            Some(every) => format!("@{}", humantime::format_duration(every)).replace(' ', ""),
            // Else the end of the key would pass for an interval.
            None if self.key.contains('@') => format!("@{WITH_THE_METER}"),
            None => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_go_out_and_come_back() {
        let split = PolledObject::split_every;
        let seconds = |s| Some(Duration::from_secs(s));
        assert_eq!(
            split("1-1:1.8.0=kwh@15m"),
            Ok(("1-1:1.8.0=kwh", seconds(900)))
        );
        assert_eq!(split("1-1:1.8.0 @ 90s"), Ok(("1-1:1.8.0 ", seconds(90))));
        assert_eq!(split("1-1:1.8.0"), Ok(("1-1:1.8.0", None)));
        assert_eq!(split("1-1:1.8.0=a@b"), Ok(("1-1:1.8.0=a@b", None)));
        for bad in ["1-1:1.8.0@", "1-1:1.8.0@5", "1-1:1.8.0@5 parsecs"] {
            let error = split(bad).unwrap_err();
            assert!(error.contains(bad) && error.contains("@15m"), "{error}");
        }
        let spec: ObjectSpec = "1-1:1.8.0".parse().unwrap();
        for (key, every) in [
            ("a", None),
            ("a@5s", None),
            ("a@poll", None),
            ("a", seconds(3_690)),
            ("a@5s", seconds(1)),
        ] {
            let mut object = PolledObject::new(spec, key);
            object.every = every;
            let text = format!("{key}{}", object.every_text());
            assert_eq!(split(&text), Ok((key, every)), "{text}");
        }
    }
}
