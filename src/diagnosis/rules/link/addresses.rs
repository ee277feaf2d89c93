//! H2, H7, H10, H29, H30: whose frames these are. The rule: an answer comes from where the question went, to who asked.

use super::Rule;
use crate::cosem::hex::cut as hex;
use crate::diagnosis::conversation::Phase;
use crate::diagnosis::rules::line::is_left_over;
use crate::diagnosis::{Book, Confidence, Conversation, Diagnosis, Direction, Event, Seen, What};
use crate::dlms::hdlc::{Control, ServerAddress};

pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    vec![Box::new(Addresses)]
}

const H2: Diagnosis = Diagnosis {
    id: "H2",
    title: "The server address has three octets: only 1, 2 and 4 exist",
    remedy: &["Write it in four octets, upper and lower part of two octets each."],
    specific: 9,
};
const H7: Diagnosis = Diagnosis {
    id: "H7",
    title: "The meter's own address is another than the one called",
    remedy: &["Save the address it answers from: obiscope probe --save, or --server."],
    specific: 6,
};
pub(super) const H10: Diagnosis = Diagnosis {
    id: "H10",
    title: "DISC goes out as another client than the one that opened the link: the session stays open",
    remedy: &[
        "Send DISC with the client address of the SNRM.",
        "Where that is not known, DISC to the CALLING address releases it.",
    ],
    specific: 9,
};
const H29: Diagnosis = Diagnosis {
    id: "H29",
    title: "Answers for someone else arrive: a second client is on the line, or the converter mixes clients",
    remedy: &[
        "Drop what is not addressed to this client.",
        "Find the other client: a concentrator, a bridge, a forgotten tool.",
        "Allow one connection at a time in the converter.",
    ],
    specific: 6,
};
const H30: Diagnosis = Diagnosis {
    id: "H30",
    title: "A second master asks on the same line",
    remedy: &[
        "Stop, and find it: data concentrator, bridge service, another tool.",
        "Give each client its own time, or one of them the meter.",
    ],
    specific: 8,
};

#[derive(Debug)]
struct Addresses;

impl Rule for Addresses {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book) {
        match event.what {
            What::Frame(seen) if seen.direction == Direction::Sent => sent(talk, seen, book),
            What::Frame(seen) | What::Foreign(seen) if is_left_over(talk, seen) => {}
            What::Frame(seen) => received(talk, seen, book),
            What::Foreign(seen) => {
                let Some(hdlc) = seen.hdlc() else { return };
                if crate::diagnosis::cut::is_command(hdlc) == Some(true) {
                    book.note(&H30, Confidence::Certain, || {
                        let text = format!(
                            "{} that this client did not send: {}",
                            hdlc.control.name(),
                            hex(seen.octets, 10)
                        );
                        seen.evidence(Some(2..seen.octets.len().min(8)), text)
                    });
                } else {
                    let client = hdlc.client.unwrap_or_default();
                    book.note(&H29, Confidence::Certain, || {
                        seen.evidence(
                            Some(2..3),
                            format!("{} for client {client}", hdlc.control.name()),
                        )
                    });
                }
            }
            _ => {}
        }
    }
}

fn sent(talk: &Conversation, seen: &Seen<'_>, book: &mut Book) {
    let Some(hdlc) = seen.hdlc() else { return };
    let Some(frame) = hdlc.frame else { return };
    if frame.destination().len() == 3 {
        book.note(&H2, Confidence::Certain, || {
            let text = format!(
                "destination {} is three octets long",
                hex(frame.destination(), 4)
            );
            seen.evidence(Some(2..5), text)
        });
        if let [a, b, c] = *frame.destination() {
            let (upper, lower) = (a >> 1, (u16::from(b >> 1) << 7) | u16::from(c >> 1));
            if let Ok(address) = ServerAddress::new(upper.into(), Some(lower), Some(4)) {
                let text = format!("Use {address}: {} on the wire.", hex(&address.octets(), 4));
                book.suggest("H2", text);
            }
        }
    }
    if let (Control::Disc { .. }, Some(client), Some(opener)) =
        (hdlc.control, hdlc.client, talk.opened_by)
        && client != opener
    {
        let at = frame.control_at();
        book.note(&H10, Confidence::Certain, || {
            let text = format!("DISC from client {client}; client {opener} opened the link");
            seen.evidence(Some(at.saturating_sub(1)..at), text)
        });
    }
}

fn received(talk: &Conversation, seen: &Seen<'_>, book: &mut Book) {
    let Some(hdlc) = seen.sound() else { return };
    let (Some(from), Some(asked)) = (hdlc.server, talk.last_sent.and_then(|sent| sent.server))
    else {
        return;
    };
    if from == asked || matches!(hdlc.control, Control::Ui { .. }) {
        return;
    }
    let source = 3..3_usize.saturating_add(from.size().into());
    if !asked.is_individual() {
        if matches!(hdlc.control, Control::Ua { .. }) && talk.phase == Phase::Asked {
            book.note(&H7, Confidence::Certain, || {
                seen.evidence(Some(source), format!("{asked} was called, {from} answers"))
            });
            book.entitle("H7", format!("The meter's own address is {from}"));
        }
        return;
    }
    book.note(&H29, Confidence::Likely, || {
        seen.evidence(
            Some(source),
            format!("comes from server {from}, but {asked} was asked"),
        )
    });
}
