//! What names one single meter: its logical device name, its device ids, its system title. The one rule: a serial is
//! learned where the meter says it, and then known everywhere.

use crate::meter::tap::Direction;
use std::ops::Range;

const GET_REQUEST_NORMAL: [u8; 2] = [0xC0, 0x01];
const GET_RESPONSE_NORMAL: [u8; 2] = [0xC4, 0x01];
/// So much of a request: tag, choice, invoke-id, class, OBIS code, attribute.
const DESCRIPTOR: usize = 3 + 9;
const TITLE: usize = 8;

/// What one meter was asked last.
#[derive(Debug, Default)]
pub(super) struct Asked(bool);

impl Asked {
    /// The serials that a frame tells.
    pub(super) fn told<'a>(&mut self, direction: Direction, frame: &'a [u8]) -> Vec<&'a [u8]> {
        let mut found: Vec<_> = titles(frame)
            .into_iter()
            .filter_map(|range| frame.get(range))
            .collect();
        match direction {
            Direction::Sent => {
                if let Some(at) = place(frame, GET_REQUEST_NORMAL) {
                    self.0 = names_one(frame.get(at..).unwrap_or_default());
                }
            }
            Direction::Received => {
                if self.0
                    && let Some(at) = place(frame, GET_RESPONSE_NORMAL)
                    && let Some(value) = value(frame.get(at + 3..).unwrap_or_default())
                {
                    self.0 = false;
                    found.push(value);
                }
            }
        }
        found
    }
}

/// Where a frame over the wrapper, or an APDU by itself, begins; in HDLC an LLC header stands before it.
fn bare(bytes: &[u8]) -> usize {
    const WRAPPER_HEADER: usize = 8;
    if bytes.starts_with(&[0, 1]) {
        WRAPPER_HEADER
    } else {
        0
    }
}

/// The system titles that AARQ, AARE (calling and responding AP title) and general ciphering with a
/// global or a dedicated key carry.
fn titles(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let bare = bare(bytes);
    for at in 0..bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let lead = match rest {
            [0xA4 | 0xA6, 0x0A, 0x04, 0x08, ..] => 4,
            [0xE6, 0xE6 | 0xE7, 0x00, 0xDB | 0xDC, 0x08, ..] => 5,
            [0xDB | 0xDC, 0x08, ..] if at == bare => 2,
            _ => continue,
        };
        let range = at + lead..at + lead + TITLE;
        if range.end <= bytes.len() {
            found.push(range);
        }
    }
    found
}

fn place(frame: &[u8], what: [u8; 2]) -> Option<usize> {
    frame.windows(2).position(|two| two == what)
}

/// Whether the request asks for an object that names one meter.
fn names_one(request: &[u8]) -> bool {
    let Some([_, _, _, _, _, a, _, c, d, _, _, attribute]) = request.get(..DESCRIPTOR) else {
        return false;
    };
    *attribute == 2
        && matches!(
            (a, c, d),
            // Logical device name; device ids; M-Bus device ids; electricity ids.
            (0, 42, 0) | (0, 96, 1) | (1, 0, 0)
        )
}

/// A string in a response: `00` (data), tag, length, octets.
fn value(response: &[u8]) -> Option<&[u8]> {
    match response {
        [0, 9 | 10 | 12, length, rest @ ..] => rest.get(..usize::from(*length)),
        _ => None,
    }
    .filter(|value| value.len() >= 4)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_is_found_however_it_travels() {
        let title = *b"GRX\x01\x02\x03\x04\x05";
        for tag in [0xDB, 0xDC] {
            let apdu = [&[tag, 8][..], &title, &[3, 0x30, 0, 1]].concat();
            let wrapped = [&[0, 1, 0, 1, 0, 1, 0, 14][..], &apdu].concat();
            let linked = [
                &[0x7E, 0xA0, 0x15, 3, 3, 0x10, 0, 0, 0xE6, 0xE7, 0][..],
                &apdu,
            ]
            .concat();
            for frame in [apdu, wrapped, linked] {
                let told = Asked::default().told(Direction::Received, &frame);
                assert_eq!(told, [&title[..]], "{frame:02X?}");
            }
        }
        // In the middle of readings the same two octets say nothing.
        let reading = [
            0, 1, 0, 1, 0, 1, 0, 12, 0xC4, 1, 0xDB, 8, 1, 2, 3, 4, 5, 6, 7, 8,
        ];
        assert!(titles(&reading).is_empty());
    }
}
