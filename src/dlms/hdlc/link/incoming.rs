//! Segments on their way in: put in order, their APDU put together.
//! The rule: each N(S) counts once, and an APDU has a largest size.

use super::super::{LLC_COMMAND, LLC_RESPONSE};
use super::{KEEP, MAX_APDU, MAX_SEGMENTS, ahead, successor};

#[derive(Default)]
pub(super) struct Incoming {
    /// V(R): the N(S) that is due.
    expected: u8,
    /// The answer to our last APDU, perhaps not yet whole.
    answer: Vec<u8>,
    /// What came without being asked for.
    unasked: Vec<u8>,
    /// More segments of this APDU are to come.
    open: bool,
    asked: bool,
    segments: u32,
    /// I frames since we last spoke.
    window: u8,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    Due,
    Duplicate,
    Gap,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Accepted {
    Segment,
    Answer,
    Unasked,
}

impl Incoming {
    /// A new link: the count starts at zero.
    pub(super) fn reset(&mut self) {
        self.expected = 0;
        self.open = false;
        self.clear_answer();
        self.spoke();
    }

    pub(super) fn expected(&self) -> u8 {
        self.expected
    }

    pub(super) fn is_open(&self) -> bool {
        self.open
    }

    pub(super) fn window(&self) -> u8 {
        self.window
    }

    pub(super) fn answer(&self) -> &[u8] {
        &self.answer
    }

    pub(super) fn take_unasked(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.unasked)
    }

    pub(super) fn clear_answer(&mut self) {
        self.answer.clear();
        if self.answer.capacity() > KEEP {
            self.answer.shrink_to(0);
        }
    }

    /// We send something: the meter may fill a window again.
    pub(super) fn spoke(&mut self) {
        self.window = 0;
    }

    pub(super) fn order(&self, send: u8, window: u8) -> Order {
        match ahead(send, self.expected) {
            0 => Order::Due,
            behind if behind <= window => Order::Duplicate,
            _ => Order::Gap,
        }
    }

    /// Our own command come back, or a line where roles are swapped.
    pub(super) fn is_echo(&self, information: &[u8]) -> bool {
        !self.open && information.starts_with(&LLC_COMMAND)
    }

    /// Takes the frame that was due. `asked`: an answer is awaited, should this be a first segment.
    /// Err: larger than any APDU may be.
    pub(super) fn accept(
        &mut self,
        information: &[u8],
        segmented: bool,
        asked: bool,
    ) -> Result<Accepted, String> {
        self.expected = successor(self.expected);
        self.window = self.window.saturating_add(1);
        let mut content = information;
        if !self.open {
            self.open = true;
            self.asked = asked;
            self.segments = 0;
            if asked {
                self.answer.clear();
            } else {
                self.unasked.clear();
            }
            // Some meters leave the LLC out; then all of it is APDU.
            content = information
                .strip_prefix(&LLC_RESPONSE)
                .unwrap_or(information);
        }
        let into = if self.asked {
            &mut self.answer
        } else {
            &mut self.unasked
        };
        self.segments = self.segments.saturating_add(1);
        if into.len().saturating_add(content.len()) > MAX_APDU || self.segments > MAX_SEGMENTS {
            return Err(format!(
                "the meter's APDU goes past {MAX_APDU} bytes or {MAX_SEGMENTS} segments: \
                 {} bytes in {} segments so far",
                into.len(),
                self.segments
            ));
        }
        into.extend_from_slice(content);
        self.open = segmented;
        Ok(match (segmented, self.asked) {
            (true, _) => Accepted::Segment,
            (false, true) => Accepted::Answer,
            (false, false) => Accepted::Unasked,
        })
    }

    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.answer.capacity() + self.unasked.capacity()
    }
}
