//! What a meter sends unasked (data-notification, event-notification), and the head of general block transfer.
//!
//! The one rule: date-times are read in each form meters write them.
use super::apdu::Said;
use super::data;
use super::descriptor::{attribute, complain, raw};
use super::sheet::{Octets, Sheet, hex};
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

pub(super) fn long_invoke(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<()> {
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
        let described = if long & 0x1000_0000 == 0 {
            ""
        } else {
            ", self-descriptive"
        };
        let breaks = if long & 0x2000_0000 == 0 {
            ""
        } else {
            ", break on error"
        };
        format!("{long:08X}: id {id}, {service}, {priority} priority{described}{breaks}")
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
