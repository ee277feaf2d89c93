//! What is known of a conversation so far: who talks, the link and its numbers, what waits for an answer.
//! The rule: only sound frames move it, and nothing in it grows with the trace.

use super::event::{Apdu, Link, Seen};
use super::held::Gone;
use super::{Closing, Direction, Millis, Settings};
use crate::dlms::hdlc::{Control, Parameters, ServerAddress};
use crate::dlms::xdlms::tag;

/// Addresses and clients remembered.
const REMEMBERED: usize = 16;

/// What stays of a frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Brief {
    pub number: u64,
    pub at: Millis,
    pub direction: Direction,
    /// None outside HDLC.
    pub control: Option<Control>,
    pub client: Option<u8>,
    pub server: Option<ServerAddress>,
    /// Octets of information (HDLC) or APDU.
    pub information: usize,
    /// First octet of the APDU that begins in it.
    pub tag: Option<u8>,
    pub segmented: bool,
    pub sound: bool,
}

/// How far the HDLC link is, as both sides should know.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Phase {
    /// The trace has not shown it.
    #[default]
    Unknown,
    /// SNRM sent.
    Asked,
    Up,
    /// DISC sent.
    Leaving,
    Down,
}

/// The counts of one direction's bytes and frames.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    pub octets: u64,
    pub frames: u64,
    /// With right checks.
    pub sound: u64,
}

/// One conversation. Rules read it; the engine alone moves it.
#[expect(
    clippy::struct_excessive_bools,
    reason = "each answers a question of its own"
)]
#[derive(Debug, Default)]
pub struct Conversation {
    pub settings: Settings,
    pub sent: Tally,
    pub received: Tally,
    /// Since the last connection.
    pub sent_here: Tally,
    pub received_here: Tally,
    pub connected_at: Option<Millis>,
    pub closed: Option<(Millis, Closing)>,
    /// The longest pause inside the frame that is coming.
    pub pause: Millis,
    /// Times of the last octets.
    pub last_sent_at: Option<Millis>,
    pub last_received_at: Option<Millis>,
    pub last_sent: Option<Brief>,
    pub last_received: Option<Brief>,
    /// What we asked and nobody has answered yet.
    pub pending: Option<Brief>,
    pub phase: Phase,
    /// The last SNRM sent, and the parameters it asked for.
    pub snrm: Option<Brief>,
    pub asked: Option<Parameters>,
    /// The last UA that opened a link, and the parameters in it, from the meter's view.
    pub ua: Option<Brief>,
    pub granted: Option<Parameters>,
    /// The client that opened the link which may still be open.
    pub opened_by: Option<u8>,
    /// N(S) of the last I frame since UA; None when none was seen.
    pub sent_number: Option<u8>,
    pub received_number: Option<u8>,
    /// Clients we spoke as.
    pub clients: Vec<u8>,
    /// Addresses SNRM or DISC went to, and those that answered anything.
    pub tried: Vec<ServerAddress>,
    pub answered: Vec<ServerAddress>,
    /// Tag of the last request APDU sent and the last APDU received.
    pub request_tag: Option<u8>,
    pub answer_tag: Option<u8>,
    /// An AARE that accepted has come since the link was opened, or answers prove that one had.
    pub associated: bool,
    /// Any sound frame, wrapper PDU, APDU or text has ever come from the other side.
    pub heard: bool,
    pub wrapper_sent: bool,
    pub hdlc_sent: bool,
}

fn remember<T: PartialEq>(list: &mut Vec<T>, value: T) {
    if list.len() < REMEMBERED && !list.contains(&value) {
        list.push(value);
    }
}

impl Brief {
    pub fn of(seen: &Seen<'_>) -> Self {
        let mut brief = Self {
            number: seen.number,
            at: seen.at,
            direction: seen.direction,
            control: None,
            client: None,
            server: None,
            information: 0,
            tag: None,
            segmented: false,
            sound: true,
        };
        match &seen.link {
            Link::Hdlc(hdlc) => {
                let information = hdlc.information();
                brief.control = Some(hdlc.control);
                brief.client = hdlc.client;
                brief.server = hdlc.server;
                brief.information = information.len();
                brief.segmented = hdlc.segmented;
                brief.sound = hdlc.sound();
                if let Control::Information { .. } | Control::Ui { .. } = hdlc.control
                    && let [0xE6, 0xE6 | 0xE7, _, tag, ..] = *information
                {
                    brief.tag = Some(tag);
                }
            }
            Link::Wrapper(header) => {
                brief.information = header.length.into();
                brief.tag = seen.octets.get(8).copied();
            }
            Link::Bare => {
                brief.information = seen.octets.len();
                brief.tag = seen.octets.first().copied();
            }
        }
        brief
    }

    /// Whether whoever gets it should answer.
    pub fn asks(&self) -> bool {
        match self.control {
            Some(Control::Information { poll, .. }) => poll,
            Some(
                Control::Snrm { .. }
                | Control::Disc { .. }
                | Control::ReceiveReady { poll: true, .. },
            ) => true,
            Some(_) => false,
            None => self.tag.is_some_and(|tag| !tag::is_notification(tag)),
        }
    }

    /// For people: `SNRM`, `AARQ`, `get-request`, `I N(S)=2 N(R)=1 P/F`.
    pub fn name(&self) -> String {
        match (self.tag.and_then(tag::name), self.control) {
            (Some(name), _) => match name {
                "aarq" | "aare" | "rlrq" | "rlre" => name.to_uppercase(),
                name => name.to_owned(),
            },
            (None, Some(control)) => control.name().to_owned(),
            (None, None) => "APDU".to_owned(),
        }
    }
}

impl Conversation {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            ..Self::default()
        }
    }

    /// The client we speak as, as far as the trace or our settings say.
    pub fn client(&self) -> Option<u8> {
        let said = self.last_sent.and_then(|brief| brief.client);
        said.or_else(|| u8::try_from(self.settings.client?).ok())
    }

    /// The server we last spoke to.
    pub fn server(&self) -> Option<ServerAddress> {
        let said = self.last_sent.and_then(|brief| brief.server);
        said.or(self.settings.server)
    }

    /// Milliseconds without an octet either way before `at`.
    pub fn idle(&self, at: Millis) -> Option<Millis> {
        let last = self.last_sent_at.max(self.last_received_at)?;
        Some(at.saturating_sub(last))
    }

    pub(super) fn connected(&mut self, at: Millis) {
        self.connected_at = Some(at);
        self.closed = None;
        self.sent_here = Tally::default();
        self.received_here = Tally::default();
        self.pending = None;
        self.reset_link(Phase::Unknown);
    }

    pub(super) fn closed(&mut self, at: Millis, how: Closing) {
        self.closed = Some((at, how));
        self.pending = None;
        self.reset_link(Phase::Unknown);
    }

    fn reset_link(&mut self, phase: Phase) {
        self.phase = phase;
        self.sent_number = None;
        self.received_number = None;
        self.associated = false;
    }

    /// More octets of a frame that has begun to come.
    pub(super) fn goes_on(&mut self, at: Millis) {
        let since = self
            .last_received_at
            .map_or(0, |last| at.saturating_sub(last));
        self.pause = self.pause.max(since);
    }

    pub(super) fn octets(&mut self, at: Millis, direction: Direction, count: usize) {
        let count = count as u64;
        let (all, here, last) = match direction {
            Direction::Sent => (&mut self.sent, &mut self.sent_here, &mut self.last_sent_at),
            Direction::Received => (
                &mut self.received,
                &mut self.received_here,
                &mut self.last_received_at,
            ),
        };
        all.octets = all.octets.saturating_add(count);
        here.octets = here.octets.saturating_add(count);
        *last = Some(at);
    }

    /// Exchanges that nobody was told of, whole and sound: only their numbers stay. Newer ones follow.
    pub(super) fn passed(&mut self, gone: Gone) {
        let sides = [
            (gone.sent, &mut self.sent, &mut self.sent_here),
            (gone.received, &mut self.received, &mut self.received_here),
        ];
        for (octets, all, here) in sides {
            for tally in [all, here] {
                tally.octets = tally.octets.saturating_add(octets);
                tally.frames = tally.frames.saturating_add(gone.exchanges);
                tally.sound = tally.sound.saturating_add(gone.exchanges);
            }
        }
    }

    /// After the rules have seen it.
    pub(super) fn frame(&mut self, seen: &Seen<'_>, brief: Brief) {
        let (all, here) = match seen.direction {
            Direction::Sent => (&mut self.sent, &mut self.sent_here),
            Direction::Received => (&mut self.received, &mut self.received_here),
        };
        for tally in [all, here] {
            tally.frames = tally.frames.saturating_add(1);
            tally.sound = tally.sound.saturating_add(u64::from(brief.sound));
        }
        match seen.direction {
            Direction::Sent => self.sent_frame(seen, brief),
            Direction::Received => self.received_frame(seen, brief),
        }
    }

    fn sent_frame(&mut self, seen: &Seen<'_>, brief: Brief) {
        match seen.link {
            Link::Hdlc(_) => self.hdlc_sent = true,
            Link::Wrapper(_) => self.wrapper_sent = true,
            Link::Bare => {}
        }
        if let Some(client) = brief.client {
            remember(&mut self.clients, client);
        }
        match brief.control {
            Some(Control::Snrm { .. }) => {
                self.phase = Phase::Asked;
                self.snrm = Some(brief);
                let information = seen.hdlc().map(super::Hdlc::information);
                self.asked = information
                    .filter(|octets| !octets.is_empty())
                    .map(Parameters::decode_readable);
                self.try_address(brief);
            }
            Some(Control::Disc { .. }) => {
                self.phase = Phase::Leaving;
                self.try_address(brief);
            }
            Some(Control::Information { send, .. }) => self.sent_number = Some(send),
            _ => {}
        }
        if brief.asks() {
            self.pending = Some(brief);
        }
        self.last_sent = Some(brief);
    }

    fn try_address(&mut self, brief: Brief) {
        if let Some(server) = brief.server {
            remember(&mut self.tried, server);
        }
    }

    fn received_frame(&mut self, seen: &Seen<'_>, brief: Brief) {
        self.pause = 0;
        self.last_received = Some(brief);
        // A damaged answer is an answer: what follows is about the damage, not about silence.
        self.pending = None;
        if !brief.sound {
            return;
        }
        self.heard = true;
        if let Some(server) = brief.server {
            remember(&mut self.answered, server);
        }
        match brief.control {
            Some(Control::Ua { .. }) => {
                if self.phase == Phase::Leaving {
                    self.reset_link(Phase::Down);
                    self.opened_by = None;
                } else {
                    self.reset_link(Phase::Up);
                    self.ua = Some(brief);
                    self.opened_by = brief.client;
                    let information = seen.hdlc().map(super::Hdlc::information);
                    self.granted = information
                        .filter(|octets| !octets.is_empty())
                        .map(Parameters::decode_readable);
                }
            }
            Some(Control::Dm { .. }) => {
                self.reset_link(Phase::Down);
                self.opened_by = None;
            }
            Some(Control::Information { send, .. }) => self.received_number = Some(send),
            _ => {}
        }
    }

    /// After the rules have seen it.
    pub(super) fn apdu(&mut self, apdu: &Apdu<'_>) {
        let tag = apdu.tag();
        match apdu.direction {
            Direction::Sent => self.request_tag = tag,
            Direction::Received => {
                self.answer_tag = tag;
                match tag {
                    Some(tag::AARE) => {
                        // result, in its constructed [2]: A2 03 02 01 00.
                        self.associated = apdu
                            .octets
                            .windows(5)
                            .any(|five| five == [0xA2, 0x03, 0x02, 0x01, 0x00]);
                    }
                    Some(tag::RLRE) => self.associated = false,
                    Some(tag) if tag != tag::EXCEPTION_RESPONSE && !tag::is_notification(tag) => {
                        self.associated = true;
                    }
                    _ => {}
                }
            }
        }
    }

    pub(super) fn text(&mut self) {
        self.heard = true;
        self.pending = None;
    }
}
