//! H17, H18, H20, H22, H23: N(S), N(R), segments and turns. The rule: both sides count their I frames from UA on, modulo 8.

use super::Rule;
use super::refusals::{H17, H18};
use crate::diagnosis::rules::line::is_left_over;
use crate::diagnosis::{
    Book, Confidence, Conversation, Diagnosis, Direction, Event, Evidence, Seen, What,
};
use crate::dlms::hdlc::Control;

pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    vec![Box::new(Numbers::default()), Box::new(Turns)]
}

pub(in crate::diagnosis::rules) const H20: Diagnosis = Diagnosis {
    id: "H20",
    title: "N(R) stands still: the client does not acknowledge what it has received",
    remedy: &[
        "Mend the client: N(R) is the N(S) of the last frame received plus one, in every I and RR frame.",
        "Drop a frame whose N(S) has been seen already.",
    ],
    specific: 7,
};
const H22: Diagnosis = Diagnosis {
    id: "H22",
    title: "The answer comes in segments and the client does not ask for the next: the meter waits for RR",
    remedy: &[
        "After a frame with the segmentation bit (A8), send RR with N(R) one further.",
        "Ask for longer frames, so that answers fit in one: --max-info 1024.",
    ],
    specific: 8,
};
const H23: Diagnosis = Diagnosis {
    id: "H23",
    title: "The meter had not finished its turn (P/F = 0) when the client spoke, or it never did finish",
    remedy: &[
        "Wait for the frame with P/F = 1.",
        "Ask for a window of 1: --window 1.",
    ],
    specific: 5,
};

#[derive(Debug, Default)]
struct Numbers {
    /// An I frame we sent was sent again: answers may come twice.
    resent: bool,
    /// The last N(R) of a frame that acknowledged nothing new.
    stuck: u32,
}

impl Rule for Numbers {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book) {
        let What::Frame(seen) = event.what else {
            return;
        };
        if seen.sound().is_none() || is_left_over(talk, seen) {
            return;
        }
        match (seen.direction, seen.control()) {
            (Direction::Sent, Some(Control::Information { send, receive, .. })) => {
                self.resent = Some(send) == talk.sent_number;
                self.acknowledges(talk, seen, receive, book);
                if let Some(before) = talk.sent_number
                    && send != before
                    && send != next(before)
                {
                    book.note(&H18, Confidence::Likely, || {
                        seen.at_control(format!("N(S)={send} where {} was due", next(before)))
                    });
                    book.entitle("H18", "The client counts its frames wrongly (N(S))");
                }
            }
            (Direction::Sent, Some(Control::ReceiveReady { receive, .. })) => {
                self.acknowledges(talk, seen, receive, book);
            }
            (Direction::Received, Some(Control::Information { send, receive, .. })) => {
                self.answer(talk, seen, (send, receive), book);
            }
            _ => {}
        }
    }
}

fn next(number: u8) -> u8 {
    number.wrapping_add(1) & 7
}

impl Numbers {
    fn acknowledges(&mut self, talk: &Conversation, seen: &Seen<'_>, receive: u8, book: &mut Book) {
        let Some(got) = talk.received_number else {
            return;
        };
        if receive == next(got) {
            return;
        }
        self.stuck = self.stuck.saturating_add(1);
        let fresh = talk.last_received.is_some_and(|last| {
            last.sound && matches!(last.control, Some(Control::Information { .. }))
        });
        if !fresh {
            return;
        }
        let sure = if self.stuck > 1 {
            Confidence::Certain
        } else {
            Confidence::Likely
        };
        book.note(&H20, sure, || {
            seen.at_control(format!(
                "N(R)={receive}, though N(S)={got} has come: {} is due",
                next(got)
            ))
        });
    }

    fn answer(
        &self,
        talk: &Conversation,
        seen: &Seen<'_>,
        (send, receive): (u8, u8),
        book: &mut Book,
    ) {
        match talk.received_number {
            // Asked twice, answered twice: then the answers are late, which another rule says.
            Some(before) if send == before && self.resent => {}
            Some(before) if send == before => {
                book.note(&H20, Confidence::Likely, || {
                    seen.at_control(format!("N(S)={send} comes again"))
                });
                if self.stuck == 0 {
                    book.entitle(
                        "H20",
                        "The meter repeats a frame: our acknowledgement did not reach it",
                    );
                }
            }
            Some(before) if send != next(before) => {
                book.note(&H18, Confidence::Likely, || {
                    seen.at_control(format!("N(S)={send} where {} was due", next(before)))
                });
                book.entitle(
                    "H18",
                    "The meter's N(S) is out of step: a frame was lost, or it counts wrongly",
                );
            }
            None if send != 0 && talk.ua.is_some() && talk.sent_number.is_some() => {
                book.note(&H18, Confidence::Likely, || {
                    seen.at_control(format!(
                        "N(S)={send} in the first frame after UA, where 0 was due"
                    ))
                });
                book.entitle("H18", "The meter's N(S) does not begin at 0 after UA");
            }
            _ => {}
        }
        if let Some(sent) = talk.sent_number
            && receive != next(sent)
            && !self.resent
        {
            book.note(&H17, Confidence::Likely, || {
                seen.at_control(format!(
                    "N(R)={receive} acknowledges another frame than N(S)={sent}, the last sent"
                ))
            });
            book.entitle("H17", "The meter's N(R) does not fit what was sent");
        }
    }
}

/// Who may speak.
#[derive(Debug)]
struct Turns;

impl Rule for Turns {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book) {
        let Some(last) = talk.last_received.filter(|last| last.sound) else {
            return;
        };
        let Some(Control::Information { poll, .. }) = last.control else {
            return;
        };
        if let What::Silence(asked) = event.what
            && last.segmented
            && matches!(asked.control, Some(Control::ReceiveReady { .. }))
        {
            book.note(&H22, Confidence::Likely, || Evidence {
                frame: Some(last.number),
                octets: Some(1..2),
                text: format!(
                    "segmented: more follows; frame {} asked for it (RR), and nothing came",
                    asked.number
                ),
            });
            book.entitle(
                "H22",
                "The meter says that more segments follow, and sends none",
            );
            book.suggest(
                "H22",
                "Ask for longer frames (--max-info 1024), so that answers fit in one.",
            );
            return;
        }
        if talk.last_sent.is_some_and(|sent| sent.number > last.number) {
            return;
        }
        let (sure, how) = match event.what {
            What::Frame(seen) if seen.direction == Direction::Sent => match seen.control() {
                Some(Control::Information { .. } | Control::Snrm { .. }) => {
                    (Confidence::Certain, "something else was sent")
                }
                // A window of ours may be acknowledged while the meter goes on, and anyone may give up.
                _ => return,
            },
            What::Quiet if talk.sent.frames > 0 => (Confidence::Likely, "nothing came or went"),
            _ => return,
        };
        if last.segmented && poll {
            book.note(&H22, sure, || Evidence {
                frame: Some(last.number),
                octets: Some(1..2),
                text: format!("segmented: more follows after RR, but {how}"),
            });
        } else if !poll {
            let sure = sure.min(Confidence::Likely);
            book.note(&H23, sure, || Evidence {
                frame: Some(last.number),
                octets: None,
                text: format!("P/F = 0: the meter had more to say, but {how}"),
            });
        }
    }
}
