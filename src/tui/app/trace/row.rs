//! One line of the trace. The rule: bytes are kept as they crossed the line (the tap has
//! masked passwords before).
use crate::cosem::hex;
use crate::dlms::explain::Explained;
use crate::meter::tap::Direction;
use std::time::Duration;

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TraceRow {
    /// Counts up by one per row and meter.
    pub seq: u64,
    pub at: jiff::Timestamp,
    pub what: What,
    /// For an answer: time since the last frame sent.
    pub took: Option<Duration>,
    /// A frame's number, from 1, over both directions: findings name it so.
    pub frame: Option<u64>,
    /// The object it is about, as its request said: `1-1:1.8.0`.
    pub about: Option<std::sync::Arc<str>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum What {
    /// A frame with the flags around it. `explained` is the summary, without fields.
    Frame {
        direction: Direction,
        bytes: Vec<u8>,
        explained: Box<Explained>,
    },
    /// Bytes that belong to no frame.
    Junk {
        direction: Direction,
        bytes: Vec<u8>,
    },
    Note(String),
}

impl TraceRow {
    pub fn direction(&self) -> Option<Direction> {
        match &self.what {
            What::Frame { direction, .. } | What::Junk { direction, .. } => Some(*direction),
            What::Note(_) => None,
        }
    }

    pub fn bytes(&self) -> &[u8] {
        match &self.what {
            What::Frame { bytes, .. } | What::Junk { bytes, .. } => bytes,
            What::Note(_) => &[],
        }
    }

    /// Whether anything in it is wrong or refuses.
    pub fn trouble(&self) -> bool {
        match &self.what {
            What::Frame { explained, .. } => {
                explained.trouble
                    || !explained.fcs_ok
                    || !explained.length_ok
                    || explained.hcs_ok == Some(false)
            }
            What::Junk { .. } => true,
            What::Note(_) => false,
        }
    }

    /// All bytes in hex with spaces between.
    pub fn hex(&self) -> String {
        hex::spaced(self.bytes())
    }
}
