//! The information fields of the link itself: the parameter group of SNRM and UA, and FRMR's three octets.
//!
//! The one rule: what is missing has its default said, never guessed into the ranges.
use super::ber;
use super::sheet::{Octets, Sheet, count, hex};
use crate::dlms::hdlc::{Control, FrameReject, Parameters};

/// `81 80 length (05|06|07|08 length value)*`: sizes and windows from the sender's view. Gives the summary.
pub(super) fn parameters(sheet: &mut Sheet, from: &mut Octets<'_>) -> String {
    sheet.source(Some("ISO/IEC 13239, parameter negotiation"));
    let whole = from.rest();
    let slot = sheet.open("parameters", from.at(), String::new);
    let read = group(sheet, from);
    sheet.close(slot, from.at());
    if read.is_some() {
        sheet.extra(from);
    }
    match Parameters::decode(whole) {
        Ok(read) => format!(
            "info {}/{} window {}/{}",
            read.max_info_transmit,
            read.max_info_receive,
            read.window_transmit,
            read.window_receive
        ),
        Err(error) => {
            sheet.blame(slot, || error.to_string());
            "parameters that make no sense".to_owned()
        }
    }
}

fn group(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<()> {
    let at = from.at();
    let format = from.peek();
    sheet.octet(from, "format identifier", |octet| format!("{octet:02X}"))?;
    if format != Some(0x81) {
        sheet.wrong(
            "not read",
            from.at(),
            from.left(),
            || hex(from.rest()),
            || format!("the octet at {at} is not the format identifier 81"),
        );
        let _ = from.take(from.left());
        return None;
    }
    while let Some(group) = from.peek() {
        sheet.octet(from, "group identifier", |octet| match octet {
            0x80 => "80, parameter negotiation".to_owned(),
            0xF0 => "F0, user data".to_owned(),
            other => format!("{other:02X}, unknown"),
        })?;
        if group == 0xF0 {
            let (at, held) = (from.at(), from.left());
            sheet.put("user data", at, held, || hex(from.rest()));
            let _ = from.take(held);
            return Some(());
        }
        let (length, slot) = ber::length(sheet, from)?;
        sheet.promised(slot, length, from);
        let mut part = from.part(length);
        while part.left() > 0 {
            parameter(sheet, &mut part)?;
        }
    }
    Some(())
}

fn parameter(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<()> {
    let name = |tag| match tag {
        5 => "max-information-transmit",
        6 => "max-information-receive",
        7 => "window-transmit",
        8 => "window-receive",
        _ => "unknown parameter",
    };
    let mut element = ber::element(sheet, from, name)?;
    let octets = element.contents.rest();
    let _ = element.contents.take(octets.len());
    let value = octets.iter().try_fold(0_u64, |sum, &octet| {
        Some(sum.checked_mul(256)? | u64::from(octet))
    });
    let limits = if matches!(element.tag, 5 | 6) {
        32..=2030
    } else {
        1..=7
    };
    if let Some(value) = value.filter(|_| !octets.is_empty() && octets.len() <= 4) {
        sheet.say(element.slot, || {
            format!("{value} ({})", count(octets.len(), "octet"))
        });
        if matches!(element.tag, 5..=8) && !limits.contains(&value) {
            sheet.blame(element.slot, || {
                format!("{value} is outside {} to {}", limits.start(), limits.end())
            });
        }
    } else {
        sheet.say(element.slot, || hex(octets));
        sheet.blame(element.slot, || {
            "a value of one to four octets is due here".to_owned()
        });
    }
    if !matches!(element.tag, 5..=8) {
        let tag = element.tag;
        sheet.blame(element.slot, || {
            format!("no parameter has the number {tag:02X}")
        });
    }
    ber::done(sheet, element);
    Some(())
}

/// FRMR: the control octet refused, the meter's counters, and why. Gives the summary.
pub(super) fn rejection(sheet: &mut Sheet, from: &mut Octets<'_>) -> String {
    sheet.source(Some("ISO/IEC 13239, FRMR information field"));
    let decoded = FrameReject::decode(from.rest());
    rejected(sheet, from, decoded);
    sheet.extra(from);
    match decoded {
        Some(reject) => format!(
            "refuses {}, reason {}",
            reject.rejected,
            letters(reject.reasons)
        ),
        None => "a frame was refused".to_owned(),
    }
}

fn rejected(sheet: &mut Sheet, from: &mut Octets<'_>, decoded: Option<FrameReject>) -> Option<()> {
    sheet.octet(from, "rejected control", |octet| {
        format!(
            "{octet:02X}: {}",
            super::frame::control_text(Control::decode(octet))
        )
    })?;
    sheet.octet(from, "state variables", |octet| {
        let by = if octet & 0x10 == 0 {
            "a command"
        } else {
            "a response"
        };
        format!(
            "{octet:02X}: V(S) {}, V(R) {}, {by} was refused",
            octet >> 1 & 7,
            octet >> 5
        )
    })?;
    sheet.octet(from, "reason", |octet| match decoded {
        Some(reject) => format!("{octet:02X}: {reject}"),
        None => format!("{octet:02X}"),
    })?;
    Some(())
}

/// The standard's letters of the reason bits.
fn letters(octet: u8) -> String {
    let bits = [
        (0x01, 'W'),
        (0x02, 'X'),
        (0x04, 'Y'),
        (0x08, 'Z'),
        (0x10, 'V'),
    ];
    let said: String = bits
        .iter()
        .filter(|(bit, _)| octet & bit != 0)
        .map(|&(_, letter)| letter)
        .collect();
    if said.is_empty() {
        format!("{octet:02X}")
    } else {
        said
    }
}
