//! What `meter` and `broker` share: how they fail, how they ask before destroying, how secrets come in.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::Path;

use super::exit::ExitKind;
use crate::cosem::data::printable;
use crate::dlms::security::Secret;
use crate::meter::definition::FieldError;
use crate::store::StoreError;

/// Longer than any password or token: what comes from such a file is something else.
const LONGEST_SECRET: usize = 4096;

#[derive(Debug, thiserror::Error)]
pub enum Error {
    #[error("{0}")]
    Input(String),
    #[error("{0}")]
    Store(#[from] StoreError),
    #[error("{0}")]
    Broker(String),
    #[error("cannot write the answer: {0}")]
    Output(#[from] io::Error),
}

impl Error {
    pub fn exit(&self) -> ExitKind {
        match self {
            Self::Input(_) => ExitKind::Usage,
            Self::Store(error) if error.is_request() => ExitKind::Usage,
            Self::Store(_) | Self::Broker(_) => ExitKind::Local,
            Self::Output(_) => ExitKind::Partly,
        }
    }
}

impl From<FieldError> for Error {
    fn from(error: FieldError) -> Self {
        Self::Input(error.to_string())
    }
}

impl From<Vec<FieldError>> for Error {
    fn from(errors: Vec<FieldError>) -> Self {
        let lines: Vec<_> = errors.iter().map(ToString::to_string).collect();
        Self::Input(lines.join("\n"))
    }
}

/// From a variable or a file; never from an argument, which every user of the machine can read.
pub(super) fn secret(
    what: &str,
    variable: Option<&str>,
    file: Option<&Path>,
) -> Result<Option<Secret>, Error> {
    let bytes = match (variable, file) {
        (Some(_), Some(_)) => {
            return Err(Error::Input(format!(
                "{what}: give the variable or the file, not both"
            )));
        }
        (Some(variable), None) => std::env::var_os(variable)
            .map(OsString::into_vec)
            .ok_or_else(|| {
                Error::Input(format!(
                    "{what}: the environment variable {variable} is not set; set it, or name a file instead"
                ))
            })?,
        (None, Some(file)) => from_file(file)
            .map_err(|error| Error::Input(format!("{what}: {} cannot be read: {error}", file.display())))?,
        (None, None) => return Ok(None),
    };
    if bytes.is_empty() {
        return Err(Error::Input(format!("{what}: it is empty")));
    }
    if bytes.len() > LONGEST_SECRET {
        return Err(Error::Input(format!(
            "{what}: it is longer than {LONGEST_SECRET} bytes; is that the right place?"
        )));
    }
    Ok(Some(Secret::new(bytes)))
}

/// Its first line.
fn from_file(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?
        .take(LONGEST_SECRET as u64 + 2)
        .read_to_end(&mut bytes)?;
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or(&[]);
    Ok(line.strip_suffix(b"\r").unwrap_or(line).to_vec())
}

/// Whether there is anyone to ask.
pub(super) fn asks_at_a_terminal() -> bool {
    io::stdin().is_terminal()
}

/// Asks on the terminal (by way of stderr: stdout carries results); without one nothing is destroyed unasked.
pub(super) fn confirmed(question: &str) -> Result<bool, Error> {
    let input = io::stdin();
    if !input.is_terminal() {
        return Err(Error::Input(format!(
            "{question} There is no terminal to ask on; say --yes to do it"
        )));
    }
    let mut out = io::stderr();
    write!(out, "{} [y/N] ", printable(question))?;
    out.flush()?;
    let mut answer = String::new();
    // A word, not a flood.
    input.lock().take(64).read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}
