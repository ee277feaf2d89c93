//! ACCESS: several GETs, SETs and ACTIONs in one request. It has no blocks of its own; what does not fit one APDU goes by
//! general block transfer or in parts.
use super::lists::Acted;
use super::transfer::{Service, Transfer, Verdict, failed, undecodable};
use super::{ActionError, Association, Event, GetError, LocalError, SetError};
use crate::cosem::data::encode_length;
use crate::cosem::{AttributeRef, Data};
use crate::dlms::xdlms::access::{
    AccessRequest, AccessResponse, LongInvokeId, Outcome, Outcomes, Specification,
    encode_specifications,
};
use crate::dlms::xdlms::list::Values;
use crate::dlms::xdlms::{
    ActionResult, ApduError, Conformance, DataAccessResult, MethodRef, Selection,
};
use std::time::Instant;

/// One thing to do in an ACCESS.
#[derive(Clone, Debug, PartialEq)]
pub enum Ask {
    Get(AttributeRef, Option<Selection>),
    Set(AttributeRef, Data),
    Action(MethodRef, Option<Data>),
}

/// What came of it.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    Got(Result<Data, GetError>),
    Set(Result<(), SetError>),
    Acted(Acted),
}

/// What each answer must be about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Get,
    Set,
    Action,
}

impl Ask {
    const fn kind(&self) -> Kind {
        match self {
            Self::Get(..) => Kind::Get,
            Self::Set(..) => Kind::Set,
            Self::Action(..) => Kind::Action,
        }
    }
}

impl Association {
    /// Does several things in one request, in order; the answers come as one [`Event::Accessed`]. With
    /// `break_on_error`, what stands behind the first that fails is not done.
    pub fn access(
        &mut self,
        now: Instant,
        asks: &[Ask],
        break_on_error: bool,
    ) -> Result<(), LocalError> {
        self.allow(Conformance::ACCESS, "the meter grants no ACCESS")?;
        if asks.iter().any(|ask| ask.kind() != Kind::Get) {
            self.allow_writing("access: this association only reads; nothing was sent")?;
        }
        if asks.is_empty() {
            return Err(LocalError("an ACCESS that asks for nothing"));
        }
        let selections: Vec<Vec<u8>> = asks.iter().map(selection).collect();
        let specifications: Vec<_> = asks
            .iter()
            .zip(&selections)
            .map(|(ask, access)| match ask {
                Ask::Get(attribute, _) => Specification::Get {
                    attribute: *attribute,
                    access,
                },
                Ask::Set(attribute, _) => Specification::Set {
                    attribute: *attribute,
                    access,
                },
                Ask::Action(method, _) => Specification::Action(*method),
            })
            .collect();
        let mut list = Vec::new();
        encode_specifications(&specifications, &mut list);
        let mut values = Vec::new();
        encode_length(asks.len(), &mut values);
        for ask in asks {
            match ask {
                Ask::Set(_, value) | Ask::Action(_, Some(value)) => value.encode(&mut values),
                Ask::Get(..) | Ask::Action(_, None) => Data::Null.encode(&mut values),
            }
        }
        let id = u32::from(self.begin(Service::Access).id());
        let invoke = LongInvokeId::new(id);
        self.transfer.kinds = asks.iter().map(Ask::kind).collect();
        AccessRequest {
            invoke: if break_on_error {
                invoke.breaking_on_error()
            } else {
                invoke
            },
            date_time: &[],
            list: &list,
            values: &values,
        }
        .encode(&mut self.request);
        self.fits("the ACCESS is longer than the meter's largest APDU; ask in parts")?;
        self.ask(now);
        Ok(())
    }
}

fn selection(ask: &Ask) -> Vec<u8> {
    let mut octets = Vec::new();
    if let Ask::Get(_, Some(selection)) = ask {
        selection.encode(&mut octets);
    }
    octets
}

impl Transfer {
    pub(super) fn access_response(&mut self, apdu: &[u8], certain: bool) -> Verdict {
        let response = match AccessResponse::decode(apdu) {
            Ok(response) => response,
            Err(error) => return undecodable(self.service(), error.to_string()),
        };
        let expected = self.invoke().id();
        if response.invoke.id() != u32::from(expected) {
            let got = u8::try_from(response.invoke.id()).unwrap_or(u8::MAX);
            if !certain {
                return Verdict::Stale { expected, got };
            }
            self.took_other_id(got);
        }
        match answers(&self.kinds, &response) {
            Ok(answers) => Verdict::done(Event::Accessed(Ok(answers))),
            Err(error) => failed(self.service(), error),
        }
    }
}

fn answers(kinds: &[Kind], response: &AccessResponse<'_>) -> Result<Vec<Answer>, GetError> {
    let wrong = |error: ApduError| GetError::Undecodable(error.to_string());
    let outcomes = Outcomes::new(response.outcomes).map_err(wrong)?;
    let values = Values::new(response.values).map_err(wrong)?;
    let asked = kinds.len();
    for got in [outcomes.left(), values.left()] {
        if got != asked {
            return Err(GetError::ListLength { asked, got });
        }
    }
    let mut all = Vec::new();
    for ((kind, outcome), value) in kinds.iter().zip(outcomes).zip(values) {
        let value = Data::decode_all(value.map_err(wrong)?)
            .map_err(|error| GetError::Undecodable(error.to_string()))?;
        all.push(match (kind, outcome.map_err(wrong)?) {
            (Kind::Get, Outcome::Get(result)) => Answer::Got(match result {
                DataAccessResult::SUCCESS => Ok(value),
                refused => Err(GetError::Access(refused)),
            }),
            (Kind::Set, Outcome::Set(result)) => Answer::Set(match result {
                DataAccessResult::SUCCESS => Ok(()),
                refused => Err(SetError::Access(refused)),
            }),
            (Kind::Action, Outcome::Action(result)) => Answer::Acted(match (result, value) {
                (ActionResult::SUCCESS, Data::Null) => Ok(None),
                (ActionResult::SUCCESS, value) => Ok(Some(value)),
                (refused, _) => Err(ActionError::Result(refused)),
            }),
            _ => {
                return Err(GetError::Undecodable(
                    "an outcome is about another service than was asked".to_owned(),
                ));
            }
        });
    }
    Ok(all)
}
