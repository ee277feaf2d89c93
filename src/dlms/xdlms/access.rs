//! ACCESS: several GETs, SETs and ACTIONs in one request, each with its own result. Views over octets; client and simulated
//! meter use this one codec. Offsets in errors count from the start of what was given.
use super::action::{ActionResult, MethodRef, method, put_method};
use super::error::{ApduError, DataAccessResult};
use super::list::{Items, Values, attribute, part};
use super::reader::Reader;
use super::tag;
use crate::cosem::AttributeRef;
use crate::cosem::data::encode_length;

/// long-invoke-id-and-priority: bits 0–23 the id, 28 self-descriptive, 29 break on error, 30 confirmed, 31 high priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LongInvokeId(pub u32);

impl LongInvokeId {
    const SELF_DESCRIPTIVE: u32 = 1 << 28;
    const BREAK_ON_ERROR: u32 = 1 << 29;
    const CONFIRMED: u32 = 1 << 30;
    const HIGH_PRIORITY: u32 = 1 << 31;
    const ID: u32 = 0x00FF_FFFF;

    /// Confirmed and of high priority, as most clients ask.
    pub const fn new(id: u32) -> Self {
        Self(Self::HIGH_PRIORITY | Self::CONFIRMED | id & Self::ID)
    }

    pub const fn id(self) -> u32 {
        self.0 & Self::ID
    }

    /// The response names again what was asked.
    pub const fn is_self_descriptive(self) -> bool {
        self.0 & Self::SELF_DESCRIPTIVE != 0
    }

    /// What follows the first failure is not done.
    pub const fn breaks_on_error(self) -> bool {
        self.0 & Self::BREAK_ON_ERROR != 0
    }

    pub const fn is_confirmed(self) -> bool {
        self.0 & Self::CONFIRMED != 0
    }

    pub const fn is_high_priority(self) -> bool {
        self.0 & Self::HIGH_PRIORITY != 0
    }

    #[must_use]
    pub const fn self_descriptive(self) -> Self {
        Self(self.0 | Self::SELF_DESCRIPTIVE)
    }

    #[must_use]
    pub const fn breaking_on_error(self) -> Self {
        Self(self.0 | Self::BREAK_ON_ERROR)
    }

    /// The next id, going round 1..=FFFFFF; the upper bits stay.
    #[must_use]
    pub const fn next(self) -> Self {
        let id = if self.id() == Self::ID {
            1
        } else {
            self.id().saturating_add(1)
        };
        Self(self.0 & !Self::ID | id)
    }
}

/// One thing asked for in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Specification<'a> {
    Get {
        attribute: AttributeRef,
        /// selector, then data; empty when the whole attribute is meant
        access: &'a [u8],
    },
    Set {
        attribute: AttributeRef,
        access: &'a [u8],
    },
    Action(MethodRef),
}

/// How one of them went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Get(DataAccessResult),
    Set(DataAccessResult),
    Action(ActionResult),
}

/// `D9 long-invoke-id date-time specifications values`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessRequest<'a> {
    pub invoke: LongInvokeId,
    /// Twelve octets, or none.
    pub date_time: &'a [u8],
    /// count then specifications, as sent
    pub list: &'a [u8],
    /// count then data, as sent: one for each, null-data where nothing is written
    pub values: &'a [u8],
}

/// `DA long-invoke-id date-time specifications? values outcomes`
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessResponse<'a> {
    pub invoke: LongInvokeId,
    pub date_time: &'a [u8],
    /// What was asked, where the request wanted it said again.
    pub asked: Option<&'a [u8]>,
    /// count then data, as sent: one for each, null-data where nothing was read
    pub values: &'a [u8],
    /// count then outcomes, as sent
    pub outcomes: &'a [u8],
}

/// The specifications of a list.
#[derive(Clone, Debug)]
pub struct Specifications<'a>(Items<'a>);

/// The outcomes of a list.
#[derive(Clone, Debug)]
pub struct Outcomes<'a>(Items<'a>);

impl<'a> Specification<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, ApduError> {
        let at_choice = *reader;
        let choice = reader.byte("a specification without its choice")?;
        if choice == 3 {
            return method(reader).map(Self::Action);
        }
        if !matches!(choice, 1 | 2 | 4 | 5) {
            return Err(at_choice.error("a specification of an unknown kind"));
        }
        let attribute = attribute(reader)?;
        let access = if choice > 3 { selected(reader)? } else { &[] };
        Ok(if matches!(choice, 1 | 4) {
            Self::Get { attribute, access }
        } else {
            Self::Set { attribute, access }
        })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        let (choice, attribute, access) = match self {
            Self::Get { attribute, access } if access.is_empty() => (1, attribute, access),
            Self::Set { attribute, access } if access.is_empty() => (2, attribute, access),
            Self::Get { attribute, access } => (4, attribute, access),
            Self::Set { attribute, access } => (5, attribute, access),
            Self::Action(method) => {
                out.push(3);
                return put_method(*method, out);
            }
        };
        out.push(choice);
        out.extend_from_slice(&attribute.class.to_be_bytes());
        out.extend_from_slice(&attribute.obis.0);
        out.push(attribute.attribute.cast_unsigned());
        out.extend_from_slice(access);
    }
}

impl Outcome {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ApduError> {
        let at_choice = *reader;
        let choice = reader.byte("an outcome without its choice")?;
        let result = reader.byte("an outcome without its result")?;
        Ok(match choice {
            1 => Self::Get(DataAccessResult(result)),
            2 => Self::Set(DataAccessResult(result)),
            3 => Self::Action(ActionResult(result)),
            _ => return Err(at_choice.error("an outcome of an unknown kind")),
        })
    }

    pub fn encode(self, out: &mut Vec<u8>) {
        out.extend_from_slice(&match self {
            Self::Get(result) => [1, result.0],
            Self::Set(result) => [2, result.0],
            Self::Action(result) => [3, result.0],
        });
    }

    pub const fn is_success(self) -> bool {
        matches!(
            self,
            Self::Get(DataAccessResult(0))
                | Self::Set(DataAccessResult(0))
                | Self::Action(ActionResult(0))
        )
    }
}

impl<'a> AccessRequest<'a> {
    pub fn decode(apdu: &'a [u8]) -> Result<Self, ApduError> {
        let mut reader = Reader::new(apdu);
        reader.tag(tag::ACCESS_REQUEST, "not an ACCESS request")?;
        let (invoke, date_time) = head(&mut reader)?;
        let list = specifications(&mut reader)?;
        let values = values(&mut reader)?;
        reader.end("bytes after the ACCESS request")?;
        Ok(Self {
            invoke,
            date_time,
            list,
            values,
        })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        put_head(tag::ACCESS_REQUEST, self.invoke, self.date_time, out);
        out.extend_from_slice(self.list);
        out.extend_from_slice(self.values);
    }
}

impl<'a> AccessResponse<'a> {
    pub fn decode(apdu: &'a [u8]) -> Result<Self, ApduError> {
        let mut reader = Reader::new(apdu);
        reader.tag(tag::ACCESS_RESPONSE, "not an ACCESS response")?;
        let (invoke, date_time) = head(&mut reader)?;
        let asked = if reader.flag("specifications that are neither there nor not")? {
            Some(specifications(&mut reader)?)
        } else {
            None
        };
        let values = values(&mut reader)?;
        let outcomes = part(&mut reader, |all| {
            let mut outcomes = Outcomes::new(all)?;
            for outcome in outcomes.by_ref() {
                outcome?;
            }
            Ok(outcomes.0.reader.rest())
        })?;
        reader.end("bytes after the ACCESS response")?;
        Ok(Self {
            invoke,
            date_time,
            asked,
            values,
            outcomes,
        })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        put_head(tag::ACCESS_RESPONSE, self.invoke, self.date_time, out);
        out.push(u8::from(self.asked.is_some()));
        out.extend_from_slice(self.asked.unwrap_or_default());
        out.extend_from_slice(self.values);
        out.extend_from_slice(self.outcomes);
    }
}

impl<'a> Specifications<'a> {
    /// `list`: count, then specifications.
    pub fn new(list: &'a [u8]) -> Result<Self, ApduError> {
        Items::new(list, 10).map(Self)
    }

    /// How many are still to come.
    pub fn left(&self) -> usize {
        self.0.left
    }
}

impl<'a> Iterator for Specifications<'a> {
    type Item = Result<Specification<'a>, ApduError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.item(Specification::read)
    }
}

impl<'a> Outcomes<'a> {
    /// `list`: count, then outcomes.
    pub fn new(list: &'a [u8]) -> Result<Self, ApduError> {
        Items::new(list, 2).map(Self)
    }

    /// How many are still to come.
    pub fn left(&self) -> usize {
        self.0.left
    }
}

impl Iterator for Outcomes<'_> {
    type Item = Result<Outcome, ApduError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.item(Outcome::read)
    }
}

/// Count, then each specification: the list of a request.
pub fn encode_specifications(list: &[Specification<'_>], out: &mut Vec<u8>) {
    encode_length(list.len(), out);
    for one in list {
        one.encode(out);
    }
}

/// Selector and data; here they are not optional, so no octet says whether they are there.
fn selected<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], ApduError> {
    let mut ahead = *reader;
    ahead.byte("an access selection that is empty")?;
    let (_, parameters) = ahead.value("selection parameters that cannot be decoded")?;
    reader.octets_of(parameters.len().saturating_add(1))
}

fn specifications<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], ApduError> {
    part(reader, |all| {
        let mut list = Specifications::new(all)?;
        for one in list.by_ref() {
            one?;
        }
        Ok(list.0.reader.rest())
    })
}

fn values<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], ApduError> {
    part(reader, |all| {
        let mut values = Values::new(all)?;
        for value in values.by_ref() {
            value?;
        }
        Ok(values.behind())
    })
}

/// Long-invoke-id and date-time, as a data-notification has them too.
pub(super) fn head<'a>(reader: &mut Reader<'a>) -> Result<(LongInvokeId, &'a [u8]), ApduError> {
    let invoke = LongInvokeId(reader.u32("a long-invoke-id that is cut off")?);
    Ok((invoke, reader.octets("a date-time that is cut off")?))
}

pub(super) fn put_head(tag: u8, invoke: LongInvokeId, date_time: &[u8], out: &mut Vec<u8>) {
    out.push(tag);
    out.extend_from_slice(&invoke.0.to_be_bytes());
    encode_length(date_time.len(), out);
    out.extend_from_slice(date_time);
}
