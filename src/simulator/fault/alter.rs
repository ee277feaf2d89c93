//! What goes wrong in a frame of the meter's: first in its fields, then in its octets.

use super::parts::Parts;
use super::{Faults, Kind};
use crate::dlms::hdlc::{Control, Frame, Parameters, fcs};

/// The P/F bit of the control octet.
const FINAL: u8 = 0x10;

/// Changes fields; the checksums will be right.
pub(super) fn fields(faults: &Faults, parts: &mut Parts) {
    if let Control::Ua { .. } = parts.control
        && !parts.information.is_empty()
    {
        if faults.has(Kind::UaEmpty) {
            parts.information.clear();
        } else if faults.has(Kind::UaShort) {
            parts.information = short_group(&parts.information);
        }
    }
    if let Control::Information {
        send,
        receive,
        poll,
    } = parts.control
        && parts.is_service()
    {
        let send = if faults.has(Kind::WrongNs) {
            send.wrapping_sub(1) & 7
        } else {
            send
        };
        let receive = if faults.has(Kind::WrongNr) {
            receive.wrapping_add(2) & 7
        } else {
            receive
        };
        parts.control = Control::Information {
            send,
            receive,
            poll,
        };
        if faults.has(Kind::SegmentEndless) {
            parts.segmented = true;
        }
    }
    if parts.is_information()
        && faults.has(Kind::WrongLlc)
        && let [0xE6, quality, ..] = parts.information.as_mut_slice()
    {
        *quality = 0xE6;
    }
    if faults.has(Kind::NoFinal) {
        parts.control = Control::decode(parts.control.encode() & !FINAL);
    }
}

/// One-byte values for all four, as some meters write them.
fn short_group(information: &[u8]) -> Vec<u8> {
    let said = Parameters::decode_readable(information);
    let size = |octets: u16| u8::try_from(octets).unwrap_or(u8::MAX);
    let mut group = vec![0x81, 0x80, 0x0C];
    for (identifier, value) in [
        (5, size(said.max_info_transmit)),
        (6, size(said.max_info_receive)),
        (7, said.window_transmit),
        (8, said.window_receive),
    ] {
        group.extend_from_slice(&[identifier, 1, value]);
    }
    group
}

/// Damages a whole frame, flags included.
pub(super) fn octets(faults: &Faults, information: bool, written: &mut [u8]) {
    let [_, frame @ .., _] = written else {
        return;
    };
    let Ok(parsed) = Frame::parse(frame) else {
        return;
    };
    let (hcs, end) = (parsed.hcs_at(), parsed.fcs_at());
    if information {
        if faults.has(Kind::WrongHcs) || faults.has(Kind::WrongHeader) {
            flip(frame, hcs);
        }
        if faults.has(Kind::WrongHcs) {
            sum(frame, end);
        }
        if faults.has(Kind::WrongFcs) {
            flip(frame, Some(end));
        }
    }
    if faults.has(Kind::FcsMsbFirst) {
        for at in hcs.into_iter().chain([end]) {
            sum(frame, at);
            if let Some(pair) = frame.get_mut(at..at + 2) {
                pair.reverse();
            }
        }
    }
    if faults.has(Kind::WrongFormat)
        && let [format, ..] = frame
    {
        *format = 0x80 | *format & 0x0F;
    }
}

fn flip(frame: &mut [u8], at: Option<usize>) {
    if let Some(octet) = at.and_then(|at| frame.get_mut(at)) {
        *octet ^= 0x24;
    }
}

/// Writes the checksum of all before `at`.
fn sum(frame: &mut [u8], at: usize) {
    let right = fcs::fcs(frame.get(..at).unwrap_or_default()).to_le_bytes();
    if let Some(place) = frame.get_mut(at..at + 2) {
        place.copy_from_slice(&right);
    }
}
