//! What an object's values may be before that is an alarm: `high:253,low:207,hysteresis:2,delay:10s,rate:50/1m`. The rule: what
//! is written out reads back the same, and bounds are exact decimals in the unit of the value.

use crate::cosem::Decimal;
use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// Empty: anything.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Over it is too high.
    pub high: Option<Decimal>,
    /// Under it is too low.
    pub low: Option<Decimal>,
    pub rate: Option<Rate>,
    /// So far back inside high and low a value must come until it is well again.
    pub hysteresis: Decimal,
    /// For so long it must hold, reading after reading.
    pub delay: Duration,
}

/// Up or down by more than `change` within `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    pub change: Decimal,
    pub per: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            high: None,
            low: None,
            rate: None,
            hysteresis: ZERO,
            delay: Duration::ZERO,
        }
    }
}

const ZERO: Decimal = Decimal::new(0, 0);
const NONE: &str = "none";
/// Digits of a bound: more than any meter has, and few enough to calculate with exactly.
const DIGITS: usize = 15;
const LONGEST: Duration = Duration::from_hours(24);
const FORMS: &str = "write for example high:253,low:207,hysteresis:2,delay:10s,rate:50/1m, or none";

impl Limits {
    pub fn is_none(self) -> bool {
        self.high.is_none() && self.low.is_none() && self.rate.is_none()
    }

    /// Why they cannot hold; what is read from text has none.
    pub fn problem(self) -> Option<String> {
        let less = |a: Decimal, b: Decimal| a.compare(b) == Ordering::Less;
        if let (Some(high), Some(low)) = (self.high, self.low) {
            if less(high, low) {
                return Some(format!("low {low} is over high {high}; {FORMS}"));
            }
            if less(high.wide(low), self.hysteresis) {
                return Some(format!(
                    "a hysteresis of {} is wider than from low {low} to high {high}: no value would be well again; {FORMS}",
                    self.hysteresis
                ));
            }
        }
        if less(self.hysteresis, ZERO) {
            let given = self.hysteresis;
            return Some(format!("a hysteresis of {given} is negative; {FORMS}"));
        }
        if let Some(rate) = self.rate {
            if !less(ZERO, rate.change) {
                let given = rate.change;
                return Some(format!("a rate of {given} is not over zero; {FORMS}"));
            }
            if !(Duration::from_secs(1)..=LONGEST).contains(&rate.per) {
                let given = humantime::format_duration(rate.per);
                return Some(format!("a rate per {given} is not per 1s to 1day; {FORMS}"));
            }
        }
        if self.delay > LONGEST {
            let given = humantime::format_duration(self.delay);
            return Some(format!("a delay of {given} is longer than a day; {FORMS}"));
        }
        let without = self.hysteresis.raw != 0 || !self.delay.is_zero();
        (self.is_none() && without)
            .then(|| format!("hysteresis and delay belong to high, low or rate; {FORMS}"))
    }
}

impl fmt::Display for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if let Some(high) = self.high {
            parts.push(format!("high:{high}"));
        }
        if let Some(low) = self.low {
            parts.push(format!("low:{low}"));
        }
        if self.hysteresis.raw != 0 {
            parts.push(format!("hysteresis:{}", self.hysteresis));
        }
        if !self.delay.is_zero() {
            parts.push(format!("delay:{}", span(self.delay)));
        }
        if let Some(rate) = self.rate {
            parts.push(format!("rate:{}/{}", rate.change, span(rate.per)));
        }
        if parts.is_empty() {
            return f.write_str(NONE);
        }
        f.write_str(&parts.join(","))
    }
}

fn span(time: Duration) -> String {
    humantime::format_duration(time)
        .to_string()
        .replace(' ', "")
}

impl FromStr for Limits {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut limits = Self::default();
        if text.trim() == NONE {
            return Ok(limits);
        }
        let mut said = Vec::new();
        for part in text.split(',').map(str::trim) {
            let (word, what) = part.split_once(':').unwrap_or((part, ""));
            let (word, what) = (word.trim(), what.trim());
            let number = || {
                decimal(what).ok_or_else(|| {
                    format!("{word}: {what:?} is not a number of at most {DIGITS} digits; {FORMS}")
                })
            };
            match word {
                "high" => limits.high = Some(number()?),
                "low" => limits.low = Some(number()?),
                "hysteresis" => limits.hysteresis = number()?,
                "delay" => limits.delay = time(word, what)?,
                "rate" => limits.rate = Some(rate(what)?),
                _ => {
                    return Err(format!(
                        "{part:?} is no limit; there are high, low, rate, hysteresis and delay; {FORMS}"
                    ));
                }
            }
            if said.contains(&word) {
                return Err(format!("{word} is said twice; {FORMS}"));
            }
            said.push(word);
        }
        limits.problem().map_or(Ok(limits), Err)
    }
}

fn rate(what: &str) -> Result<Rate, String> {
    let (change, per) = what.split_once('/').unwrap_or((what, ""));
    let change = decimal(change.trim()).ok_or_else(|| {
        format!("rate: {change:?} is not how far a value may move; write for example rate:50/1m")
    })?;
    let per = time("rate", per.trim())?;
    Ok(Rate { change, per })
}

fn time(word: &str, text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| format!("{word}: {text:?} is not a time such as 10s or 1m; {FORMS}"))
}

/// Digits, perhaps with a sign before and a point in between.
fn decimal(text: &str) -> Option<Decimal> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let (whole, fraction) = match digits.split_once('.') {
        Some((whole, fraction)) if !fraction.is_empty() => (whole, fraction),
        Some(_) => return None,
        None => (digits, ""),
    };
    let number = format!("{whole}{fraction}");
    let fits = !whole.is_empty() && number.len() <= DIGITS;
    if !fits || !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let places = i8::try_from(fraction.len()).ok()?;
    Some(Decimal::new(sign * number.parse::<i128>().ok()?, -places))
}

#[cfg(test)]
mod tests;
