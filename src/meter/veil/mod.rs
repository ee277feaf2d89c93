//! Which octets of a conversation are secret, told octet by octet as they pass. The one rule: what is decided of an octet
//! follows from those before it alone, so that a live trace and a file read later come out the same, in bounded memory.
//!
//! Hidden are: passwords and HLS challenges (AARQ, AARE), the proofs of passes 3 and 4, keys and passwords that a GET
//! answers, a SET writes or an ACTION carries (by class and number: `cosem::decode::secret`), dedicated keys, wrapped keys.
//! Segments, blocks, lists, general block transfer, short names, ACCESS and what is only authenticated are gone into.

mod apdu;
mod ber;
mod choose;
mod length;
mod line;
mod value;

pub(in crate::meter) use line::{Line, Mark};

use crate::cosem::decode::secret;
use crate::meter::tap::Direction;

pub(in crate::meter) const STAR: u8 = b'*';
/// An echo is looked for by so many octets at least, or by what stands before a shorter secret too.
const ENOUGH: usize = 8;

/// How much is believed of what is not understood.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::meter) enum Caution {
    /// What the bytes themselves say is hidden.
    #[default]
    Said,
    /// The next request is known to carry a secret: its value, whatever it is, and what is ciphered (it may only be
    /// authenticated, and keys become known).
    Told,
    /// For a document that leaves the house: a ciphered SET, ACTION or unknown request is hidden too.
    Leaving,
}

/// What one direction must know of the other.
#[derive(Clone, Copy, Debug, Default)]
pub(in crate::meter) struct Talk {
    /// The last request asked for a secret.
    asked: bool,
    /// It asked for several things.
    list: bool,
}

/// Of the services of the associations (logical and short names), security setup and the rest.
pub(super) fn attribute(class: u16, attribute: i8) -> bool {
    secret::attribute(class, attribute)
}

/// Besides methods that take a secret: the proof of an HLS association, and what keys are agreed with.
pub(super) fn method(class: u16, method: i8) -> bool {
    secret::method(class, method) || matches!((class, method), (15, 1) | (64, 3))
}

/// Of the current association, known before any object list: all but its name, its lists and what it points at. 0xFA58
/// is where an HLS proof goes, 0xFA40 and 0xFA48 where passwords are changed.
pub(super) const fn short_name(name: u16) -> bool {
    const LAST: u16 = 0xFA60;
    name > 0xFA18 && name <= LAST && name != 0xFA30
}

/// One connection: both directions, and the copies that are shown.
#[derive(Clone, Debug)]
pub(in crate::meter) struct Veil {
    sent: Side,
    received: Side,
    talk: Talk,
    /// The octets hidden in the last chunk, as they really were.
    hidden: Vec<Vec<u8>>,
}

#[derive(Clone, Debug)]
struct Side {
    line: Line,
    /// By how much the checksum of what is shown differs from that of what was sent.
    shift: u16,
}

impl Side {
    const fn new(direction: Direction) -> Self {
        Self {
            line: Line::new(direction),
            shift: 0,
        }
    }
}

impl Default for Veil {
    fn default() -> Self {
        Self {
            sent: Side::new(Direction::Sent),
            received: Side::new(Direction::Received),
            talk: Talk::default(),
            hidden: Vec::new(),
        }
    }
}

impl Veil {
    /// `chunk` as it may be shown, if that differs from what it is. A checksum that was right is right again, and one
    /// that was wrong stays wrong.
    pub(in crate::meter) fn over(
        &mut self,
        direction: Direction,
        chunk: &[u8],
        caution: Caution,
    ) -> Option<Vec<u8>> {
        self.hidden.clear();
        let side = match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        };
        let mut shown: Option<Vec<u8>> = None;
        let mut run: Option<usize> = None;
        for (at, &octet) in chunk.iter().enumerate() {
            let mark = side.line.step(octet, caution, &mut self.talk);
            if mark == Mark::Start {
                side.shift = 0;
            }
            let to = match mark {
                Mark::Hidden => STAR,
                Mark::Check(0) => octet ^ side.shift.to_le_bytes()[0],
                Mark::Check(_) => octet ^ side.shift.to_le_bytes()[1],
                Mark::Start | Mark::Clear => octet,
            };
            if !matches!(mark, Mark::Check(_)) && (side.shift != 0 || to != octet) {
                side.shift = shifted(side.shift, octet ^ to);
            }
            match (run, mark == Mark::Hidden) {
                (None, true) => run = Some(at),
                (Some(from), false) => {
                    self.hidden.push(around(chunk, from, at));
                    run = None;
                }
                _ => {}
            }
            if to != octet || mark == Mark::Hidden {
                let copy = shown.get_or_insert_with(|| chunk.to_vec());
                if let Some(place) = copy.get_mut(at) {
                    *place = to;
                }
            }
        }
        if let Some(from) = run {
            self.hidden.push(around(chunk, from, chunk.len()));
        }
        shown
    }

    /// What the last chunk hid: by these octets an echo of it is known.
    pub(in crate::meter) fn hidden(&self) -> &[Vec<u8>] {
        &self.hidden
    }
}

/// A short secret alone would be found by chance all over a trace.
fn around(chunk: &[u8], from: usize, to: usize) -> Vec<u8> {
    let from = from.min(to.saturating_sub(ENOUGH));
    chunk.get(from..to).unwrap_or_default().to_vec()
}

/// CRC-16/X-25 is linear: the difference of two checksums is the checksum of the difference, begun at zero.
fn shifted(shift: u16, difference: u8) -> u16 {
    const POLYNOMIAL: u16 = 0x8408;
    let mut crc = shift ^ u16::from(difference);
    for _ in 0..8 {
        crc = (crc >> 1) ^ if crc & 1 == 1 { POLYNOMIAL } else { 0 };
    }
    crc
}

#[cfg(test)]
mod tests;
