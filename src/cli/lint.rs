//! `obiscope lint`: what is wrong in a recorded trace, with the octets that prove it and what to do.
//! The rule: it reads line by line, so that a trace of any length fits in memory.

use super::exit::ExitKind;
use super::findings::{self, direction, undirected};
use super::{Failure, argument::counted};
use crate::diagnosis::{Confidence, Engine, Finding, Millis, Observation, Settings, of_note};
use crate::meter::document::{self, Line, line};
use crate::meter::tap::Chunk;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

/// Name what is wrong in a recorded trace or pasted log, and what to do
///
/// Exit status: 0 nothing wrong was found; 1 something certain or likely was; 2 bad input.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// A trace recorded by obiscope, a log with TX and RX lines, hex as pasted, a pcap or pcapng capture, or - for standard input
    #[arg(value_name = "FILE|-")]
    pub input: String,
    /// Print one JSON object instead of text
    #[arg(long)]
    pub json: bool,
}

/// A line is not longer than this.
const LINE: u64 = 1024 * 1024;
/// Bytes without a direction are looked at together, so many at most.
const PASTED: usize = 8 * 1024 * 1024;
/// Meters told apart.
const METERS: usize = 4096;
/// Between lines that say no time.
const STEP: Millis = 20;

pub fn run(args: &Args, out: &mut dyn Write) -> Result<ExitKind, Failure> {
    let mut trace = Trace::default();
    let read = |from: &mut dyn BufRead, trace: &mut Trace| {
        trace
            .read(from)
            .map_err(|error| Failure::usage(&format!("{} cannot be read: {error}", args.input)))
    };
    if args.input == "-" {
        read(&mut io::stdin().lock(), &mut trace)?;
    } else {
        let unread =
            |error: io::Error| Failure::usage(&format!("{} cannot be read: {error}", args.input));
        let mut file = BufReader::with_capacity(1 << 16, File::open(&args.input).map_err(unread)?);
        if document::is_capture(file.fill_buf().map_err(unread)?) {
            trace.captured(Path::new(&args.input), file)?;
        } else {
            read(&mut file, &mut trace)?;
        }
    }
    if trace.octets == 0
        && !trace
            .meters
            .values()
            .any(|meter| !meter.engine.findings().is_empty())
    {
        return Err(Failure::usage(&format!(
            "{} holds no trace: lines such as TX 7EA0070303938C117E, or a trace file of obiscope",
            args.input
        )));
    }
    let (frames, found) = trace.findings();
    report(args.json, frames, &found, out)?;
    let sick = found
        .iter()
        .any(|(_, finding)| finding.confidence >= Confidence::Likely);
    Ok(if sick {
        ExitKind::Partly
    } else {
        ExitKind::Done
    })
}

fn report(
    json: bool,
    frames: u64,
    found: &[(Option<String>, Finding)],
    out: &mut dyn Write,
) -> io::Result<()> {
    if json {
        let all = serde_json::json!({ "frames": frames, "findings": findings::json(found) });
        writeln!(out, "{all}")?;
    } else if found.is_empty() {
        writeln!(
            out,
            "{}: nothing wrong was found",
            counted(frames, "frame", "frames")
        )?;
    } else {
        findings::people(found, out)?;
    }
    out.flush()
}

/// One meter's conversation as its lines come.
#[derive(Debug)]
struct Meter {
    engine: Engine,
    now: Millis,
    pasted: Vec<u8>,
}

#[derive(Debug, Default)]
struct Trace {
    meters: BTreeMap<String, Meter>,
    octets: u64,
    /// The bytes of a line, used again for the next.
    chunk: Vec<u8>,
}

impl Trace {
    fn read(&mut self, from: &mut dyn BufRead) -> io::Result<()> {
        let mut raw = Vec::new();
        for number in 1_usize.. {
            raw.clear();
            if (&mut *from).take(LINE).read_until(b'\n', &mut raw)? == 0 {
                break;
            }
            let text = String::from_utf8_lossy(&raw);
            self.line(number, text.trim_end().trim_start_matches('\u{FEFF}'));
        }
        Ok(())
    }

    fn captured(&mut self, path: &Path, from: impl Read + Send + 'static) -> Result<(), Failure> {
        let wrong = |error: document::ReadError| Failure::usage(&error.to_string());
        for entry in document::from_reader(path, from).map_err(wrong)? {
            let entry = entry.map_err(wrong)?;
            let Some(meter) = self.meter(&entry.meter) else {
                continue;
            };
            meter.now = entry.at.as_millisecond();
            match &entry.what {
                Chunk::Bytes { direction, bytes } => {
                    let chunk = Observation::Bytes((*direction).into(), bytes);
                    meter.engine.observe(meter.now, &chunk);
                    self.octets = self.octets.saturating_add(bytes.len() as u64);
                }
                Chunk::Note(note) => {
                    if let Some(what) = of_note(document::said(note)) {
                        meter.engine.observe(meter.now, &what);
                    }
                }
            }
        }
        Ok(())
    }

    fn meter(&mut self, name: &str) -> Option<&mut Meter> {
        if !self.meters.contains_key(name) {
            if self.meters.len() >= METERS {
                return None;
            }
            self.meters.insert(
                name.to_owned(),
                Meter {
                    engine: Engine::new(Settings::default()),
                    now: 0,
                    pasted: Vec::new(),
                },
            );
        }
        self.meters.get_mut(name)
    }

    /// A line of our own trace files, as most are in a long one.
    fn plain_line(&mut self, text: &str) -> bool {
        let mut chunk = std::mem::take(&mut self.chunk);
        let plain = plain::read(text, &mut chunk);
        if let Some(plain) = &plain {
            self.octets = self.octets.saturating_add(chunk.len() as u64);
            if let Some(meter) = self.meter(plain.meter) {
                meter.clock(plain.at);
                let seen = Observation::Bytes(plain.direction, &chunk);
                meter.engine.observe(meter.now, &seen);
            }
        }
        self.chunk = chunk;
        plain.is_some()
    }

    fn line(&mut self, number: usize, text: &str) {
        if self.plain_line(text) {
            return;
        }
        match line::parse(
            text,
            self.meters.get("").map_or(0, |meter| meter.pasted.len()),
        ) {
            Ok(Line::Bytes(bytes)) => {
                self.octets = self.octets.saturating_add(bytes.octets.len() as u64);
                let Some(meter) = self.meter(bytes.meter.as_deref().unwrap_or_default()) else {
                    return;
                };
                meter.clock(bytes.at.as_deref());
                match bytes.direction {
                    Some(way) => {
                        let chunk = Observation::Bytes(direction(way), &bytes.octets);
                        meter.engine.observe(meter.now, &chunk);
                    }
                    None if meter.pasted.len().saturating_add(bytes.octets.len()) <= PASTED => {
                        meter.pasted.extend(bytes.octets);
                    }
                    None => {
                        meter.paste();
                        meter.pasted.extend(bytes.octets);
                    }
                }
            }
            Ok(Line::Note { meter, at, text }) => {
                let Some(meter) = self.meter(&meter) else {
                    return;
                };
                meter.clock(at.as_deref());
                let Some(what) = of_note(&text) else { return };
                meter.engine.observe(meter.now, &what);
            }
            Ok(Line::Blank | Line::Comment(_)) => {
                if let Some(meter) = self.meters.get_mut("") {
                    meter.paste();
                }
            }
            // Logs are full of prose; some of it says more than its writer knew.
            Err(_) => {
                if let Some(meter) = self.meter("") {
                    meter.engine.log(number, text);
                }
            }
        }
    }

    fn findings(&mut self) -> (u64, Vec<(Option<String>, Finding)>) {
        let mut frames = 0_u64;
        let mut all = Vec::new();
        for (name, meter) in &mut self.meters {
            meter.paste();
            meter.engine.observe(meter.now, &Observation::Quiet);
            frames = frames.saturating_add(meter.engine.frames());
            let found = meter.engine.findings().into_iter();
            all.extend(found.map(|finding| (Some(name.clone()), finding)));
        }
        (frames, all)
    }
}

impl Meter {
    fn paste(&mut self) {
        let bytes = std::mem::take(&mut self.pasted);
        if !bytes.is_empty() {
            undirected(&bytes, self.now, &mut self.engine);
        }
    }

    /// RFC 3339, or a time of day; else a little later than the line before.
    fn clock(&mut self, at: Option<&str>) {
        let said = at.and_then(|at| {
            let at = at.trim();
            at.parse::<jiff::Timestamp>()
                .map(jiff::Timestamp::as_millisecond)
                .or_else(|_| at.parse::<jiff::civil::Time>().map(of_day))
                .ok()
        });
        self.now = said.unwrap_or_else(|| self.now.saturating_add(STEP));
    }
}

fn of_day(time: jiff::civil::Time) -> Millis {
    let seconds =
        i64::from(time.hour()) * 3600 + i64::from(time.minute()) * 60 + i64::from(time.second());
    seconds * 1000 + i64::from(time.millisecond())
}

mod plain;
#[cfg(test)]
mod tests;
