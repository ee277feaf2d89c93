//! Which APDU this is, by its first octet, and who reads it on.
//!
//! The one rule: every tag of the Green Book has a name here; one that has not is named as unknown.
use super::sheet::{Octets, Sheet, hex};
use super::{
    Explained, Framing, access, acse, action, ciphered, get, initiate, notify, refusal, set,
    short_name,
};
use crate::dlms::xdlms;
use std::ops::Range;

/// What a trace line says of an APDU.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub kind: &'static str,
    pub summary: String,
}

const SOURCE: Option<&str> = Some("Green Book, COSEM APDUs");

type Walk = fn(&mut Sheet, &mut Octets<'_>, &mut Said) -> Option<()>;

/// Name and reader of an APDU tag (Green Book, ASN.1 of the xDLMS and ACSE APDUs).
fn known(tag: u8) -> Option<(&'static str, Walk)> {
    Some(match tag {
        0x01 => ("InitiateRequest", |sheet, from, _| {
            initiate::request(sheet, from)
        }),
        0x08 => ("InitiateResponse", |sheet, from, _| {
            initiate::response(sheet, from)
        }),
        0x05 => ("READ.request", short_name::read_request),
        0x06 => ("WRITE.request", short_name::write_request),
        0x0C => ("READ.response", short_name::read_response),
        0x0D => ("WRITE.response", short_name::write_response),
        0x0E => ("confirmed-service-error", refusal::service_error),
        0x0F => ("data-notification", notify::data),
        0x16 => ("UNCONFIRMED-WRITE.request", short_name::write_request),
        0x18 => ("INFORMATION-REPORT.request", short_name::report),
        0x60 => ("AARQ", acse::walk),
        0x61 => ("AARE", acse::walk),
        0x62 => ("RLRQ", acse::walk),
        0x63 => ("RLRE", acse::walk),
        0xC0 => ("GET.request", get::request),
        0xC1 => ("SET.request", set::request),
        0xC2 => ("EVENT-NOTIFICATION.request", notify::event),
        0xC3 => ("ACTION.request", action::request),
        0xC4 => ("GET.response", get::response),
        0xC5 => ("SET.response", set::response),
        0xC7 => ("ACTION.response", action::response),
        0xD8 => ("exception-response", refusal::exception),
        0xD9 => ("ACCESS.request", access::request),
        0xDA => ("ACCESS.response", access::response),
        0xE0 => ("general-block-transfer", notify::general_block),
        0xDB => ("general-glo-ciphering", ciphered::titled),
        0xDC => ("general-ded-ciphering", ciphered::titled),
        0xDD => ("general-ciphering", ciphered::general),
        0xDF => ("general-signing", ciphered::signing),
        // glo- and ded- forms of each service
        _ => (xdlms::tag::name(tag)?, ciphered::plain_tag),
    })
}

/// Whether an APDU may begin with this octet.
pub(super) fn is_tag(octet: u8) -> bool {
    known(octet).is_some()
}

/// Whether `bytes` are one whole APDU with nothing wrong in it.
pub(super) fn reads(bytes: &[u8]) -> bool {
    let mut sheet = Sheet::silent();
    walk(&mut sheet, &mut Octets::new(bytes, 0..bytes.len(), false));
    !sheet.blamed()
}

/// The APDU as one field with its parts below.
pub(super) fn walk(sheet: &mut Sheet, from: &mut Octets<'_>) -> Said {
    let mut said = Said::default();
    sheet.source(SOURCE);
    let slot = sheet.open("APDU", from.at(), String::new);
    inside(sheet, from, &mut said);
    let kind = said.kind;
    sheet.say(slot, || kind.to_owned());
    sheet.close(slot, from.at());
    said
}

/// The parts of an APDU, onto whatever is open.
pub(super) fn inside(sheet: &mut Sheet, from: &mut Octets<'_>, said: &mut Said) {
    let Some(tag) = from.peek() else {
        if !from.cut {
            sheet.wrong("tag", from.at(), 0, String::new, || {
                "an APDU is due here and nothing follows".to_owned()
            });
        }
        said.kind = "empty";
        return;
    };
    let before = sheet.source(SOURCE);
    if let Some((kind, read)) = known(tag) {
        said.kind = kind;
        kind.clone_into(&mut said.summary);
        // None means the octets ended or made no sense, which the sheet already says.
        if read(sheet, from, said).is_some() {
            sheet.source(SOURCE);
            sheet.extra(from);
        } else if from.left() > 0 {
            let (at, held) = (from.at(), from.left());
            sheet.put("not read", at, held, || hex(from.rest()));
            let _ = from.take(held);
        }
    } else {
        said.kind = "unknown";
        said.summary = format!("unknown APDU {tag:02X}");
        let at = from.at();
        let _ = from.take(1);
        sheet.wrong(
            "tag",
            at,
            1,
            || format!("{tag:02X}"),
            || "no APDU begins with this octet".to_owned(),
        );
        let (at, held) = (from.at(), from.left());
        if held > 0 {
            sheet.put("not read", at, held, || hex(from.rest()));
            let _ = from.take(held);
        }
    }
    sheet.source(before);
}

/// An APDU alone, or behind the LLC header it had inside HDLC.
pub(super) fn bare(sheet: &mut Sheet, bytes: &[u8], span: Range<usize>) -> Explained {
    let mut from = Octets::new(bytes, span.clone(), false);
    if let [0xE6, direction @ (0xE6 | 0xE7), 0, ..] = *from.rest() {
        let at = from.at();
        let _ = from.take(3);
        sheet.put("LLC", at, 3, || {
            if direction == 0xE6 {
                "command".to_owned()
            } else {
                "response".to_owned()
            }
        });
    }
    let apdu = from.at();
    let said = walk(sheet, &mut from);
    Explained {
        framing: Framing::Bare,
        kind: said.kind.to_owned(),
        summary: said.summary,
        offset: span.start,
        length: span.len(),
        length_ok: true,
        fcs_ok: true,
        apdu: Some((apdu, from.at().saturating_sub(apdu))),
        ..Explained::default()
    }
}

/// Eight octets, the first three the manufacturer's letters.
pub(super) fn system_title(title: &[u8]) -> String {
    match title {
        [a, b, c, serial @ ..]
            if [a, b, c].iter().all(|letter| letter.is_ascii_uppercase()) && serial.len() == 5 =>
        {
            format!(
                "{} ({}{}{} and a number)",
                hex(title),
                char::from(*a),
                char::from(*b),
                char::from(*c)
            )
        }
        _ => hex(title),
    }
}
