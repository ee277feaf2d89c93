//! Writes a document for Wireshark: each meter a TCP connection on a made-up loopback, notes as packet comments. The one
//! rule: every length, sequence number and checksum is right, so that Wireshark has nothing of its own to complain of.

use super::{Entry, said};
use crate::meter::tap::{Chunk, Direction, Note};
use jiff::Timestamp;
use std::collections::HashMap;
use std::io::{self, Write};

/// Both ends are this computer: the trace knows no addresses.
const ADDRESS: [u8; 4] = [127, 0, 0, 1];
/// The port registered for DLMS/COSEM: Wireshark knows it.
const METER: u16 = 4059;
const CLIENTS: u16 = 50_000;
/// An IP packet holds no more; a longer chunk becomes several.
const MOST_PAYLOAD: usize = 60_000;
const MOST_COMMENT: usize = 60_000;
/// Of one packet.
const MOST_COMMENTS: usize = 64;
/// What stands beside a packet that is not shown as it was.
pub(super) const MASKED: &str = "a secret in this packet stands as stars";

const FIN: u8 = 0x01;
const SYN: u8 = 0x02;
const PSH: u8 = 0x08;
const ACK: u8 = 0x10;

/// A connection as it is made up.
#[derive(Debug)]
struct Line {
    client: u16,
    /// Next sequence number of the client, of the meter.
    sent: u32,
    received: u32,
    open: bool,
    /// For the next packet.
    comments: Vec<String>,
}

/// The meters met so far, in the order they came.
#[derive(Debug)]
pub(super) struct Packets {
    lines: Vec<Line>,
    by_name: HashMap<String, usize>,
    last: Timestamp,
}

impl Packets {
    /// Writes the head of the file.
    pub(super) fn new(out: &mut dyn Write) -> io::Result<Self> {
        header(out)?;
        Ok(Self {
            lines: Vec::new(),
            by_name: HashMap::new(),
            last: Timestamp::UNIX_EPOCH,
        })
    }

    pub(super) fn entry(&mut self, entry: &Entry, out: &mut dyn Write) -> io::Result<()> {
        self.last = entry.at;
        let known = self.lines.len();
        let number = if let Some(number) = self.by_name.get(&entry.meter) {
            *number
        } else {
            self.by_name.insert(entry.meter.clone(), known);
            self.lines.push(Line::new(known, &entry.meter));
            known
        };
        let Some(line) = self.lines.get_mut(number) else {
            return Ok(());
        };
        match &entry.what {
            Chunk::Bytes { direction, bytes } => {
                line.open(entry.at, out)?;
                if entry.masked {
                    line.comments.push(MASKED.to_owned());
                }
                for part in bytes.chunks(MOST_PAYLOAD) {
                    line.packet(entry.at, *direction, PSH | ACK, part, out)?;
                }
                Ok(())
            }
            Chunk::Note(Note::Connected) => {
                line.close(entry.at, out)?;
                line.open(entry.at, out)
            }
            Chunk::Note(Note::Closed) => line.close(entry.at, out),
            Chunk::Note(note) => {
                line.comments.push(said(note).to_owned());
                if line.comments.len() >= MOST_COMMENTS {
                    line.packet(entry.at, Direction::Sent, ACK, &[], out)?;
                }
                Ok(())
            }
        }
    }

    /// Notes that wait for a packet get one.
    pub(super) fn end(mut self, out: &mut dyn Write) -> io::Result<()> {
        for line in self
            .lines
            .iter_mut()
            .filter(|line| !line.comments.is_empty())
        {
            line.packet(self.last, Direction::Sent, ACK, &[], out)?;
        }
        Ok(())
    }
}

impl Line {
    fn new(number: usize, meter: &str) -> Self {
        let number = u16::try_from(number % 15_000).unwrap_or(0);
        let name = (!meter.is_empty()).then(|| format!("meter {meter}"));
        Self {
            client: CLIENTS + number,
            sent: 1000,
            received: 5000,
            open: false,
            comments: name.into_iter().collect(),
        }
    }

    /// The three packets that open a connection.
    fn open(&mut self, at: Timestamp, out: &mut dyn Write) -> io::Result<()> {
        if self.open {
            return Ok(());
        }
        self.open = true;
        self.packet(at, Direction::Sent, SYN, &[], out)?;
        self.packet(at, Direction::Received, SYN | ACK, &[], out)?;
        self.packet(at, Direction::Sent, ACK, &[], out)
    }

    fn close(&mut self, at: Timestamp, out: &mut dyn Write) -> io::Result<()> {
        if !self.open {
            return Ok(());
        }
        self.open = false;
        self.packet(at, Direction::Sent, FIN | ACK, &[], out)?;
        self.packet(at, Direction::Received, FIN | ACK, &[], out)?;
        self.packet(at, Direction::Sent, ACK, &[], out)?;
        // A new connection from the same port must not look like a part of this one.
        self.sent = self.sent.wrapping_add(100_000);
        self.received = self.received.wrapping_add(100_000);
        Ok(())
    }

    fn packet(
        &mut self,
        at: Timestamp,
        direction: Direction,
        flags: u8,
        payload: &[u8],
        out: &mut dyn Write,
    ) -> io::Result<()> {
        let (from, to, number, other) = match direction {
            Direction::Sent => (self.client, METER, self.sent, self.received),
            Direction::Received => (METER, self.client, self.received, self.sent),
        };
        let acknowledged = if flags & ACK == 0 { 0 } else { other };
        let tcp = tcp([from, to], [number, acknowledged], flags, payload);
        let frame = framed(&tcp);
        let spent = u32::try_from(payload.len())
            .unwrap_or(0)
            .wrapping_add(u32::from(flags & (SYN | FIN) != 0));
        match direction {
            Direction::Sent => self.sent = self.sent.wrapping_add(spent),
            Direction::Received => self.received = self.received.wrapping_add(spent),
        }
        let comments = std::mem::take(&mut self.comments);
        enhanced(at, &frame, &comments, out)
    }
}

fn tcp(ports: [u16; 2], numbers: [u32; 2], flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(20 + payload.len());
    for port in ports {
        out.extend(port.to_be_bytes());
    }
    for number in numbers {
        out.extend(number.to_be_bytes());
    }
    // Header of five words, the flags, the whole window; checksum and urgent pointer.
    out.extend([0x50, flags, 0xFF, 0xFF, 0, 0, 0, 0]);
    out.extend(payload);
    let mut pseudo = Vec::with_capacity(12 + out.len());
    pseudo.extend(ADDRESS);
    pseudo.extend(ADDRESS);
    pseudo.extend([0, 6]);
    pseudo.extend(short(out.len()).to_be_bytes());
    pseudo.extend(&out);
    let [high, low] = checksum(&pseudo).to_be_bytes();
    out[16] = high;
    out[17] = low;
    out
}

/// In IPv4 and Ethernet between two cards of no address.
fn framed(tcp: &[u8]) -> Vec<u8> {
    let mut ip = vec![0x45, 0];
    ip.extend(short(20 + tcp.len()).to_be_bytes());
    // Identification, don't fragment, hops, TCP, checksum.
    ip.extend([0, 0, 0x40, 0, 64, 6, 0, 0]);
    ip.extend(ADDRESS);
    ip.extend(ADDRESS);
    let [high, low] = checksum(&ip).to_be_bytes();
    ip[10] = high;
    ip[11] = low;
    let mut out = vec![0; 12];
    out.extend([0x08, 0x00]);
    out.extend(ip);
    out.extend(tcp);
    out
}

/// Of the Internet: ones' complement of the ones' complement sum (RFC 1071).
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|two| {
            let low = two.get(1).copied().unwrap_or(0);
            u32::from(two[0]) << 8 | u32::from(low)
        })
        .fold(0, u32::wrapping_add);
    while sum > 0xFFFF {
        sum = (sum & 0xFFFF) + (sum >> 16);
    }
    !short(sum as usize)
}

fn short(n: usize) -> u16 {
    u16::try_from(n).unwrap_or(u16::MAX)
}

/// Section header, and one Ethernet interface with times in nanoseconds.
fn header(out: &mut dyn Write) -> io::Result<()> {
    let mut section = Vec::new();
    section.extend(0x1A2B_3C4D_u32.to_le_bytes());
    section.extend([1, 0, 0, 0]);
    section.extend([0xFF; 8]);
    option(&mut section, 4, b"obiscope");
    section.extend([0; 4]);
    block(0x0A0D_0D0A, &section, out)?;
    let mut interface = vec![1, 0, 0, 0];
    interface.extend(262_144_u32.to_le_bytes());
    option(&mut interface, 2, b"trace");
    option(&mut interface, 9, &[9]);
    interface.extend([0; 4]);
    block(1, &interface, out)
}

fn enhanced(
    at: Timestamp,
    frame: &[u8],
    comments: &[String],
    out: &mut dyn Write,
) -> io::Result<()> {
    let nanos = u64::try_from(at.as_nanosecond()).unwrap_or(0).to_le_bytes();
    let length = u32::try_from(frame.len()).unwrap_or(0).to_le_bytes();
    let mut body = vec![0; 4];
    body.extend(&nanos[4..]);
    body.extend(&nanos[..4]);
    body.extend(length);
    body.extend(length);
    body.extend(frame);
    body.resize(body.len().next_multiple_of(4), 0);
    for text in comments {
        let end = text.floor_char_boundary(MOST_COMMENT);
        option(&mut body, 1, &text.as_bytes()[..end]);
    }
    if !comments.is_empty() {
        body.extend([0; 4]);
    }
    block(6, &body, out)
}

fn option(body: &mut Vec<u8>, code: u16, value: &[u8]) {
    body.extend(code.to_le_bytes());
    body.extend(short(value.len()).to_le_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

fn block(kind: u32, body: &[u8], out: &mut dyn Write) -> io::Result<()> {
    let total = u32::try_from(body.len() + 12)
        .unwrap_or(u32::MAX)
        .to_le_bytes();
    out.write_all(&kind.to_le_bytes())?;
    out.write_all(&total)?;
    out.write_all(body)?;
    out.write_all(&total)
}
