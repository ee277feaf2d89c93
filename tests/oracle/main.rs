//! dlms-cosem-rs as an independent opinion: what either side encodes, the other decodes to the same
//! meaning. Where the two differ the difference is written down here, with what the standard says.
//!
//! The one rule: meanings are compared field by field, in both directions, before any bytes are.
#![expect(
    clippy::unwrap_used,
    reason = "the helpers of a test may fail as its assertions do"
)]

mod association;
mod data;
mod frames;
mod get;
mod recorded;

use dlms_cosem_rs::codec::Encode;
use proptest::prelude::ProptestConfig;

fn config(cases: u32) -> ProptestConfig {
    ProptestConfig {
        cases,
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn theirs(value: &impl Encode) -> Vec<u8> {
    let mut out = Vec::new();
    value.encode(&mut out).unwrap();
    out
}
