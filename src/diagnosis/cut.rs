//! One direction's bytes, cut into frames, wrapper PDUs, APDUs, lines of text and junk.
//! The rule: what carries the bytes is told by the bytes; HDLC is cut by its length field alone.

use super::Direction;
use super::event::{Hdlc, Link};
use crate::dlms::explain;
use crate::dlms::hdlc::{
    Control, Decoder, FLAG, Frame, Item, LLC_COMMAND, LLC_RESPONSE, ServerAddress,
};
use crate::dlms::wrapper::{HEADER_LENGTH, Header};
use crate::dlms::xdlms::tag;

/// A line of text is not longer than this.
const LINE: usize = 512;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Framing {
    #[default]
    Unknown,
    Hdlc,
    Wrapper,
    Bare,
    /// IEC 62056-21.
    Text,
    /// M-Bus and SML: no frame of ours.
    Other,
}

/// What was cut.
#[derive(Clone, Copy, Debug)]
pub(super) enum Piece<'a> {
    Hdlc {
        octets: &'a [u8],
        header_right: bool,
    },
    /// Header and APDU.
    Wrapper(Header, &'a [u8]),
    Bare(&'a [u8]),
    Text(&'a [u8]),
    Junk(&'a [u8]),
}

/// `push` what comes, then `next` until None.
#[derive(Debug, Default)]
pub(super) struct Cutter {
    framing: Framing,
    hdlc: Decoder,
    /// Of every framing but HDLC; before `taken` all is handed out.
    kept: Vec<u8>,
    taken: usize,
    ended: bool,
}

impl Cutter {
    pub fn push(&mut self, bytes: &[u8]) {
        self.ended = false;
        if self.pending().is_empty() || interrupts(self.framing, bytes) {
            self.framing = framing(self.framing, bytes);
        }
        if self.framing == Framing::Hdlc {
            self.hdlc.push(bytes);
        } else {
            self.kept.drain(..self.taken.min(self.kept.len()));
            self.taken = 0;
            self.kept.extend_from_slice(bytes);
        }
    }

    /// What has begun and not ended.
    pub fn pending(&self) -> &[u8] {
        match self.kept.get(self.taken..) {
            Some(kept) if !kept.is_empty() => kept,
            _ => self.hdlc.pending(),
        }
    }

    /// Nothing more will come: what waits is given out as it is.
    pub fn flush(&mut self) {
        self.ended = true;
        self.hdlc.flush();
    }

    fn take(&mut self, length: usize) -> &[u8] {
        let from = self.taken;
        self.taken = from.saturating_add(length).min(self.kept.len());
        self.kept.get(from..self.taken).unwrap_or_default()
    }

    pub fn next(&mut self) -> Option<Piece<'_>> {
        // What an earlier framing left behind goes first.
        if self.framing == Framing::Hdlc && self.taken < self.kept.len() {
            let octets = self.take(usize::MAX);
            return Some(if octets.iter().all(|octet| is_text(*octet)) {
                Piece::Text(octets)
            } else {
                Piece::Junk(octets)
            });
        }
        if self.framing == Framing::Hdlc {
            return match self.hdlc.next()? {
                Item::Frame {
                    octets,
                    header_right,
                    ..
                } => Some(Piece::Hdlc {
                    octets,
                    header_right,
                }),
                Item::Junk { octets, .. } => Some(Piece::Junk(octets)),
            };
        }
        let waiting = self.kept.get(self.taken..).unwrap_or_default();
        if waiting.is_empty() {
            return None;
        }
        let all = waiting.len();
        match self.framing {
            Framing::Wrapper => match Header::parse(waiting) {
                Ok(header) => {
                    let end = HEADER_LENGTH.saturating_add(header.length.into());
                    if end <= all {
                        return Some(Piece::Wrapper(header, self.take(end)));
                    }
                    self.ended.then(|| Piece::Junk(self.take(all)))
                }
                Err(_)
                    if all < HEADER_LENGTH
                        && !self.ended
                        && [0, 1].starts_with(waiting.get(..2.min(all)).unwrap_or_default()) =>
                {
                    None
                }
                Err(_) => Some(Piece::Junk(self.take(all))),
            },
            Framing::Text => {
                let end = waiting.iter().position(|octet| octet & 0x7F == b'\n');
                match end {
                    Some(end) => Some(Piece::Text(self.take(end.saturating_add(1)))),
                    None if all > LINE || self.ended => Some(Piece::Text(self.take(all))),
                    None => None,
                }
            }
            Framing::Bare => Some(Piece::Bare(self.take(all))),
            Framing::Other | Framing::Unknown | Framing::Hdlc => Some(Piece::Junk(self.take(all))),
        }
    }
}

fn is_text(octet: u8) -> bool {
    let octet = octet & 0x7F;
    (b' '..0x7F).contains(&octet) || matches!(octet, b'\r' | b'\n' | 0x02 | 0x03 | 0x06)
}

/// A flag and a format in the middle of a text: the line has gone over to HDLC.
fn interrupts(now: Framing, bytes: &[u8]) -> bool {
    now == Framing::Text && matches!(*bytes, [FLAG, format, ..] if format >> 4 == 0xA)
}

/// What carries `bytes`, which begin afresh.
fn framing(before: Framing, bytes: &[u8]) -> Framing {
    let stripped = |at: usize| bytes.get(at).map(|octet| octet & 0x7F);
    match *bytes {
        [FLAG, ..] => return Framing::Hdlc,
        [] => return before,
        _ => {}
    }
    if before == Framing::Other {
        return before;
    }
    let known = before == Framing::Hdlc;
    if [0, 1].starts_with(bytes.get(..2.min(bytes.len())).unwrap_or_default()) {
        let fits = Header::parse(bytes)
            .is_ok_and(|header| usize::from(header.length) <= bytes.len().saturating_sub(8));
        if !known || fits {
            return Framing::Wrapper;
        }
    }
    let opens = stripped(0) == Some(b'/')
        || before == Framing::Text
            && stripped(0).is_some_and(|_| bytes.iter().all(|b| is_text(*b)));
    if opens && bytes.iter().all(|octet| is_text(*octet)) {
        return Framing::Text;
    }
    if known {
        return before;
    }
    if matches!(*bytes, [0x68, a, b, 0x68, ..] if a == b) || bytes.starts_with(&[0x1B; 4]) {
        return Framing::Other;
    }
    let apdu = explain::split(bytes)
        .next()
        .is_some_and(|piece| piece.what == explain::What::Apdu && piece.range.len() == bytes.len());
    if apdu || before == Framing::Bare && bytes.first().is_some_and(|t| tag::name(*t).is_some()) {
        return Framing::Bare;
    }
    Framing::Hdlc
}

/// Looks at an HDLC frame going in this direction.
pub(super) fn look(octets: &[u8], header_right: bool, direction: Direction) -> Hdlc<'_> {
    let frame = Frame::parse(octets)
        .ok()
        .map(|frame| frame.with_header_right(header_right));
    let Some(frame) = frame else {
        return Hdlc {
            frame: None,
            control: Control::Unknown(0),
            client: None,
            server: None,
            hcs_ok: None,
            fcs_ok: false,
            segmented: false,
        };
    };
    let (server, client) = match direction {
        Direction::Sent => (frame.destination(), frame.source()),
        Direction::Received => (frame.source(), frame.destination()),
    };
    Hdlc {
        frame: Some(frame),
        control: frame.control(),
        client: match *client {
            [octet] => Some(octet >> 1),
            _ => None,
        },
        server: ServerAddress::decode(server).ok().map(|(server, _)| server),
        hcs_ok: frame.hcs_ok(),
        fcs_ok: frame.fcs_ok(),
        segmented: frame.segmented(),
    }
}

/// Whether a frame is one only a client sends (true) or only a meter (false).
pub(super) fn is_command(hdlc: &Hdlc<'_>) -> Option<bool> {
    match hdlc.control {
        Control::Snrm { .. } | Control::Disc { .. } => Some(true),
        Control::Ua { .. } | Control::Dm { .. } | Control::Frmr { .. } => Some(false),
        Control::Information { .. } | Control::Ui { .. } => {
            let information = hdlc.information();
            if information.starts_with(&LLC_COMMAND) {
                Some(true)
            } else if information.starts_with(&LLC_RESPONSE) {
                Some(false)
            } else {
                None
            }
        }
        _ => None,
    }
}

/// What a piece other than text or junk is carried by.
pub(super) fn link<'a>(piece: &Piece<'a>, direction: Direction) -> Option<(Link<'a>, &'a [u8])> {
    Some(match *piece {
        Piece::Hdlc {
            octets,
            header_right,
        } => (Link::Hdlc(look(octets, header_right, direction)), octets),
        Piece::Wrapper(header, octets) => (Link::Wrapper(header), octets),
        Piece::Bare(octets) => (Link::Bare, octets),
        Piece::Text(_) | Piece::Junk(_) => return None,
    })
}
