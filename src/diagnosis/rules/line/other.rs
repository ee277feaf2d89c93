//! T14 to T18, T20: someone else than expected is at the other end. The rule: the first octets say who.

use super::Rule;
use crate::cosem::hex::cut as hex;
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
    remedy: &["Switch this meter to the wrapper: --transport wrapper-tcp; its usual port is 4059."],
    specific: 9,
};
const T15: Diagnosis = Diagnosis {
    id: "T15",
    title: "This port speaks HDLC, not the TCP wrapper",
    remedy: &["Switch this meter to HDLC: --transport hdlc-tcp."],
    specific: 9,
};
const T16: Diagnosis = Diagnosis {
    id: "T16",
    title: "The port answers in text: it waits for the IEC 62056-21 sign-on",
    remedy: &[
        "Begin with the sign-on of mode E: --mode-e (300 7E1).",
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
        "Ask one of them by its own address: --server UPPER/LOWER.",
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
    /// Sent unasked, and no answer of the meter's to anything before it.
    pushed: Option<Evidence>,
}

/// What pushes without HDLC, by its first octets.
fn telegram(octets: &[u8]) -> Option<&'static str> {
    match *octets {
        [0x68, length, again, 0x68, ..] if length == again => Some("M-Bus"),
        [0x1B, 0x1B, 0x1B, 0x1B, ..] => Some("SML"),
        _ => None,
    }
}

impl Rule for Other {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book) {
        match event.what {
            What::Text(Direction::Sent, _) => self.signed_on = true,
            What::Text(Direction::Received, line) => self.text(talk, line, book),
            What::Junk(Direction::Received, octets)
                if talk.received.sound == 0 && telegram(octets).is_some() =>
            {
                let kind = telegram(octets).unwrap_or_default();
                let text = format!("a telegram of {kind}, unasked: {}", hex(octets, 12));
                self.push(talk, || Evidence::words(text), Confidence::Certain, book);
            }
            What::Silence(asked) if matches!(asked.control, Some(Control::Snrm { .. })) => {
                if let Some(pushed) = self.pushed.take() {
                    book.note(&T17, Confidence::Likely, || pushed);
                }
            }
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
                self.received(talk, seen, book);
            }
            What::Apdu(apdu) if apdu.direction == Direction::Received && is_words(apdu.octets) => {
                book.note(&T20, Confidence::Certain, || {
                    let text = format!("text where an APDU was due: {}", ascii(apdu.octets, 40));
                    apdu.evidence(Some(0..apdu.octets.len()), text)
                });
            }
            _ => {}
        }
    }
}

impl Other {
    /// A push is no fault; that nothing else comes is.
    fn push(
        &mut self,
        talk: &Conversation,
        what: impl FnOnce() -> Evidence,
        sure: Confidence,
        book: &mut Book,
    ) {
        if talk.phase == Phase::Asked || talk.wrapper_sent {
            book.note(&T17, sure, what);
        } else if talk.phase != Phase::Up {
            self.pushed.get_or_insert_with(what);
        }
    }

    fn received(&mut self, talk: &Conversation, seen: &Seen<'_>, book: &mut Book) {
        match seen.sound().map(|hdlc| hdlc.control) {
            Some(Control::Ui { .. }) => {
                let what = || seen.at_control("an unasked UI frame, and no UA to SNRM");
                self.push(talk, what, Confidence::Likely, book);
            }
            Some(_) => {
                // The meter does answer.
                self.pushed = None;
                book.withdraw("T17");
            }
            None => {}
        }
        carrier(talk, seen, book);
    }

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

/// HDLC or wrapper, and whether that is what was asked in.
fn carrier(talk: &Conversation, seen: &Seen<'_>, book: &mut Book) {
    match &seen.link {
        Link::Wrapper(_) if talk.hdlc_sent && !talk.wrapper_sent => {
            book.note(&T14, Confidence::Certain, || {
                seen.evidence(Some(0..8), "a wrapper header answers an HDLC frame")
            });
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
            }
            Some(_) => {}
        }
    }
}
