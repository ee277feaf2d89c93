//! Cuts a stream of pushed octets into frames, whatever frames they are.
//! The rule: each decision looks at the octets from one place on and stays the same when more arrive, so that it does not
//! matter how the stream was chopped; a checksum beats a mere length, and once one was right the rest is no longer guessed.

use super::measure::{Measure, is_pushed, measure};
use super::{mbus, telegram};
use crate::dlms::hdlc::backlog::Backlog;
use crate::dlms::hdlc::{FLAG, fcs};
use crate::dlms::wrapper;

/// Frames as they stood in the stream.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Cut {
    /// format … FCS, both checksums right.
    Hdlc(Vec<u8>),
    /// 68 … 16, checksum right.
    Mbus(Vec<u8>),
    MbusShort,
    /// An APDU that a wrapper header announced.
    Wrapped {
        source: u16,
        destination: u16,
        apdu: Vec<u8>,
    },
    /// An APDU with nothing around it.
    Bare(Vec<u8>),
    /// A P1 telegram's first line.
    Telegram(String),
    /// A frame whose end or checksum is wrong; its octets come as noise.
    Damaged(&'static str),
    /// So many octets that belong to nothing. A long run may come in pieces.
    Noise(u64),
}

/// `push` what arrives, then `next` until it gives None.
#[derive(Debug)]
pub(super) struct Cutter {
    backlog: Backlog,
    /// Octets in front that belong to nothing and were not told yet.
    noise: u64,
    /// A frame with a right header checksum was seen: what has none is not looked for any more.
    checked: bool,
    /// Here an APDU without any framing may begin: nothing came before it, or silence did.
    fresh: bool,
    /// Up to here the waiting octets were searched for a frame with a checksum inside something weaker.
    searched: usize,
    /// No more octets will come for what waits.
    ended: bool,
}

/// A run of noise is told at latest after so many octets.
const NOISE_RUN: u64 = 1024;

/// What the octets from one place on are.
enum Verdict {
    /// Nothing begins here.
    Not,
    /// Nothing, and not noise either: a flag between frames.
    Fill,
    /// More octets are needed. `sure`: a checksum or a repeated length vouches for it.
    Open {
        sure: bool,
    },
    /// A frame with a checksum in it that is wrong.
    Damaged(&'static str),
    Whole(usize, Kind),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Hdlc,
    Mbus,
    MbusShort,
    Wrapper,
    Bare,
    Telegram,
}

impl Cutter {
    pub(super) fn new() -> Self {
        Self {
            backlog: Backlog::new(),
            noise: 0,
            checked: false,
            fresh: true,
            searched: 0,
            ended: false,
        }
    }

    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.backlog.push(bytes);
    }

    /// How much waits unfinished; a flag alone is nothing unfinished.
    pub(super) fn pending(&self) -> usize {
        match self.backlog.waiting() {
            [FLAG] => 0,
            waiting => waiting.len(),
        }
    }

    /// The line was quiet: an APDU without framing may begin now, if nothing is under way.
    pub(super) fn quiet(&mut self) {
        if self.pending() == 0 {
            self.fresh = true;
        }
    }

    /// Whether silence would bring something to light.
    pub(super) fn is_waiting(&self) -> bool {
        self.pending() > 0 || self.noise > 0
    }

    /// Whether nothing more is expected of what waits: what is unfinished then becomes noise, and frames within it are
    /// found.
    pub(super) fn ended(&mut self, ended: bool) {
        self.ended = ended;
    }

    /// Noise not told yet, now that nothing more is expected.
    pub(super) fn rest_of_noise(&mut self) -> Option<Cut> {
        let noise = std::mem::take(&mut self.noise);
        (noise > 0).then_some(Cut::Noise(noise))
    }

    pub(super) fn next(&mut self) -> Option<Cut> {
        loop {
            if self.noise >= NOISE_RUN {
                return self.rest_of_noise();
            }
            let waiting = self.backlog.waiting();
            if waiting.is_empty() {
                return None;
            }
            match self.verdict(waiting) {
                Verdict::Not => self.skip(1),
                Verdict::Fill => {
                    self.backlog.consume(1, 0..0);
                    self.searched = 0;
                }
                Verdict::Open { .. } if self.ended => {
                    if waiting == [FLAG] {
                        return None;
                    }
                    self.skip(1);
                }
                Verdict::Open { sure: true } => return None,
                Verdict::Open { sure: false } => match self.proven_inside() {
                    Some(at) => self.skip(at),
                    None => return None,
                },
                Verdict::Damaged(what) => {
                    if let Some(noise) = self.rest_of_noise() {
                        return Some(noise);
                    }
                    self.checked |= what != TELEGRAM;
                    self.skip(1);
                    return Some(Cut::Damaged(what));
                }
                Verdict::Whole(length, kind) => {
                    if !kind.is_checked()
                        && let Some(at) = self.proven_inside()
                        && at < length
                    {
                        self.skip(at);
                        continue;
                    }
                    if let Some(noise) = self.rest_of_noise() {
                        return Some(noise);
                    }
                    return Some(self.take(length, kind));
                }
            }
        }
    }

    fn skip(&mut self, octets: usize) {
        self.backlog.consume(octets, 0..0);
        self.noise = self.noise.saturating_add(octets as u64);
        self.fresh = false;
        self.searched = 0;
    }

    fn verdict(&self, waiting: &[u8]) -> Verdict {
        match *waiting {
            [FLAG, ..] => hdlc(waiting),
            [mbus::LONG | mbus::SHORT, ..] => match mbus::judge(waiting) {
                mbus::Judged::Not => Verdict::Not,
                mbus::Judged::Open { sure } => Verdict::Open { sure },
                mbus::Judged::Damaged(_) => Verdict::Damaged("M-Bus frame"),
                mbus::Judged::Long(length) => Verdict::Whole(length, Kind::Mbus),
                mbus::Judged::Short => Verdict::Whole(mbus::SHORT_LENGTH, Kind::MbusShort),
            },
            [b'/', ..] => match telegram::judge(waiting) {
                telegram::Judged::Not => Verdict::Not,
                telegram::Judged::Open => Verdict::Open { sure: false },
                telegram::Judged::Damaged(_) => Verdict::Damaged(TELEGRAM),
                telegram::Judged::Whole(length) => Verdict::Whole(length, Kind::Telegram),
            },
            [0, ..] if !self.checked => wrapped(waiting),
            [0xE6, ..] if self.fresh && !self.checked => behind_llc(waiting),
            [tag, ..] if is_pushed(tag) && self.fresh && !self.checked => match measure(waiting) {
                Measure::Whole(length) => Verdict::Whole(length, Kind::Bare),
                Measure::Open => Verdict::Open { sure: false },
                Measure::Not => Verdict::Not,
            },
            _ => Verdict::Not,
        }
    }

    /// Where, behind the first octet, a whole frame with a right checksum begins.
    fn proven_inside(&mut self) -> Option<usize> {
        let waiting = self.backlog.waiting();
        let mut first_open = None;
        let mut at = self.searched.max(1);
        while let Some(rest) = waiting.get(at..).filter(|rest| !rest.is_empty()) {
            let verdict = match *rest {
                [FLAG, ..] => hdlc(rest),
                [mbus::LONG, ..] => match mbus::judge(rest) {
                    mbus::Judged::Long(length) => Verdict::Whole(length, Kind::Mbus),
                    mbus::Judged::Open { sure } => Verdict::Open { sure },
                    _ => Verdict::Not,
                },
                _ => Verdict::Not,
            };
            match verdict {
                Verdict::Whole(..) => return Some(at),
                Verdict::Open { .. } => {
                    first_open.get_or_insert(at);
                }
                _ => {}
            }
            at = at.saturating_add(1);
        }
        self.searched = first_open.unwrap_or(at);
        None
    }

    fn take(&mut self, length: usize, kind: Kind) -> Cut {
        let taken = self.backlog.consume(length, 0..length);
        let octets = self.backlog.slice(&taken);
        self.searched = 0;
        self.checked |= kind.is_checked() && kind != Kind::MbusShort;
        self.fresh = true;
        match kind {
            // The closing flag stays: it may open the next frame.
            Kind::Hdlc => Cut::Hdlc(octets.get(1..).unwrap_or_default().to_vec()),
            Kind::Mbus => Cut::Mbus(octets.to_vec()),
            Kind::MbusShort => Cut::MbusShort,
            Kind::Telegram => Cut::Telegram(telegram::identification(octets)),
            Kind::Bare => {
                let llc = octets.starts_with(&[0xE6]);
                let apdu = if llc { octets.get(3..) } else { Some(octets) };
                Cut::Bare(apdu.unwrap_or_default().to_vec())
            }
            Kind::Wrapper => {
                let (source, destination) = wrapper::Header::parse(octets)
                    .map_or((0, 0), |header| (header.source, header.destination));
                Cut::Wrapped {
                    source,
                    destination,
                    apdu: octets
                        .get(wrapper::HEADER_LENGTH..)
                        .unwrap_or_default()
                        .to_vec(),
                }
            }
        }
    }
}

const TELEGRAM: &str = "P1 telegram";

impl Kind {
    const fn is_checked(self) -> bool {
        matches!(self, Self::Hdlc | Self::Mbus | Self::MbusShort)
    }
}

/// A version, two ports, a length that is not zero, and the tag of something that is pushed.
fn wrapped(waiting: &[u8]) -> Verdict {
    if waiting.get(1).is_some_and(|low| *low != 1) {
        return Verdict::Not;
    }
    let Some(tag) = waiting.get(wrapper::HEADER_LENGTH) else {
        return Verdict::Open { sure: false };
    };
    match wrapper::Header::parse(waiting) {
        Ok(header) if header.length > 0 && is_pushed(*tag) => {
            let whole = wrapper::HEADER_LENGTH.saturating_add(header.length.into());
            if whole <= waiting.len() {
                Verdict::Whole(whole, Kind::Wrapper)
            } else {
                Verdict::Open { sure: false }
            }
        }
        _ => Verdict::Not,
    }
}

/// An HDLC frame's content whose frame was stripped on the way: LLC and APDU.
fn behind_llc(waiting: &[u8]) -> Verdict {
    const LLC: [u8; 3] = crate::dlms::hdlc::LLC_RESPONSE;
    let Some(apdu) = waiting.get(LLC.len()..) else {
        return if LLC.starts_with(waiting) {
            Verdict::Open { sure: false }
        } else {
            Verdict::Not
        };
    };
    if !waiting.starts_with(&LLC) || apdu.first().is_some_and(|tag| !is_pushed(*tag)) {
        return Verdict::Not;
    }
    match measure(apdu) {
        Measure::Whole(length) => Verdict::Whole(length.saturating_add(LLC.len()), Kind::Bare),
        Measure::Open => Verdict::Open { sure: false },
        Measure::Not => Verdict::Not,
    }
}

/// A frame must have its header checksum right before it is waited for, and its frame checksum before it is taken.
fn hdlc(waiting: &[u8]) -> Verdict {
    let [_, octets @ ..] = waiting else {
        return Verdict::Not;
    };
    let length = match *octets {
        [high, ..] if high >> 4 != 0xA => return Verdict::Fill,
        [] | [_] => return Verdict::Open { sure: false },
        [high, low, ..] => usize::from(u16::from_be_bytes([high, low]) & 0x07FF),
    };
    let control = match (address(octets, 2), |at| address(octets, at)) {
        (Ok(source), next) => match next(source) {
            Ok(control) => control,
            Err(verdict) => return verdict,
        },
        (Err(verdict), _) => return verdict,
    };
    let header = control.saturating_add(1);
    let checked = header.saturating_add(2);
    if length < checked || length == checked.saturating_add(1) {
        return Verdict::Not;
    }
    let Some(head) = octets.get(..checked) else {
        return Verdict::Open { sure: false };
    };
    // Without information the first checksum is the last one.
    if !fcs::ends_right(head) {
        return Verdict::Not;
    }
    match octets.get(..length) {
        None => Verdict::Open { sure: true },
        Some(frame) if fcs::ends_right(frame) => {
            Verdict::Whole(length.saturating_add(1), Kind::Hdlc)
        }
        Some(_) => Verdict::Damaged("HDLC frame"),
    }
}

/// Where the address that begins `at` ends.
fn address(octets: &[u8], at: usize) -> Result<usize, Verdict> {
    let field = octets.get(at..).unwrap_or_default();
    match field.iter().take(4).position(|octet| octet & 1 == 1) {
        Some(last) => Ok(at.saturating_add(last).saturating_add(1)),
        None if field.len() < 4 => Err(Verdict::Open { sure: false }),
        None => Err(Verdict::Not),
    }
}
