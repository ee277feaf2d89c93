//! What a meter sends unasked (data-notification, event-notification), and the heads of the general services.
//!
//! The one rule: date-times are read in each form meters write them.
use super::apdu::Said;
use super::data;
use super::descriptor::{attribute, complain, raw};
use super::sheet::{Octets, Sheet, count, hex};
use crate::cosem::date_time::DateTime;

/// `0F long-invoke-id date-time body`
pub(super) fn data(sheet: &mut Sheet, from: &mut Octets<'_>, said: &mut Said) -> Option<()> {
    "notification".clone_into(&mut said.summary);
    sheet.octet(from, "tag", |_| "0F data-notification".to_owned())?;
    long_invoke(sheet, from)?;
    // Kaifa writes the octet-string's data tag as well; taken as such only where it cannot be a length.
    if let [9, 0x0C, ..] = *from.rest() {
        sheet.octet(from, "tag of date-time", |_| {
            "09, an octet-string (not in the standard)".to_owned()
        })?;
    }
    date_time(sheet, from)?;
    said.summary = format!("notification {}", data::brief(from));
    data::walk(sheet, from)
}

/// `C2 time? attribute value`
pub(super) fn event(sheet: &mut Sheet, from: &mut Octets<'_>, said: &mut Said) -> Option<()> {
    "event".clone_into(&mut said.summary);
    sheet.octet(from, "tag", |_| "C2 EVENT-NOTIFICATION.request".to_owned())?;
    match sheet.octet(from, "time", |octet| {
        if octet == 0 {
            "none".to_owned()
        } else {
            "follows".to_owned()
        }
    })? {
        0 => {}
        1 => date_time(sheet, from)?,
        _ => {
            complain(
                sheet,
                from,
                "the time is neither absent (00) nor present (01)",
            );
            return None;
        }
    }
    let object = attribute(sheet, from)?;
    said.summary = format!("event {} {}", object.brief(), data::brief(from));
    data::walk(sheet, from)
}

/// `D9|DA long-invoke-id date-time …`: the head; the lists behind it are left as octets.
pub(super) fn access(sheet: &mut Sheet, from: &mut Octets<'_>, said: &mut Said) -> Option<()> {
    let kind = said.kind;
    sheet.octet(from, "tag", |tag| format!("{tag:02X} {kind}"))?;
    long_invoke(sheet, from)?;
    date_time(sheet, from)?;
    body(sheet, from);
    Some(())
}

/// A service named but not taken apart.
pub(super) fn opaque(sheet: &mut Sheet, from: &mut Octets<'_>, said: &mut Said) -> Option<()> {
    let kind = said.kind;
    sheet.octet(from, "tag", |tag| format!("{tag:02X} {kind}"))?;
    body(sheet, from);
    Some(())
}

/// `E0 block-control block-number block-number-ack data`
pub(super) fn general_block(
    sheet: &mut Sheet,
    from: &mut Octets<'_>,
    said: &mut Said,
) -> Option<()> {
    sheet.octet(from, "tag", |_| "E0 general-block-transfer".to_owned())?;
    let control = sheet.octet(from, "block-control", |octet| {
        let last = if octet & 0x80 == 0 {
            "more follow"
        } else {
            "last block"
        };
        let streaming = if octet & 0x40 == 0 { "" } else { ", streaming" };
        format!("{octet:02X}: {last}{streaming}, window {}", octet & 0x3F)
    })?;
    let number = sheet.word(from, "block-number", |number| number.to_string())?;
    sheet.word(from, "block-number-ack", |number| number.to_string())?;
    let octets = raw(sheet, from)?;
    let last = if control & 0x80 == 0 {
        ""
    } else {
        ", the last"
    };
    said.summary = format!("general block {number}{last}, {octets} octets");
    Some(())
}

fn long_invoke(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<()> {
    sheet.long(from, "long-invoke-id-and-priority", |long| {
        let id = long & 0x00FF_FFFF;
        let service = if long & 0x4000_0000 == 0 {
            "unconfirmed"
        } else {
            "confirmed"
        };
        let priority = if long & 0x8000_0000 == 0 {
            "normal"
        } else {
            "high"
        };
        format!("{long:08X}: id {id}, {service}, {priority} priority")
    })?;
    Some(())
}

/// An optional octet string: a length, nothing or twelve octets.
pub(super) fn date_time(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<()> {
    if from.peek() == Some(0) {
        sheet.octet(from, "date-time", |_| "none".to_owned())?;
        return Some(());
    }
    let said = sheet.length(from, "date-time length")?;
    sheet.octets(from, "date-time", said, |octets| match octets.try_into() {
        Ok(raw) => DateTime { raw }.to_string(),
        Err(_) => hex(octets),
    })?;
    Some(())
}

fn body(sheet: &mut Sheet, from: &mut Octets<'_>) {
    let (at, held) = (from.at(), from.left());
    if held > 0 {
        sheet.put("body", at, held, || {
            format!("{}: {}", count(held, "octet"), hex(from.rest()))
        });
        let _ = from.take(held);
    }
}
