//! The trace as a document: read from JSON lines, pasted hex logs and packet captures; written as JSON lines, text, hex
//! and pcapng. The one rule: a document is entries in the order they crossed the line, whatever it was written in.

mod capture;
mod hex;
mod journal;
mod known;
pub mod line;
mod pcapng;
mod read;
mod redact;
mod save;
mod serials;
mod stamp;
#[cfg(test)]
mod tests;
mod write;

pub use capture::is_capture;
pub use hex::HexError;
pub use line::Line;
pub use read::{Entries, ReadError, from_bytes, from_reader, open};
pub use redact::{Redaction, Redactor, redact};
pub use save::{SaveError, same_file, save, spool};
pub use write::{Format, Writer, write};

use super::tap::{Chunk, Note};
use jiff::Timestamp;

/// One chunk or note of one meter. A log without dates counts from 1970-01-01, one without times stands still there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    pub at: Timestamp,
    /// Whose line it is: a meter's name, or the address a capture shows. Empty where nothing says.
    pub meter: String,
    pub what: Chunk,
    /// A secret in it stands as stars, and its checksum was made to fit.
    pub masked: bool,
}

impl Entry {
    pub fn note(at: Timestamp, meter: &str, text: &str) -> Self {
        let note = match text {
            "connected" => Note::Connected,
            "closed" => Note::Closed,
            text => Note::Text(text.to_owned()),
        };
        Self {
            at,
            meter: meter.to_owned(),
            what: Chunk::Note(note),
            masked: false,
        }
    }
}

/// What a note says, in a word or more.
pub(crate) fn said(note: &Note) -> &str {
    match note {
        Note::Connected => "connected",
        Note::Closed => "closed",
        Note::Text(text) => text,
    }
}
