//! The trace file: one JSON object a line, complete and in order. A line is written whole or the file ends before it.

use super::Direction;
use crate::meter::clock::rfc3339;
use jiff::Timestamp;
use std::fmt::Write as _;
use std::io::{self, Write as _};
use std::path::Path;

#[derive(Debug)]
pub(super) struct File {
    out: std::fs::File,
    /// The meter's name as a JSON string, quotes included.
    meter: String,
    line: String,
}

impl File {
    pub(super) fn open(path: &Path, meter: &str) -> io::Result<Self> {
        let mut options = std::fs::OpenOptions::new();
        options.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        Ok(Self {
            out: options.open(path)?,
            meter: serde_json::Value::from(meter).to_string(),
            line: String::new(),
        })
    }

    pub(super) fn bytes(
        &mut self,
        at: Timestamp,
        direction: Direction,
        bytes: &[u8],
        masked: bool,
    ) -> io::Result<()> {
        self.begin(at);
        self.line.push_str(match direction {
            Direction::Sent => r#","dir":"tx","hex":""#,
            Direction::Received => r#","dir":"rx","hex":""#,
        });
        for byte in bytes {
            // Writing to a String cannot fail.
            let _ = write!(self.line, "{byte:02X}");
        }
        self.line.push('"');
        if masked {
            self.line.push_str(r#","masked":true"#);
        }
        self.end()
    }

    pub(super) fn note(&mut self, at: Timestamp, text: &str) -> io::Result<()> {
        self.begin(at);
        let _ = write!(self.line, r#","note":{}"#, serde_json::Value::from(text));
        self.end()
    }

    fn begin(&mut self, at: Timestamp) {
        self.line.clear();
        let _ = write!(
            self.line,
            r#"{{"at":"{}","meter":{}"#,
            rfc3339(at),
            self.meter
        );
    }

    fn end(&mut self) -> io::Result<()> {
        self.line.push_str("}\n");
        self.out.write_all(self.line.as_bytes())
    }
}
