//! SET and ACTION at the meter's end, whole or in blocks. Only a client that proved itself may write, only what the object
//! list says, and nothing is written before all of it is here.

use super::application::{Application, NOT_ALLOWED, NOT_POSSIBLE, NOT_SUPPORTED, exception};
use super::association::Association;
use super::reading::find;
use crate::cosem::data::encode_length;
use crate::cosem::{AttributeRef, Data};
use crate::dlms::xdlms::action::{ActionRequest, ActionResponse, Returned};
use crate::dlms::xdlms::list::{References, Values};
use crate::dlms::xdlms::set::{SetRequest, SetResponse};
use crate::dlms::xdlms::{ActionResult, Conformance, DataAccessResult, InvokeId, MethodRef};
use crate::simulator::objects::Source;
use crate::simulator::profile::Profile;
use std::time::Instant;

/// Longest value taken in blocks.
const LONGEST: usize = 64 * 1024;
/// References in one request.
pub(super) const MOST_REFERENCES: usize = 64;

/// A value on its way in.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) target: Target,
    pub(super) joined: Vec<u8>,
    /// The number of the last block taken.
    block: u32,
}

#[derive(Clone, Debug)]
pub(super) enum Target {
    Attribute(AttributeRef),
    List(Vec<AttributeRef>),
    Method(MethodRef),
    Methods(Vec<MethodRef>),
    /// A READ or WRITE request by short names: its lists.
    Read,
    Write,
}

impl Incoming {
    pub(super) const fn new(target: Target) -> Self {
        Self {
            target,
            joined: Vec::new(),
            block: 0,
        }
    }

    /// Adds one block; what is wrong with it as a data-access-result.
    pub(super) fn add(&mut self, block: u32, data: &[u8]) -> Result<(), DataAccessResult> {
        if block != self.block.wrapping_add(1) {
            return Err(DataAccessResult::DATA_BLOCK_NUMBER_INVALID);
        }
        if self.joined.len() + data.len() > LONGEST {
            return Err(DataAccessResult::LONG_SET_ABORTED);
        }
        self.block = block;
        self.joined.extend_from_slice(data);
        Ok(())
    }
}

impl Application {
    pub(super) fn set(&mut self, now: Instant, profile: &Profile, apdu: &[u8], out: &mut Vec<u8>) {
        let Ok(request) = SetRequest::decode(apdu) else {
            return exception(NOT_ALLOWED, NOT_POSSIBLE, out);
        };
        let needed = match request {
            SetRequest::Normal { .. } => Conformance::SET,
            SetRequest::WithList { .. } => Conformance::MULTIPLE_REFERENCES,
            _ => Conformance::BLOCK_SET,
        };
        if !self.agreed(needed) {
            return exception(NOT_ALLOWED, NOT_SUPPORTED, out);
        }
        let begins = !matches!(request, SetRequest::Block { .. });
        if begins {
            self.incoming = None;
        }
        match request {
            SetRequest::Normal {
                invoke,
                attribute,
                access,
                value,
            } => {
                let result = if access.is_empty() {
                    self.write(now, profile, attribute, value)
                } else {
                    Err(DataAccessResult::SCOPE_OF_ACCESS_VIOLATED)
                };
                let result = result.err().unwrap_or(DataAccessResult::SUCCESS);
                SetResponse::Normal { invoke, result }.encode(out);
            }
            SetRequest::FirstBlock {
                invoke,
                attribute,
                access,
                last,
                block,
                data,
            } => {
                if !access.is_empty() {
                    let result = DataAccessResult::SCOPE_OF_ACCESS_VIOLATED;
                    return SetResponse::LastBlock {
                        invoke,
                        result,
                        block,
                    }
                    .encode(out);
                }
                self.incoming = Some(Incoming::new(Target::Attribute(attribute)));
                self.set_block(now, profile, (invoke, last, block, data), out);
            }
            SetRequest::Block {
                invoke,
                last,
                block,
                data,
            } => self.set_block(now, profile, (invoke, last, block, data), out),
            SetRequest::WithList {
                invoke,
                list,
                values,
            } => match named(list).map(|named| self.write_all(now, profile, &named, values)) {
                Some(list) => SetResponse::WithList {
                    invoke,
                    list: &list,
                }
                .encode(out),
                None => exception(NOT_ALLOWED, NOT_POSSIBLE, out),
            },
            SetRequest::ListFirstBlock {
                invoke,
                list,
                last,
                block,
                data,
            } => match named(list) {
                Some(named) if self.agreed(Conformance::MULTIPLE_REFERENCES) => {
                    self.incoming = Some(Incoming::new(Target::List(named)));
                    self.set_block(now, profile, (invoke, last, block, data), out);
                }
                _ => exception(NOT_ALLOWED, NOT_POSSIBLE, out),
            },
        }
    }

    fn set_block(
        &mut self,
        now: Instant,
        profile: &Profile,
        (invoke, last, block, data): (InvokeId, bool, u32, &[u8]),
        out: &mut Vec<u8>,
    ) {
        let refuse = |result, out: &mut Vec<u8>| {
            SetResponse::LastBlock {
                invoke,
                result,
                block,
            }
            .encode(out);
        };
        let Some(mut incoming) = self
            .incoming
            .take()
            .filter(|incoming| matches!(incoming.target, Target::Attribute(_) | Target::List(_)))
        else {
            return refuse(DataAccessResult::NO_LONG_SET_IN_PROGRESS, out);
        };
        if let Err(result) = incoming.add(block, data) {
            return refuse(result, out);
        }
        if !last {
            self.incoming = Some(incoming);
            return SetResponse::Block { invoke, block }.encode(out);
        }
        match &incoming.target {
            Target::List(named) => {
                let results = self.write_all(now, profile, named, &incoming.joined);
                SetResponse::LastBlockWithList {
                    invoke,
                    list: &results,
                    block,
                }
                .encode(out);
            }
            Target::Attribute(attribute) => {
                let result = self.write(now, profile, *attribute, &incoming.joined);
                refuse(result.err().unwrap_or(DataAccessResult::SUCCESS), out);
            }
            _ => {}
        }
    }

    /// Count and results of a SET with list. Too few values, and the rest is refused.
    fn write_all(
        &mut self,
        now: Instant,
        profile: &Profile,
        named: &[AttributeRef],
        values: &[u8],
    ) -> Vec<u8> {
        let mut list = Vec::with_capacity(named.len() + 1);
        encode_length(named.len(), &mut list);
        let mut values = Values::new(values)
            .ok()
            .filter(|values| values.left() == named.len());
        for attribute in named {
            let value = values.as_mut().and_then(Iterator::next);
            let result = match value {
                Some(Ok(value)) => self.write(now, profile, *attribute, value),
                _ => Err(DataAccessResult::TYPE_UNMATCHED),
            };
            list.push(result.err().unwrap_or(DataAccessResult::SUCCESS).0);
        }
        list
    }

    pub(super) fn write(
        &mut self,
        now: Instant,
        profile: &Profile,
        attribute: AttributeRef,
        value: &[u8],
    ) -> Result<(), DataAccessResult> {
        let object = find(profile, attribute.class, attribute.obis)?;
        if !self.may_write() || !object.is_writable(attribute.attribute) {
            return Err(DataAccessResult::READ_WRITE_DENIED);
        }
        let value = Data::decode_all(value).map_err(|_| DataAccessResult::TYPE_UNMATCHED)?;
        match object.source {
            Source::Clock => {
                let time = value
                    .as_date_time()
                    .ok_or(DataAccessResult::TYPE_UNMATCHED)?;
                self.wall
                    .set(now, time, profile)
                    .ok_or(DataAccessResult::OTHER_REASON)
            }
            Source::Note => self.kept.set_note(value),
            Source::Relay => self.kept.relay.set_mode(&value),
            Source::ImageTransfer => self.kept.image.enable(&value),
            _ => Err(DataAccessResult::READ_WRITE_DENIED),
        }
    }

    pub(super) fn action(
        &mut self,
        now: Instant,
        profile: &Profile,
        apdu: &[u8],
        out: &mut Vec<u8>,
    ) {
        let Ok(request) = ActionRequest::decode(apdu) else {
            return exception(NOT_ALLOWED, NOT_POSSIBLE, out);
        };
        if self
            .association
            .as_ref()
            .is_some_and(Association::is_pending)
        {
            return self.prove(&request, out);
        }
        let invoke = request.invoke();
        if self.is_list(&request) {
            return self.action_list(now, profile, &request, out);
        }
        if !matches!(request, ActionRequest::Normal { .. })
            && !self.agreed(Conformance::BLOCK_ACTION)
        {
            return exception(NOT_ALLOWED, NOT_SUPPORTED, out);
        }
        let result = match request {
            ActionRequest::Normal {
                method, parameters, ..
            } => {
                self.incoming = None;
                self.run(now, profile, method, parameters)
            }
            ActionRequest::FirstBlock {
                method,
                last,
                block,
                data,
                ..
            } => {
                self.incoming = Some(Incoming::new(Target::Method(method)));
                match self.action_block(now, profile, (last, block, data)) {
                    None => return ActionResponse::Next { invoke, block }.encode(out),
                    Some(result) => result,
                }
            }
            ActionRequest::Block {
                last, block, data, ..
            } => match self.action_block(now, profile, (last, block, data)) {
                None => return ActionResponse::Next { invoke, block }.encode(out),
                Some(result) => result,
            },
            // No method here gives back more than fits.
            _ => Err(ActionResult::NO_LONG_ACTION_IN_PROGRESS),
        };
        ActionResponse::Normal {
            invoke,
            result: result.err().unwrap_or(ActionResult::SUCCESS),
            returned: Returned::Nothing,
        }
        .encode(out);
    }

    /// `None` when more is to come.
    fn action_block(
        &mut self,
        now: Instant,
        profile: &Profile,
        (last, block, data): (bool, u32, &[u8]),
    ) -> Option<Result<(), ActionResult>> {
        let Some(mut incoming) = self.incoming.take() else {
            return Some(Err(ActionResult::NO_LONG_ACTION_IN_PROGRESS));
        };
        let Target::Method(method) = incoming.target else {
            return Some(Err(ActionResult::NO_LONG_ACTION_IN_PROGRESS));
        };
        if incoming.add(block, data).is_err() {
            return Some(Err(ActionResult::LONG_ACTION_ABORTED));
        }
        if last {
            return Some(self.run(now, profile, method, &incoming.joined));
        }
        self.incoming = Some(incoming);
        None
    }

    pub(super) fn run(
        &mut self,
        now: Instant,
        profile: &Profile,
        method: MethodRef,
        parameters: &[u8],
    ) -> Result<(), ActionResult> {
        let object = find(profile, method.class, method.obis)
            .map_err(|DataAccessResult(code)| ActionResult(code))?;
        if !self.may_write() || !object.is_invocable(method.method) {
            return Err(ActionResult::READ_WRITE_DENIED);
        }
        let wrong = ActionResult::TYPE_UNMATCHED;
        let parameters = if parameters.is_empty() {
            Data::Integer(0)
        } else {
            Data::decode_all(parameters).map_err(|_| wrong)?
        };
        match (object.source, method.method, parameters) {
            (Source::Relay, method, Data::Integer(_)) => self.kept.relay.command(method),
            (Source::ImageTransfer, method, parameters) => {
                self.kept.image.method(now, method, &parameters)
            }
            (Source::LoadProfile, 1, Data::Integer(_)) => {
                self.kept.cleared = Some(self.wall.unix(now));
                Ok(())
            }
            (Source::Clock, 1, Data::Integer(_)) => {
                self.wall.round(now, 900, profile);
                Ok(())
            }
            (Source::Clock, 3, Data::Integer(_)) => {
                self.wall.round(now, 60, profile);
                Ok(())
            }
            (Source::Clock, 6, Data::Long(seconds @ -900..=900)) => {
                self.wall.shift(seconds.into());
                Ok(())
            }
            _ => Err(wrong),
        }
    }
}

/// The attributes of a list; none of them may be a part.
fn named(list: &[u8]) -> Option<Vec<AttributeRef>> {
    let references = References::new(list).ok()?;
    if references.left() > MOST_REFERENCES {
        return None;
    }
    references
        .map(|reference| match reference {
            Ok((attribute, [])) => Some(attribute),
            _ => None,
        })
        .collect()
}
