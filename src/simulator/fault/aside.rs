//! What others say on the line: a second meter, a second client, an answer of long ago.

use super::parts::Parts;
use super::{Faults, Kind};
use crate::dlms::hdlc::Control;
use crate::simulator::profile::Profile;

/// GET of a voltage, and what came of it.
const REQUEST: [u8; 16] = [
    0xE6, 0xE6, 0x00, 0xC0, 0x01, 0xC1, 0x00, 0x03, 1, 0, 32, 7, 0, 255, 0x02, 0x00,
];
const ANSWER: [u8; 12] = [
    0xE6, 0xE7, 0x00, 0xC4, 0x01, 0xC1, 0x00, 0x06, 0x00, 0x00, 0x59, 0xD8,
];

/// Before a frame of the meter's.
pub(super) fn before(faults: &Faults, parts: &Parts, out: &mut Vec<u8>) {
    if !parts.is_information() {
        return;
    }
    let other = Parts {
        destination: neighbour(&parts.destination),
        control: Control::Information {
            send: 3,
            receive: 4,
            poll: true,
        },
        information: ANSWER.to_vec(),
        segmented: false,
        source: parts.source.clone(),
    };
    if faults.has(Kind::SecondMaster) {
        let asked = Control::Information {
            send: 3,
            receive: 3,
            poll: true,
        };
        out.extend_from_slice(&other.reply(asked, &REQUEST).octets());
        out.extend_from_slice(&other.octets());
    } else if faults.has(Kind::OtherClient) {
        out.extend_from_slice(&other.octets());
    }
}

/// Behind a frame of the meter's.
pub(super) fn behind(faults: &Faults, parts: &Parts, out: &mut Vec<u8>) {
    if faults.has(Kind::TwoMeters) {
        let second = Parts {
            source: neighbour(&parts.source),
            ..parts.clone()
        };
        out.extend_from_slice(&second.octets());
    }
}

/// Another address of the same form: its last octet counts the low bits, above the end mark.
fn neighbour(address: &[u8]) -> Vec<u8> {
    let mut other = address.to_vec();
    if let Some(last) = other.last_mut() {
        *last ^= 0x08;
    }
    other
}

/// The second half of an answer to the first client, then one more that is whole; both of an earlier session.
pub(super) fn residual(profile: &Profile) -> Vec<u8> {
    let sap = profile.clients.first().map_or(16, |client| client.sap);
    let mut source = Vec::new();
    profile.address.encode(&mut source);
    let mut old = Parts {
        segmented: false,
        destination: vec![sap << 1 | 1],
        source,
        control: Control::Information {
            send: 4,
            receive: 5,
            poll: true,
        },
        information: ANSWER.to_vec(),
    };
    let mut out = old.octets();
    out.drain(..out.len() / 2);
    old.control = Control::Information {
        send: 5,
        receive: 6,
        poll: true,
    };
    out.extend_from_slice(&old.octets());
    out
}
