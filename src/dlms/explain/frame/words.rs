//! A frame's control octet in words, short for a trace line and long for its field.
//!
//! The one rule: P for what goes to the meter, F for what comes back, P/F where nobody can know.
use super::address::Way;
use crate::dlms::hdlc::Control;

/// `I  N(S)3 N(R)3 P`
pub(super) fn link_text(control: Control, way: &Way) -> String {
    let name = control.name();
    let (numbers, poll) = match control {
        Control::Information {
            send,
            receive,
            poll,
        } => (format!("  N(S){send} N(R){receive}"), poll),
        Control::ReceiveReady { receive, poll }
        | Control::ReceiveNotReady { receive, poll }
        | Control::Reject { receive, poll }
        | Control::SelectiveReject { receive, poll } => (format!("  N(R){receive}"), poll),
        Control::Snrm { poll }
        | Control::Disc { poll }
        | Control::Ua { poll }
        | Control::Dm { poll }
        | Control::Frmr { poll }
        | Control::Ui { poll } => (" ".to_owned(), poll),
        Control::Unknown(octet) => return format!("{octet:02X}"),
    };
    let bit = match (poll, way.is_same(), way.to_meter) {
        (false, ..) => "",
        (true, true, _) => " P/F",
        (true, _, true) => " P",
        (true, _, false) => " F",
    };
    format!("{name}{numbers}{bit}").trim_end().to_owned()
}

/// The control octet in words.
pub(in crate::dlms::explain) fn control_text(control: Control) -> String {
    let (words, poll) = match control {
        Control::Information {
            send,
            receive,
            poll,
        } => (
            format!("I, information frame number {send}, expects {receive} next"),
            poll,
        ),
        Control::ReceiveReady { receive, poll } => {
            (format!("RR, ready, expects {receive} next"), poll)
        }
        Control::ReceiveNotReady { receive, poll } => {
            (format!("RNR, busy, expects {receive} later"), poll)
        }
        Control::Reject { receive, poll } => {
            (format!("REJ, wants {receive} and all after it again"), poll)
        }
        Control::SelectiveReject { receive, poll } => {
            (format!("SREJ, wants {receive} again"), poll)
        }
        Control::Snrm { poll } => ("SNRM, set normal response mode".to_owned(), poll),
        Control::Disc { poll } => ("DISC, disconnect".to_owned(), poll),
        Control::Ua { poll } => ("UA, unnumbered acknowledge".to_owned(), poll),
        Control::Dm { poll } => ("DM, disconnected mode".to_owned(), poll),
        Control::Frmr { poll } => ("FRMR, frame reject".to_owned(), poll),
        Control::Ui { poll } => ("UI, unnumbered information".to_owned(), poll),
        Control::Unknown(_) => ("no control field of DLMS".to_owned(), false),
    };
    if poll {
        format!("{words}, poll/final")
    } else {
        words
    }
}
