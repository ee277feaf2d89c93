//! xDLMS InitiateRequest and InitiateResponse, as they travel inside AARQ and AARE.
//!
//! The one rule: the dedicated key is named by its length only.
use super::sheet::{Octets, Sheet, count, hex};
use crate::dlms::xdlms::Conformance;

const SOURCE: Option<&str> = Some("Green Book, xDLMS Initiate");

/// `01 dedicated-key? response-allowed? quality? version conformance max-pdu`
pub(super) fn request(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<()> {
    sheet.source(SOURCE);
    sheet.octet(from, "tag", |_| "InitiateRequest".to_owned())?;
    let at = from.at();
    match from.peek() {
        Some(1) => {
            let slot = sheet.open("dedicated-key", at, || "present".to_owned());
            let _ = from.take(1);
            let read = key(sheet, from);
            sheet.close(slot, from.at());
            read?;
        }
        _ => flag(sheet, from, "dedicated-key", |_| String::new())?,
    }
    flag(sheet, from, "response-allowed", |octet| {
        (octet != 0).to_string()
    })?;
    flag(sheet, from, "proposed-quality-of-service", |octet| {
        octet.to_string()
    })?;
    version(sheet, from, "proposed-dlms-version-number")?;
    conformance(sheet, from, "proposed-conformance")?;
    sheet.word(from, "client-max-receive-pdu-size", size)?;
    Some(())
}

/// `08 quality? version conformance max-pdu vaa-name`
pub(super) fn response(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<()> {
    sheet.source(SOURCE);
    sheet.octet(from, "tag", |_| "InitiateResponse".to_owned())?;
    flag(sheet, from, "negotiated-quality-of-service", |octet| {
        octet.to_string()
    })?;
    version(sheet, from, "negotiated-dlms-version-number")?;
    conformance(sheet, from, "negotiated-conformance")?;
    sheet.word(from, "server-max-receive-pdu-size", size)?;
    sheet.word(from, "vaa-name", |name| match name {
        0x0007 => "0007, logical name referencing".to_owned(),
        0xFA00 => "FA00, short name referencing".to_owned(),
        other => format!("{other:04X}"),
    })?;
    Some(())
}

fn key(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<()> {
    let said = sheet.length(from, "length")?;
    let mut part = from.part(said);
    let (at, held) = (part.at(), part.left());
    let slot = sheet.put("key", at, held, || {
        format!("{}, hidden", count(held, "octet"))
    });
    sheet.hide(slot);
    let key = part.take(held)?;
    if held != said {
        return None;
    }
    if let Some(opener) = &mut sheet.opener {
        opener.learn_dedicated(key);
    }
    Some(())
}

/// An optional or defaulted octet: `00` left out, `01 value`.
fn flag(
    sheet: &mut Sheet,
    from: &mut Octets<'_>,
    name: &str,
    say: impl FnOnce(u8) -> String,
) -> Option<()> {
    let at = from.at();
    match *from.rest() {
        [0, ..] => {
            let _ = from.take(1);
            sheet.put(name, at, 1, || "left out".to_owned());
        }
        [1, value, ..] => {
            let _ = from.take(2);
            sheet.put(name, at, 2, || say(value));
        }
        [1] | [] => {
            sheet.short(from, name, 2);
            return None;
        }
        [other, ..] => {
            let _ = from.take(1);
            sheet.wrong(
                name,
                at,
                1,
                || format!("{other:02X}"),
                || "neither 00 (left out) nor 01 (present)".to_owned(),
            );
            return None;
        }
    }
    Some(())
}

fn version(sheet: &mut Sheet, from: &mut Octets<'_>, name: &str) -> Option<()> {
    let at = from.at();
    let version = from.take(1).and_then(|octets| octets.first().copied());
    let Some(version) = version else {
        sheet.short(from, name, 1);
        return None;
    };
    let slot = sheet.put(name, at, 1, || version.to_string());
    if version != 6 {
        sheet.blame(slot, || "the DLMS version in use is 6".to_owned());
    }
    Some(())
}

fn conformance(sheet: &mut Sheet, from: &mut Octets<'_>, name: &str) -> Option<()> {
    let at = from.at();
    // Some codecs write the tag as 5F alone, without 1F.
    let header: &[u8] = if from.rest().get(1) == Some(&0x1F) {
        &[0x5F, 0x1F, 4, 0]
    } else {
        &[0x5F, 4, 0]
    };
    let wanted = header.len().saturating_add(3);
    let Some(octets) = from.take(wanted) else {
        sheet.short(from, name, wanted);
        return None;
    };
    let [.., a, b, c] = *octets else { return None };
    let block = Conformance(u32::from_be_bytes([0, a, b, c]));
    let slot = sheet.put(name, at, wanted, || {
        let names: Vec<_> = block.names().collect();
        format!(
            "{a:02X}{b:02X}{c:02X}: {}",
            if names.is_empty() {
                "nothing".to_owned()
            } else {
                names.join(", ")
            }
        )
    });
    if !octets.starts_with(header) {
        sheet.blame(slot, || {
            format!(
                "begins {} instead of 5F 1F 04 00",
                hex(octets.get(..4).unwrap_or_default())
            )
        });
    }
    Some(())
}

fn size(octets: u16) -> String {
    if octets == 0 {
        "0, no limit".to_owned()
    } else {
        octets.to_string()
    }
}
