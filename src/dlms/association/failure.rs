//! Three ways to go wrong, kept apart: one answer (`GetError`), the whole association (`Failure`), or our own call (`LocalError`).
use crate::dlms::acse::{Diagnostic, result_name};
use crate::dlms::hdlc::link::LinkFailure;
use crate::dlms::security::SecurityError;
use crate::dlms::xdlms::{ActionResult, DataAccessResult, ExceptionResponse, ServiceError};

/// One GET brought no value; the association goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GetError {
    #[error("{0}")]
    Access(DataAccessResult),
    #[error("{0}")]
    Exception(ExceptionResponse),
    #[error("{0}")]
    Service(ServiceError),
    #[error("the answer cannot be decoded: {0}")]
    Undecodable(String),
    #[error("block {got} came where {expected} was due")]
    BlockOutOfOrder { expected: u32, got: u32 },
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    #[error("{asked} attributes were asked, and the list that came has {got}")]
    ListLength { asked: usize, got: usize },
    /// The question could not be sealed, or the answer cannot be opened, is a replay, or came in clear.
    #[error("the answer is refused: {0}")]
    Security(SecurityError),
}

impl GetError {
    /// The invocation counter the meter says it expects next, when it refused ours (exception 6). Nothing proves that
    /// the meter said it.
    pub const fn expected_counter(&self) -> Option<u32> {
        match self {
            Self::Exception(exception) => exception.counter,
            _ => None,
        }
    }
}

/// One SET did not take; the association goes on. After a block went wrong the meter holds the old value.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SetError {
    #[error("{0}")]
    Access(DataAccessResult),
    #[error("{0}")]
    Exception(ExceptionResponse),
    #[error("{0}")]
    Service(ServiceError),
    #[error("the answer cannot be decoded: {0}")]
    Undecodable(String),
    #[error("block {got} was confirmed where {expected} was sent")]
    BlockOutOfOrder { expected: u32, got: u32 },
    #[error("{asked} attributes were written, and the list that came has {got}")]
    ListLength { asked: usize, got: usize },
    /// As with [`GetError::Security`]: the value may have been written all the same.
    #[error("the answer is refused: {0}")]
    Security(SecurityError),
}

/// One ACTION did not run, or gave back nothing that can be read; the association goes on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ActionError {
    #[error("{0}")]
    Result(ActionResult),
    /// It ran, but its return value was refused.
    #[error("the method ran; its return value: {0}")]
    Returned(DataAccessResult),
    #[error("{0}")]
    Exception(ExceptionResponse),
    #[error("{0}")]
    Service(ServiceError),
    #[error("the answer cannot be decoded: {0}")]
    Undecodable(String),
    #[error("block {got} came where {expected} was due")]
    BlockOutOfOrder { expected: u32, got: u32 },
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    #[error("{asked} methods were asked, and the list that came has {got}")]
    ListLength { asked: usize, got: usize },
    /// As with [`GetError::Security`]: the method may have run all the same.
    #[error("the answer is refused: {0}")]
    Security(SecurityError),
}

/// The association is over.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    #[error("{0}")]
    Link(LinkFailure),
    /// The meter said no to the association. `is_authentication()` tells whether the secret was the cause.
    /// Result 0 with diagnostic 14 is a meter that wants high-level security next.
    #[error("{}", refusal(*result, *diagnostic, *service_error))]
    Refused {
        result: u8,
        diagnostic: Diagnostic,
        service_error: Option<ServiceError>,
    },
    #[error("association refused with exception: {0}")]
    Exception(ExceptionResponse),
    /// Nothing could be sealed, or what came cannot be opened or is not proven.
    #[error("{0}")]
    Security(#[from] SecurityError),
    /// High-level security failed: the meter refused our proof, or its own is wrong or missing. In words.
    #[error("high-level security: {0}")]
    Hls(String),
    #[error("{0}")]
    Protocol(String),
}

impl Failure {
    /// What we know was refused: authentication-failure, -required, mechanism-not-recognised, -required, a failed proof,
    /// keys that do not fit. Never tried again without a person: meters lock after a few.
    pub const fn is_authentication(&self) -> bool {
        match self {
            Self::Refused {
                diagnostic: Diagnostic::User(11..=14),
                ..
            }
            | Self::Hls(_) => true,
            Self::Refused {
                service_error: Some(error),
                ..
            } => error.is_deciphering(),
            Self::Exception(exception) => exception.is_deciphering(),
            Self::Security(error) => error.blames_keys(),
            _ => false,
        }
    }

    /// Only the invocation counter was in the way: ours in the meter's eyes, or the meter's in ours.
    pub const fn is_counter(&self) -> bool {
        match self {
            Self::Exception(exception) => exception.is_counter(),
            Self::Security(error) => matches!(error, SecurityError::CounterTooLow { .. }),
            _ => false,
        }
    }

    /// The invocation counter the meter says it expects next, when it refused ours (exception 6). Nothing proves that
    /// the meter said it.
    pub const fn expected_counter(&self) -> Option<u32> {
        match self {
            Self::Exception(exception) => exception.counter,
            _ => None,
        }
    }
}

fn refusal(result: u8, diagnostic: Diagnostic, service_error: Option<ServiceError>) -> String {
    match (result, diagnostic, service_error) {
        (0, Diagnostic::User(14), None) => {
            "the meter wants high-level security (HLS) before it accepts: authentication-required (14)".to_owned()
        }
        (_, Diagnostic::Missing, Some(error)) => format!("association refused: {error}"),
        (_, _, Some(error)) => {
            format!("association refused: {}, {diagnostic}; {error}", result_name(result))
        }
        (_, _, None) => format!("association refused: {}, {diagnostic}", result_name(result)),
    }
}

/// We asked for something that is not legal now; nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LocalError(pub &'static str);
