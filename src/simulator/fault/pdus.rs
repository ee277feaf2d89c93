//! Requests that are not heard, whatever carries them; and the filter on wrapper PDUs, which have no link to be wrong.

use super::{Faults, Kind};
use crate::dlms::wrapper::{Decoder, Item, build};
use crate::dlms::xdlms::tag;

/// GET-request-next.
const NEXT: u8 = 2;

/// True for a request that gets no answer.
pub(super) fn is_deaf_to(faults: &Faults, apdu: &[u8]) -> bool {
    match *apdu {
        [tag::AARQ, ..] => faults.has(Kind::NoAare),
        [tag::RLRQ, ..] => faults.has(Kind::NoRlre),
        [tag::GET_REQUEST, NEXT, ..] => faults.has(Kind::BlocksStop),
        [first, ..] => tag::is_ciphered(first) && faults.has(Kind::DeafToCiphered),
        [] => false,
    }
}

#[derive(Debug, Default)]
pub(super) struct PduFaults {
    incoming: Decoder,
    outgoing: Decoder,
    /// An answer that waits for the next one.
    behind: Vec<u8>,
}

impl PduFaults {
    pub fn received(&mut self, bytes: &[u8], faults: &Faults, meter: &mut Vec<u8>) {
        self.incoming.push(bytes);
        while let Some(item) = self.incoming.next() {
            match item {
                Item::Junk { octets, .. } => meter.extend_from_slice(octets),
                Item::Pdu { header, apdu, .. } => {
                    if !is_deaf_to(faults, apdu) {
                        // It came in a PDU, so it fits one.
                        let _ = build(header.source, header.destination, apdu, meter);
                    }
                }
            }
        }
    }

    pub fn sent(&mut self, bytes: &[u8], faults: &Faults, out: &mut Vec<u8>) {
        if !faults.has(Kind::OneBehind) {
            return out.extend_from_slice(bytes);
        }
        self.outgoing.push(bytes);
        while let Some(item) = self.outgoing.next() {
            match item {
                Item::Junk { octets, .. } => out.extend_from_slice(octets),
                Item::Pdu { header, apdu, .. } => {
                    let mut octets = Vec::new();
                    let _ = build(header.source, header.destination, apdu, &mut octets);
                    if apdu.first() != Some(&tag::AARE) {
                        std::mem::swap(&mut octets, &mut self.behind);
                    }
                    out.extend_from_slice(&octets);
                }
            }
        }
    }

    pub fn forget_stream(&mut self) {
        *self = Self::default();
    }
}
