//! OBIS codes (IEC 62056-61): six value groups A-B:C.D.E*F. Reads every notation in use, guesses no missing group.

use std::fmt;
use std::str::FromStr;

use super::catalogue;

/// `Display` prints `1-1:32.7.0.255` (the form used in JSON). `{:#}` prints the short form: F left out when 255
/// (`1-1:32.7.0`), else `*F` (`1-1:32.7.0*1`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Obis(pub [u8; 6]);

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{text:?} is not an OBIS code: {reason}. Write it as 1-1:32.7.0, 1-1:32.7.0*255 or 1.1.32.7.0.255"
)]
pub struct ObisError {
    pub text: String,
    pub reason: &'static str,
}

impl Obis {
    pub const fn new(a: u8, b: u8, c: u8, d: u8, e: u8, f: u8) -> Self {
        Self([a, b, c, d, e, f])
    }

    /// What the code means: "Voltage L1", "Active energy import, tariff 2". Falls back to a neutral phrase, never empty.
    pub fn describe(self) -> String {
        catalogue::name(self).into_owned()
    }

    /// [`describe`](Self::describe) for narrow columns: import, the usual direction, goes without saying
    /// ("Active power", "Active energy, tariff 2").
    pub fn label(self) -> String {
        catalogue::label(self).into_owned()
    }

    /// JSON-friendly measurement key, snake case: `voltage_l1`, `current_l1`, `frequency`, `active_power`,
    /// `active_energy`, …, else `obis_1_1_32_7_0_255`. The same in channel 0 and 1, where meters keep their totals;
    /// other channels add `_ch2`, tariffs `_t1`, billing periods `_billing_3`.
    pub fn key(self) -> String {
        catalogue::key(self)
    }
}

const SEPARATORS: [char; 5] = ['-', ':', '.', '*', '&'];

/// Takes `A-B:C.D.E` with `*F`, `&F`, `.F` or nothing (255) behind it, `A.B.C.D.E.F`, `A.B.C.D.E*F`, and twelve hex
/// digits. A code without medium and channel (`32.7.0`) is refused: meters differ in the channel.
impl FromStr for Obis {
    type Err = ObisError;

    fn from_str(s: &str) -> Result<Self, ObisError> {
        let text = s.trim();
        let refuse = |reason| ObisError {
            text: text.chars().take(64).collect(),
            reason,
        };
        if text.is_empty() {
            return Err(refuse("it is empty"));
        }
        if text.len() > 64 {
            return Err(refuse("it is too long"));
        }
        if let Some(code) = hex(text) {
            return Ok(code);
        }
        if text.split(SEPARATORS).any(|group| !is_number(group)) {
            return Err(refuse("a group is not a number"));
        }
        let form: String = text.matches(SEPARATORS).collect();
        match form.as_str() {
            "-:.." | "-:..*" | "-:..&" | "-:..." | "....." | "....*" | "....&" => {}
            ".." | "..*" | "..&" => {
                return Err(refuse(
                    "the medium and channel in front (such as 1-1:) are missing",
                ));
            }
            "...." => return Err(refuse("it has five groups, which may lack A or F")),
            _ => return Err(refuse("the groups are not separated as in A-B:C.D.E*F")),
        }
        let mut groups = [0, 0, 0, 0, 0, 255];
        for (slot, group) in groups.iter_mut().zip(text.split(SEPARATORS)) {
            *slot = group
                .parse()
                .map_err(|_| refuse("a group is more than 255"))?;
        }
        Ok(Self(groups))
    }
}

fn is_number(group: &str) -> bool {
    !group.is_empty() && group.bytes().all(|b| b.is_ascii_digit())
}

fn hex(text: &str) -> Option<Obis> {
    let digits = text.len() == 12 && text.bytes().all(|b| b.is_ascii_hexdigit());
    let bytes = u64::from_str_radix(text, 16).ok()?.to_be_bytes();
    let [_, _, code @ ..] = bytes;
    digits.then_some(Obis(code))
}

impl fmt::Display for Obis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, last] = self.0;
        let text = match (f.alternate(), last) {
            (false, _) => format_args!("{a}-{b}:{c}.{d}.{e}.{last}"),
            (true, 255) => format_args!("{a}-{b}:{c}.{d}.{e}"),
            (true, _) => format_args!("{a}-{b}:{c}.{d}.{e}*{last}"),
        };
        padded(f, text)
    }
}

/// Text of several parts in the width asked for, as a column wants it.
pub(super) fn padded(f: &mut fmt::Formatter<'_>, text: fmt::Arguments<'_>) -> fmt::Result {
    if f.width().is_none() {
        f.write_fmt(text)
    } else {
        f.pad(&text.to_string())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Obis;

    const VOLTAGE: Obis = Obis::new(1, 1, 32, 7, 0, 255);

    #[test]
    fn every_notation_in_use() {
        for text in [
            "1-1:32.7.0",
            "1-1:32.7.0*255",
            "1-1:32.7.0&255",
            "1-1:32.7.0.255",
            "1.1.32.7.0.255",
            "1.1.32.7.0*255",
            "0101200700FF",
            "0101200700ff",
            " 1-1:032.007.000 ",
        ] {
            assert_eq!(text.parse(), Ok(VOLTAGE), "{text}");
        }
        let billed = Obis::new(1, 0, 1, 8, 2, 3);
        assert_eq!("1-0:1.8.2*3".parse(), Ok(billed));
        assert_eq!("1-0:1.8.2&3".parse(), Ok(billed));
        assert_eq!("010001080203".parse(), Ok(billed));
    }

    #[test]
    fn bad_input_says_why_and_shows_how() {
        for (text, reason) in [
            ("", "it is empty"),
            (
                "32.7.0",
                "the medium and channel in front (such as 1-1:) are missing",
            ),
            ("1.1.32.7.0", "it has five groups, which may lack A or F"),
            ("1-1:32.7", "the groups are not separated as in A-B:C.D.E*F"),
            (
                "1-1:32.7.0*1*2",
                "the groups are not separated as in A-B:C.D.E*F",
            ),
            (
                "1:1-32.7.0",
                "the groups are not separated as in A-B:C.D.E*F",
            ),
            ("1-1:32.7.256", "a group is more than 255"),
            ("1-1:32.7.99999999999", "a group is more than 255"),
            ("1-1:32.7.x", "a group is not a number"),
            ("1-1:32.7.+0", "a group is not a number"),
            ("1-1:32..0", "a group is not a number"),
            ("0101200700F", "a group is not a number"),
            ("voltage", "a group is not a number"),
            ("255", "the groups are not separated as in A-B:C.D.E*F"),
        ] {
            let error = text.parse::<Obis>().unwrap_err();
            assert_eq!(error.reason, reason, "{text:?}");
            assert!(error.to_string().contains("1-1:32.7.0*255"));
        }
    }

    #[test]
    fn an_error_shows_no_control_characters_and_stays_short() {
        let error = "\u{1b}]0;x\u{7}\u{9b}\u{202e}".repeat(999).parse::<Obis>();
        let text = error.unwrap_err().to_string();
        assert!(text.len() < 1000 && text.chars().all(|c| !c.is_control() && c != '\u{202e}'));
    }

    #[test]
    fn printed_long_short_and_padded() {
        assert_eq!(VOLTAGE.to_string(), "1-1:32.7.0.255");
        assert_eq!(format!("{VOLTAGE:#}"), "1-1:32.7.0");
        assert_eq!(
            format!("{:#}", Obis::new(1, 1, 32, 7, 0, 1)),
            "1-1:32.7.0*1"
        );
        assert_eq!(format!("{VOLTAGE:<16}|"), "1-1:32.7.0.255  |");
        assert_eq!(format!("{VOLTAGE:>#12}|"), "  1-1:32.7.0|");
    }

    proptest! {
        #![proptest_config(crate::cosem::repeatable())]

        #[test]
        fn printed_is_read_back(code: [u8; 6]) {
            let obis = Obis(code);
            prop_assert_eq!(obis.to_string().parse(), Ok(obis));
            prop_assert_eq!(format!("{obis:#}").parse(), Ok(obis));
        }

        #[test]
        fn never_panics(text in "[-:.*&0-9a-fx ]{0,24}|.*") {
            let _ = text.parse::<Obis>();
        }
    }
}
