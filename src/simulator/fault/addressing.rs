//! Which server addresses are heard, and how the meter's own form is put in their place and back. The one rule: behind this
//! the meter is spoken to in its own form only, and the client is answered in the form it used.

use super::{Faults, Kind};
use crate::dlms::hdlc::ServerAddress;
use crate::simulator::profile::Profile;

/// What becomes of a frame to this address.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Heard {
    AsItIs,
    /// As if it were for the meter's own; the answer's source is as asked.
    Instead(Vec<u8>),
    /// The same, and the answer comes from the meter's own address.
    ForAll(Vec<u8>),
    No,
}

pub(super) fn heard(faults: &Faults, profile: &Profile, destination: &[u8]) -> Heard {
    let Ok((asked, used)) = ServerAddress::decode(destination) else {
        return Heard::AsItIs;
    };
    if used != destination.len() {
        return Heard::AsItIs;
    }
    let mut own = Vec::new();
    profile.address.encode(&mut own);
    if faults.has(Kind::AnswersAll) && asked.is_all_station() {
        return Heard::ForAll(own);
    }
    let Some(size) = faults.octet(Kind::AddressSize) else {
        return Heard::AsItIs;
    };
    if asked.size() != size {
        return Heard::No;
    }
    // One byte has no place for a lower address; where the meter has none, it does not look at it.
    let lower = match (asked.lower(), profile.address.lower()) {
        (Some(asked), Some(own)) => asked == own,
        (Some(_), None) => asked.is_individual(),
        (None, _) => true,
    };
    if asked.upper() == profile.address.upper() && lower {
        Heard::Instead(own)
    } else {
        Heard::AsItIs
    }
}
