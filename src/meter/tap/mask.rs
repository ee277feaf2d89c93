//! Hides secrets in what the tap records: the password of an AARQ, and the value of a SET or ACTION that carries one. The
//! bytes that go to the meter are not touched.
//!
//! What is secret is replaced by `*` (2A), octet for octet, and the FCS of the frame is made anew over what is shown: a
//! reader of the trace sees a whole, right frame whose password happens to be stars, and a wrong FCS in a trace always
//! means a wrong FCS on the line. An APDU may be cut over several frames, so it is followed octet by octet; a frame sent
//! again (same N(S)) is followed again from where it began. A ciphered SET or ACTION of a secret is
//! hidden whole: it may only be authenticated, and keys become known.

use super::walk::Walk;
use crate::dlms::hdlc::{Control, Frame, fcs::fcs};

/// The note that stands before a masked frame.
pub(super) const NOTE: &str =
    "the password in the next frame is shown as ********, its checksum made to fit";

const STAR: u8 = 0x2A;
/// Version 1 of the wrapper, and the length of its header.
const WRAPPER: [u8; 2] = [0, 1];
const WRAPPER_HEADER: usize = 8;
/// An echo is looked for by so many octets at least, or by what stands before a shorter secret too.
const ENOUGH: usize = 8;

/// Follows the I frames of one association, or its wrapped APDUs, from the first.
#[derive(Clone, Debug)]
pub(in crate::meter) struct Mask {
    /// What each APDU is followed from.
    start: Walk,
    now: Walk,
    /// Where the walk stood before the frame with this N(S).
    before: [Option<Walk>; 8],
    /// The octets hidden in the last chunk, as they really were.
    hidden: Vec<Vec<u8>>,
}

/// For the making of an association.
impl Default for Mask {
    fn default() -> Self {
        Self::from(Walk::association())
    }
}

impl From<Walk> for Mask {
    fn from(start: Walk) -> Self {
        Self {
            start,
            now: start,
            before: [None; 8],
            hidden: Vec::new(),
        }
    }
}

impl Mask {
    /// For a SET or ACTION whose value is a secret.
    pub(in crate::meter) fn value() -> Self {
        Self::from(Walk::value())
    }

    /// For a conversation nobody announced (see [`Walk::judged`]).
    pub(in crate::meter) fn judged() -> Self {
        Self::from(Walk::judged())
    }

    /// Masks `chunk` (whole frames with their flags, or whole wrapped APDUs) in place; true when something was hidden.
    pub(in crate::meter) fn apply(&mut self, chunk: &mut [u8]) -> bool {
        self.hidden.clear();
        if chunk.starts_with(&WRAPPER) {
            self.wrapped(chunk);
        } else {
            self.frames(chunk);
        }
        !self.hidden.is_empty()
    }

    /// What the last chunk hid: by these octets an echo of it is known.
    pub(in crate::meter) fn hidden(&self) -> &[Vec<u8>] {
        &self.hidden
    }

    fn frames(&mut self, chunk: &mut [u8]) {
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
            self.frame(octets);
            at += length;
        }
    }

    fn frame(&mut self, octets: &mut [u8]) {
        let Ok(frame) = Frame::parse(octets) else {
            return;
        };
        let Control::Information { send, .. } = frame.control() else {
            return;
        };
        let (information, segmented) = (frame.information().len(), frame.segmented());
        let slot = usize::from(send & 7);
        let mut walk = self.before[slot].unwrap_or(self.now);
        self.before[slot] = Some(walk);
        // Half the modulus away no frame can still be sent again.
        self.before[(slot + 4) & 7] = None;
        let end = octets.len() - 2;
        let hidden = self.octets(&mut walk, octets, end - information, end);
        // What follows a whole APDU is another one.
        self.now = if segmented { walk } else { self.start };
        if hidden {
            let check = fcs(&octets[..end]).to_le_bytes();
            octets[end..].copy_from_slice(&check);
        }
    }

    fn wrapped(&mut self, chunk: &mut [u8]) {
        let mut at = 0;
        while let Some(header) = chunk.get(at..at + WRAPPER_HEADER) {
            let length = usize::from(header[6]) << 8 | usize::from(header[7]);
            let begin = at + WRAPPER_HEADER;
            let end = chunk.len().min(begin + length);
            let mut walk = self.start.without_llc();
            self.octets(&mut walk, chunk, begin, end);
            at = end;
        }
    }

    /// Takes the octets from `begin` to `end`; true when some were hidden.
    fn octets(&mut self, walk: &mut Walk, all: &mut [u8], begin: usize, end: usize) -> bool {
        let before = self.hidden.len();
        let mut run: Option<usize> = None;
        let clear = all.to_vec();
        for at in begin..=end {
            let secret = at < end && walk.step(clear[at]);
            match run {
                None if secret => run = Some(at),
                Some(from) if !secret => {
                    // A short one alone would be found by chance all over a trace.
                    let from = from.min(at.saturating_sub(ENOUGH).max(begin));
                    self.hidden.push(clear[from..at].to_vec());
                    run = None;
                }
                _ => {}
            }
            if secret {
                all[at] = STAR;
            }
        }
        self.hidden.len() > before
    }
}
