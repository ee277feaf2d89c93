//! The settings of a session that is stepped through. The rule: they hold for the bench alone; nothing is saved.
use super::{Field, Form, Of, Saving, Wrong};
use crate::headend::{Command, StepAsk, StepView};
use crate::meter::definition::Auth;
use crate::meter::probe::{Proposal, edited};
use crate::meter::{Definition, MeterId};

/// What the form began with.
#[derive(Clone, Debug)]
pub struct Base {
    pub id: MeterId,
    pub definition: Definition,
    pub proposal: Proposal,
}

/// The form's names beside those the settings are written by.
const NAMES: [(&str, &str); 8] = [
    ("client", "client"),
    ("server", "server"),
    ("address-size", "size"),
    ("auth", "auth"),
    ("max-info", "max-info"),
    ("window", "window"),
    ("conformance", "conformance"),
    ("max-pdu", "max-pdu"),
];

pub fn edit(id: MeterId, step: &StepView) -> Form {
    let d = &*step.definition;
    let text = |name, label, hint, text: String| Field::new(name, label, hint, text);
    let conformance = step.proposal.conformance(d);
    let fields = vec![
        text(
            "client",
            "Client",
            "0 to 127; 16 is the public client",
            d.client.sap().to_string(),
        ),
        text(
            "server",
            "Server",
            "UPPER or UPPER/LOWER, such as 1 or 1/17",
            super::meter::server_text(d.server),
        ),
        Field::choice(
            "address-size",
            "Address bytes",
            "left/right: bytes the server address travels in",
            ["1", "2", "4"].map(str::to_owned).to_vec(),
            &d.server.size().to_string(),
        ),
        Field::choice(
            "auth",
            "Authentication",
            "left/right; a password or keys are those of the meter",
            Auth::ALL.map(|auth| auth.name().to_owned()).to_vec(),
            d.auth.name(),
        ),
        text(
            "max-info",
            "Max info",
            "bytes of an information field, 32 to 2030",
            d.max_info.to_string(),
        ),
        text("window", "Window", "frames, 1 to 7", d.window.to_string()),
        text(
            "conformance",
            "Conformance",
            "0x001E1D, +access, -with-list or default",
            format!("0x{:06X}", conformance.0),
        ),
        text(
            "max-pdu",
            "Max PDU",
            "0 to 65535, or default",
            step.proposal.max_pdu(d).to_string(),
        ),
    ];
    Form {
        title: format!("Settings on the bench: {}", d.name),
        fields,
        focus: 0,
        error: None,
        saving: Saving::Editing,
        leaving: false,
        of: Of::Step(Base {
            id,
            definition: d.clone(),
            proposal: step.proposal,
        }),
    }
}

/// Each field that was touched is laid over what is set.
pub(super) fn read(form: &Form, base: &Base) -> Result<(Command, String), Wrong> {
    let (mut meter, mut proposal) = (base.definition.clone(), base.proposal);
    let mut wrong = Vec::new();
    let touched = |name: &str| form.fields.iter().any(|f| f.name == name && f.touched);
    // The server as it is written carries its own size; the size laid over it comes after.
    for (name, key) in NAMES {
        let size_anew = name == "address-size" && touched("server");
        if !touched(name) && !size_anew {
            continue;
        }
        let value: String = form.field(name).split_whitespace().collect();
        match edited(&meter, proposal, &format!("{key}={value}")) {
            Ok((new, proposed)) => (meter, proposal) = (new, proposed),
            // Numbers too large for the size that stood there get the size they need.
            Err(_) if size_anew && !touched(name) => {}
            Err(words) => wrong.push((name, words)),
        }
    }
    if !wrong.is_empty() {
        return Err(wrong);
    }
    let ask = StepAsk::Edit {
        meter: Box::new(meter),
        proposal,
    };
    let done = "other settings: s sends the next step".to_owned();
    Ok((
        Command::Step {
            meter: base.id,
            ask,
        },
        done,
    ))
}
