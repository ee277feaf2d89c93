//! Stream bytes that wait to be cut: appended behind, consumed in front, each with its place in the stream.
//! The rule: memory follows what waits, and goes back when a burst is over.

use std::ops::Range;

/// Capacity kept after a burst.
const KEEP: usize = 8 * 1024;

#[derive(Clone, Debug, Default)]
pub(in crate::dlms) struct Backlog {
    bytes: Vec<u8>,
    /// Before this everything is consumed; it goes at the next `push`, so that what was lent out stays put until then.
    start: usize,
    /// Stream offset of `bytes[start]`.
    offset: u64,
}

impl Backlog {
    pub(in crate::dlms) const fn new() -> Self {
        Self {
            bytes: Vec::new(),
            start: 0,
            offset: 0,
        }
    }

    pub(in crate::dlms) fn push(&mut self, bytes: &[u8]) {
        if self.start > 0 {
            self.bytes.drain(..self.start);
            self.start = 0;
        }
        if self.bytes.capacity() > KEEP && self.bytes.len().saturating_add(bytes.len()) < KEEP / 2 {
            self.bytes.shrink_to(KEEP / 2);
        }
        self.bytes.extend_from_slice(bytes);
    }

    /// What waits.
    pub(in crate::dlms) fn waiting(&self) -> &[u8] {
        self.bytes.get(self.start..).unwrap_or_default()
    }

    /// Stream offset of what waits first.
    pub(in crate::dlms) fn offset(&self) -> u64 {
        self.offset
    }

    /// Consumes `count` octets; gives those at `part` of them, and their stream offset, to be read with `slice`.
    pub(in crate::dlms) fn consume(&mut self, count: usize, part: Range<usize>) -> Taken {
        let at = |relative: usize| self.start.saturating_add(relative);
        let taken = Taken {
            range: at(part.start)..at(part.end),
            stream_offset: self.offset.saturating_add(part.start as u64),
        };
        self.start = at(count).min(self.bytes.len());
        self.offset = self.offset.saturating_add(count as u64);
        taken
    }

    /// Good until the next `push` or `clear`.
    pub(in crate::dlms) fn slice(&self, taken: &Taken) -> &[u8] {
        self.bytes.get(taken.range.clone()).unwrap_or_default()
    }

    #[cfg(test)]
    pub(in crate::dlms) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Drops what waits; the stream goes on counting.
    pub(in crate::dlms) fn clear(&mut self) {
        self.offset = self.offset.saturating_add(self.waiting().len() as u64);
        self.bytes.clear();
        self.start = 0;
        self.bytes.shrink_to(KEEP);
    }
}

/// Octets just consumed.
#[derive(Clone, Debug)]
pub(in crate::dlms) struct Taken {
    range: Range<usize>,
    pub(in crate::dlms) stream_offset: u64,
}
