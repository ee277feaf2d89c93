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

/// The system titles that AARQ, AARE (calling and responding AP title), general ciphering of any key and general signing
/// carry.
fn titles(bytes: &[u8]) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    let bare = bare(bytes);
    for at in 0..bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        match rest {
            [0xA4 | 0xA6, 0x0A, 0x04, 0x08, ..] => found.push(at + 4..at + 4 + TITLE),
            [0xE6, 0xE6 | 0xE7, 0x00, apdu @ ..] => found.extend(general(apdu, at + 3)),
            apdu if at == bare => found.extend(general(apdu, at)),
            _ => {}
        }
    }
    found.retain(|range| range.end <= bytes.len());
    found
}

/// Of a general APDU that begins at `at`: the title it starts with, or behind its transaction-id that of the originator
/// and of the recipient.
fn general(apdu: &[u8], at: usize) -> Vec<Range<usize>> {
    const LENGTH: u8 = 8;
    let title = |from: usize| {
        let stands = apdu.get(from) == Some(&LENGTH);
        stands.then(|| at + from + 1..at + from + 1 + TITLE)
    };
    match apdu {
        [0xDB | 0xDC, ..] => title(1).into_iter().collect(),
        [0xDD | 0xDF, transaction, ..] => {
            let originator = 2 + usize::from(*transaction);
            let length = usize::from(apdu.get(originator).copied().unwrap_or(0));
            let both = [title(originator), title(originator + 1 + length)];
            both.into_iter().flatten().collect()
        }
        _ => Vec::new(),
    }
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
        // Behind a transaction-id stand two, and one of them may be left out.
        let ours = *b"OBS\x09\x08\x07\x06\x05";
        for tag in [0xDD, 0xDF] {
            let apdu = |originator: &[u8], recipient: &[u8]| {
                let mut apdu = vec![tag, 2, 0xDB, 8];
                for title in [originator, recipient] {
                    apdu.push(u8::try_from(title.len()).unwrap());
                    apdu.extend(title);
                }
                apdu.extend([0, 0, 0, 5, 0x30, 0, 0, 0, 1]);
                apdu
            };
            let told = |apdu: &[u8]| {
                let linked = [
                    &[0x7E, 0xA0, 0x25, 3, 3, 0x10, 0, 0, 0xE6, 0xE7, 0][..],
                    apdu,
                ];
                let wrapped = [&[0, 1, 0, 1, 0, 1, 0, 40][..], apdu];
                [linked.concat(), wrapped.concat(), apdu.to_vec()].map(|frame| {
                    let told = Asked::default();
                    let told = { told }.told(Direction::Received, &frame).concat();
                    String::from_utf8_lossy(&told).into_owned()
                })
            };
            let both = String::from_utf8_lossy(&[title, ours].concat()).into_owned();
            assert_eq!(told(&apdu(&title, &ours)), [(); 3].map(|()| both.clone()));
            let one = String::from_utf8_lossy(&ours).into_owned();
            assert_eq!(told(&apdu(&[], &ours)), [(); 3].map(|()| one.clone()));
            // Broken off in the middle of the second.
            let broken = apdu(&title, &ours);
            let first = String::from_utf8_lossy(&title).into_owned();
            assert_eq!(told(&broken[..18]), [(); 3].map(|()| first.clone()));
        }
        // In the middle of readings the same two octets say nothing.
        let reading = [
            0, 1, 0, 1, 0, 1, 0, 12, 0xC4, 1, 0xDB, 8, 1, 2, 3, 4, 5, 6, 7, 8,
        ];
        assert!(titles(&reading).is_empty());
    }
}
