//! T6, T7: answers to something else than was last asked. The rule: N(R) and invoke-id tell which question is answered.

use super::Rule;
use crate::diagnosis::conversation::Phase;
use crate::diagnosis::event::hex;
use crate::diagnosis::{
    Book, Brief, Confidence, Conversation, Diagnosis, Direction, Event, Evidence, Seen, What,
};
use crate::dlms::hdlc::Control;

pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    vec![Box::new(Residue::default()), Box::new(Late::default())]
}

pub(in crate::diagnosis::rules) const T6: Diagnosis = Diagnosis {
    id: "T6",
    title: "Residual octets: the answer to an earlier question was still on its way when the session began",
    remedy: &[
        "Read until the line is quiet before SNRM; go on at the first frame with right checks.",
        "Wait longer for answers, so that none is left behind.",
    ],
    specific: 7,
};
pub(in crate::diagnosis::rules) const T7: Diagnosis = Diagnosis {
    id: "T7",
    title: "Answers come late: the time-out is too short, and each is taken for the answer to the next question",
    remedy: &[
        "Raise the time-out (7 s over converters and modems).",
        "Match N(R) and invoke-id, and drop a late answer instead of reconnecting.",
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
            What::Junk(Direction::Received, octets)
                if talk.phase == Phase::Asked || talk.sent_here.octets == 0 =>
            {
                self.early.get_or_insert_with(|| {
                    Evidence::words(format!("before the first answer: {}", hex(octets, 16)))
                });
            }
            _ => {}
        }
    }
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
}

impl Rule for Late {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book) {
        match event.what {
            What::Silence(asked) => {
                self.unanswered = Some(*asked);
                self.again = false;
                self.answers = 0;
            }
            What::Frame(seen) if seen.direction == Direction::Sent => {
                self.again = self.unanswered.is_some_and(|asked| {
                    asked.control == seen.control() && asked.control.is_some()
                });
                if !self.again && self.answers > 0 {
                    self.unanswered = None;
                }
            }
            What::Frame(seen) if seen.sound().is_some() => self.answer(talk, seen, book),
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
                        away(book);
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
            away(book);
        }
    }
}

fn away(book: &mut Book) {
    for id in ["X12", "H17", "H18", "H20", "H27"] {
        book.explain_away(id, "T7");
    }
}
