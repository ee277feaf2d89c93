//! One HDLC frame, field by field, right or wrong.
//!
//! The one rule: the octets decide where a field is; checks only add what is wrong with it.
mod address;
mod information;
mod words;

pub(super) use words::control_text;

use super::sheet::{Octets, Sheet, count, hex};
use super::{Direction, Explained, Framing};
use crate::dlms::hdlc::{Control, FLAG, ServerAddress, fcs::fcs};
use address::{Way, address, name_address};
use information::{information, quiet};
use std::ops::Range;

/// A flag and a format field: fewer octets say nothing.
pub(super) const LEAST: usize = 3;
const SOURCE: Option<&str> = Some("IEC 62056-46, frame type 3");

/// Where the frame's own octets lie, flags excluded, and what its length field claims.
struct Body {
    start: usize,
    end: usize,
    claimed: usize,
    length_ok: bool,
    /// The bytes end before the frame does.
    unfinished: bool,
}

/// `span` holds a frame with or without its flags; `unfinished` when it may still grow.
pub(super) fn walk(
    sheet: &mut Sheet,
    bytes: &[u8],
    span: Range<usize>,
    direction: Option<Direction>,
    unfinished: bool,
) -> Explained {
    let mut from = Octets::new(bytes, span.clone(), false);
    let mut explained = Explained {
        framing: Framing::Hdlc,
        kind: "unfinished".to_owned(),
        offset: span.start,
        length: span.len(),
        ..Explained::default()
    };
    sheet.source(SOURCE);
    let slot = sheet.open("HDLC frame", from.at(), String::new);
    let opened = from.peek() == Some(FLAG);
    if opened {
        sheet.octet(&mut from, "flag", |_| "opening".to_owned());
    }
    let body = measure(&from, opened, unfinished);
    explained.length_ok = body.length_ok;
    let after = body.end;
    let _ = fields(
        sheet,
        bytes,
        Octets::new(bytes, body.start..body.end, false),
        &body,
        direction,
        &mut explained,
    );
    sheet.source(SOURCE);
    let mut tail = Octets::new(bytes, after..span.end, false);
    if tail.peek() == Some(FLAG) {
        sheet.octet(&mut tail, "flag", |_| "closing".to_owned());
    }
    sheet.extra(&mut tail);
    sheet.close(slot, tail.at());
    let kind = &explained.kind;
    sheet.say(slot, || format!("{kind}, {}", count(span.len(), "octet")));
    if unfinished {
        sheet.refuses();
    }
    explained
}

/// Tells the frame's end from its length field where that fits, else from what is there.
fn measure(from: &Octets<'_>, opened: bool, unfinished: bool) -> Body {
    let (start, octets) = (from.at(), from.rest());
    let held = octets.len();
    let claimed = match *octets {
        [high, low, ..] => usize::from(u16::from_be_bytes([high, low]) & 0x07FF),
        _ => 0,
    };
    let without_flag = match octets.split_last() {
        Some((&FLAG, before)) if !unfinished => Some(before),
        _ => None,
    };
    // A length that takes the closing flag in is believed only where the FCS bears it out.
    let lies_by_one = opened && claimed == held && !fcs_right(octets);
    let (length, length_ok) = match without_flag {
        Some(before) if lies_by_one => (before.len(), false),
        _ if claimed == held => (held, true),
        Some(before) => (before.len(), claimed == before.len()),
        None => (held, false),
    };
    Body {
        start,
        end: start.saturating_add(length),
        claimed,
        length_ok,
        unfinished: unfinished || without_flag.is_none() && claimed > length,
    }
}

fn fcs_right(octets: &[u8]) -> bool {
    octets
        .split_last_chunk()
        .is_some_and(|(checked, sent)| fcs(checked).to_le_bytes() == *sent)
}

fn fields(
    sheet: &mut Sheet,
    bytes: &[u8],
    mut from: Octets<'_>,
    body: &Body,
    direction: Option<Direction>,
    explained: &mut Explained,
) -> Option<()> {
    let segmented = format(sheet, &mut from, body)?;
    let destination = address(sheet, &from)?;
    let mut ahead = from;
    let to = ahead.take(destination)?;
    let source = address(sheet, &ahead)?;
    let sender = ahead.take(source)?;
    let way = Way::tell(direction, to, sender, ahead.rest());
    name_address(
        sheet,
        &mut from,
        "destination",
        destination,
        way.destination(),
        explained,
    );
    name_address(sheet, &mut from, "source", source, way.source(), explained);
    if way.is_same() {
        explained.client = to.first().map(|octet| octet >> 1);
        explained.server = ServerAddress::decode(to).ok().map(|(server, _)| server);
    }

    let octet = sheet.octet(&mut from, "control", |octet| {
        format!("{octet:02X}: {}", control_text(Control::decode(octet)))
    })?;
    let control = Control::decode(octet);
    control.name().clone_into(&mut explained.kind);
    explained.link = words::link_text(control, &way);
    checks(sheet, bytes, &mut from, body, control, segmented, explained)
}

/// Format and length; gives the segmentation bit.
fn format(sheet: &mut Sheet, from: &mut Octets<'_>, body: &Body) -> Option<bool> {
    let at = from.at();
    let Some(&[high, low]) = from.take(2).and_then(|two| two.first_chunk()) else {
        sheet.short(from, "format", 2);
        return None;
    };
    let segmented = high & 0x08 != 0;
    let slot = sheet.put("format", at, 1, || {
        let more = if segmented {
            ", a segment: more follow"
        } else {
            ""
        };
        let long = if body.claimed < 256 {
            ""
        } else {
            ", with the high bits of the length"
        };
        let kind = if high >> 4 == 0x0A {
            "frame type 3"
        } else {
            "unknown frame type"
        };
        format!("{high:02X}: {kind}{more}{long}")
    });
    if high >> 4 != 0x0A {
        sheet.blame(slot, || {
            "frame type 3 begins with the bits 1010 (A)".to_owned()
        });
    }
    let slot = sheet.put("length", at.saturating_add(1), 1, || {
        format!("{low:02X}: {}", count(body.claimed, "octet"))
    });
    if !body.length_ok {
        let held = body.end.saturating_sub(body.start);
        sheet.blame(slot, || {
            let lies = format!(
                "says {}, but {} {} here",
                body.claimed,
                count(held, "octet"),
                if held == 1 { "is" } else { "are" }
            );
            if body.unfinished {
                format!("{lies}: the frame is cut short")
            } else {
                lies
            }
        });
    }
    Some(segmented)
}

/// HCS, information field and FCS.
fn checks(
    sheet: &mut Sheet,
    bytes: &[u8],
    from: &mut Octets<'_>,
    body: &Body,
    control: Control,
    segmented: bool,
    explained: &mut Explained,
) -> Option<()> {
    // What stands behind the control octet by the frame's own claim, so that a cut frame reads the same.
    let behind = if body.unfinished {
        body.claimed
            .saturating_sub(from.at().saturating_sub(body.start))
    } else {
        from.left()
    };
    if behind > 3 {
        let right = check(sheet, "HCS", bytes, from, body.start, None)?;
        explained.hcs_ok = Some(right);
    }
    let held = if body.unfinished {
        from.left().min(behind.saturating_sub(4))
    } else {
        from.left().saturating_sub(2)
    };
    let mut inside = Octets::new(
        bytes,
        from.at()..from.at().saturating_add(held),
        segmented || body.unfinished,
    );
    if behind > 3 && (held > 0 || inside.cut) {
        let _ = from.take(held);
        information(sheet, &mut inside, control, segmented, explained);
    } else {
        quiet(sheet, control, explained);
    }
    sheet.source(SOURCE);
    explained.fcs_ok = check(sheet, "FCS", bytes, from, body.start, explained.hcs_ok)?;
    sheet.extra(from);
    Some(())
}

/// One check sequence over everything from `start`; gives whether it is right.
fn check(
    sheet: &mut Sheet,
    name: &str,
    bytes: &[u8],
    from: &mut Octets<'_>,
    start: usize,
    header_right: Option<bool>,
) -> Option<bool> {
    let at = from.at();
    let Some(&sent) = from.take(2).and_then(|two| two.first_chunk()) else {
        sheet.short(from, name, 2);
        return None;
    };
    let due = fcs(bytes.get(start..at)?).to_le_bytes();
    let slot = sheet.put(name, at, 2, || {
        if sent == due {
            format!("{}, right", hex(&sent))
        } else {
            hex(&sent)
        }
    });
    if sent != due {
        sheet.blame(slot, || {
            let hint = match header_right {
                Some(true) => "; the header is right, so the damage is in the information field",
                Some(false) => "; the header is damaged",
                None => "",
            };
            format!("these octets give {}{hint}", hex(&due))
        });
    }
    Some(sent == due)
}
