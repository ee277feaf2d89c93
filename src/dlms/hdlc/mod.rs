//! The HDLC data link (IEC 62056-46): frames, their delimiting, and one link's sequence numbers.
//! The rule: bytes and `Instant`s in, bytes and events out; no clock, no I/O, no panic on any input.
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

pub mod address;
pub(super) mod backlog;
pub mod control;
pub mod decoder;
pub mod fcs;
pub mod frame;
pub mod frame_reject;
pub mod link;
pub mod parameters;

pub use address::{ClientAddress, ServerAddress};
pub use control::Control;
pub use decoder::{Decoder, Item};
pub use frame::Frame;
pub use frame_reject::FrameReject;
pub use parameters::Parameters;

/// Properties are tried on the same cases every time.
#[cfg(test)]
pub(in crate::dlms) fn fixed_cases(cases: u32) -> proptest::test_runner::Config {
    proptest::test_runner::Config {
        cases,
        rng_seed: proptest::test_runner::RngSeed::Fixed(0x7EA0),
        failure_persistence: None,
        ..Default::default()
    }
}

/// Opens and closes every frame. It may occur inside too: frames are not stuffed.
pub const FLAG: u8 = 0x7E;

/// LLC header in front of a command, client to server; in the first segment only.
pub const LLC_COMMAND: [u8; 3] = [0xE6, 0xE6, 0x00];

/// LLC header in front of a response, server to client; in the first segment only.
pub const LLC_RESPONSE: [u8; 3] = [0xE6, 0xE7, 0x00];
