//! General block transfer: one APDU, ciphered or not, cut into numbered blocks. Each block tells how far its sender has
//! received, and how many blocks it takes at once.
use super::error::ApduError;
use super::reader::Reader;
use super::tag;
use crate::cosem::data::encode_length;

/// `E0 | control | number | acknowledged | data`. Control: bit 7 last block, bit 6 streaming, bits 0–5 the window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GeneralBlock<'a> {
    /// The sender has nothing after this one.
    pub last: bool,
    /// More blocks follow before an answer is due.
    pub streaming: bool,
    /// How many blocks its sender takes without answering between, 0..=63.
    pub window: u8,
    /// Counted by its sender from 1.
    pub block: u16,
    /// The highest number the sender has received with none missing before it.
    pub acknowledged: u16,
    /// A piece of the APDU; empty in one that only acknowledges.
    pub data: &'a [u8],
}

/// Octets of a block that are not data, with the longest length a block of 64 KiB needs.
pub const HEAD: usize = 6 + 3;

const LAST: u8 = 0x80;
const STREAMING: u8 = 0x40;
const WINDOW: u8 = 0x3F;

impl<'a> GeneralBlock<'a> {
    pub fn decode(apdu: &'a [u8]) -> Result<Self, ApduError> {
        let mut reader = Reader::new(apdu);
        reader.tag(tag::GENERAL_BLOCK_TRANSFER, "not a general block")?;
        let control = reader.byte("a general block without its control octet")?;
        let block = reader.u16("a general block without its number")?;
        let acknowledged = reader.u16("a general block without what it acknowledges")?;
        let data = reader.octets("a general block whose length is not what follows")?;
        reader.end("bytes after the general block")?;
        Ok(Self {
            last: control & LAST != 0,
            streaming: control & STREAMING != 0,
            window: control & WINDOW,
            block,
            acknowledged,
            data,
        })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        let mut control = self.window & WINDOW;
        if self.last {
            control |= LAST;
        }
        if self.streaming {
            control |= STREAMING;
        }
        out.extend_from_slice(&[tag::GENERAL_BLOCK_TRANSFER, control]);
        out.extend_from_slice(&self.block.to_be_bytes());
        out.extend_from_slice(&self.acknowledged.to_be_bytes());
        encode_length(self.data.len(), out);
        out.extend_from_slice(self.data);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_block_as_it_is_written() {
        let mut out = Vec::new();
        GeneralBlock {
            last: true,
            streaming: false,
            window: 4,
            block: 2,
            acknowledged: 1,
            data: &[0xC4, 1],
        }
        .encode(&mut out);
        assert_eq!(out, [0xE0, 0x84, 0, 2, 0, 1, 2, 0xC4, 1]);
    }

    #[test]
    fn lies_are_told_with_their_place() {
        let cut = GeneralBlock::decode(&[0xE0, 0x84, 0, 2, 0, 1, 3, 0xC4, 1]).unwrap_err();
        assert_eq!(
            cut.to_string(),
            "a general block whose length is not what follows at byte 6"
        );
        assert!(GeneralBlock::decode(&[0xE0, 0x84, 0, 2, 0, 1, 1, 0xC4, 1]).is_err());
    }

    proptest! {
        #![proptest_config(crate::dlms::hdlc::fixed_cases(128))]

        #[test]
        fn every_block_comes_back(last: bool, streaming: bool, window in 0u8..64, block: u16, acknowledged: u16, data in prop::collection::vec(any::<u8>(), 0..300)) {
            let block = GeneralBlock { last, streaming, window, block, acknowledged, data: &data };
            let mut out = Vec::new();
            block.encode(&mut out);
            prop_assert_eq!(GeneralBlock::decode(&out), Ok(block));
            prop_assert!(out.len() <= data.len() + HEAD);
        }
    }
}
