//! The newest records of one meter in two queues (heads and bytes), oldest out first. Both grow lazily to their bound,
//! then no record allocates.

use super::{Chunk, Direction, Note, Record};
use jiff::Timestamp;
use std::collections::VecDeque;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Sent,
    Received,
    Connected,
    Closed,
    Text,
}

impl From<Direction> for Kind {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Sent => Self::Sent,
            Direction::Received => Self::Received,
        }
    }
}

impl Kind {
    /// What a note without text of its own is called in the file.
    pub(super) const fn word(self) -> Option<&'static str> {
        match self {
            Self::Connected => Some("connected"),
            Self::Closed => Some("closed"),
            _ => None,
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Head {
    at: Timestamp,
    length: u32,
    kind: Kind,
}

#[derive(Debug)]
pub(super) struct Ring {
    heads: VecDeque<Head>,
    bytes: VecDeque<u8>,
    capacity: usize,
    next_seq: u64,
}

/// Heads are bounded too, or a stream of empty notes would grow without end: one per this many bytes of capacity,
/// about the smallest frame there is.
const BYTES_PER_HEAD: usize = 16;

impl Ring {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            heads: VecDeque::new(),
            bytes: VecDeque::new(),
            capacity,
            next_seq: 0,
        }
    }

    pub(super) fn next_seq(&self) -> u64 {
        self.next_seq
    }

    pub(super) fn push(&mut self, at: Timestamp, kind: Kind, bytes: &[u8]) {
        self.next_seq += 1;
        let most_heads = (self.capacity / BYTES_PER_HEAD).max(1);
        while self.bytes.len() + bytes.len() > self.capacity || self.heads.len() >= most_heads {
            let Some(oldest) = self.heads.pop_front() else {
                break;
            };
            self.bytes.drain(..oldest.length as usize);
        }
        // A chunk larger than the whole ring is counted as lost; everything older has made way already.
        let (Ok(length), true) = (u32::try_from(bytes.len()), bytes.len() <= self.capacity) else {
            return;
        };
        self.bytes.extend(bytes);
        self.heads.push_back(Head { at, length, kind });
    }

    pub(super) fn since(&self, from: u64) -> (Vec<Record>, u64) {
        let first = self.next_seq - self.heads.len() as u64;
        let lost = first.saturating_sub(from);
        let skip = usize::try_from(from.saturating_sub(first)).unwrap_or(usize::MAX);
        if skip >= self.heads.len() {
            return (Vec::new(), lost);
        }
        let mut offset: usize = self.heads.range(..skip).map(|h| h.length as usize).sum();
        let records = self
            .heads
            .range(skip..)
            .zip(first + skip as u64..)
            .map(|(head, seq)| {
                let end = offset + head.length as usize;
                let (front, back) = self.bytes.as_slices();
                // Two copies at most, never byte by byte.
                let mut bytes = Vec::with_capacity(head.length as usize);
                bytes.extend_from_slice(&front[offset.min(front.len())..end.min(front.len())]);
                let past = front.len();
                bytes.extend_from_slice(&back[offset.max(past) - past..end.max(past) - past]);
                offset = end;
                Record {
                    seq,
                    at: head.at,
                    what: chunk(head.kind, bytes),
                }
            });
        (records.collect(), lost)
    }
}

fn chunk(kind: Kind, bytes: Vec<u8>) -> Chunk {
    match kind {
        Kind::Sent => Chunk::Bytes {
            direction: Direction::Sent,
            bytes,
        },
        Kind::Received => Chunk::Bytes {
            direction: Direction::Received,
            bytes,
        },
        Kind::Connected => Chunk::Note(Note::Connected),
        Kind::Closed => Chunk::Note(Note::Closed),
        Kind::Text => Chunk::Note(Note::Text(String::from_utf8_lossy(&bytes).into_owned())),
    }
}
