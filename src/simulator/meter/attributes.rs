//! Any attribute of any object, encoded: the one place that knows the shape of each interface class.

use super::association::Association;
use super::kept::{Kept, RelayState};
use super::protect::Counters;
use super::registers::{INTERVAL, Registers};
use super::wall::{self, Wall};
use crate::cosem::data::encode_length;
use crate::cosem::{Data, Obis};
use crate::dlms::xdlms::DataAccessResult;
use crate::simulator::objects::{Number, Object, Quantity, Register, Source, Text};
use crate::simulator::profile::{Profile, ProfileKind};
use jiff::Timestamp;
use std::time::Instant;

/// What encoding an attribute may look at.
pub(super) struct Reader<'a> {
    pub profile: &'a Profile,
    pub registers: &'a mut Registers,
    pub wall: &'a Wall,
    pub kept: &'a Kept,
    pub counters: &'a Counters,
    pub now: Instant,
    pub association: &'a Association,
}

/// Names of contexts (2.16.756.5.8.1.x) and mechanisms (…2.x), their last two arcs left open.
const NAME: [u8; 5] = [0x60, 0x85, 0x74, 0x05, 0x08];

const SECURITY_SETUP: Obis = Obis([0, 0, 43, 0, 0, 255]);

/// Stamps count back from 2025-01-01: an event of the past does not move with the clock.
const STAMPS_FROM: i64 = 1_735_729_200;

impl Reader<'_> {
    /// Appends the attribute's data. Nothing is appended when it is refused; what a class does not have may not be read.
    pub fn attribute(
        &mut self,
        object: &Object,
        attribute: i8,
        out: &mut Vec<u8>,
    ) -> Result<(), DataAccessResult> {
        if attribute < 1 || attribute > object.attributes() {
            return Err(DataAccessResult::READ_WRITE_DENIED);
        }
        if attribute == 1 {
            octets(&object.obis.0, out);
            return Ok(());
        }
        match object.source {
            Source::Text(text) => octets(self.text(text).as_bytes(), out),
            Source::Register(register) => self.register(object.class, register, attribute, out),
            Source::Stamp { days_ago } => self.stamp(days_ago, attribute, out),
            Source::Clock => self.clock(attribute, out),
            Source::Association => return self.association(attribute, out),
            Source::SapAssignment => self.sap_assignment(out),
            Source::HdlcSetup => self.hdlc_setup(attribute, out),
            Source::LoadProfile => self.load_profile(attribute, out),
            Source::Note => octets(&self.kept.note, out),
            Source::Relay => self.relay(attribute, out),
            Source::ImageTransfer => self.kept.image.attribute(self.now, attribute, out),
            Source::SecuritySetup => self.security_setup(attribute, out),
            Source::InvocationCounter { suite } => self.invocation_counter(suite, out),
        }
        Ok(())
    }

    /// Attribute 0: all attributes that may be read, in a structure.
    pub fn all(&mut self, object: &Object, out: &mut Vec<u8>) {
        let last = object.attributes();
        structure(usize::from(last.unsigned_abs()), out);
        for attribute in 1..=last {
            if self.attribute(object, attribute, out).is_err() {
                Data::Null.encode(out);
            }
        }
    }

    pub fn unix(&self) -> i64 {
        self.wall.unix(self.now)
    }

    fn text(&self, text: Text) -> String {
        if let (Text::Firmware, Some(name)) = (text, self.kept.image.active(self.now)) {
            return String::from_utf8_lossy(name).into_owned();
        }
        match (text, self.profile.kind) {
            (Text::Serial, _) => self.profile.serial(),
            (Text::LogicalDeviceName, _) => self.profile.logical_device_name(),
            (Text::Firmware, ProfileKind::Microstar) => "V1.06 simulated".into(),
            (Text::Firmware, ProfileKind::Generic) => "3.2.0 simulated".into(),
            (Text::Model, ProfileKind::Microstar) => "three-phase 5(100) A".into(),
            (Text::Model, ProfileKind::Generic) => "generic three-phase".into(),
        }
    }

    /// Classes 1, 3, 4 and 5.
    fn register(&mut self, class: u16, register: Register, attribute: i8, out: &mut Vec<u8>) {
        match (class, attribute) {
            (5, 3) => {
                let quantity = Quantity::LastDemand;
                self.number(
                    Register {
                        quantity,
                        ..register
                    },
                    out,
                );
            }
            (5, 4) | (3 | 4, 3) => scaler_unit(register.scaler, register.unit, out),
            (5, 5) | (4, 4) => Data::Unsigned(0).encode(out),
            (4, 5) => {
                let at = self.registers.highest_at(self.unix(), self.profile);
                self.moment(at, out);
            }
            (5, 6 | 7) => {
                let unix = self.unix();
                self.moment(unix - unix.rem_euclid(INTERVAL), out);
            }
            (5, 8) => Data::DoubleLongUnsigned(900).encode(out),
            (5, 9) => Data::LongUnsigned(1).encode(out),
            _ => self.number(register, out),
        }
    }

    fn number(&mut self, register: Register, out: &mut Vec<u8>) {
        self.number_at(register, self.unix(), out);
    }

    /// What the register showed at that moment.
    pub fn number_at(&mut self, register: Register, unix: i64, out: &mut Vec<u8>) {
        let value = self.registers.value(register.quantity, unix, self.profile);
        match register.number {
            Number::Unsigned => Data::Unsigned(value.try_into().unwrap_or(u8::MAX)),
            Number::LongUnsigned => Data::LongUnsigned(value.try_into().unwrap_or(u16::MAX)),
            Number::DoubleLong => Data::DoubleLong(value.try_into().unwrap_or(i32::MAX)),
            Number::DoubleLongUnsigned => {
                Data::DoubleLongUnsigned(value.try_into().unwrap_or(u32::MAX))
            }
            Number::Long64Unsigned => Data::Long64Unsigned(value.try_into().unwrap_or(0)),
        }
        .encode(out);
    }

    fn stamp(&self, days_ago: u16, attribute: i8, out: &mut Vec<u8>) {
        if attribute == 3 {
            return scaler_unit(0, 255, out);
        }
        self.moment(STAMPS_FROM - i64::from(days_ago) * 86_400, out);
    }

    pub fn moment(&self, unix: i64, out: &mut Vec<u8>) {
        let timestamp = Timestamp::from_second(unix).unwrap_or(Timestamp::UNIX_EPOCH);
        octets(&wall::date_time(timestamp, self.profile).raw, out);
    }

    fn clock(&self, attribute: i8, out: &mut Vec<u8>) {
        const UNSPECIFIED: [u8; 12] = [
            0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x80, 0x00, 0xFF,
        ];
        match attribute {
            2 => octets(&self.wall.shown(self.now, self.profile).raw, out),
            3 => Data::Long(wall::deviation(self.profile)).encode(out),
            4 => Data::Unsigned(0).encode(out),
            5 | 6 => octets(&UNSPECIFIED, out),
            7 => Data::Integer(0).encode(out),
            8 => Data::Boolean(false).encode(out),
            // Internal crystal.
            _ => Data::Enum(1).encode(out),
        }
    }

    fn association(&mut self, attribute: i8, out: &mut Vec<u8>) -> Result<(), DataAccessResult> {
        match attribute {
            2 => {
                let writes = self.association.authenticated;
                super::object_list::encode(&self.profile.objects, writes, out);
            }
            3 => {
                structure(2, out);
                Data::Integer(self.association.sap.cast_signed()).encode(out);
                Data::LongUnsigned(self.profile.address.upper()).encode(out);
            }
            4 => name(1, self.association.context.arc(), out),
            5 => {
                structure(6, out);
                out.extend_from_slice(&[0x04, 24]);
                out.extend_from_slice(&self.association.conformance.octets());
                Data::LongUnsigned(self.profile.max_pdu).encode(out);
                Data::LongUnsigned(self.association.client_max_pdu).encode(out);
                Data::Unsigned(6).encode(out);
                Data::Integer(0).encode(out);
                octets(&[], out);
            }
            6 => name(2, self.association.mechanism.arc(), out),
            // The secret.
            7 => return Err(DataAccessResult::READ_WRITE_DENIED),
            // Associated.
            8 => Data::Enum(2).encode(out),
            _ if self.association.security.is_some() => octets(&SECURITY_SETUP.0, out),
            // No security setup.
            _ => octets(&[0; 6], out),
        }
        Ok(())
    }

    /// Class 70.
    fn relay(&self, attribute: i8, out: &mut Vec<u8>) {
        let relay = self.kept.relay;
        match attribute {
            2 => Data::Boolean(relay.state == RelayState::Connected),
            3 => Data::Enum(relay.state as u8),
            _ => Data::Enum(relay.mode),
        }
        .encode(out);
    }

    fn sap_assignment(&self, out: &mut Vec<u8>) {
        array(1, out);
        structure(2, out);
        Data::LongUnsigned(self.profile.address.upper()).encode(out);
        octets(self.profile.logical_device_name().as_bytes(), out);
    }

    fn hdlc_setup(&self, attribute: i8, out: &mut Vec<u8>) {
        let link = &self.profile.link;
        let seconds = self.profile.inactivity.as_secs();
        match attribute {
            // 9600 baud.
            2 => Data::Enum(5),
            3 => Data::Unsigned(link.window_transmit),
            4 => Data::Unsigned(link.window_receive),
            5 => Data::LongUnsigned(link.max_info_transmit),
            6 => Data::LongUnsigned(link.max_info_receive),
            7 => Data::LongUnsigned(30),
            8 => Data::LongUnsigned(seconds.try_into().unwrap_or(u16::MAX)),
            _ => Data::LongUnsigned(self.profile.address.lower().unwrap_or(0x10)),
        }
        .encode(out);
    }
}

pub(super) fn structure(elements: usize, out: &mut Vec<u8>) {
    out.push(2);
    encode_length(elements, out);
}

pub(super) fn array(elements: usize, out: &mut Vec<u8>) {
    out.push(1);
    encode_length(elements, out);
}

/// Written here rather than through `Data`, which would own a copy of the octets.
pub(super) fn octets(octets: &[u8], out: &mut Vec<u8>) {
    out.push(9);
    encode_length(octets.len(), out);
    out.extend_from_slice(octets);
}

fn name(kind: u8, arc: u8, out: &mut Vec<u8>) {
    out.extend_from_slice(&[9, 7]);
    out.extend_from_slice(&NAME);
    out.extend_from_slice(&[kind, arc]);
}

fn scaler_unit(scaler: i8, unit: u8, out: &mut Vec<u8>) {
    structure(2, out);
    Data::Integer(scaler).encode(out);
    Data::Enum(unit).encode(out);
}
