//! General block transfer at the meter's end: long answers in numbered blocks, streamed as far as the client's window goes,
//! and requests that come so. The one rule: block n is sent again until the client says it has it; nothing is acted on
//! before all of it came, in order.
//!
//! `E0 | control | block number (2) | number acknowledged (2) | length, data`; control is last (80), streaming (40), window.

use crate::cosem::data::{decode_length, encode_length};
use crate::dlms::xdlms::tag;

/// Octets of one block beside its data: tag, control, two numbers, length.
const HEADER: usize = 9;
/// Blocks we take without a word in between.
const WINDOW: u8 = 6;
/// Blocks we send without a word in between, whatever the client would take.
const MOST: u8 = 14;
/// The longest request taken in blocks.
const LONGEST: usize = 64 * 1024;

const LAST: u8 = 0x80;
const STREAMING: u8 = 0x40;
const WINDOW_BITS: u8 = 0x3F;

#[derive(Debug)]
struct Outgoing {
    apdu: Vec<u8>,
    /// Octets of data in one block.
    size: usize,
    count: u16,
    /// The number of the last block sent.
    sent: u16,
}

#[derive(Debug, Default)]
pub(super) struct BlockTransfer {
    outgoing: Option<Outgoing>,
    /// Of a request: its parts so far, and the number of the last one that was in order.
    joined: Vec<u8>,
    taken: u16,
    /// Blocks the client takes without a word in between.
    window: u8,
    /// Blocks that may still go before the client must speak.
    left: u8,
    /// Acknowledgements of ours have numbers, too.
    acknowledgements: u16,
}

/// What came of a block.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Came {
    /// Nothing to say.
    Nothing,
    /// Say this: a block, or an acknowledgement.
    Answered,
    /// The request is whole.
    Whole(Vec<u8>),
    /// It is no such block, or the client acknowledged what was never sent.
    Wrong,
}

struct Block<'a> {
    control: u8,
    number: u16,
    acknowledged: u16,
    data: &'a [u8],
}

impl<'a> Block<'a> {
    fn decode(apdu: &'a [u8]) -> Option<Self> {
        let (&[_, control, n1, n2, a1, a2], rest) = apdu.split_first_chunk()?;
        let (length, used) = decode_length(rest).ok()?;
        let data = rest.get(used..).filter(|data| data.len() == length)?;
        Some(Self {
            control,
            number: u16::from_be_bytes([n1, n2]),
            acknowledged: u16::from_be_bytes([a1, a2]),
            data,
        })
    }

    fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[tag::GENERAL_BLOCK_TRANSFER, self.control]);
        out.extend_from_slice(&self.number.to_be_bytes());
        out.extend_from_slice(&self.acknowledged.to_be_bytes());
        encode_length(self.data.len(), out);
        out.extend_from_slice(self.data);
    }
}

impl BlockTransfer {
    /// A new request: what was under way is over. A client that did not use blocks takes one at a time until it says more.
    pub fn reset(&mut self) {
        *self = Self {
            window: 1,
            ..Self::default()
        };
    }

    /// A block, or an acknowledgement, from the client.
    pub fn take(&mut self, apdu: &[u8], out: &mut Vec<u8>) -> Came {
        let Some(block) = Block::decode(apdu) else {
            return Came::Wrong;
        };
        self.window = (block.control & WINDOW_BITS).clamp(1, MOST);
        if block.data.is_empty() && self.outgoing.is_some() {
            return self.acknowledged(block.acknowledged, out);
        }
        self.outgoing = None;
        if block.number == 1 {
            self.joined.clear();
            self.taken = 0;
        }
        let due = block.number == self.taken.wrapping_add(1);
        if due {
            if self.joined.len() + block.data.len() > LONGEST {
                self.reset();
                return Came::Wrong;
            }
            self.joined.extend_from_slice(block.data);
            self.taken = block.number;
        }
        if block.control & LAST != 0 && self.taken == block.number {
            return Came::Whole(std::mem::take(&mut self.joined));
        }
        if block.control & STREAMING != 0 {
            return Came::Nothing;
        }
        // Names the last one in order: whatever is missing behind it comes again.
        self.acknowledgements = self.acknowledgements.wrapping_add(1);
        Block {
            control: LAST | WINDOW,
            number: self.acknowledgements,
            acknowledged: self.taken,
            data: &[],
        }
        .encode(out);
        Came::Answered
    }

    fn acknowledged(&mut self, number: u16, out: &mut Vec<u8>) -> Came {
        let Some(outgoing) = &mut self.outgoing else {
            return Came::Wrong;
        };
        if number > outgoing.sent {
            self.outgoing = None;
            return Came::Wrong;
        }
        if number == outgoing.count {
            self.outgoing = None;
            return Came::Nothing;
        }
        outgoing.sent = number;
        self.left = self.window;
        self.next(out);
        Came::Answered
    }

    /// Begins to answer in blocks, each no longer than `limit`; false when there would be more of them than there are
    /// numbers. `next` has the first.
    pub fn begin(&mut self, apdu: Vec<u8>, limit: usize) -> bool {
        let size = limit.saturating_sub(HEADER).max(1);
        let Ok(count) = u16::try_from(apdu.len().div_ceil(size)) else {
            return false;
        };
        self.outgoing = Some(Outgoing {
            apdu,
            size,
            count,
            sent: 0,
        });
        self.left = self.window.max(1);
        true
    }

    /// Appends the next block if one may go now.
    pub fn next(&mut self, out: &mut Vec<u8>) {
        let Some(outgoing) = &mut self.outgoing else {
            return;
        };
        if self.left == 0 || outgoing.sent >= outgoing.count {
            return;
        }
        self.left -= 1;
        let at = usize::from(outgoing.sent) * outgoing.size;
        let rest = outgoing.apdu.get(at..).unwrap_or_default();
        outgoing.sent += 1;
        let last = outgoing.sent == outgoing.count;
        if last {
            self.left = 0;
        }
        let control = match (last, self.left) {
            (true, _) => LAST,
            (false, 0) => 0,
            (false, _) => STREAMING,
        };
        Block {
            control: control | WINDOW,
            number: outgoing.sent,
            acknowledged: self.taken,
            data: rest.get(..outgoing.size).unwrap_or(rest),
        }
        .encode(out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(control: u8, number: u16, acknowledged: u16, data: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Block {
            control,
            number,
            acknowledged,
            data,
        }
        .encode(&mut out);
        out
    }

    /// Control, number and data of what the meter streams.
    fn burst(transfer: &mut BlockTransfer, first: Vec<u8>) -> Vec<(u8, u16, Vec<u8>)> {
        let mut all = Vec::new();
        let mut next = first;
        while !next.is_empty() {
            let block = Block::decode(&next).unwrap();
            all.push((block.control, block.number, block.data.to_vec()));
            next = Vec::new();
            transfer.next(&mut next);
        }
        all
    }

    #[test]
    fn an_answer_is_streamed_and_lost_blocks_come_again() {
        let mut transfer = BlockTransfer::default();
        transfer.reset();
        let apdu: Vec<u8> = (0..25).collect();
        assert!(transfer.begin(apdu.clone(), HEADER + 4));
        let mut out = Vec::new();
        transfer.next(&mut out);
        assert_eq!(burst(&mut transfer, out), [(WINDOW, 1, apdu[..4].to_vec())]);

        let mut out = Vec::new();
        let came = transfer.take(&block(LAST | 3, 1, 1, &[]), &mut out);
        assert_eq!(came, Came::Answered);
        let got = burst(&mut transfer, out);
        let numbers: Vec<_> = got.iter().map(|(control, n, _)| (*control, *n)).collect();
        let streaming = STREAMING | WINDOW;
        assert_eq!(numbers, [(streaming, 2), (streaming, 3), (WINDOW, 4)]);

        // Block 3 was lost.
        let mut out = Vec::new();
        transfer.take(&block(LAST | 63, 2, 2, &[]), &mut out);
        let got = burst(&mut transfer, out);
        let numbers: Vec<_> = got.iter().map(|(control, n, _)| (*control, *n)).collect();
        let end = (LAST | WINDOW, 7);
        let rest = [3, 4, 5, 6].map(|n| (streaming, n));
        assert_eq!(numbers, [&rest[..], &[end]].concat());
        let data: Vec<u8> = got.into_iter().flat_map(|(_, _, data)| data).collect();
        assert_eq!(data, apdu[8..]);

        let mut out = Vec::new();
        let came = transfer.take(&block(LAST | 3, 3, 7, &[]), &mut out);
        assert_eq!((came, out), (Came::Nothing, vec![]));
    }

    #[test]
    fn a_request_in_blocks_with_one_missing() {
        let mut transfer = BlockTransfer::default();
        transfer.reset();
        let mut out = Vec::new();
        let streaming = STREAMING | 3;
        assert_eq!(
            transfer.take(&block(streaming, 1, 0, b"ab"), &mut out),
            Came::Nothing
        );
        assert_eq!(
            transfer.take(&block(3, 3, 0, b"ef"), &mut out),
            Came::Answered
        );
        assert_eq!(out, [0xE0, LAST | WINDOW, 0, 1, 0, 1, 0], "2 again, please");
        let mut out = Vec::new();
        assert_eq!(
            transfer.take(&block(streaming, 2, 1, b"cd"), &mut out),
            Came::Nothing
        );
        assert_eq!(
            transfer.take(&block(LAST | 3, 3, 1, b"ef"), &mut out),
            Came::Whole(b"abcdef".to_vec())
        );
        assert!(out.is_empty());
    }

    #[test]
    fn lies_end_it() {
        let mut transfer = BlockTransfer::default();
        let mut out = Vec::new();
        for wrong in [&[0xE0][..], &[0xE0, 0, 0, 1, 0, 0, 5, 1]] {
            assert_eq!(transfer.take(wrong, &mut out), Came::Wrong);
        }
        transfer.begin(vec![0; 100], HEADER + 10);
        transfer.next(&mut out);
        assert_eq!(transfer.take(&block(1, 1, 2, &[]), &mut out), Came::Wrong);
        assert!(!transfer.begin(vec![0; 70_000], 10));
        let mut came = Came::Nothing;
        for number in 1..=40 {
            came = transfer.take(&block(STREAMING | 3, number, 0, &[0; 2000]), &mut out);
            if came == Came::Wrong {
                break;
            }
        }
        assert_eq!(came, Came::Wrong, "no request is that long");
    }
}
