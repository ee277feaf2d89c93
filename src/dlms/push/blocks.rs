//! General block transfer as a meter pushes it: numbered blocks, streamed, never acknowledged by a listener.
//! The rule: blocks count up by one from 1; a repeated block is dropped, a missing one ends the message.

use super::assemble::LONGEST;
use super::stream::{Apdu, Note, patience_ends};
use crate::dlms::xdlms::reader::Reader;
use crate::dlms::xdlms::{ApduError, tag};
use std::time::Instant;

/// An APDU whose blocks are not all here.
#[derive(Debug)]
pub(super) struct Blocks {
    apdu: Apdu,
    /// The number of the last block taken.
    number: u16,
    deadline: Instant,
}

struct Block<'a> {
    last: bool,
    number: u16,
    data: &'a [u8],
}

impl<'a> Block<'a> {
    /// `E0 block-control block-number block-number-ack data`
    fn parse(apdu: &'a [u8]) -> Result<Self, ApduError> {
        let mut from = Reader::new(apdu);
        from.tag(tag::GENERAL_BLOCK_TRANSFER, "no general block")?;
        let control = from.byte("a general block without its control octet")?;
        let number = from.u16("a general block without its number")?;
        from.u16("a general block without the number it acknowledges")?;
        let data = from.octets("a general block whose length is not what follows")?;
        Ok(Self {
            last: control & 0x80 != 0,
            number,
            data,
        })
    }
}

impl Blocks {
    pub(super) fn deadline(&self) -> Instant {
        self.deadline
    }

    pub(super) fn octets(&self) -> usize {
        self.apdu.octets.len()
    }

    /// One more block: the whole APDU when it was the last.
    pub(super) fn take(
        waiting: &mut Option<Self>,
        now: Instant,
        carrier: &Apdu,
    ) -> Result<Option<Apdu>, Note> {
        let block = Block::parse(&carrier.octets).map_err(|error| Note::BadBlock(error.what))?;
        let lost = |expected: u32, octets| Note::LostBlock {
            expected,
            got: block.number.into(),
            octets,
        };
        let mut under_way = match waiting.take() {
            Some(old) if block.number == old.number && block.number != 1 => {
                *waiting = Some(old);
                return Ok(None);
            }
            Some(old) if u32::from(block.number) == u32::from(old.number).saturating_add(1) => old,
            Some(old) if block.number != 1 => {
                return Err(lost(u32::from(old.number).saturating_add(1), old.octets()));
            }
            Some(old) if old.number == 1 && old.apdu.octets == block.data => {
                *waiting = Some(old);
                return Ok(None);
            }
            // The first of a new message, whatever became of the last.
            Some(_) | None if block.number == 1 => Self {
                apdu: Apdu {
                    frames: 0,
                    octets: Vec::new(),
                    ..carrier.clone()
                },
                number: 0,
                deadline: now,
            },
            _ => return Err(lost(1, block.data.len())),
        };
        let apdu = &mut under_way.apdu;
        if apdu.octets.len().saturating_add(block.data.len()) > LONGEST {
            return Err(Note::TooLong(LONGEST));
        }
        apdu.octets.extend_from_slice(block.data);
        apdu.frames = apdu.frames.saturating_add(carrier.frames);
        apdu.blocks = apdu.blocks.saturating_add(1);
        under_way.number = block.number;
        under_way.deadline = patience_ends(now);
        if !block.last {
            *waiting = Some(under_way);
            return Ok(None);
        }
        if under_way.apdu.octets.is_empty() {
            return Err(Note::BadBlock("the blocks hold nothing"));
        }
        Ok(Some(under_way.apdu))
    }
}
