//! GET at the meter's end: one attribute, part of one, a list of them, and the answer in blocks when it is long.

use super::application::{Application, NOT_ALLOWED, NOT_POSSIBLE, NOT_SUPPORTED, exception};
use super::attributes::Reader;
use super::transfer::Transfer;
use crate::cosem::data::encode_length;
use crate::cosem::{AttributeRef, Obis};
use crate::dlms::xdlms::get::{GetRequest, GetResponse, InvokeId};
use crate::dlms::xdlms::list::References;
use crate::dlms::xdlms::{Conformance, DataAccessResult};
use crate::simulator::objects::Object;
use crate::simulator::profile::Profile;
use std::time::Instant;

impl Application {
    pub(super) fn get(&mut self, now: Instant, profile: &Profile, apdu: &[u8], out: &mut Vec<u8>) {
        let Ok(request) = GetRequest::decode(apdu) else {
            return exception(NOT_ALLOWED, NOT_POSSIBLE, out);
        };
        match request {
            GetRequest::Next { invoke, block } => self.next(invoke, block, out),
            GetRequest::Normal {
                invoke,
                attribute,
                access,
            } => {
                self.transfer = None;
                let mut data = std::mem::take(&mut self.data);
                data.clear();
                let result = self.read(now, profile, attribute, access, &mut data);
                let limit = self.limit();
                match result {
                    Err(result) => GetResponse::Error { invoke, result }.encode(out),
                    Ok(()) if data.len() + 4 > limit => {
                        return self.blocks(invoke, data, out);
                    }
                    Ok(()) => {
                        let data = &data;
                        GetResponse::Data { invoke, data }.encode(out);
                    }
                }
                self.data = data;
            }
            GetRequest::WithList { invoke, list } => {
                self.transfer = None;
                if !self.agreed(Conformance::MULTIPLE_REFERENCES) {
                    return exception(NOT_ALLOWED, NOT_SUPPORTED, out);
                }
                let mut results = Vec::new();
                if self.list(now, profile, list, &mut results).is_none() {
                    return exception(NOT_ALLOWED, NOT_POSSIBLE, out);
                }
                if results.len() + 3 > self.limit() {
                    return self.blocks(invoke, results, out);
                }
                let list = &results;
                GetResponse::WithList { invoke, list }.encode(out);
            }
        }
    }

    pub(super) fn read(
        &mut self,
        now: Instant,
        profile: &Profile,
        attribute: AttributeRef,
        access: &[u8],
        data: &mut Vec<u8>,
    ) -> Result<(), DataAccessResult> {
        let object = find(profile, attribute.class, attribute.obis)?;
        let association = self
            .association
            .as_ref()
            .ok_or(DataAccessResult::READ_WRITE_DENIED)?;
        let mut reader = Reader {
            profile,
            registers: &mut self.registers,
            wall: &self.wall,
            kept: &self.kept,
            counters: &self.counters,
            now,
            association,
        };
        if !access.is_empty() {
            if object.selectors(attribute.attribute).is_empty()
                || !(association.is_short()
                    || association.conformance.has(Conformance::SELECTIVE_ACCESS))
            {
                return Err(DataAccessResult::SCOPE_OF_ACCESS_VIOLATED);
            }
            return reader.select(access, data);
        }
        if attribute.attribute == 0 && association.conformance.has(Conformance::ATTRIBUTE0_GET) {
            reader.all(&object, data);
            return Ok(());
        }
        reader.attribute(&object, attribute.attribute, data)
    }

    /// Reads each reference of a with-list request; `None` when the list itself cannot be read.
    fn list(
        &mut self,
        now: Instant,
        profile: &Profile,
        list: &[u8],
        results: &mut Vec<u8>,
    ) -> Option<()> {
        let references = References::new(list).ok()?;
        encode_length(references.left(), results);
        for reference in references {
            let (attribute, access) = reference.ok()?;
            let start = results.len();
            results.push(0);
            if let Err(result) = self.read(now, profile, attribute, access, results) {
                results.truncate(start);
                results.extend_from_slice(&[1, result.0]);
            }
        }
        Some(())
    }

    /// Starts a block transfer, if that was agreed.
    fn blocks(&mut self, invoke: InvokeId, data: Vec<u8>, out: &mut Vec<u8>) {
        if !self.agreed(Conformance::BLOCK_GET) {
            let result = DataAccessResult::OTHER_REASON;
            return GetResponse::Error { invoke, result }.encode(out);
        }
        let mut transfer = Transfer::new(data, self.limit());
        if transfer.block(invoke, out) {
            self.transfer = Some(transfer);
        }
    }

    fn next(&mut self, invoke: InvokeId, block: u32, out: &mut Vec<u8>) {
        let result = match self.transfer.as_mut() {
            None => DataAccessResult::NO_LONG_GET_IN_PROGRESS,
            Some(transfer) if transfer.sent() == block => {
                if !transfer.block(invoke, out) {
                    self.transfer = None;
                }
                return;
            }
            Some(_) => DataAccessResult::DATA_BLOCK_NUMBER_INVALID,
        };
        self.transfer = None;
        GetResponse::BlockError {
            invoke,
            last: true,
            block,
            result,
        }
        .encode(out);
    }
}

/// The object of that class and name.
pub(super) fn find(profile: &Profile, class: u16, obis: Obis) -> Result<Object, DataAccessResult> {
    let object = profile
        .objects
        .find(obis)
        .ok_or(DataAccessResult::OBJECT_UNDEFINED)?;
    if object.class == class {
        Ok(*object)
    } else {
        Err(DataAccessResult::OBJECT_CLASS_INCONSISTENT)
    }
}
