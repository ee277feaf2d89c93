//! AARQ, AARE, RLRQ and RLRE element by element, with lengths that lie named where they stand.
//!
//! The one rule: what may be a password is named by its length only.
use super::apdu::{self, Said};
use super::ber::{self, Element};
use super::sheet::{Octets, Sheet, count, hex};
use crate::dlms::acse::{
    ApplicationContext, Diagnostic, Mechanism, result_name, rlre_reason_name, rlrq_reason_name,
};

/// What must be known of one element to read a later one.
#[derive(Default)]
struct Seen {
    /// Whether an application context was named at all, known to us or not.
    named: bool,
    context: Option<u8>,
    mechanism: Option<u8>,
    result: Option<u8>,
    diagnostic: Option<Diagnostic>,
}

const SOURCE: Option<&str> = Some("ISO/IEC 8650-1, Green Book ACSE");

/// Any of the four, told apart by the tag.
pub(super) fn walk(sheet: &mut Sheet, from: &mut Octets<'_>, said: &mut Said) -> Option<()> {
    sheet.source(SOURCE);
    let kind = said.kind;
    let request = matches!(kind, "AARQ" | "RLRQ");
    let release = matches!(kind, "RLRQ" | "RLRE");
    sheet.octet(from, "tag", |tag| format!("{tag:02X} {kind}"))?;
    let (length, slot) = ber::length(sheet, from)?;
    let follow = from.left();
    if length != follow && !(from.cut && length > follow) {
        sheet.blame(slot, || {
            format!("says {length}, but {} follow", count(follow, "octet"))
        });
    }
    // A length that is too small (a constant right for one password only) still lets every element be read.
    let mut seen = Seen::default();
    while from.left() > 0 {
        let names = if release {
            release_name
        } else if request {
            request_name
        } else {
            response_name
        };
        let Some(mut element) = ber::element(sheet, from, names) else {
            break;
        };
        sheet.source(SOURCE);
        if release {
            release_element(sheet, &mut element, request);
        } else {
            contents(sheet, &mut element, request, &mut seen);
        }
        ber::done(sheet, element);
        sheet.source(SOURCE);
    }
    if release {
        return Some(());
    }
    let lacks = match (request, seen.named, seen.result) {
        (true, false, _) => Some("the application context name is missing"),
        (false, _, None) => Some("the result is missing"),
        _ => None,
    };
    if let Some(lacks) = lacks.filter(|_| !from.cut) {
        sheet.blame(slot, || lacks.to_owned());
    }
    if request {
        let context = seen.context.map_or("", context_name);
        said.summary = format!(
            "AARQ {context} {}",
            seen.mechanism.map_or("no authentication", mechanism_name)
        );
    } else {
        answer(sheet, &seen, said);
    }
    Some(())
}

fn answer(sheet: &mut Sheet, seen: &Seen, said: &mut Said) {
    let diagnostic = seen
        .diagnostic
        .filter(|found| !matches!(found, Diagnostic::User(0) | Diagnostic::Provider(0)));
    said.summary = match (seen.result, diagnostic) {
        (Some(0), Some(Diagnostic::User(14))) => {
            "accepted, the meter must still be shown we know the secret".to_owned()
        }
        (Some(0), Some(why)) => format!("accepted, {}", why.name()),
        (Some(0), None) => "accepted".to_owned(),
        (Some(_), Some(why)) => why.name().to_owned(),
        (Some(result), None) => result_name(result).to_owned(),
        (None, _) => "AARE".to_owned(),
    };
    if seen.result.is_some_and(|result| result != 0) {
        sheet.refuses();
    }
}

fn contents(sheet: &mut Sheet, element: &mut Element<'_>, request: bool, seen: &mut Seen) {
    let slot = element.slot;
    let from = &mut element.contents;
    match (element.tag, request) {
        (0xA1, _) => match ber::inner(from, 0x06) {
            Some(&[0x60, 0x85, 0x74, 0x05, 0x08, 0x01, id]) => {
                seen.named = true;
                seen.context = Some(id);
                sheet.say(slot, || {
                    format!("{id}, {}", ApplicationContext::from_arc(id).name())
                });
            }
            oid => {
                seen.named = true;
                object_identifier(sheet, element, oid);
            }
        },
        (0x8B, true) | (0x89, false) => match *from.rest() {
            [0x60, 0x85, 0x74, 0x05, 0x08, 0x02, id] => {
                let _ = from.take(7);
                seen.mechanism = Some(id);
                sheet.say(slot, || format!("{id}, {}", Mechanism::from_arc(id).name()));
            }
            ref oid => object_identifier(sheet, element, Some(oid)),
        },
        (0xAC, true) | (0xAA, false) => authentication(sheet, element, seen),
        (0xA2, false) => match ber::inner(from, 0x02) {
            Some(&[result]) => {
                seen.result = Some(result);
                sheet.say(slot, || format!("{result}, {}", result_name(result)));
            }
            _ => unreadable(
                sheet,
                element,
                "an integer of one octet is due here (02 01 …)",
            ),
        },
        (0xA3, false) => diagnostic(sheet, element, seen),
        (0xA4, false) | (0xA6, true) => match ber::inner(from, 0x04) {
            Some(title) => {
                if let Some(opener) = &mut sheet.opener {
                    opener.learn_title(request, title);
                }
                sheet.say(slot, || apdu::system_title(title));
            }
            None => unreadable(sheet, element, "an octet string is due here (04 …)"),
        },
        (0x8A, true) | (0x88, false) => {
            let octets = from.rest();
            let _ = from.take(octets.len());
            sheet.say(slot, || {
                let on = octets.get(1).is_some_and(|bits| bits & 0x80 != 0);
                if on {
                    "authentication".to_owned()
                } else {
                    format!("{}, none", hex(octets))
                }
            });
        }
        (0xBE, _) => user_information(sheet, from),
        (0x80, _) => {
            let octets = from.rest();
            let _ = from.take(octets.len());
            sheet.say(slot, || {
                if octets == [7, 0x80] || octets == [2, 0x84] {
                    "version 1".to_owned()
                } else {
                    hex(octets)
                }
            });
        }
        (0xA2..=0xA9 | 0xBD, _) => {
            let octets = from.rest();
            let _ = from.take(octets.len());
            sheet.say(slot, || hex(octets));
        }
        (tag, _) => unreadable(
            sheet,
            element,
            if tag & 0x1F == 0x1F {
                "a tag of several octets is not used here"
            } else {
                "unknown tag"
            },
        ),
    }
}

fn authentication(sheet: &mut Sheet, element: &mut Element<'_>, seen: &Seen) {
    let from = &mut element.contents;
    // HLS sends challenges, which are no secret. Anything else may be the password in clear.
    let challenge = element.tag == 0xAA || seen.mechanism.is_some_and(|id| id >= 2);
    let tag = from.peek();
    let inside = tag.and_then(|tag| ber::inner(from, tag));
    let broken = inside.is_none() && !from.cut;
    // Where the element inside cannot be told apart, all of it may be the password.
    let value = inside.unwrap_or_else(|| {
        let octets = from.rest();
        let _ = from.take(octets.len());
        octets
    });
    let length = value.len();
    let at = from.at().saturating_sub(length);
    let octets = count(length, "octet");
    if challenge {
        sheet.put("challenge", at, length, || hex(value));
        sheet.say(element.slot, || octets);
    } else {
        let slot = sheet.put("password", at, length, || format!("{octets}, hidden"));
        sheet.hide(slot);
        sheet.say(element.slot, || format!("password, {octets}, hidden"));
    }
    if broken {
        sheet.blame(element.slot, || {
            "the length inside is not that of what follows".to_owned()
        });
    }
    if tag != Some(0x80) {
        sheet.blame(element.slot, || {
            format!("tag {:02X} where 80 (charstring) is due", tag.unwrap_or(0))
        });
    }
}

fn diagnostic(sheet: &mut Sheet, element: &mut Element<'_>, seen: &mut Seen) {
    let from = &mut element.contents;
    let side = from.peek();
    let code = side
        .and_then(|tag| ber::inner(from, tag))
        .and_then(|inside| match *inside {
            [0x02, 0x01, code] => Some(code),
            _ => None,
        });
    let found = match (side, code) {
        (Some(0xA1), Some(code)) => Diagnostic::User(code),
        (Some(0xA2), Some(code)) => Diagnostic::Provider(code),
        _ => {
            return unreadable(
                sheet,
                element,
                "acse-service-user (A1) or -provider (A2) with an integer is due here",
            );
        }
    };
    seen.diagnostic = Some(found);
    sheet.say(element.slot, || match found {
        Diagnostic::User(code) => format!("acse-service-user {code}, {}", found.name()),
        Diagnostic::Provider(code) => format!("acse-service-provider {code}, {}", found.name()),
        Diagnostic::Missing => String::new(),
    });
}

fn user_information(sheet: &mut Sheet, from: &mut Octets<'_>) {
    let Some(mut inside) = ber::element(sheet, from, |_| "octet-string") else {
        return;
    };
    if inside.tag != 0x04 {
        sheet.blame(inside.slot, || {
            format!("tag {:02X} where 04 (octet string) is due", inside.tag)
        });
    }
    let mut said = Said::default();
    apdu::inside(sheet, &mut inside.contents, &mut said);
    let kind = said.kind;
    sheet.say(inside.slot, || kind.to_owned());
    sheet.source(SOURCE);
    ber::done(sheet, inside);
}

fn release_element(sheet: &mut Sheet, element: &mut Element<'_>, request: bool) {
    let from = &mut element.contents;
    match (element.tag, from.rest()) {
        (0x80, &[reason]) => {
            let _ = from.take(1);
            let name = if request {
                rlrq_reason_name(reason)
            } else {
                rlre_reason_name(reason)
            };
            sheet.say(element.slot, || format!("{reason}, {name}"));
        }
        (0x80, _) => unreadable(sheet, element, "a reason of one octet is due here"),
        (0xBE, _) => user_information(sheet, from),
        _ => unreadable(sheet, element, "unknown tag"),
    }
}

fn object_identifier(sheet: &mut Sheet, element: &mut Element<'_>, oid: Option<&[u8]>) {
    let held = element.contents.left();
    let _ = element.contents.take(held);
    match oid {
        Some(oid) => {
            sheet.say(element.slot, || hex(oid));
            sheet.blame(element.slot, || {
                "not a name of DLMS UA (2.16.756.5.8 …)".to_owned()
            });
        }
        None => unreadable(sheet, element, "an object identifier is due here (06 07 …)"),
    }
}

fn unreadable(sheet: &mut Sheet, element: &mut Element<'_>, why: &'static str) {
    let octets = element.contents.rest();
    let _ = element.contents.take(octets.len());
    // An unknown element of an AARQ could hold a secret under a broken tag: its length is enough.
    sheet.say(element.slot, || {
        format!("tag {:02X}, {}", element.tag, count(octets.len(), "octet"))
    });
    if !element.contents.cut {
        sheet.blame(element.slot, || why.to_owned());
    }
}

/// Short, for a trace line.
fn context_name(id: u8) -> &'static str {
    match id {
        1 => "LN",
        2 => "SN",
        3 => "LN ciphered",
        4 => "SN ciphered",
        _ => "unknown context",
    }
}
fn mechanism_name(id: u8) -> &'static str {
    match id {
        0 => "no authentication",
        1 => "LLS",
        2 => "HLS vendor",
        3 => "HLS MD5",
        4 => "HLS SHA-1",
        5 => "HLS GMAC",
        6 => "HLS SHA-256",
        7 => "HLS ECDSA",
        _ => "unknown mechanism",
    }
}
fn request_name(tag: u8) -> &'static str {
    match tag {
        0x80 => "protocol-version",
        0xA1 => "application-context-name",
        0xA2 => "called-AP-title",
        0xA3 => "called-AE-qualifier",
        0xA4 => "called-AP-invocation-id",
        0xA5 => "called-AE-invocation-id",
        0xA6 => "calling-AP-title",
        0xA7 => "calling-AE-qualifier",
        0xA8 => "calling-AP-invocation-id",
        0xA9 => "calling-AE-invocation-id",
        0x8A => "sender-acse-requirements",
        0x8B => "mechanism-name",
        0xAC => "calling-authentication-value",
        0xBD => "implementation-information",
        0xBE => "user-information",
        _ => "unknown element",
    }
}
fn response_name(tag: u8) -> &'static str {
    match tag {
        0x80 => "protocol-version",
        0xA1 => "application-context-name",
        0xA2 => "result",
        0xA3 => "result-source-diagnostic",
        0xA4 => "responding-AP-title",
        0xA5 => "responding-AE-qualifier",
        0xA6 => "responding-AP-invocation-id",
        0xA7 => "responding-AE-invocation-id",
        0x88 => "responder-acse-requirements",
        0x89 => "mechanism-name",
        0xAA => "responding-authentication-value",
        0xBD => "implementation-information",
        0xBE => "user-information",
        _ => "unknown element",
    }
}
fn release_name(tag: u8) -> &'static str {
    match tag {
        0x80 => "reason",
        0xBE => "user-information",
        _ => "unknown element",
    }
}
