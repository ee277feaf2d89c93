//! Reads a document, whatever it was written in. The one rule: one entry at a time, so that a trace of any length costs
//! no more memory than its longest line; what is wrong is named with file and place.

use super::capture::{self, Capture};
use super::journal::Journal;
use super::{Entry, HexError};
use crate::cosem::data::printable;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Cursor, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What a trace may be, for those who gave something else.
const FORMS: &str = "A trace is JSON lines as --trace writes them, a log of hex such as [12:39:25] TX 7E A0 …, \
                     or a pcap or pcapng capture";

#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    #[error("{} cannot be read: {error}", path.display())]
    Read { path: PathBuf, error: io::Error },
    #[error("{} line {line}, {error}. {FORMS}", path.display())]
    Line {
        path: PathBuf,
        line: usize,
        error: HexError,
    },
    #[error("{} holds no bytes of any meter. {FORMS}", path.display())]
    Empty { path: PathBuf },
    #[error("{} is a capture that breaks at byte {offset}: {what}. Save it again from Wireshark or tcpdump, stopped first", path.display())]
    Capture {
        path: PathBuf,
        offset: u64,
        what: &'static str,
    },
}

/// The entries of one document, in order; ends after the first error.
pub struct Entries {
    path: PathBuf,
    from: Source,
    any: bool,
    over: bool,
    taken: Arc<AtomicU64>,
    size: Option<u64>,
}

/// Counts what is read of a file.
struct Counted<R> {
    from: R,
    taken: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(buffer)?;
        self.taken.fetch_add(count as u64, Ordering::Relaxed);
        Ok(count)
    }
}

enum Source {
    Journal(Journal),
    Capture(Capture),
}

/// The file, or standard input for `-`.
pub fn open(path: &Path) -> Result<Entries, ReadError> {
    if path == Path::new("-") {
        return from_reader(Path::new("standard input"), io::stdin());
    }
    let failed = |error| ReadError::Read {
        path: path.to_owned(),
        error,
    };
    let file = File::open(path).map_err(failed)?;
    if file.metadata().map_err(failed)?.is_dir() {
        return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
    }
    let about = file.metadata().map_err(failed)?;
    let size = about.is_file().then_some(about.len());
    Ok(Entries {
        size,
        ..from_reader(path, file)?
    })
}

/// Bytes already read; `path` is only for the words.
pub fn from_bytes(path: &Path, bytes: Vec<u8>) -> Entries {
    let capture = is_capture_start(&bytes);
    entries(path, Box::new(Cursor::new(bytes)), capture)
}

pub fn from_reader(path: &Path, from: impl Read + Send + 'static) -> Result<Entries, ReadError> {
    let failed = |error| ReadError::Read {
        path: path.to_owned(),
        error,
    };
    let taken = Arc::new(AtomicU64::new(0));
    let from = Counted {
        from,
        taken: taken.clone(),
    };
    let mut from = BufReader::with_capacity(64 * 1024, from);
    let first = from.fill_buf().map_err(failed)?;
    let capture = is_capture_start(first);
    Ok(Entries {
        taken,
        ..entries(path, Box::new(from), capture)
    })
}

fn is_capture_start(bytes: &[u8]) -> bool {
    capture::is_capture(bytes)
}

fn entries(path: &Path, from: Box<dyn BufRead + Send>, capture: bool) -> Entries {
    Entries {
        path: PathBuf::from(printable(&path.display().to_string())),
        from: if capture {
            Source::Capture(Capture::new(from))
        } else {
            Source::Journal(Journal::new(from))
        },
        any: false,
        over: false,
        taken: Arc::default(),
        size: None,
    }
}

impl Entries {
    /// How much of the file was read, of one; where its size is known.
    pub fn share(&self) -> Option<f64> {
        #[expect(clippy::cast_precision_loss, reason = "a share, for people")]
        let share = |size: u64| self.taken.load(Ordering::Relaxed) as f64 / size.max(1) as f64;
        self.size.map(share)
    }
}

/// What stopped a source.
#[derive(Debug)]
pub(super) enum Stop {
    Io(io::Error),
    Line(usize, HexError),
    Capture(u64, &'static str),
}

impl From<io::Error> for Stop {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl Iterator for Entries {
    type Item = Result<Entry, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let next = match &mut self.from {
            Source::Journal(journal) => journal.next(),
            Source::Capture(capture) => capture.next(),
        };
        match next {
            Ok(Some(entry)) => {
                self.any = true;
                Some(Ok(entry))
            }
            Ok(None) => {
                self.over = true;
                let path = self.path.clone();
                (!self.any).then_some(Err(ReadError::Empty { path }))
            }
            Err(stop) => {
                self.over = true;
                let path = self.path.clone();
                Some(Err(match stop {
                    Stop::Io(error) => ReadError::Read { path, error },
                    Stop::Line(line, error) => ReadError::Line { path, line, error },
                    Stop::Capture(offset, what) => ReadError::Capture { path, offset, what },
                }))
            }
        }
    }
}
