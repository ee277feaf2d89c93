//! General block transfer under the services: our APDU out block by block, the meter's in, whatever the window it sends in.
//! The one rule: a missing block is asked for again by what was acknowledged, only so often, and nothing grows past its limit.
use super::GetError;
use crate::dlms::xdlms::gbt::{GeneralBlock, HEAD};
use zeroize::Zeroize;

/// Blocks we take without answering between.
const WINDOW: u8 = 8;

/// How often in a row the same block is asked for or sent again.
const MOST_AGAIN: u8 = 5;

/// Blocks in a row that bring nothing new: three windows of the largest size.
const MOST_USELESS: u16 = 3 * 63;

/// What a block means.
#[derive(Debug, PartialEq)]
pub(super) enum Taken {
    /// More will come without a word from us.
    More,
    /// This goes out next.
    Say(Vec<u8>),
    /// The APDU is whole.
    Whole(Vec<u8>),
    Wrong(GetError),
}

/// One transfer, both ways at once.
#[derive(Default)]
pub(super) struct Blocks {
    /// What goes out, and in pieces of how many octets.
    out: Vec<u8>,
    size: usize,
    /// Our highest block number so far.
    number: u16,
    /// Our highest block the meter has.
    acknowledged: u16,
    joined: Vec<u8>,
    /// The meter's highest block we have, with none missing before it.
    received: u16,
    again: u8,
    useless: u16,
    under_way: bool,
}

impl Blocks {
    pub fn forget(&mut self) {
        if self.under_way {
            self.out.zeroize();
            *self = Self::default();
        }
    }

    pub const fn is_under_way(&self) -> bool {
        self.under_way
    }

    /// Cuts `apdu` into blocks of at most `longest` octets; the first one. None: it needs more than can be numbered.
    pub fn start(&mut self, apdu: &[u8], longest: usize) -> Option<Vec<u8>> {
        self.forget();
        let size = longest.saturating_sub(HEAD).max(1);
        u16::try_from(apdu.len().div_ceil(size)).ok()?;
        self.under_way = true;
        self.out = apdu.to_vec();
        self.size = size;
        Some(self.piece(1))
    }

    /// Time passed in vain: says again where we stand.
    pub fn ask_again(&mut self) -> Option<Vec<u8>> {
        self.again = self.again.saturating_add(1);
        if !self.under_way || self.again > MOST_AGAIN {
            return None;
        }
        Some(if self.has_more() {
            let next = self.acknowledged.saturating_add(1);
            self.piece(next)
        } else {
            self.acknowledgement()
        })
    }

    /// Takes one of the meter's blocks; an answer adds up to no more than `limit` octets.
    pub fn take(&mut self, apdu: &[u8], limit: usize) -> Taken {
        let block = match GeneralBlock::decode(apdu) {
            Ok(block) => block,
            Err(error) => return Taken::Wrong(GetError::Undecodable(error.to_string())),
        };
        self.under_way = true;
        if block.acknowledged > self.number {
            return wrong(format!(
                "it acknowledges block {}, and {} were sent",
                block.acknowledged, self.number
            ));
        }
        if self.has_more() {
            return self.send_on(&block, limit);
        }
        self.receive(&block, limit)
    }

    /// Our own blocks are not all with the meter.
    fn has_more(&self) -> bool {
        usize::from(self.acknowledged).saturating_mul(self.size) < self.out.len()
    }

    fn send_on(&mut self, block: &GeneralBlock<'_>, limit: usize) -> Taken {
        if block.acknowledged > self.acknowledged {
            self.acknowledged = block.acknowledged;
            self.again = 0;
        } else {
            self.again = self.again.saturating_add(1);
        }
        if !self.has_more() {
            self.again = 0;
            return self.receive_after_sending(block, limit);
        }
        if !block.data.is_empty() {
            return wrong("it answers before the whole request was sent".to_owned());
        }
        if self.again > MOST_AGAIN {
            return Taken::Wrong(GetError::BlockOutOfOrder {
                expected: self.number.into(),
                got: self.acknowledged.into(),
            });
        }
        let next = self.acknowledged.saturating_add(1);
        self.number_of_meter(block);
        Taken::Say(self.piece(next))
    }

    /// The meter has all of ours; with that word its answer may begin.
    fn receive_after_sending(&mut self, block: &GeneralBlock<'_>, limit: usize) -> Taken {
        if block.data.is_empty() {
            self.number_of_meter(block);
            return Taken::More;
        }
        self.receive(block, limit)
    }

    /// Blocks without data count too.
    const fn number_of_meter(&mut self, block: &GeneralBlock<'_>) {
        if block.block == self.received.saturating_add(1) {
            self.received = block.block;
        }
    }

    fn receive(&mut self, block: &GeneralBlock<'_>, limit: usize) -> Taken {
        let next = self.received.checked_add(1);
        // A meter may count its answer from 1 though it numbered what only acknowledged ours.
        let anew = self.joined.is_empty() && block.block == 1;
        let in_order = next == Some(block.block) || anew;
        if in_order && (!block.data.is_empty() || block.last && !self.joined.is_empty()) {
            if self.joined.len().saturating_add(block.data.len()) > limit {
                return Taken::Wrong(GetError::TooLarge(limit));
            }
            self.joined.extend_from_slice(block.data);
            self.received = block.block;
            self.again = 0;
            self.useless = 0;
            if block.last {
                return Taken::Whole(std::mem::take(&mut self.joined));
            }
            return if block.streaming {
                Taken::More
            } else {
                Taken::Say(self.acknowledgement())
            };
        }
        self.useless = self.useless.saturating_add(1);
        let expected = u32::from(self.received).saturating_add(1);
        if next.is_none() {
            return wrong("block numbers ran out".to_owned());
        }
        if self.useless > MOST_USELESS || self.again > MOST_AGAIN {
            return if in_order {
                wrong(format!("block {} is empty and not the last", block.block))
            } else {
                Taken::Wrong(GetError::BlockOutOfOrder {
                    expected,
                    got: block.block.into(),
                })
            };
        }
        if in_order {
            self.received = block.block;
        }
        if block.streaming && !block.last {
            return Taken::More;
        }
        // Repeated, or one before it is missing: the meter goes on after what we say we have.
        self.again = self.again.saturating_add(1);
        Taken::Say(self.acknowledgement())
    }

    fn piece(&mut self, number: u16) -> Vec<u8> {
        let start = usize::from(number.saturating_sub(1)).saturating_mul(self.size);
        let end = start.saturating_add(self.size).min(self.out.len());
        let last = end >= self.out.len();
        self.number = self.number.max(number);
        let mut apdu = Vec::new();
        GeneralBlock {
            last,
            streaming: false,
            window: WINDOW,
            block: number,
            acknowledged: self.received,
            data: self.out.get(start..end).unwrap_or_default(),
        }
        .encode(&mut apdu);
        apdu
    }

    fn acknowledgement(&mut self) -> Vec<u8> {
        self.number = self.number.saturating_add(1);
        let mut apdu = Vec::new();
        GeneralBlock {
            last: true,
            streaming: false,
            window: WINDOW,
            block: self.number,
            acknowledged: self.received,
            data: &[],
        }
        .encode(&mut apdu);
        apdu
    }
}

fn wrong(what: String) -> Taken {
    Taken::Wrong(GetError::Undecodable(what))
}
