//! Invocation counters of both sides, by system title and key. The rule: with one key and title a counter only grows;
//! the same octets again are a repetition, not a reuse.

use super::association_rows::A22;
use crate::diagnosis::{Apdu, Book, Confidence, Direction};
use crate::dlms::acse::{Aare, Aarq, UserInformation};
use crate::dlms::xdlms::tag;
use std::hash::{DefaultHasher, Hash, Hasher};

const LANES: usize = 16;

/// Who counts, under which key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Lane {
    direction: Direction,
    title: [u8; 8],
    dedicated: bool,
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
    dedicated: bool,
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

fn sealed(apdu: &[u8]) -> Option<Sealed> {
    let tag = *apdu.first()?;
    let mut at = 1_usize;
    let mut title = None;
    match tag {
        0xDB | 0xDC => {
            let (count, used) = length(apdu.get(at..)?)?;
            at = at.checked_add(used)?;
            let octets = apdu.get(at..at.checked_add(count)?)?;
            title = octets.try_into().ok();
            at = at.checked_add(count)?;
        }
        // Their headers tell of keys that a trace cannot follow.
        0xDD | 0xDF => return None,
        tag if tag::is_ciphered(tag) => {}
        _ => return None,
    }
    let (_, used) = length(apdu.get(at..)?)?;
    at = at.checked_add(used)?.checked_add(1)?;
    let counter = apdu.get(at..at.checked_add(4)?)?;
    Some(Sealed {
        title,
        dedicated: tag == 0xDC || matches!(tag, 0x41..=0x5F | 0xD0..=0xD7),
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
                self.last.retain(|last| !last.lane.dedicated);
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
            dedicated: sealed.dedicated,
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
