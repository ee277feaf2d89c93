//! Hides the password of an AARQ in what the tap records. The bytes that go to the meter are not touched.
//!
//! The authentication value is replaced by `*` (2A), octet for octet, and the FCS of the frame is made anew over what
//! is shown: a reader of the trace sees a whole, right frame whose password happens to be stars, and a wrong FCS in a
//! trace always means a wrong FCS on the line. An AARQ may be cut over several frames, so the BER is followed octet by
//! octet; a frame sent again (same N(S)) is followed again from where it began.

use crate::dlms::hdlc::{Control, Frame, fcs::fcs};
use crate::dlms::wrapper::{HEADER_LENGTH, Header};

/// The note that stands before a masked frame.
pub(super) const NOTE: &str =
    "the password in the next frame is shown as ********, its checksum made to fit";

const STAR: u8 = 0x2A;
const AARQ: u8 = 0x60;
/// calling-authentication-value, ACSE tag [12]
const AUTHENTICATION_VALUE: u8 = 0xAC;

/// Follows the I frames of one association from its first.
#[derive(Clone, Debug, Default)]
pub(in crate::meter) struct Mask {
    now: Walk,
    /// Where the walk stood before the frame with this N(S).
    before: [Option<Walk>; 8],
}

impl Mask {
    /// Masks `chunk` (whole frames, flags included) in place; true when something was hidden.
    pub(in crate::meter) fn apply(&mut self, chunk: &mut [u8]) -> bool {
        if Header::parse(chunk).is_ok() {
            return wrapped(chunk);
        }
        let mut hidden = false;
        let mut at = 0;
        while at + 2 < chunk.len() {
            if chunk[at] == 0x7E {
                at += 1;
                continue;
            }
            let length = usize::from(chunk[at] & 0x07) << 8 | usize::from(chunk[at + 1]);
            let Some(octets) = chunk.get_mut(at..at + length).filter(|o| o.len() > 4) else {
                break;
            };
            hidden |= self.frame(octets);
            at += length;
        }
        hidden
    }

    fn frame(&mut self, octets: &mut [u8]) -> bool {
        let Ok(frame) = Frame::parse(octets) else {
            return false;
        };
        let Control::Information { send, .. } = frame.control() else {
            return false;
        };
        let information = frame.information().len();
        let slot = usize::from(send & 7);
        let mut walk = self.before[slot].unwrap_or(self.now);
        self.before[slot] = Some(walk);
        // Half the modulus away no frame can still be sent again.
        self.before[(slot + 4) & 7] = None;
        let end = octets.len() - 2;
        let mut hidden = false;
        for octet in &mut octets[end - information..end] {
            if walk.step(*octet) {
                *octet = STAR;
                hidden = true;
            }
        }
        self.now = walk;
        if hidden {
            let check = fcs(&octets[..end]).to_le_bytes();
            octets[end..].copy_from_slice(&check);
        }
        hidden
    }
}

/// The same in PDUs behind wrapper headers, which have neither LLC nor checksum.
fn wrapped(chunk: &mut [u8]) -> bool {
    let mut hidden = false;
    let mut rest = chunk;
    while let Ok(header) = Header::parse(rest) {
        let end = HEADER_LENGTH + usize::from(header.length);
        if rest.len() < end {
            break;
        }
        let (pdu, after) = rest.split_at_mut(end);
        let mut walk = Walk::Outer;
        for octet in &mut pdu[HEADER_LENGTH..] {
            if walk.step(*octet) {
                *octet = STAR;
                hidden = true;
            }
        }
        rest = after;
    }
    hidden
}

/// Where in `E6 E6 00 | 60 len | tag len value | …` the next octet stands.
#[derive(Clone, Copy, Debug)]
enum Walk {
    /// LLC octets still to come.
    Llc(u8),
    Outer,
    /// Length octets after the outer tag.
    OuterLength(Length),
    Tag,
    FieldLength(u8, Length),
    Field(usize),
    /// `80` before the length of the secret.
    Choice,
    ChoiceLength(Length),
    Secret(usize),
    /// Not an AARQ, or over.
    Other,
}

impl Default for Walk {
    fn default() -> Self {
        Self::Llc(3)
    }
}

impl Walk {
    /// Takes one octet; true when it is part of the secret.
    fn step(&mut self, octet: u8) -> bool {
        let mut secret = false;
        *self = match *self {
            Self::Llc(1) => Self::Outer,
            Self::Llc(n) => Self::Llc(n - 1),
            Self::Outer if octet == AARQ => Self::OuterLength(Length::Start),
            Self::OuterLength(length) => match length.step(octet) {
                Length::Is(_) => Self::Tag,
                length => Self::OuterLength(length),
            },
            Self::Tag => Self::FieldLength(octet, Length::Start),
            Self::FieldLength(tag, length) => match length.step(octet) {
                Length::Is(0) => Self::Tag,
                Length::Is(_) if tag == AUTHENTICATION_VALUE => Self::Choice,
                Length::Is(n) => Self::Field(n),
                length => Self::FieldLength(tag, length),
            },
            Self::Field(1) => Self::Tag,
            Self::Field(n) => Self::Field(n - 1),
            Self::Choice => Self::ChoiceLength(Length::Start),
            Self::ChoiceLength(length) => match length.step(octet) {
                Length::Is(0) => Self::Tag,
                Length::Is(n) => Self::Secret(n),
                length => Self::ChoiceLength(length),
            },
            Self::Secret(n) => {
                secret = true;
                if n == 1 {
                    Self::Tag
                } else {
                    Self::Secret(n - 1)
                }
            }
            Self::Outer | Self::Other => Self::Other,
        };
        secret
    }
}

/// A BER length, octet by octet.
#[derive(Clone, Copy, Debug)]
enum Length {
    Start,
    Long(u8, usize),
    Is(usize),
}

impl Length {
    fn step(self, octet: u8) -> Self {
        match self {
            Self::Long(1, n) => Self::Is(n << 8 | usize::from(octet)),
            Self::Long(left, n) => Self::Long(left - 1, n << 8 | usize::from(octet)),
            _ if octet > 0x80 => Self::Long(octet & 0x7F, 0),
            _ => Self::Is(usize::from(octet & 0x7F)),
        }
    }
}
