//! The lengths inside an AARQ. The rule: a length is wrong where the octets after it say otherwise, and the right one is named.
//!
//! The well-known slip: a template with a fixed length octet, right for passwords of eight characters only.

use std::ops::Range;

/// A length octet that lies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WrongLength {
    /// The tag it belongs to.
    pub tag: u8,
    /// Where it stands in the APDU.
    pub octets: Range<usize>,
    pub said: usize,
    /// None where nothing fits.
    pub right: Option<usize>,
}

/// A field: its tag, where its length stands, where its contents do.
struct Field {
    tag: u8,
    length: Range<usize>,
    contents: Range<usize>,
}

/// Fields an AARQ can hold.
const FIELDS: [u8; 15] = [
    0x80, 0xA1, 0xA2, 0xA3, 0xA4, 0xA5, 0xA6, 0xA7, 0xA8, 0xA9, 0x8A, 0x8B, 0xAC, 0xBD, 0xBE,
];

fn field(apdu: &[u8], at: usize) -> Option<Field> {
    let tag = *apdu.get(at)?;
    let start = at.checked_add(1)?;
    let first = *apdu.get(start)?;
    let (said, used) = if first < 0x80 {
        (usize::from(first), 1)
    } else {
        let count = usize::from(first & 0x7F);
        let octets = apdu.get(start.checked_add(1)?..)?.get(..count)?;
        if count == 0 || count > 2 {
            return None;
        }
        let said = octets
            .iter()
            .fold(0_usize, |n, octet| n << 8 | usize::from(*octet));
        (said, count.saturating_add(1))
    };
    let from = start.saturating_add(used);
    Some(Field {
        tag,
        length: start..from,
        contents: from..from.saturating_add(said),
    })
}

/// Whether known fields follow one another from `at` to exactly `end`.
fn adds_up(apdu: &[u8], mut at: usize, end: usize) -> bool {
    while at < end {
        match field(apdu, at) {
            Some(field) if FIELDS.contains(&field.tag) && field.contents.end <= end => {
                at = field.contents.end;
            }
            _ => return false,
        }
    }
    at == end
}

/// The first length in an AARQ that does not fit.
pub(super) fn check(apdu: &[u8]) -> Option<WrongLength> {
    let whole = field(apdu, 0)?;
    let end = apdu.len();
    let start = whole.contents.start;
    let wrong = |field: &Field, right| WrongLength {
        tag: field.tag,
        octets: field.length.clone(),
        said: field.contents.len(),
        right,
    };
    if whole.contents.end != end && adds_up(apdu, start, end) {
        return Some(wrong(&whole, Some(end.saturating_sub(start))));
    }
    let mut at = start;
    let mut before: Option<Field> = None;
    while at < end {
        let next = field(apdu, at).filter(|f| FIELDS.contains(&f.tag) && f.contents.end <= end);
        let Some(next) = next else {
            // Where the rest adds up again is where the field before should have ended.
            let lies = before.as_ref().unwrap_or(&whole);
            let ended = (lies.contents.start..end).find(|from| adds_up(apdu, *from, end));
            let right = ended.map(|ended| ended.saturating_sub(lies.contents.start));
            return Some(wrong(lies, right));
        };
        // Of the constructed ones each holds a single field.
        if next.tag & 0x20 != 0
            && let Some(inner) = field(apdu, next.contents.start)
            && inner.contents.end != next.contents.end
        {
            let right = next.contents.end.checked_sub(inner.contents.start);
            return Some(wrong(&inner, right));
        }
        at = next.contents.end;
        before = Some(next);
    }
    (whole.contents.end != end).then(|| wrong(&whole, Some(end.saturating_sub(start))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hex(text: &str) -> Vec<u8> {
        let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(16)).collect();
        digits
            .chunks(2)
            .map(|pair| u8::try_from(pair[0] * 16 + pair[1]).unwrap())
            .collect()
    }

    /// The original client's request with a password of ten characters.
    const FIXED: &str = "6036A1090607608574050801018A0207808B0760857405080201AC0C800A32323232323232323232\
                         BE10040E01000000065F1F0400007E1F04B0";

    #[test]
    fn the_fixed_length_is_found_and_the_right_one_named() {
        let wrong = check(&hex(FIXED)).unwrap();
        assert_eq!((wrong.tag, wrong.octets), (0x60, 1..2));
        assert_eq!((wrong.said, wrong.right), (54, Some(56)));
    }

    #[test]
    fn a_right_one_passes() {
        assert_eq!(check(&hex(&FIXED.replacen("6036", "6038", 1))), None);
    }

    #[test]
    fn an_inner_length_is_found() {
        let password = FIXED
            .replacen("6036", "6038", 1)
            .replace("AC0C800A", "AC0C8008");
        let wrong = check(&hex(&password)).unwrap();
        assert_eq!((wrong.tag, wrong.said, wrong.right), (0x80, 8, Some(10)));
        let both = FIXED
            .replacen("6036", "6038", 1)
            .replace("AC0C800A", "AC0A8008");
        let wrong = check(&hex(&both)).unwrap();
        assert_eq!((wrong.tag, wrong.said, wrong.right), (0xAC, 10, Some(12)));
    }

    #[test]
    fn any_cut_or_change_ends() {
        let whole = hex(FIXED);
        for end in 0..whole.len() {
            let _ = check(&whole[..end]);
            for value in [0, 0x7F, 0x81, 0x84, 0xFF] {
                let mut changed = whole.clone();
                changed[end] = value;
                let _ = check(&changed);
            }
        }
    }
}
