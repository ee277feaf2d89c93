//! What a frame carries: link parameters, a rejection, an APDU behind its LLC header, a later segment, or nothing.
//!
//! The one rule: without an LLC header the octets are a continuation, and are not read as an APDU.
use crate::dlms::explain::sheet::{Octets, Sheet, count, hex};
use crate::dlms::explain::{Explained, apdu, negotiation};
use crate::dlms::hdlc::Control;

/// A frame without an information field: what it means by itself.
pub(super) fn quiet(sheet: &mut Sheet, control: Control, explained: &mut Explained) {
    explained.summary = match control {
        Control::Snrm { .. } => "opens the link, default parameters".to_owned(),
        Control::Ua { .. } => "done, default parameters".to_owned(),
        Control::Disc { .. } => "closes the link".to_owned(),
        Control::Dm { .. } => "the meter is disconnected".to_owned(),
        Control::Frmr { .. } => "a frame was refused, no reason given".to_owned(),
        Control::ReceiveReady { receive, .. } => format!("ready for {receive}"),
        Control::ReceiveNotReady { receive, .. } => format!("busy, has all before {receive}"),
        Control::Reject { receive, .. } | Control::SelectiveReject { receive, .. } => {
            format!("send {receive} again")
        }
        Control::Information { .. } | Control::Ui { .. } => "empty".to_owned(),
        Control::Unknown(octet) => format!("unknown control {octet:02X}"),
    };
    refusals(sheet, control);
}

fn refusals(sheet: &mut Sheet, control: Control) {
    if matches!(
        control,
        Control::Dm { .. } | Control::Frmr { .. } | Control::Unknown(_)
    ) {
        sheet.refuses();
    }
}

pub(super) fn information(
    sheet: &mut Sheet,
    from: &mut Octets<'_>,
    control: Control,
    segmented: bool,
    explained: &mut Explained,
) {
    refusals(sheet, control);
    match control {
        Control::Snrm { .. } | Control::Ua { .. } => {
            explained.summary = negotiation::parameters(sheet, from);
        }
        Control::Frmr { .. } => explained.summary = negotiation::rejection(sheet, from),
        Control::Information { .. } | Control::Ui { .. } => {
            payload(sheet, from, segmented, explained);
        }
        _ => {
            quiet(sheet, control, explained);
            let (at, held) = (from.at(), from.left());
            sheet.put("information", at, held, || hex(from.rest()));
            let _ = from.take(held);
        }
    }
}

/// LLC and APDU, or the continuation of one.
fn payload(sheet: &mut Sheet, from: &mut Octets<'_>, segmented: bool, explained: &mut Explained) {
    let at = from.at();
    match *from.rest() {
        [0xE6, side @ (0xE6 | 0xE7), quality, ..] => {
            let _ = from.take(3);
            sheet.source(Some("ISO/IEC 8802-2, IEC 62056-46 LLC"));
            let slot = sheet.put("LLC", at, 3, || {
                format!(
                    "E6 {side:02X} {quality:02X}: {}",
                    if side == 0xE6 { "command" } else { "response" }
                )
            });
            if quality != 0 {
                sheet.blame(slot, || "the third octet is 00".to_owned());
            }
            let start = from.at();
            if let Some(opener) = &mut sheet.opener {
                opener.begin(from.rest(), segmented);
            }
            let said = apdu::walk(sheet, from);
            explained.apdu = Some((start, from.at().saturating_sub(start)));
            said.kind.clone_into(&mut explained.kind);
            explained.summary = said.summary;
            if segmented {
                explained.summary.push_str(", first segment");
            }
        }
        [] => {}
        [0xE6] | [0xE6, 0xE6 | 0xE7] if from.cut => sheet.short(from, "LLC", 3),
        [tag @ 0x60..=0x63, length, ref rest @ ..]
            if usize::from(length) == rest.len() && !segmented =>
        {
            sheet.wrong(
                "information",
                at,
                from.left(),
                || count(from.left(), "octet"),
                || {
                    let name = ["AARQ", "AARE", "RLRQ", "RLRE"]
                        .get(usize::from(tag & 3))
                        .copied()
                        .unwrap_or_default();
                    format!(
                        "looks like {name} without the LLC header in front (E6 E6 00 or E6 E7 00)"
                    )
                },
            );
            "no LLC header".clone_into(&mut explained.summary);
            let _ = from.take(from.left());
        }
        _ => {
            let held = from.left();
            let slot = sheet.open("segment", at, || {
                format!("{}, continuation of a segmented APDU", count(held, "octet"))
            });
            let octets = from.take(held).unwrap_or_default();
            let more = if segmented {
                ", more follow"
            } else {
                ", the last segment"
            };
            explained.summary = format!("continues, {}{more}", count(held, "octet"));
            let whole = sheet
                .opener
                .as_mut()
                .and_then(|opener| opener.go_on(octets, segmented));
            if let Some(whole) = whole {
                explained.summary = spread(sheet, &whole, from.at());
            }
            sheet.close(slot, from.at());
        }
    }
}

/// A ciphered APDU whose last segment this is. Its octets are in several frames, so its fields stand at the end of this one.
fn spread(sheet: &mut Sheet, whole: &[u8], at: usize) -> String {
    let mut inner = sheet.another();
    inner.opener = sheet.opener.take();
    let said = apdu::walk(&mut inner, &mut Octets::new(whole, 0..whole.len(), false));
    sheet.graft(inner, at);
    format!("{}, all segments", said.summary)
}
