//! What came of each request of a conversation: blocks joined, values decoded.

use crate::trace::Said;
use obiscope::cosem::{AttributeRef, Data};
use obiscope::dlms::acse::{Aare, InitiateResponse, UserInformation};
use obiscope::dlms::hdlc::Parameters;
use obiscope::dlms::xdlms::action::Returned;
use obiscope::dlms::xdlms::list::Answers as ListAnswers;
use obiscope::dlms::xdlms::{
    ActionRequest, ActionResponse, ActionResult, DataAccessResult, GetRequest, GetResponse,
    MethodRef, SetRequest, SetResponse, tag,
};

#[derive(Debug)]
pub enum Answer {
    Linked(Parameters),
    Associated(InitiateResponse),
    Value {
        attribute: AttributeRef,
        selected: bool,
        octets: Vec<u8>,
        data: Data,
    },
    List(Vec<Data>),
    Set(AttributeRef, DataAccessResult),
    Acted(MethodRef, ActionResult),
    /// Anything else the meter said, by its tag.
    Other(u8),
}

/// What the client waits for.
#[derive(Clone, Debug)]
enum Asked {
    Nothing,
    Get(AttributeRef, bool),
    List,
    Set(AttributeRef),
    Action(MethodRef),
}

fn asked(apdu: &[u8], before: &Asked) -> Asked {
    match apdu.first() {
        Some(&tag::GET_REQUEST) => match GetRequest::decode(apdu).unwrap() {
            GetRequest::Normal {
                attribute, access, ..
            } => Asked::Get(attribute, !access.is_empty()),
            GetRequest::WithList { .. } => Asked::List,
            GetRequest::Next { .. } => before.clone(),
        },
        Some(&tag::SET_REQUEST) => match SetRequest::decode(apdu).unwrap() {
            SetRequest::Normal { attribute, .. } => Asked::Set(attribute),
            other => panic!("{other:?} in no recorded session"),
        },
        Some(&tag::ACTION_REQUEST) => match ActionRequest::decode(apdu).unwrap() {
            ActionRequest::Normal { method, .. } => Asked::Action(method),
            other => panic!("{other:?} in no recorded session"),
        },
        _ => Asked::Nothing,
    }
}

pub fn answers(conversation: &[Said]) -> Vec<Answer> {
    let mut all = Vec::new();
    let mut waits = Asked::Nothing;
    let mut joined = Vec::new();
    for said in conversation {
        match said {
            Said::Link(parameters) => all.push(Answer::Linked(*parameters)),
            Said::Client(apdu) => waits = asked(apdu, &waits),
            Said::Meter(apdu) => all.extend(answer(apdu, &waits, &mut joined)),
        }
    }
    all
}

fn value(asked: &Asked, octets: &[u8]) -> Answer {
    match asked {
        Asked::Get(attribute, selected) => Answer::Value {
            attribute: *attribute,
            selected: *selected,
            octets: octets.to_vec(),
            data: Data::decode(octets).unwrap().0,
        },
        Asked::List => {
            let list = ListAnswers::new(octets).unwrap();
            Answer::List(list.map(|item| item.unwrap().unwrap()).collect())
        }
        other => panic!("a value for {other:?}"),
    }
}

/// None: more blocks are to come.
fn answer(apdu: &[u8], asked: &Asked, joined: &mut Vec<u8>) -> Option<Answer> {
    match *apdu.first()? {
        tag::AARE => match Aare::decode(apdu).unwrap().user_information {
            UserInformation::Initiate(response) => Some(Answer::Associated(response)),
            other => panic!("{other:?} in an AARE"),
        },
        tag::GET_RESPONSE => {
            match GetResponse::decode(apdu).unwrap_or_else(|e| panic!("{e} {apdu:02X?}")) {
                GetResponse::Data { data, .. } => Some(value(asked, data)),
                GetResponse::WithList { list, .. } => Some(value(asked, list)),
                GetResponse::Block { last, data, .. } => {
                    joined.extend_from_slice(data);
                    last.then(|| value(asked, &std::mem::take(joined)))
                }
                other => panic!("{other:?} was printed nowhere"),
            }
        }
        tag::SET_RESPONSE => match (SetResponse::decode(apdu).unwrap(), asked) {
            (SetResponse::Normal { result, .. }, Asked::Set(attribute)) => {
                Some(Answer::Set(*attribute, result))
            }
            other => panic!("{other:?}"),
        },
        tag::ACTION_RESPONSE => match (ActionResponse::decode(apdu).unwrap(), asked) {
            (
                ActionResponse::Normal {
                    result, returned, ..
                },
                Asked::Action(method),
            ) => {
                if let Returned::Data(data) = returned {
                    Data::decode_all(data).unwrap();
                }
                Some(Answer::Acted(*method, result))
            }
            other => panic!("{other:?}"),
        },
        other => Some(Answer::Other(other)),
    }
}
