//! How much trouble is borne before what is done about it. The rule: every number has a default that serves a meter nobody
//! thought about, and what is written here is written as people type it, `KEY=VALUE`.

use super::check::Wrong;
use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;
use std::time::Duration;

/// When a meter's owner tries again, pauses, and rests an object. The defaults are those of the bridges before this one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecoverySettings {
    /// The longest first pause before a new connection; it doubles with every failure.
    pub back_off: Duration,
    pub back_off_max: Duration,
    /// So many reconnects within the window open the circuit breaker.
    pub breaker: u32,
    pub breaker_window: Duration,
    /// How long it stays open before one try.
    pub breaker_pause: Duration,
    /// So many frames in a row bad or unanswered, and the link is made anew.
    pub link_errors: u32,
    /// So many cycles in a row without one value.
    pub failed_cycles: u32,
    /// So long without one value; never less than three polls.
    pub silence: Duration,
    /// A new connection after so long, whether needed or not.
    pub preventive: Option<Duration>,
    /// An object refused so often in a row, while others are read, is rested alone.
    pub object: u32,
    /// And one over which the link is lost so often in a row.
    pub object_hangs: u32,
    /// How long; it doubles while the object does not come back.
    pub object_rest: Duration,
    pub object_rest_max: Duration,
}

impl Default for RecoverySettings {
    fn default() -> Self {
        Self {
            back_off: Duration::from_secs(2),
            back_off_max: Duration::from_mins(1),
            breaker: 10,
            breaker_window: Duration::from_hours(1),
            breaker_pause: Duration::from_mins(5),
            link_errors: 15,
            failed_cycles: 10,
            silence: Duration::from_mins(10),
            preventive: None,
            object: 5,
            object_hangs: 3,
            object_rest: Duration::from_mins(5),
            object_rest_max: Duration::from_hours(1),
        }
    }
}

/// What may be set, in the order it is shown; for the help of the command line.
pub const RECOVERY_KEYS: [&str; 13] = [
    "backoff",
    "backoff-max",
    "breaker",
    "breaker-window",
    "breaker-pause",
    "link-errors",
    "failed-cycles",
    "silence",
    "preventive",
    "object",
    "object-hangs",
    "object-rest",
    "object-rest-max",
];

const DAY: Duration = Duration::from_hours(24);
/// The usual pause of a preventive reconnect, as an example.
const PREVENTIVE: &str = "30m";

/// One setting as it stands: a number or a time, with what it may be.
enum Setting<'a> {
    Count(&'a mut u32, RangeInclusive<u32>),
    Time(&'a mut Duration, RangeInclusive<Duration>),
    Optional(&'a mut Option<Duration>, RangeInclusive<Duration>),
}

impl RecoverySettings {
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// Puts one `KEY=VALUE` over what is set; `default` alone sets all of it back.
    pub fn set(&mut self, text: &str) -> Result<(), String> {
        if text.trim() == "default" {
            *self = Self::default();
            return Ok(());
        }
        let (key, value) = text
            .split_once('=')
            .ok_or_else(|| format!("{text:?} is not KEY=VALUE; for example breaker=10"))?;
        let (key, value) = (key.trim(), value.trim());
        let setting = self.setting(key).ok_or_else(|| {
            format!(
                "{key:?} is not known; there are {}",
                RECOVERY_KEYS.join(", ")
            )
        })?;
        setting.put(value).map_err(|why| format!("{key}: {why}"))
    }

    /// Every key with its value, as `set` takes it.
    pub fn entries(mut self) -> [(&'static str, String); 13] {
        RECOVERY_KEYS.map(|key| {
            let shown = self.setting(key).map(|setting| setting.text());
            (key, shown.unwrap_or_default())
        })
    }

    /// What is not as usual, `KEY=VALUE` each.
    pub fn changed(self) -> Vec<String> {
        let usual = Self::default().entries();
        let pairs = self.entries().into_iter().zip(usual);
        pairs
            .filter(|(is, was)| is != was)
            .map(|((key, value), _)| format!("{key}={value}"))
            .collect()
    }

    fn setting(&mut self, key: &str) -> Option<Setting<'_>> {
        let seconds = Duration::from_secs;
        let minutes = Duration::from_mins;
        Some(match key {
            "backoff" => Setting::Time(&mut self.back_off, seconds(1)..=minutes(10)),
            "backoff-max" => Setting::Time(&mut self.back_off_max, seconds(1)..=minutes(60)),
            "breaker" => Setting::Count(&mut self.breaker, 1..=100),
            "breaker-window" => Setting::Time(&mut self.breaker_window, minutes(1)..=DAY),
            "breaker-pause" => Setting::Time(&mut self.breaker_pause, seconds(10)..=DAY),
            "link-errors" => Setting::Count(&mut self.link_errors, 3..=1000),
            "failed-cycles" => Setting::Count(&mut self.failed_cycles, 1..=1000),
            "silence" => Setting::Time(&mut self.silence, minutes(1)..=7 * DAY),
            "preventive" => Setting::Optional(&mut self.preventive, minutes(1)..=7 * DAY),
            "object" => Setting::Count(&mut self.object, 1..=1000),
            "object-hangs" => Setting::Count(&mut self.object_hangs, 2..=1000),
            "object-rest" => Setting::Time(&mut self.object_rest, seconds(10)..=DAY),
            "object-rest-max" => Setting::Time(&mut self.object_rest_max, seconds(10)..=7 * DAY),
            _ => return None,
        })
    }

    /// Numbers that do not go together, or that no one would have let in by `set`.
    pub(super) fn check(mut self, wrong: &mut Wrong) {
        for key in RECOVERY_KEYS {
            if let Some(problem) = self.setting(key).and_then(|setting| setting.problem()) {
                wrong.add("recovery", format!("{key}: {problem}"));
            }
        }
        for (low, high, least, most) in [
            ("backoff", "backoff-max", self.back_off, self.back_off_max),
            (
                "object-rest",
                "object-rest-max",
                self.object_rest,
                self.object_rest_max,
            ),
        ] {
            if least > most {
                wrong.add(
                    "recovery",
                    format!(
                        "{low}={} is over {high}={}; the first grows to the second",
                        span(least),
                        span(most)
                    ),
                );
            }
        }
    }
}

impl Setting<'_> {
    fn put(self, value: &str) -> Result<(), String> {
        let time = |range: &RangeInclusive<Duration>| {
            let refused = || format!("{value:?} is not {}", span_range(range));
            let time = humantime::parse_duration(value).map_err(|_| refused())?;
            if range.contains(&time) {
                Ok(time)
            } else {
                Err(refused())
            }
        };
        match self {
            Self::Count(at, range) => {
                let count = value.parse().ok().filter(|count| range.contains(count));
                *at = count.ok_or_else(|| {
                    format!("{value:?} is not {} to {}", range.start(), range.end())
                })?;
            }
            Self::Time(at, range) => *at = time(&range)?,
            Self::Optional(at, _) if value == "off" => *at = None,
            Self::Optional(at, range) => {
                let found = time(&range)
                    .map_err(|why| format!("{why}, nor off; often it is {PREVENTIVE}"))?;
                *at = Some(found);
            }
        }
        Ok(())
    }

    fn text(&self) -> String {
        match self {
            Self::Count(at, _) => at.to_string(),
            Self::Time(at, _) => span(**at),
            Self::Optional(at, _) => at.map_or_else(|| "off".to_owned(), span),
        }
    }

    fn problem(&self) -> Option<String> {
        match self {
            Self::Count(at, range) => (!range.contains(at))
                .then(|| format!("{at} is not {} to {}", range.start(), range.end())),
            Self::Time(at, range) => time_problem(**at, range),
            Self::Optional(at, range) => at.and_then(|at| time_problem(at, range)),
        }
    }
}

fn time_problem(at: Duration, range: &RangeInclusive<Duration>) -> Option<String> {
    (!range.contains(&at)).then(|| format!("{} is not {}", span(at), span_range(range)))
}

fn span_range(range: &RangeInclusive<Duration>) -> String {
    format!("{} to {}", span(*range.start()), span(*range.end()))
}

/// Without spaces, so that one setting is one word.
fn span(time: Duration) -> String {
    humantime::format_duration(time)
        .to_string()
        .replace(' ', "")
}

/// What is not as usual; empty where all is.
impl fmt::Display for RecoverySettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.changed().join(","))
    }
}

impl FromStr for RecoverySettings {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut settings = Self::default();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            settings.set(part)?;
        }
        Ok(settings)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_is_set_and_read_back() {
        let other = "backoff=3s,backoff-max=2m,breaker=20,breaker-window=2h,breaker-pause=90s,link-errors=7,\
                     failed-cycles=4,silence=3m,preventive=30m,object=2,object-hangs=5,object-rest=1m,object-rest-max=2h";
        let settings: RecoverySettings = other.parse().unwrap();
        assert_eq!(settings.changed().len(), RECOVERY_KEYS.len(), "{settings}");
        assert_eq!(settings.to_string().parse(), Ok(settings));
        assert_eq!(RecoverySettings::default().to_string(), "");
        let mut back = settings;
        back.set("default").unwrap();
        assert!(back.is_default());
        back.set("preventive=30m").unwrap();
        back.set(" preventive = off ").unwrap();
        assert!(back.is_default());
    }

    #[test]
    fn what_is_wrong_is_named_with_what_is_right() {
        for (text, words) in [
            ("brake=1", "there are backoff"),
            ("breaker", "KEY=VALUE"),
            ("breaker=0", "1 to 100"),
            ("silence=0s", "1m to 7days"),
            ("silence=often", "1m to 7days"),
            ("preventive=0s", "off"),
            ("object-rest=", "10s to 1day"),
        ] {
            let error = RecoverySettings::default().set(text).unwrap_err();
            assert!(error.contains(words), "{text}: {error}");
        }
    }

    #[test]
    fn low_over_high_is_found_by_the_check() {
        let mut wrong = Wrong::default();
        let settings = RecoverySettings {
            breaker: 0,
            ..("backoff=2m,object-rest=2h".parse().unwrap())
        };
        settings.check(&mut wrong);
        let words = wrong.words();
        assert_eq!(words.len(), 3, "{words:?}");
        assert!(words[0].contains("breaker: 0"), "{words:?}");
        assert!(
            words[1].contains("backoff=2m is over backoff-max=1m"),
            "{words:?}"
        );
        assert!(words[2].contains("object-rest=2h is over"), "{words:?}");
    }
}
