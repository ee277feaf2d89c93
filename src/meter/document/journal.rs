//! JSON lines and hex logs, line by line. The one rule: a line of bytes is one chunk, as it was when it was logged;
//! only where no direction is said is it cut at its frames.

use super::line::{self, Line};
use super::read::Stop;
use super::{Entry, HexError, stamp};
use crate::diagnosis::Guess;
use crate::dlms::explain::{self, split};
use crate::meter::tap::{Chunk, Direction};
use jiff::Timestamp;
use std::collections::VecDeque;
use std::io::{BufRead, Read};

/// As long as a line may be; a file of bytes without any line is one.
const LONGEST: u64 = 64 * 1024 * 1024;

pub(super) struct Journal {
    from: Box<dyn BufRead + Send>,
    number: usize,
    at: Timestamp,
    /// From a comment `# meter NAME`.
    meter: String,
    guess: Guess,
    undirected: usize,
    ready: VecDeque<Entry>,
    begun: bool,
}

impl Journal {
    pub(super) fn new(from: Box<dyn BufRead + Send>) -> Self {
        Self {
            from,
            number: 0,
            at: Timestamp::UNIX_EPOCH,
            meter: String::new(),
            guess: Guess::default(),
            undirected: 0,
            ready: VecDeque::new(),
            begun: false,
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Entry>, Stop> {
        if !self.begun {
            self.begun = true;
            self.widen()?;
        }
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Ok(Some(entry));
            }
            let mut raw = Vec::new();
            let read = (&mut self.from).take(LONGEST).read_until(b'\n', &mut raw)?;
            if read == 0 {
                return Ok(None);
            }
            self.number += 1;
            self.take(raw)?;
        }
    }

    /// Text in UTF-16, as some shells redirect it, is turned into lines we read.
    fn widen(&mut self) -> Result<(), Stop> {
        if !self.from.fill_buf()?.starts_with(&[0xFF, 0xFE]) {
            return Ok(());
        }
        let mut raw = Vec::new();
        (&mut self.from).take(LONGEST).read_to_end(&mut raw)?;
        let units = raw
            .chunks_exact(2)
            .skip(1)
            .map(|two| u16::from_le_bytes([two[0], two[1]]));
        let text: String = char::decode_utf16(units)
            .map(|unit| unit.unwrap_or('\u{FFFD}'))
            .collect();
        self.from = Box::new(std::io::Cursor::new(text.into_bytes()));
        Ok(())
    }

    fn take(&mut self, raw: Vec<u8>) -> Result<(), Stop> {
        let binary = |octet: &u8| *octet < 0x09 || (0x0E..0x20).contains(octet);
        if self.number == 1 && raw.iter().any(binary) {
            // A file of the bytes themselves: lines mean nothing in it.
            let mut all = raw;
            (&mut self.from).take(LONGEST).read_to_end(&mut all)?;
            self.undirected(&all);
            return Ok(());
        }
        let text = String::from_utf8(raw).map_err(|error| {
            let column = error.utf8_error().valid_up_to() + 1;
            let what = "this is no text in UTF-8".to_owned();
            Stop::Line(self.number, HexError { column, what })
        })?;
        let text = text.trim_start_matches('\u{FEFF}').trim_end();
        let parsed = line::parse(text, self.undirected);
        match parsed.map_err(|error| Stop::Line(self.number, error))? {
            Line::Blank => {}
            Line::Comment(text) => self.comment(&text),
            Line::Note { at, meter, text } => {
                self.stamp(at.as_deref());
                self.ready.push_back(Entry::note(self.at, &meter, &text));
            }
            Line::Bytes(bytes) => {
                self.stamp(bytes.at.as_deref());
                let Some(way) = bytes.direction else {
                    self.undirected += bytes.octets.len();
                    self.undirected(&bytes.octets);
                    return Ok(());
                };
                let direction = match way {
                    explain::Direction::ToMeter => Direction::Sent,
                    explain::Direction::FromMeter => Direction::Received,
                };
                self.guess.told(direction.into());
                let meter = bytes.meter.unwrap_or_else(|| self.meter.clone());
                self.push(meter, direction, bytes.octets, bytes.masked);
            }
        }
        Ok(())
    }

    /// `# meter NAME`, `# [stamp] words`, `# words`.
    fn comment(&mut self, text: &str) {
        if let Some(name) = text.strip_prefix("meter ") {
            name.trim().clone_into(&mut self.meter);
            return;
        }
        let mut words = text;
        if let Some((at, rest)) = text.strip_prefix('[').and_then(|t| t.split_once(']'))
            && let Some(at) = stamp::read(at, self.at)
        {
            self.at = at;
            words = rest.trim();
        }
        if !words.is_empty() {
            self.ready
                .push_back(Entry::note(self.at, &self.meter, words));
        }
    }

    fn undirected(&mut self, octets: &[u8]) {
        for piece in split(octets) {
            let bytes = octets.get(piece.range).unwrap_or_default();
            let direction = self.guess.of(bytes).into();
            self.push(self.meter.clone(), direction, bytes.to_vec(), false);
        }
    }

    fn push(&mut self, meter: String, direction: Direction, bytes: Vec<u8>, masked: bool) {
        if !bytes.is_empty() {
            self.ready.push_back(Entry {
                at: self.at,
                meter,
                what: Chunk::Bytes { direction, bytes },
                masked,
            });
        }
    }

    fn stamp(&mut self, text: Option<&str>) {
        if let Some(at) = text.and_then(|text| stamp::read(text, self.at)) {
            self.at = at;
        }
    }
}
