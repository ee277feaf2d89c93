//! HDLC addresses: client one byte; server one, two or four bytes. Three is illegal.

#[cfg(test)]
mod tests;

use std::fmt;
use std::ops::Deref;
use std::str::FromStr;

/// Client SAP, 0..=127.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientAddress(u8);

/// Server address: numbers and the size they travel in. The same numbers in another size are another address to many meters.
///
/// `Display`: `1` (one byte), `1/17` (two bytes), `1/17 in 4 bytes`; the size is named only where the numbers
/// alone would travel in fewer bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ServerAddress {
    upper: u16,
    lower: Option<u16>,
    size: u8,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("client address {0} is over 127")]
    Client(u32),
    #[error("a server address is 1, 2 or 4 bytes, not {0}")]
    Size(u8),
    #[error("{part} address {value} does not fit in a {size}-byte server address")]
    TooLarge {
        part: &'static str,
        value: u32,
        size: u8,
    },
    #[error("a 1-byte server address has no lower part")]
    LowerInOneByte,
    #[error("a {0}-byte server address needs a lower part; write UPPER/LOWER, such as 1/17")]
    LowerMissing(u8),
    #[error("the address does not end within four bytes")]
    Unterminated,
    #[error("{0:?} is not a server address; write UPPER or UPPER/LOWER, such as 1 or 1/17")]
    Text(String),
}

impl ClientAddress {
    pub const NO_STATION: Self = Self(0);
    pub const MANAGEMENT: Self = Self(1);
    /// Reads without a password, where the meter allows it.
    pub const PUBLIC: Self = Self(16);
    pub const ALL_STATION: Self = Self(127);

    pub const fn new(sap: u8) -> Result<Self, AddressError> {
        if sap > 127 {
            Err(AddressError::Client(sap as u32))
        } else {
            Ok(Self(sap))
        }
    }

    pub const fn sap(self) -> u8 {
        self.0
    }

    /// As it travels: the number in the upper seven bits, bit 0 set.
    pub const fn octet(self) -> u8 {
        (self.0 << 1) | 1
    }

    /// None for an octet whose bit 0 says that more address follows.
    pub const fn from_octet(octet: u8) -> Option<Self> {
        if octet & 1 == 1 {
            Some(Self(octet >> 1))
        } else {
            None
        }
    }
}

impl fmt::Display for ClientAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// An address field as it travels, at most four octets, without a heap.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Octets {
    octets: [u8; 4],
    length: u8,
}

impl Deref for Octets {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        self.octets
            .get(..usize::from(self.length))
            .unwrap_or_default()
    }
}

/// All stations, in a part of seven or of fourteen bits.
const ALL_STATION: [u16; 2] = [0x7F, 0x3FFF];
/// The physical device that answers whoever calls, in a lower part of seven or of fourteen bits.
const CALLING: [u16; 2] = [0x7E, 0x3FFE];

impl ServerAddress {
    /// `size` None picks the smallest: 1 byte without a lower part, 2 bytes when both fit in 7 bits, else 4.
    pub fn new(upper: u16, lower: Option<u16>, size: Option<u8>) -> Result<Self, AddressError> {
        let size = size.unwrap_or(match lower {
            None => 1,
            Some(lower) if upper <= 0x7F && lower <= 0x7F => 2,
            Some(_) => 4,
        });
        let largest = match size {
            1 | 2 => 0x7F,
            4 => 0x3FFF,
            _ => return Err(AddressError::Size(size)),
        };
        match lower {
            Some(_) if size == 1 => return Err(AddressError::LowerInOneByte),
            None if size != 1 => return Err(AddressError::LowerMissing(size)),
            _ => {}
        }
        for (part, value) in [("upper", Some(upper)), ("lower", lower)] {
            if let Some(value) = value.filter(|value| *value > largest) {
                return Err(AddressError::TooLarge {
                    part,
                    value: value.into(),
                    size,
                });
            }
        }
        Ok(Self { upper, lower, size })
    }

    /// The lower address CALLING (0x7E, 0x3FFE): whichever physical device hears it; 2 or 4 bytes.
    pub fn calling(upper: u16, size: u8) -> Result<Self, AddressError> {
        let [short, long] = CALLING;
        Self::new(
            upper,
            Some(if size == 4 { long } else { short }),
            Some(size),
        )
    }

    /// The all-station address (0x7F, 0x3FFF) of the lower part, in one byte of the only part there is.
    pub fn all_station(upper: u16, size: u8) -> Result<Self, AddressError> {
        let [short, long] = ALL_STATION;
        match size {
            1 => Self::new(short, None, Some(1)),
            _ => Self::new(
                upper,
                Some(if size == 4 { long } else { short }),
                Some(size),
            ),
        }
    }

    pub fn upper(self) -> u16 {
        self.upper
    }

    pub fn lower(self) -> Option<u16> {
        self.lower
    }

    pub fn size(self) -> u8 {
        self.size
    }

    fn is_special(self, values: [u16; 2], part: u16) -> bool {
        let [short, long] = values;
        part == if self.size == 4 { long } else { short }
    }

    /// Either part addresses every station.
    pub fn is_all_station(self) -> bool {
        self.is_special(ALL_STATION, self.upper)
            || self
                .lower
                .is_some_and(|lower| self.is_special(ALL_STATION, lower))
    }

    pub fn is_calling(self) -> bool {
        self.lower
            .is_some_and(|lower| self.is_special(CALLING, lower))
    }

    /// One device's own address: answers come from exactly this one. Others are answered from the device's real address.
    pub fn is_individual(self) -> bool {
        !self.is_all_station() && !self.is_calling()
    }

    /// Reads an address field from the start of `bytes`; also its length. 3 bytes is refused.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize), AddressError> {
        let seven = |octet: u8| u16::from(octet >> 1);
        let fourteen = |high: u8, low: u8| (seven(high) << 7) | seven(low);
        let (upper, lower, size, length) = match *bytes {
            [a, ..] if a & 1 == 1 => (seven(a), None, 1, 1),
            [a, b, ..] if b & 1 == 1 => (seven(a), Some(seven(b)), 2, 2),
            [_, _, c, ..] if c & 1 == 1 => return Err(AddressError::Size(3)),
            [a, b, c, d, ..] if d & 1 == 1 => (fourteen(a, b), Some(fourteen(c, d)), 4, 4),
            _ => return Err(AddressError::Unterminated),
        };
        Ok((Self { upper, lower, size }, length))
    }

    /// As it travels.
    pub fn octets(self) -> Octets {
        let low = |part: u16| u8::try_from(part & 0x7F).unwrap_or(0) << 1;
        let high = |part: u16| low(part >> 7);
        let lower = self.lower.unwrap_or(0);
        let octets = match self.size {
            1 => [low(self.upper) | 1, 0, 0, 0],
            2 => [low(self.upper), low(lower) | 1, 0, 0],
            _ => [
                high(self.upper),
                low(self.upper),
                high(lower),
                low(lower) | 1,
            ],
        };
        Octets {
            octets,
            length: self.size,
        }
    }

    pub fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.octets());
    }
}

fn number(text: &str) -> Option<u32> {
    let text = text.trim();
    match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16).ok(),
        None => text.parse().ok(),
    }
}

impl FromStr for ServerAddress {
    type Err = AddressError;

    /// `1`, `1/17`, `0x01/0x11`, `1/17 in 4 bytes`.
    fn from_str(s: &str) -> Result<Self, AddressError> {
        let malformed = || AddressError::Text(s.to_owned());
        let (numbers, size) = match s.split_once(" in ") {
            None => (s, None),
            Some((numbers, size)) => {
                let size = size
                    .trim()
                    .strip_suffix("bytes")
                    .or_else(|| size.trim().strip_suffix("byte"))
                    .and_then(|digits| digits.trim().parse().ok())
                    .ok_or_else(malformed)?;
                (numbers, Some(size))
            }
        };
        let part = |name, text: &str| {
            let value = number(text).ok_or_else(malformed)?;
            u16::try_from(value).map_err(|_| AddressError::TooLarge {
                part: name,
                value,
                size: size.unwrap_or(4),
            })
        };
        match numbers.split_once('/') {
            None => Self::new(part("upper", numbers)?, None, size),
            Some((upper, lower)) => {
                Self::new(part("upper", upper)?, Some(part("lower", lower)?), size)
            }
        }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.upper)?;
        if let Some(lower) = self.lower {
            write!(f, "/{lower}")?;
        }
        let smallest = Self::new(self.upper, self.lower, None).map_or(self.size, |a| a.size);
        if self.size != smallest {
            write!(f, " in {} bytes", self.size)?;
        }
        Ok(())
    }
}
