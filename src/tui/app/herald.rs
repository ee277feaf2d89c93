//! Reaching a person who does not look at the screen. The rules: only when asked to, and not more often than one can bear.
use std::time::{Duration, Instant};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Way {
    #[default]
    Off,
    Bell,
    /// iTerm2, kitty, WezTerm, Windows Terminal.
    Osc9,
    /// urxvt, foot, VTE.
    Osc777,
}

#[derive(Clone, Copy, Debug, Default)]
pub struct Herald {
    way: Way,
    last: Option<Instant>,
}

/// At most one call in this time.
const REST: Duration = Duration::from_secs(30);
/// Longest text a terminal is given.
const LONGEST: usize = 120;

impl Herald {
    /// The next way; says what it is.
    pub fn turn(&mut self) -> &'static str {
        let (way, word) = match self.way {
            Way::Off => (
                Way::Bell,
                "who needs you and critical alarms ring the bell; B again: OSC 9",
            ),
            Way::Bell => (
                Way::Osc9,
                "who needs you and critical alarms go out as OSC 9; B again: OSC 777",
            ),
            Way::Osc9 => (
                Way::Osc777,
                "who needs you and critical alarms go out as OSC 777; B again: off",
            ),
            Way::Osc777 => (Way::Off, "no call when you are needed; B again: the bell"),
        };
        (self.way, self.last) = (way, None);
        word
    }

    /// What the terminal is sent; nothing while it is off or was just used.
    pub fn bytes(&mut self, text: &str, now: Instant) -> Option<Vec<u8>> {
        let rested = self
            .last
            .is_none_or(|at| now.saturating_duration_since(at) >= REST);
        if self.way == Way::Off || !rested {
            return None;
        }
        self.last = Some(now);
        // Nothing in it may end the sequence or begin a field.
        let text: String = text
            .chars()
            .filter(|c| !c.is_control() && *c != ';')
            .take(LONGEST)
            .collect();
        Some(match self.way {
            Way::Osc9 => format!("\x1b]9;obiscope: {text}\x07").into_bytes(),
            Way::Osc777 => format!("\x1b]777;notify;obiscope;{text}\x07").into_bytes(),
            Way::Off | Way::Bell => b"\x07".to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_off_until_asked_for_and_rests_between_calls() {
        let now = Instant::now();
        let mut herald = Herald::default();
        assert_eq!(herald.bytes("x", now), None);
        herald.turn();
        assert_eq!(herald.bytes("x", now).unwrap(), b"\x07");
        assert_eq!(herald.bytes("x", now + Duration::from_secs(29)), None);
        assert!(herald.bytes("x", now + Duration::from_secs(31)).is_some());
        herald.turn();
        herald.turn();
        let bytes = herald.bytes("a\x07\x1b]2;b", now).unwrap();
        assert_eq!(bytes, b"\x1b]777;notify;obiscope;a]2b\x07");
        herald.turn();
        assert_eq!(herald.bytes("x", now), None);
    }
}
