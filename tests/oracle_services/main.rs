//! dlms-cosem-rs at the other end: its meter is read and written by our association, its client reads and writes our
//! simulated meter, over HDLC, with values long enough for blocks both ways; and both read each other's APDUs.
//!
//! The one rule: what was written is read back, through the other side's own eyes where it has any.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "the helpers of a test may fail as its assertions do"
)]

mod apdus;
mod blocks;
mod names;
mod sealed;
mod sealed_client;
mod their_client;
mod their_meter;

use obiscope::cosem::{AttributeRef, Obis};
use obiscope::dlms::hdlc::{Control, Decoder, Frame, Item, frame::build};

pub(crate) const NOTE: AttributeRef = AttributeRef {
    class: 1,
    obis: Obis::new(0, 0, 96, 1, 9, 255),
    attribute: 2,
};
pub(crate) const PROFILE: AttributeRef = AttributeRef {
    class: 7,
    obis: Obis::new(1, 0, 99, 1, 0, 255),
    attribute: 2,
};
pub(crate) const RELAY: Obis = Obis::new(0, 0, 96, 3, 10, 255);

/// Control and information of each whole frame.
pub(crate) fn frames(octets: &[u8]) -> Vec<(Control, Vec<u8>)> {
    let mut decoder = Decoder::new();
    decoder.push(octets);
    let mut found = Vec::new();
    while let Some(item) = decoder.next() {
        let Item::Frame { octets, .. } = item else {
            panic!("junk on the line: {item:?}");
        };
        let frame = Frame::parse(octets).unwrap();
        assert!(!frame.segmented(), "both ends take 2030 octets");
        found.push((frame.control(), frame.information().to_vec()));
    }
    found
}

pub(crate) fn framed(to: u8, from: u8, control: Control, information: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    build(&[to], &[from], control, false, information, &mut out).unwrap();
    out
}
