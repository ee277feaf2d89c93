//! The way to the meter: connecting, and connections that end. The rule: a close after a farewell is no fault.

use super::Rule;
use crate::diagnosis::conversation::Phase;
use crate::diagnosis::{
    Book, Closing, Confidence, ConnectFailure, Conversation, Diagnosis, Event, Evidence, Millis,
    What,
};

/// T1 T2 T3 T4 T5.
pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    vec![
        Box::new(Connecting::default()),
        Box::new(ClosedAtOnce),
        Box::new(IdleTimer::default()),
    ]
}

const T1: Diagnosis = Diagnosis {
    id: "T1",
    title: "The connection is refused: nothing listens there, or it serves one client at a time",
    remedy: &[
        "Check the port: 4059 is usual for DLMS, 3333, 4001 and 10001 for converters.",
        "Close whatever else is connected to this meter or converter.",
        "Look whether the converter is in server mode.",
    ],
    specific: 6,
};
const T2: Diagnosis = Diagnosis {
    id: "T2",
    title: "The host cannot be reached",
    remedy: &[
        "Check address and subnet, and ping the host.",
        "Give a modem a minute to register.",
        "Look for a firewall between here and there.",
    ],
    specific: 6,
};
const T3: Diagnosis = Diagnosis {
    id: "T3",
    title: "The connection is accepted and closed at once: the converter belongs to someone else, or speaks another protocol",
    remedy: &[
        "Close the other program that holds the meter, then try again.",
        "Wait until the converter has forgotten the last client (a minute or two).",
        "Try the other carrier: --transport wrapper-tcp, or hdlc-tcp.",
    ],
    specific: 6,
};
const T4: Diagnosis = Diagnosis {
    id: "T4",
    title: "It was reachable before and is not now: the converter still holds an old connection",
    remedy: &[
        "Wait for the converter's or modem's own idle timer, then try once.",
        "Have every client close its connection properly when it is done.",
        "Restart the converter.",
    ],
    specific: 5,
};
const T5: Diagnosis = Diagnosis {
    id: "T5",
    title: "Something on the way closes idle connections",
    remedy: &[
        "Read something more often than that (--poll).",
        "Raise the idle time-out of converter, modem or NAT.",
        "Connect for each reading and close afterwards.",
    ],
    specific: 5,
};

#[derive(Debug, Default)]
struct Connecting {
    had_one: bool,
}

impl Rule for Connecting {
    fn event(&mut self, _: &Conversation, event: &Event<'_>, book: &mut Book) {
        match event.what {
            What::Connected => {
                self.had_one = true;
                book.withdraw("T1");
                book.withdraw("T2");
                book.withdraw("T4");
            }
            What::ConnectFailed(why) => {
                let (diagnosis, words) = match why {
                    ConnectFailure::Refused => (&T1, "the connection was refused"),
                    ConnectFailure::TimedOut => (&T2, "nothing answered the connection request"),
                    ConnectFailure::Unreachable => (&T2, "there is no route to it"),
                    ConnectFailure::Name => (&T2, "its name stands for no address"),
                    ConnectFailure::Other => (&T2, "the connection could not be made"),
                };
                let sure = if why == ConnectFailure::Other {
                    Confidence::Likely
                } else {
                    Confidence::Certain
                };
                book.note(diagnosis, sure, || Evidence::words(words));
                if self.had_one && why != ConnectFailure::Name {
                    book.note(&T4, Confidence::Likely, || {
                        Evidence::words("an earlier connection to the same place was made")
                    });
                }
            }
            _ => {}
        }
    }
}

/// A second is long for a protocol check and short for a person.
const AT_ONCE: Millis = 1_500;

#[derive(Debug)]
struct ClosedAtOnce;

impl Rule for ClosedAtOnce {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book) {
        let What::Closed(how @ (Closing::ByPeer | Closing::Reset)) = event.what else {
            return;
        };
        if talk.received_here.octets > 0 {
            return;
        }
        let since = talk.last_sent_at.filter(|_| talk.sent_here.octets > 0);
        let Some(since) = since.or(talk.connected_at) else {
            return;
        };
        let after = event.at.saturating_sub(since);
        let sure = if after <= AT_ONCE {
            Confidence::Certain
        } else {
            Confidence::Possible
        };
        // Whoever answered an earlier connection speaks this protocol and is there.
        let diagnosis = if talk.heard { &T4 } else { &T3 };
        book.note(diagnosis, sure, || {
            let end = match how {
                Closing::Reset => "broke the connection off",
                _ => "closed the connection",
            };
            let before = if talk.heard {
                "; an earlier one was answered"
            } else {
                ""
            };
            Evidence::words(format!(
                "the other side {end} {} without sending an octet{before}",
                span(after)
            ))
        });
        // Whoever is cut off has not been ignored.
    }
}

#[derive(Debug, Default)]
struct IdleTimer {
    last: Option<Millis>,
}

/// A close sooner than this is no idle timer's.
const IDLE: Millis = 5_000;

impl Rule for IdleTimer {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book) {
        let What::Closed(Closing::ByPeer | Closing::Reset) = event.what else {
            return;
        };
        if talk.received_here.octets == 0 || matches!(talk.phase, Phase::Down | Phase::Leaving) {
            return;
        }
        let Some(idle) = talk.idle(event.at).filter(|idle| *idle >= IDLE) else {
            return;
        };
        let again = self
            .last
            .is_some_and(|last| last.abs_diff(idle) <= idle.unsigned_abs() / 10);
        self.last = Some(idle);
        let sure = if again {
            Confidence::Certain
        } else {
            Confidence::Likely
        };
        book.note(&T5, sure, || {
            Evidence::words(format!(
                "the other side closed the connection after {} without an octet",
                span(idle)
            ))
        });
        book.entitle(
            "T5",
            format!(
                "Something on the way closes connections idle for {}",
                span(idle)
            ),
        );
    }
}

/// `400 ms`, `12 s`.
pub(super) fn span(millis: Millis) -> String {
    if millis < 2_000 {
        format!("{millis} ms")
    } else {
        format!("{} s", millis / 1_000)
    }
}
