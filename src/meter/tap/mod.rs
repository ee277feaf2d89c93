//! The one tap: every byte sent or received passes here, and stamps never run backwards unless the clock was set.
//! Secrets never enter: a frame that carries one is masked before it comes (see `meter::veil`), so neither the ring nor the
//! file can leak it.

pub(super) mod echo;
mod file;
mod ring;

use crate::diagnosis::{self, Closing, Engine, Finding, Observation, Settings};
use file::File;
use jiff::{SignedDuration, Timestamp};
use ring::{Kind, Ring};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The note that stands before a masked frame.
const MASKED: &str = "what is secret in the next frame is shown as ****, its checksum made to fit";

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    Sent,
    Received,
}

impl From<Direction> for diagnosis::Direction {
    fn from(direction: Direction) -> Self {
        match direction {
            Direction::Sent => Self::Sent,
            Direction::Received => Self::Received,
        }
    }
}

impl From<diagnosis::Direction> for Direction {
    fn from(direction: diagnosis::Direction) -> Self {
        match direction {
            diagnosis::Direction::Sent => Self::Sent,
            diagnosis::Direction::Received => Self::Received,
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Note {
    Connected,
    Closed,
    /// Free text: "connection refused" …
    Text(String),
}

/// One chunk as it crossed the line, or a note between chunks. `seq` counts up by one per record and meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    pub seq: u64,
    pub at: Timestamp,
    pub what: Chunk,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Chunk {
    Bytes {
        direction: Direction,
        bytes: Vec<u8>,
    },
    Note(Note),
}

/// Bounded ring (bytes and records) that does not allocate once warm; a file sink that is complete.
#[derive(Clone, Debug)]
pub struct Tap {
    inner: Arc<Mutex<Inner>>,
}

#[derive(Debug)]
struct Inner {
    ring: Ring,
    file: Option<File>,
    last: Timestamp,
    engine: Option<Box<Engine>>,
    /// A stream was opened and its end was not seen.
    open: bool,
}

/// Who stamps and who records are not the same moment, and clocks are slewed: less than this between two stamps is no
/// order. A clock set back further is believed, and the trace says so.
const UNSURE: SignedDuration = SignedDuration::from_secs(2);

impl Tap {
    /// `capacity_bytes` bounds what is held; memory grows to it only as traffic comes.
    pub fn new(capacity_bytes: usize) -> Self {
        Self {
            inner: Arc::new(Mutex::new(Inner {
                ring: Ring::new(capacity_bytes),
                file: None,
                last: Timestamp::MIN,
                engine: None,
                open: false,
            })),
        }
    }

    pub fn bytes(&self, at: Timestamp, direction: Direction, bytes: &[u8]) {
        let mut inner = self.lock();
        let at = inner.order(at);
        inner.watch(at, direction, bytes);
        inner.ring.push(at, Kind::from(direction), bytes);
        inner.write_file(at, |f| f.bytes(at, direction, bytes, false));
    }

    /// Bytes in which a secret was replaced by `*` and the checksum made anew; the record before says so.
    pub(super) fn masked(&self, at: Timestamp, direction: Direction, bytes: &[u8]) {
        let mut inner = self.lock();
        let at = inner.order(at);
        inner.ring.push(at, Kind::Text, MASKED.as_bytes());
        inner.watch(at, direction, bytes);
        inner.ring.push(at, Kind::from(direction), bytes);
        inner.write_file(at, |f| f.bytes(at, direction, bytes, true));
    }

    #[expect(
        clippy::needless_pass_by_value,
        reason = "a note is made to be given away"
    )]
    pub fn note(&self, at: Timestamp, note: Note) {
        let mut inner = self.lock();
        let at = inner.order(at);
        inner.note(at, &note);
    }

    /// From here on everything is looked at for what is wrong, anew.
    pub fn diagnose(&self, settings: Settings) {
        self.lock().engine = Some(Box::new(Engine::new(settings)));
    }

    /// What comes of no bytes: a failed try to connect, how the line ended, silence, a proof that is not right. It is noted
    /// so that whoever reads the trace finds the same.
    pub fn observe(&self, at: Timestamp, what: &Observation<'_>) {
        self.observe_with(at, what, None);
    }

    /// The same, and what a person is told beside it.
    pub fn observe_with(&self, at: Timestamp, what: &Observation<'_>, detail: Option<&str>) {
        let mut inner = self.lock();
        if matches!(what, Observation::Closed(_)) {
            inner.open = false;
        }
        if let Some(words) = diagnosis::note_of(what, detail) {
            let at = inner.order(at);
            inner.note(at, &Note::Text(words));
        }
        if let Some(engine) = &mut inner.engine {
            engine.observe(at.as_millisecond(), what);
        }
    }

    /// Best first; nothing where nobody looks.
    pub fn findings(&self) -> Vec<Finding> {
        let inner = self.lock();
        inner
            .engine
            .as_ref()
            .map_or_else(Vec::new, |engine| engine.findings())
    }

    /// Records with `seq >= from` that are still held, and how many were already lost before the first of them.
    pub fn since(&self, from: u64) -> (Vec<Record>, u64) {
        self.lock().ring.since(from)
    }

    /// The seq the next record will have.
    pub fn next_seq(&self) -> u64 {
        self.lock().ring.next_seq()
    }

    /// Also append every record as JSON lines to this file: `{"at","meter","dir":"tx|rx","hex"}` and notes.
    /// A masked line carries `"masked":true`. The file is created readable by its owner alone.
    pub fn record_to(&self, path: &Path, meter: &str) -> std::io::Result<()> {
        let file = File::open(path, meter)?;
        self.lock().file = Some(file);
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// The stamp a record gets: not before the one above it.
    fn order(&mut self, at: Timestamp) -> Timestamp {
        let back = self.last.duration_since(at);
        if back > UNSURE && self.ring.next_seq() > 0 {
            let text = format!("the computer's clock was set back by {back:#}");
            self.note(at, &Note::Text(text));
        }
        self.last = if back > UNSURE { at } else { self.last.max(at) };
        self.last
    }

    fn watch(&mut self, at: Timestamp, direction: Direction, bytes: &[u8]) {
        if let Some(engine) = &mut self.engine {
            let chunk = Observation::Bytes(direction.into(), bytes);
            engine.observe(at.as_millisecond(), &chunk);
        }
    }

    fn note(&mut self, at: Timestamp, note: &Note) {
        let seen = match note {
            Note::Connected => Some(Observation::Connected),
            // One that was told of before was not of our making.
            Note::Closed if self.open => Some(Observation::Closed(Closing::ByUs)),
            _ => None,
        };
        match note {
            Note::Connected => self.open = true,
            Note::Closed => self.open = false,
            Note::Text(_) => {}
        }
        if let (Some(engine), Some(seen)) = (&mut self.engine, seen) {
            engine.observe(at.as_millisecond(), &seen);
        }
        let (kind, text) = match note {
            Note::Connected => (Kind::Connected, ""),
            Note::Closed => (Kind::Closed, ""),
            Note::Text(text) => (Kind::Text, text.as_str()),
        };
        self.ring.push(at, kind, text.as_bytes());
        self.write_file(at, |f| f.note(at, kind.word().unwrap_or(text)));
    }

    /// A disk that is full ends the file, and the trace says where; the meter goes on.
    fn write_file(&mut self, at: Timestamp, write: impl FnOnce(&mut File) -> std::io::Result<()>) {
        let Some(file) = &mut self.file else { return };
        if let Err(error) = write(file) {
            let text = format!("the trace file ends here: {error}");
            self.file = None;
            self.ring.push(at, Kind::Text, text.as_bytes());
        }
    }
}

#[cfg(test)]
mod tests;
