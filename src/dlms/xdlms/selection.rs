//! Selective access to a profile's buffer (class 7, attribute 2): a range of values or of entries. What is built here is
//! what the standard's descriptors hold, nothing a meter would have to guess.
use super::error::ApduError;
use super::reader::Reader;
use crate::cosem::Data;
use crate::cosem::date_time::DateTime;
use crate::cosem::profile::CaptureObject;

/// Which part of an attribute is wanted.
#[derive(Clone, Debug, PartialEq)]
pub enum Selection {
    /// Selector 1 (range_descriptor): rows whose `column` lies from `from` to `to`, both included.
    Range {
        column: CaptureObject,
        from: Data,
        to: Data,
        /// The columns wanted; empty for all.
        columns: Vec<CaptureObject>,
    },
    /// Selector 2 (entry_descriptor): rows and columns by number, counted from 1, both ends included; 0 as the last
    /// stands for the highest there is.
    Entries {
        from: u32,
        to: u32,
        first_column: u16,
        last_column: u16,
    },
    /// Any other selector, its parameters as they are.
    Other { selector: u8, parameters: Data },
}

const BY_RANGE: u8 = 1;
const BY_ENTRY: u8 = 2;

impl Selection {
    /// Rows stamped from `from` to `to`, all columns. Both travel as octet-strings, as meters keep them.
    pub fn between(from: DateTime, to: DateTime) -> Self {
        Self::Range {
            column: CaptureObject::CLOCK,
            from: Data::OctetString(from.raw.to_vec()),
            to: Data::OctetString(to.raw.to_vec()),
            columns: Vec::new(),
        }
    }

    /// Rows by number from 1, all columns; `to` 0 is up to the last.
    pub const fn entries(from: u32, to: u32) -> Self {
        Self::Entries {
            from,
            to,
            first_column: 1,
            last_column: 0,
        }
    }

    pub const fn selector(&self) -> u8 {
        match self {
            Self::Range { .. } => BY_RANGE,
            Self::Entries { .. } => BY_ENTRY,
            Self::Other { selector, .. } => *selector,
        }
    }

    pub fn parameters(&self) -> Data {
        match self {
            Self::Range {
                column,
                from,
                to,
                columns,
            } => Data::Structure(vec![
                column.to_data(),
                from.clone(),
                to.clone(),
                Data::Array(columns.iter().map(|column| column.to_data()).collect()),
            ]),
            Self::Entries {
                from,
                to,
                first_column,
                last_column,
            } => Data::Structure(vec![
                Data::DoubleLongUnsigned(*from),
                Data::DoubleLongUnsigned(*to),
                Data::LongUnsigned(*first_column),
                Data::LongUnsigned(*last_column),
            ]),
            Self::Other { parameters, .. } => parameters.clone(),
        }
    }

    /// Selector, then parameters: what follows the 01 of an access selection.
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.selector());
        self.parameters().encode(out);
    }

    /// The same from its octets. What has a known selector but another shape stays `Other`.
    pub fn decode(access: &[u8]) -> Result<Self, ApduError> {
        let mut reader = Reader::new(access);
        let selector = reader.byte("an access selection that is empty")?;
        let wrong = reader.error("selection parameters that cannot be read");
        let parameters = Data::decode_all(reader.rest()).map_err(|_| wrong)?;
        Ok(Self::known(selector, &parameters).unwrap_or(Self::Other {
            selector,
            parameters,
        }))
    }

    fn known(selector: u8, parameters: &Data) -> Option<Self> {
        match (selector, parameters.elements()?) {
            (BY_RANGE, [column, from, to, Data::Array(columns)]) => Some(Self::Range {
                column: CaptureObject::from_data(column)?,
                from: from.clone(),
                to: to.clone(),
                columns: columns
                    .iter()
                    .map(CaptureObject::from_data)
                    .collect::<Option<_>>()?,
            }),
            (
                BY_ENTRY,
                [
                    Data::DoubleLongUnsigned(from),
                    Data::DoubleLongUnsigned(to),
                    Data::LongUnsigned(first_column),
                    Data::LongUnsigned(last_column),
                ],
            ) => Some(Self::Entries {
                from: *from,
                to: *to,
                first_column: *first_column,
                last_column: *last_column,
            }),
            _ => None,
        }
    }
}
