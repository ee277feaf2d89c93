//! A CSV file that is not whole yet: FILE.partial, and beside it FILE.partial.json, which says how much of it counts and
//! where the meter's buffer was left. Either the file has its name and is whole, or these two say how to go on.

use super::Args;
use super::cursor::Cursor;
use crate::cli::Failure;
use crate::cli::exit::ExitKind;
use crate::cosem::profile::CaptureObject;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

/// What was asked for: a broken read is only gone on with by the same question.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    meter: String,
    profile: String,
    from: Option<String>,
    to: Option<String>,
    last: Option<u32>,
}

impl Asked {
    pub fn of(args: &Args, meter: &str) -> Self {
        Self {
            meter: meter.to_owned(),
            profile: args.obis.to_string(),
            from: args.from.map(|from| from.to_string()),
            to: args.to.map(|to| to.to_string()),
            last: args.last,
        }
    }
}

/// How far the read was when the last part was written down.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Saved {
    pub asked: Asked,
    /// Class, OBIS code, attribute and index of each column.
    pub columns: Vec<String>,
    /// Octets of the CSV file that count; what is behind them was cut off half-way.
    pub bytes: u64,
    pub rows: u64,
    pub total: Option<u64>,
    pub cursor: Cursor,
}

pub(super) fn named(columns: &[CaptureObject]) -> Vec<String> {
    let each = columns.iter();
    each.map(|column| format!("{}/{}", column.attribute, column.index))
        .collect()
}

pub(super) struct Partial {
    file: BufWriter<File>,
    path: PathBuf,
    /// `None` for a pipe or a device: there is nothing to rename and nothing to go on with.
    beside: Option<Beside>,
    bytes: u64,
    asked: Asked,
}

struct Beside {
    partial: PathBuf,
    state: PathBuf,
}

impl Partial {
    /// Opens the file, anew or where it was left.
    pub fn open(path: &Path, resume: bool, asked: Asked) -> Result<(Self, Option<Saved>), Failure> {
        let wrong = |path: &Path, error: &dyn std::fmt::Display| {
            Failure::usage(&format!("--csv {}: {error}", path.display()))
        };
        let special = fs::metadata(path).is_ok_and(|about| !about.is_file());
        if special {
            let file = OpenOptions::new().write(true).open(path);
            let file = BufWriter::new(file.map_err(|error| wrong(path, &error))?);
            let partial = Self {
                file,
                path: path.to_owned(),
                beside: None,
                bytes: 0,
                asked,
            };
            return Ok((partial, None));
        }
        let beside = Beside {
            partial: with_suffix(path, ".partial"),
            state: with_suffix(path, ".partial.json"),
        };
        let saved = if resume {
            Some(saved(&beside, &asked).map_err(|words| wrong(path, &words))?)
        } else {
            None
        };
        let mut options = OpenOptions::new();
        options.write(true);
        if saved.is_none() {
            options.create_new(true);
        }
        let mut file = options.open(&beside.partial).map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                let words =
                    "it is left of a read that broke off; --resume goes on with it, or remove it";
                return wrong(&beside.partial, &words);
            }
            wrong(&beside.partial, &error)
        })?;
        let bytes = saved.as_ref().map_or(0, |saved| saved.bytes);
        file.set_len(bytes)
            .and_then(|()| file.seek(SeekFrom::Start(bytes)))
            .map_err(|error| wrong(&beside.partial, &error))?;
        let partial = Self {
            file: BufWriter::new(file),
            path: path.to_owned(),
            beside: Some(beside),
            bytes,
            asked,
        };
        Ok((partial, saved))
    }

    /// What was written so far counts from now on.
    pub fn keep(
        &mut self,
        columns: &[CaptureObject],
        rows: u64,
        total: Option<u64>,
        cursor: &Cursor,
    ) -> io::Result<()> {
        self.file.flush()?;
        let Some(beside) = &self.beside else {
            return Ok(());
        };
        let saved = Saved {
            asked: self.asked.clone(),
            columns: named(columns),
            bytes: self.bytes,
            rows,
            total,
            cursor: cursor.clone(),
        };
        let new = with_suffix(&beside.state, ".new");
        fs::write(&new, serde_json::to_vec(&saved)?)?;
        fs::rename(new, &beside.state)
    }

    /// It is whole: it gets its name.
    pub fn finish(mut self) -> io::Result<()> {
        self.file.flush()?;
        let Some(beside) = &self.beside else {
            return Ok(());
        };
        self.file.get_ref().sync_all()?;
        fs::rename(&beside.partial, &self.path)?;
        gone(&beside.state)
    }

    /// It broke off; what to tell. Nothing is left where nothing came.
    pub fn leave(self, rows: u64) -> Option<String> {
        let beside = self.beside.as_ref()?;
        if rows == 0 {
            let _ = gone(&beside.partial);
            let _ = gone(&beside.state);
            return None;
        }
        Some(format!(
            "{rows} row(s) are kept in {}; the same command with --resume goes on from there",
            beside.partial.display()
        ))
    }
}

impl Write for Partial {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let written = self.file.write(bytes)?;
        self.bytes += written as u64;
        Ok(written)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

fn saved(beside: &Beside, asked: &Asked) -> Result<Saved, String> {
    let state = beside.state.display();
    let bytes = fs::read(&beside.state).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => format!("there is no {state}, so nothing to go on with"),
        _ => format!("{state}: {error}"),
    })?;
    let saved: Saved = serde_json::from_slice(&bytes)
        .map_err(|error| format!("{state} is damaged: {error}; remove it and start anew"))?;
    if saved.asked != *asked {
        return Err(format!(
            "{} was begun for another question ({}); ask the same, or remove it and start anew",
            beside.partial.display(),
            saved.asked.words()
        ));
    }
    let there = fs::metadata(&beside.partial).map_or(0, |about| about.len());
    if there < saved.bytes {
        let partial = beside.partial.display();
        return Err(format!(
            "{partial} has {there} bytes where {} were written; remove it and start anew",
            saved.bytes
        ));
    }
    Ok(saved)
}

impl Asked {
    fn words(&self) -> String {
        let mut words = format!("{} {}", self.meter, self.profile);
        if let Some((from, to)) = self.from.as_ref().zip(self.to.as_ref()) {
            let _ = write!(words, " --from {from} --to {to}");
        }
        if let Some(last) = self.last {
            let _ = write!(words, " --last {last}");
        }
        words
    }
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

fn gone(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// What a failure of the file says.
pub(super) fn failure(path: &Path, error: &io::Error) -> Failure {
    Failure {
        kind: ExitKind::Local,
        words: format!("--csv {}: {error}", path.display()),
    }
}
