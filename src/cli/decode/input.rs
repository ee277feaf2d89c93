//! Where the bytes come from (argument, file, standard input) and which of them belong together.
//!
//! The one rule: each direction of each connection is one stream; a frame may be spread over lines.
use crate::cosem::data::printable;
use crate::dlms::explain::{Direction, What, split};
use crate::meter::document::{self, HexError, Line, line};
use crate::meter::tap::{self, Chunk as Crossed};
use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

/// As much as is read; hex text of this size is 32 MiB of bytes.
const MOST: u64 = 64 * 1024 * 1024;
const EXAMPLE: &str = "Write bytes in hex, such as 7E A0 07 03 03 93 8C 11 7E";

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{what}. {EXAMPLE}", what = place(*line, error))]
    Hex {
        /// From 1; None when there is only one.
        line: Option<usize>,
        error: HexError,
    },
    #[error("there are no bytes to decode. {EXAMPLE}, a file of them, or - for standard input")]
    Empty,
    #[error(
        "{input:?} is neither bytes nor a file that exists: {error}. {EXAMPLE}, a file of them, or - for standard input"
    )]
    Neither { input: String, error: HexError },
    #[error("{} cannot be read: {error}", path.display())]
    Read {
        path: PathBuf,
        error: std::io::Error,
    },
    #[error("{} has more than {} MiB: cut out the part in question", path.display(), MOST / 1024 / 1024)]
    TooBig { path: PathBuf },
    #[error(transparent)]
    Capture(#[from] document::ReadError),
    #[error("{0}")]
    Keys(String),
    #[error("the explanation cannot be written: {0}")]
    Write(std::io::Error),
}

fn place(line: Option<usize>, error: &HexError) -> String {
    match line {
        Some(line) => format!("line {line}, {error}"),
        None => error.to_string(),
    }
}

/// A run of bytes that came together.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Where it begins in its stream.
    stream_at: usize,
    /// Where it begins among all bytes of the input.
    input_at: usize,
    /// Line of the input, from 1.
    pub line: usize,
    pub at: Option<String>,
}

/// Bytes of one direction of one connection.
#[derive(Debug, Default)]
pub(super) struct Stream {
    pub bytes: Vec<u8>,
    pub meter: Option<String>,
    pub direction: Option<Direction>,
    chunks: Vec<Chunk>,
}

impl Stream {
    /// What came together: where it begins in the input, when, and the octets.
    pub fn parts(&self) -> impl Iterator<Item = (usize, Option<&str>, &[u8])> {
        self.chunks.iter().enumerate().map(|(index, chunk)| {
            let next = self.chunks.get(index.saturating_add(1));
            let end = next.map_or(self.bytes.len(), |next| next.stream_at);
            let octets = self.bytes.get(chunk.stream_at..end);
            (
                chunk.input_at,
                chunk.at.as_deref(),
                octets.unwrap_or_default(),
            )
        })
    }
    pub fn chunk(&self, at: usize) -> Option<&Chunk> {
        let after = self.chunks.partition_point(|chunk| chunk.stream_at <= at);
        self.chunks.get(after.checked_sub(1)?)
    }
    /// From an offset in this stream to the offset in the whole input.
    pub fn offset(&self, at: usize) -> usize {
        self.chunk(at).map_or(at, |chunk| {
            at.saturating_sub(chunk.stream_at)
                .saturating_add(chunk.input_at)
        })
    }
}

/// Everything `input` names: bytes, a file, or `-`.
pub(super) fn read(input: &str) -> Result<Vec<Stream>, Error> {
    if input == "-" {
        return contents(Path::new("standard input"), std::io::stdin().lock());
    }
    let path = Path::new(input);
    // A name this long is hex, and some systems fail on it rather than say it does not exist.
    if input.len() <= 4096 && path.exists() {
        let failed = |error| Error::Read {
            path: path.to_owned(),
            error,
        };
        let file = std::fs::File::open(path).map_err(failed)?;
        let size = file.metadata().map_err(failed)?.len();
        if size > MOST {
            return Err(Error::TooBig {
                path: path.to_owned(),
            });
        }
        return contents(path, file);
    }
    match parse(input) {
        Err(Error::Hex { line: None, error }) if looks_like_a_path(input) => Err(Error::Neither {
            input: printable(input),
            error,
        }),
        parsed => parsed,
    }
}

fn looks_like_a_path(input: &str) -> bool {
    input.contains(['/', '\\', '.']) || !input.chars().any(|c| c.is_ascii_digit())
}

fn contents(path: &Path, from: impl Read) -> Result<Vec<Stream>, Error> {
    let mut raw = Vec::new();
    from.take(MOST.saturating_add(1))
        .read_to_end(&mut raw)
        .map_err(|error| Error::Read {
            path: path.to_owned(),
            error,
        })?;
    if raw.len() as u64 > MOST {
        return Err(Error::TooBig {
            path: path.to_owned(),
        });
    }
    if document::is_capture(&raw) {
        return captured(path, raw);
    }
    match text(raw) {
        Ok(text) => parse(&text),
        Err(raw) => Ok(vec![whole(raw)]),
    }
}

/// The payload of a packet capture, each connection and direction a stream; a packet counts as a line.
fn captured(path: &Path, raw: Vec<u8>) -> Result<Vec<Stream>, Error> {
    let mut gathered = Gathered::default();
    for (index, entry) in document::from_bytes(path, raw).enumerate() {
        let entry = entry?;
        match entry.what {
            Crossed::Bytes { direction, bytes } => {
                let line = line::Bytes {
                    at: Some(entry.at.to_string()),
                    meter: Some(entry.meter),
                    direction: Some(match direction {
                        tap::Direction::Sent => Direction::ToMeter,
                        tap::Direction::Received => Direction::FromMeter,
                    }),
                    octets: bytes,
                    masked: entry.masked,
                };
                gathered.add(line, index.saturating_add(1));
            }
            Crossed::Note(tap::Note::Text(_)) => {}
            Crossed::Note(_) => gathered.close(&entry.meter),
        }
    }
    gathered.streams()
}

/// Text in UTF-8, or in UTF-16 as some shells redirect it; anything else is bytes as they are.
fn text(raw: Vec<u8>) -> Result<String, Vec<u8>> {
    if let Some(wide) = raw.strip_prefix(&[0xFF, 0xFE]) {
        let units = wide
            .chunks_exact(2)
            .map(|two| u16::from_le_bytes([two[0], two[1]]));
        return Ok(char::decode_utf16(units)
            .map(|unit| unit.unwrap_or('\u{FFFD}'))
            .collect());
    }
    if raw
        .iter()
        .any(|&octet| octet < 0x09 || (0x0E..0x20).contains(&octet))
    {
        return Err(raw);
    }
    String::from_utf8(raw)
        .map(|text| {
            text.strip_prefix('\u{FEFF}')
                .map(str::to_owned)
                .unwrap_or(text)
        })
        .map_err(std::string::FromUtf8Error::into_bytes)
}

/// A file of raw bytes.
fn whole(bytes: Vec<u8>) -> Stream {
    let chunks = vec![Chunk {
        stream_at: 0,
        input_at: 0,
        line: 1,
        at: None,
    }];
    Stream {
        bytes,
        chunks,
        ..Stream::default()
    }
}

fn parse(text: &str) -> Result<Vec<Stream>, Error> {
    let mut gathered = Gathered::default();
    let single = text.trim_end().lines().count() <= 1;
    for (index, line) in text.lines().enumerate() {
        let number = index.saturating_add(1);
        match line::parse(line, gathered.undirected()) {
            Ok(Line::Blank | Line::Comment(_)) => gathered.apart(),
            Ok(Line::Note { meter, .. }) => gathered.close(&meter),
            Ok(Line::Bytes(bytes)) => gathered.add(bytes, number),
            Err(error) => {
                return Err(Error::Hex {
                    line: (!single).then_some(number),
                    error,
                });
            }
        }
    }
    gathered.streams()
}

/// Streams as they fill.
#[derive(Default)]
struct Gathered {
    streams: Vec<Stream>,
    /// The stream lines of this meter and direction go on with.
    open: HashMap<(Option<String>, Option<Direction>), usize>,
    total: usize,
}

impl Gathered {
    fn streams(self) -> Result<Vec<Stream>, Error> {
        if self.total == 0 {
            Err(Error::Empty)
        } else {
            Ok(self.streams)
        }
    }

    fn add(&mut self, line: line::Bytes, number: usize) {
        if line.octets.is_empty() {
            return;
        }
        let key = (line.meter.clone(), line.direction);
        // A log of bare APDUs has one a line; frames may be spread over several.
        let alone = line.direction.is_some() && is_apdu(&line.octets);
        let open = self.open.get(&key).copied().filter(|&index| {
            self.streams
                .get(index)
                .is_some_and(|stream| !(alone && is_apdu(&stream.bytes)))
        });
        let index = open.unwrap_or_else(|| {
            let (meter, direction) = key.clone();
            self.streams.push(Stream {
                meter,
                direction,
                ..Stream::default()
            });
            self.streams.len().saturating_sub(1)
        });
        self.open.insert(key, index);
        if let Some(stream) = self.streams.get_mut(index) {
            stream.chunks.push(Chunk {
                stream_at: stream.bytes.len(),
                input_at: self.total,
                line: number,
                at: line.at,
            });
            self.total = self.total.saturating_add(line.octets.len());
            stream.bytes.extend(line.octets);
        }
    }

    /// Bytes so far of the stream without a direction.
    fn undirected(&self) -> usize {
        let open = self
            .open
            .get(&(None, None))
            .and_then(|&index| self.streams.get(index));
        open.map_or(0, |stream| stream.bytes.len())
    }

    /// A blank line parts bytes that say nothing else of where they belong.
    fn apart(&mut self) {
        self.open.remove(&(None, None));
    }

    fn close(&mut self, meter: &str) {
        self.open
            .retain(|(open, _), _| open.as_deref() != Some(meter));
    }
}

/// Whether these bytes are one APDU without a link.
fn is_apdu(bytes: &[u8]) -> bool {
    bytes.first().is_some_and(|&first| first != 0x7E)
        && split(bytes)
            .next()
            .is_some_and(|piece| piece.what == What::Apdu)
}

#[cfg(test)]
pub(super) fn parsed(text: &str) -> Result<Vec<Stream>, Error> {
    parse(text)
}
