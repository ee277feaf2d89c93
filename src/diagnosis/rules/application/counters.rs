//! Invocation counters of both sides, by system title and key. The rule: with one key and title a counter only grows;
//! the same octets again are a repetition, not a reuse.

use super::association_rows::A22;
use crate::diagnosis::{Apdu, Book, Confidence, Direction};
use crate::dlms::acse::{Aare, Aarq, UserInformation};
use crate::dlms::xdlms::tag;
use std::hash::{DefaultHasher, Hash, Hasher};

const LANES: usize = 16;

/// Which key a counter belongs to, as far as octets tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Key {
    /// The global unicast key.
    Global,
    Broadcast,
    /// It lives as long as its association.
    Dedicated,
    /// Made for one exchange; known again by how it travelled.
    Own(u64),
}

/// Who counts, under which key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lane {
    direction: Direction,
    title: [u8; 8],
    key: Key,
}

#[derive(Clone, Copy, Debug)]
struct Last {
    lane: Lane,
    counter: u32,
    frame: u64,
    mark: u64,
}

#[derive(Debug, Default)]
pub(super) struct Counters {
    last: Vec<Last>,
    client_title: [u8; 8],
    meter_title: [u8; 8],
    /// A client speaks here: what a meter pushes unasked may be gathered from several days or meters.
    asked: bool,
}

/// Security header of a ciphered APDU.
struct Sealed {
    title: Option<[u8; 8]>,
    key: Key,
    counter: u32,
    /// Where the counter stands.
    at: usize,
}

/// A length as A-XDR writes it: its value and how many octets it took.
fn length(octets: &[u8]) -> Option<(usize, usize)> {
    match *octets {
        [short, ..] if short < 0x80 => Some((short.into(), 1)),
        [0x81, one, ..] => Some((one.into(), 2)),
        [0x82, high, low, ..] => Some((u16::from_be_bytes([high, low]).into(), 3)),
        _ => None,
    }
}

/// Reads on in octets that may end anywhere.
struct Cursor<'a> {
    octets: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    fn octet(&mut self) -> Option<u8> {
        let octet = *self.octets.get(self.at)?;
        self.at = self.at.checked_add(1)?;
        Some(octet)
    }

    fn length(&mut self) -> Option<usize> {
        let (length, used) = length(self.octets.get(self.at..)?)?;
        self.at = self.at.checked_add(used)?;
        Some(length)
    }

    fn string(&mut self) -> Option<&'a [u8]> {
        let length = self.length()?;
        let end = self.at.checked_add(length)?;
        let string = self.octets.get(self.at..end)?;
        self.at = end;
        Some(string)
    }

    /// The header of general-ciphering and general-signing; gives its originator.
    fn header(&mut self) -> Option<&'a [u8]> {
        self.string()?;
        let originator = self.string()?;
        for _ in ["recipient", "date-time", "other information"] {
            self.string()?;
        }
        Some(originator)
    }

    /// Of general-ciphering, and whether it says so; else the security control octet does.
    fn key(&mut self) -> Option<(bool, Key)> {
        let from = self.at;
        if self.octet()? == 0 {
            return Some((false, Key::Global));
        }
        let own = match self.octet()? {
            0 => {
                let broadcast = self.octet()? == 1;
                let key = if broadcast {
                    Key::Broadcast
                } else {
                    Key::Global
                };
                return Some((true, key));
            }
            1 => self.octet().and_then(|_| self.string()),
            2 => self.string().and_then(|_| self.string()),
            _ => None,
        };
        own?;
        let mut hasher = DefaultHasher::new();
        self.octets.get(from..self.at)?.hash(&mut hasher);
        Some((true, Key::Own(hasher.finish())))
    }
}

/// Bit 6 of the security control octet: under the broadcast key (Green Book 9.2.7.2.4.1).
const BROADCAST: u8 = 0x40;

fn sealed(apdu: &[u8]) -> Option<Sealed> {
    let tag = *apdu.first()?;
    let mut cursor = Cursor {
        octets: apdu,
        at: 1,
    };
    let (title, said) = match tag {
        0xDB => (cursor.string()?.try_into().ok(), None),
        0xDC => (cursor.string()?.try_into().ok(), Some(Key::Dedicated)),
        0xDD => {
            let originator = cursor.header()?.try_into().ok();
            let (said, key) = cursor.key()?;
            (originator, said.then_some(key))
        }
        0xDF => {
            // What is signed may be sealed within.
            cursor.header()?;
            let length = cursor.length()?;
            let end = cursor.at.checked_add(length)?.min(apdu.len());
            let inner = apdu.get(cursor.at..end)?;
            // One layer of signing is all the standard knows.
            let inner = (inner.first() != Some(&0xDF)).then(|| sealed(inner))??;
            return Some(Sealed {
                at: inner.at.checked_add(cursor.at)?,
                ..inner
            });
        }
        0x41..=0x5F | 0xD0..=0xD7 if tag::is_ciphered(tag) => (None, Some(Key::Dedicated)),
        tag if tag::is_ciphered(tag) => (None, None),
        _ => return None,
    };
    cursor.length()?;
    let control = cursor.octet()?;
    let at = cursor.at;
    let counter = apdu.get(at..at.checked_add(4)?)?;
    let by_control = if control & BROADCAST == 0 {
        Key::Global
    } else {
        Key::Broadcast
    };
    Some(Sealed {
        title,
        key: said.unwrap_or(by_control),
        counter: u32::from_be_bytes(counter.try_into().ok()?),
        at,
    })
}

fn title_of(octets: Option<&Vec<u8>>) -> Option<[u8; 8]> {
    octets?.as_slice().try_into().ok()
}

impl Counters {
    pub(super) fn see(&mut self, apdu: &Apdu<'_>, book: &mut Book) {
        self.asked |= apdu.direction == Direction::Sent;
        match apdu.tag() {
            Some(tag::AARQ) => {
                let Ok(aarq) = Aarq::decode(apdu.octets) else {
                    return;
                };
                if let Some(title) = title_of(aarq.calling_title.as_ref()) {
                    self.client_title = title;
                }
                self.inside(&aarq.user_information, apdu, book);
                // A dedicated key lives as long as its association.
                self.last.retain(|last| last.lane.key != Key::Dedicated);
            }
            Some(tag::AARE) => {
                let Ok(aare) = Aare::decode(apdu.octets) else {
                    return;
                };
                if let Some(title) = title_of(aare.responding_title.as_ref()) {
                    self.meter_title = title;
                }
                self.inside(&aare.user_information, apdu, book);
            }
            _ => {
                if let Some(sealed) = sealed(apdu.octets) {
                    self.count(&sealed, apdu, apdu.octets, Some(sealed.at), book);
                }
            }
        }
    }

    fn inside(&mut self, information: &UserInformation, apdu: &Apdu<'_>, book: &mut Book) {
        if let UserInformation::Ciphered(inner) = information
            && let Some(sealed) = sealed(inner)
        {
            self.count(&sealed, apdu, inner, None, book);
        }
    }

    fn count(
        &mut self,
        sealed: &Sealed,
        apdu: &Apdu<'_>,
        octets: &[u8],
        at: Option<usize>,
        book: &mut Book,
    ) {
        let known = match apdu.direction {
            Direction::Sent => self.client_title,
            Direction::Received => self.meter_title,
        };
        let lane = Lane {
            direction: apdu.direction,
            title: sealed.title.unwrap_or(known),
            key: sealed.key,
        };
        let mut hasher = DefaultHasher::new();
        octets.hash(&mut hasher);
        let now = Last {
            lane,
            counter: sealed.counter,
            frame: apdu.first,
            mark: hasher.finish(),
        };
        let Some(last) = self.last.iter_mut().find(|last| last.lane == lane) else {
            if self.last.len() < LANES {
                self.last.push(now);
            }
            return;
        };
        let before = *last;
        if before.mark == now.mark {
            return;
        }
        if now.counter <= before.counter && self.asked {
            book.note(&A22, Confidence::Certain, || {
                let what = if now.counter == before.counter {
                    "used again"
                } else {
                    "gone down"
                };
                apdu.evidence(
                    at.map(|at| at..at.saturating_add(4)),
                    format!(
                        "invocation counter {} of system title {} {what}: frame {} had {}",
                        now.counter,
                        lane.title
                            .iter()
                            .fold(String::new(), |text, octet| format!("{text}{octet:02X}")),
                        before.frame,
                        before.counter
                    ),
                )
            });
            book.entitle("A22", "An invocation counter is used again or goes down");
        }
        *last = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn general_headers_lead_to_the_counter() {
        // Transaction 1, originator, recipient, no date, nothing else.
        let header = "01 01 08 4F42530000000001 08 4D4D4D0000000001 00 00";
        let body = "12 30 00000007 AABBCCDDEEFF00112233445566";
        let bytes = |text: &str| -> Vec<u8> {
            let text: String = text.split_whitespace().collect();
            (0..text.len() / 2)
                .map(|n| u8::from_str_radix(&text[2 * n..2 * n + 2], 16).unwrap())
                .collect()
        };
        let found = |text: &str| {
            let octets = bytes(text);
            let sealed = sealed(&octets)?;
            let at = sealed.at;
            assert_eq!(octets[at..at + 4], sealed.counter.to_be_bytes());
            Some((sealed.title, sealed.key, sealed.counter))
        };
        let title = Some(*b"OBS\0\0\0\0\x01");
        for (key, due) in [
            ("00", Key::Global),
            ("01 00 00", Key::Global),
            ("01 00 01", Key::Broadcast),
        ] {
            let text = format!("DD {header} {key} {body}");
            assert_eq!(found(&text), Some((title, due, 7)), "{key}");
        }
        // A wrapped key is known again by its octets, another is another.
        let wrapped = |key: &str| found(&format!("DD {header} 01 01 00 {key} {body}"));
        let (a, b) = (wrapped("02 1111"), wrapped("02 2222"));
        assert!(a.is_some() && a == wrapped("02 1111") && a != b);
        let agreed = format!("DD {header} 01 02 01 02 02 1234 {body}");
        assert!(matches!(found(&agreed), Some((_, Key::Own(_), 7))));
        // Signed around sealed.
        let sealed_inside = "CC 12 70 00000007 AABBCCDDEEFF00112233445566";
        let signed = format!("DF {header} 14 {sealed_inside} 02 1234");
        assert_eq!(found(&signed), Some((None, Key::Broadcast, 7)));
        // Cut anywhere, nothing breaks.
        let whole = bytes(&format!("DD {header} 01 02 01 02 02 1234 {body}"));
        for end in 0..whole.len() - 13 {
            assert!(sealed(&whole[..end]).is_none(), "{end}");
        }
    }
}
