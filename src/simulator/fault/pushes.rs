//! Ports that speak unasked, and hear nothing: notifications in UI frames, M-Bus long frames, SML telegrams.

use super::{Faults, Kind};
use crate::cosem::Data;
use crate::dlms::hdlc::fcs;
use crate::simulator::profile::Profile;
use crate::simulator::push::{Envelope, data_notification, frame};
use std::time::Duration;

const ESCAPE: [u8; 4] = [0x1B; 4];
/// A telegram of one message, SML_Public-Close: transaction id, group 0, abort 0, body 0201 with no signature.
const CLOSE: [u8; 14] = [
    0x76, 0x03, 0x00, 0x01, 0x62, 0x00, 0x62, 0x00, 0x72, 0x63, 0x02, 0x01, 0x71, 0x01,
];

/// How often, where one of them is asked for.
pub(super) fn period(faults: &Faults) -> Option<(Kind, Duration)> {
    [Kind::PushPort, Kind::PushMbus, Kind::PushSml]
        .into_iter()
        .find_map(|kind| Some((kind, faults.time(kind)?)))
}

/// The push of this number.
pub(super) fn telegram(kind: Kind, number: u32, profile: &Profile) -> Vec<u8> {
    if kind == Kind::PushSml {
        return sml();
    }
    let body = Data::Structure(vec![
        Data::OctetString(vec![1, 0, 1, 8, 0, 255]),
        Data::DoubleLongUnsigned(1_234_560 + number % 1000),
    ]);
    let apdu = data_notification(number, None, &body);
    let mut server = Vec::new();
    profile.address.encode(&mut server);
    let envelope = if kind == Kind::PushMbus {
        Envelope::MBus
    } else {
        // Client 64, as meters push to the operator's port.
        Envelope::Hdlc {
            client: &[0x81],
            server: &server,
        }
    };
    // A notification of two values fits any of them.
    frame(&apdu, envelope).unwrap_or_default()
}

fn sml() -> Vec<u8> {
    let mut out = ESCAPE.to_vec();
    out.extend_from_slice(&[1; 4]);
    out.extend_from_slice(&CLOSE);
    // The message's own checksum stands before its end mark.
    let [low, high] = fcs::fcs(&CLOSE).to_le_bytes();
    out.extend_from_slice(&[0x63, low, high, 0x00]);
    let fill = (4 - out.len() % 4) % 4;
    out.resize(out.len() + fill, 0);
    out.extend_from_slice(&ESCAPE);
    // 0 to 3.
    out.extend_from_slice(&[0x1A, u8::try_from(fill).unwrap_or_default()]);
    let sum = fcs::fcs(&out).to_le_bytes();
    out.extend_from_slice(&sum);
    out
}
