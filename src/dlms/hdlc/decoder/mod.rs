//! Cuts a byte stream into frames by the length field, never by the next 7E; bounded memory; resyncs on flag + format + HCS.

mod survey;
#[cfg(test)]
mod tests;

use super::{FLAG, backlog::Backlog};
use survey::{Survey, survey};

/// What the stream held, in order. The stream offset is that of the first octet, counted from the first byte ever
/// pushed, so that a trace can point at it. Flags belong to neither kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// format … FCS, without flags. Checksums are not judged here except to resync; where that found the
    /// HCS right, `header_right` spares `Frame` a second look (see `Frame::with_header_right`).
    Frame {
        octets: &'a [u8],
        stream_offset: u64,
        header_right: bool,
    },
    /// Bytes before a frame that belong to none. A long run may come in pieces.
    Junk {
        octets: &'a [u8],
        stream_offset: u64,
    },
}

/// `push` what arrives, then `next` until it gives None: so no more than one unfinished frame waits at any time.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    backlog: Backlog,
    /// No more bytes are expected for what waits.
    ended: bool,
}

impl Decoder {
    pub const fn new() -> Self {
        Self {
            backlog: Backlog::new(),
            ended: false,
        }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.ended = false;
        self.backlog.push(bytes);
    }

    /// The next item that is complete. None: more bytes are needed.
    #[expect(
        clippy::should_implement_trait,
        reason = "it lends, an iterator cannot"
    )]
    pub fn next(&mut self) -> Option<Item<'_>> {
        loop {
            let waiting = self.backlog.waiting();
            // One flag may close a frame and open the next, more are fill: only the last can matter.
            let flags = waiting.iter().take_while(|octet| **octet == FLAG).count();
            let fill = flags.saturating_sub(1);
            if fill > 0 {
                self.backlog.consume(fill, 0..0);
                continue;
            }
            let junk = match survey(waiting, self.ended) {
                Survey::Frame {
                    at: 0,
                    length,
                    header_right,
                } => {
                    let end = length.saturating_add(1);
                    let taken = self.backlog.consume(end, 1..end);
                    return Some(Item::Frame {
                        octets: self.backlog.slice(&taken),
                        stream_offset: taken.stream_offset,
                        header_right,
                    });
                }
                Survey::Frame { at: junk, .. } | Survey::Wait { from: junk } => junk,
            };
            if junk == 0 {
                self.ended = false;
                return None;
            }
            // The flag in front closed the last frame or was the false start of this junk.
            let octets = waiting.get(..junk).unwrap_or_default();
            let first = octets.iter().take_while(|octet| **octet == FLAG).count();
            let last = octets
                .iter()
                .rposition(|octet| *octet != FLAG)
                .map_or(first, |last| last.saturating_add(1));
            let taken = self.backlog.consume(junk, first..last);
            if first < last {
                return Some(Item::Junk {
                    octets: self.backlog.slice(&taken),
                    stream_offset: taken.stream_offset,
                });
            }
        }
    }

    /// What waits unfinished, from its opening flag on. A flag alone is nothing unfinished.
    pub fn pending(&self) -> &[u8] {
        match self.backlog.waiting() {
            [FLAG] => &[],
            waiting => waiting,
        }
    }

    /// Stream offset of the first octet of `pending`.
    pub fn pending_offset(&self) -> u64 {
        self.backlog.offset()
    }

    /// Gives up on the unfinished bytes (a timeout passed): they come out of `next` as junk or as frames found within.
    pub fn flush(&mut self) {
        self.ended = true;
    }

    #[cfg(test)]
    pub(in crate::dlms) fn capacity(&self) -> usize {
        self.backlog.capacity()
    }

    /// Drops what waits. Stream offsets go on counting.
    pub fn clear(&mut self) {
        self.ended = false;
        self.backlog.clear();
    }
}
