//! Takes secrets, and on request serial numbers, out of a document. The one rule: better a star too many than a
//! password; lengths stay, a checksum that was right is made right again, and one that was wrong stays wrong.
//!
//! A frame is looked at in three ways, since each sees what another may miss: octet by octet over segments and blocks
//! (`meter::veil`, as a live trace is), field by field, which needs no right checksum; and for the octets of a secret
//! already met, wherever they come again. For the last a document is gone through twice: once to learn, once to write.
//! Entries wait until the frame they belong to is whole, and never long: memory does not grow with the document.

use super::Entry;
use super::known::Known;
use super::serials::Asked;
use crate::dlms::explain::{self, Piece, What, explain_piece, split};
use crate::dlms::hdlc::{FLAG, Frame, fcs::fcs};
use crate::meter::tap::{Chunk, Direction, Note};
use crate::meter::veil::{Caution, Line, Mark, STAR, Talk};
use std::collections::{HashMap, VecDeque};
use std::ops::Range;

/// Entries and octets that wait for the end of a frame; beyond this they go as they are.
const MOST_WAITING: usize = 256;
const MOST_OCTETS: usize = 192 * 1024;
/// Meters followed at once.
const MOST_METERS: usize = 4096;

/// What is taken out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Redaction {
    /// Passwords, keys, tokens, challenges and proofs.
    pub secrets: bool,
    /// Serial numbers, device names, system titles.
    pub serials: bool,
}

impl Default for Redaction {
    fn default() -> Self {
        Self {
            secrets: true,
            serials: false,
        }
    }
}

/// A document that is at hand as a whole.
pub fn redact(entries: &mut Vec<Entry>, what: Redaction) {
    let mut learning = Redactor::new(what);
    let mut aside = VecDeque::new();
    for entry in entries.iter() {
        learning.take(entry.clone(), &mut aside);
        aside.clear();
    }
    learning.end(&mut aside);
    let mut writing = learning.again();
    let mut out = VecDeque::with_capacity(entries.len());
    for entry in entries.drain(..) {
        writing.take(entry, &mut out);
    }
    writing.end(&mut out);
    entries.extend(out);
}

/// Takes entries one by one and gives them back, in order, some entries later.
#[derive(Debug)]
pub struct Redactor {
    what: Redaction,
    known: Known,
    meters: HashMap<String, Party>,
    waiting: VecDeque<Waiting>,
    /// Number of the first that waits.
    first: u64,
    octets: usize,
}

#[derive(Debug)]
struct Waiting {
    entry: Entry,
    /// Octets of it that nothing is decided of.
    open: usize,
}

/// One connection of one meter.
#[derive(Debug)]
struct Party {
    sent: Stream,
    received: Stream,
    talk: Talk,
    asked: Asked,
}

/// One direction of it: what is not decided yet.
#[derive(Debug)]
struct Stream {
    direction: Direction,
    line: Line,
    bytes: Vec<u8>,
    hidden: Vec<bool>,
    /// So many of the first are decided and only kept for what follows: the flag before a frame.
    done: usize,
    /// Entry, where in it, and how much of it.
    parts: VecDeque<(u64, Range<usize>)>,
}

impl Redactor {
    pub fn new(what: Redaction) -> Self {
        Self {
            what,
            known: Known::default(),
            meters: HashMap::new(),
            waiting: VecDeque::new(),
            first: 0,
            octets: 0,
        }
    }

    /// For the second time over the same document.
    #[must_use]
    pub fn again(self) -> Self {
        Self {
            known: self.known,
            ..Self::new(self.what)
        }
    }

    /// The next entry; those that became ready go to `out`.
    pub fn take(&mut self, entry: Entry, out: &mut VecDeque<Entry>) {
        let number = self.first + self.waiting.len() as u64;
        match &entry.what {
            Chunk::Bytes { direction, bytes } => {
                if !self.meters.contains_key(&entry.meter) && self.meters.len() >= MOST_METERS {
                    self.settle_all();
                    self.meters.clear();
                }
                let party = self.meters.entry(entry.meter.clone()).or_default();
                let open = bytes.len();
                self.octets += open;
                party.push(*direction, number, bytes, self.what.secrets);
                let meter = entry.meter.clone();
                self.waiting.push_back(Waiting { entry, open });
                self.settle(&meter, false);
            }
            Chunk::Note(note) => {
                if !matches!(note, Note::Text(_)) {
                    self.settle(&entry.meter, true);
                    self.meters.remove(&entry.meter);
                }
                self.waiting.push_back(Waiting { entry, open: 0 });
            }
        }
        self.release(out);
        while self.waiting.len() > MOST_WAITING || self.octets > MOST_OCTETS {
            let Some(meter) = self.waiting.front().map(|front| front.entry.meter.clone()) else {
                break;
            };
            self.settle(&meter, true);
            self.release(out);
        }
    }

    /// Nothing more comes.
    pub fn end(&mut self, out: &mut VecDeque<Entry>) {
        self.settle_all();
        self.release(out);
    }

    fn release(&mut self, out: &mut VecDeque<Entry>) {
        while self.waiting.front().is_some_and(|front| front.open == 0) {
            let Some(Waiting { mut entry, .. }) = self.waiting.pop_front() else {
                break;
            };
            self.first += 1;
            self.known.hide_in_words(&mut entry);
            out.push_back(entry);
        }
    }

    fn settle_all(&mut self) {
        let meters: Vec<String> = self.meters.keys().cloned().collect();
        for meter in meters {
            self.settle(&meter, true);
        }
    }

    /// Decides what can be decided; all of it with `whole`.
    fn settle(&mut self, meter: &str, whole: bool) {
        let Some(party) = self.meters.get_mut(meter) else {
            return;
        };
        let Party {
            sent,
            received,
            talk,
            asked,
        } = party;
        for stream in [sent, received] {
            if !whole && !stream.may_end() {
                continue;
            }
            let decided = stream.pieces(whole, self.what, &mut self.known, talk, asked);
            if decided <= stream.done {
                continue;
            }
            for (number, place, shown) in stream.give(decided, &self.known) {
                let Some(waiting) = number
                    .checked_sub(self.first)
                    .and_then(|at| self.waiting.get_mut(usize::try_from(at).ok()?))
                else {
                    continue;
                };
                waiting.open = waiting.open.saturating_sub(place.len());
                self.octets = self.octets.saturating_sub(place.len());
                if let Chunk::Bytes { bytes, .. } = &mut waiting.entry.what
                    && let Some(old) = bytes.get_mut(place)
                    && old != shown
                {
                    old.copy_from_slice(&shown);
                    waiting.entry.masked = true;
                }
            }
        }
    }
}

impl Default for Party {
    fn default() -> Self {
        Self {
            sent: Stream::new(Direction::Sent),
            received: Stream::new(Direction::Received),
            talk: Talk::default(),
            asked: Asked::default(),
        }
    }
}

impl Party {
    fn push(&mut self, direction: Direction, number: u64, bytes: &[u8], secrets: bool) {
        let stream = match direction {
            Direction::Sent => &mut self.sent,
            Direction::Received => &mut self.received,
        };
        stream.parts.push_back((number, 0..bytes.len()));
        for octet in bytes {
            let mark = stream.line.step(*octet, Caution::Leaving, &mut self.talk);
            stream.hidden.push(secrets && mark == Mark::Hidden);
        }
        stream.bytes.extend(bytes);
    }
}

impl Stream {
    fn new(direction: Direction) -> Self {
        Self {
            direction,
            line: Line::new(direction),
            bytes: Vec::new(),
            hidden: Vec::new(),
            done: 0,
            parts: VecDeque::new(),
        }
    }

    /// Whether a frame may end here, cheaply: frames end in a flag, and nothing else here tells its end.
    fn may_end(&self) -> bool {
        self.bytes.last() == Some(&FLAG) || !self.bytes.contains(&FLAG)
    }

    /// Looks at what is whole; up to where that goes.
    fn pieces(
        &mut self,
        whole: bool,
        what: Redaction,
        known: &mut Known,
        talk: &mut Talk,
        asked: &mut Asked,
    ) -> usize {
        let mut decided = self.done;
        let pieces: Vec<Piece> = split(&self.bytes).collect();
        for piece in pieces {
            let unfinished = matches!(piece.what, What::Rest | What::Junk);
            if unfinished && piece.range.end >= self.bytes.len() && !whole {
                break;
            }
            if piece.range.end <= self.done {
                continue;
            }
            decided = piece.range.end;
            if what.serials {
                let frame = self.bytes.get(piece.range.clone()).unwrap_or_default();
                for serial in asked.told(self.direction, frame) {
                    known.learn(serial);
                }
            }
            if what.secrets {
                self.secrets(&piece, talk);
                self.learn(&piece.range, known);
            }
        }
        if whole { self.bytes.len() } else { decided }
    }

    fn secrets(&mut self, piece: &Piece, talk: &mut Talk) {
        let bytes = self.bytes.get(piece.range.clone()).unwrap_or_default();
        if piece.what == What::Apdu {
            let hidden = self.line.bare(bytes, Caution::Leaving, talk);
            let places = self.hidden.iter_mut().skip(piece.range.start);
            for (place, hidden) in places.zip(hidden) {
                *place |= hidden;
            }
        }
        if piece.what == What::Frame && holds_nothing(bytes) {
            return;
        }
        let way = match self.direction {
            Direction::Sent => explain::Direction::ToMeter,
            Direction::Received => explain::Direction::FromMeter,
        };
        let Some(explained) = explain_piece(&self.bytes, piece, Some(way)) else {
            return;
        };
        for field in explained.fields.iter().filter(|field| field.secret) {
            // A whole value that is hidden on a screen keeps its form here; what stands in it was followed above.
            let range = field.offset..field.offset.saturating_add(field.length);
            let followed = field.name == "secret"
                && self
                    .hidden
                    .get(range.clone())
                    .is_some_and(|places| places.contains(&true));
            if !followed && let Some(places) = self.hidden.get_mut(range) {
                places.fill(true);
            }
        }
    }

    /// Remembers what is hidden in this piece.
    fn learn(&self, range: &Range<usize>, known: &mut Known) {
        let hidden = self.hidden.get(range.clone()).unwrap_or_default();
        let bytes = self.bytes.get(range.clone()).unwrap_or_default();
        let mut from = 0;
        for run in hidden.chunk_by(|a, b| a == b) {
            let to = from + run.len();
            if run.first() == Some(&true) && run.len() > 4 {
                known.learn(bytes.get(from..to).unwrap_or_default());
            }
            from = to;
        }
    }

    /// The first octets, up to `decided`, as they may be shown: entry, place in it, octets.
    fn give(&mut self, decided: usize, known: &Known) -> Vec<(u64, Range<usize>, Vec<u8>)> {
        known.hide(&self.bytes, &mut self.hidden);
        let mut shown = self.bytes.clone();
        if self.hidden.contains(&true) {
            for (octet, hidden) in shown.iter_mut().zip(&self.hidden) {
                if *hidden {
                    *octet = STAR;
                }
            }
            for piece in split(&self.bytes).filter(|piece| piece.what == What::Frame) {
                mend(&self.bytes, &mut shown, piece.range);
            }
        }
        let mut given = Vec::new();
        let mut at = self.done;
        while at < decided
            && let Some((number, place)) = self.parts.pop_front()
        {
            let length = place.len().min(decided - at);
            let part = place.start..place.start + length;
            if part.end < place.end {
                self.parts.push_front((number, part.end..place.end));
            }
            let octets = shown.get(at..at + length).unwrap_or_default().to_vec();
            given.push((number, part, octets));
            at += length;
        }
        // The flag that closed a frame may open the next.
        self.done = usize::from(self.bytes.get(decided - 1) == Some(&FLAG));
        self.bytes.drain(..decided - self.done);
        self.hidden.drain(..decided - self.done);
        given
    }
}

/// A right frame of the link alone, a request to read or a plain answer: nothing there is a secret by its fields.
fn holds_nothing(frame: &[u8]) -> bool {
    let inside = frame.strip_prefix(&[FLAG]).unwrap_or(frame);
    let inside = inside.strip_suffix(&[FLAG]).unwrap_or(inside);
    let Ok(frame) = Frame::parse(inside) else {
        return false;
    };
    let plain = matches!(
        frame.information(),
        [] | [0xE6, 0xE6 | 0xE7, 0, 0xC0 | 0xC4, ..]
    );
    plain && frame.fcs_ok()
}

/// The FCS of a frame whose octets were hidden, if it was right before.
fn mend(before: &[u8], after: &mut [u8], range: Range<usize>) {
    let (Some(old), Some(new)) = (before.get(range.clone()), after.get_mut(range)) else {
        return;
    };
    if old == new {
        return;
    }
    let from = old.iter().position(|octet| *octet != FLAG).unwrap_or(0);
    let Some([high, low]) = old.get(from..from + 2) else {
        return;
    };
    let end = from + (usize::from(high & 7) << 8 | usize::from(*low));
    let right = old
        .get(from..end)
        .and_then(|octets| Frame::parse(octets).ok())
        .is_some_and(|frame| frame.fcs_ok());
    let Some(check) = end.checked_sub(2).filter(|check| right && *check > from) else {
        return;
    };
    let made = fcs(new.get(from..check).unwrap_or_default()).to_le_bytes();
    if let Some(place) = new.get_mut(check..end) {
        place.copy_from_slice(&made);
    }
}
