//! What each field of a definition may hold. Every refusal says what is right, with an example.

use super::{Auth, Definition, SerialLine, TransportKind};
use crate::dlms::security::Secret;
use std::collections::HashSet;
use std::net::IpAddr;
use std::ops::RangeInclusive;
use std::time::Duration;

/// One field a person got wrong; `field` is its name in the form and on the command line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct FieldError {
    pub field: &'static str,
    pub problem: String,
}

/// Longest name of a meter or device, in characters.
const LONGEST_NAME: usize = 100;
/// From one reading to the next. Shorter than the timeout is right: answers mostly come at once.
const INTERVALS: RangeInclusive<Duration> = Duration::from_millis(100)..=Duration::from_hours(24);

impl Definition {
    /// Every field that is wrong, each with what is right.
    pub fn check(&self) -> Result<(), Vec<FieldError>> {
        let mut wrong = Wrong::default();
        self.check_names(&mut wrong);
        self.check_endpoint(&mut wrong);
        self.check_link(&mut wrong);
        self.check_security(&mut wrong);
        self.check_objects(&mut wrong);
        self.nominal.check(&mut wrong);
        self.recovery.check(&mut wrong);
        if wrong.0.is_empty() {
            Ok(())
        } else {
            Err(wrong.0)
        }
    }

    fn check_names(&self, wrong: &mut Wrong) {
        if let Some(problem) = name_problem(&self.name) {
            wrong.add("name", problem);
        } else if parse_endpoint(&self.name).is_some() {
            wrong.add(
                "name",
                "looks like HOST:PORT, which commands take for an address; for example feeder-7",
            );
        }
        if let Some(problem) = self.device.as_deref().and_then(name_problem) {
            wrong.add("device", problem);
        } else if self.publish.is_some() && self.device_name().contains(['+', '#', '/', '\0']) {
            wrong.add(
                "device",
                format!(
                    "{:?} cannot stand in a topic (no + # /); give a device name such as feeder-7",
                    self.device_name()
                ),
            );
        }
        if self.publish.as_ref().is_some_and(|b| b.trim().is_empty()) {
            wrong.add(
                "publish",
                "name a saved broker, for example lab, or leave it out",
            );
        }
    }

    fn check_endpoint(&self, wrong: &mut Wrong) {
        if let TransportKind::Serial(line) = &self.transport {
            check_line(line, wrong);
            return;
        }
        if self.mode_e && !self.transport.is_hdlc() {
            wrong.add(
                "transport",
                "the mode E hand-over leads to HDLC; choose hdlc-tcp or serial, or leave mode E out",
            );
        }
        if !is_host(&self.host) {
            wrong.add(
                "host",
                format!(
                    "{:?} is neither a host name nor an address; for example 10.0.4.7, meter.example.org or ::1",
                    self.host
                ),
            );
        }
        if self.port == 0 {
            wrong.add("port", "0 is no port; meters often listen on 4059 or 3333");
        }
    }

    fn check_link(&self, wrong: &mut Wrong) {
        if self.auth.wants_password() && self.password.as_ref().is_none_or(Secret::is_empty) {
            let what = if self.auth == Auth::Lls {
                "low-level security"
            } else {
                self.auth.words()
            };
            wrong.add(
                "password",
                format!("{what} needs one; give it, or choose auth none"),
            );
        }
        let span = |d: Duration| humantime::format_duration(d).to_string();
        if !(Duration::from_millis(100)..=Duration::from_mins(1)).contains(&self.timeout) {
            let given = span(self.timeout);
            wrong.add("timeout", format!("{given} is not 100ms to 60s; usual: 7s"));
        }
        if !(Duration::from_millis(100)..=Duration::from_mins(1)).contains(&self.timeout_floor) {
            let given = span(self.timeout_floor);
            wrong.add(
                "timeout-floor",
                format!("{given} is not 100ms to 60s; usual: 1s; the timeout itself for no asking before it"),
            );
        }
        if self.turn_round > Duration::from_secs(1) {
            let given = span(self.turn_round);
            wrong.add(
                "turn-round",
                format!("{given} is not 0s to 1s; usual: 0s, 30ms on serial lines"),
            );
        }
        if !self.inter_octet.is_zero()
            && !(Duration::from_millis(10)..=self.timeout).contains(&self.inter_octet)
        {
            let given = span(self.inter_octet);
            wrong.add(
                "inter-octet",
                format!(
                    "{given} is not 10ms to the timeout, nor 0s for the timeout itself; usual: 0s"
                ),
            );
        }
        if self.retries > 10 {
            wrong.add(
                "retries",
                format!("{} is not 0 to 10; usual: 2", self.retries),
            );
        }
        if !INTERVALS.contains(&self.poll) {
            let given = span(self.poll);
            wrong.add(
                "poll",
                format!("{given} is not 100ms to 1day; no meter answers sooner; usual: 5s"),
            );
        }
        let longest = Duration::from_hours(24);
        if !self.inactivity.is_zero()
            && !(Duration::from_secs(10)..=longest).contains(&self.inactivity)
        {
            let given = span(self.inactivity);
            wrong.add(
                "inactivity",
                format!("{given} is not 10s to 1day, nor 0s for none; usual: 2m"),
            );
        }
        if !(32..=2030).contains(&self.max_info) {
            wrong.add(
                "max-info",
                format!("{} is not 32 to 2030 bytes; usual: 128", self.max_info),
            );
        }
        if !(1..=7).contains(&self.window) {
            wrong.add("window", format!("{} is not 1 to 7; usual: 1", self.window));
        }
    }

    fn check_objects(&self, wrong: &mut Wrong) {
        let mut keys = HashSet::new();
        for object in &self.objects {
            let key = object.key.as_str();
            if key.is_empty() || key.chars().any(|c| c.is_control() || c.is_whitespace()) {
                wrong.add(
                    "objects",
                    format!(
                        "{} needs a key without spaces, such as voltage_l1",
                        object.spec
                    ),
                );
            } else if !keys.insert(key) {
                wrong.add(
                    "objects",
                    format!(
                        "the key {key:?} is used twice; write the second as {}={key}_2",
                        object.spec
                    ),
                );
            }
            if let Some(problem) = object.limits.problem() {
                wrong.add("limit", format!("{key}: {problem}"));
            }
            if let Some(every) = object.every.filter(|every| !INTERVALS.contains(every)) {
                let given = humantime::format_duration(every);
                wrong.add(
                    "objects",
                    format!(
                        "{} every {given} is not 100ms to 1day; no meter answers sooner; for example {}={key}@15m",
                        object.spec, object.spec
                    ),
                );
            }
        }
    }
}

fn check_line(line: &SerialLine, wrong: &mut Wrong) {
    if line.path.trim().is_empty() || line.path.chars().any(char::is_control) {
        wrong.add(
            "host",
            format!(
                "{:?} is no serial device; for example /dev/ttyUSB0 or COM3",
                line.path
            ),
        );
    }
    if !(50..=4_000_000).contains(&line.baud) {
        wrong.add(
            "baud",
            format!("{} is not 50 to 4000000; usual: 9600", line.baud),
        );
    }
    if line.data_bits != 8 {
        wrong.add(
            "data-bits",
            format!(
                "{}: HDLC needs 8; mode E begins with 7 by itself",
                line.data_bits
            ),
        );
    }
    if !(1..=2).contains(&line.stop_bits) {
        wrong.add("stop-bits", format!("{} is not 1 or 2", line.stop_bits));
    }
}

#[derive(Default)]
pub(super) struct Wrong(Vec<FieldError>);

impl Wrong {
    pub(super) fn add(&mut self, field: &'static str, problem: impl Into<String>) {
        self.0.push(FieldError {
            field,
            problem: problem.into(),
        });
    }

    #[cfg(test)]
    pub(super) fn words(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }
}

fn name_problem(name: &str) -> Option<String> {
    let example = "for example feeder-7";
    if name.trim().is_empty() {
        Some(format!("is empty; {example}"))
    } else if name.trim() != name {
        Some(format!("begins or ends with a space; {example}"))
    } else if name.chars().any(char::is_control) {
        Some(format!("holds control characters; {example}"))
    } else if name.chars().count() > LONGEST_NAME {
        Some(format!(
            "is longer than {LONGEST_NAME} characters; {example}"
        ))
    } else {
        None
    }
}

/// A name of letters, digits, `-`, `_` and dots (RFC 1123, with the underscore containers use), or an address.
fn is_host(host: &str) -> bool {
    let label = |l: &str| {
        !l.is_empty()
            && l.len() <= 63
            && !l.starts_with('-')
            && !l.ends_with('-')
            && l.bytes()
                .all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
    };
    let name = host.strip_suffix('.').unwrap_or(host);
    // Dotted numbers alone must be a whole address: 10.0.4 is a slip, not a name.
    let numeric = name.bytes().all(|b| b.is_ascii_digit() || b == b'.');
    host.parse::<IpAddr>().is_ok() || (!numeric && host.len() <= 253 && name.split('.').all(label))
}

/// Splits `HOST:PORT` or `[IPV6]:PORT`; `None` for anything else.
pub(super) fn parse_endpoint(text: &str) -> Option<(String, u16)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']').filter(|h| h.contains(':'))?,
        None if host.contains(':') => return None,
        None => host,
    };
    let port = port.parse().ok().filter(|&p| p != 0)?;
    is_host(host).then(|| (host.to_owned(), port))
}

impl Definition {
    /// Splits `HOST:PORT` or `[IPV6]:PORT` as people write it; `None` for anything else, such as a name.
    pub fn parse_endpoint(text: &str) -> Option<(String, u16)> {
        parse_endpoint(text)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::meter::PolledObject;

    fn fields(d: &Definition) -> Vec<&'static str> {
        match d.check() {
            Ok(()) => Vec::new(),
            Err(list) => list.into_iter().map(|e| e.field).collect(),
        }
    }

    #[test]
    fn defaults_are_right_and_the_preset_asks_only_for_its_password() {
        assert_eq!(fields(&Definition::new("a", "127.0.0.1", 4059)), [""; 0]);
        let mut m = Definition::microstar("m", "10.0.4.7", 3333);
        assert_eq!(fields(&m), ["password"]);
        m.password = Some(Secret::new(*b"22222222"));
        assert_eq!(fields(&m), [""; 0]);
        assert_eq!(m.objects.len(), 9);
        assert_eq!(m.client.sap(), 1);
        assert_eq!(m.server.size(), 1);
        assert_eq!(m.inactivity, Duration::from_mins(3));
        assert_eq!((m.max_info, m.window), (128, 1));
        assert_eq!(m.objects[0].key, "voltage_l1");
        assert_eq!(
            m.objects[0].spec,
            crate::cosem::ObjectSpec::Value(crate::cosem::Obis::new(1, 1, 32, 7, 0, 255))
        );
    }

    #[test]
    fn every_wrong_field_is_named_at_once() {
        let mut d = Definition::new(" ", "10.0.4", 0);
        d.timeout = Duration::from_millis(99);
        d.retries = 11;
        d.poll = Duration::from_millis(99);
        d.inactivity = Duration::from_secs(9);
        d.max_info = 31;
        d.window = 8;
        d.auth = Auth::Lls;
        assert_eq!(
            fields(&d),
            [
                "name",
                "host",
                "port",
                "password",
                "timeout",
                "retries",
                "poll",
                "inactivity",
                "max-info",
                "window"
            ]
        );
    }

    #[test]
    fn intervals_are_what_a_meter_can_do() {
        let mut d = Definition::new("m", "h", 1);
        d.poll = Duration::from_secs(1);
        assert!(d.poll < d.timeout && d.check().is_ok());
        d.objects = vec![PolledObject::new("1-0:1.8.0".parse().unwrap(), "kwh")];
        for (every, right) in [
            (99, false),
            (100, true),
            (86_400_000, true),
            (86_400_001, false),
        ] {
            d.objects[0].every = Some(Duration::from_millis(every));
            assert_eq!(d.check().is_ok(), right, "{every}");
        }
        let wrong = d.check().unwrap_err();
        assert_eq!(wrong[0].field, "objects");
        assert!(wrong[0].problem.contains("@15m"), "{}", wrong[0].problem);
        d.objects.clear();
        d.timeout_floor = Duration::from_millis(99);
        assert_eq!(fields(&d), ["timeout-floor"]);
    }

    #[test]
    fn names_cannot_drive_a_terminal_or_pass_for_an_address() {
        let named = |n: &str| fields(&Definition::new(n, "h", 1));
        assert_eq!(named("feeder 7"), [""; 0]);
        for bad in [
            "",
            "a\u{1b}[2J",
            "10.0.4.7:4059",
            "[::1]:1",
            " a",
            &"x".repeat(101),
        ] {
            assert_eq!(named(bad), ["name"], "{bad:?}");
        }
    }

    #[test]
    fn hosts() {
        for good in [
            "10.0.4.7",
            "::1",
            "fe80::1",
            "meter",
            "a.b-c.example.org",
            "sim_1",
            "x.org.",
        ] {
            assert!(is_host(good), "{good}");
        }
        for bad in [
            "",
            " ",
            "10.0.4",
            "10.0.4.300",
            "a b",
            "-a",
            "a..b",
            "http://x",
            "x/y",
            "a:1",
        ] {
            assert!(!is_host(bad), "{bad}");
        }
    }

    #[test]
    fn endpoints() {
        assert_eq!(parse_endpoint("h:1"), Some(("h".into(), 1)));
        assert_eq!(parse_endpoint("[::1]:3333"), Some(("::1".into(), 3333)));
        assert_eq!(Definition::new("x", "::1", 3333).endpoint(), "[::1]:3333");
        for bad in ["h", "h:0", "h:70000", "::1:5", "[h]:1", ":1", "feeder-7"] {
            assert_eq!(parse_endpoint(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_topic_level_and_keys_must_be_clean() {
        let mut d = Definition::new("a/b", "h", 1);
        assert_eq!(fields(&d), [""; 0]);
        d.publish = Some("lab".into());
        assert_eq!(fields(&d), ["device"]);
        d.device = Some("ab".into());
        let o = PolledObject::new(
            crate::cosem::ObjectSpec::Value(crate::cosem::Obis::new(1, 1, 32, 7, 0, 255)),
            "k",
        );
        d.objects = vec![o.clone(), o];
        assert!(matches!(d.check(), Err(l) if l.len() == 1 && l[0].problem.contains("twice")));
    }
}
