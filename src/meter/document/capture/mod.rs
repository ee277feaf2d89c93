//! Packet captures: pcap and pcapng, block by block. The one rule: a length is believed only within bounds, and what
//! breaks the file is named with its place.

mod flow;
mod packet;

use super::Entry;
use super::read::Stop;
use flow::Flows;
use jiff::Timestamp;
use std::collections::VecDeque;
use std::io::{BufRead, Read};

/// No packet is longer; a length beyond is a broken file.
const MOST_PACKET: u32 = 1024 * 1024;
const MOST_BLOCK: u32 = 16 * 1024 * 1024;
const MOST_INTERFACES: usize = 1024;

/// pcap in both byte orders and resolutions, and pcapng.
pub fn is_capture(bytes: &[u8]) -> bool {
    matches!(
        bytes,
        [0xD4, 0xC3, 0xB2, 0xA1, ..]
            | [0xA1, 0xB2, 0xC3, 0xD4, ..]
            | [0x4D, 0x3C, 0xB2, 0xA1, ..]
            | [0xA1, 0xB2, 0x3C, 0x4D, ..]
            | [0x0A, 0x0D, 0x0D, 0x0A, ..]
    )
}

/// One packet as captured.
struct Packet {
    at: Timestamp,
    /// LINKTYPE of the capture file.
    link: u16,
    data: Vec<u8>,
    comments: Vec<String>,
}

/// One interface of a pcapng section.
#[derive(Clone, Copy)]
struct Interface {
    link: u16,
    snap: u32,
    /// Ticks a second.
    ticks: u64,
    /// Seconds to add.
    offset: i64,
}

enum Kind {
    Unknown,
    Old { link: u16, ticks: u64 },
    New(Vec<Interface>),
}

pub(super) struct Capture {
    from: Box<dyn BufRead + Send>,
    offset: u64,
    little: bool,
    kind: Kind,
    last: Timestamp,
    flows: Flows,
    ready: VecDeque<Entry>,
    over: bool,
}

impl Capture {
    pub(super) fn new(from: Box<dyn BufRead + Send>) -> Self {
        Self {
            from,
            offset: 0,
            little: true,
            kind: Kind::Unknown,
            last: Timestamp::UNIX_EPOCH,
            flows: Flows::default(),
            ready: VecDeque::new(),
            over: false,
        }
    }

    pub(super) fn next(&mut self) -> Result<Option<Entry>, Stop> {
        loop {
            if let Some(entry) = self.ready.pop_front() {
                return Ok(Some(entry));
            }
            if self.over {
                return Ok(None);
            }
            if let Some(packet) = self.packet()? {
                self.last = packet.at;
                let segment = packet::parse(packet.link, &packet.data);
                self.flows
                    .take(packet.at, segment, packet.comments, &mut self.ready);
            } else {
                self.over = true;
                self.flows.end(self.last, &mut self.ready);
            }
        }
    }

    fn packet(&mut self) -> Result<Option<Packet>, Stop> {
        if matches!(self.kind, Kind::Unknown) {
            self.begin()?;
        }
        loop {
            let found = match &self.kind {
                Kind::Old { link, ticks } => return self.old(*link, *ticks),
                _ => self.block()?,
            };
            match found {
                Block::Packet(packet) => return Ok(Some(packet)),
                Block::Other => {}
                Block::End => return Ok(None),
            }
        }
    }

    fn begin(&mut self) -> Result<(), Stop> {
        let magic: [u8; 4] = array(self.from.fill_buf()?, 0);
        if magic == [0x0A, 0x0D, 0x0D, 0x0A] {
            self.kind = Kind::New(Vec::new());
            return Ok(());
        }
        let header = self
            .bytes(24)?
            .ok_or(self.broken("it ends in its header"))?;
        self.little = magic[0] != 0xA1;
        let nanos = magic.contains(&0x3C);
        self.kind = Kind::Old {
            link: low(self.u32(&header, 20)),
            ticks: if nanos { 1_000_000_000 } else { 1_000_000 },
        };
        Ok(())
    }

    fn old(&mut self, link: u16, ticks: u64) -> Result<Option<Packet>, Stop> {
        let Some(head) = self.bytes(16)? else {
            return Ok(None);
        };
        let length = self.u32(&head, 8);
        if length > MOST_PACKET {
            return Err(self.broken("a packet says it is longer than any is"));
        }
        let cut = self.broken("it ends inside a packet");
        let data = self.bytes(length)?.ok_or(cut)?;
        let (seconds, part) = (self.u32(&head, 0), self.u32(&head, 4));
        let at = moment(u64::from(seconds) * ticks + u64::from(part), ticks, 0);
        Ok(Some(Packet {
            at,
            link,
            data,
            comments: Vec::new(),
        }))
    }

    fn block(&mut self) -> Result<Block, Stop> {
        let Some(head) = self.bytes(8)? else {
            return Ok(Block::End);
        };
        let section = head.starts_with(&[0x0A, 0x0D, 0x0D, 0x0A]);
        let mut body = Vec::new();
        if section {
            // The byte order stands behind the length that needs it.
            let cut = self.broken("it ends inside a section header");
            body = self.bytes(4)?.ok_or(cut)?;
            self.little = body == [0x4D, 0x3C, 0x2B, 0x1A];
            self.kind = Kind::New(Vec::new());
        }
        let total = self.u32(&head, 4);
        let so_far = 12 + low32(body.len());
        if total < so_far || total > MOST_BLOCK || !total.is_multiple_of(4) {
            return Err(self.broken("a block says an impossible length"));
        }
        let cut = self.broken("it ends inside a block");
        body.extend(self.bytes(total - so_far)?.ok_or(cut)?);
        let cut = self.broken("it ends inside a block");
        self.bytes(4)?.ok_or(cut)?;
        if section {
            return Ok(Block::Other);
        }
        Ok(match self.u32(&head, 0) {
            1 => {
                self.interface(&body);
                Block::Other
            }
            // Packet (obsolete), simple packet, enhanced packet.
            kind @ (2 | 3 | 6) => self
                .captured(kind, &body)
                .map_or(Block::Other, Block::Packet),
            _ => Block::Other,
        })
    }

    fn interface(&mut self, body: &[u8]) {
        let mut new = Interface {
            link: self.u16(body, 0),
            snap: self.u32(body, 4),
            ticks: 1_000_000,
            offset: 0,
        };
        for (code, value) in self.options(body, 8) {
            match (code, value.as_slice()) {
                (9, [by]) => {
                    let base: u64 = if by & 0x80 == 0 { 10 } else { 2 };
                    new.ticks = base.checked_pow(u32::from(by & 0x7F)).unwrap_or(u64::MAX);
                }
                (14, value) if value.len() == 8 => {
                    let octets = array(value, 0);
                    new.offset = if self.little {
                        i64::from_le_bytes(octets)
                    } else {
                        i64::from_be_bytes(octets)
                    };
                }
                _ => {}
            }
        }
        if let Kind::New(interfaces) = &mut self.kind
            && interfaces.len() < MOST_INTERFACES
        {
            interfaces.push(new);
        }
    }

    fn captured(&self, kind: u32, body: &[u8]) -> Option<Packet> {
        let Kind::New(interfaces) = &self.kind else {
            return None;
        };
        if kind == 3 {
            let on = interfaces.first()?;
            let mut length = self.u32(body, 0);
            if on.snap > 0 {
                length = length.min(on.snap);
            }
            let end = body.len().min(4 + length as usize);
            return Some(Packet {
                at: self.last,
                link: on.link,
                data: body.get(4..end)?.to_vec(),
                comments: Vec::new(),
            });
        }
        let number = match kind {
            2 => u32::from(self.u16(body, 0)),
            _ => self.u32(body, 0),
        };
        let on = interfaces.get(number as usize)?;
        let ticks = u64::from(self.u32(body, 4)) << 32 | u64::from(self.u32(body, 8));
        let length = self.u32(body, 12) as usize;
        let end = 20_usize.checked_add(length)?;
        let options = self.options(body, end.next_multiple_of(4));
        let comments = options
            .into_iter()
            .filter(|(code, _)| *code == 1)
            .map(|(_, text)| String::from_utf8_lossy(&text).into_owned());
        Some(Packet {
            at: moment(ticks, on.ticks, on.offset),
            link: on.link,
            data: body.get(20..end)?.to_vec(),
            comments: comments.collect(),
        })
    }

    fn options(&self, body: &[u8], mut at: usize) -> Vec<(u16, Vec<u8>)> {
        let mut found = Vec::new();
        while let Some(head) = body.get(at..at + 4) {
            let (code, length) = (self.u16(head, 0), usize::from(self.u16(head, 2)));
            let Some(value) = body.get(at + 4..at + 4 + length) else {
                break;
            };
            if code == 0 {
                break;
            }
            found.push((code, value.to_vec()));
            at += 4 + length.next_multiple_of(4);
        }
        found
    }

    /// So many bytes; None where the file ends before the first.
    fn bytes(&mut self, count: u32) -> Result<Option<Vec<u8>>, Stop> {
        let mut bytes = Vec::new();
        (&mut self.from)
            .take(count.into())
            .read_to_end(&mut bytes)?;
        let short = bytes.len() as u64 != u64::from(count);
        if short && !bytes.is_empty() {
            return Err(self.broken("it ends inside a packet"));
        }
        self.offset += bytes.len() as u64;
        Ok((!short).then_some(bytes))
    }

    fn broken(&self, what: &'static str) -> Stop {
        Stop::Capture(self.offset, what)
    }

    fn u32(&self, bytes: &[u8], at: usize) -> u32 {
        let octets = array(bytes, at);
        if self.little {
            u32::from_le_bytes(octets)
        } else {
            u32::from_be_bytes(octets)
        }
    }

    fn u16(&self, bytes: &[u8], at: usize) -> u16 {
        let octets = array(bytes, at);
        if self.little {
            u16::from_le_bytes(octets)
        } else {
            u16::from_be_bytes(octets)
        }
    }
}

enum Block {
    Packet(Packet),
    Other,
    End,
}

/// `N` octets from `at` on; zeros where there are none.
fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut out = [0; N];
    let there = bytes.get(at..).unwrap_or_default();
    for (to, from) in out.iter_mut().zip(there) {
        *to = *from;
    }
    out
}

fn low(n: u32) -> u16 {
    u16::try_from(n & 0xFFFF).unwrap_or(0)
}

fn low32(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

fn moment(ticks: u64, a_second: u64, offset: i64) -> Timestamp {
    let a_second = a_second.max(1);
    let seconds = i64::try_from(ticks / a_second)
        .unwrap_or(0)
        .saturating_add(offset);
    let part = u128::from(ticks % a_second) * 1_000_000_000 / u128::from(a_second);
    Timestamp::new(seconds, i32::try_from(part).unwrap_or(0)).unwrap_or(Timestamp::UNIX_EPOCH)
}
