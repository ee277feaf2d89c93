//! Cuts any bytes into pieces worth explaining: HDLC frames, wrapper PDUs, M-Bus frames, a bare APDU, junk, an unfinished end.
//!
//! The one rule: pieces come in order and share at most the one flag that closes a frame and opens
//! the next. Nothing is decided by state, only by the bytes; memory is one frame's worth.
use super::{apdu, mbus, wrapper};
use crate::dlms::hdlc::{Decoder, FLAG, Item, fcs::fcs};
use std::collections::VecDeque;
use std::ops::Range;

/// Fed to the decoder at a time, so that its buffer never has to hold a whole file.
const PORTION: usize = 1024;
/// What a wrapper's length field can say, and an LLC header.
const LONGEST_APDU: usize = 65_535 + 3;

/// What a piece is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// An HDLC frame with the flags around it; its length field or checks may still be wrong.
    Frame,
    Wrapper,
    /// An M-Bus frame; its checksum may still be wrong.
    Mbus,
    /// An APDU without a link, perhaps behind an LLC header.
    Apdu,
    Junk,
    /// The beginning of a frame or wrapper PDU that does not end here.
    Rest,
}

/// Part of the split bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    pub what: What,
    pub range: Range<usize>,
}

/// The pieces of `bytes`, in order.
pub fn split(bytes: &[u8]) -> Pieces<'_> {
    Pieces {
        bytes,
        ready: VecDeque::new(),
        stage: Stage::Start,
        decoder: Decoder::new(),
        base: 0,
        fed: 0,
        taken: 0,
        junk: None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Stage {
    Start,
    Hdlc,
    Flushed,
    Done,
}

/// Iterator of [`split`].
pub struct Pieces<'a> {
    bytes: &'a [u8],
    ready: VecDeque<Piece>,
    stage: Stage,
    decoder: Decoder,
    /// Where the decoder's stream began.
    base: usize,
    fed: usize,
    /// End of the last piece handed out.
    taken: usize,
    junk: Option<Range<usize>>,
}

impl Iterator for Pieces<'_> {
    type Item = Piece;

    fn next(&mut self) -> Option<Piece> {
        loop {
            if let Some(piece) = self.ready.pop_front() {
                return Some(piece);
            }
            match self.stage {
                Stage::Start => self.start(),
                Stage::Hdlc | Stage::Flushed => self.hdlc(),
                Stage::Done => return None,
            }
        }
    }
}

impl Pieces<'_> {
    /// Wrapper PDUs from the start, a lone APDU, a frame that lost its flags; else it is HDLC.
    fn start(&mut self) {
        self.stage = Stage::Done;
        if self.bytes.is_empty() {
            return;
        }
        let whole = 0..self.bytes.len();
        let wrapped = self.m_bus(self.bytes.len(), 0);
        let wrapped = if wrapped > 0 {
            wrapped
        } else {
            self.wrapped(whole.clone())
        };
        if wrapped > 0 {
            if wrapped < whole.end {
                self.go_on_from(wrapped);
            }
        } else if bare_frame(self.bytes) {
            self.give(What::Frame, whole);
        } else if starts_apdu(self.bytes) && !has_frame(self.bytes) {
            self.give(What::Apdu, whole);
        } else {
            self.go_on_from(0);
        }
    }

    fn go_on_from(&mut self, base: usize) {
        self.base = base;
        self.fed = base;
        self.taken = base;
        self.stage = Stage::Hdlc;
    }

    fn give(&mut self, what: What, range: Range<usize>) {
        self.taken = self.taken.max(range.end);
        self.ready.push_back(Piece { what, range });
    }

    /// Hands out the wrapper PDUs `range` begins with; gives where they end (its start if there are none).
    fn wrapped(&mut self, range: Range<usize>) -> usize {
        let mut at = range.start;
        while let Some(here) = self.bytes.get(at..range.end) {
            let known = here
                .get(wrapper::HEADER)
                .is_none_or(|&tag| apdu::is_tag(tag));
            if !wrapper::starts(here) || !known {
                break;
            }
            let Some(end) = wrapper::length(here).and_then(|length| at.checked_add(length)) else {
                break;
            };
            if end <= range.end {
                self.give(What::Wrapper, at..end);
                at = end;
            } else if range.end == self.bytes.len() {
                self.give(What::Rest, at..range.end);
                at = range.end;
            } else {
                break;
            }
        }
        at
    }

    /// Hands out the M-Bus frames that begin `at`; gives where they end.
    fn m_bus(&mut self, end: usize, mut at: usize) -> usize {
        while let Some(length) = self.bytes.get(at..end).and_then(mbus::length) {
            let next = at.saturating_add(length);
            self.give(What::Mbus, at..next);
            at = next;
        }
        at
    }

    fn hdlc(&mut self) {
        let base = self.base;
        let found = self.decoder.next().map(|item| {
            let (octets, offset, framed) = match item {
                Item::Frame {
                    octets,
                    stream_offset,
                    ..
                } => (octets.len(), stream_offset, true),
                Item::Junk {
                    octets,
                    stream_offset,
                } => (octets.len(), stream_offset, false),
            };
            let start = base.saturating_add(usize::try_from(offset).unwrap_or(usize::MAX));
            (start..start.saturating_add(octets), framed)
        });
        match found {
            Some((range, true)) => {
                self.settle();
                let range = self.with_flags(range);
                self.give(What::Frame, range);
            }
            Some((range, false)) => match &mut self.junk {
                Some(junk) if junk.end == range.start => junk.end = range.end,
                _ => {
                    self.settle();
                    self.junk = Some(range);
                }
            },
            None if self.fed < self.bytes.len() => {
                let end = self.fed.saturating_add(PORTION).min(self.bytes.len());
                self.decoder
                    .push(self.bytes.get(self.fed..end).unwrap_or_default());
                self.fed = end;
            }
            None if self.stage == Stage::Hdlc => {
                self.decoder.flush();
                self.stage = Stage::Flushed;
            }
            None => {
                self.settle();
                self.stage = Stage::Done;
            }
        }
    }

    fn with_flags(&self, range: Range<usize>) -> Range<usize> {
        let flag = |at: usize| self.bytes.get(at) == Some(&FLAG);
        let start = range
            .start
            .checked_sub(1)
            .filter(|&at| flag(at))
            .unwrap_or(range.start);
        let end = if flag(range.end) {
            range.end.saturating_add(1)
        } else {
            range.end
        };
        start..end
    }

    /// Looks into bytes the decoder could make nothing of: wrapper PDUs, frames whose length lies, the unfinished end.
    fn settle(&mut self) {
        let Some(junk) = self.junk.take() else { return };
        let after_wrapped = self.wrapped(junk.clone());
        let after_wrapped = self.m_bus(junk.end, after_wrapped);
        let mut at = after_wrapped;
        // The flag in front belongs to the broken frame, unless it closed the frame before.
        if at == junk.start {
            at = junk
                .start
                .checked_sub(1)
                .filter(|&at| self.bytes.get(at) == Some(&FLAG))
                .unwrap_or(at);
        }
        let limit = if self.bytes.get(junk.end) == Some(&FLAG) {
            junk.end.saturating_add(1)
        } else {
            junk.end
        };
        while at < junk.end {
            let here = self.bytes.get(at..limit).unwrap_or_default();
            let begins = here
                .windows(2)
                .position(|two| matches!(*two, [FLAG, format] if format >> 4 == 0x0A));
            let lone_flag = here.iter().all(|&octet| octet == FLAG);
            let Some(ahead) = begins else {
                // A flag or a format octet at the very end may be a frame's first.
                if !lone_flag {
                    self.scrap(at.max(junk.start.min(self.taken.max(junk.start)))..junk.end);
                }
                return;
            };
            let start = at.saturating_add(ahead);
            if start > at {
                self.scrap(at..start);
            }
            let broken = self.bytes.get(start..limit).unwrap_or_default();
            // A sound header that wants more than there is: a 7E in it is one of its own octets.
            let (length, whole) = if cut_inside(broken) {
                let end = if limit == self.bytes.len() {
                    limit
                } else {
                    junk.end
                };
                (end.saturating_sub(start), false)
            } else {
                broken_length(broken)
            };
            let end = start.saturating_add(length);
            let what = match (whole, length) {
                (true, _) => What::Frame,
                _ if end == self.bytes.len() => What::Rest,
                (false, 0..6) => What::Junk,
                (false, _) => What::Frame,
            };
            self.give(what, start..end);
            // A closing flag may open the next one.
            at = if whole && end < junk.end {
                end.saturating_sub(1)
            } else {
                end
            };
        }
    }

    /// Junk, but for flags at its ends.
    fn scrap(&mut self, range: Range<usize>) {
        let octets = self.bytes.get(range.clone()).unwrap_or_default();
        let ahead = octets.iter().take_while(|&&octet| octet == FLAG).count();
        let behind = octets
            .iter()
            .rev()
            .take_while(|&&octet| octet == FLAG)
            .count();
        let start = range.start.saturating_add(ahead);
        let end = range.end.saturating_sub(behind);
        if start < end {
            self.give(What::Junk, start..end);
        }
    }
}

/// How much of bytes that begin with a flag and a format is one broken frame, and whether a flag closes it.
fn broken_length(bytes: &[u8]) -> (usize, bool) {
    if let [_, high, low, ..] = *bytes {
        let claimed = usize::from(u16::from_be_bytes([high, low]) & 0x07FF);
        let close = claimed.saturating_add(1);
        if claimed >= 7 && bytes.get(close) == Some(&FLAG) {
            return (close.saturating_add(1), true);
        }
    }
    match bytes.iter().skip(1).position(|&octet| octet == FLAG) {
        Some(close) => (close.saturating_add(2), true),
        None => (bytes.len(), false),
    }
}

/// Whether a frame that claims more than `bytes` hold is a sound beginning rather than one that lies:
/// its header check is right, or not here yet.
fn cut_inside(bytes: &[u8]) -> bool {
    let [_, octets @ ..] = bytes else {
        return false;
    };
    let Some(&[high, low]) = octets.first_chunk() else {
        return true;
    };
    let claimed = usize::from(u16::from_be_bytes([high, low]) & 0x07FF);
    let address = |from: usize| {
        let field = octets.get(from..)?.iter().take(4);
        Some(
            from.saturating_add(field.clone().position(|octet| octet & 1 == 1)?)
                .saturating_add(1),
        )
    };
    let control = address(2).and_then(address);
    let header = control.map(|control| control.saturating_add(1));
    claimed > octets.len()
        && header.is_none_or(|header| {
            let checked = octets
                .get(..header)
                .zip(octets.get(header..header.saturating_add(2)));
            checked.is_none_or(|(header, sent)| fcs(header).to_le_bytes() == *sent)
        })
}

/// A frame somebody stripped of its flags.
fn bare_frame(bytes: &[u8]) -> bool {
    match *bytes {
        [high @ 0xA0..=0xAF, low, ..] => {
            bytes.len() >= 7 && usize::from(u16::from_be_bytes([high, low]) & 0x07FF) == bytes.len()
        }
        _ => false,
    }
}

/// Whether this is an APDU, perhaps behind an LLC header. The low tags are also ordinary octets and
/// text; behind those everything must fit.
fn starts_apdu(bytes: &[u8]) -> bool {
    if bytes.len() > LONGEST_APDU {
        return false;
    }
    match *bytes {
        [0xE6, 0xE6 | 0xE7, 0, tag, ..] | [tag @ 0x60..=0xFF, ..] => apdu::is_tag(tag),
        [tag, ..] => apdu::is_tag(tag) && apdu::reads(bytes),
        [] => false,
    }
}

/// Whether a whole frame with a right FCS stands anywhere in `bytes`: then a first octet that could
/// be an APDU's is only noise before it.
fn has_frame(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .enumerate()
        .filter(|&(_, &octet)| octet == FLAG)
        .any(|(at, _)| {
            let Some(after) = bytes.get(at.saturating_add(1)..) else {
                return false;
            };
            let Some(&[high, low]) = after.first_chunk() else {
                return false;
            };
            let claimed = usize::from(u16::from_be_bytes([high, low]) & 0x07FF);
            high >> 4 == 0x0A
                && claimed >= 7
                && after
                    .get(..claimed)
                    .and_then(|frame| frame.split_last_chunk())
                    .is_some_and(|(checked, sent)| fcs(checked).to_le_bytes() == *sent)
        })
}
