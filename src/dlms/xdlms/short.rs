//! READ and WRITE, the services of short-name referencing, and the information report. Views over octets; client and
//! simulated meter use this one codec. Offsets in errors count from the start of what was given.
use super::error::{ApduError, DataAccessResult};
use super::list::{Items, Values, part};
use super::reader::Reader;
use super::tag;
use crate::cosem::data::encode_length;

/// What one entry of a READ or WRITE is about (Variable-Access-Specification; its choice 3 is not used in COSEM).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Variable<'a> {
    /// An attribute or method by its short name.
    Name(u16),
    /// Part of an attribute by its selector, or a method (selector 0) with its parameter.
    Parameterised {
        name: u16,
        selector: u8,
        /// Encoded data.
        parameter: &'a [u8],
    },
    /// The block after this one of a long answer, please.
    BlockNumber(u16),
    /// A piece of a READ request too long for one APDU: of its list, count included.
    ReadBlock {
        last: bool,
        block: u16,
        data: &'a [u8],
    },
    /// A piece of a WRITE request too long for one APDU; the piece itself is the one value, an octet-string.
    WriteBlock { last: bool, block: u16 },
}

/// `05 list`: count, then variables.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadRequest<'a> {
    pub list: &'a [u8],
}

/// `0C list`: count, then answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadResponse<'a> {
    pub list: &'a [u8],
}

/// `06 list values`, or `16 …` where no answer is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteRequest<'a> {
    pub confirmed: bool,
    /// count then variables, as sent
    pub list: &'a [u8],
    /// count then data, as sent
    pub values: &'a [u8],
}

/// `0D list`: count, then results.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WriteResponse<'a> {
    pub list: &'a [u8],
}

/// `18 time? list values`: what a short-name meter sends unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InformationReport<'a> {
    /// A GeneralizedTime as it came, if there is one.
    pub time: Option<&'a [u8]>,
    pub list: &'a [u8],
    pub values: &'a [u8],
}

/// One answer in a READ response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReadAnswer<'a> {
    /// Encoded data.
    Data(&'a [u8]),
    Error(DataAccessResult),
    /// A piece of the list of answers, count included; pieces need not end where values do.
    Block {
        last: bool,
        block: u16,
        data: &'a [u8],
    },
    /// That block of the request is in: the next one, please.
    BlockNumber(u16),
}

/// One result in a WRITE response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteAnswer {
    Success,
    Error(DataAccessResult),
    /// That block of the request is in: the next one, please.
    BlockNumber(u16),
}

/// The variables of a list.
#[derive(Clone, Debug)]
pub struct Variables<'a>(Items<'a>);

/// The answers of a READ response's list.
#[derive(Clone, Debug)]
pub struct ReadAnswers<'a>(Items<'a>);

/// The results of a WRITE response's list.
#[derive(Clone, Debug)]
pub struct WriteAnswers<'a>(Items<'a>);

impl<'a> Variable<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, ApduError> {
        let at_choice = *reader;
        Ok(match reader.byte("a variable without its choice")? {
            2 => Self::Name(reader.u16("a short name that is cut off")?),
            4 => Self::Parameterised {
                name: reader.u16("a short name that is cut off")?,
                selector: reader.byte("a parameterised access without its selector")?,
                parameter: reader
                    .value("an access parameter that cannot be decoded")?
                    .1,
            },
            5 => Self::BlockNumber(reader.u16("a block number that is cut off")?),
            6 => {
                let (last, block, data) = piece(reader)?;
                Self::ReadBlock { last, block, data }
            }
            7 => {
                let (last, block) = numbered(reader)?;
                Self::WriteBlock { last, block }
            }
            _ => return Err(at_choice.error("a variable of an unknown kind")),
        })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Name(name) => word(2, *name, out),
            Self::Parameterised {
                name,
                selector,
                parameter,
            } => {
                word(4, *name, out);
                out.push(*selector);
                out.extend_from_slice(parameter);
            }
            Self::BlockNumber(number) => word(5, *number, out),
            Self::ReadBlock { last, block, data } => put_piece(6, *last, *block, data, out),
            Self::WriteBlock { last, block } => {
                out.extend_from_slice(&[7, u8::from(*last)]);
                out.extend_from_slice(&block.to_be_bytes());
            }
        }
    }
}

impl<'a> ReadAnswer<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, ApduError> {
        let at_choice = *reader;
        Ok(match reader.byte("an answer without its choice")? {
            0 => Self::Data(reader.value("an answer that cannot be decoded")?.1),
            1 => Self::Error(access_error(reader)?),
            2 => {
                let (last, block, data) = piece(reader)?;
                Self::Block { last, block, data }
            }
            3 => Self::BlockNumber(reader.u16("a block number that is cut off")?),
            _ => return Err(at_choice.error("an answer of an unknown kind")),
        })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Data(data) => {
                out.push(0);
                out.extend_from_slice(data);
            }
            Self::Error(result) => out.extend_from_slice(&[1, result.0]),
            Self::Block { last, block, data } => put_piece(2, *last, *block, data, out),
            Self::BlockNumber(number) => word(3, *number, out),
        }
    }
}

impl WriteAnswer {
    fn read(reader: &mut Reader<'_>) -> Result<Self, ApduError> {
        let at_choice = *reader;
        Ok(match reader.byte("a result without its choice")? {
            0 => Self::Success,
            1 => Self::Error(access_error(reader)?),
            2 => Self::BlockNumber(reader.u16("a block number that is cut off")?),
            _ => return Err(at_choice.error("a result of an unknown kind")),
        })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Success => out.push(0),
            Self::Error(result) => out.extend_from_slice(&[1, result.0]),
            Self::BlockNumber(number) => word(2, *number, out),
        }
    }
}

impl<'a> ReadRequest<'a> {
    pub fn decode(apdu: &'a [u8]) -> Result<Self, ApduError> {
        let mut reader = Reader::new(apdu);
        reader.tag(tag::READ_REQUEST, "not a READ request")?;
        let list = reader.something("a READ request without its list")?;
        Ok(Self { list })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(tag::READ_REQUEST);
        out.extend_from_slice(self.list);
    }
}

impl<'a> ReadResponse<'a> {
    pub fn decode(apdu: &'a [u8]) -> Result<Self, ApduError> {
        let mut reader = Reader::new(apdu);
        reader.tag(tag::READ_RESPONSE, "not a READ response")?;
        let list = reader.something("a READ response without its list")?;
        Ok(Self { list })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(tag::READ_RESPONSE);
        out.extend_from_slice(self.list);
    }
}

impl<'a> WriteRequest<'a> {
    pub fn decode(apdu: &'a [u8]) -> Result<Self, ApduError> {
        let mut reader = Reader::new(apdu);
        let confirmed = reader.peek() == Some(tag::WRITE_REQUEST);
        if confirmed {
            reader.byte("not a WRITE request")?;
        } else {
            reader.tag(tag::UNCONFIRMED_WRITE_REQUEST, "not a WRITE request")?;
        }
        let (list, values) = written(&mut reader)?;
        Ok(Self {
            confirmed,
            list,
            values,
        })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(if self.confirmed {
            tag::WRITE_REQUEST
        } else {
            tag::UNCONFIRMED_WRITE_REQUEST
        });
        out.extend_from_slice(self.list);
        out.extend_from_slice(self.values);
    }
}

impl<'a> WriteResponse<'a> {
    pub fn decode(apdu: &'a [u8]) -> Result<Self, ApduError> {
        let mut reader = Reader::new(apdu);
        reader.tag(tag::WRITE_RESPONSE, "not a WRITE response")?;
        let list = reader.something("a WRITE response without its list")?;
        Ok(Self { list })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(tag::WRITE_RESPONSE);
        out.extend_from_slice(self.list);
    }
}

impl<'a> InformationReport<'a> {
    pub fn decode(apdu: &'a [u8]) -> Result<Self, ApduError> {
        let mut reader = Reader::new(apdu);
        reader.tag(tag::INFORMATION_REPORT, "not an information report")?;
        let time = if reader.flag("a time that is neither there nor not")? {
            Some(reader.octets("a time that is cut off")?)
        } else {
            None
        };
        let (list, values) = written(&mut reader)?;
        Ok(Self { time, list, values })
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[tag::INFORMATION_REPORT, u8::from(self.time.is_some())]);
        if let Some(time) = self.time {
            encode_length(time.len(), out);
            out.extend_from_slice(time);
        }
        out.extend_from_slice(self.list);
        out.extend_from_slice(self.values);
    }
}

impl<'a> Variables<'a> {
    /// `list`: count, then variables.
    pub fn new(list: &'a [u8]) -> Result<Self, ApduError> {
        Items::new(list, 3).map(Self)
    }

    /// How many are still to come.
    pub fn left(&self) -> usize {
        self.0.left
    }

    /// What stands behind the list, once every item was taken.
    fn after(mut self) -> Result<&'a [u8], ApduError> {
        for item in self.by_ref() {
            item?;
        }
        Ok(self.0.reader.rest())
    }
}

impl<'a> Iterator for Variables<'a> {
    type Item = Result<Variable<'a>, ApduError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.item(Variable::read)
    }
}

impl<'a> ReadAnswers<'a> {
    /// `list`: count, then answers.
    pub fn new(list: &'a [u8]) -> Result<Self, ApduError> {
        Items::new(list, 2).map(Self)
    }

    /// How many are still to come.
    pub fn left(&self) -> usize {
        self.0.left
    }

    /// Octets behind the last answer.
    pub fn trailing(&self) -> usize {
        self.0.reader.left()
    }
}

impl<'a> Iterator for ReadAnswers<'a> {
    type Item = Result<ReadAnswer<'a>, ApduError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.item(ReadAnswer::read)
    }
}

impl<'a> WriteAnswers<'a> {
    /// `list`: count, then results.
    pub fn new(list: &'a [u8]) -> Result<Self, ApduError> {
        Items::new(list, 1).map(Self)
    }

    /// How many are still to come.
    pub fn left(&self) -> usize {
        self.0.left
    }

    /// Octets behind the last result.
    pub fn trailing(&self) -> usize {
        self.0.reader.left()
    }
}

impl Iterator for WriteAnswers<'_> {
    type Item = Result<WriteAnswer, ApduError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.0.item(WriteAnswer::read)
    }
}

/// Count, then each variable: the list of a READ or WRITE.
pub fn encode_variables(variables: &[Variable<'_>], out: &mut Vec<u8>) {
    encode_length(variables.len(), out);
    for one in variables {
        one.encode(out);
    }
}

/// The list of variables, and the values behind it: at least their count.
fn written<'a>(reader: &mut Reader<'a>) -> Result<(&'a [u8], &'a [u8]), ApduError> {
    let list = part(reader, |all| Variables::new(all)?.after())?;
    let values = part(reader, |all| {
        let mut values = Values::new(all)?;
        for value in values.by_ref() {
            value?;
        }
        Ok(values.behind())
    })?;
    reader.end("bytes after the values")?;
    Ok((list, values))
}

fn access_error(reader: &mut Reader<'_>) -> Result<DataAccessResult, ApduError> {
    reader
        .byte("a data-access-result that is missing")
        .map(DataAccessResult)
}

fn numbered(reader: &mut Reader<'_>) -> Result<(bool, u16), ApduError> {
    let last = reader.byte("a block without its last-block flag")? != 0;
    Ok((last, reader.u16("a block without its number")?))
}

fn piece<'a>(reader: &mut Reader<'a>) -> Result<(bool, u16, &'a [u8]), ApduError> {
    let (last, block) = numbered(reader)?;
    let data = reader.octets("a block whose length is not what follows")?;
    Ok((last, block, data))
}

fn put_piece(choice: u8, last: bool, block: u16, data: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&[choice, u8::from(last)]);
    out.extend_from_slice(&block.to_be_bytes());
    encode_length(data.len(), out);
    out.extend_from_slice(data);
}

fn word(choice: u8, word: u16, out: &mut Vec<u8>) {
    out.push(choice);
    out.extend_from_slice(&word.to_be_bytes());
}
