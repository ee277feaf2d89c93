//! What `listen` is asked for: the line, the keys, how long. Keys come from a file or the environment, never as an argument.

use super::super::link_security::keys;
use super::super::{Failure, argument};
use crate::dlms::push::Reader;
use crate::dlms::security::SystemTitle;
use std::path::PathBuf;
use std::time::Duration;

#[derive(Debug, clap::Args)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is a flag of the command line"
)]
#[command(after_long_help = "Nothing is ever sent on the line.\n\n\
    Framing is recognised by itself: HDLC frames (UI or I, segmented or not), M-Bus long frames, wrapper PDUs, bare \
    APDUs; messages over several segments or general blocks are joined. P1 telegrams are named, not decoded.\n\n\
    A value is called verified only where the meter's tag or signature was there and right. What came in clear, or \
    encrypted without a tag, is shown and marked NOT VERIFIED. Where a tag is there but the network operator keeps the \
    authentication key, --decrypt-without-verify shows the values all the same, each marked \"verified\": false.\n\n\
    An invocation counter that does not rise (a repetition, or a replay by somebody else) is shown and marked, and is not \
    a reading: in JSON it is of the kind \"replay\", and --count does not count it. Counters are remembered while \
    listen runs.\n\n\
    Without --baud and --parity a serial line is tried at 2400 8E1, 2400 8N1, 9600 8N1 and 115200 8N1 until something is \
    recognised.")]
pub struct Args {
    /// A serial device (/dev/ttyUSB0), or the ADDR:PORT to listen on (0.0.0.0:4059)
    #[arg(value_name = "SERIAL|ADDR")]
    pub target: String,
    /// Listen for datagrams instead of connections
    #[arg(long)]
    pub udp: bool,
    /// Baud rate of a serial line [usual: found out]
    #[arg(long, value_name = "BAUD", value_parser = |text: &str| argument::whole::<u32>(text, 300, 921_600))]
    pub baud: Option<u32>,
    /// Parity of a serial line [usual: found out]
    #[arg(long, value_enum)]
    pub parity: Option<Parity>,
    /// Environment variable that holds the keys: ek=HEX [ak=HEX …]
    #[arg(long, value_name = "VAR", conflicts_with = "keys_file")]
    pub keys_env: Option<String>,
    /// File that holds the keys: ek=HEX [ak=HEX …]
    #[arg(long, value_name = "FILE")]
    pub keys_file: Option<PathBuf>,
    /// The meter's system title, where its messages leave it out; messages with another are refused
    #[arg(long, value_name = "HEX")]
    pub system_title: Option<SystemTitle>,
    /// Show values whose tag cannot be verified, each marked as not verified
    #[arg(long)]
    pub decrypt_without_verify: bool,
    /// End after so many readings
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub count: Option<u64>,
    /// End after this time; status 1 if nothing was read, or fewer than --count
    #[arg(long = "for", value_name = "TIME", value_parser = argument::time)]
    pub duration: Option<Duration>,
    /// Print JSON: one object a line
    #[arg(long)]
    pub json: bool,
    /// Show the octets of each message too: as sent, and opened
    #[arg(long)]
    pub raw: bool,
    /// Append every byte received to this file, as JSON lines
    #[arg(long, value_name = "FILE")]
    pub trace: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Parity {
    None,
    Even,
    Odd,
}

/// Where to listen.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Place {
    Network(String),
    Serial(PathBuf),
}

impl Args {
    pub(super) fn place(&self) -> Result<Place, Failure> {
        let serial = is_device(&self.target);
        let port = self.target.rsplit_once(':').map(|(_, port)| port);
        match port.map(str::parse::<u16>) {
            _ if serial && self.udp => Err(Failure::usage(&format!(
                "--udp goes with an address such as 0.0.0.0:4059, not with {}",
                self.target
            ))),
            _ if serial => Ok(Place::Serial(PathBuf::from(&self.target))),
            Some(Ok(_)) if self.baud.is_some() || self.parity.is_some() => Err(Failure::usage(
                "--baud and --parity go with a serial device such as /dev/ttyUSB0",
            )),
            Some(Ok(_)) => Ok(Place::Network(self.target.clone())),
            _ => Err(Failure::usage(&format!(
                "{:?} is neither a serial device (/dev/ttyUSB0) nor an address to listen on (0.0.0.0:4059)",
                self.target
            ))),
        }
    }

    pub(super) fn reader(&self) -> Result<Reader, Failure> {
        let mut reader = Reader::new();
        let keys = keys(self.keys_env.as_deref(), self.keys_file.as_deref())
            .map_err(|error| Failure::usage(&error.to_string()))?;
        match keys {
            Some(keys) => {
                reader = reader
                    .with_keys(keys)
                    .map_err(|error| Failure::usage(&format!("keys: {error}")))?;
            }
            None if self.decrypt_without_verify => {
                return Err(Failure::usage(
                    "--decrypt-without-verify needs the encryption key: --keys-file FILE or --keys-env VAR",
                ));
            }
            None => {}
        }
        if let Some(title) = self.system_title {
            reader = reader.with_title(title);
        }
        if self.decrypt_without_verify {
            reader = reader.unverified_too();
        }
        Ok(reader)
    }
}

/// A path, or the name Windows gives its ports.
fn is_device(target: &str) -> bool {
    target.starts_with('/')
        || target.starts_with("./")
        || target.starts_with("../")
        || target
            .strip_prefix("COM")
            .is_some_and(|number| number.parse::<u8>().is_ok())
}
