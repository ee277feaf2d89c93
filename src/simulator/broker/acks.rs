//! When each PUBACK of a connection goes out: late, in shuffled groups, twice, or with a stranger beside it. The rule:
//! it reads no clock; the time is given to it.

use super::answer;
use super::behaviour::Behaviour;
use super::packet::Version;
use std::collections::VecDeque;
use std::time::Duration;
use tokio::time::Instant;
use tokio_util::bytes::BytesMut;

/// After so much silence an incomplete group goes as it is.
const SILENCE: Duration = Duration::from_millis(20);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ack {
    pub packet: u16,
    pub reason: u8,
}

pub(super) struct Acks {
    chance: fastrand::Rng,
    /// A group that is not complete.
    group: Vec<Ack>,
    group_ends: Option<Instant>,
    due: VecDeque<(Instant, Ack)>,
    /// Messages that wait for theirs, or never get it.
    open: usize,
}

impl Acks {
    pub fn new(seed: u64) -> Self {
        Self {
            chance: fastrand::Rng::with_seed(seed),
            group: Vec::new(),
            group_ends: None,
            due: VecDeque::new(),
            open: 0,
        }
    }

    /// One that never gets its PUBACK.
    pub fn swallow(&mut self) {
        self.open += 1;
    }

    pub fn open(&self) -> usize {
        self.open
    }

    pub fn add(&mut self, ack: Ack, behaviour: &Behaviour, now: Instant) {
        self.open += 1;
        let at = now + behaviour.ack_after;
        if behaviour.shuffle < 2 {
            self.due.push_back((at, ack));
            return;
        }
        self.group.push(ack);
        self.group_ends = Some(at + SILENCE);
        if self.group.len() >= behaviour.shuffle {
            self.release(at);
        }
    }

    fn release(&mut self, at: Instant) {
        self.group_ends = None;
        self.chance.shuffle(&mut self.group);
        self.due.extend(self.group.drain(..).map(|ack| (at, ack)));
    }

    /// When there is something to send.
    pub fn next(&self) -> Option<Instant> {
        let due = self.due.front().map(|(at, _)| *at);
        due.into_iter().chain(self.group_ends).min()
    }

    /// Writes what is due.
    pub fn write(
        &mut self,
        out: &mut BytesMut,
        version: Version,
        behaviour: &Behaviour,
        now: Instant,
    ) {
        if self.group_ends.is_some_and(|at| at <= now) {
            self.release(now);
        }
        while let Some((at, ack)) = self.due.front().copied()
            && at <= now
        {
            self.due.pop_front();
            self.open -= 1;
            answer::puback(out, version, ack.packet, ack.reason);
            if behaviour.duplicate_acks {
                answer::puback(out, version, ack.packet, ack.reason);
            }
            if behaviour.stray_acks {
                // No client with a small window counts as far as this.
                let stranger = u16::MAX - self.chance.u16(0..1_000);
                answer::puback(out, version, stranger, ack.reason);
            }
        }
    }
}
