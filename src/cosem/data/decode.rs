//! Bytes to `Data`. Every offset in an error counts from the first byte the caller handed in, at any nesting.

use super::super::date_time::{Date, DateTime, Time};
use super::{BitString, Data, DataError, DataErrorKind, decode_length};

/// How deep arrays and structures may nest. Meters need four or five levels.
pub const MAX_DEPTH: usize = 32;

/// How many values one decode may yield, whatever its input claims.
pub const MAX_VALUES: usize = 1 << 20;

/// A compact-array says more values than it has bytes (null columns). Beyond this many a byte of its own it is an attack,
/// not a profile. What stands around the array does not count: an array taken out and written alone must read again.
const VALUES_PER_BYTE: usize = 32;

/// Elements reserved up front; more are claimed as they really arrive, so that a lying length costs little.
pub(super) const RESERVE: usize = 64;

impl Data {
    /// Decodes one value; also how many bytes it took. Scalars other than strings need no heap.
    pub fn decode(bytes: &[u8]) -> Result<(Self, usize), DataError> {
        let mut reader = Reader::new(bytes);
        let value = reader.value(0, &mut Budget::new())?;
        Ok((value, reader.offset()))
    }

    /// Decodes one value that must fill `bytes`.
    pub fn decode_all(bytes: &[u8]) -> Result<Self, DataError> {
        let (value, used) = Self::decode(bytes)?;
        if used == bytes.len() {
            return Ok(value);
        }
        Err(DataError {
            offset: used,
            kind: DataErrorKind::Malformed("bytes left over after the value"),
        })
    }
}

/// What is left to read, and where the input as a whole ends.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    end: usize,
}

/// How many values came, and how many may.
pub(super) struct Budget {
    spent: usize,
    allowed: usize,
}

impl Budget {
    const fn new() -> Self {
        Self {
            spent: 0,
            allowed: MAX_VALUES,
        }
    }

    pub(super) fn spend(&mut self, reader: &Reader<'_>) -> Result<(), DataError> {
        if self.spent >= self.allowed {
            return Err(reader.error(DataErrorKind::TooMany(self.allowed)));
        }
        self.spent = self.spent.saturating_add(1);
        Ok(())
    }

    /// Narrows what may come to what `octets` of a compact-array can hold; the old allowance, for [`widen`](Self::widen).
    pub(super) fn narrow(&mut self, octets: usize) -> usize {
        let here = octets.saturating_mul(VALUES_PER_BYTE);
        let before = self.allowed;
        self.allowed = self.spent.saturating_add(here).min(before);
        before
    }

    pub(super) const fn widen(&mut self, before: usize) {
        self.allowed = before;
    }
}

impl<'a> Reader<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            end: bytes.len(),
        }
    }

    pub(super) fn offset(&self) -> usize {
        self.end.saturating_sub(self.rest.len())
    }

    pub(super) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn error(&self, kind: DataErrorKind) -> DataError {
        DataError {
            offset: self.offset(),
            kind,
        }
    }

    /// A reader over the next `length` bytes alone, whose offsets still count from the start of the input.
    pub(super) fn part(&mut self, length: usize) -> Result<Self, DataError> {
        let rest = self.take(length)?;
        Ok(Self {
            rest,
            end: self.offset(),
        })
    }

    fn ends_early(&self, wanted: usize) -> DataError {
        DataError {
            offset: self.end,
            kind: DataErrorKind::Truncated {
                missing: wanted.saturating_sub(self.rest.len()),
            },
        }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DataError> {
        let Some((head, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.ends_early(N));
        };
        self.rest = rest;
        Ok(*head)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], DataError> {
        let Some((head, rest)) = self.rest.split_at_checked(length) else {
            return Err(self.ends_early(length));
        };
        self.rest = rest;
        Ok(head)
    }

    pub(super) fn byte(&mut self) -> Result<u8, DataError> {
        let [byte] = self.array()?;
        Ok(byte)
    }

    /// A length field; what it counts takes `bytes_for(n)` bytes at least, which must be there.
    pub(super) fn length(&mut self, bytes_for: fn(usize) -> usize) -> Result<usize, DataError> {
        let at = self.offset();
        let (value, used) = decode_length(self.rest).map_err(|e| DataError {
            offset: at.saturating_add(e.offset),
            kind: e.kind,
        })?;
        self.take(used)?;
        if bytes_for(value) > self.rest.len() {
            return Err(DataError {
                offset: at,
                kind: DataErrorKind::LengthLies(value),
            });
        }
        Ok(value)
    }

    fn octets(&mut self) -> Result<Vec<u8>, DataError> {
        let length = self.length(|n| n)?;
        Ok(self.take(length)?.to_vec())
    }

    /// One value with its tag, `depth` levels below the outermost.
    fn value(&mut self, depth: usize, budget: &mut Budget) -> Result<Data, DataError> {
        budget.spend(self)?;
        let tag_at = self.offset();
        let tag = self.byte()?;
        if matches!(tag, 1 | 2 | 19) && depth >= MAX_DEPTH {
            return Err(DataError {
                offset: tag_at,
                kind: DataErrorKind::TooDeep(MAX_DEPTH),
            });
        }
        let below = depth.saturating_add(1);
        match tag {
            1 => Ok(Data::Array(self.values(below, budget)?)),
            2 => Ok(Data::Structure(self.values(below, budget)?)),
            19 => Ok(Data::CompactArray(Box::new(
                self.compact_array(below, budget)?,
            ))),
            _ => self.scalar(tag, tag_at),
        }
    }

    fn values(&mut self, depth: usize, budget: &mut Budget) -> Result<Vec<Data>, DataError> {
        // Every element takes a byte at least: a count above the rest of the input is a lie.
        let count = self.length(|n| n)?;
        let mut values = Vec::with_capacity(count.min(RESERVE));
        for _ in 0..count {
            values.push(self.value(depth, budget)?);
        }
        Ok(values)
    }

    /// The contents of a value of type `tag`, as they stand behind a tag or inside a compact-array.
    pub(super) fn scalar(&mut self, tag: u8, tag_at: usize) -> Result<Data, DataError> {
        Ok(match tag {
            0 => Data::Null,
            3 => Data::Boolean(self.byte()? != 0),
            4 => {
                let bits = self.length(|bits| bits.div_ceil(8))?;
                let bytes = self.take(bits.div_ceil(8))?.to_vec();
                Data::BitString(BitString { bits, bytes })
            }
            5 => Data::DoubleLong(i32::from_be_bytes(self.array()?)),
            6 => Data::DoubleLongUnsigned(u32::from_be_bytes(self.array()?)),
            9 => Data::OctetString(self.octets()?),
            10 => Data::VisibleString(self.octets()?),
            12 => Data::Utf8String(self.octets()?),
            13 => Data::Bcd(self.byte()?),
            15 => Data::Integer(i8::from_be_bytes(self.array()?)),
            16 => Data::Long(i16::from_be_bytes(self.array()?)),
            17 => Data::Unsigned(self.byte()?),
            18 => Data::LongUnsigned(u16::from_be_bytes(self.array()?)),
            20 => Data::Long64(i64::from_be_bytes(self.array()?)),
            21 => Data::Long64Unsigned(u64::from_be_bytes(self.array()?)),
            22 => Data::Enum(self.byte()?),
            23 => Data::Float32(f32::from_be_bytes(self.array()?)),
            24 => Data::Float64(f64::from_be_bytes(self.array()?)),
            25 => Data::DateTime(DateTime { raw: self.array()? }),
            26 => Data::Date(Date { raw: self.array()? }),
            27 => Data::Time(Time { raw: self.array()? }),
            28 => Data::DeltaInteger(i8::from_be_bytes(self.array()?)),
            29 => Data::DeltaLong(i16::from_be_bytes(self.array()?)),
            30 => Data::DeltaDoubleLong(i32::from_be_bytes(self.array()?)),
            31 => Data::DeltaUnsigned(self.byte()?),
            32 => Data::DeltaLongUnsigned(u16::from_be_bytes(self.array()?)),
            33 => Data::DeltaDoubleLongUnsigned(u32::from_be_bytes(self.array()?)),
            255 => Data::DontCare,
            _ => {
                return Err(DataError {
                    offset: tag_at,
                    kind: DataErrorKind::UnknownTag(tag),
                });
            }
        })
    }
}
