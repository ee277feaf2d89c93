//! What a refused association wanted: a DISC from someone else, or to whoever hears it. The rule: only a client that was
//! refused, and is let in after it, shows it.

use super::addresses::H10;
use super::silence::H11;
use crate::diagnosis::rules::Rule;
use crate::diagnosis::{
    Apdu, Book, Confidence, Conversation, Direction, Event, Evidence, Seen, What,
};
use crate::dlms::acse::{Aare, Diagnostic};
use crate::dlms::hdlc::{Control, ServerAddress};
use crate::dlms::xdlms::tag;

/// Clients remembered.
const CLIENTS: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Freed {
    /// The client of the last frame.
    client: Option<u16>,
    /// Its last request was for an association.
    asks: bool,
    refused: Vec<u16>,
    disc: Option<Disc>,
}

/// One that was none of the refused client's own.
#[derive(Clone, Copy, Debug)]
struct Disc {
    frame: u64,
    client: u16,
    calling: bool,
}

pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    vec![Box::new(Freed::default())]
}

impl Rule for Freed {
    fn event(&mut self, talk: &Conversation, event: &Event<'_>, book: &mut Book) {
        match event.what {
            What::Frame(seen) => self.frame(talk, seen),
            What::Apdu(apdu) => self.apdu(apdu, book),
            _ => {}
        }
    }
}

impl Freed {
    fn frame(&mut self, talk: &Conversation, seen: &Seen<'_>) {
        let Some(hdlc) = seen.sound() else { return };
        let Some(client) = hdlc.client.map(u16::from) else {
            return;
        };
        self.client = Some(client);
        if seen.direction != Direction::Sent || !matches!(hdlc.control, Control::Disc { .. }) {
            return;
        }
        let calling = hdlc.server.is_some_and(ServerAddress::is_calling);
        let opener = talk.opened_by.map(u16::from);
        // Who ends a link of his own shows nothing.
        if calling || opener.is_none() && !self.refused.contains(&client) {
            self.disc = Some(Disc {
                frame: seen.number,
                client,
                calling,
            });
        }
    }

    fn apdu(&mut self, apdu: &Apdu<'_>, book: &mut Book) {
        let (Some(client), Some(tag)) = (self.client, apdu.tag()) else {
            return;
        };
        match (apdu.direction, tag) {
            (Direction::Sent, _) => self.asks = tag == tag::AARQ,
            (Direction::Received, tag::EXCEPTION_RESPONSE) if self.asks => self.was_refused(client),
            (Direction::Received, tag::AARE) => {
                let Ok(aare) = Aare::decode(apdu.octets) else {
                    return;
                };
                match (aare.result, aare.diagnostic) {
                    (0, _) => self.was_let_in(client, apdu, book),
                    // The secret's fault, not a session's.
                    (_, Diagnostic::User(11..=14)) => {}
                    _ => self.was_refused(client),
                }
            }
            _ => {}
        }
    }

    fn was_refused(&mut self, client: u16) {
        self.disc = None;
        if !self.refused.contains(&client) && self.refused.len() < CLIENTS {
            self.refused.push(client);
        }
    }

    fn was_let_in(&mut self, client: u16, apdu: &Apdu<'_>, book: &mut Book) {
        let Some(disc) = self.disc.filter(|_| self.refused.contains(&client)) else {
            return;
        };
        let (diagnosis, how) = if disc.calling {
            (&H11, "to the CALLING address".to_owned())
        } else {
            (&H10, format!("of client {}", disc.client))
        };
        book.note(diagnosis, Confidence::Certain, || Evidence {
            frame: Some(apdu.first),
            octets: None,
            text: format!(
                "client {client} was refused, and is let in after the DISC {how} in frame {}",
                disc.frame
            ),
        });
        if !disc.calling {
            book.entitle(
                "H10",
                format!(
                    "A session of client {} was left open and held the meter",
                    disc.client
                ),
            );
        }
    }
}
