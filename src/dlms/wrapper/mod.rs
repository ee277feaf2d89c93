//! IEC 62056-47 wrapper header: `00 01 | source wPort | destination wPort | length`, then so many octets of APDU.
//! The rule: there is no checksum, so only the version tells a header; anything else is junk up to the next one.
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

mod link;
#[cfg(test)]
mod tests;

pub use link::{WrapperConfig, WrapperEvent, WrapperLink};

use super::hdlc::backlog::Backlog;

/// Where meters listen for it.
pub const PORT: u16 = 4059;

pub const HEADER_LENGTH: usize = 8;

const VERSION: u16 = 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// The client SAP in a request.
    pub source: u16,
    /// The logical device in a request.
    pub destination: u16,
    /// Octets of APDU that follow.
    pub length: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum WrapperError {
    #[error("a wrapper header is 8 bytes, here are {0}")]
    Short(usize),
    #[error("wrapper version {0:#06x} is not 0x0001")]
    Version(u16),
    #[error("an APDU of {0} bytes does not fit in a wrapper: its length field goes up to 65535")]
    TooLong(usize),
}

impl Header {
    /// From the start of `bytes`.
    pub fn parse(bytes: &[u8]) -> Result<Self, WrapperError> {
        let (fields, _) = bytes.as_chunks::<2>();
        let [version, source, destination, length, ..] = *fields else {
            return Err(WrapperError::Short(bytes.len()));
        };
        match u16::from_be_bytes(version) {
            VERSION => Ok(Self {
                source: u16::from_be_bytes(source),
                destination: u16::from_be_bytes(destination),
                length: u16::from_be_bytes(length),
            }),
            version => Err(WrapperError::Version(version)),
        }
    }
}

/// Appends header and APDU. Refuses, and appends nothing, over 65535 octets.
pub fn build(
    source: u16,
    destination: u16,
    apdu: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), WrapperError> {
    let length = u16::try_from(apdu.len()).map_err(|_| WrapperError::TooLong(apdu.len()))?;
    for field in [VERSION, source, destination, length] {
        out.extend_from_slice(&field.to_be_bytes());
    }
    out.extend_from_slice(apdu);
    Ok(())
}

/// What the stream held, in order; offsets are those of the first octet, from the first byte ever pushed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Item<'a> {
    /// The offset is that of the header.
    Pdu {
        header: Header,
        apdu: &'a [u8],
        stream_offset: u64,
    },
    Junk {
        octets: &'a [u8],
        stream_offset: u64,
    },
}

/// `push` what arrives, then `next` until it gives None: so no more than one unfinished PDU (64 KiB) waits at any time.
#[derive(Clone, Debug, Default)]
pub struct Decoder {
    backlog: Backlog,
}

impl Decoder {
    pub const fn new() -> Self {
        Self {
            backlog: Backlog::new(),
        }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        self.backlog.push(bytes);
    }

    /// The next item that is complete. None: more bytes are needed.
    #[expect(
        clippy::should_implement_trait,
        reason = "it lends, an iterator cannot"
    )]
    pub fn next(&mut self) -> Option<Item<'_>> {
        let waiting = self.backlog.waiting();
        let junk = header_at(waiting);
        if junk > 0 {
            let taken = self.backlog.consume(junk, 0..junk);
            return Some(Item::Junk {
                octets: self.backlog.slice(&taken),
                stream_offset: taken.stream_offset,
            });
        }
        let header = Header::parse(waiting).ok()?;
        let end = HEADER_LENGTH.saturating_add(header.length.into());
        if waiting.len() < end {
            return None;
        }
        let stream_offset = self.backlog.offset();
        let taken = self.backlog.consume(end, HEADER_LENGTH..end);
        Some(Item::Pdu {
            header,
            apdu: self.backlog.slice(&taken),
            stream_offset,
        })
    }

    /// What waits unfinished.
    pub fn pending(&self) -> &[u8] {
        self.backlog.waiting()
    }

    /// Drops what waits. Stream offsets go on counting.
    pub fn clear(&mut self) {
        self.backlog.clear();
    }
}

/// Where the first header may begin; a lone 00 at the end may be the first half of a version.
fn header_at(waiting: &[u8]) -> usize {
    let version = VERSION.to_be_bytes();
    waiting
        .windows(2)
        .position(|pair| pair == version)
        .unwrap_or(match waiting {
            [before @ .., 0] => before.len(),
            _ => waiting.len(),
        })
}
