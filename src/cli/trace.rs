//! `obiscope trace convert`: a recorded trace in another form. The one rule: secrets stay behind unless asked for, and
//! nothing half-written is left.

use super::Failure;
use super::exit::ExitKind;
use crate::meter::document::{self, Format, ReadError, Redaction};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;

/// Work with recorded traces
#[derive(clap::Subcommand, Debug)]
pub enum Command {
    /// Write a trace in another form, without its secrets
    Convert(Args),
}

#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Recorded trace, pasted hex log, pcap or pcapng; - for standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The form; without it, by the name of --out
    #[arg(long, value_enum, value_name = "FORM")]
    to: Option<To>,
    /// Write here instead of to standard output
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
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
    let mut entries = document::open(&args.file)?.collect::<Result<Vec<_>, _>>()?;
    document::redact(
        &mut entries,
        Redaction {
            secrets: !args.keep_secrets,
            serials: args.redact_serials && !args.show_serials,
        },
    );
    match &args.out {
        Some(path) => document::save(path, |file| document::write(&entries, format, file))
            .map_err(|error| Failure {
                kind: ExitKind::Partly,
                words: format!(
                    "{} cannot be written: {error}; nothing was changed",
                    path.display()
                ),
            })?,
        None => {
            document::write(&entries, format, out)
                .and_then(|()| out.flush())
                .map_err(|error| Failure::output(&error))?;
        }
    }
    Ok(ExitKind::Done)
}
