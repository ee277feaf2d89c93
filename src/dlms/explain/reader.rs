//! Chunks as they crossed the line, turned into trace rows: frames as delimited, and what lay between.
//!
//! The one rule: every byte but flags comes out once, in order, under the tag of the chunk its row began in.
use crate::dlms::hdlc::{Decoder, FLAG, Item};
use std::collections::VecDeque;

const PORTION: usize = 1024;
/// Rows nobody fetched; beyond this the oldest go.
const MOST_ROWS: usize = 4096;
/// Enough for the longest frame, its flags, and as much again behind it.
const MOST_RECENT: usize = 8192;

/// What a row holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RowKind {
    Frame,
    /// Bytes that belong to no frame; `explain` looks closer at them.
    Junk,
}

/// One line of the trace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row<T> {
    /// Of the chunk the row's first octet came in.
    pub tag: T,
    /// With the flags as they stood around it; a flag shared by two frames shows in both. The
    /// closing flag is missing where it had not come yet.
    pub octets: Vec<u8>,
    pub kind: RowKind,
}

/// One direction of one connection.
pub struct Reader<T> {
    decoder: Decoder,
    /// Where each chunk still of interest began.
    tags: VecDeque<(u64, T)>,
    recent: VecDeque<u8>,
    /// Stream offset of the first of `recent`.
    recent_from: u64,
    rows: VecDeque<Row<T>>,
    lost: u64,
}

impl<T> std::fmt::Debug for Reader<T> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reader")
            .field("rows", &self.rows.len())
            .field("recent", &self.recent.len())
            .finish_non_exhaustive()
    }
}

impl<T: Clone> Default for Reader<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Clone> Reader<T> {
    pub fn new() -> Self {
        Self {
            decoder: Decoder::new(),
            tags: VecDeque::new(),
            recent: VecDeque::new(),
            recent_from: 0,
            rows: VecDeque::new(),
            lost: 0,
        }
    }

    /// The next chunk; `tag` marks the rows that begin in it (a time, a number).
    pub fn push(&mut self, tag: T, bytes: &[u8]) {
        for portion in bytes.chunks(PORTION) {
            self.tags.push_back((self.end(), tag.clone()));
            self.recent.extend(portion);
            self.decoder.push(portion);
            self.drain();
        }
    }

    /// The line fell silent or closed: what waits unfinished comes out as rows too.
    pub fn flush(&mut self) {
        self.decoder.flush();
        self.drain();
    }

    /// The next row. None: more bytes are needed.
    #[expect(
        clippy::should_implement_trait,
        reason = "it gives rows again after more was pushed, as no iterator should"
    )]
    pub fn next(&mut self) -> Option<Row<T>> {
        self.rows.pop_front()
    }

    /// Rows dropped because nobody fetched them in time.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    fn end(&self) -> u64 {
        self.recent_from.saturating_add(self.recent.len() as u64)
    }

    fn octet(&self, offset: u64) -> Option<u8> {
        let at = usize::try_from(offset.checked_sub(self.recent_from)?).ok()?;
        self.recent.get(at).copied()
    }

    fn drain(&mut self) {
        let mut keep_from = None;
        while let Some(item) = self.decoder.next() {
            let (octets, offset, kind) = match item {
                Item::Frame {
                    octets,
                    stream_offset,
                    ..
                } => (octets.to_vec(), stream_offset, RowKind::Frame),
                Item::Junk {
                    octets,
                    stream_offset,
                } => (octets.to_vec(), stream_offset, RowKind::Junk),
            };
            keep_from = Some(offset.saturating_add(octets.len() as u64));
            self.row(octets, offset, kind);
        }
        if let Some(end) = keep_from {
            self.forget(end.saturating_sub(1));
        }
        let most = MOST_RECENT as u64;
        if self.recent.len() > MOST_RECENT {
            self.forget(self.end().saturating_sub(most));
        }
    }

    fn row(&mut self, mut octets: Vec<u8>, offset: u64, kind: RowKind) {
        let end = offset.saturating_add(octets.len() as u64);
        let mut start = offset;
        let is_flag = |at: u64| self.octet(at) == Some(FLAG);
        // Junk behind a flag and a format octet is a frame that broke.
        let opened = octets.first().is_some_and(|first| first >> 4 == 0x0A)
            && offset.checked_sub(1).is_some_and(is_flag);
        if opened {
            octets.insert(0, FLAG);
            start = offset.saturating_sub(1);
            if is_flag(end) {
                octets.push(FLAG);
            }
        }
        let began = self
            .tags
            .iter()
            .rev()
            .find(|(at, _)| *at <= start)
            .or(self.tags.front());
        let Some((_, tag)) = began else { return };
        if self.rows.len() >= MOST_ROWS {
            self.rows.pop_front();
            self.lost = self.lost.saturating_add(1);
        }
        self.rows.push_back(Row {
            tag: tag.clone(),
            octets,
            kind,
        });
    }

    /// Drops octets before `offset`, and the tags of chunks that ended before it.
    fn forget(&mut self, offset: u64) {
        let gone = offset
            .saturating_sub(self.recent_from)
            .min(self.recent.len() as u64);
        self.recent.drain(..usize::try_from(gone).unwrap_or(0));
        self.recent_from = self.recent_from.saturating_add(gone);
        while self.tags.get(1).is_some_and(|(at, _)| *at <= offset) {
            self.tags.pop_front();
        }
    }
}
