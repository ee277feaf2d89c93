//! READ and WRITE at the meter's end: by short names, several at once, parts by parameterised access, methods, and long
//! requests and answers in blocks. What was not agreed is refused as a whole.

use super::application::{Application, NOT_ALLOWED, NOT_POSSIBLE, NOT_SUPPORTED, exception};
use super::attributes::octets;
use super::lists::given;
use super::short_list::{self, Target};
use super::writing::{Incoming, MOST_REFERENCES, Target as Pending};
use crate::cosem::data::encode_length;
use crate::cosem::short_name::{CURRENT, Member, REPLY_TO_HLS};
use crate::dlms::xdlms::list::Values;
use crate::dlms::xdlms::short::{
    ReadAnswer, ReadRequest, ReadResponse, Variable, Variables, WriteAnswer, WriteRequest,
    WriteResponse,
};
use crate::dlms::xdlms::{Conformance, DataAccessResult};
use crate::simulator::profile::Profile;
use std::time::Instant;

/// Tag, count, choice, last-block, block number and the longest length.
const HEADER: usize = 1 + 1 + 1 + 1 + 2 + 3;
/// Data tag of the octet-string a block of a WRITE travels in.
const OCTET_STRING: u8 = 9;

/// One long answer, handed out block by block.
#[derive(Debug)]
pub(super) struct LongRead {
    data: Vec<u8>,
    at: usize,
    sent: u16,
}

impl Application {
    pub(super) fn short_read(
        &mut self,
        now: Instant,
        profile: &Profile,
        apdu: &[u8],
        out: &mut Vec<u8>,
    ) {
        let Some(variables) = ReadRequest::decode(apdu)
            .ok()
            .and_then(|request| variables(request.list))
        else {
            return exception(NOT_ALLOWED, NOT_POSSIBLE, out);
        };
        match variables[..] {
            [Variable::BlockNumber(block)] => return self.next_short_block(block, out),
            [Variable::ReadBlock { last, block, data }] => {
                return self.long_read_request(now, profile, (last, block, data), out);
            }
            _ => self.long_read = None,
        }
        self.incoming = None;
        self.read_variables(now, profile, &variables, out);
    }

    /// Pass 3 by short names, and pass 4 as the answer; anything else before that is refused.
    pub(super) fn prove_short(&mut self, apdu: &[u8], out: &mut Vec<u8>) {
        let asked = ReadRequest::decode(apdu)
            .ok()
            .and_then(|request| variables(request.list))
            .unwrap_or_default();
        let [
            Variable::Parameterised {
                name: REPLY_TO_HLS,
                parameter,
                ..
            },
        ] = asked[..]
        else {
            return exception(NOT_ALLOWED, NOT_POSSIBLE, out);
        };
        match self.proven(parameter) {
            Ok(proof) => {
                let mut list = vec![1, 0];
                octets(&proof, &mut list);
                ReadResponse { list: &list }.encode(out);
            }
            Err(result) => refuse_read(DataAccessResult(result.0), out),
        }
    }

    fn read_variables(
        &mut self,
        now: Instant,
        profile: &Profile,
        variables: &[Variable<'_>],
        out: &mut Vec<u8>,
    ) {
        if variables.len() > 1 && !self.agreed(Conformance::MULTIPLE_REFERENCES) {
            return exception(NOT_ALLOWED, NOT_SUPPORTED, out);
        }
        let mut list = Vec::new();
        encode_length(variables.len(), &mut list);
        for variable in variables {
            let start = list.len();
            list.push(0);
            if let Err(result) = self.read_variable(now, profile, *variable, &mut list) {
                list.truncate(start);
                ReadAnswer::Error(result).encode(&mut list);
            }
        }
        if list.len() < self.limit() {
            return ReadResponse { list: &list }.encode(out);
        }
        if !self.agreed(Conformance::BLOCK_GET) {
            let mut refused = vec![1];
            ReadAnswer::Error(DataAccessResult::OTHER_REASON).encode(&mut refused);
            return ReadResponse { list: &refused }.encode(out);
        }
        self.long_read = Some(LongRead {
            data: list,
            at: 0,
            sent: 0,
        });
        self.next_short_block(0, out);
    }

    fn read_variable(
        &mut self,
        now: Instant,
        profile: &Profile,
        variable: Variable<'_>,
        out: &mut Vec<u8>,
    ) -> Result<(), DataAccessResult> {
        let (name, selection) = match variable {
            Variable::Name(name) => (name, None),
            Variable::Parameterised {
                name,
                selector,
                parameter,
            } if self.agreed(Conformance::PARAMETERISED_ACCESS) => {
                (name, Some((selector, parameter)))
            }
            _ => return Err(DataAccessResult::SCOPE_OF_ACCESS_VIOLATED),
        };
        let table = &*profile.objects;
        match short_list::target(table, name).ok_or(DataAccessResult::OBJECT_UNDEFINED)? {
            Target::Attribute(attribute) => {
                let access = selection.map_or_else(Vec::new, |(selector, parameter)| {
                    let mut access = vec![selector];
                    access.extend_from_slice(parameter);
                    access
                });
                self.read(now, profile, attribute, &access, out)
            }
            Target::Method(method) => {
                let (_, parameter) = selection.ok_or(DataAccessResult::READ_WRITE_DENIED)?;
                self.run(now, profile, method, given(parameter))
                    .map_err(|result| DataAccessResult(result.0))?;
                out.push(0);
                Ok(())
            }
            Target::Association(Member::Attribute(1)) => {
                octets(&CURRENT.0, out);
                Ok(())
            }
            Target::Association(Member::Attribute(2)) if selection.is_none() => {
                short_list::encode(table, out);
                Ok(())
            }
            Target::Association(Member::Attribute(3)) if selection.is_none() => {
                short_list::rights(table, self.may_write(), out);
                Ok(())
            }
            Target::Association(_) => Err(DataAccessResult::READ_WRITE_DENIED),
        }
    }

    /// The block after `asked`.
    fn next_short_block(&mut self, asked: u16, out: &mut Vec<u8>) {
        let size = self.limit().saturating_sub(HEADER).max(1);
        let result = match self.long_read.as_mut() {
            None => DataAccessResult::NO_LONG_GET_IN_PROGRESS,
            Some(long) if long.sent == asked => {
                let rest = long.data.get(long.at..).unwrap_or_default();
                let data = rest.get(..size).unwrap_or(rest);
                let last = data.len() == rest.len();
                long.at += data.len();
                long.sent = long.sent.wrapping_add(1);
                let mut answer = vec![1];
                ReadAnswer::Block {
                    last,
                    block: long.sent,
                    data,
                }
                .encode(&mut answer);
                ReadResponse { list: &answer }.encode(out);
                if last {
                    self.long_read = None;
                }
                return;
            }
            Some(_) => DataAccessResult::DATA_BLOCK_NUMBER_INVALID,
        };
        self.long_read = None;
        refuse_read(result, out);
    }

    /// A request that comes in blocks.
    fn long_read_request(
        &mut self,
        now: Instant,
        profile: &Profile,
        (last, block, data): (bool, u16, &[u8]),
        out: &mut Vec<u8>,
    ) {
        match self.joined(Pending::Read, last, block, data) {
            Err(result) => refuse_read(result, out),
            Ok(None) => {
                let mut answer = vec![1];
                ReadAnswer::BlockNumber(block).encode(&mut answer);
                ReadResponse { list: &answer }.encode(out);
            }
            Ok(Some(whole)) => match variables(&whole) {
                Some(all) => self.read_variables(now, profile, &all, out),
                None => refuse_read(DataAccessResult::OTHER_REASON, out),
            },
        }
    }

    pub(super) fn short_write(
        &mut self,
        now: Instant,
        profile: &Profile,
        apdu: &[u8],
        out: &mut Vec<u8>,
    ) {
        self.long_read = None;
        let Ok(request) = WriteRequest::decode(apdu) else {
            return exception(NOT_ALLOWED, NOT_POSSIBLE, out);
        };
        let Some(variables) = variables(request.list) else {
            return exception(NOT_ALLOWED, NOT_POSSIBLE, out);
        };
        let results = if let [Variable::WriteBlock { last, block }] = variables[..] {
            self.long_write_request(now, profile, (last, block), request.values)
        } else {
            self.incoming = None;
            if variables.len() > 1 && !self.agreed(Conformance::MULTIPLE_REFERENCES) {
                return exception(NOT_ALLOWED, NOT_SUPPORTED, out);
            }
            self.write_variables(now, profile, &variables, request.values)
        };
        if request.confirmed {
            let mut list = Vec::new();
            encode_length(results.len(), &mut list);
            for result in results {
                result.encode(&mut list);
            }
            WriteResponse { list: &list }.encode(out);
        }
    }

    /// Too few values, and the rest is refused.
    fn write_variables(
        &mut self,
        now: Instant,
        profile: &Profile,
        variables: &[Variable<'_>],
        values: &[u8],
    ) -> Vec<WriteAnswer> {
        let mut values = Values::new(values)
            .ok()
            .filter(|values| values.left() == variables.len());
        let mut results = Vec::with_capacity(variables.len());
        for variable in variables {
            let result = match values.as_mut().and_then(Iterator::next) {
                Some(Ok(value)) => self.write_variable(now, profile, *variable, value),
                _ => Err(DataAccessResult::TYPE_UNMATCHED),
            };
            results.push(result.map_or_else(WriteAnswer::Error, |()| WriteAnswer::Success));
        }
        results
    }

    fn write_variable(
        &mut self,
        now: Instant,
        profile: &Profile,
        variable: Variable<'_>,
        value: &[u8],
    ) -> Result<(), DataAccessResult> {
        let Variable::Name(name) = variable else {
            return Err(DataAccessResult::SCOPE_OF_ACCESS_VIOLATED);
        };
        let table = &*profile.objects;
        match short_list::target(table, name).ok_or(DataAccessResult::OBJECT_UNDEFINED)? {
            Target::Attribute(attribute) => self.write(now, profile, attribute, value),
            Target::Method(method) => self
                .run(now, profile, method, given(value))
                .map_err(|result| DataAccessResult(result.0)),
            Target::Association(_) => Err(DataAccessResult::READ_WRITE_DENIED),
        }
    }

    fn long_write_request(
        &mut self,
        now: Instant,
        profile: &Profile,
        (last, block): (bool, u16),
        values: &[u8],
    ) -> Vec<WriteAnswer> {
        let piece = match values {
            [1, OCTET_STRING, rest @ ..] => crate::cosem::data::decode_length(rest)
                .ok()
                .and_then(|(length, used)| rest.get(used..)?.get(..length)),
            _ => None,
        };
        let Some(piece) = piece else {
            self.incoming = None;
            return vec![WriteAnswer::Error(DataAccessResult::TYPE_UNMATCHED)];
        };
        match self.joined(Pending::Write, last, block, piece) {
            Err(result) => vec![WriteAnswer::Error(result)],
            Ok(None) => vec![WriteAnswer::BlockNumber(block)],
            Ok(Some(whole)) => {
                // What was cut into pieces is the request behind its tag.
                let mut apdu = vec![crate::dlms::xdlms::tag::WRITE_REQUEST];
                apdu.extend_from_slice(&whole);
                let read = WriteRequest::decode(&apdu)
                    .ok()
                    .and_then(|request| Some((variables(request.list)?, request.values)));
                match read {
                    Some((all, values)) => self.write_variables(now, profile, &all, values),
                    None => vec![WriteAnswer::Error(DataAccessResult::OTHER_REASON)],
                }
            }
        }
    }

    /// Adds a block; the whole once the last is in.
    fn joined(
        &mut self,
        target: Pending,
        last: bool,
        block: u16,
        data: &[u8],
    ) -> Result<Option<Vec<u8>>, DataAccessResult> {
        if !self.agreed(Conformance::BLOCK_SET) {
            return Err(DataAccessResult::SCOPE_OF_ACCESS_VIOLATED);
        }
        let same = |incoming: &Incoming| {
            std::mem::discriminant(&incoming.target) == std::mem::discriminant(&target)
        };
        let mut incoming = match self.incoming.take().filter(same) {
            Some(incoming) if block != 1 => incoming,
            _ => Incoming::new(target),
        };
        incoming.add(block.into(), data)?;
        if last {
            return Ok(Some(incoming.joined));
        }
        self.incoming = Some(incoming);
        Ok(None)
    }
}

fn refuse_read(result: DataAccessResult, out: &mut Vec<u8>) {
    let mut list = vec![1];
    ReadAnswer::Error(result).encode(&mut list);
    ReadResponse { list: &list }.encode(out);
}

fn variables(list: &[u8]) -> Option<Vec<Variable<'_>>> {
    let variables = Variables::new(list).ok()?;
    if variables.left() == 0 || variables.left() > MOST_REFERENCES {
        return None;
    }
    variables.collect::<Result<_, _>>().ok()
}
