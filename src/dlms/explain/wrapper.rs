//! The TCP/UDP wrapper of IEC 62056-47: version, two ports, a length, an APDU.
//!
//! The one rule: a wrapper is recognised by its version 0001 and a length that is not zero.
use super::sheet::{Octets, Sheet};
use super::{Direction, Explained, Framing, apdu};
use crate::dlms::hdlc::ServerAddress;
use std::ops::Range;

/// Octets before the APDU.
pub(super) const HEADER: usize = 8;

pub(super) fn starts(bytes: &[u8]) -> bool {
    matches!(*bytes, [0, 1, _, _, _, _, high, low, ..] if high | low != 0)
}

/// Octets of the whole PDU by its length field.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    match *bytes {
        [0, 1, _, _, _, _, high, low, ..] => {
            Some(usize::from(u16::from_be_bytes([high, low])).saturating_add(HEADER))
        }
        _ => None,
    }
}

pub(super) fn walk(
    sheet: &mut Sheet,
    bytes: &[u8],
    span: Range<usize>,
    direction: Option<Direction>,
) -> Explained {
    let mut from = Octets::new(bytes, span.clone(), false);
    let mut explained = Explained {
        framing: Framing::Wrapper,
        kind: "wrapper".to_owned(),
        offset: span.start,
        length: span.len(),
        fcs_ok: true,
        ..Explained::default()
    };
    sheet.source(Some("IEC 62056-47, wrapper"));
    let slot = sheet.open("wrapper PDU", from.at(), String::new);
    let _ = inside(sheet, &mut from, direction, &mut explained);
    sheet.extra(&mut from);
    sheet.close(slot, from.at());
    let kind = &explained.kind;
    sheet.say(slot, || format!("{kind}, {} octets", span.len()));
    explained
}

fn inside(
    sheet: &mut Sheet,
    from: &mut Octets<'_>,
    direction: Option<Direction>,
    explained: &mut Explained,
) -> Option<()> {
    sheet.word(from, "version", |version| version.to_string())?;
    let source = sheet.word(from, "source wPort", |port| port.to_string())?;
    let destination = sheet.word(from, "destination wPort", |port| port.to_string())?;
    explained.link = format!("{source} → {destination}");
    let at = from.at();
    let length = from
        .rest()
        .first_chunk()
        .map(|two| usize::from(u16::from_be_bytes(*two)))?;
    let _ = from.take(2);
    let slot = sheet.put("length", at, 2, || length.to_string());
    sheet.promised(slot, length, from);
    explained.length_ok = length == from.left();
    let mut part = from.part(length);
    let apdu = part.at();
    let to_meter = match direction {
        Some(direction) => direction == Direction::ToMeter,
        None => part.peek().is_none_or(goes_to_meter),
    };
    let (client, server) = if to_meter {
        (source, destination)
    } else {
        (destination, source)
    };
    explained.client = u8::try_from(client).ok();
    explained.server = ServerAddress::new(server, None, None).ok();
    let said = apdu::walk(sheet, &mut part);
    said.kind.clone_into(&mut explained.kind);
    explained.summary = said.summary;
    explained.apdu = Some((apdu, part.at().saturating_sub(apdu)));
    Some(())
}

/// Requests go to the meter; answers and what it sends unasked come from it.
fn goes_to_meter(tag: u8) -> bool {
    !matches!(
        tag,
        0x08 | 0x0C..=0x0F | 0x18 | 0x28 | 0x2C..=0x2E | 0x61 | 0x63 | 0xC2 | 0xC4..=0xC7 | 0xCC..=0xCF | 0xD4..=0xD8 | 0xDA
    )
}
