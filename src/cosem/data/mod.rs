//! The COSEM `Data` type. Whatever a meter sends becomes one of these or an error with its offset:
//! depth, length and number of values are bounded by the input and by fixed caps.

mod compact;
mod decode;
mod encode;
mod length;
mod text;

#[cfg(test)]
mod tests;

use super::Obis;
use super::date_time::{Date, DateTime, Time};

pub use decode::{MAX_DEPTH, MAX_VALUES};
pub use length::{decode_length, encode_length};
pub use text::{printable, printable_bytes};

/// One value as a meter sends it. Tag numbers as in the Green Book's `Data` (A-XDR).
#[derive(Clone, Debug, PartialEq)]
pub enum Data {
    Null,
    Array(Vec<Data>),
    Structure(Vec<Data>),
    Boolean(bool),
    BitString(BitString),
    DoubleLong(i32),
    DoubleLongUnsigned(u32),
    OctetString(Vec<u8>),
    VisibleString(Vec<u8>),
    Utf8String(Vec<u8>),
    Bcd(u8),
    Integer(i8),
    Long(i16),
    Unsigned(u8),
    LongUnsigned(u16),
    /// Boxed, so that the common values stay four words small.
    CompactArray(Box<CompactArray>),
    Long64(i64),
    Long64Unsigned(u64),
    Enum(u8),
    Float32(f32),
    Float64(f64),
    DateTime(DateTime),
    Date(Date),
    Time(Time),
    DeltaInteger(i8),
    DeltaLong(i16),
    DeltaDoubleLong(i32),
    DeltaUnsigned(u8),
    DeltaLongUnsigned(u16),
    DeltaDoubleLongUnsigned(u32),
    DontCare,
}

/// `bits` bits, the first one in the top bit of the first byte; `bytes` holds `bits` rounded up to whole bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BitString {
    pub bits: usize,
    pub bytes: Vec<u8>,
}

impl BitString {
    /// Bit `index`, counted from the first sent; `None` beyond the end.
    pub fn bit(&self, index: usize) -> Option<bool> {
        let byte = self.bytes.get(index / 8)?;
        (index < self.bits).then(|| byte & (0x80_u8 >> (index % 8)) != 0)
    }

    /// All bits in order.
    pub fn iter(&self) -> impl Iterator<Item = bool> + '_ {
        (0..self.bits).map_while(|index| self.bit(index))
    }
}

/// Kept as sent (type description and contents), with the elements expanded.
#[derive(Clone, Debug, PartialEq)]
pub struct CompactArray {
    pub description: Vec<u8>,
    pub contents: Vec<u8>,
    pub elements: Vec<Data>,
}

/// What is wrong, and at which byte of the input.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at byte {offset}")]
pub struct DataError {
    pub offset: usize,
    pub kind: DataErrorKind,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DataErrorKind {
    #[error("data ends early: {missing} more byte(s) wanted")]
    Truncated { missing: usize },
    #[error("unknown data type tag {0}")]
    UnknownTag(u8),
    #[error("nested deeper than {0}")]
    TooDeep(usize),
    #[error("length {0} is more than what follows")]
    LengthLies(usize),
    #[error("length of more than four bytes")]
    LengthTooLong,
    #[error("more than {0} values")]
    TooMany(usize),
    #[error("{0}")]
    Malformed(&'static str),
}

impl Data {
    /// The A-XDR tag.
    pub fn tag(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Array(_) => 1,
            Self::Structure(_) => 2,
            Self::Boolean(_) => 3,
            Self::BitString(_) => 4,
            Self::DoubleLong(_) => 5,
            Self::DoubleLongUnsigned(_) => 6,
            Self::OctetString(_) => 9,
            Self::VisibleString(_) => 10,
            Self::Utf8String(_) => 12,
            Self::Bcd(_) => 13,
            Self::Integer(_) => 15,
            Self::Long(_) => 16,
            Self::Unsigned(_) => 17,
            Self::LongUnsigned(_) => 18,
            Self::CompactArray(_) => 19,
            Self::Long64(_) => 20,
            Self::Long64Unsigned(_) => 21,
            Self::Enum(_) => 22,
            Self::Float32(_) => 23,
            Self::Float64(_) => 24,
            Self::DateTime(_) => 25,
            Self::Date(_) => 26,
            Self::Time(_) => 27,
            Self::DeltaInteger(_) => 28,
            Self::DeltaLong(_) => 29,
            Self::DeltaDoubleLong(_) => 30,
            Self::DeltaUnsigned(_) => 31,
            Self::DeltaLongUnsigned(_) => 32,
            Self::DeltaDoubleLongUnsigned(_) => 33,
            Self::DontCare => 255,
        }
    }

    /// `double-long`, `octet-string`, …: the name used in JSON.
    pub fn type_name(&self) -> &'static str {
        type_name(self.tag()).unwrap_or("unknown")
    }

    /// The number, for the integer-like types: integers, deltas, enum, and bcd when both digits are.
    pub fn as_integer(&self) -> Option<i128> {
        Some(match self {
            Self::DoubleLong(v) | Self::DeltaDoubleLong(v) => i128::from(*v),
            Self::DoubleLongUnsigned(v) | Self::DeltaDoubleLongUnsigned(v) => i128::from(*v),
            Self::Bcd(v) => i128::from(text::bcd(*v)?),
            Self::Integer(v) | Self::DeltaInteger(v) => i128::from(*v),
            Self::Long(v) | Self::DeltaLong(v) => i128::from(*v),
            Self::Unsigned(v) | Self::DeltaUnsigned(v) | Self::Enum(v) => i128::from(*v),
            Self::LongUnsigned(v) | Self::DeltaLongUnsigned(v) => i128::from(*v),
            Self::Long64(v) => i128::from(*v),
            Self::Long64Unsigned(v) => i128::from(*v),
            _ => return None,
        })
    }

    /// The bytes of an octet-string, visible-string or utf8-string.
    pub fn as_octets(&self) -> Option<&[u8]> {
        match self {
            Self::OctetString(v) | Self::VisibleString(v) | Self::Utf8String(v) => Some(v),
            _ => None,
        }
    }

    /// What an array, structure or compact-array holds.
    pub fn elements(&self) -> Option<&[Data]> {
        match self {
            Self::Array(v) | Self::Structure(v) => Some(v),
            Self::CompactArray(v) => Some(&v.elements),
            _ => None,
        }
    }

    /// A logical name: six octets.
    pub fn as_obis(&self) -> Option<Obis> {
        match self {
            Self::OctetString(v) => <[u8; 6]>::try_from(v.as_slice()).ok().map(Obis),
            _ => None,
        }
    }

    /// A date-time, also where it travels as an octet-string of twelve octets that make sense as one.
    pub fn as_date_time(&self) -> Option<DateTime> {
        match self {
            Self::DateTime(v) => Some(*v),
            Self::OctetString(v) => DateTime::from_octets(v),
            _ => None,
        }
    }
}

/// The standard's name of a data type tag.
pub fn type_name(tag: u8) -> Option<&'static str> {
    Some(match tag {
        0 => "null-data",
        1 => "array",
        2 => "structure",
        3 => "boolean",
        4 => "bit-string",
        5 => "double-long",
        6 => "double-long-unsigned",
        9 => "octet-string",
        10 => "visible-string",
        12 => "utf8-string",
        13 => "bcd",
        15 => "integer",
        16 => "long",
        17 => "unsigned",
        18 => "long-unsigned",
        19 => "compact-array",
        20 => "long64",
        21 => "long64-unsigned",
        22 => "enum",
        23 => "float32",
        24 => "float64",
        25 => "date-time",
        26 => "date",
        27 => "time",
        28 => "delta-integer",
        29 => "delta-long",
        30 => "delta-double-long",
        31 => "delta-unsigned",
        32 => "delta-long-unsigned",
        33 => "delta-double-long-unsigned",
        255 => "dont-care",
        _ => return None,
    })
}
