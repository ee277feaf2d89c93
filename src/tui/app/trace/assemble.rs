//! Recorded chunks to rows: cuts frames, summarises them, keeps what lies between. The rule:
//! every byte recorded ends up in exactly one row.
use super::row::{TraceRow, What};
use crate::cosem::data::printable;
use crate::dlms::explain::{self, Reader, RowKind};
use crate::meter::tap::{Chunk, Direction, Note, Record};
use jiff::Timestamp;

/// One per followed meter; keep it as long as the meter is followed.
#[derive(Debug, Default)]
pub struct Assembler {
    next: u64,
    sent: Reader<Timestamp>,
    received: Reader<Timestamp>,
    /// When the last frame went out, for the answer's time.
    asked: Option<Timestamp>,
    /// Frames so far.
    frames: u64,
    /// What the last request was about.
    about: Option<std::sync::Arc<str>>,
}

impl Assembler {
    pub fn new() -> Self {
        Self::default()
    }

    /// The rows that these records complete, oldest first.
    pub fn rows(&mut self, records: &[Record]) -> Vec<TraceRow> {
        let mut rows = Vec::new();
        for record in records {
            match &record.what {
                Chunk::Bytes { direction, bytes } => {
                    self.reader(*direction).push(record.at, bytes);
                    self.drain(*direction, record.at, &mut rows);
                }
                Chunk::Note(note) => {
                    let text = match note {
                        Note::Connected => "connected".to_owned(),
                        Note::Closed => "closed".to_owned(),
                        Note::Text(text) => printable(text),
                    };
                    if !matches!(note, Note::Text(_)) {
                        self.end(record.at, &mut rows);
                    }
                    self.add(record.at, What::Note(text), &mut rows);
                }
            }
        }
        rows
    }

    /// A connection ended: what waits unfinished will never be finished.
    fn end(&mut self, at: Timestamp, rows: &mut Vec<TraceRow>) {
        for direction in [Direction::Sent, Direction::Received] {
            self.reader(direction).flush();
            self.drain(direction, at, rows);
            *self.reader(direction) = Reader::new();
        }
        self.asked = None;
    }

    fn reader(&mut self, direction: Direction) -> &mut Reader<Timestamp> {
        match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        }
    }

    fn drain(&mut self, direction: Direction, at: Timestamp, rows: &mut Vec<TraceRow>) {
        while let Some(row) = self.reader(direction).next() {
            let bytes = row.octets;
            let what = match row.kind {
                RowKind::Junk => What::Junk { direction, bytes },
                RowKind::Frame => What::Frame {
                    direction,
                    explained: Box::new(explain::summarise_from(&bytes, way(direction))),
                    bytes,
                },
            };
            // An answer is as old as its end: that is when it could be read.
            self.add(at, what, rows);
        }
    }

    fn add(&mut self, at: Timestamp, what: What, rows: &mut Vec<TraceRow>) {
        let took = match &what {
            What::Frame { direction, .. } if *direction == Direction::Received => self
                .asked
                .take()
                .and_then(|asked| at.duration_since(asked).try_into().ok()),
            What::Frame { .. } => {
                self.asked = Some(at);
                None
            }
            _ => None,
        };
        let frame = matches!(what, What::Frame { .. }).then(|| {
            self.frames += 1;
            self.frames
        });
        if let What::Frame {
            direction: Direction::Sent,
            explained,
            ..
        } = &what
            && explained.summary.contains(' ')
        {
            self.about = object(&explained.summary).map(Into::into);
        }
        let about = frame.and(self.about.clone());
        rows.push(TraceRow {
            seq: self.next,
            at,
            what,
            took,
            frame,
            about,
        });
        self.next += 1;
    }
}

/// The OBIS code in what a request says of itself: `GET 3 1-1:32.7.0 /2`.
fn object(summary: &str) -> Option<&str> {
    summary
        .split_whitespace()
        .find(|word| word.contains(':') && word.contains('.'))
}

/// The direction as the explanation names it.
pub fn way(direction: Direction) -> Option<explain::Direction> {
    Some(match direction {
        Direction::Sent => explain::Direction::ToMeter,
        Direction::Received => explain::Direction::FromMeter,
    })
}
