//! Writes a document as JSON lines, text or hex, entry by entry. The one rule: what is written is read back as it was, but for what the
//! form has no room for (hex: the times).

use super::{Entry, pcapng, said};
use crate::cosem::data::printable;
use crate::cosem::hex::joined;
use crate::dlms::explain::{self, Reader, RowKind};
use crate::meter::clock::rfc3339;
use crate::meter::tap::{Chunk, Direction, Note};
use std::collections::HashMap;
use std::io::{self, Write};
use std::path::Path;

/// What a document may be written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// One JSON object a line, as a trace is recorded.
    Jsonl,
    /// A line a chunk with time and explanation, for people.
    Text,
    /// `TX 7E A0 …`, nothing else.
    Hex,
    /// For Wireshark.
    Pcapng,
}

impl Format {
    pub const ALL: [Self; 4] = [Self::Jsonl, Self::Text, Self::Hex, Self::Pcapng];

    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Text => "txt",
            Self::Hex => "hex",
            Self::Pcapng => "pcapng",
        }
    }

    /// By how the file's name ends.
    pub fn of(path: &Path) -> Option<Self> {
        let end = path.extension()?.to_str()?.to_ascii_lowercase();
        match end.as_str() {
            "json" => Some(Self::Jsonl),
            "text" | "log" => Some(Self::Text),
            _ => Self::ALL.into_iter().find(|form| form.extension() == end),
        }
    }
}

/// Writes entry by entry; memory is that of the meters under way.
#[derive(Debug)]
pub struct Writer {
    form: Form,
    /// Whose the last line was.
    meter: String,
}

#[derive(Debug)]
enum Form {
    Jsonl,
    Text(HashMap<(String, Direction), Reader<()>>),
    Hex,
    Pcapng(Box<pcapng::Packets>),
}

/// Meters whose frames are put together at once for their meaning.
const MOST_METERS: usize = 1024;

impl Writer {
    /// Writes what stands at the head of such a file.
    pub fn new(format: Format, out: &mut dyn Write) -> io::Result<Self> {
        let form = match format {
            Format::Jsonl => Form::Jsonl,
            Format::Text => Form::Text(HashMap::new()),
            Format::Hex => Form::Hex,
            Format::Pcapng => Form::Pcapng(Box::new(pcapng::Packets::new(out)?)),
        };
        let meter = String::new();
        Ok(Self { form, meter })
    }

    pub fn entry(&mut self, entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
        match &mut self.form {
            Form::Jsonl => jsonl(entry, out),
            Form::Text(readers) => {
                whose(&mut self.meter, entry, out)?;
                text(readers, entry, out)
            }
            Form::Hex => {
                whose(&mut self.meter, entry, out)?;
                hex(entry, out)
            }
            Form::Pcapng(packets) => packets.entry(entry, out),
        }
    }

    /// What waited for more.
    pub fn end(self, out: &mut dyn Write) -> io::Result<()> {
        match self.form {
            Form::Pcapng(packets) => packets.end(out),
            Form::Jsonl | Form::Text(_) | Form::Hex => Ok(()),
        }
    }
}

/// A document that is at hand as a whole.
pub fn write(entries: &[Entry], format: Format, out: &mut dyn Write) -> io::Result<()> {
    let mut writer = Writer::new(format, out)?;
    for entry in entries {
        writer.entry(entry, out)?;
    }
    writer.end(out)
}

const fn word(direction: Direction) -> &'static str {
    match direction {
        Direction::Sent => "TX",
        Direction::Received => "RX",
    }
}

fn jsonl(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    let meter = serde_json::Value::from(entry.meter.as_str());
    write!(out, r#"{{"at":"{}","meter":{meter},"#, rfc3339(entry.at))?;
    match &entry.what {
        Chunk::Bytes { direction, bytes } => {
            let dir = word(*direction).to_ascii_lowercase();
            write!(out, r#""dir":"{dir}","hex":"{}""#, joined(bytes, ""))?;
            if entry.masked {
                write!(out, r#","masked":true"#)?;
            }
        }
        Chunk::Note(note) => {
            write!(out, r#""note":{}"#, serde_json::Value::from(said(note)))?;
        }
    }
    out.write_all(b"}\n")
}

fn hex(entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    match &entry.what {
        Chunk::Bytes { direction, bytes } => {
            writeln!(out, "{} {}", word(*direction), joined(bytes, " "))
        }
        Chunk::Note(note) => writeln!(out, "# {}", printable(said(note))),
    }
}

/// A line that says whose the following are, where that changes.
fn whose(meter: &mut String, entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
    if *meter != entry.meter {
        entry.meter.clone_into(meter);
        writeln!(out, "# meter {}", printable(meter))?;
    }
    Ok(())
}

fn text(
    readers: &mut HashMap<(String, Direction), Reader<()>>,
    entry: &Entry,
    out: &mut dyn Write,
) -> io::Result<()> {
    let at = rfc3339(entry.at);
    match &entry.what {
        Chunk::Bytes { direction, bytes } => {
            write!(out, "[{at}] {} {}", word(*direction), joined(bytes, " "))?;
            let whose = (entry.meter.clone(), *direction);
            if readers.len() >= MOST_METERS && !readers.contains_key(&whose) {
                readers.clear();
            }
            let reader = readers.entry(whose).or_default();
            let meant = meaning(reader, *direction, bytes);
            if meant.is_empty() {
                writeln!(out)
            } else {
                writeln!(out, "  # {meant}")
            }
        }
        Chunk::Note(note) => {
            if !matches!(note, Note::Text(_)) {
                readers.retain(|(whose, _), _| *whose != entry.meter);
            }
            writeln!(out, "# [{at}] {}", printable(said(note)))
        }
    }
}

/// What the frames say that end in this chunk.
fn meaning(reader: &mut Reader<()>, direction: Direction, bytes: &[u8]) -> String {
    let way = Some(match direction {
        Direction::Sent => explain::Direction::ToMeter,
        Direction::Received => explain::Direction::FromMeter,
    });
    if bytes.starts_with(&[0, 1]) {
        let all = explain::explain_from(bytes, way);
        let said: Vec<String> = all.frames.iter().map(told).collect();
        return said.join("; ");
    }
    reader.push((), bytes);
    let mut said = Vec::new();
    while let Some(row) = reader.next() {
        said.push(match row.kind {
            RowKind::Frame => told(&explain::summarise_from(&row.octets, way)),
            RowKind::Junk => format!("{} bytes that belong to no frame", row.octets.len()),
        });
    }
    said.join("; ")
}

fn told(frame: &explain::Explained) -> String {
    let says = if frame.summary.is_empty() {
        &frame.kind
    } else {
        &frame.summary
    };
    let wrong = if frame.trouble { "  (!)" } else { "" };
    let said = format!("{}  {says}{wrong}", frame.link);
    printable(said.trim_start())
}
