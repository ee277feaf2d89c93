//! What happened, in order, with its virtual time: every byte on every line, every link that opened or ended, every
//! reading stored, every message taken. The rule: one seed, one log, to the byte.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::hash::{DefaultHasher, Hasher};
use std::time::Duration;

/// Lines shown of a run that failed.
const TAIL: usize = 60;

pub struct Log {
    hash: DefaultHasher,
    pub events: u64,
    tail: VecDeque<(Duration, String, Vec<u8>)>,
    /// Everything, where two runs are to be compared line by line.
    whole: Option<Vec<String>>,
}

impl Log {
    pub fn new(whole: bool) -> Self {
        Self {
            hash: DefaultHasher::new(),
            events: 0,
            tail: VecDeque::with_capacity(TAIL + 1),
            whole: whole.then(Vec::new),
        }
    }

    pub fn add(&mut self, at: Duration, who: &str, what: &str, bytes: &[u8]) {
        self.events += 1;
        self.hash.write(&at.as_nanos().to_le_bytes());
        self.hash.write(who.as_bytes());
        self.hash.write_u8(0xFF);
        self.hash.write(what.as_bytes());
        self.hash.write_u8(0xFF);
        self.hash.write(bytes);
        if let Some(whole) = &mut self.whole {
            whole.push(line(at, &format!("{who} {what}"), bytes));
        }
        if self.tail.len() >= TAIL {
            self.tail.pop_front();
        }
        let words = format!("{who} {what}");
        self.tail.push_back((at, words, bytes.to_vec()));
    }

    pub fn hash(&self) -> u64 {
        self.hash.finish()
    }

    pub fn lines(&self) -> &[String] {
        self.whole.as_deref().unwrap_or_default()
    }

    pub fn tail(&self) -> String {
        let lines = self
            .tail
            .iter()
            .map(|(at, what, bytes)| line(*at, what, bytes));
        lines.collect::<Vec<_>>().join("\n")
    }
}

fn line(at: Duration, what: &str, bytes: &[u8]) -> String {
    let mut line = format!("{:>12.6} {what}", at.as_secs_f64());
    if !bytes.is_empty() {
        line.push(' ');
    }
    for octet in bytes {
        // Writing to a string cannot fail.
        let _ = write!(line, "{octet:02X}");
    }
    line
}
