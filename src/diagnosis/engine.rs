//! The engine: observations in, findings out. The rule: it decides nothing about causes; it cuts, follows, and asks the rules.
//!
//! A meter that is polled answers millions of GETs as it should. Once such a row has settled (`pace`) its chunks are
//! only kept (`held`); when anything else comes, the last of them are cut, followed and told of first, as if they came
//! then. What the rules hear and what they know is the same, but for what lay further back than they look.

use super::book::Book;
use super::conversation::{Brief, Conversation};
use super::cut::{self, Cutter, Piece};
use super::event::{Apdu, Event, Link, Seen, What};
use super::held::Held;
use super::marks::Marks;
use super::pace::Pace;
use super::rules::{self, Rule};
use super::{Closing, Direction, Finding, Millis, Observation, Settings};
use crate::dlms::hdlc::Control;
use crate::dlms::wrapper::HEADER_LENGTH;

/// An APDU in more segments than this is not put together.
const LONGEST: usize = 65_536;

/// Finds out what is wrong with one conversation.
#[derive(Debug)]
pub struct Engine {
    talk: Conversation,
    sent: Side,
    received: Side,
    rules: Vec<Box<dyn Rule>>,
    book: Book,
    frames: u64,
    pace: Pace,
    held: Held,
    /// Rules are not told.
    mute: bool,
    /// The connection ended: that we let go of our end too says nothing new.
    shut: bool,
    /// Frames sent that still may come back.
    marks: Marks,
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
            pace: Pace::default(),
            held: Held::default(),
            mute: false,
            shut: false,
            marks: Marks::default(),
            heard_before: 0,
            echoed: 0,
        }
    }

    /// Ranked: best first.
    pub fn findings(&self) -> Vec<Finding> {
        self.book.ranked()
    }

    pub fn conversation(&mut self) -> &Conversation {
        self.pace.lose();
        self.catch_up();
        &self.talk
    }

    /// Frames so far: the number of the last one.
    pub fn frames(&self) -> u64 {
        self.frames.saturating_add(self.held.frames())
    }

    pub fn observe(&mut self, at: Millis, what: &Observation<'_>) {
        match *what {
            Observation::Bytes(_, []) => return,
            Observation::Bytes(direction, bytes) => {
                self.shut = false;
                return self.chunk(at, direction, bytes);
            }
            Observation::Closed(Closing::ByUs) if self.shut => return,
            Observation::Connected => self.shut = false,
            Observation::Closed(_) => self.shut = true,
            _ => {}
        }
        self.pace.lose();
        self.catch_up();
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
            Observation::Bytes(..) => {}
        }
    }

    fn chunk(&mut self, at: Millis, direction: Direction, bytes: &[u8]) {
        let settled = self.pace.is_settled();
        if self.pace.follow(direction, bytes) && settled {
            return self.held.push(at, direction, bytes);
        }
        self.catch_up();
        let (changes, next) = (self.book.changes(), self.frames.saturating_add(1));
        self.bytes(at, direction, bytes);
        // Whatever was said of it may have to be said of the next.
        if self.book.changes() != changes || self.frames != next || !self.rests() {
            self.pace.lose();
        }
    }

    /// Nothing is half received.
    fn rests(&self) -> bool {
        let rests = |side: &Side| side.cutter.pending().is_empty() && side.joining.is_none();
        rests(&self.sent) && rests(&self.received)
    }

    /// Takes what is held as if it came now.
    fn catch_up(&mut self) {
        if self.held.is_empty() {
            return;
        }
        let mut held = std::mem::take(&mut self.held);
        let gone = held.gone();
        self.talk.passed(gone);
        self.frames = self.frames.saturating_add(gone.exchanges.saturating_mul(2));
        for (n, (at, direction, octets)) in held.iter().enumerate() {
            // What the others followed on is known again, but it is told to nobody: they have not heard what it followed on.
            self.mute = gone.exchanges > 0 && n < 2;
            self.bytes(at, direction, octets);
        }
        self.mute = false;
        held.clear();
        self.held = held;
    }

    /// A line that another program wrote into its log, by its number.
    pub fn log(&mut self, number: usize, text: &str) {
        rules::logged::line(number, text, &mut self.book);
    }

    fn tell(&mut self, at: Millis, what: What<'_>) {
        if self.mute {
            return;
        }
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
            Direction::Sent => self.marks.remember(seen.octets),
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

    /// Ours, come back: only a frame that a client sends can be one.
    fn is_echo(&self, seen: &Seen<'_>) -> bool {
        let command = match seen.hdlc() {
            Some(hdlc) => cut::is_command(hdlc) != Some(false),
            None => true,
        };
        command && self.marks.contain(seen.octets)
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
