//! T6, T7: answers to something else than was last asked. The rule: N(R) and invoke-id tell which question is answered.

use super::{Rule, noise::disguise};
use crate::cosem::hex::cut as hex;
use crate::diagnosis::conversation::Phase;
use crate::diagnosis::{
    Book, Brief, Confidence, Conversation, Diagnosis, Direction, Event, Evidence, Seen, What,
};
use crate::dlms::hdlc::{Control, LLC_COMMAND, ServerAddress};

pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    vec![Box::new(Residue::default()), Box::new(Late::default())]
}

pub(in crate::diagnosis::rules) const T6: Diagnosis = Diagnosis {
    id: "T6",
    title: "Residual octets: the answer to an earlier question was still on its way when the session began",
    remedy: &[
        "Try once more: what was left is gone then.",
        "Wait longer for answers, so that none is left behind: --timeout 15s.",
        "In another client read until the line is quiet before SNRM.",
    ],
    specific: 7,
};
pub(in crate::diagnosis::rules) const T7: Diagnosis = Diagnosis {
    id: "T7",
    title: "Answers come late: the time-out is too short, and each is taken for the answer to the next question",
    remedy: &[
        "Raise the time-out: --timeout 15s, more over modems.",
        "In another client match N(R) and invoke-id, and drop a late answer instead of reconnecting.",
    ],
    specific: 8,
};

#[derive(Debug, Default)]
struct Residue {
    early: Option<Evidence>,
}

impl Rule for Residue {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book) {
        match event.what {
            What::Connected => self.early = None,
            What::Frame(seen) if seen.direction == Direction::Sent => {
                if let Some(early) = self.early.take()
                    && matches!(
                        seen.control(),
                        Some(Control::Snrm { .. } | Control::Disc { .. })
                    )
                {
                    book.note(&T6, Confidence::Likely, || early);
                }
            }
            What::Frame(seen) => {
                let answer = matches!(seen.control(), Some(Control::Information { .. }));
                if !answer || seen.sound().is_none() {
                    // A proper answer says that the junk before it was left over.
                    if talk.phase == Phase::Asked
                        && matches!(seen.control(), Some(Control::Ua { .. }))
                        && let Some(early) = self.early.take()
                    {
                        book.note(&T6, Confidence::Likely, || early);
                    }
                    return;
                }
                if talk.phase == Phase::Asked {
                    book.note(&T6, Confidence::Certain, || {
                        seen.at_control(
                            "an I frame where UA was due: it answers an earlier session",
                        )
                    });
                } else if talk.sent_here.octets == 0 {
                    self.early.get_or_insert_with(|| {
                        seen.at_control("an answer before anything was asked")
                    });
                }
            }
            What::Foreign(seen) if is_left_over(talk, seen) => {
                book.note(&T6, Confidence::Likely, || {
                    let client = seen.hdlc().and_then(|hdlc| hdlc.client);
                    let client = client.map_or_else(|| "?".to_owned(), |it| it.to_string());
                    seen.at_control(format!(
                        "an I frame for client {client} before any link was open: left of an earlier session"
                    ))
                });
            }
            What::Junk(Direction::Received, octets)
                if (talk.phase == Phase::Asked || talk.sent_here.octets == 0)
                    && disguise(octets).is_none() =>
            {
                self.early.get_or_insert_with(|| {
                    Evidence::words(format!("before the first answer: {}", hex(octets, 16)))
                });
            }
            _ => {}
        }
    }
}

/// An answer to a question that this connection has not asked: before any link is open there is none to ask on. Counts
/// and addresses in it say nothing of this session.
pub(in crate::diagnosis::rules) fn is_left_over(talk: &Conversation, seen: &Seen<'_>) -> bool {
    let answer = seen.sound().is_some_and(|hdlc| {
        matches!(hdlc.control, Control::Information { .. })
            && !hdlc.information().starts_with(&LLC_COMMAND)
    });
    let early = talk.phase == Phase::Asked
        || talk.phase == Phase::Unknown
            && talk.sent_here.octets == 0
            && talk.connected_at.is_some();
    answer && early && seen.direction == Direction::Received
}

/// Requests whose invoke-id is remembered.
const ASKED: usize = 8;

#[derive(Debug, Default)]
struct Late {
    /// What got no answer in time.
    unanswered: Option<Brief>,
    /// It was sent again since, and answered so often.
    again: bool,
    answers: u32,
    invoked: [Option<u8>; ASKED],
    /// Where questions for a link went that were given up, oldest first.
    given_up: Vec<Brief>,
}

impl Rule for Late {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book) {
        match event.what {
            What::Silence(asked) => {
                self.unanswered = Some(*asked);
                self.again = false;
                self.answers = 0;
                if let Some(Control::Snrm { .. } | Control::Disc { .. }) = asked.control {
                    if self.given_up.len() >= ASKED {
                        self.given_up.remove(0);
                    }
                    self.given_up.push(*asked);
                }
            }
            What::Frame(seen) if seen.direction == Direction::Sent => {
                self.again = self.unanswered.is_some_and(|asked| {
                    asked.control == seen.control() && asked.control.is_some()
                });
                if !self.again && self.answers > 0 {
                    self.unanswered = None;
                }
            }
            What::Frame(seen) if seen.sound().is_some() => {
                self.elsewhere(talk, seen, book);
                self.answer(talk, seen, book);
            }
            What::Apdu(apdu) => match (apdu.direction, apdu.octets) {
                (Direction::Sent, [0xC0 | 0xC1 | 0xC3, _, invoke, ..]) => {
                    self.invoked.rotate_right(1);
                    self.invoked[0] = Some(*invoke);
                }
                (Direction::Received, [0xC4 | 0xC5 | 0xC7, _, invoke, ..]) => {
                    let id = |octet: u8| octet & 0x0F;
                    let [now, before @ ..] = &self.invoked;
                    let late = now.is_some_and(|now| id(now) != id(*invoke))
                        && before
                            .iter()
                            .flatten()
                            .any(|b| b == invoke || id(*b) == id(*invoke));
                    if late {
                        let sure = if self.unanswered.is_some() || book.count("T7") > 0 {
                            Confidence::Certain
                        } else {
                            Confidence::Likely
                        };
                        book.note(&T7, sure, || {
                            apdu.evidence(
                                Some(2..3),
                                format!("invoke-id {invoke:02X} answers an earlier request"),
                            )
                        });
                    }
                }
                _ => {}
            },
            What::Connected => *self = Self::default(),
            _ => {}
        }
    }
}

impl Late {
    /// From where an earlier question went, when another has been asked elsewhere since.
    fn elsewhere(&mut self, talk: &Conversation, seen: &Seen<'_>, book: &mut Book) {
        let (Some(hdlc), Some(asked)) = (seen.hdlc(), talk.last_sent) else {
            return;
        };
        let told = matches!(hdlc.control, Control::Ua { .. } | Control::Dm { .. });
        // All stations answer from wherever they are.
        let lone = asked.server.is_some_and(ServerAddress::is_individual);
        if !told || !lone || hdlc.server.is_none() || hdlc.server == asked.server {
            return;
        }
        let Some(earlier) = self.given_up.iter().find(|it| it.server == hdlc.server) else {
            return;
        };
        book.note(&T7, Confidence::Certain, || {
            let after = seen.at.saturating_sub(earlier.at);
            seen.at_control(format!(
                "answers frame {}, {} after it: frame {} has gone elsewhere since",
                earlier.number,
                crate::diagnosis::rules::transport::span(after),
                asked.number
            ))
        });
    }

    fn answer(&mut self, talk: &Conversation, seen: &Seen<'_>, book: &mut Book) {
        let Some(asked) = self.unanswered else { return };
        let fits = match (asked.control, seen.control()) {
            (Some(Control::Snrm { .. }), Some(Control::Ua { .. })) => {
                asked.server == talk.server() && asked.client == talk.client()
            }
            (
                Some(Control::Information { send, .. }),
                Some(Control::Information { receive, .. }),
            ) => receive == (send.wrapping_add(1) & 7),
            _ => false,
        };
        if !fits {
            return;
        }
        self.answers = self.answers.saturating_add(1);
        let moved_on = talk.sent_number.is_some_and(
            |sent| matches!(asked.control, Some(Control::Information { send, .. }) if send != sent),
        );
        if self.answers > 1 && self.again || moved_on {
            let sure = if moved_on {
                Confidence::Certain
            } else {
                Confidence::Likely
            };
            book.note(&T7, sure, || {
                let after = seen.at.saturating_sub(asked.at);
                seen.at_control(format!(
                    "answers frame {}, {} after it, when it had been given up",
                    asked.number,
                    crate::diagnosis::rules::transport::span(after)
                ))
            });
        }
    }
}
