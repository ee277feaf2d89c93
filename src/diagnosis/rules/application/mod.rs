//! Association, ciphering and services: what the APDUs of both sides prove.
//!
//! The rule: one state for each client that talks, moved by whole APDUs of sound frames only; a refusal is named by the
//! meter's own words first, by what went before it second.

mod asked;
mod association;
mod association_rows;
mod blocks;
mod counters;
mod errors;
mod lengths;
mod results;
mod service_rows;
mod services;
mod silence;
mod verdict;
mod writes;

use super::Rule;
use crate::diagnosis::{
    Apdu, Book, Brief, Confidence, Conversation, Direction, Event, Evidence, What,
};
use crate::dlms::hdlc::Control;
use crate::dlms::xdlms::{Conformance, tag};
use asked::Asked;

/// Clients followed at once.
const TALKS: usize = 8;

pub(super) fn rules() -> Vec<Box<dyn Rule>> {
    vec![Box::new(Application::default())]
}

#[derive(Debug, Default)]
struct Application {
    talks: Vec<Talk>,
    /// The client of the last frame.
    client: Option<u16>,
    counters: counters::Counters,
}

/// What one client has going with the meter.
#[derive(Debug, Default)]
struct Talk {
    client: Option<u16>,
    /// The last AARQ.
    aarq: Option<association::Asking>,
    /// What the last AARE that accepted granted; none once released.
    agreed: Option<Agreed>,
    /// The AARE that refused last, until another request for association: its frame.
    refused: Option<u64>,
    /// The last request that was refused for its secret: a mark of it, not itself.
    wrong_secret: Option<u64>,
    /// A link was opened in this trace, so an association cannot be older than it.
    fresh: bool,
    asked: Option<Asked>,
    /// Invoke-ids of requests given up.
    given_up: Vec<u8>,
    /// Last block of a long answer under way, and its frame.
    block: Option<(u32, u64)>,
    writes: writes::Writes,
}

#[derive(Clone, Copy, Debug, Default)]
struct Agreed {
    /// None where it came ciphered.
    conformance: Option<Conformance>,
    max_pdu: Option<u16>,
    vaa_name: Option<u16>,
    ciphered: bool,
    mechanism: u8,
    /// Pass 3 of HLS has not been asked yet.
    owes_proof: bool,
    /// Something else was asked first.
    unproven: bool,
    /// Requests answered well and refused.
    well: u32,
    badly: u32,
}

impl Application {
    fn talk(&mut self) -> &mut Talk {
        let client = self.client;
        let at = self.talks.iter().position(|talk| talk.client == client);
        let at = at.unwrap_or_else(|| {
            if self.talks.len() >= TALKS {
                self.talks.remove(0);
            }
            self.talks.push(Talk {
                client,
                ..Talk::default()
            });
            self.talks.len().saturating_sub(1)
        });
        &mut self.talks[at]
    }

    fn frame(&mut self, seen: &crate::diagnosis::Seen<'_>) {
        match seen.link {
            crate::diagnosis::Link::Hdlc(hdlc) => {
                if !hdlc.sound() {
                    return;
                }
                self.client = hdlc.client.map(u16::from);
                match (hdlc.control, seen.direction) {
                    // A link that opens or ends takes the association with it.
                    (Control::Snrm { .. } | Control::Disc { .. }, Direction::Sent)
                    | (Control::Dm { .. }, Direction::Received) => {
                        let talk = self.talk();
                        talk.agreed = None;
                        talk.refused = None;
                        talk.block = None;
                        talk.fresh = matches!(hdlc.control, Control::Snrm { .. });
                    }
                    _ => {}
                }
            }
            crate::diagnosis::Link::Wrapper(header) => {
                self.client = Some(match seen.direction {
                    Direction::Sent => header.source,
                    Direction::Received => header.destination,
                });
            }
            crate::diagnosis::Link::Bare => {}
        }
    }

    fn apdu(&mut self, conversation: &Conversation, apdu: &Apdu<'_>, book: &mut Book) {
        let Some(tag) = apdu.tag() else { return };
        self.counters.see(apdu, book);
        let talk = self.talk();
        match (apdu.direction, tag) {
            (Direction::Sent, tag::AARQ) => talk.aarq_sent(apdu, book),
            (Direction::Received, tag::AARE) => talk.aare_came(conversation, apdu, book),
            (Direction::Received, tag::RLRE) => {
                talk.asked = None;
                talk.agreed = None;
            }
            (Direction::Sent, _) => talk.request_sent(apdu, book),
            (Direction::Received, tag) if !tag::is_notification(tag) => {
                talk.answer_came(apdu, book);
            }
            _ => {}
        }
    }

    fn silence(&mut self, conversation: &Conversation, brief: &Brief, book: &mut Book) {
        let Some(tag) = brief.tag else { return };
        let talk = self.talk();
        match tag {
            tag::AARQ => talk.aarq_unanswered(conversation, brief, book),
            _ => talk.request_unanswered(brief, book),
        }
    }
}

impl Rule for Application {
    fn event(&mut self, conversation: &Conversation, event: &Event<'_>, book: &mut Book) {
        match event.what {
            What::Frame(seen) => self.frame(seen),
            What::Apdu(apdu) => self.apdu(conversation, apdu, book),
            What::Silence(brief) => self.silence(conversation, brief, book),
            // A proof came: refusals and an AARE that lacks something have names of their own.
            What::Unproven(why)
                if conversation.answer_tag != Some(tag::AARE)
                    && !["A19", "A24", "A27"].iter().any(|id| book.has(id)) =>
            {
                book.note(&association_rows::A20, Confidence::Certain, || Evidence {
                    frame: conversation.last_received.map(|last| last.number),
                    octets: None,
                    text: why.to_owned(),
                });
            }
            What::Connected => self.talks.clear(),
            What::Closed(_) | What::Quiet => {
                for talk in &mut self.talks {
                    talk.over(book);
                }
            }
            _ => {}
        }
    }
}
