//! The APDU on its way out: cut into segments, numbered, kept until acknowledged.
//! The rule: nothing is forgotten before the meter's N(R) has passed it.

use super::{KEEP, ahead, successor};
use std::ops::Range;

#[derive(Default)]
pub(super) struct Outgoing {
    /// LLC and APDU; empty when there is nothing to send.
    octets: Vec<u8>,
    acknowledged: usize,
    sent: usize,
    /// N(S) of the oldest segment not acknowledged.
    oldest: u8,
    /// V(S): N(S) of the next segment.
    next: u8,
}

pub(super) struct Segment {
    pub(super) range: Range<usize>,
    pub(super) send: u8,
    pub(super) last: bool,
}

impl Outgoing {
    /// A new link: both counts start at zero.
    pub(super) fn reset(&mut self) {
        self.finish();
        self.oldest = 0;
        self.next = 0;
    }

    pub(super) fn load(&mut self, llc: [u8; 3], apdu: &[u8]) {
        self.finish();
        self.octets.extend_from_slice(&llc);
        self.octets.extend_from_slice(apdu);
    }

    /// The exchange is over. The next segment bears the number the meter last said it waits for.
    pub(super) fn finish(&mut self) {
        self.octets.clear();
        if self.octets.capacity() > KEEP {
            self.octets.shrink_to(0);
        }
        self.acknowledged = 0;
        self.sent = 0;
        self.next = self.oldest;
    }

    pub(super) fn octets(&self) -> &[u8] {
        &self.octets
    }

    pub(super) fn is_empty(&self) -> bool {
        self.octets.is_empty()
    }

    pub(super) fn next(&self) -> u8 {
        self.next
    }

    pub(super) fn unacknowledged(&self) -> u8 {
        ahead(self.oldest, self.next)
    }

    pub(super) fn all_sent(&self) -> bool {
        self.sent >= self.octets.len()
    }

    /// N(R) of the meter: how many segments it acknowledges. None: a number it cannot mean.
    pub(super) fn acknowledge(&mut self, receive: u8, max_info: usize) -> Option<u8> {
        let count = ahead(self.oldest, receive);
        if count > self.unacknowledged() {
            return None;
        }
        self.oldest = receive & 7;
        let octets = max_info.saturating_mul(count.into());
        self.acknowledged = self.acknowledged.saturating_add(octets).min(self.sent);
        Some(count)
    }

    /// What was not acknowledged will be cut again.
    pub(super) fn go_back(&mut self) {
        self.sent = self.acknowledged;
        self.next = self.oldest;
    }

    pub(super) fn cut(&mut self, max_info: usize) -> Option<Segment> {
        if self.all_sent() {
            return None;
        }
        let end = self.sent.saturating_add(max_info).min(self.octets.len());
        let segment = Segment {
            range: self.sent..end,
            send: self.next,
            last: end == self.octets.len(),
        };
        self.sent = end;
        self.next = successor(self.next);
        Some(segment)
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.octets.capacity()
    }
}
