//! ACTION with list at the meter's end, whole or its parameters in blocks. Each method has its own outcome; nothing runs
//! before all of it is here.

use super::application::{Application, NOT_ALLOWED, NOT_POSSIBLE, NOT_SUPPORTED, exception};
use super::writing::{Incoming, MOST_REFERENCES, Target};
use crate::cosem::data::encode_length;
use crate::dlms::xdlms::action::{ActionRequest, ActionResponse, Returned};
use crate::dlms::xdlms::list::{Methods, Values};
use crate::dlms::xdlms::{ActionResult, Conformance, InvokeId, MethodRef};
use crate::simulator::profile::Profile;
use std::time::Instant;

impl Application {
    /// A request with list, or a block of one.
    pub(super) fn is_list(&self, request: &ActionRequest<'_>) -> bool {
        match request {
            ActionRequest::WithList { .. } | ActionRequest::ListFirstBlock { .. } => true,
            ActionRequest::Block { .. } => self
                .incoming
                .as_ref()
                .is_some_and(|incoming| matches!(incoming.target, Target::Methods(_))),
            _ => false,
        }
    }

    pub(super) fn action_list(
        &mut self,
        now: Instant,
        profile: &Profile,
        request: &ActionRequest<'_>,
        out: &mut Vec<u8>,
    ) {
        let in_blocks = !matches!(request, ActionRequest::WithList { .. });
        if !self.agreed(Conformance::MULTIPLE_REFERENCES)
            || (in_blocks && !self.agreed(Conformance::BLOCK_ACTION))
        {
            return exception(NOT_ALLOWED, NOT_SUPPORTED, out);
        }
        match *request {
            ActionRequest::WithList {
                invoke,
                list,
                parameters,
            } => match methods(list) {
                Some(methods) => self.run_all(now, profile, invoke, &methods, parameters, out),
                None => exception(NOT_ALLOWED, NOT_POSSIBLE, out),
            },
            ActionRequest::ListFirstBlock {
                invoke,
                list,
                last,
                block,
                data,
            } => match methods(list) {
                Some(methods) => {
                    self.incoming = Some(Incoming::new(Target::Methods(methods)));
                    self.list_block(now, profile, (invoke, last, block, data), out);
                }
                None => exception(NOT_ALLOWED, NOT_POSSIBLE, out),
            },
            ActionRequest::Block {
                invoke,
                last,
                block,
                data,
            } => self.list_block(now, profile, (invoke, last, block, data), out),
            _ => exception(NOT_ALLOWED, NOT_POSSIBLE, out),
        }
    }

    fn list_block(
        &mut self,
        now: Instant,
        profile: &Profile,
        (invoke, last, block, data): (InvokeId, bool, u32, &[u8]),
        out: &mut Vec<u8>,
    ) {
        let refuse = |result, out: &mut Vec<u8>| {
            ActionResponse::Normal {
                invoke,
                result,
                returned: Returned::Nothing,
            }
            .encode(out);
        };
        let Some(mut incoming) = self.incoming.take() else {
            return refuse(ActionResult::NO_LONG_ACTION_IN_PROGRESS, out);
        };
        if incoming.add(block, data).is_err() {
            return refuse(ActionResult::LONG_ACTION_ABORTED, out);
        }
        if !last {
            self.incoming = Some(incoming);
            return ActionResponse::Next { invoke, block }.encode(out);
        }
        match &incoming.target {
            Target::Methods(methods) => {
                self.run_all(now, profile, invoke, methods, &incoming.joined, out);
            }
            _ => refuse(ActionResult::NO_LONG_ACTION_IN_PROGRESS, out),
        }
    }

    /// Too few parameters, and the rest is refused.
    fn run_all(
        &mut self,
        now: Instant,
        profile: &Profile,
        invoke: InvokeId,
        methods: &[MethodRef],
        parameters: &[u8],
        out: &mut Vec<u8>,
    ) {
        let mut list = Vec::with_capacity(2 * methods.len() + 1);
        encode_length(methods.len(), &mut list);
        let mut parameters = Values::new(parameters)
            .ok()
            .filter(|parameters| parameters.left() == methods.len());
        for method in methods {
            let result = match parameters.as_mut().and_then(Iterator::next) {
                Some(Ok(parameters)) => self.run(now, profile, *method, given(parameters)),
                _ => Err(ActionResult::TYPE_UNMATCHED),
            };
            list.extend_from_slice(&[result.err().unwrap_or(ActionResult::SUCCESS).0, 0]);
        }
        let list = &list;
        ActionResponse::WithList { invoke, list }.encode(out);
    }
}

/// Null-data stands for no parameters.
pub(super) fn given(parameters: &[u8]) -> &[u8] {
    match parameters {
        [0] => &[],
        given => given,
    }
}

fn methods(list: &[u8]) -> Option<Vec<MethodRef>> {
    let methods = Methods::new(list).ok()?;
    if methods.left() > MOST_REFERENCES {
        return None;
    }
    methods.collect::<Result<_, _>>().ok()
}
