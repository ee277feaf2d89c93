//! H1, H11, H13, T19: nothing answers. The rule: the address is doubted first, a lock never before the address forms were tried.

use super::Rule;
use crate::diagnosis::conversation::Phase;
use crate::diagnosis::rules::transport::span;
use crate::diagnosis::{
    Book, Brief, Confidence, Conversation, Diagnosis, Event, Evidence, Millis, What,
};
use crate::dlms::hdlc::{Control, ServerAddress};
use crate::dlms::xdlms::tag;

pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    vec![Box::new(Silence::default()), Box::new(Stale::default())]
}

pub(super) const H1: Diagnosis = Diagnosis {
    id: "H1",
    title: "Nobody answers at this address: meters ignore what is not addressed to them",
    remedy: &[
        "Try the same numbers in other sizes: obiscope probe does, or --address-size 1, 2, 4.",
        "Try --client 16 --server 1; then the last four digits of the serial as the lower part (--server 1/NNNN).",
        "Wait until an abandoned session has ended: obiscope probe --wait.",
        "Check baud rate, parity and wiring.",
    ],
    specific: 5,
};
pub(super) const T19: Diagnosis = Diagnosis {
    id: "T19",
    title: "Nothing comes at all: meter off, wiring, speed, or the line is held by someone else",
    remedy: &[
        "Look at the converter's own receive and transmit counters or lamps.",
        "Swap A and B of RS-485; check ground and terminals.",
        "Check the converter's baud rate and parity, and that the meter has power.",
        "Stop other programs that read this meter.",
    ],
    specific: 4,
};
pub(super) const H11: Diagnosis = Diagnosis {
    id: "H11",
    title: "An abandoned session holds the meter",
    remedy: &[
        "Wait for the meter's inactivity time (120 to 180 s): obiscope probe --wait.",
        "Send DISC as the client that opened it: obiscope probe --step --client SAP.",
        "Send DISC to the CALLING address, where only one meter is on the line.",
        "End every session with DISC.",
    ],
    specific: 6,
};
pub(super) const H13: Diagnosis = Diagnosis {
    id: "H13",
    title: "The meter has dropped the link without a word: it was idle too long",
    remedy: &[
        "Begin again with SNRM.",
        "Read something more often than the inactivity time (--poll), or release after each reading.",
    ],
    specific: 6,
};

/// Where neither settings nor the meter say: the standard's default.
pub(super) const INACTIVITY: Millis = 120_000;

#[derive(Debug, Default)]
struct Silence {
    /// The SNRMs that nobody answered: numbers of frames, and where they went.
    unanswered: Vec<(u64, ServerAddress, u8)>,
    idle_before: Option<Millis>,
}

const KEPT: usize = 16;
/// So many addresses, in every size there is, have to be silent before it is doubted whether anything listens.
const FORMS: usize = 3;

impl Rule for Silence {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book) {
        match event.what {
            What::Silence(asked) => match (asked.control, asked.tag) {
                (Some(Control::Snrm { .. }), _) => self.snrm(talk, asked, book),
                (Some(Control::Information { .. } | Control::ReceiveReady { .. }), _) => {
                    self.request(talk, asked, book);
                }
                (None, Some(_)) if !talk.heard => {
                    book.note(&H1, Confidence::Likely, || at(asked, "no answer to it"));
                    book.note(&T19, Confidence::Possible, || {
                        at(asked, "no octet has ever come")
                    });
                }
                _ => {}
            },
            What::Frame(seen) => match (seen.direction, seen.control()) {
                (crate::diagnosis::Direction::Sent, _) => self.idle_before = talk.idle(event.at),
                (_, Some(Control::Ua { .. } | Control::Dm { .. })) if seen.sound().is_some() => {
                    self.answered(
                        talk,
                        seen.hdlc().and_then(|hdlc| hdlc.server),
                        seen.number,
                        book,
                    );
                }
                _ => {}
            },
            _ => {}
        }
    }
}

fn at(asked: &Brief, text: impl Into<String>) -> Evidence {
    Evidence {
        frame: Some(asked.number),
        octets: None,
        text: text.into(),
    }
}

impl Silence {
    fn snrm(&mut self, talk: &Conversation, asked: &Brief, book: &mut Book) {
        let Some(server) = asked.server else { return };
        if self.unanswered.len() < KEPT {
            let client = asked.client.unwrap_or_default();
            self.unanswered.push((asked.number, server, client));
        }
        // This very address has answered in this trace: it is not the address.
        if talk.answered.contains(&server) {
            return;
        }
        let known = talk.settings.known_good.as_ref().and_then(|known| {
            let there = known.server?;
            Some((there, known.client, known.when.clone()))
        });
        let same = known.as_ref().is_some_and(|(there, client, _)| {
            *there == server && Some(*client) == asked.client.map(u16::from)
        });
        if same {
            book.note(&T19, Confidence::Likely, || {
                at(
                    asked,
                    "these very settings have worked before; now not one octet comes",
                )
            });
            return;
        }
        let mut forms: Vec<ServerAddress> = self.unanswered.iter().map(|(_, s, _)| *s).collect();
        forms.sort_by_key(|form| (form.size(), form.upper(), form.lower()));
        forms.dedup();
        let say = || {
            at(
                asked,
                format!(
                    "SNRM to server {server} ({} octet{}) from client {}: no answer",
                    server.size(),
                    if server.size() == 1 { "" } else { "s" },
                    asked
                        .client
                        .map_or_else(|| "?".to_owned(), |client| client.to_string()),
                ),
            )
        };
        match (known, forms.len()) {
            (Some((there, client, when)), _) => {
                book.note(&H1, Confidence::Certain, say);
                book.suggest(
                    "H1",
                    format!(
                        "It has answered as server {there}, client {client} ({when}): use that."
                    ),
                );
            }
            // Whoever was there would have heard one of them.
            (None, count) if self.is_thorough(count) && talk.received.octets == 0 => {
                book.withdraw("H1");
                book.note(&H1, Confidence::Possible, say);
                book.note(&T19, Confidence::Likely, || {
                    at(
                        asked,
                        format!("{count} addresses in sizes of 1, 2 and 4 octets were tried, and not one octet has come"),
                    )
                });
            }
            (None, _) => {
                book.note(&H1, Confidence::Likely, say);
                if !talk.heard {
                    book.note(&T19, Confidence::Possible, || {
                        at(asked, "no octet has ever come")
                    });
                }
            }
        }
    }

    fn is_thorough(&self, addresses: usize) -> bool {
        let tried = |size| self.unanswered.iter().any(|(_, it, _)| it.size() == size);
        addresses >= FORMS && tried(1) && tried(2) && tried(4)
    }

    /// Somebody answers after all: then the silent addresses were wrong, or the silence was something else.
    fn answered(
        &mut self,
        talk: &Conversation,
        server: Option<ServerAddress>,
        number: u64,
        book: &mut Book,
    ) {
        let Some(asked) = talk.server().filter(|_| !self.unanswered.is_empty()) else {
            return;
        };
        let client = talk.client().unwrap_or_default();
        book.withdraw("T19");
        // Another address than the one just asked: the answer to it has only been slow.
        let late = server.is_some_and(|from| {
            from != asked && self.unanswered.iter().any(|(_, it, _)| *it == from)
        });
        if late {
            book.withdraw("H1");
            self.unanswered.clear();
            return;
        }
        if self
            .unanswered
            .iter()
            .any(|(_, s, c)| *s == asked && *c == client)
        {
            book.withdraw("H1");
        }
        let silent: Vec<_> = self
            .unanswered
            .iter()
            .filter(|(_, s, c)| (*s, *c) != (asked, client))
            .copied()
            .collect();
        self.unanswered.clear();
        if let [(frame, form, as_client), ..] = *silent {
            book.note(&H1, Confidence::Certain, || Evidence {
                frame: Some(frame),
                octets: None,
                text: format!(
                    "client {as_client} to server {form} got no answer; client {client} to {} did (frame {number})",
                    server.unwrap_or(asked)
                ),
            });
            book.suggest(
                "H1",
                format!(
                    "Use server {asked} with --address-size {}, client {client}.",
                    asked.size()
                ),
            );
        }
    }

    fn request(&self, talk: &Conversation, asked: &Brief, book: &mut Book) {
        if talk.phase == Phase::Asked || asked.tag == Some(tag::AARQ) {
            return;
        }
        let limit = talk.settings.inactivity.unwrap_or(INACTIVITY);
        let idle = self.idle_before.unwrap_or_default();
        if idle >= limit {
            book.note(&H13, Confidence::Likely, || {
                at(
                    asked,
                    format!("silence, after {} without traffic", span(idle)),
                )
            });
        } else if talk.closed.is_none() && talk.phase == Phase::Up {
            book.note(&H13, Confidence::Possible, || {
                at(
                    asked,
                    format!("no answer to {}, though the link was up", asked.name()),
                )
            });
            book.entitle(
                "H13",
                "The meter has fallen silent in the middle of a session",
            );
        }
    }
}

/// A session that ended without DISC, and what came of it.
#[derive(Debug, Default)]
struct Stale {
    /// The client that left, when, and where.
    left: Option<(u8, u64)>,
    disc: bool,
}

impl Rule for Stale {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book) {
        match event.what {
            What::Closed(_) => {
                let open = talk.phase == Phase::Up && talk.opened_by.is_some();
                if open && let Some(last) = talk.last_sent {
                    self.left = talk.opened_by.map(|client| (client, last.number));
                    self.disc = false;
                }
            }
            What::Silence(asked) if matches!(asked.control, Some(Control::Snrm { .. })) => {
                self.held(talk, asked.number, "SNRM stays unanswered", book);
            }
            What::Frame(seen) => match seen.control() {
                Some(Control::Disc { .. }) => self.disc = true,
                Some(Control::Dm { .. })
                    if talk.phase == Phase::Asked && seen.sound().is_some() =>
                {
                    self.held(talk, seen.number, "SNRM is answered with DM", book);
                }
                Some(Control::Ua { .. }) if seen.sound().is_some() => {
                    if self.disc && talk.phase == Phase::Asked && book.has("H8") {
                        book.note(&H11, Confidence::Likely, || {
                            seen.at_control("after DISC the meter takes SNRM again")
                        });
                    }
                    self.left = None;
                }
                _ => {}
            },
            _ => {}
        }
    }
}

impl Stale {
    fn held(&self, talk: &Conversation, frame: u64, what: &str, book: &mut Book) {
        if let Some((client, last)) = self.left {
            book.note(&H11, Confidence::Likely, || Evidence {
                frame: Some(frame),
                octets: None,
                text: format!(
                    "{what}; client {client} left at frame {last} without DISC{}",
                    talk.settings
                        .inactivity
                        .map_or_else(String::new, |t| format!(", inactivity time {}", span(t)))
                ),
            });
        }
    }
}
