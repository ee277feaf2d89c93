//! M-Bus link frames around pushed APDUs: long frames with one segment each, and short ones.
//!
//! The one rule: a frame is recognised by its repeated length (or its place and checksum, a short one); what is wrong at
//! its end is named there.
use super::sheet::{Octets, Sheet, count, hex};
use super::{Explained, Framing, apdu};
use crate::dlms::push::mbus::{Frame, Judged, checksum, judge};
use std::ops::Range;

/// Octets of the frame that begins here, whole or damaged.
pub(super) fn length(bytes: &[u8]) -> Option<usize> {
    match judge(bytes) {
        Judged::Long(length) | Judged::Damaged(length) => Some(length),
        Judged::Short => Some(crate::dlms::push::mbus::SHORT_LENGTH),
        Judged::Not | Judged::Open { .. } => None,
    }
}

pub(super) fn walk(sheet: &mut Sheet, bytes: &[u8], span: Range<usize>) -> Explained {
    let mut from = Octets::new(bytes, span.clone(), false);
    let mut explained = Explained {
        framing: Framing::Mbus,
        kind: "M-Bus".to_owned(),
        offset: span.start,
        length: span.len(),
        length_ok: true,
        fcs_ok: true,
        ..Explained::default()
    };
    sheet.source(Some("EN 13757-2, M-Bus link frame"));
    let slot = sheet.open("M-Bus frame", from.at(), String::new);
    let _ = if from.peek() == Some(crate::dlms::push::mbus::SHORT) {
        short(sheet, &mut from, &mut explained)
    } else {
        long(sheet, &mut from, &mut explained)
    };
    sheet.extra(&mut from);
    sheet.close(slot, from.at());
    let kind = &explained.kind;
    sheet.say(slot, || format!("{kind}, {}", count(span.len(), "octet")));
    explained
}

fn short(sheet: &mut Sheet, from: &mut Octets<'_>, explained: &mut Explained) -> Option<()> {
    sheet.octet(from, "start", |_| "10, short frame".to_owned())?;
    let control = sheet.octet(from, "control", control_text)?;
    let address = sheet.octet(from, "address", |address| address.to_string())?;
    sheet.octet(from, "checksum", |sum| format!("{sum:02X}, right"))?;
    sheet.octet(from, "stop", |_| "16".to_owned())?;
    explained.link = format!("{control:02X} {address:02X}");
    "M-Bus short".clone_into(&mut explained.kind);
    explained.summary = control_text(control);
    Some(())
}

fn long(sheet: &mut Sheet, from: &mut Octets<'_>, explained: &mut Explained) -> Option<()> {
    let whole = from.rest();
    sheet.octet(from, "start", |_| "68, long frame".to_owned())?;
    let length = sheet.octet(from, "length", |length| length.to_string())?;
    sheet.octet(from, "length again", |length| length.to_string())?;
    sheet.octet(from, "start again", |_| "68".to_owned())?;
    let counted = from.rest().get(..length.into()).unwrap_or_default();
    let right = checksum(counted);
    let mut part = from.part(length.into());
    let control = sheet.octet(&mut part, "control", control_text)?;
    let address = sheet.octet(&mut part, "address", |address| {
        if address == 0xFF {
            "255, to all, nobody answers".to_owned()
        } else {
            address.to_string()
        }
    })?;
    explained.link = format!("{control:02X} {address:02X}");
    let segment = Frame::parse(whole).and_then(|frame| frame.segment());
    let information = sheet.octet(&mut part, "CI", |ci| match segment {
        Some(segment) => {
            let last = if segment.last {
                ", the last"
            } else {
                ", more follow"
            };
            format!("{ci:02X}: segment {}{last}", segment.number)
        }
        None => format!("{ci:02X}, no DLMS segment"),
    })?;
    if let Some(segment) = segment {
        sheet.octet(&mut part, "source address (STSAP)", |sap| sap.to_string())?;
        sheet.octet(&mut part, "destination address (DTSAP)", |sap| {
            sap.to_string()
        })?;
        let at = part.at();
        if segment.number == 0 {
            // What is cut off goes on in the next frame.
            part.cut = !segment.last;
            let said = apdu::walk(sheet, &mut part);
            said.kind.clone_into(&mut explained.kind);
            explained.summary = said.summary;
        } else {
            let left = part.left();
            "segment".clone_into(&mut explained.kind);
            explained.summary = format!("segment {}, {}", segment.number, count(left, "octet"));
            sheet.octets(&mut part, "goes on", left, hex)?;
        }
        explained.apdu = Some((at, part.at().saturating_sub(at)));
    } else {
        let left = part.left();
        explained.summary = format!("CI {information:02X}, no DLMS inside");
        sheet.octets(&mut part, "data", left, hex)?;
    }
    sheet.extra(&mut part);
    sheet.source(Some("EN 13757-2, M-Bus link frame"));
    let at = from.at();
    let sent = from.peek()?;
    let _ = from.take(1);
    let slot = sheet.put("checksum", at, 1, || format!("{sent:02X}"));
    explained.fcs_ok = sent == right;
    if sent != right {
        sheet.blame(slot, || format!("the octets give {right:02X}"));
    }
    let at = from.at();
    let stop = from.peek()?;
    let _ = from.take(1);
    let slot = sheet.put("stop", at, 1, || format!("{stop:02X}"));
    if stop != crate::dlms::push::mbus::STOP {
        explained.length_ok = false;
        sheet.blame(slot, || "16 is due here".to_owned());
    }
    Some(())
}

fn control_text(control: u8) -> String {
    let what = match control & 0x5F {
        0x40 => "SND-NKE, the link begins anew",
        0x53 => "SND-UD, data",
        0x44 => "SND-NR, data, no reply",
        0x5B => "REQ-UD2, asks for data",
        0x5A => "REQ-UD1, asks for alarms",
        0x08 | 0x18 => "RSP-UD, data",
        _ => "other",
    };
    format!("{control:02X}: {what}")
}
