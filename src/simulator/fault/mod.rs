//! Faults on demand: each puts one thing wrong that a meter, a converter, a line or a second client can do, so that what is
//! said of it can be tried. The one rule: a fault is a layer around the meter (bytes, frames, APDUs, connection); the meter
//! itself knows of none, and what chance decides comes from the profile's seed.

mod addressing;
mod alter;
mod apdu;
mod aside;
mod catalogue;
mod connection;
mod dice;
mod kind;
mod layers;
mod line;
mod link;
mod parts;
mod pdus;
mod pushes;
mod sign_on;
#[cfg(test)]
mod tests;
mod text;

pub(super) use apdu::ApduFaults;
pub(super) use connection::{ConnectionFaults, Ending};
pub(super) use layers::Layers;
pub(super) use link::Disc;

pub use catalogue::{ROWS, Row};
pub use kind::Kind;
pub use text::{Form, Unknown};

use super::profile::{Profile, Transport};
use crate::dlms::hdlc::Parameters;
use crate::dlms::xdlms::Conformance;
use std::time::Duration;

/// One fault, and how much of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: Kind,
    pub argument: Argument,
}

/// What stands behind the `=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    None,
    Time(Duration),
    Number(u32),
    /// `1/13`
    Pair(u8, u8),
    /// `1m/3`: how long, after how many.
    After(Duration, u32),
    /// Parts of a million; written `0.01`.
    Rate(u32),
}

impl Fault {
    /// With the argument of the catalogue's example, where it takes one.
    pub fn of(kind: Kind) -> Self {
        let row = catalogue::row(kind);
        let argument = row.example.and_then(|example| row.form.read(example));
        Self {
            kind,
            argument: argument.unwrap_or(Argument::None),
        }
    }

    pub const fn with(kind: Kind, argument: Argument) -> Self {
        Self { kind, argument }
    }

    /// The diagnosis that names it, such as `H1`.
    pub fn finding(&self) -> &'static str {
        catalogue::finding(self)
    }
}

/// The faults of one meter; each kind once.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Fault> {
        self.0.iter()
    }

    pub fn has(&self, kind: Kind) -> bool {
        self.0.iter().any(|fault| fault.kind == kind)
    }

    fn argument(&self, kind: Kind) -> Option<Argument> {
        let mut faults = self.0.iter();
        faults
            .find(|fault| fault.kind == kind)
            .map(|fault| fault.argument)
    }

    pub(super) fn time(&self, kind: Kind) -> Option<Duration> {
        match self.argument(kind)? {
            Argument::Time(time) | Argument::After(time, _) => Some(time),
            _ => None,
        }
    }

    pub(super) fn number(&self, kind: Kind) -> Option<u32> {
        match self.argument(kind)? {
            Argument::Number(number) | Argument::After(_, number) | Argument::Rate(number) => {
                Some(number)
            }
            _ => None,
        }
    }

    /// Numbers whose form bounds them to an octet.
    fn octet(&self, kind: Kind) -> Option<u8> {
        u8::try_from(self.number(kind)?).ok()
    }

    fn pair(&self, kind: Kind) -> Option<(u8, u8)> {
        match self.argument(kind)? {
            Argument::Pair(first, second) => Some((first, second)),
            _ => None,
        }
    }

    fn add(&mut self, fault: Fault) {
        self.0.retain(|other| other.kind != fault.kind);
        self.0.push(fault);
    }
}

impl Profile {
    /// Puts this wrong. What a healthy meter may be too (small frames, a clock that is off) is set in the profile; the rest
    /// is for the layers. Set the transport first: some faults are about it.
    pub fn with_fault(mut self, fault: Fault) -> Self {
        self.faults.add(fault);
        match (fault.kind, fault.argument) {
            (Kind::Inactivity | Kind::InactivitySilent, Argument::Time(time)) => {
                self.inactivity = time;
            }
            (Kind::MaxInfo, Argument::Number(size)) => {
                let size = u16::try_from(size).unwrap_or(u16::MAX);
                self.link.max_info_transmit = size;
                self.link.max_info_receive = size;
            }
            (Kind::MaxPdu, Argument::Number(size)) => {
                self.max_pdu = u16::try_from(size).unwrap_or(u16::MAX);
            }
            (Kind::NoBlocks, _) => {
                let Conformance(gone) = Conformance(0)
                    .with(Conformance::BLOCK_GET)
                    .with(Conformance::GENERAL_BLOCK_TRANSFER)
                    .with(Conformance::SELECTIVE_ACCESS);
                self.conformance = self.conformance.and(Conformance(!gone));
                self.general_blocks = false;
                // Small enough that an object list no longer fits.
                self.max_pdu = self.max_pdu.min(512);
            }
            (Kind::ClockOff, Argument::Time(time)) => {
                let ahead = jiff::SignedDuration::try_from(time);
                self.clock_offset = ahead.unwrap_or(jiff::SignedDuration::MAX);
            }
            (Kind::WrapperPort, _) => self.transport = Transport::WrapperTcp,
            (Kind::HdlcPort, _) => self.transport = Transport::HdlcTcp,
            // Shown in UA as they are, so that what is said there is kept.
            (Kind::UaEmpty | Kind::UaShort, _) => self.link = Parameters::default(),
            (Kind::NoSignOn | Kind::NoModeE, _) => {
                self.transport = Transport::HdlcTcp;
                self.mode_e = false;
            }
            (Kind::AsciiPort | Kind::ModeC | Kind::NoParitySwitch | Kind::SlowSwitch, _) => {
                self.transport = Transport::HdlcTcp;
                self.mode_e = true;
            }
            _ => {}
        }
        self
    }
}
