//! One answer too long for one APDU, handed out block by block.

use crate::dlms::xdlms::get::{GetResponse, InvokeId};

/// Tag, choice, invoke-id, last-block, block number, choice of data.
const HEADER: usize = 9;

#[derive(Debug)]
pub(super) struct Transfer {
    data: Vec<u8>,
    at: usize,
    /// Octets of data in one block.
    size: usize,
    sent: u32,
}

impl Transfer {
    /// No block's APDU is longer than `limit`.
    pub fn new(data: Vec<u8>, limit: usize) -> Self {
        let room = limit.saturating_sub(HEADER);
        let length = match room {
            0..=0x80 => 1,
            0x81..=0x101 => 2,
            _ => 3,
        };
        Self {
            data,
            at: 0,
            size: room.saturating_sub(length).max(1),
            sent: 0,
        }
    }

    /// The number of the last block handed out.
    pub fn sent(&self) -> u32 {
        self.sent
    }

    /// Appends the next block; false when it is the last.
    pub fn block(&mut self, invoke: InvokeId, out: &mut Vec<u8>) -> bool {
        let rest = self.data.get(self.at..).unwrap_or_default();
        let data = rest.get(..self.size).unwrap_or(rest);
        let last = data.len() == rest.len();
        self.at += data.len();
        self.sent = self.sent.wrapping_add(1);
        GetResponse::Block {
            invoke,
            last,
            block: self.sent,
            data,
        }
        .encode(out);
        !last
    }
}
