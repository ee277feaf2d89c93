//! The last usual exchanges as octets, until something else comes and they are told of. The rule: bounded; the oldest
//! goes as one more begins, and is counted.

use super::pace::LONGEST;
use super::{Direction, Millis};
use std::collections::VecDeque;

/// Whole exchanges kept, beside one under way. Rules look back at eight requests at most; the oldest of these is what
/// they followed on.
const KEPT: usize = 9;

#[derive(Debug)]
struct Chunk {
    at: Millis,
    direction: Direction,
    length: usize,
    octets: [u8; LONGEST],
}

/// What went without being told of: so many requests with their answers, and their octets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Gone {
    pub exchanges: u64,
    pub sent: u64,
    pub received: u64,
}

/// Requests and answers in turn; the first is a request.
#[derive(Debug, Default)]
pub(super) struct Held {
    chunks: VecDeque<Chunk>,
    gone: Gone,
}

impl Held {
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    pub fn push(&mut self, at: Millis, direction: Direction, octets: &[u8]) {
        if self.chunks.capacity() == 0 {
            self.chunks.reserve_exact(2 * KEPT + 2);
        }
        if self.chunks.len() >= 2 * KEPT && direction == Direction::Sent {
            let mut go = || {
                self.chunks
                    .pop_front()
                    .map_or(0, |chunk| chunk.length as u64)
            };
            let (sent, received) = (go(), go());
            self.gone.exchanges = self.gone.exchanges.saturating_add(1);
            self.gone.sent = self.gone.sent.saturating_add(sent);
            self.gone.received = self.gone.received.saturating_add(received);
        }
        let mut chunk = Chunk {
            at,
            direction,
            length: octets.len().min(LONGEST),
            octets: [0; LONGEST],
        };
        for (to, octet) in chunk.octets.iter_mut().zip(octets) {
            *to = *octet;
        }
        self.chunks.push_back(chunk);
    }

    pub fn gone(&self) -> Gone {
        self.gone
    }

    /// Of both directions, gone or here.
    pub fn frames(&self) -> u64 {
        let here = self.chunks.len() as u64;
        self.gone.exchanges.saturating_mul(2).saturating_add(here)
    }

    pub fn iter(&self) -> impl Iterator<Item = (Millis, Direction, &[u8])> {
        self.chunks.iter().map(|chunk| {
            let octets = chunk.octets.get(..chunk.length).unwrap_or_default();
            (chunk.at, chunk.direction, octets)
        })
    }

    pub fn clear(&mut self) {
        self.chunks.clear();
        self.gone = Gone::default();
    }
}
