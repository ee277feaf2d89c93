//! T11, T13, H24 to H26: octets that came damaged. The rule: the repair that makes the check right names the damage.

use super::Rule;
use super::noise::{H28, disguise};
use crate::cosem::hex::cut as hex;
use crate::diagnosis::{
    Book, Confidence, Conversation, Diagnosis, Direction, Event, Evidence, Seen, What,
};
use crate::dlms::hdlc::fcs;

pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    vec![Box::new(Damage::default())]
}

pub(super) const T11: Diagnosis = Diagnosis {
    id: "T11",
    title: "Octets FF are lost on the way: the adapter swallows them",
    remedy: &[
        "Use the converter's raw TCP mode instead of telnet or RFC 2217.",
        "Try another adapter; some Bluetooth optical heads drop FF.",
    ],
    specific: 9,
};
pub(super) const T13: Diagnosis = Diagnosis {
    id: "T13",
    title: "Noise on the line: single bits are flipped",
    remedy: &[
        "Seat the optical head again; shorten or terminate the RS-485 line.",
        "Ask for shorter frames: --max-info 64.",
        "Lower the speed, at the meter and at the converter (--baud).",
    ],
    specific: 5,
};
const H24: Diagnosis = Diagnosis {
    id: "H24",
    title: "A frame's header was damaged on the way (wrong HCS): it must be dropped",
    remedy: &[
        "Drop it, look for the next flag, and ask again.",
        "If it happens often, look for noise and wrong parity.",
    ],
    specific: 3,
};
const H25: Diagnosis = Diagnosis {
    id: "H25",
    title: "A frame's content was damaged on the way (header right, FCS wrong)",
    remedy: &[
        "Do not acknowledge it: ask again with RR and the old N(R).",
        "If it happens often, look for noise, or ask for shorter frames.",
    ],
    specific: 4,
};
const H26: Diagnosis = Diagnosis {
    id: "H26",
    title: "The other side computes its checksums differently (byte order or final inversion)",
    remedy: &[
        "The peer does not conform: FCS is CRC-16/X-25, low octet first.",
        "If it is a simulator or a home-made meter, mend it there.",
    ],
    specific: 9,
};
/// Repairs are looked for in so many frames, of so many octets.
const TRIES: u32 = 24;
pub(super) const LONGEST: usize = 512;

#[derive(Debug, Default)]
struct Damage {
    tries: u32,
    flips: u32,
    /// The last frame with wrong checks, and its number: what follows may be the rest of it.
    broken: Vec<u8>,
    number: u64,
    /// Frames whole but for their format.
    disguised: u32,
}

/// What makes the check right.
enum Repair {
    Swapped,
    NotInverted,
    Bit(usize),
}

impl Rule for Damage {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book) {
        match event.what {
            What::Frame(seen)
                if seen.direction == Direction::Received
                    && seen.hdlc().is_some_and(|hdlc| !hdlc.sound()) =>
            {
                self.damaged(seen, book);
                self.broken.clear();
                if seen.octets.len() <= LONGEST {
                    self.broken.extend_from_slice(seen.octets);
                    self.number = seen.number;
                }
            }
            What::Frame(seen) if seen.direction == Direction::Received => self.broken.clear(),
            What::Junk(Direction::Received, octets)
            | What::Unfinished(Direction::Received, octets)
                if self.tries < TRIES =>
            {
                self.tries = self.tries.saturating_add(1);
                let octets = octets.strip_prefix(&[0x7E]).unwrap_or(octets);
                let octets = octets.strip_suffix(&[0x7E]).unwrap_or(octets);
                if let Some(format) = disguise(octets) {
                    return self.disguised(talk, octets, format, book);
                }
                if self.doubled(octets, book) {
                    return;
                }
                if let Some(lost) = lost_fillers(octets) {
                    book.note(&T11, Confidence::Certain, || {
                        Evidence::words(format!(
                            "with {lost} × FF put back the checksum is right: {}",
                            hex(octets, 16)
                        ))
                    });
                }
            }
            _ => {}
        }
    }
}

impl Damage {
    /// The rest of a broken frame, or a whole one: right once each FF that comes twice is taken once?
    fn doubled(&mut self, rest: &[u8], book: &mut Book) -> bool {
        let number = Some(self.number).filter(|_| !self.broken.is_empty());
        let mut whole = std::mem::take(&mut self.broken);
        whole.extend(rest.iter().take(LONGEST));
        let come = whole.len();
        let mut pending = false;
        whole.retain(|octet| {
            let again = pending && *octet == 0xFF;
            pending = *octet == 0xFF && !again;
            !again
        });
        let right =
            whole.len() < come && claimed(&whole) == Some(whole.len()) && fcs::ends_right(&whole);
        if right {
            book.note(&T11, Confidence::Certain, || Evidence {
                frame: number,
                octets: None,
                text: format!(
                    "{} × FF comes twice; with each taken once the checksum is right",
                    come.saturating_sub(whole.len())
                ),
            });
            book.entitle("T11", "Octets FF come twice: the converter speaks telnet");
        }
        right
    }

    /// Right but for the octet that says which kind of frame it is.
    fn disguised(&mut self, talk: &Conversation, octets: &[u8], format: u8, book: &mut Book) {
        if talk.received.sound > 0 {
            // Others come as they should: this one was damaged.
            return book.note(&T13, Confidence::Likely, || {
                Evidence::words(format!(
                    "{format:02X} in front for A{:X}; with it the check is right: {}",
                    format & 0x0F,
                    hex(octets, 16)
                ))
            });
        }
        self.disguised = self.disguised.saturating_add(1);
        let sure = if self.disguised > 1 {
            Confidence::Certain
        } else {
            Confidence::Likely
        };
        book.note(&H28, sure, || {
            Evidence::words(format!(
                "a whole frame, but it begins {format:02X} where the type-3 format is A{:X}: {}",
                format & 0x0F,
                hex(octets, 16)
            ))
        });
        book.entitle(
            "H28",
            "What comes are frames, but not of HDLC's type 3: they do not begin with Ax",
        );
        book.suggest(
            "H28",
            "Look what is in between: a gateway with a framing of its own, or a meter set to another protocol.",
        );
    }

    fn damaged(&mut self, seen: &Seen<'_>, book: &mut Book) {
        self.tries = self.tries.saturating_add(1);
        let octets = seen.octets;
        let end = octets.len();
        let looked = self.tries <= TRIES && end <= LONGEST;
        match looked.then(|| repair(octets)).flatten() {
            Some(how @ (Repair::Swapped | Repair::NotInverted)) => {
                let words = match how {
                    Repair::Swapped => "the FCS is right with its two octets swapped",
                    _ => "the FCS is right without its final inversion",
                };
                book.note(&H26, Confidence::Certain, || {
                    seen.evidence(Some(end.saturating_sub(2)..end), words)
                });
                return;
            }
            Some(Repair::Bit(bit)) => {
                self.flips = self.flips.saturating_add(1);
                let sure = if self.flips > 1 {
                    Confidence::Certain
                } else {
                    Confidence::Likely
                };
                let at = bit / 8;
                book.note(&T13, sure, || {
                    let octet = octets.get(at).copied().unwrap_or_default();
                    let was = octet ^ (1 << (bit % 8));
                    let text = format!(
                        "one bit is wrong: {octet:02X} for {was:02X}; with it the check is right"
                    );
                    seen.evidence(Some(at..at.saturating_add(1)), text)
                });
                return;
            }
            None => {}
        }
        if looked && let Some(lost) = lost_fillers(octets.strip_suffix(&[0x7E]).unwrap_or(octets)) {
            book.note(&T11, Confidence::Certain, || {
                let text = format!("with {lost} × FF put back the checksum is right");
                seen.evidence(None, text)
            });
            return;
        }
        let header_wrong = seen.hdlc().is_some_and(|hdlc| hdlc.hcs_ok == Some(false));
        if header_wrong {
            let at = seen
                .hdlc()
                .and_then(|hdlc| hdlc.frame)
                .and_then(|frame| frame.hcs_at());
            let fcs = seen.hdlc().is_some_and(|hdlc| hdlc.fcs_ok);
            book.note(&H24, Confidence::Likely, || {
                let other = if fcs { "right" } else { "wrong too" };
                let text = format!("HCS wrong, FCS {other}");
                seen.evidence(at.map(|at| at..at.saturating_add(2)), text)
            });
        } else {
            book.note(&H25, Confidence::Likely, || {
                let (checked, _) = octets.split_at(end.saturating_sub(2));
                let [low, high] = fcs::fcs(checked).to_le_bytes();
                let text = format!("FCS wrong: these octets give {low:02X} {high:02X}");
                seen.evidence(Some(end.saturating_sub(2)..end), text)
            });
        }
    }
}

/// What the length field says.
pub(super) fn claimed(octets: &[u8]) -> Option<usize> {
    let &[high, low, ..] = octets else {
        return None;
    };
    Some(usize::from(u16::from_be_bytes([high, low]) & 0x07FF))
}

fn repair(octets: &[u8]) -> Option<Repair> {
    let (checked, &[a, b]) = octets.split_last_chunk()?;
    let right = fcs::fcs(checked);
    let sent = u16::from_le_bytes([a, b]);
    if sent == right {
        return None;
    }
    if sent.swap_bytes() == right {
        return Some(Repair::Swapped);
    }
    if sent == !right || sent.swap_bytes() == !right {
        return Some(Repair::NotInverted);
    }
    let mut copy = octets.to_vec();
    for bit in 0..octets.len().saturating_mul(8) {
        let flip = |copy: &mut Vec<u8>| {
            if let Some(octet) = copy.get_mut(bit / 8) {
                *octet ^= 1 << (bit % 8);
            }
        };
        flip(&mut copy);
        if fcs::ends_right(&copy) {
            return Some(Repair::Bit(bit));
        }
        flip(&mut copy);
    }
    None
}

/// Octets that lack of FF, one or two, make the length and the FCS right.
fn lost_fillers(octets: &[u8]) -> Option<usize> {
    let &[high, low, ..] = octets else {
        return None;
    };
    let claimed = usize::from(u16::from_be_bytes([high, low]) & 0x07FF);
    let lost = claimed.checked_sub(octets.len())?;
    if high >> 4 != 0xA || !(1..=2).contains(&lost) || claimed > LONGEST {
        return None;
    }
    let mut trial = Vec::with_capacity(claimed);
    let most = if lost == 1 {
        octets.len()
    } else {
        octets.len().min(96)
    };
    let second = if lost == 1 { 0..1 } else { 0..most };
    for first in 2..=most {
        for after in second.clone() {
            trial.clear();
            trial.extend_from_slice(octets);
            trial.insert(first.min(trial.len()), 0xFF);
            if lost == 2 {
                if after < first {
                    continue;
                }
                trial.insert(after.saturating_add(1).min(trial.len()), 0xFF);
            }
            if fcs::ends_right(&trial) {
                return Some(lost);
            }
        }
    }
    None
}
