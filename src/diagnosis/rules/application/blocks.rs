//! Long answers in blocks. The rule: blocks are numbered from 1, and each is asked for by the number of the one before.

use super::asked::Asked;
use super::{Talk, service_rows as rows};
use crate::diagnosis::{Apdu, Book, Confidence};
use crate::dlms::xdlms::tag;
use Confidence::{Certain, Likely};

impl Talk {
    /// Something else is asked while blocks are owed.
    pub(super) fn leave_blocks(&mut self, asked: &Asked, apdu: &Apdu<'_>, book: &mut Book) {
        let Some((block, frame)) = self.block.filter(|_| !asked.is_next()) else {
            return;
        };
        self.block = None;
        // After a wrong number the client is right to leave.
        if asked.tag == tag::GENERAL_BLOCK_TRANSFER || book.has("X10") {
            return;
        }
        book.note(&rows::X11, Likely, || {
            apdu.evidence(
                None,
                format!(
                    "block {block} (frame {frame}) was not the last, yet the next was not asked for: {asked}"
                ),
            )
        });
    }

    pub(super) fn follow_blocks(&mut self, asked: &Asked, apdu: &Apdu<'_>, book: &mut Book) {
        let [tag::GET_RESPONSE, 2, _, last, a, b, c, d, choice, ..] = *apdu.octets else {
            self.block = None;
            return;
        };
        let number = u32::from_be_bytes([a, b, c, d]);
        let due = match self.block {
            Some((before, _)) if asked.is_next() => Some(before.saturating_add(1)),
            // The trace begins in the middle.
            None if asked.is_next() => None,
            _ => Some(1),
        };
        if choice == 0
            && let Some(due) = due.filter(|due| *due != number)
        {
            book.note(&rows::X10, Certain, || {
                apdu.evidence(
                    Some(4..8),
                    format!("block {number} comes where {due} was due"),
                )
            });
            book.entitle("X10", "The blocks of a long answer are numbered wrong");
        }
        self.block = (last == 0 && choice == 0).then_some((number, apdu.first));
    }
}
