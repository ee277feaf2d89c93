//! `obiscope trace convert`: a recorded trace in another form. The one rule: secrets stay behind unless asked for, and
//! nothing half-written is left.

use super::Failure;
use super::exit::ExitKind;
use crate::meter::document::{
    self, Entries, Format, ReadError, Redaction, Redactor, SaveError, Writer,
};
use std::collections::VecDeque;
use std::fs::File;
use std::io::{IsTerminal, Read, Seek, Write};
use std::path::{Path, PathBuf};

/// Work with recorded traces
#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Write a trace in another form, without its secrets
    Convert(Args),
}

#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Recorded trace, pasted hex log, pcap or pcapng; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The form; without it, by the name of --out
    #[arg(long, value_enum, value_name = "FORM")]
    to: Option<To>,
    /// Write here instead of to standard output
    #[arg(long, short = 'o', value_name = "FILE")]
    out: Option<PathBuf>,
    /// Replace --out if it exists
    #[arg(long, requires = "out")]
    force: bool,
    /// Leave serial numbers, device names and system titles as they are; so it is without a word
    #[arg(long, conflicts_with = "redact_serials")]
    show_serials: bool,
    /// Star out serial numbers, device names and system titles too
    #[arg(long)]
    redact_serials: bool,
    /// Keep passwords and keys: for your own eyes only
    #[arg(long)]
    keep_secrets: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum To {
    /// One JSON object a line, as --trace records
    Jsonl,
    /// Times, bytes and what they mean
    Text,
    /// TX and RX and bytes, nothing else
    Hex,
    /// For Wireshark
    Pcapng,
}

impl From<To> for Format {
    fn from(to: To) -> Self {
        match to {
            To::Jsonl => Self::Jsonl,
            To::Text => Self::Text,
            To::Hex => Self::Hex,
            To::Pcapng => Self::Pcapng,
        }
    }
}

impl From<ReadError> for Failure {
    fn from(error: ReadError) -> Self {
        Self::usage(&error)
    }
}

pub fn run(command: &Command, out: &mut dyn Write) -> Result<ExitKind, Failure> {
    let Command::Convert(args) = command;
    let by_name = || args.out.as_deref().and_then(Format::of);
    let format = args.to.map(Format::from).or_else(by_name).ok_or_else(|| {
        Failure::usage(
            "say what to write: --to jsonl, text, hex or pcapng, or an --out that ends so",
        )
    })?;
    if format == Format::Pcapng && args.out.is_none() && std::io::stdout().is_terminal() {
        return Err(Failure::usage(
            "pcapng is not for a terminal: add --out FILE.pcapng, or pipe it into Wireshark (wireshark -k -i -)",
        ));
    }
    let what = Redaction {
        secrets: !args.keep_secrets,
        serials: args.redact_serials && !args.show_serials,
    };
    let source = Source::of(&args.file)?;
    let Some(path) = &args.out else {
        // Nothing is written before the whole was gone through once, so that bad input leaves nothing half-written.
        let learned = source.learn(what)?;
        let mut stopped = None;
        source
            .write(learned, format, out, &mut stopped)
            .and_then(|()| out.flush())
            .map_err(|error| stopped.unwrap_or_else(|| Failure::output(&error)))?;
        return Ok(ExitKind::Done);
    };
    if document::same_file(&args.file, path) {
        return Err(Failure::usage(&format!(
            "{} is the trace that is read: give the new one another name",
            path.display()
        )));
    }
    if !args.force && path.symlink_metadata().is_ok() {
        return Err(exists(path));
    }
    let learned = source.learn(what)?;
    let mut stopped = None;
    document::save(path, args.force, |file| {
        source.write(learned, format, file, &mut stopped)
    })
    .map_err(|error| match (stopped, error) {
        (Some(stopped), _) => stopped,
        (None, SaveError::Exists(path)) => exists(&path),
        (None, error) => Failure {
            kind: ExitKind::Partly,
            words: error.to_string(),
        },
    })?;
    Ok(ExitKind::Done)
}

fn exists(path: &Path) -> Failure {
    Failure::usage(&format!(
        "{} exists already: --force replaces it",
        path.display()
    ))
}

/// A trace that can be read twice: what to hide is learned first.
enum Source {
    File(PathBuf),
    /// What came by a pipe.
    Spooled(File),
}

impl Source {
    fn of(path: &Path) -> Result<Self, Failure> {
        let failed = |error| Failure::usage(&format!("{} cannot be read: {error}", path.display()));
        let mut pipe: Box<dyn Read> = if path == Path::new("-") {
            Box::new(std::io::stdin())
        } else {
            match path.metadata() {
                Ok(about) if !about.is_file() && !about.is_dir() => {
                    Box::new(File::open(path).map_err(failed)?)
                }
                _ => return Ok(Self::File(path.to_owned())),
            }
        };
        document::spool(&mut pipe)
            .map(Self::Spooled)
            .map_err(failed)
    }

    fn entries(&self) -> Result<Entries, Failure> {
        match self {
            Self::File(path) => Ok(document::open(path)?),
            Self::Spooled(file) => {
                let again = file.try_clone().and_then(|mut file| {
                    file.rewind()?;
                    Ok(file)
                });
                let file = again.map_err(|error| Failure::usage(&error))?;
                Ok(document::from_reader(Path::new("standard input"), file)?)
            }
        }
    }

    fn learn(&self, what: Redaction) -> Result<Redactor, Failure> {
        let mut redactor = Redactor::new(what);
        let mut aside = VecDeque::new();
        for entry in self.entries()? {
            redactor.take(entry?, &mut aside);
            aside.clear();
        }
        redactor.end(&mut aside);
        Ok(redactor.again())
    }

    /// `stopped`: why the trace could not be read on.
    fn write(
        &self,
        mut redactor: Redactor,
        format: Format,
        out: &mut dyn Write,
        stopped: &mut Option<Failure>,
    ) -> std::io::Result<()> {
        let mut stop = |failure: Failure| {
            *stopped = Some(failure);
            std::io::Error::other("the trace could not be read on")
        };
        let mut writer = Writer::new(format, out)?;
        let mut ready = VecDeque::new();
        for entry in self.entries().map_err(&mut stop)? {
            redactor.take(entry.map_err(|e| stop(e.into()))?, &mut ready);
            for entry in ready.drain(..) {
                writer.entry(&entry, out)?;
            }
        }
        redactor.end(&mut ready);
        for entry in ready.drain(..) {
            writer.entry(&entry, out)?;
        }
        writer.end(out)
    }
}

#[cfg(test)]
mod tests;
