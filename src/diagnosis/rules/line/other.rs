//! T14 to T18, T20: someone else than expected is at the other end. The rule: the first octets say who.

use super::Rule;
use crate::diagnosis::conversation::Phase;
use crate::diagnosis::event::ascii;
use crate::diagnosis::{
    Book, Confidence, Conversation, Diagnosis, Direction, Event, Evidence, Link, Seen, What,
};
use crate::dlms::hdlc::{Control, ServerAddress};

pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    vec![Box::new(Other::default()), Box::new(Several::default())]
}

const T14: Diagnosis = Diagnosis {
    id: "T14",
    title: "This port speaks the TCP wrapper, not HDLC",
    remedy: &["Switch this meter to the wrapper (--wrapper); its usual port is 4059."],
    specific: 9,
};
const T15: Diagnosis = Diagnosis {
    id: "T15",
    title: "This port speaks HDLC, not the TCP wrapper",
    remedy: &["Switch this meter to HDLC."],
    specific: 9,
};
const T16: Diagnosis = Diagnosis {
    id: "T16",
    title: "The port answers in text: it waits for the IEC 62056-21 sign-on",
    remedy: &[
        "Begin with the mode E sign-on (300 7E1, acknowledge with 06 32 b 32).",
        "Try the meter's other port.",
    ],
    specific: 8,
};
const T17: Diagnosis = Diagnosis {
    id: "T17",
    title: "This port only pushes (HAN, P1): it sends unasked and does not answer SNRM",
    remedy: &[
        "Listen instead of asking: obiscope listen.",
        "Use the meter's service port for reading.",
    ],
    specific: 7,
};
const T18: Diagnosis = Diagnosis {
    id: "T18",
    title: "Several meters answer: more than one hears this address",
    remedy: &[
        "Ask one of them by its own address.",
        "Use the all-station address only where one meter is on the line.",
    ],
    specific: 8,
};
const T20: Diagnosis = Diagnosis {
    id: "T20",
    title: "A gateway on the way put its own text in place of the meter's answer",
    remedy: &[
        "Look into the gateway or concentrator between here and the meter; the meter is not at fault.",
    ],
    specific: 9,
};

#[derive(Debug, Default)]
struct Other {
    signed_on: bool,
}

impl Rule for Other {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book) {
        match event.what {
            What::Text(Direction::Sent, _) => self.signed_on = true,
            What::Text(Direction::Received, line) => self.text(talk, line, book),
            What::Junk(Direction::Received, octets)
                if talk.received.sound == 0
                    && octets.len() >= 4
                    && octets.iter().all(|octet| {
                        (0x20..0x7F).contains(octet) || matches!(octet, b'\r' | b'\n' | 2 | 3)
                    }) =>
            {
                self.text(talk, octets, book);
            }
            What::Frame(seen) if seen.direction == Direction::Received => {
                received(talk, seen, book);
            }
            What::Apdu(apdu) if apdu.direction == Direction::Received && is_words(apdu.octets) => {
                book.note(&T20, Confidence::Certain, || {
                    let text = format!("text where an APDU was due: {}", ascii(apdu.octets, 40));
                    apdu.evidence(Some(0..apdu.octets.len()), text)
                });
                book.explain_away("H32", "T20");
            }
            _ => {}
        }
    }
}

impl Other {
    fn text(&self, talk: &Conversation, line: &[u8], book: &mut Book) {
        if self.signed_on || !talk.hdlc_sent && !talk.wrapper_sent {
            return;
        }
        let ident = line.first().is_some_and(|octet| octet & 0x7F == b'/');
        let sure = if ident {
            Confidence::Certain
        } else {
            Confidence::Likely
        };
        book.note(&T16, sure, || {
            Evidence::words(format!("the meter says {}", ascii(line, 40)))
        });
        for id in ["H1", "T12", "T13", "T6", "H28", "T19"] {
            book.explain_away(id, "T16");
        }
    }
}

fn is_words(octets: &[u8]) -> bool {
    octets.len() >= 6
        && octets.iter().all(|octet| (0x20..0x7F).contains(octet))
        && octets
            .iter()
            .filter(|octet| octet.is_ascii_alphabetic())
            .count()
            >= 4
}

fn received(talk: &Conversation, seen: &Seen<'_>, book: &mut Book) {
    match &seen.link {
        Link::Wrapper(_) if talk.hdlc_sent && !talk.wrapper_sent => {
            book.note(&T14, Confidence::Certain, || {
                seen.evidence(Some(0..8), "a wrapper header answers an HDLC frame")
            });
            for id in ["H1", "T19", "T12"] {
                book.explain_away(id, "T14");
            }
        }
        Link::Hdlc(hdlc) if talk.wrapper_sent && !talk.hdlc_sent => {
            let sure = if hdlc.sound() {
                Confidence::Certain
            } else {
                Confidence::Likely
            };
            book.note(&T15, sure, || {
                seen.evidence(Some(0..2), "an HDLC frame answers a wrapper header")
            });
            for id in ["H1", "T19", "A1"] {
                book.explain_away(id, "T15");
            }
        }
        Link::Hdlc(hdlc)
            if hdlc.sound()
                && matches!(hdlc.control, Control::Ui { .. })
                && talk.phase == Phase::Asked =>
        {
            book.note(&T17, Confidence::Likely, || {
                seen.at_control("an unasked UI frame, and no UA to SNRM")
            });
            book.explain_away("H1", "T17");
            book.explain_away("T19", "T17");
        }
        _ => {}
    }
}

/// Who has answered the last question.
#[derive(Debug, Default)]
struct Several {
    first: Option<(ServerAddress, u64)>,
}

impl Rule for Several {
    fn event(&mut self, _: &Conversation, event: &Event<'_>, book: &mut Book) {
        let What::Frame(seen) = event.what else {
            return;
        };
        if seen.direction == Direction::Sent {
            self.first = None;
            return;
        }
        let Some(server) = seen.sound().and_then(|hdlc| hdlc.server) else {
            return;
        };
        match self.first {
            None => self.first = Some((server, seen.number)),
            Some((first, number)) if first != server => {
                book.note(&T18, Confidence::Certain, || {
                    let text = format!(
                        "comes from {server}; frame {number} answered the same from {first}"
                    );
                    seen.evidence(None, text)
                });
                book.explain_away("H7", "T18");
                book.explain_away("H29", "T18");
            }
            Some(_) => {}
        }
    }
}
