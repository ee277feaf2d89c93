//! One direction of a line: HDLC frames or wrapped APDUs, octet by octet. The one rule: a frame is as long as it says;
//! a frame sent again (same N(S)) is followed again from where it began.

use super::apdu::{Fate, Machine, Task};
use super::{Caution, Talk};
use crate::dlms::hdlc::FLAG;
use crate::meter::tap::Direction;

/// An address has four octets at most.
const ADDRESS: u8 = 4;
const WRAPPER_HEADER: u8 = 8;

/// What an octet is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::meter) enum Mark {
    /// The first of a frame.
    Start,
    Clear,
    Hidden,
    /// The low and the high octet of the frame's checksum.
    Check(u8),
}

#[derive(Clone, Debug)]
pub(in crate::meter) struct Line {
    at: At,
    /// Octets of the frame or APDU still to come.
    left: u16,
    segmented: bool,
    control: u8,
    carrier: Carrier,
    now: Walk,
    /// Where it stood before the frame with this N(S), while an APDU or a value is under way.
    before: Vec<(u8, Walk)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Carrier {
    Unknown,
    Hdlc,
    Wrapper,
}

#[derive(Clone, Copy, Debug)]
enum At {
    /// Between frames, in octets that belong to none.
    Hunt,
    /// A frame may begin with the next octet.
    Ready,
    /// The low octet of the length, behind the high bits.
    Length(u8),
    /// Destination and source: which of them, how many octets of it came.
    Address(bool, u8),
    Control,
    HeaderCheck(u8),
    Information,
    Check(u8),
    /// So many octets of a wrapper's header came.
    Header(u8),
    Wrapped,
}

/// An APDU and the one that a block transfer carries in it.
#[derive(Clone, Copy, Debug)]
struct Walk {
    outer: Machine,
    inner: Machine,
}

impl Walk {
    const fn new(direction: Direction) -> Self {
        Self {
            outer: Machine::new(direction),
            inner: Machine::new(direction),
        }
    }

    fn at_rest(&self) -> bool {
        self.outer.at_rest() && self.inner.at_rest()
    }

    fn step(&mut self, octet: u8, caution: Caution, talk: &mut Talk) -> bool {
        match self.outer.step(octet, caution, talk) {
            Fate::Show => false,
            Fate::Hide => true,
            Fate::Through => !matches!(self.inner.step(octet, caution, talk), Fate::Show),
        }
    }

    /// The link ended or begins anew.
    fn reset(&mut self) {
        self.outer.reset();
        self.inner.reset();
    }

    /// The APDU ended.
    fn end(&mut self) {
        if self.outer.last_block {
            self.inner.begin(Task::Llc);
        }
        self.outer.begin(Task::Llc);
    }
}

impl Line {
    pub(in crate::meter) const fn new(direction: Direction) -> Self {
        Self {
            at: At::Ready,
            left: 0,
            segmented: false,
            control: 0,
            carrier: Carrier::Unknown,
            now: Walk::new(direction),
            before: Vec::new(),
        }
    }

    /// The next octet of the stream.
    pub(in crate::meter) fn step(&mut self, octet: u8, caution: Caution, talk: &mut Talk) -> Mark {
        match self.at {
            At::Hunt | At::Ready => return self.between(octet),
            At::Header(got) => {
                self.header(got, octet);
                return Mark::Clear;
            }
            At::Length(high) => {
                // Two octets are here already.
                self.left = (u16::from(high) << 8 | u16::from(octet)).saturating_sub(2);
                self.at = At::Address(false, 0);
                return Mark::Clear;
            }
            _ => {}
        }
        self.left = self.left.saturating_sub(1);
        let mut mark = Mark::Clear;
        self.at = match self.at {
            // Every frame ends in a checksum: it says it is shorter than any is.
            At::Address(..) | At::Control if self.left < 2 => At::Hunt,
            At::Address(source, got) => match (octet & 1 == 1, source) {
                (true, false) => At::Address(true, 0),
                (true, true) => At::Control,
                (false, _) if got + 1 < ADDRESS => At::Address(source, got + 1),
                (false, _) => At::Hunt,
            },
            At::Control => {
                self.control = octet;
                self.begin();
                if self.left > 2 {
                    At::HeaderCheck(0)
                } else {
                    At::Check(0)
                }
            }
            At::HeaderCheck(0) => At::HeaderCheck(1),
            At::HeaderCheck(_) => self.information(),
            At::Information => {
                if self.informs() && self.now.step(octet, caution, talk) {
                    mark = Mark::Hidden;
                }
                self.information()
            }
            At::Check(0) => {
                mark = Mark::Check(0);
                At::Check(1)
            }
            At::Check(n) => {
                mark = Mark::Check(n);
                self.ended();
                At::Ready
            }
            At::Wrapped => {
                if self.now.step(octet, caution, talk) {
                    mark = Mark::Hidden;
                }
                if self.left == 0 {
                    self.now.end();
                    At::Ready
                } else {
                    At::Wrapped
                }
            }
            at => at,
        };
        mark
    }

    fn information(&self) -> At {
        if self.left <= 2 {
            At::Check(0)
        } else {
            At::Information
        }
    }

    /// A chunk that stands alone (a datagram, a line of a log) holds this APDU without a link.
    pub(in crate::meter) fn bare(
        &mut self,
        apdu: &[u8],
        caution: Caution,
        talk: &mut Talk,
    ) -> Vec<bool> {
        self.now.outer.begin(Task::Llc);
        let hidden = apdu
            .iter()
            .map(|octet| self.now.step(*octet, caution, talk))
            .collect();
        self.now.end();
        hidden
    }

    fn between(&mut self, octet: u8) -> Mark {
        let may = |carrier| self.carrier == Carrier::Unknown || self.carrier == carrier;
        let ready = matches!(self.at, At::Ready);
        self.at = match octet {
            FLAG => At::Ready,
            format if ready && format >> 4 == 0xA && may(Carrier::Hdlc) => {
                self.segmented = format & 8 != 0;
                self.at = At::Length(format & 7);
                return Mark::Start;
            }
            0 if ready && may(Carrier::Wrapper) => At::Header(1),
            _ if self.carrier == Carrier::Wrapper => At::Ready,
            _ => At::Hunt,
        };
        Mark::Clear
    }

    /// Version, source, destination, length: two octets each.
    fn header(&mut self, got: u8, octet: u8) {
        const VERSION: u8 = 1;
        self.left = self.left << 8 | u16::from(octet);
        self.at = match got + 1 {
            2 if octet != VERSION => At::Hunt,
            WRAPPER_HEADER if self.left == 0 => At::Ready,
            WRAPPER_HEADER => {
                self.carrier = Carrier::Wrapper;
                self.now.outer.begin(Task::Tag);
                At::Wrapped
            }
            got => At::Header(got),
        };
    }

    /// Whether the frame holds a piece of an APDU: an I frame, or UI.
    const fn informs(&self) -> bool {
        self.control & 1 == 0 || self.control & 0xEF == 0x03
    }

    /// The control octet is there.
    fn begin(&mut self) {
        const SNRM: u8 = 0x83;
        const DISC: u8 = 0x43;
        // The other side's word that a link begins or ended.
        const UA: u8 = 0x63;
        const DM: u8 = 0x0F;
        match self.control & 0xEF {
            control if control & 1 == 0 => {
                let send = (control >> 1) & 7;
                let seen = self.before.iter().find(|(number, _)| *number == send);
                if let Some((_, walk)) = seen {
                    self.now = *walk;
                }
                // Half the modulus away no frame can still be sent again.
                self.before
                    .retain(|(number, _)| *number != send && *number != (send + 4) & 7);
                if self.segmented || !self.now.at_rest() {
                    self.before.push((send, self.now));
                }
            }
            SNRM | DISC | UA | DM => {
                self.before.clear();
                self.now.reset();
            }
            _ => {}
        }
    }

    /// A whole frame passed.
    fn ended(&mut self) {
        self.carrier = Carrier::Hdlc;
        // What follows a whole APDU is another one.
        if self.informs() && !self.segmented {
            self.now.end();
        }
    }
}
