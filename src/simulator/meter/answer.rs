//! The last answer of a secondary station: one APDU, or several that follow each other unasked (streamed blocks), and how
//! they are cut into frames. The rule: no frame holds parts of two APDUs.

/// Buffers that grew beyond this are given back when their answer is done with.
const KEPT: usize = 2048;

#[derive(Debug, Default)]
pub(super) struct Answer {
    octets: Vec<u8>,
    /// Where each APDU ends.
    ends: Vec<usize>,
}

impl Answer {
    pub fn clear(&mut self) {
        self.octets.clear();
        self.octets.shrink_to(KEPT);
        self.ends.clear();
    }

    pub fn len(&self) -> usize {
        self.octets.len()
    }

    /// Adds an APDU behind `header`; nothing when `write` has nothing to say, and then false.
    pub fn add(&mut self, header: &[u8], write: impl FnOnce(&mut Vec<u8>)) -> bool {
        let start = self.octets.len();
        self.octets.extend_from_slice(header);
        write(&mut self.octets);
        if self.octets.len() == start + header.len() {
            self.octets.truncate(start);
            return false;
        }
        self.ends.push(self.octets.len());
        true
    }

    /// No more than `size` octets from `at` on, and whether their APDU goes on behind them.
    pub fn segment(&self, at: usize, size: usize) -> (&[u8], bool) {
        let end = self.ends.iter().find(|end| **end > at);
        let end = end.copied().unwrap_or(self.octets.len());
        let rest = self.octets.get(at..end).unwrap_or_default();
        let segment = rest.get(..size).unwrap_or(rest);
        (segment, segment.len() < rest.len())
    }
}
