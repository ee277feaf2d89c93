//! The file of all that arrived. The rule: a line is with the operating system before its message is acknowledged, so that
//! who kills the process may count on every acknowledged message being in it.

use super::reason;
use serde::{Deserialize, Serialize};
use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

/// One PUBLISH as it arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Received {
    /// The client id of who sent it.
    pub client: String,
    pub topic: String,
    pub payload: Vec<u8>,
    /// 0 with QoS 0.
    pub packet: u16,
    /// Below 0x80 the broker took it. Else the MQTT 5 reason why not, which a client of 3.1.1 is not told.
    pub reason: u8,
}

impl Received {
    pub fn taken(&self) -> bool {
        self.reason < reason::UNSPECIFIED_ERROR
    }
}

/// The payload in hex: it is bytes, not text.
#[derive(Serialize, Deserialize)]
struct Line {
    client: String,
    topic: String,
    payload: String,
    packet: u16,
    reason: u8,
}

pub(super) struct Sink(File);

impl Sink {
    /// Appends to what is there.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = OpenOptions::new().create(true).append(true).open(path)?;
        Ok(Self(file))
    }

    /// One write for the whole line: there is no buffer of ours that a kill could take.
    pub fn append(&mut self, received: &Received) -> io::Result<()> {
        let mut payload = String::with_capacity(2 * received.payload.len());
        for byte in &received.payload {
            let digits = [byte >> 4, byte & 0x0F];
            payload.extend(
                digits
                    .into_iter()
                    .filter_map(|it| char::from_digit(it.into(), 16)),
            );
        }
        let mut line = serde_json::to_vec(&Line {
            client: received.client.clone(),
            topic: received.topic.clone(),
            payload,
            packet: received.packet,
            reason: received.reason,
        })?;
        line.push(b'\n');
        self.0.write_all(&line)
    }
}

/// What is in the file of a broker that may be running or dead. A last line without its end was cut by a kill before its
/// PUBACK; it does not count.
pub fn read_sink(path: &Path) -> io::Result<Vec<Received>> {
    let text = std::fs::read_to_string(path)?;
    let whole = text.rfind('\n').map_or("", |end| &text[..end]);
    let mut all = Vec::new();
    for (number, line) in whole.lines().enumerate() {
        let wrong = |what: &str| {
            let text = format!("{} line {}: {what}", path.display(), number + 1);
            io::Error::new(io::ErrorKind::InvalidData, text)
        };
        let line: Line = serde_json::from_str(line).map_err(|error| wrong(&error.to_string()))?;
        all.push(Received {
            payload: bytes(&line.payload).ok_or_else(|| wrong("the payload is not hex"))?,
            client: line.client,
            topic: line.topic,
            packet: line.packet,
            reason: line.reason,
        });
    }
    Ok(all)
}

fn bytes(hex: &str) -> Option<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let (pairs, rest) = hex.as_bytes().as_chunks::<2>();
    if !rest.is_empty() {
        return None;
    }
    pairs
        .iter()
        .map(|[high, low]| u8::try_from(digit(high)? << 4 | digit(low)?).ok())
        .collect()
}
