//! SET: request and response, normal, in blocks and with list. Views over octets; client and simulated meter use this one
//! codec.
use super::action::put_block;
use super::error::{ApduError, DataAccessResult};
use super::get::InvokeId;
use super::list::{References, Results, attribute, part, put_attribute, selection};
use super::reader::Reader;
use super::tag;
use crate::cosem::AttributeRef;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetRequest<'a> {
    Normal {
        invoke: InvokeId,
        attribute: AttributeRef,
        /// raw selective-access part after the 01 (selector, then data), empty when none
        access: &'a [u8],
        /// Encoded data, to the end of the APDU.
        value: &'a [u8],
    },
    /// A piece of encoded data; pieces need not end where values do.
    FirstBlock {
        invoke: InvokeId,
        attribute: AttributeRef,
        access: &'a [u8],
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
        /// count then descriptors, as sent
        list: &'a [u8],
        /// count then data, as sent
        values: &'a [u8],
    },
    ListFirstBlock {
        invoke: InvokeId,
        list: &'a [u8],
        last: bool,
        block: u32,
        /// A piece of what `WithList` holds as its values.
        data: &'a [u8],
    },
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetResponse<'a> {
    Normal {
        invoke: InvokeId,
        result: DataAccessResult,
    },
    /// That block is in: the next one, please.
    Block {
        invoke: InvokeId,
        block: u32,
    },
    LastBlock {
        invoke: InvokeId,
        result: DataAccessResult,
        block: u32,
    },
    LastBlockWithList {
        invoke: InvokeId,
        /// count then results, as sent
        list: &'a [u8],
        block: u32,
    },
    WithList {
        invoke: InvokeId,
        list: &'a [u8],
    },
}

fn references<'a>(reader: &mut Reader<'a>) -> Result<&'a [u8], ApduError> {
    part(reader, |all| References::new(all)?.after())
}

impl<'a> SetRequest<'a> {
    pub const fn invoke(&self) -> InvokeId {
        match self {
            Self::Normal { invoke, .. }
            | Self::FirstBlock { invoke, .. }
            | Self::Block { invoke, .. }
            | Self::WithList { invoke, .. }
            | Self::ListFirstBlock { invoke, .. } => *invoke,
        }
    }

    pub fn decode(apdu: &'a [u8]) -> Result<Self, ApduError> {
        let mut reader = Reader::new(apdu);
        reader.tag(tag::SET_REQUEST, "not a SET request")?;
        let at_choice = reader;
        let choice = reader.byte("a SET request without its choice")?;
        let invoke = InvokeId(reader.byte("a SET request without its invoke-id")?);
        match choice {
            1 => {
                let attribute = attribute(&mut reader)?;
                let access = selection(&mut reader)?;
                let value = reader.something("a SET request without its value")?;
                Ok(Self::Normal {
                    invoke,
                    attribute,
                    access,
                    value,
                })
            }
            2 => {
                let attribute = attribute(&mut reader)?;
                let access = selection(&mut reader)?;
                let (last, block, data) = reader.block()?;
                Ok(Self::FirstBlock {
                    invoke,
                    attribute,
                    access,
                    last,
                    block,
                    data,
                })
            }
            3 => {
                let (last, block, data) = reader.block()?;
                Ok(Self::Block {
                    invoke,
                    last,
                    block,
                    data,
                })
            }
            4 => {
                let list = references(&mut reader)?;
                let values = reader.something("a SET request without its values")?;
                Ok(Self::WithList {
                    invoke,
                    list,
                    values,
                })
            }
            5 => {
                let named = references(&mut reader)?;
                let (last, block, data) = reader.block()?;
                Ok(Self::ListFirstBlock {
                    invoke,
                    list: named,
                    last,
                    block,
                    data,
                })
            }
            _ => Err(at_choice.error("an unknown kind of SET request")),
        }
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Normal {
                invoke,
                attribute,
                access,
                value,
            } => {
                out.extend_from_slice(&[tag::SET_REQUEST, 1, invoke.0]);
                put_attribute(*attribute, access, out);
                out.extend_from_slice(value);
            }
            Self::FirstBlock {
                invoke,
                attribute,
                access,
                last,
                block,
                data,
            } => {
                out.extend_from_slice(&[tag::SET_REQUEST, 2, invoke.0]);
                put_attribute(*attribute, access, out);
                put_block(*last, *block, data, out);
            }
            Self::Block {
                invoke,
                last,
                block,
                data,
            } => {
                out.extend_from_slice(&[tag::SET_REQUEST, 3, invoke.0]);
                put_block(*last, *block, data, out);
            }
            Self::WithList {
                invoke,
                list,
                values,
            } => {
                out.extend_from_slice(&[tag::SET_REQUEST, 4, invoke.0]);
                out.extend_from_slice(list);
                out.extend_from_slice(values);
            }
            Self::ListFirstBlock {
                invoke,
                list,
                last,
                block,
                data,
            } => {
                out.extend_from_slice(&[tag::SET_REQUEST, 5, invoke.0]);
                out.extend_from_slice(list);
                put_block(*last, *block, data, out);
            }
        }
    }
}

impl<'a> SetResponse<'a> {
    pub const fn invoke(&self) -> InvokeId {
        match self {
            Self::Normal { invoke, .. }
            | Self::Block { invoke, .. }
            | Self::LastBlock { invoke, .. }
            | Self::LastBlockWithList { invoke, .. }
            | Self::WithList { invoke, .. } => *invoke,
        }
    }

    pub fn decode(apdu: &'a [u8]) -> Result<Self, ApduError> {
        let mut reader = Reader::new(apdu);
        reader.tag(tag::SET_RESPONSE, "not a SET response")?;
        let at_choice = reader;
        let choice = reader.byte("a SET response without its choice")?;
        let invoke = InvokeId(reader.byte("a SET response without its invoke-id")?);
        let response = match choice {
            1 => Self::Normal {
                invoke,
                result: result(&mut reader)?,
            },
            2 => Self::Block {
                invoke,
                block: number(&mut reader)?,
            },
            3 => Self::LastBlock {
                invoke,
                result: result(&mut reader)?,
                block: number(&mut reader)?,
            },
            4 => Self::LastBlockWithList {
                invoke,
                list: part(&mut reader, Results::skip_all)?,
                block: number(&mut reader)?,
            },
            5 => Self::WithList {
                invoke,
                list: part(&mut reader, Results::skip_all)?,
            },
            _ => return Err(at_choice.error("an unknown kind of SET response")),
        };
        reader.end("bytes after the SET response")?;
        Ok(response)
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Normal { invoke, result } => {
                out.extend_from_slice(&[tag::SET_RESPONSE, 1, invoke.0, result.0]);
            }
            Self::Block { invoke, block } => {
                out.extend_from_slice(&[tag::SET_RESPONSE, 2, invoke.0]);
                out.extend_from_slice(&block.to_be_bytes());
            }
            Self::LastBlock {
                invoke,
                result,
                block,
            } => {
                out.extend_from_slice(&[tag::SET_RESPONSE, 3, invoke.0, result.0]);
                out.extend_from_slice(&block.to_be_bytes());
            }
            Self::LastBlockWithList {
                invoke,
                list,
                block,
            } => {
                out.extend_from_slice(&[tag::SET_RESPONSE, 4, invoke.0]);
                out.extend_from_slice(list);
                out.extend_from_slice(&block.to_be_bytes());
            }
            Self::WithList { invoke, list } => {
                out.extend_from_slice(&[tag::SET_RESPONSE, 5, invoke.0]);
                out.extend_from_slice(list);
            }
        }
    }
}

fn result(reader: &mut Reader<'_>) -> Result<DataAccessResult, ApduError> {
    reader
        .byte("a data-access-result that is missing")
        .map(DataAccessResult)
}

fn number(reader: &mut Reader<'_>) -> Result<u32, ApduError> {
    reader.u32("a SET response without its block number")
}
