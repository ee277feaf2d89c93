//! An image cut into blocks, and what comes next by what the meter says of it. Pure: nothing is asked or sent here.

use super::ImageError;
use crate::cosem::data::BitString;

/// image_transfer_status (class 18, attribute 6).
pub mod status {
    pub const NOT_INITIATED: u8 = 0;
    pub const INITIATED: u8 = 1;
    pub const VERIFICATION_INITIATED: u8 = 2;
    pub const VERIFIED: u8 = 3;
    pub const VERIFICATION_FAILED: u8 = 4;
    pub const ACTIVATION_INITIATED: u8 = 5;
    pub const ACTIVATED: u8 = 6;
    pub const ACTIVATION_FAILED: u8 = 7;
}

/// What to do with a transfer that was begun before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    Blocks,
    /// The meter is verifying.
    Await,
    /// Sent and verified: nothing to do.
    Verified,
    Failed,
    /// It knows of none.
    Nothing,
}

impl Next {
    pub const fn of(status: u8) -> Self {
        match status {
            status::INITIATED => Self::Blocks,
            status::VERIFICATION_INITIATED => Self::Await,
            status::VERIFIED => Self::Verified,
            status::VERIFICATION_FAILED => Self::Failed,
            _ => Self::Nothing,
        }
    }
}

/// Blocks are counted from 0; all but the last are of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plan {
    size: u32,
    block_size: u32,
}

impl Plan {
    /// `size` in bytes, `block_size` as attribute 2 has it.
    pub const fn new(size: u32, block_size: u32) -> Result<Self, ImageError> {
        if block_size == 0 {
            return Err(ImageError::BlockSize);
        }
        Ok(Self { size, block_size })
    }

    pub const fn blocks(self) -> u32 {
        self.size.div_ceil(self.block_size)
    }

    pub const fn block_size(self) -> u32 {
        self.block_size
    }

    /// Where block `number` begins in the file, and its length; `None` beyond the last.
    pub fn block(self, number: u32) -> Option<(u64, u32)> {
        let begin = u64::from(number) * u64::from(self.block_size);
        let rest = u64::from(self.size).checked_sub(begin).filter(|&r| r > 0)?;
        let length = u32::try_from(rest).map_or(self.block_size, |rest| rest.min(self.block_size));
        Some((begin, length))
    }

    /// Whether a bit string of the meter (attribute 3) can be about this image. Some meters round it up to whole bytes,
    /// or to the most blocks they hold.
    pub fn matches(self, transferred: &BitString) -> bool {
        let blocks = self.blocks() as usize;
        let beyond = transferred.iter().skip(blocks).any(|there| there);
        transferred.bits >= blocks && !beyond
    }

    /// The first block from `from` on that the meter has not got; `None` when it has all of them.
    pub fn missing(self, transferred: &BitString, from: u32) -> Option<u32> {
        (from..self.blocks()).find(|&number| transferred.bit(number as usize) != Some(true))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_is_missing_and_what_cannot_be_about_this_image() {
        let plan = Plan::new(1000, 128).unwrap();
        assert_eq!(plan.blocks(), 8);
        assert_eq!(plan.block(7), Some((896, 104)));
        assert_eq!(plan.block(8), None);
        let bits = |bits, byte| BitString {
            bits,
            bytes: vec![byte, 0],
        };
        let some = bits(8, 0b1101_1110);
        assert!(plan.matches(&some) && plan.matches(&bits(16, 0b1101_1110)));
        assert_eq!(plan.missing(&some, 0), Some(2));
        assert_eq!(plan.missing(&some, 3), Some(7));
        assert_eq!(plan.missing(&bits(8, 0xFF), 0), None);
        assert!(!plan.matches(&bits(7, 0)), "an image of fewer blocks");
        let longer = BitString {
            bits: 9,
            bytes: vec![0xFF, 0x80],
        };
        assert!(!plan.matches(&longer), "a block beyond the last");
        assert!(Plan::new(1, 0).is_err());
        assert_eq!(Next::of(1), Next::Blocks);
        assert_eq!(Next::of(200), Next::Nothing);
    }

    proptest! {
        #![proptest_config(ProptestConfig {
            cases: 64,
            rng_seed: proptest::test_runner::RngSeed::Fixed(0x0B15),
            failure_persistence: None,
            ..ProptestConfig::default()
        })]

        #[test]
        fn blocks_cover_the_image_without_gap_or_overlap(size in 1_u32..5_000, block in 1_u32..600) {
            let plan = Plan::new(size, block).unwrap();
            let mut end = 0;
            for number in 0..plan.blocks() {
                let (begin, length) = plan.block(number).unwrap();
                prop_assert_eq!(begin, end);
                prop_assert!(length > 0 && length <= block);
                end = begin + u64::from(length);
            }
            prop_assert_eq!(end, u64::from(size));
            prop_assert_eq!(plan.block(plan.blocks()), None);
        }

        #[test]
        fn the_ends_of_the_numbers_are_no_trouble(size: u32, block: u32, number: u32) {
            if let Ok(plan) = Plan::new(size, block) {
                let _ = (plan.blocks(), plan.block(number));
            }
        }
    }
}
