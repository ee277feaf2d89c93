//! The engine: observations in, findings out. The rule: it decides nothing about causes; it cuts, follows, and asks the rules.

use super::book::Book;
use super::conversation::{Brief, Conversation};
use super::cut::{self, Cutter, Piece};
use super::event::{Apdu, Event, Link, Seen, What};
use super::rules::{self, Rule};
use super::{Direction, Finding, Millis, Observation, Settings};
use crate::dlms::hdlc::Control;
use crate::dlms::wrapper::HEADER_LENGTH;

/// An APDU in more segments than this is not put together.
const LONGEST: usize = 65_536;
/// Sent frames an echo is looked for among.
const ECHOES: usize = 8;

/// Finds out what is wrong with one conversation.
#[derive(Debug)]
pub struct Engine {
    talk: Conversation,
    sent: Side,
    received: Side,
    rules: Vec<Box<dyn Rule>>,
    book: Book,
    frames: u64,
    /// Marks of the last frames sent, and how many of them still may come back.
    marks: [u64; ECHOES],
    marked: usize,
    /// Octets received, without echoes, when the pending request was sent.
    heard_before: u64,
    echoed: u64,
}

/// One direction.
#[derive(Debug, Default)]
struct Side {
    cutter: Cutter,
    /// The unfinished frame has been told of.
    told: bool,
    joined: Vec<u8>,
    /// Frame in which the APDU under way began.
    joining: Option<u64>,
}

impl Engine {
    pub fn new(settings: Settings) -> Self {
        Self {
            talk: Conversation::new(settings),
            sent: Side::default(),
            received: Side::default(),
            rules: rules::all(),
            book: Book::default(),
            frames: 0,
            marks: [0; ECHOES],
            marked: 0,
            heard_before: 0,
            echoed: 0,
        }
    }

    /// Ranked: best first.
    pub fn findings(&self) -> Vec<Finding> {
        self.book.ranked()
    }

    pub fn conversation(&self) -> &Conversation {
        &self.talk
    }

    /// Frames so far: the number of the last one.
    pub fn frames(&self) -> u64 {
        self.frames
    }

    pub fn observe(&mut self, at: Millis, what: &Observation<'_>) {
        match *what {
            Observation::Connecting => self.tell(at, What::Connecting),
            Observation::Connected => {
                self.end(at);
                self.tell(at, What::Connected);
                self.talk.connected(at);
            }
            Observation::ConnectFailed(why) => self.tell(at, What::ConnectFailed(why)),
            Observation::Closed(how) => {
                self.end(at);
                self.tell(at, What::Closed(how));
                self.talk.closed(at, how);
            }
            Observation::Quiet => {
                self.end(at);
                self.tell(at, What::Quiet);
            }
            Observation::Unproven(why) => self.tell(at, What::Unproven(why)),
            Observation::Bytes(_, []) => {}
            Observation::Bytes(direction, bytes) => self.bytes(at, direction, bytes),
        }
    }

    /// A line that another program wrote into its log, by its number.
    pub fn log(&mut self, number: usize, text: &str) {
        rules::logged::line(number, text, &mut self.book);
    }

    fn tell(&mut self, at: Millis, what: What<'_>) {
        let event = Event { at, what };
        for rule in &mut self.rules {
            rule.event(&self.talk, &event, &mut self.book);
        }
    }

    fn side(&mut self, direction: Direction) -> &mut Side {
        match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        }
    }

    /// Nothing more belongs to what waits.
    fn end(&mut self, at: Millis) {
        for direction in [Direction::Sent, Direction::Received] {
            self.unfinished(at, direction);
            self.side(direction).cutter.flush();
            self.cut(at, direction);
            let side = self.side(direction);
            side.told = false;
            side.joining = None;
        }
        self.silence(at);
        self.talk.pending = None;
    }

    fn unfinished(&mut self, at: Millis, direction: Direction) {
        let side = self.side(direction);
        if side.told || side.cutter.pending().is_empty() {
            return;
        }
        side.told = true;
        let cutter = std::mem::take(&mut side.cutter);
        self.tell(at, What::Unfinished(direction, cutter.pending()));
        self.side(direction).cutter = cutter;
    }

    /// What was asked has not been answered with a single octet.
    fn silence(&mut self, at: Millis) {
        if let Some(pending) = self.talk.pending
            && self.talk.received.octets.saturating_sub(self.echoed) == self.heard_before
        {
            self.tell(at, What::Silence(&pending));
        }
    }

    fn bytes(&mut self, at: Millis, direction: Direction, bytes: &[u8]) {
        if direction == Direction::Sent {
            self.unfinished(at, Direction::Received);
        }
        let side = self.side(direction);
        let goes_on = !side.cutter.pending().is_empty();
        side.cutter.push(bytes);
        side.told = false;
        if goes_on && direction == Direction::Received {
            self.talk.goes_on(at);
        }
        self.cut(at, direction);
        self.talk.octets(at, direction, bytes.len());
    }

    fn cut(&mut self, at: Millis, direction: Direction) {
        // Lent pieces are told of while the engine moves on: the cutter steps aside meanwhile.
        let mut cutter = std::mem::take(&mut self.side(direction).cutter);
        while let Some(piece) = cutter.next() {
            match piece {
                Piece::Text(line) => {
                    self.tell(at, What::Text(direction, line));
                    if direction == Direction::Received {
                        self.talk.text();
                    }
                }
                Piece::Junk(octets) => self.tell(at, What::Junk(direction, octets)),
                ref piece => {
                    if let Some((link, octets)) = cut::link(piece, direction) {
                        self.frames = self.frames.saturating_add(1);
                        let seen = Seen {
                            number: self.frames,
                            at,
                            direction,
                            octets,
                            link,
                        };
                        self.frame(&seen);
                    }
                }
            }
        }
        self.side(direction).cutter = cutter;
    }

    fn frame(&mut self, seen: &Seen<'_>) {
        match seen.direction {
            Direction::Sent => self.remember(seen.octets),
            Direction::Received => {
                if self.is_echo(seen) {
                    self.echoed = self
                        .echoed
                        .saturating_add(seen.octets.len() as u64)
                        .saturating_add(1);
                    return self.tell(seen.at, What::Echo(seen));
                }
                if self.is_foreign(seen) {
                    return self.tell(seen.at, What::Foreign(seen));
                }
            }
        }
        let brief = Brief::of(seen);
        if seen.direction == Direction::Sent && brief.asks() {
            self.silence(seen.at);
            self.heard_before = self.talk.received.octets.saturating_sub(self.echoed);
        }
        self.tell(seen.at, What::Frame(seen));
        let repeated = self.is_repeated(seen);
        self.talk.frame(seen, brief);
        if !repeated {
            self.apdu(seen);
        }
    }

    fn remember(&mut self, octets: &[u8]) {
        let slot = self.marked % ECHOES;
        if let Some(mark) = self.marks.get_mut(slot) {
            *mark = fingerprint(octets);
        }
        self.marked = self.marked.wrapping_add(1);
    }

    /// Ours, come back: only a frame that a client sends can be one.
    fn is_echo(&self, seen: &Seen<'_>) -> bool {
        let command = match seen.hdlc() {
            Some(hdlc) => cut::is_command(hdlc) != Some(false),
            None => true,
        };
        command && self.marks.contains(&fingerprint(seen.octets))
    }

    fn is_foreign(&self, seen: &Seen<'_>) -> bool {
        let Some(hdlc) = seen.sound() else {
            return false;
        };
        if self.talk.clients.is_empty() || matches!(hdlc.control, Control::Ui { .. }) {
            return false;
        }
        // From the meter to us, whatever its LLC header says.
        let ours = matches!(hdlc.control, Control::Information { .. })
            && hdlc.server.is_some()
            && hdlc.server == self.talk.server()
            && hdlc
                .client
                .is_some_and(|client| self.talk.clients.contains(&client));
        !ours && cut::is_command(hdlc) == Some(true)
            || hdlc
                .client
                .is_some_and(|client| !self.talk.clients.contains(&client))
    }

    /// The same I frame again: its APDU was told of already.
    fn is_repeated(&self, seen: &Seen<'_>) -> bool {
        let last = match seen.direction {
            Direction::Sent => self.talk.sent_number,
            Direction::Received => self.talk.received_number,
        };
        matches!(seen.control(), Some(Control::Information { send, .. }) if Some(send) == last)
    }

    fn apdu(&mut self, seen: &Seen<'_>) {
        let direction = seen.direction;
        let (part, at) = match &seen.link {
            Link::Wrapper(_) => (seen.octets.get(HEADER_LENGTH..), HEADER_LENGTH),
            Link::Bare => (Some(seen.octets), 0),
            Link::Hdlc(hdlc) => {
                if !hdlc.sound()
                    || !matches!(
                        hdlc.control,
                        Control::Information { .. } | Control::Ui { .. }
                    )
                {
                    return;
                }
                let at = hdlc.frame.and_then(|frame| frame.hcs_at());
                let information = hdlc.information();
                let begins = self.side(direction).joining.is_none();
                let llc = if begins && information.starts_with(&[0xE6]) {
                    3
                } else {
                    0
                };
                let shown = at.unwrap_or_default().saturating_add(3).saturating_add(llc);
                if hdlc.segmented || !begins {
                    let part = information.get(llc..).unwrap_or_default();
                    return self.join(seen, part, hdlc.segmented);
                }
                (information.get(llc..), shown)
            }
        };
        let Some(octets) = part.filter(|octets| !octets.is_empty()) else {
            return;
        };
        self.whole(
            seen.at,
            &Apdu {
                direction,
                octets,
                first: seen.number,
                last: seen.number,
                shown_at: Some(at),
            },
        );
    }

    fn whole(&mut self, at: Millis, apdu: &Apdu<'_>) {
        self.tell(at, What::Apdu(apdu));
        self.talk.apdu(apdu);
    }

    fn join(&mut self, seen: &Seen<'_>, part: &[u8], more: bool) {
        let direction = seen.direction;
        let side = self.side(direction);
        if side.joining.is_none() {
            side.joined.clear();
        }
        let first = side.joining.unwrap_or(seen.number);
        side.joining = Some(first);
        if side.joined.len().saturating_add(part.len()) <= LONGEST {
            side.joined.extend_from_slice(part);
        }
        if more {
            return;
        }
        side.joining = None;
        let octets = std::mem::take(&mut side.joined);
        self.whole(
            seen.at,
            &Apdu {
                direction,
                octets: &octets,
                first,
                last: seen.number,
                shown_at: None,
            },
        );
        self.side(direction).joined = octets;
    }
}

/// Length, first octets and last: two frames that share them share the rest.
fn fingerprint(octets: &[u8]) -> u64 {
    let mut mark = 0xCBF2_9CE4_8422_2325_u64 ^ octets.len() as u64;
    let tail = octets
        .get(octets.len().saturating_sub(8)..)
        .unwrap_or_default();
    for octet in octets.iter().take(12).chain(tail) {
        mark = (mark ^ u64::from(*octet)).wrapping_mul(0x0100_0000_01B3);
    }
    mark
}
