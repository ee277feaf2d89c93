//! The headers of ciphered APDUs: titles, security control, invocation counter; what is behind them where keys are known.
//!
//! The one rule: no key is needed here, and what is opened is marked verified or NOT VERIFIED.
use super::apdu::{self, Said, system_title};
use super::descriptor::complain;
use super::notify::date_time;
use super::sheet::{Octets, Sheet, Slot, count, hex};
use crate::dlms::security::{Secret, SecurityError, signing};

const TAG_OCTETS: usize = 12;

/// APDUs inside APDUs inside APDUs: nobody sends more than two, and a hostile one ends here.
const DEEPEST: u8 = 24;

/// `tag length security-control counter ciphertext`: the glo- and ded- forms of each service.
pub(super) fn plain_tag(sheet: &mut Sheet, from: &mut Octets<'_>, said: &mut Said) -> Option<()> {
    let kind = said.kind;
    let start = from.at();
    sheet.source(SOURCE);
    sheet.octet(from, "tag", |tag| format!("{tag:02X} {kind}"))?;
    secured(sheet, from, start, said)
}

/// `DB|DC system-title length …`
pub(super) fn titled(sheet: &mut Sheet, from: &mut Octets<'_>, said: &mut Said) -> Option<()> {
    let kind = said.kind;
    let start = from.at();
    sheet.source(SOURCE);
    sheet.octet(from, "tag", |tag| format!("{tag:02X} {kind}"))?;
    string(sheet, from, "system-title", system_title)?;
    secured(sheet, from, start, said)
}

/// `DD transaction-id originator recipient date-time other-information key-info? length …`
pub(super) fn general(sheet: &mut Sheet, from: &mut Octets<'_>, said: &mut Said) -> Option<()> {
    let start = from.at();
    sheet.source(SOURCE);
    sheet.octet(from, "tag", |_| "DD general-ciphering".to_owned())?;
    general_head(sheet, from)?;
    match sheet.octet(from, "key-info", |octet| {
        if octet == 0 {
            "none".to_owned()
        } else {
            "follows".to_owned()
        }
    })? {
        0 => {}
        1 => key_info(sheet, from)?,
        _ => {
            complain(
                sheet,
                from,
                "key-info is neither absent (00) nor present (01)",
            );
            return None;
        }
    }
    secured(sheet, from, start, said)
}

/// `DF … content signature`
pub(super) fn signing(sheet: &mut Sheet, from: &mut Octets<'_>, said: &mut Said) -> Option<()> {
    let start = from.at();
    sheet.source(SOURCE);
    sheet.octet(from, "tag", |_| "DF general-signing".to_owned())?;
    general_head(sheet, from)?;
    let at = from.at();
    let slot = sheet.open("content", at, String::new);
    let Some(length) = sheet.length(from, "length") else {
        sheet.say(slot, || "cut short".to_owned());
        sheet.close(slot, from.at());
        return None;
    };
    let mut inner = Said::default();
    let mut content = from.part(length);
    if sheet.depth() < DEEPEST {
        apdu::inside(sheet, &mut content, &mut inner);
        sheet.source(SOURCE);
    }
    sheet.say(slot, || {
        format!("{}: {}", count(length, "octet"), inner.kind)
    });
    sheet.close(slot, from.at());
    let octets = string(sheet, from, "signature", hex)?;
    said.summary = format!(
        "general-signing, {}, signature of {octets} octets",
        inner.summary
    );
    let verdict = sheet
        .opener
        .as_ref()
        .filter(|opener| opener.keys().peer_signing.is_some())
        .map(|opener| signing::read(from.since(start))?.verify(opener.keys()));
    let word = match &verdict {
        Some(Ok(())) => "verified",
        Some(Err(_)) | None => "NOT VERIFIED",
    };
    if sheet.opener.is_some() {
        let slot = sheet.put("verdict", from.at(), 0, || word.to_owned());
        if let Some(Err(error)) = verdict {
            sheet.blame(slot, || error.to_string());
        }
        said.summary = format!("{}, {word}", said.summary);
    }
    Some(())
}

const SOURCE: Option<&str> = Some("Green Book, ciphered APDUs");

fn general_head(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<()> {
    string(sheet, from, "transaction-id", hex)?;
    string(sheet, from, "originator-system-title", system_title)?;
    string(sheet, from, "recipient-system-title", system_title)?;
    date_time(sheet, from)?;
    string(sheet, from, "other-information", hex)?;
    Some(())
}

fn key_info(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<()> {
    let at = from.at();
    let form = sheet.octet(from, "key-info choice", |choice| match choice {
        0 => "0, identified-key".to_owned(),
        1 => "1, wrapped-key".to_owned(),
        2 => "2, agreed-key".to_owned(),
        other => other.to_string(),
    })?;
    match form {
        0 => {
            sheet.octet(from, "key-id", |id| match id {
                0 => "0, global-unicast-encryption-key".to_owned(),
                1 => "1, global-broadcast-encryption-key".to_owned(),
                other => other.to_string(),
            })?;
        }
        1 => {
            sheet.octet(from, "kek-id", |id| {
                if id == 0 {
                    "0, master-key".to_owned()
                } else {
                    id.to_string()
                }
            })?;
            string(sheet, from, "key-ciphered-data", hex)?;
        }
        2 => {
            string(sheet, from, "key-parameters", hex)?;
            string(sheet, from, "key-ciphered-data", hex)?;
        }
        _ => {
            debug_assert!(at < from.at());
            complain(sheet, from, "key-info is one of 0, 1 and 2");
            return None;
        }
    }
    Some(())
}

/// A length and so many octets, as one field. Gives the length.
fn string(
    sheet: &mut Sheet,
    from: &mut Octets<'_>,
    name: &str,
    say: impl FnOnce(&[u8]) -> String,
) -> Option<usize> {
    let at = from.at();
    let slot = sheet.open(name, at, String::new);
    let read = sheet.length(from, "length").and_then(|said| {
        if said == 0 {
            return Some((said, [].as_slice()));
        }
        Some((said, sheet.octets(from, "octets", said, |_| String::new())?))
    });
    match read {
        Some((_, octets)) => sheet.say(slot, || {
            if octets.is_empty() {
                "none".to_owned()
            } else {
                say(octets)
            }
        }),
        None => sheet.say(slot, || "cut short".to_owned()),
    }
    sheet.close(slot, from.at());
    read.map(|(said, _)| said)
}

/// `length security-control [counter] content [tag]`
fn secured(sheet: &mut Sheet, from: &mut Octets<'_>, start: usize, said: &mut Said) -> Option<()> {
    let length = sheet.length(from, "length")?;
    let whole = length <= from.left();
    let mut part = from.part(length);
    let control = sheet.octet(&mut part, "security-control", control_text)?;
    let counter = sheet.long(&mut part, "invocation-counter", |counter| {
        counter.to_string()
    })?;
    let authenticated = control & 0x10 != 0;
    let encrypted = control & 0x20 != 0;
    let body = if authenticated && whole {
        part.left().checked_sub(TAG_OCTETS)
    } else {
        Some(part.left())
    };
    let Some(body) = body else {
        sheet.short(&mut part, "authentication tag", TAG_OCTETS);
        return None;
    };
    let name = if encrypted { "ciphertext" } else { "plaintext" };
    let goes_on = if part.cut {
        ", continues in the next segment"
    } else {
        ""
    };
    said.summary = format!("{}, counter {counter}, {}", said.kind, count(body, "octet"));
    let at = part.at();
    let octets = part.take(body)?;
    let slot = sheet.open(name, at, || {
        format!("{}: {}{goes_on}", count(body, "octet"), hex(octets))
    });
    if whole && sheet.depth() < DEEPEST {
        inside(sheet, from.since(start), at, slot, said);
    }
    sheet.close(slot, part.at());
    sheet.source(SOURCE);
    if authenticated && whole {
        sheet.octets(&mut part, "authentication tag", TAG_OCTETS, hex)?;
    }
    Some(())
}

/// The APDU inside, where there are keys. It has as many octets as its ciphertext, so each field stands at its own.
fn inside(sheet: &mut Sheet, apdu: &[u8], at: usize, slot: Slot, said: &mut Said) {
    let Some(opened) = sheet.opener.as_ref().map(|opener| opener.open(apdu)) else {
        return;
    };
    let (opened, doubt) = match opened {
        Ok(opened) => opened,
        Err(error) => {
            sheet.blame(slot, || format!("not opened: {error}"));
            return;
        }
    };
    let plain = Secret::new(opened.plain);
    let mark = if opened.verified {
        "verified"
    } else {
        "NOT VERIFIED"
    };
    let mut inner = Said::default();
    apdu::inside(sheet, &mut Octets::instead(plain.expose(), at), &mut inner);
    sheet.say(slot, || match &doubt {
        _ if opened.verified => format!("{}, verified", inner.kind),
        Some(doubt) => format!("{}, NOT VERIFIED: {doubt}", inner.kind),
        None => format!("{}, NOT VERIFIED: it carries no tag", inner.kind),
    });
    if matches!(doubt, Some(SecurityError::TagMismatch { .. })) {
        sheet.blame(slot, || "the tag does not match".to_owned());
    }
    said.summary = format!("{}, {}, {mark}", said.kind, inner.summary);
    sheet.deciphered.push((at, plain));
}

fn control_text(octet: u8) -> String {
    let what = match octet >> 4 & 3 {
        0 => "neither authenticated nor encrypted",
        1 => "authenticated",
        2 => "encrypted",
        _ => "authenticated and encrypted",
    };
    let key = if octet & 0x40 == 0 {
        ""
    } else {
        ", broadcast key"
    };
    let compressed = if octet & 0x80 == 0 {
        ""
    } else {
        ", compressed"
    };
    format!(
        "{octet:02X}: suite {}, {what}{key}{compressed}",
        octet & 0x0F
    )
}
