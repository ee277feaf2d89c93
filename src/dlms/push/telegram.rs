//! P1 telegrams (IEC 62056-21 mode D as the Dutch, Belgian and Swedish meters send it): recognised and named, not decoded.
//! The rule: text from `/` to the line that begins with `!`; where a checksum stands there, it must be right.

use crc::{CRC_16_ARC, Crc, Table};

static CRC: Crc<u16, Table<1>> = Crc::<u16, Table<1>>::new(&CRC_16_ARC);

/// Real ones take about 1 KiB.
const LONGEST: usize = 4096;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Judged {
    Not,
    Open,
    Damaged(usize),
    Whole(usize),
}

/// Looks at the beginning of `bytes` only.
pub(super) fn judge(bytes: &[u8]) -> Judged {
    let held = bytes.get(..LONGEST).unwrap_or(bytes);
    let [b'/', identification @ ..] = held else {
        return Judged::Not;
    };
    // Three letters of the maker.
    if !identification.iter().take(3).all(u8::is_ascii_alphanumeric) {
        return Judged::Not;
    }
    for (at, octet) in held.iter().enumerate() {
        let line_begins = at
            .checked_sub(1)
            .is_some_and(|before| held.get(before) == Some(&b'\n'));
        if *octet == b'!' && line_begins {
            return ending(held, at);
        }
        if !matches!(octet, b' '..=b'~' | b'\r' | b'\n') {
            return Judged::Not;
        }
    }
    if held.len() < LONGEST {
        Judged::Open
    } else {
        Judged::Not
    }
}

/// `at` is the `!`; behind it nothing or four hex digits, and the end of the line.
fn ending(held: &[u8], at: usize) -> Judged {
    let covered = at.saturating_add(1);
    let tail = held.get(covered..).unwrap_or_default();
    let Some(line) = tail.iter().take(6).position(|octet| *octet == b'\n') else {
        return if tail.len() < 6 && held.len() < LONGEST {
            Judged::Open
        } else {
            Judged::Not
        };
    };
    let whole = covered.saturating_add(line).saturating_add(1);
    let digits = tail.get(..line).unwrap_or_default().trim_ascii_end();
    if digits.is_empty() {
        return Judged::Whole(whole);
    }
    let said = std::str::from_utf8(digits)
        .ok()
        .and_then(|digits| u16::from_str_radix(digits, 16).ok());
    if said == Some(CRC.checksum(held.get(..covered).unwrap_or_default())) {
        Judged::Whole(whole)
    } else {
        Judged::Damaged(whole)
    }
}

/// What the first line says of the meter, with nothing a terminal would obey.
pub(super) fn identification(telegram: &[u8]) -> String {
    let line = telegram
        .split(|octet| matches!(octet, b'\r' | b'\n'))
        .next()
        .unwrap_or_default();
    let line = line.get(1..).unwrap_or_default();
    crate::cosem::data::printable_bytes(line.get(..64).unwrap_or(line))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn with_and_without_its_checksum() {
        let body = b"/KFM5KAIFA-METER\r\n\r\n1-0:1.8.1(000051.775*kWh)\r\n!";
        let crc = CRC.checksum(body);
        let right = [body.as_slice(), format!("{crc:04X}\r\n").as_bytes()].concat();
        for cut in 1..right.len() {
            assert_eq!(judge(&right[..cut]), Judged::Open, "{cut}");
        }
        assert_eq!(judge(&right), Judged::Whole(right.len()));
        assert_eq!(identification(&right), "KFM5KAIFA-METER");
        let wrong = [body.as_slice(), format!("{:04X}\r\n", crc ^ 1).as_bytes()].concat();
        assert_eq!(judge(&wrong), Judged::Damaged(wrong.len()));
        let old = [body.as_slice(), b"\r\n"].concat();
        assert_eq!(judge(&old), Judged::Whole(old.len()));
        assert_eq!(judge(b"/K\x00"), Judged::Not);
        assert_eq!(
            judge(&[b"/KFM".as_slice(), &[b'a'; 9000]].concat()),
            Judged::Not
        );
    }
}
