//! The numbers a secondary station keeps of the one client that holds its link: V(S), V(R), what is acknowledged.

use super::answer::Answer;
use crate::dlms::hdlc::Parameters;
use crate::dlms::hdlc::frame_reject::FrameReject;
use std::time::Instant;

/// The one client that holds the link.
#[derive(Debug)]
pub(super) struct Peer {
    pub sap: u8,
    pub parameters: Parameters,
    /// V(S), the oldest N(S) not acknowledged, V(R).
    pub send: u8,
    pub acknowledged: u8,
    pub receive: u8,
    /// Octets of the answer that are acknowledged, and that were sent.
    pub done: usize,
    pub sent: usize,
    /// When a valid frame last came from it.
    pub heard: Instant,
    /// After a FRMR only SNRM and DISC are heard.
    pub rejecting: Option<FrameReject>,
}

impl Peer {
    /// A link that just came up.
    pub fn new(sap: u8, parameters: Parameters, now: Instant) -> Self {
        Self {
            sap,
            parameters,
            send: 0,
            acknowledged: 0,
            receive: 0,
            done: 0,
            sent: 0,
            heard: now,
            rejecting: None,
        }
    }

    pub fn segment(&self) -> usize {
        usize::from(self.parameters.max_info_transmit).max(1)
    }

    /// Takes N(R): false when it names a frame that was never sent.
    pub fn acknowledge(&mut self, receive: u8, answer: &Answer) -> bool {
        let outstanding = self.send.wrapping_sub(self.acknowledged) & 7;
        let arrived = receive.wrapping_sub(self.acknowledged) & 7;
        if arrived > outstanding {
            return false;
        }
        for _ in 0..arrived {
            self.done += answer.segment(self.done, self.segment()).0.len();
        }
        self.acknowledged = receive;
        true
    }

    /// The next frame sent is the oldest that was not acknowledged.
    pub fn rewind(&mut self) {
        self.send = self.acknowledged;
        self.sent = self.done;
    }
}
