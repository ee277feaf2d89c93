//! What one argument may be, and how it is shown again. Every refusal names what was typed and shows one that is right.

use crate::dlms::hdlc::ClientAddress;
use std::time::Duration;

/// A duration as people write it: `7s`, `500ms`, `3m`.
pub(super) fn time(text: &str) -> Result<Duration, String> {
    humantime::parse_duration(text)
        .map_err(|_| format!("{text:?} is not a duration; write 7s, 500ms or 3m"))
}

/// A client address, in decimal or as `0x10`.
pub(super) fn client(text: &str) -> Result<ClientAddress, String> {
    let number = match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(hex) => u8::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    };
    number
        .and_then(|number| ClientAddress::new(number).ok())
        .ok_or_else(|| format!("{text:?} is not a client address; it is 0 to 127, for example 16"))
}

/// A whole number between two bounds, both allowed.
pub(super) fn whole<T: TryFrom<u32>>(text: &str, least: u32, most: u32) -> Result<T, String> {
    text.parse::<u32>()
        .ok()
        .filter(|number| (least..=most).contains(number))
        .and_then(|number| T::try_from(number).ok())
        .ok_or_else(|| {
            format!("{text:?} is not a whole number from {least} to {most}; for example {least}")
        })
}

/// A number with its noun.
pub(super) fn counted(number: u64, one: &str, more: &str) -> String {
    let noun = if number == 1 { one } else { more };
    format!("{number} {noun}")
}

/// A name as a shell takes it back, for commands that are shown to be typed.
pub(super) fn shell(name: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/@".contains(c);
    if !name.is_empty() && name.chars().all(plain) {
        name.to_owned()
    } else {
        format!("'{}'", name.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_comes_with_what_is_right() {
        assert_eq!(time("1m 30s"), Ok(Duration::from_secs(90)));
        for text in ["7", "", "soon", "-7s", "7 parsecs"] {
            let error = time(text).unwrap_err();
            assert!(error.contains(text) && error.contains("7s"), "{error}");
        }
        assert_eq!(client("0x10").unwrap().sap(), 16);
        for text in ["", "x", "128", "-1", "0x80", "1e1"] {
            assert!(client(text).unwrap_err().contains("0 to 127"));
        }
        assert_eq!(whole("7", 1, 7), Ok(7_u8));
        for text in ["0", "8", "x", "99999999999"] {
            assert!(whole::<u8>(text, 1, 7).unwrap_err().contains("from 1 to 7"));
        }
    }

    #[test]
    fn a_name_goes_through_a_shell_as_it_is() {
        assert_eq!(shell("feeder-7"), "feeder-7");
        assert_eq!(shell("über 7"), "'über 7'");
        assert_eq!(shell("a'b;c"), r"'a'\''b;c'");
    }
}
