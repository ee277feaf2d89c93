//! Durations, counts and states in the few words a screen has room for. The rule: what ticks
//! is told coarsely, so that a quiet screen sends nothing.
use super::fleet::State;
use crate::meter::{MeterStatus, Phase};
use std::time::{Duration, Instant};

/// `12 s`, `4 min`, `2 h 14 min`, `3 d 4 h`.
pub fn span(time: Duration) -> String {
    let s = time.as_secs();
    match s {
        0..60 => format!("{s} s"),
        60..3600 => format!("{} min", s / 60),
        3600..86_400 => format!("{} h {:02} min", s / 3600, s % 3600 / 60),
        _ => format!("{} d {} h", s / 86_400, s % 86_400 / 3600),
    }
}

/// How old something is, in at most five cells: `now` below 10 s, then in steps.
pub fn age(time: Duration) -> String {
    let s = time.as_secs();
    match s {
        0..10 => "now".to_owned(),
        10..60 => format!("{} s", s / 10 * 10),
        60..3600 => format!("{} min", s / 60),
        3600..86_400 => format!("{} h", s / 3600),
        _ => format!("{} d", (s / 86_400).min(999)),
    }
}

/// How long something that is running has been so: `under 1 min`, `14 min`, `2 h 14 min`.
pub fn running(time: Duration) -> String {
    if time.as_secs() < 60 {
        "under 1 min".to_owned()
    } else {
        span(time)
    }
}

/// A countdown: exact below ten seconds, in steps of five above.
pub fn countdown(time: Duration) -> String {
    let s = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    if s <= 10 {
        format!("{s} s")
    } else if s < 120 {
        format!("{} s", s.div_ceil(5) * 5)
    } else {
        span(time)
    }
}

/// A countdown that somebody watches: `2 m 14 s`.
pub fn clock(time: Duration) -> String {
    let s = time.as_secs() + u64::from(time.subsec_nanos() > 0);
    if s < 60 {
        format!("{s} s")
    } else {
        format!("{} m {:02} s", s / 60, s % 60)
    }
}

/// `31 ms`, `1.2 s`, `14 s`.
pub fn took(time: Duration) -> String {
    let ms = time.as_millis();
    match ms {
        0 => format!("{} µs", time.as_micros()),
        1..1000 => format!("{ms} ms"),
        1000..10_000 => format!("{}.{} s", ms / 1000, ms % 1000 / 100),
        _ => span(time),
    }
}

/// `4 231`: groups of three, as ISO 80000-1 writes them.
pub fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut out = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            out.push(' ');
        }
        out.push(digit);
    }
    out
}

/// A count in at most seven cells: from a million on `1.2 M`, `3.4 G`.
pub fn short(n: u64) -> String {
    let tenths = |unit: u64| format!("{}.{}", n / unit, n % unit / (unit / 10));
    match n {
        0..1_000_000 => count(n),
        1_000_000..1_000_000_000 => format!("{} M", tenths(1_000_000)),
        _ => format!("{} G", tenths(1_000_000_000)),
    }
}

/// The state of a meter in a few words, with the countdown where there is one.
pub fn state(status: &MeterStatus, now: Instant) -> String {
    match &status.phase {
        Phase::Associating => "associating".to_owned(),
        Phase::Releasing => "releasing".to_owned(),
        Phase::Waiting { until, .. } => {
            let left = until.into_std().saturating_duration_since(now);
            if left.is_zero() {
                "retrying".to_owned()
            } else {
                format!("retry in {}", countdown(left))
            }
        }
        phase => State::of(phase).word().to_owned(),
    }
}

/// What went wrong with a meter whose address stands beside it, without saying that again.
pub fn brief<'a>(what: &'a str, endpoint: &str) -> &'a str {
    let said = first_sentence(what);
    said.strip_prefix("TCP to ")
        .and_then(|rest| rest.strip_prefix(endpoint))
        .and_then(|rest| rest.strip_prefix(": "))
        .unwrap_or(said)
        .trim_start_matches("the meter ")
}

/// The first sentence of a longer text, for a place with one line.
pub fn first_sentence(text: &str) -> &str {
    let line = text.lines().next().unwrap_or("");
    let end = line.find(". ").map_or(line.len(), |at| at);
    line.get(..end).unwrap_or(line).trim_end_matches('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_words() {
        let s = Duration::from_secs;
        assert_eq!(span(s(59)), "59 s");
        assert_eq!(span(s(8040)), "2 h 14 min");
        assert_eq!(age(s(9)), "now");
        assert_eq!(age(s(37)), "30 s");
        assert_eq!(countdown(s(14)), "15 s");
        assert_eq!(countdown(Duration::from_millis(4200)), "5 s");
        assert_eq!(took(Duration::from_millis(1250)), "1.2 s");
        assert_eq!(count(4231), "4 231");
        assert_eq!(count(999), "999");
        assert_eq!(count(1_234_567), "1 234 567");
        assert_eq!(short(999_999), "999 999");
        assert_eq!(short(12_345_678), "12.3 M");
        assert_eq!(
            brief("TCP to [::1]:9: connection refused", "[::1]:9"),
            "connection refused"
        );
        assert_eq!(brief("the meter closed it. Why?", "h:1"), "closed it");
        assert_eq!(first_sentence("No answer. Check it.\nmore"), "No answer");
    }
}
