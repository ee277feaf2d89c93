//! One line or peer as it is heard: octets in, whole APDUs and notes out, and the moment at which to give up waiting.
//! The rule: what an unfinished message waits for, it waits for [`PATIENCE`]; then it is named and let go.

use super::assemble::Assembler;
use super::cutter::{Cut, Cutter};
use super::mbus;
use crate::cosem::hex;
use crate::dlms::hdlc::{Control, Frame};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long an unfinished frame, segment or block waits for the rest. Blocks were seen three seconds apart.
pub const PATIENCE: Duration = Duration::from_secs(4);

/// When what came now is waited for no longer.
pub(super) fn patience_ends(now: Instant) -> Instant {
    now.checked_add(PATIENCE).unwrap_or(now)
}

/// So much silence parts what has no framing of its own.
const QUIET: Duration = Duration::from_millis(300);

/// What was recognised around the APDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Framing {
    Hdlc,
    Mbus,
    Wrapper,
    /// Nothing: the APDU alone.
    Bare,
}

impl Framing {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hdlc => "HDLC",
            Self::Mbus => "M-Bus",
            Self::Wrapper => "wrapper",
            Self::Bare => "bare APDU",
        }
    }

    /// For JSON.
    pub const fn key(self) -> &'static str {
        match self {
            Self::Hdlc => "hdlc",
            Self::Mbus => "m-bus",
            Self::Wrapper => "wrapper",
            Self::Bare => "bare",
        }
    }
}

/// A whole APDU as it came in, still closed if it is ciphered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Apdu {
    pub framing: Framing,
    /// Which frame it was and between which addresses: `UI 41 → 0883`, `53 FF`, `1 → 64`; empty for a bare APDU.
    pub link: String,
    /// Frames that carried it.
    pub frames: u32,
    /// General blocks that carried it; 0 for none.
    pub blocks: u32,
    pub octets: Vec<u8>,
}

/// What was heard and could not be used, in words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Note {
    #[error("noise: {0} octets that belong to no frame")]
    Noise(u64),
    #[error("{0} with a wrong checksum or end: left out (check baud rate, parity and cable)")]
    Damaged(&'static str),
    #[error(
        "{what} after {octets} octets: the rest did not come within {} s",
        PATIENCE.as_secs()
    )]
    Unfinished { what: &'static str, octets: usize },
    #[error("a later segment without those before it: left out ({octets} octets)")]
    Headless { octets: usize },
    #[error(
        "segment {got} came where {expected} was due: the message of {octets} octets is left out"
    )]
    LostSegment {
        expected: u8,
        got: u8,
        octets: usize,
    },
    #[error(
        "general block {got} came where {expected} was due: the message of {octets} octets is left out"
    )]
    LostBlock {
        expected: u32,
        got: u32,
        octets: usize,
    },
    #[error("a new message began before the last was whole: {octets} octets are left out")]
    Overtaken { octets: usize },
    #[error("a message grew over {0} octets: left out")]
    TooLong(usize),
    #[error("a general block that cannot be read: {0}")]
    BadBlock(&'static str),
    #[error("P1 telegram of {0}: text, not DLMS; it is named here and not decoded")]
    Telegram(String),
    #[error("M-Bus frame with CI {0:02X}: no DLMS inside")]
    MbusOther(u8),
    #[error("HDLC {0} frame: no notification, left out")]
    HdlcOther(&'static str),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    Apdu(Apdu),
    Note(Note),
}

/// What went by, all told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub frames: u64,
    /// M-Bus short frames: link resets between the long ones, of no further meaning here.
    pub short_frames: u64,
    pub damaged: u64,
    pub noise_octets: u64,
}

#[derive(Debug)]
pub struct Stream {
    cutter: Cutter,
    assembler: Assembler,
    events: VecDeque<Event>,
    counts: Counts,
    /// When the last octet came.
    heard: Option<Instant>,
}

impl Default for Stream {
    fn default() -> Self {
        Self::new()
    }
}

/// Octets looked at before the events they gave are made room for: bounds the queue whatever comes.
const PORTION: usize = 4096;

impl Stream {
    pub fn new() -> Self {
        Self {
            cutter: Cutter::new(),
            assembler: Assembler::new(),
            events: VecDeque::new(),
            counts: Counts::default(),
            heard: None,
        }
    }

    /// What arrived on the line. Events wait for [`next_event`](Self::next_event); fetch them after each call.
    pub fn receive(&mut self, now: Instant, bytes: &[u8]) {
        self.handle_timeout(now);
        if self
            .heard
            .is_some_and(|heard| now.saturating_duration_since(heard) >= QUIET)
        {
            self.cutter.quiet();
        }
        if !bytes.is_empty() {
            self.heard = Some(now);
        }
        for portion in bytes.chunks(PORTION) {
            self.cutter.push(portion);
            self.drain(now);
        }
    }

    /// One UDP datagram: what is unfinished at its end stays so. Blocks may go on in the next one.
    pub fn datagram(&mut self, now: Instant, bytes: &[u8]) {
        self.handle_timeout(now);
        self.cutter.quiet();
        self.receive(now, bytes);
        self.end_of_frames(now);
        self.cutter.quiet();
    }

    /// The line or connection ended: everything unfinished is named.
    pub fn end(&mut self, now: Instant) {
        self.end_of_frames(now);
        for note in self.assembler.give_up() {
            self.events.push_back(Event::Note(note));
        }
    }

    pub fn next_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    /// When [`handle_timeout`](Self::handle_timeout) has something to give up.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let line = (self.cutter.is_waiting())
            .then(|| self.heard.map(patience_ends))
            .flatten();
        [line, self.assembler.deadline()]
            .into_iter()
            .flatten()
            .min()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        let silent = self
            .heard
            .is_some_and(|heard| now.saturating_duration_since(heard) >= PATIENCE);
        if silent {
            self.end_of_frames(now);
            self.cutter.quiet();
        }
        if self
            .assembler
            .deadline()
            .is_some_and(|deadline| now >= deadline)
        {
            for note in self.assembler.give_up() {
                self.events.push_back(Event::Note(note));
            }
        }
    }

    /// Octets kept because they may be part of something.
    pub fn held(&self) -> usize {
        self.cutter.pending().saturating_add(self.assembler.held())
    }

    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// No more octets will come for the frame that waits.
    fn end_of_frames(&mut self, now: Instant) {
        let pending = self.cutter.pending();
        if pending >= 8 {
            self.events.push_back(Event::Note(Note::Unfinished {
                what: "a frame broke off",
                octets: pending,
            }));
        }
        self.cutter.ended(true);
        self.drain(now);
        self.cutter.ended(false);
        if let Some(cut) = self.cutter.rest_of_noise() {
            self.take(now, cut);
        }
    }

    fn drain(&mut self, now: Instant) {
        while let Some(cut) = self.cutter.next() {
            self.take(now, cut);
        }
    }

    fn note(&mut self, note: Note) {
        self.events.push_back(Event::Note(note));
    }

    fn take(&mut self, now: Instant, cut: Cut) {
        let frames = &mut self.counts.frames;
        if !matches!(cut, Cut::Noise(_) | Cut::Damaged(_) | Cut::MbusShort) {
            *frames = frames.saturating_add(1);
        }
        match cut {
            Cut::Noise(octets) => {
                self.counts.noise_octets = self.counts.noise_octets.saturating_add(octets);
                self.note(Note::Noise(octets));
            }
            Cut::Damaged(what) => {
                self.counts.damaged = self.counts.damaged.saturating_add(1);
                self.note(Note::Damaged(what));
            }
            Cut::MbusShort => {
                self.counts.short_frames = self.counts.short_frames.saturating_add(1);
            }
            Cut::Telegram(identification) => self.note(Note::Telegram(identification)),
            Cut::Bare(octets) => {
                self.finished(now, Framing::Bare, String::new(), octets);
            }
            Cut::Wrapped {
                source,
                destination,
                apdu,
            } => {
                let link = format!("{source} → {destination}");
                self.finished(now, Framing::Wrapper, link, apdu);
            }
            Cut::Mbus(octets) => self.mbus(now, &octets),
            Cut::Hdlc(octets) => self.hdlc(now, &octets),
        }
    }

    fn finished(&mut self, now: Instant, framing: Framing, link: String, octets: Vec<u8>) {
        let apdu = Apdu {
            framing,
            link,
            frames: 1,
            blocks: 0,
            octets,
        };
        self.assembler.whole(now, apdu, &mut self.events);
    }

    fn mbus(&mut self, now: Instant, octets: &[u8]) {
        let Some(frame) = mbus::Frame::parse(octets) else {
            return;
        };
        match frame.segment() {
            Some(segment) => {
                let link = format!("{:02X} {:02X}", frame.control, frame.address);
                self.assembler.mbus(now, &link, segment, &mut self.events);
            }
            None => self.note(Note::MbusOther(frame.information)),
        }
    }

    fn hdlc(&mut self, now: Instant, octets: &[u8]) {
        let Ok(frame) = Frame::parse(octets) else {
            return;
        };
        let control = frame.control();
        match control {
            Control::Ui { .. } | Control::Information { .. } if !frame.information().is_empty() => {
                let link = format!(
                    "{} {} → {}",
                    control.name(),
                    hex::joined(frame.source(), ""),
                    hex::joined(frame.destination(), "")
                );
                self.assembler.hdlc(
                    now,
                    &link,
                    frame.segmented(),
                    frame.information(),
                    &mut self.events,
                );
            }
            _ => self.note(Note::HdlcOther(control.name())),
        }
    }
}
