//! ACCESS at the meter's end: each thing asked for is done in order and has its own outcome; with break on error, nothing
//! after the first failure is done. One answer, in one APDU.

use super::application::{Application, NOT_ALLOWED, NOT_POSSIBLE, exception};
use super::lists::given;
use super::writing::MOST_REFERENCES;
use crate::cosem::data::encode_length;
use crate::dlms::xdlms::access::{
    AccessRequest, AccessResponse, Outcome, Specification, Specifications,
};
use crate::dlms::xdlms::list::Values;
use crate::dlms::xdlms::{ActionResult, DataAccessResult, ExceptionResponse};
use crate::simulator::profile::Profile;
use std::time::Instant;

const NULL: u8 = 0;
/// exception-response: pdu-too-long.
const TOO_LONG: u8 = 4;

impl Application {
    pub(super) fn access(
        &mut self,
        now: Instant,
        profile: &Profile,
        apdu: &[u8],
        out: &mut Vec<u8>,
    ) {
        let Some((request, asked)) = asked(apdu) else {
            return exception(NOT_ALLOWED, NOT_POSSIBLE, out);
        };
        let (mut values, mut outcomes) = (Vec::new(), Vec::new());
        encode_length(asked.len(), &mut values);
        encode_length(asked.len(), &mut outcomes);
        let mut failed = false;
        for (specification, value) in asked {
            let outcome = if failed && request.invoke.breaks_on_error() {
                values.push(NULL);
                aborted(specification)
            } else {
                self.one(now, profile, specification, value, &mut values)
            };
            failed |= !outcome.is_success();
            outcome.encode(&mut outcomes);
        }
        let start = out.len();
        AccessResponse {
            invoke: request.invoke,
            date_time: &[],
            asked: request.invoke.is_self_descriptive().then_some(request.list),
            values: &values,
            outcomes: &outcomes,
        }
        .encode(out);
        if out.len() - start > self.access_limit() {
            out.truncate(start);
            ExceptionResponse {
                state: NOT_ALLOWED,
                service: TOO_LONG,
                counter: None,
            }
            .encode(out);
        }
    }

    /// Only general block transfer could make more of it.
    fn access_limit(&self) -> usize {
        if self.agreed(crate::dlms::xdlms::Conformance::GENERAL_BLOCK_TRANSFER) {
            usize::MAX
        } else {
            self.limit()
        }
    }

    /// Appends the value that belongs to it: null-data but for a GET that went well.
    fn one(
        &mut self,
        now: Instant,
        profile: &Profile,
        specification: Specification<'_>,
        value: &[u8],
        values: &mut Vec<u8>,
    ) -> Outcome {
        let code = |result: Result<(), DataAccessResult>| {
            result.err().unwrap_or(DataAccessResult::SUCCESS)
        };
        match specification {
            Specification::Get { attribute, access } => {
                let start = values.len();
                let result = self.read(now, profile, attribute, access, values);
                if result.is_err() {
                    values.truncate(start);
                    values.push(NULL);
                }
                Outcome::Get(code(result))
            }
            Specification::Set { attribute, access } => {
                values.push(NULL);
                Outcome::Set(if access.is_empty() {
                    code(self.write(now, profile, attribute, value))
                } else {
                    DataAccessResult::SCOPE_OF_ACCESS_VIOLATED
                })
            }
            Specification::Action(method) => {
                values.push(NULL);
                let result = self.run(now, profile, method, given(value));
                Outcome::Action(result.err().unwrap_or(ActionResult::SUCCESS))
            }
        }
    }
}

type Asked<'a> = (AccessRequest<'a>, Vec<(Specification<'a>, &'a [u8])>);

/// The request, and each thing asked for with its value; `None` when the two lists do not go together.
fn asked(apdu: &[u8]) -> Option<Asked<'_>> {
    let request = AccessRequest::decode(apdu).ok()?;
    let list = Specifications::new(request.list).ok()?;
    let values = Values::new(request.values).ok()?;
    if list.left() != values.left() || list.left() > MOST_REFERENCES {
        return None;
    }
    let all = list
        .zip(values)
        .map(|(one, value)| Some((one.ok()?, value.ok()?)))
        .collect::<Option<_>>()?;
    Some((request, all))
}

fn aborted(specification: Specification<'_>) -> Outcome {
    match specification {
        Specification::Get { .. } => Outcome::Get(DataAccessResult::OTHER_REASON),
        Specification::Set { .. } => Outcome::Set(DataAccessResult::OTHER_REASON),
        Specification::Action(_) => Outcome::Action(ActionResult::OTHER_REASON),
    }
}
