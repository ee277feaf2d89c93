//! A fuzzer's input as a row of acts: octets, numbers and pieces of bytes, for as long as there are any.

use std::time::Duration;

pub struct Script<'a>(&'a [u8]);

impl<'a> Script<'a> {
    pub const fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    pub const fn is_over(&self) -> bool {
        self.0.is_empty()
    }

    /// 0 when the script is over.
    pub fn byte(&mut self) -> u8 {
        let (first, rest) = self.0.split_first().unwrap_or((&0, &[]));
        self.0 = rest;
        *first
    }

    pub fn flag(&mut self) -> bool {
        self.byte() & 1 == 1
    }

    pub fn word(&mut self) -> u16 {
        u16::from_be_bytes([self.byte(), self.byte()])
    }

    /// Up to 65 s.
    pub fn time(&mut self) -> Duration {
        Duration::from_millis(self.word().into())
    }

    /// As many as a word says, or all that is left.
    pub fn piece(&mut self) -> &'a [u8] {
        let length = usize::from(self.word()).min(self.0.len());
        let (piece, rest) = self.0.split_at(length);
        self.0 = rest;
        piece
    }
}
