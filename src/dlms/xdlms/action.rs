//! ACTION: request and response, normal, with list and with block transfer both ways. Views over octets; client and
//! simulated meter use this one codec.
use super::error::{ApduError, DataAccessResult};
use super::get::InvokeId;
use super::list::{Methods, part};
use super::reader::Reader;
use super::tag;
use crate::cosem::Obis;
use crate::cosem::data::encode_length;
use std::fmt;

/// One method of one object. `Display`: `70/0-0:96.3.10.255/1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MethodRef {
    pub class: u16,
    pub obis: Obis,
    /// Counted from 1; below 0 is the manufacturer's.
    pub method: i8,
}

impl fmt::Display for MethodRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}/{}", self.class, self.obis, self.method)
    }
}

/// How a method ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ActionResult(pub u8);

impl ActionResult {
    pub const SUCCESS: Self = Self(0);
    pub const HARDWARE_FAULT: Self = Self(1);
    pub const TEMPORARY_FAILURE: Self = Self(2);
    pub const READ_WRITE_DENIED: Self = Self(3);
    pub const OBJECT_UNDEFINED: Self = Self(4);
    pub const OBJECT_CLASS_INCONSISTENT: Self = Self(9);
    pub const OBJECT_UNAVAILABLE: Self = Self(11);
    pub const TYPE_UNMATCHED: Self = Self(12);
    pub const SCOPE_OF_ACCESS_VIOLATED: Self = Self(13);
    pub const DATA_BLOCK_UNAVAILABLE: Self = Self(14);
    pub const LONG_ACTION_ABORTED: Self = Self(15);
    pub const NO_LONG_ACTION_IN_PROGRESS: Self = Self(16);
    pub const OTHER_REASON: Self = Self(250);

    /// `object-undefined` …
    pub const fn name(self) -> &'static str {
        match self.0 {
            15 => "long-action-aborted",
            16 => "no-long-action-in-progress",
            // A data-access-result goes on where this ends.
            17..=19 => "unknown result",
            shared => DataAccessResult(shared).name(),
        }
    }
}

/// `read-write-denied (3)`
impl fmt::Display for ActionResult {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name(), self.0)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionRequest<'a> {
    Normal {
        invoke: InvokeId,
        method: MethodRef,
        /// Encoded parameters, empty when there are none.
        parameters: &'a [u8],
    },
    /// The next block of a long return value, please.
    Next {
        invoke: InvokeId,
        /// The block just received.
        block: u32,
    },
    /// A piece of the encoded parameters; pieces need not end where values do.
    FirstBlock {
        invoke: InvokeId,
        method: MethodRef,
        last: bool,
        block: u32,
        data: &'a [u8],
    },
    Block {
        invoke: InvokeId,
        last: bool,
        block: u32,
        data: &'a [u8],
    },
    WithList {
        invoke: InvokeId,
        /// count then methods, as sent
        list: &'a [u8],
        /// count then parameters, as sent; null-data where a method takes none
        parameters: &'a [u8],
    },
    ListFirstBlock {
        invoke: InvokeId,
        list: &'a [u8],
        last: bool,
        block: u32,
        /// A piece of what `WithList` holds as its parameters.
        data: &'a [u8],
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActionResponse<'a> {
    Normal {
        invoke: InvokeId,
        result: ActionResult,
        returned: Returned<'a>,
    },
    /// A piece of the encoded return value.
    Block {
        invoke: InvokeId,
        last: bool,
        block: u32,
        data: &'a [u8],
    },
    WithList {
        invoke: InvokeId,
        /// count then outcomes, as sent
        list: &'a [u8],
    },
    /// That block is in: the next one, please.
    Next { invoke: InvokeId, block: u32 },
}

/// What stands behind the result of a method.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Returned<'a> {
    Nothing,
    /// Encoded data, to the end of the APDU.
    Data(&'a [u8]),
    /// The method ran, but why it gives nothing back stands here.
    Error(DataAccessResult),
}

pub(super) fn method(reader: &mut Reader<'_>) -> Result<MethodRef, ApduError> {
    let class = reader.u16("an ACTION request without its class")?;
    let obis = Obis(reader.array("an ACTION request without its logical name")?);
    let [method] = reader
        .array("an ACTION request without its method")?
        .map(u8::cast_signed);
    Ok(MethodRef {
        class,
        obis,
        method,
    })
}

pub(super) fn put_method(method: MethodRef, out: &mut Vec<u8>) {
    out.extend_from_slice(&method.class.to_be_bytes());
    out.extend_from_slice(&method.obis.0);
    out.push(method.method.cast_unsigned());
}

impl<'a> ActionRequest<'a> {
    pub const fn invoke(&self) -> InvokeId {
        match self {
            Self::Normal { invoke, .. }
            | Self::Next { invoke, .. }
            | Self::FirstBlock { invoke, .. }
            | Self::Block { invoke, .. }
            | Self::WithList { invoke, .. }
            | Self::ListFirstBlock { invoke, .. } => *invoke,
        }
    }

    pub fn decode(apdu: &'a [u8]) -> Result<Self, ApduError> {
        let mut reader = Reader::new(apdu);
        reader.tag(tag::ACTION_REQUEST, "not an ACTION request")?;
        let at_choice = reader;
        let choice = reader.byte("an ACTION request without its choice")?;
        let invoke = InvokeId(reader.byte("an ACTION request without its invoke-id")?);
        match choice {
            1 => {
                let method = method(&mut reader)?;
                let parameters = if reader.flag("an ACTION request without its parameters flag")? {
                    reader.something("parameters that are missing")?
                } else {
                    reader.end("bytes after the ACTION request")?;
                    &[]
                };
                Ok(Self::Normal {
                    invoke,
                    method,
                    parameters,
                })
            }
            2 => {
                let block = reader.u32("an ACTION-next without its block number")?;
                reader.end("bytes after the ACTION-next")?;
                Ok(Self::Next { invoke, block })
            }
            4 => {
                let method = method(&mut reader)?;
                let (last, block, data) = reader.block()?;
                Ok(Self::FirstBlock {
                    invoke,
                    method,
                    last,
                    block,
                    data,
                })
            }
            6 => {
                let (last, block, data) = reader.block()?;
                Ok(Self::Block {
                    invoke,
                    last,
                    block,
                    data,
                })
            }
            3 => {
                let list = methods(&mut reader)?;
                let parameters = reader.something("an ACTION request without its parameters")?;
                Ok(Self::WithList {
                    invoke,
                    list,
                    parameters,
                })
            }
            5 => {
                let named = methods(&mut reader)?;
                let (last, block, data) = reader.block()?;
                Ok(Self::ListFirstBlock {
                    invoke,
                    list: named,
                    last,
                    block,
                    data,
                })
            }
            _ => Err(at_choice.error("an unknown kind of ACTION request")),
        }
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Normal {
                invoke,
                method,
                parameters,
            } => {
                out.extend_from_slice(&[tag::ACTION_REQUEST, 1, invoke.0]);
                put_method(*method, out);
                out.push(u8::from(!parameters.is_empty()));
                out.extend_from_slice(parameters);
            }
            Self::Next { invoke, block } => {
                out.extend_from_slice(&[tag::ACTION_REQUEST, 2, invoke.0]);
                out.extend_from_slice(&block.to_be_bytes());
            }
            Self::FirstBlock {
                invoke,
                method,
                last,
                block,
                data,
            } => {
                out.extend_from_slice(&[tag::ACTION_REQUEST, 4, invoke.0]);
                put_method(*method, out);
                put_block(*last, *block, data, out);
            }
            Self::Block {
                invoke,
                last,
                block,
                data,
            } => {
                out.extend_from_slice(&[tag::ACTION_REQUEST, 6, invoke.0]);
                put_block(*last, *block, data, out);
            }
            Self::WithList {
                invoke,
                list,
                parameters,
            } => {
                out.extend_from_slice(&[tag::ACTION_REQUEST, 3, invoke.0]);
                out.extend_from_slice(list);
                out.extend_from_slice(parameters);
            }
            Self::ListFirstBlock {
                invoke,
                list,
                last,
                block,
                data,
            } => {
                out.extend_from_slice(&[tag::ACTION_REQUEST, 5, invoke.0]);
                out.extend_from_slice(list);
                put_block(*last, *block, data, out);
            }
        }
    }
}

impl<'a> ActionResponse<'a> {
    pub const fn invoke(&self) -> InvokeId {
        match self {
            Self::Normal { invoke, .. }
            | Self::Block { invoke, .. }
            | Self::WithList { invoke, .. }
            | Self::Next { invoke, .. } => *invoke,
        }
    }

    pub fn decode(apdu: &'a [u8]) -> Result<Self, ApduError> {
        let mut reader = Reader::new(apdu);
        reader.tag(tag::ACTION_RESPONSE, "not an ACTION response")?;
        let at_choice = reader;
        let choice = reader.byte("an ACTION response without its choice")?;
        let invoke = InvokeId(reader.byte("an ACTION response without its invoke-id")?);
        match choice {
            1 => {
                let result = ActionResult(reader.byte("an ACTION response without its result")?);
                let returned = returned(&mut reader)?;
                Ok(Self::Normal {
                    invoke,
                    result,
                    returned,
                })
            }
            2 => {
                let (last, block, data) = reader.block()?;
                Ok(Self::Block {
                    invoke,
                    last,
                    block,
                    data,
                })
            }
            4 => {
                let block = reader.u32("an ACTION response without its block number")?;
                reader.end("bytes after the ACTION response")?;
                Ok(Self::Next { invoke, block })
            }
            3 => {
                let list = reader.something("an ACTION response with an empty list")?;
                Ok(Self::WithList { invoke, list })
            }
            _ => Err(at_choice.error("an unknown kind of ACTION response")),
        }
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Normal {
                invoke,
                result,
                returned,
            } => {
                out.extend_from_slice(&[tag::ACTION_RESPONSE, 1, invoke.0, result.0]);
                match returned {
                    Returned::Nothing => out.push(0),
                    Returned::Data(data) => {
                        out.extend_from_slice(&[1, 0]);
                        out.extend_from_slice(data);
                    }
                    Returned::Error(result) => out.extend_from_slice(&[1, 1, result.0]),
                }
            }
            Self::Block {
                invoke,
                last,
                block,
                data,
            } => {
                out.extend_from_slice(&[tag::ACTION_RESPONSE, 2, invoke.0]);
                put_block(*last, *block, data, out);
            }
            Self::WithList { invoke, list } => {
                out.extend_from_slice(&[tag::ACTION_RESPONSE, 3, invoke.0]);
                out.extend_from_slice(list);
            }
            Self::Next { invoke, block } => {
                out.extend_from_slice(&[tag::ACTION_RESPONSE, 4, invoke.0]);
                out.extend_from_slice(&block.to_be_bytes());
            }
        }
    }
}

fn methods<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], ApduError> {
    part(reader, |all| Methods::new(all)?.after())
}

/// `00`, `01 00 data` or `01 01 result`; gurux-dlms leaves out even the 00 when it refuses.
fn returned<'a>(reader: &mut Reader<'a>) -> Result<Returned<'a>, ApduError> {
    if reader.peek().is_none() {
        return Ok(Returned::Nothing);
    }
    if !reader.flag("a return value that is neither there nor not")? {
        reader.end("bytes after the ACTION response")?;
        return Ok(Returned::Nothing);
    }
    if reader.flag("a return value without its choice")? {
        let result = reader.byte("a data-access-result that is missing")?;
        reader.end("bytes after the data-access-result")?;
        return Ok(Returned::Error(DataAccessResult(result)));
    }
    reader
        .something("a return value that is missing")
        .map(Returned::Data)
}

/// One block of a SET or ACTION (DataBlock-SA): last-block, number, raw data.
pub(super) fn put_block(last: bool, block: u32, data: &[u8], out: &mut Vec<u8>) {
    out.push(u8::from(last));
    out.extend_from_slice(&block.to_be_bytes());
    encode_length(data.len(), out);
    out.extend_from_slice(data);
}
