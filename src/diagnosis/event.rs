//! What a rule is told: frames as cut, whole APDUs, silence, junk, opening and closing.
//! The rule: everything is borrowed and looked at once, so that a healthy frame costs no allocation.

use super::{
    Closing, ConnectFailure, Conversation, Direction, Evidence, Millis, conversation::Brief,
};
use crate::cosem::data::printable;
use crate::dlms::hdlc::{Control, Frame, ServerAddress};
use crate::dlms::wrapper::Header;
use std::ops::Range;

/// Something happened; the conversation a rule is given beside it does not know of it yet.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    pub at: Millis,
    pub what: What<'a>,
}

#[derive(Clone, Copy, Debug)]
pub enum What<'a> {
    Connecting,
    Connected,
    ConnectFailed(ConnectFailure),
    Closed(Closing),
    /// A frame, wrapper PDU or bare APDU, damaged or not. Not echoes, not what passes between others.
    Frame(&'a Seen<'a>),
    /// Received exactly as we sent it.
    Echo(&'a Seen<'a>),
    /// Passes between others on the same line: not to any client that is us.
    Foreign(&'a Seen<'a>),
    /// A whole APDU, put together from its segments, of frames whose checks are right; after its last `Frame`.
    Apdu(&'a Apdu<'a>),
    /// A line of IEC 62056-21 text, as on the wire (parity bits may be set).
    Text(Direction, &'a [u8]),
    /// Octets that belong to no frame.
    Junk(Direction, &'a [u8]),
    /// A frame has begun but not ended, and we went on or gave up: from its opening flag.
    Unfinished(Direction, &'a [u8]),
    /// This was asked, and before we asked again, closed or gave up, nothing answered it.
    Silence(&'a Brief),
    /// A time-out or the end of the trace; after the `Silence` it may mean.
    Quiet,
    /// Our own side finds the meter's proof of HLS wrong or missing.
    Unproven(&'a str),
}

/// What carries an APDU.
#[derive(Clone, Copy, Debug)]
pub enum Link<'a> {
    Hdlc(Hdlc<'a>),
    Wrapper(Header),
    Bare,
}

/// An HDLC frame with what is known about it.
#[derive(Clone, Copy, Debug)]
pub struct Hdlc<'a> {
    /// None where the fields cannot be told apart (an address that does not end, no room for the checks).
    pub frame: Option<Frame<'a>>,
    pub control: Control,
    /// The client's address, where its field has the right form.
    pub client: Option<u8>,
    /// None also where it has an illegal size.
    pub server: Option<ServerAddress>,
    /// None without an information field.
    pub hcs_ok: Option<bool>,
    pub fcs_ok: bool,
    /// Information goes on in the next frame.
    pub segmented: bool,
}

impl<'a> Hdlc<'a> {
    /// FCS and, where there is one, HCS.
    pub fn sound(&self) -> bool {
        self.frame.is_some() && self.fcs_ok && self.hcs_ok != Some(false)
    }

    pub fn information(&self) -> &'a [u8] {
        self.frame.map_or(&[], |frame| frame.information())
    }
}

/// One frame, cut and looked at.
#[derive(Clone, Copy, Debug)]
pub struct Seen<'a> {
    pub number: u64,
    pub at: Millis,
    pub direction: Direction,
    /// HDLC: format … FCS without flags. Wrapper: header and APDU. Bare: the APDU.
    pub octets: &'a [u8],
    pub link: Link<'a>,
}

impl<'a> Seen<'a> {
    pub fn hdlc(&self) -> Option<&Hdlc<'a>> {
        match &self.link {
            Link::Hdlc(hdlc) => Some(hdlc),
            _ => None,
        }
    }

    /// The HDLC frame, where its checks are right.
    pub fn sound(&self) -> Option<&Hdlc<'a>> {
        self.hdlc().filter(|hdlc| hdlc.sound())
    }

    pub fn control(&self) -> Option<Control> {
        self.hdlc().map(|hdlc| hdlc.control)
    }

    /// Evidence about octets of `self.octets`.
    pub fn evidence(&self, octets: Option<Range<usize>>, text: impl Into<String>) -> Evidence {
        let flag = usize::from(self.hdlc().is_some());
        Evidence {
            frame: Some(self.number),
            octets: octets
                .map(|range| range.start.saturating_add(flag)..range.end.saturating_add(flag)),
            text: text.into(),
        }
    }

    /// Evidence about the control octet.
    pub fn at_control(&self, text: impl Into<String>) -> Evidence {
        let at = self
            .hdlc()
            .and_then(|hdlc| hdlc.frame)
            .map(|frame| frame.control_at());
        self.evidence(at.map(|at| at..at.saturating_add(1)), text)
    }
}

/// An APDU without LLC header.
#[derive(Clone, Copy, Debug)]
pub struct Apdu<'a> {
    pub direction: Direction,
    pub octets: &'a [u8],
    /// Frame in which it began and ended.
    pub first: u64,
    pub last: u64,
    /// Where it stands in the frame as shown; None when it came in several.
    pub shown_at: Option<usize>,
}

impl Apdu<'_> {
    pub fn tag(&self) -> Option<u8> {
        self.octets.first().copied()
    }

    /// Evidence about octets of the APDU.
    pub fn evidence(&self, octets: Option<Range<usize>>, text: impl Into<String>) -> Evidence {
        let shown = self
            .shown_at
            .zip(octets)
            .map(|(at, range)| range.start.saturating_add(at)..range.end.saturating_add(at));
        Evidence {
            frame: Some(self.first),
            octets: shown,
            text: text.into(),
        }
    }
}

/// Text as it stands on a line of seven bits, shown without harm.
pub fn ascii(octets: &[u8], most: usize) -> String {
    let text: String = octets
        .iter()
        .take(most)
        .map(|octet| char::from(octet & 0x7F))
        .collect();
    printable(text.trim_end())
}

/// What a rule is told beside the event.
pub type Talk<'a> = &'a Conversation;
