//! A line that hears itself, as two-wire and optical heads do: what we say comes back before any answer. Where client and
//! meter have the same address octet, our RR come back looks just like one of the meter's.
//! The rule: only a line that gave our SNRM or DISC back is taken for one, for no meter sends those.

use super::super::{Control, Frame};
use std::collections::VecDeque;

/// Frames whose echo may be under way: a window and some repeats.
const MOST: usize = 16;

#[derive(Default)]
pub(super) struct Echo {
    heard: bool,
    /// The FCS of each frame of ours that has not come back.
    due: VecDeque<u16>,
}

impl Echo {
    /// A new connection may be another line.
    pub(super) fn forget(&mut self) {
        self.heard = false;
        self.due.clear();
    }

    /// The last frame of what goes out, flags included.
    pub(super) fn sent(&mut self, control: Control, out: &[u8]) {
        if let ([.., low, high, _flag], true) = (out, self.heard || telling(control)) {
            if self.due.len() >= MOST {
                self.due.pop_front();
            }
            self.due.push_back(u16::from_le_bytes([*low, *high]));
        }
    }

    /// Whether this is a frame of ours come back; `first` when that was not known of this line.
    pub(super) fn is(&mut self, frame: &Frame<'_>, first: &mut bool) -> bool {
        let [.., low, high] = *frame.bytes() else {
            return false;
        };
        let fcs = u16::from_le_bytes([low, high]);
        if !self.heard && !telling(frame.control()) {
            return false;
        }
        let Some(at) = self.due.iter().position(|due| *due == fcs) else {
            return false;
        };
        // What stood before it was lost or damaged on its way back.
        self.due.drain(..=at);
        *first = !std::mem::replace(&mut self.heard, true);
        true
    }
}

fn telling(control: Control) -> bool {
    matches!(control, Control::Snrm { .. } | Control::Disc { .. })
}
