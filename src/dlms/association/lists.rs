//! SET and ACTION of several at once, by logical names. Each has its own result; a list that came back shorter or longer
//! than it was asked tells nothing about any of them.
use super::transfer::{Service, Transfer, Verdict, failed, undecodable};
use super::{ActionError, Association, Event, GetError, LocalError, SetError};
use crate::cosem::data::encode_length;
use crate::cosem::{AttributeRef, Data};
use crate::dlms::xdlms::action::{ActionResponse, Returned};
use crate::dlms::xdlms::list::{Outcomes, Results, encode_methods, encode_references};
use crate::dlms::xdlms::set::SetResponse;
use crate::dlms::xdlms::{
    ActionRequest, ActionResult, ApduError, Conformance, DataAccessResult, MethodRef, SetRequest,
};
use std::time::Instant;

/// What one method of a list came to.
pub type Acted = Result<Option<Data>, ActionError>;

impl Association {
    /// Writes several attributes at once; the answers come as one [`Event::SetList`].
    pub fn set_list(
        &mut self,
        now: Instant,
        list: &[(AttributeRef, Data)],
    ) -> Result<(), LocalError> {
        self.allow_writing("set: this association only reads; nothing was sent")?;
        if list.is_empty() {
            return Err(LocalError("a list of no attributes"));
        }
        if self.is_short() {
            return self.short_set_list(now, list);
        }
        self.allow(Conformance::SET, "the meter grants no SET")?;
        self.allow(Conformance::MULTIPLE_REFERENCES, NO_LISTS)?;
        let attributes: Vec<_> = list.iter().map(|(attribute, _)| *attribute).collect();
        let mut references = Vec::new();
        encode_references(&attributes, &mut references);
        let mut values = Vec::new();
        encode_length(list.len(), &mut values);
        for (_, value) in list {
            value.encode(&mut values);
        }
        let invoke = self.begin(Service::SetList(list.len()));
        SetRequest::WithList {
            invoke,
            list: &references,
            values: &values,
        }
        .encode(&mut self.request);
        if self.fits("").is_err() {
            self.request.clear();
            self.allow(Conformance::BLOCK_SET, TOO_LONG)?;
            let room = self.room_beside(references.len())?;
            self.transfer.outgoing.start(values, room);
            let (ends, block, data) = self.transfer.outgoing.next();
            SetRequest::ListFirstBlock {
                invoke,
                list: &references,
                last: ends,
                block,
                data,
            }
            .encode(&mut self.request);
        }
        self.ask(now);
        Ok(())
    }

    /// Runs several methods at once; the answers come as one [`Event::ActedList`].
    pub fn action_list(
        &mut self,
        now: Instant,
        list: &[(MethodRef, Option<Data>)],
    ) -> Result<(), LocalError> {
        self.allow_writing("action: this association only reads; nothing was sent")?;
        if list.is_empty() {
            return Err(LocalError("a list of no methods"));
        }
        self.allow(Conformance::ACTION, "the meter grants no ACTION")?;
        self.allow(Conformance::MULTIPLE_REFERENCES, NO_LISTS)?;
        let methods: Vec<_> = list.iter().map(|(method, _)| *method).collect();
        let mut named = Vec::new();
        encode_methods(&methods, &mut named);
        let mut parameters = Vec::new();
        encode_length(list.len(), &mut parameters);
        for (_, given) in list {
            given
                .as_ref()
                .unwrap_or(&Data::Null)
                .encode(&mut parameters);
        }
        let invoke = self.begin(Service::ActionList(list.len()));
        ActionRequest::WithList {
            invoke,
            list: &named,
            parameters: &parameters,
        }
        .encode(&mut self.request);
        if self.fits("").is_err() {
            self.request.clear();
            self.allow(Conformance::BLOCK_ACTION, TOO_LONG)?;
            let room = self.room_beside(named.len())?;
            self.transfer.outgoing.start(parameters, room);
            let (ends, block, data) = self.transfer.outgoing.next();
            ActionRequest::ListFirstBlock {
                invoke,
                list: &named,
                last: ends,
                block,
                data,
            }
            .encode(&mut self.request);
        }
        self.ask(now);
        Ok(())
    }

    pub(super) fn allow_writing(&self, otherwise: &'static str) -> Result<(), LocalError> {
        if self.config.read_only {
            Err(LocalError(otherwise))
        } else {
            Ok(())
        }
    }

    /// What a first block beside so long a list of references may take.
    fn room_beside(&self, list: usize) -> Result<usize, LocalError> {
        match self.longest().checked_sub(list) {
            Some(room) if room > LEAST_ROOM => Ok(room),
            _ => Err(LocalError(
                "the list is longer than the meter's largest APDU; ask in parts",
            )),
        }
    }
}

const NO_LISTS: &str = "the meter grants no lists of references; ask one by one";
const TOO_LONG: &str =
    "the list is longer than the meter's largest APDU, and it grants no blocks; ask in parts";
/// Less than this and a block would be all head.
const LEAST_ROOM: usize = 32;

impl Transfer {
    /// The answer to a SET with list.
    pub(super) fn set_list_response(
        &mut self,
        asked: usize,
        response: &SetResponse<'_>,
    ) -> Verdict {
        match *response {
            SetResponse::WithList { list, .. } => self.set_results(asked, list),
            SetResponse::LastBlockWithList { list, block, .. } => {
                match self.outgoing.confirmed(block) {
                    Ok(()) => self.set_results(asked, list),
                    Err(error) => failed(self.service(), error),
                }
            }
            SetResponse::Block { block, .. } => self.proceed(block),
            SetResponse::Normal { result, .. } | SetResponse::LastBlock { result, .. }
                if result != DataAccessResult::SUCCESS =>
            {
                failed(self.service(), GetError::Access(result))
            }
            SetResponse::Normal { .. } | SetResponse::LastBlock { .. } => undecodable(
                self.service(),
                "one result came where a list was asked".to_owned(),
            ),
        }
    }

    fn set_results(&self, asked: usize, list: &[u8]) -> Verdict {
        if self.outgoing.is_under_way() {
            return self.early();
        }
        match set_results(asked, list) {
            Ok(results) => Verdict::done(Event::SetList(Ok(results))),
            Err(error) => failed(self.service(), error),
        }
    }

    /// The answer to an ACTION with list.
    pub(super) fn action_list_response(&mut self, response: &ActionResponse<'_>) -> Verdict {
        match *response {
            ActionResponse::Next { block, .. } => self.proceed(block),
            ActionResponse::Normal { result, .. } if result != ActionResult::SUCCESS => {
                Verdict::done(Event::ActedList(Err(ActionError::Result(result))))
            }
            _ if self.outgoing.is_under_way() => self.early(),
            ActionResponse::WithList { list, .. } => self.whole(list),
            ActionResponse::Block {
                last, block, data, ..
            } => self.block(last, block, data),
            ActionResponse::Normal { .. } => undecodable(
                self.service(),
                "one outcome came where a list was asked".to_owned(),
            ),
        }
    }
}

fn set_results(asked: usize, list: &[u8]) -> Result<Vec<Result<(), SetError>>, GetError> {
    let wrong = |error: ApduError| GetError::Undecodable(error.to_string());
    let results = Results::new(list).map_err(wrong)?;
    let got = results.left();
    if got != asked {
        return Err(GetError::ListLength { asked, got });
    }
    results
        .map(|result| match result.map_err(wrong)? {
            DataAccessResult::SUCCESS => Ok(Ok(())),
            refused => Ok(Err(SetError::Access(refused))),
        })
        .collect()
}

/// All octets of the list of outcomes are here.
pub(super) fn outcomes(asked: usize, octets: &[u8]) -> Result<(Vec<Acted>, usize), GetError> {
    let wrong = |error: ApduError| GetError::Undecodable(error.to_string());
    let mut outcomes = Outcomes::new(octets).map_err(wrong)?;
    let got = outcomes.left();
    if got != asked {
        return Err(GetError::ListLength { asked, got });
    }
    let mut all = Vec::new();
    for outcome in outcomes.by_ref() {
        let (result, returned) = outcome.map_err(wrong)?;
        all.push(match (result, returned) {
            (ActionResult::SUCCESS, Returned::Nothing) => Ok(None),
            (ActionResult::SUCCESS, Returned::Data(data)) => match Data::decode_all(data) {
                Ok(data) => Ok(Some(data)),
                Err(error) => Err(ActionError::Undecodable(error.to_string())),
            },
            (ActionResult::SUCCESS, Returned::Error(result)) => Err(ActionError::Returned(result)),
            (refused, _) => Err(ActionError::Result(refused)),
        });
    }
    Ok((all, outcomes.trailing()))
}
