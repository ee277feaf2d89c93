//! GET: request and response, normal, with block transfer and with list. Views over octets; client and simulated meter use this one codec.
use super::error::{ApduError, DataAccessResult};
use super::reader::Reader;
use super::tag;
use crate::cosem::data::encode_length;
use crate::cosem::{AttributeRef, Obis};

/// invoke-id-and-priority octet: bits 0–3 the id, bit 6 confirmed, bit 7 high priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InvokeId(pub u8);

impl InvokeId {
    /// Confirmed and of high priority, as most clients ask.
    pub const fn new(id: u8) -> Self {
        Self(0xC0 | id & 0x0F)
    }

    pub const fn id(self) -> u8 {
        self.0 & 0x0F
    }

    pub const fn is_confirmed(self) -> bool {
        self.0 & 0x40 != 0
    }

    pub const fn is_high_priority(self) -> bool {
        self.0 & 0x80 != 0
    }

    /// The next id, going round 1..=15; the upper bits stay.
    #[must_use]
    pub const fn next(self) -> Self {
        let id = if self.id() == 15 {
            1
        } else {
            self.id().saturating_add(1)
        };
        Self(self.0 & 0xF0 | id)
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GetRequest<'a> {
    Normal {
        invoke: InvokeId,
        attribute: AttributeRef,
        /// raw selective-access part after the 01 (selector, then data), empty when none
        access: &'a [u8],
    },
    Next {
        invoke: InvokeId,
        /// The block just received.
        block: u32,
    },
    WithList {
        invoke: InvokeId,
        /// count then descriptors, as sent
        list: &'a [u8],
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GetResponse<'a> {
    /// Encoded data, to the end of the APDU.
    Data { invoke: InvokeId, data: &'a [u8] },
    Error {
        invoke: InvokeId,
        result: DataAccessResult,
    },
    /// A piece of encoded data; pieces need not end where values do.
    Block {
        invoke: InvokeId,
        last: bool,
        block: u32,
        data: &'a [u8],
    },
    BlockError {
        invoke: InvokeId,
        last: bool,
        block: u32,
        result: DataAccessResult,
    },
    WithList {
        invoke: InvokeId,
        /// count then results, as sent
        list: &'a [u8],
    },
}

impl<'a> GetRequest<'a> {
    pub const fn invoke(&self) -> InvokeId {
        match self {
            Self::Normal { invoke, .. }
            | Self::Next { invoke, .. }
            | Self::WithList { invoke, .. } => *invoke,
        }
    }

    pub fn decode(apdu: &'a [u8]) -> Result<Self, ApduError> {
        let mut reader = Reader::new(apdu);
        reader.tag(tag::GET_REQUEST, "not a GET request")?;
        let at_choice = reader;
        let choice = reader.byte("a GET request without its choice")?;
        let invoke = InvokeId(reader.byte("a GET request without its invoke-id")?);
        match choice {
            1 => {
                let class = reader.u16("a GET request without its class")?;
                let obis = Obis(reader.array("a GET request without its logical name")?);
                let [attribute] = reader
                    .array("a GET request without its attribute")?
                    .map(u8::cast_signed);
                let selective = reader.flag("a GET request without its access selection")?;
                let access = if selective {
                    if reader.peek().is_none() {
                        return Err(reader.error("an access selection that is empty"));
                    }
                    reader.rest()
                } else {
                    reader.end("bytes after the GET request")?;
                    &[]
                };
                let attribute = AttributeRef {
                    class,
                    obis,
                    attribute,
                };
                Ok(Self::Normal {
                    invoke,
                    attribute,
                    access,
                })
            }
            2 => {
                let block = reader.u32("a GET-next without its block number")?;
                reader.end("bytes after the GET-next")?;
                Ok(Self::Next { invoke, block })
            }
            3 => {
                if reader.peek().is_none() {
                    return Err(reader.error("a GET with an empty list"));
                }
                let list = reader.rest();
                Ok(Self::WithList { invoke, list })
            }
            _ => Err(at_choice.error("an unknown kind of GET request")),
        }
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Normal {
                invoke,
                attribute,
                access,
            } => {
                out.extend_from_slice(&[tag::GET_REQUEST, 1, invoke.0]);
                out.extend_from_slice(&attribute.class.to_be_bytes());
                out.extend_from_slice(&attribute.obis.0);
                out.push(attribute.attribute.cast_unsigned());
                out.push(u8::from(!access.is_empty()));
                out.extend_from_slice(access);
            }
            Self::Next { invoke, block } => {
                out.extend_from_slice(&[tag::GET_REQUEST, 2, invoke.0]);
                out.extend_from_slice(&block.to_be_bytes());
            }
            Self::WithList { invoke, list } => {
                out.extend_from_slice(&[tag::GET_REQUEST, 3, invoke.0]);
                out.extend_from_slice(list);
            }
        }
    }
}

impl<'a> GetResponse<'a> {
    pub const fn invoke(&self) -> InvokeId {
        match self {
            Self::Data { invoke, .. }
            | Self::Error { invoke, .. }
            | Self::Block { invoke, .. }
            | Self::BlockError { invoke, .. }
            | Self::WithList { invoke, .. } => *invoke,
        }
    }

    pub fn decode(apdu: &'a [u8]) -> Result<Self, ApduError> {
        let mut reader = Reader::new(apdu);
        reader.tag(tag::GET_RESPONSE, "not a GET response")?;
        let at_choice = reader;
        let choice = reader.byte("a GET response without its choice")?;
        let invoke = InvokeId(reader.byte("a GET response without its invoke-id")?);
        match choice {
            1 => {
                if reader.flag("a GET response without its result")? {
                    let result = access_result(&mut reader)?;
                    return Ok(Self::Error { invoke, result });
                }
                if reader.peek().is_none() {
                    return Err(reader.error("a GET response without its data"));
                }
                let data = reader.rest();
                Ok(Self::Data { invoke, data })
            }
            2 => {
                let last = reader.byte("a block without its last-block flag")? != 0;
                let block = reader.u32("a block without its number")?;
                if reader.flag("a block without its result")? {
                    let result = access_result(&mut reader)?;
                    return Ok(Self::BlockError {
                        invoke,
                        last,
                        block,
                        result,
                    });
                }
                // What stands behind it is no part of it: a ciphering Gurux C server leaves its last answer there.
                let data = reader.octets("a block whose length is not what follows")?;
                Ok(Self::Block {
                    invoke,
                    last,
                    block,
                    data,
                })
            }
            3 => {
                if reader.peek().is_none() {
                    return Err(reader.error("a GET response with an empty list"));
                }
                let list = reader.rest();
                Ok(Self::WithList { invoke, list })
            }
            _ => Err(at_choice.error("an unknown kind of GET response")),
        }
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Data { invoke, data } => {
                out.extend_from_slice(&[tag::GET_RESPONSE, 1, invoke.0, 0]);
                out.extend_from_slice(data);
            }
            Self::Error { invoke, result } => {
                out.extend_from_slice(&[tag::GET_RESPONSE, 1, invoke.0, 1, result.0]);
            }
            Self::Block {
                invoke,
                last,
                block,
                data,
            } => {
                block_header(out, *invoke, *last, *block);
                out.push(0);
                encode_length(data.len(), out);
                out.extend_from_slice(data);
            }
            Self::BlockError {
                invoke,
                last,
                block,
                result,
            } => {
                block_header(out, *invoke, *last, *block);
                out.extend_from_slice(&[1, result.0]);
            }
            Self::WithList { invoke, list } => {
                out.extend_from_slice(&[tag::GET_RESPONSE, 3, invoke.0]);
                out.extend_from_slice(list);
            }
        }
    }
}

fn block_header(out: &mut Vec<u8>, invoke: InvokeId, last: bool, block: u32) {
    out.extend_from_slice(&[tag::GET_RESPONSE, 2, invoke.0, u8::from(last)]);
    out.extend_from_slice(&block.to_be_bytes());
}

fn access_result(reader: &mut Reader<'_>) -> Result<DataAccessResult, ApduError> {
    let result = reader.byte("a data-access-result that is missing")?;
    reader.end("bytes after the data-access-result")?;
    Ok(DataAccessResult(result))
}
