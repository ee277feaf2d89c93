//! How a session fails, and the words for what the link noticed on the way.

use crate::dlms::association::{Failure, LocalError, Notice};
use crate::dlms::hdlc::link::LinkNotice;
use crate::meter::advice;
use crate::meter::attempts::AttemptError;
use crate::meter::counters::CounterError;
use crate::meter::definition::Definition;

#[derive(Debug, thiserror::Error)]
pub enum SessionError {
    #[error("{}", advice::connect_words(endpoint, source))]
    Connect {
        endpoint: String,
        source: std::io::Error,
    },
    #[error("{0}")]
    Association(#[from] Failure),
    #[error("the meter closed the connection")]
    Closed,
    #[error("connection lost: {0}")]
    Io(std::io::Error),
    /// The line is not fit for it, or nobody is there.
    #[error("{0} frames in a row were bad or unanswered")]
    LinkErrors(u32),
    /// No number is left, or none that is surely unused: nothing was sent.
    #[error("{0}")]
    Counter(#[from] CounterError),
    /// A person must say go on, or it cannot be counted: the secret was not sent.
    #[error("{0}")]
    Attempt(#[from] AttemptError),
    #[error("{0}")]
    Randomness(std::io::Error),
    /// A fault of ours: asked for something the association does not allow now. Nothing was sent.
    #[error("{0}")]
    Misuse(#[from] LocalError),
}

impl SessionError {
    /// What to try next, in words.
    pub fn advice(&self, meter: &Definition) -> String {
        advice::advice(self, meter)
    }

    /// Trying again by itself could lock the meter: a person must say go on.
    pub fn needs_person(&self) -> bool {
        match self {
            Self::Association(failure) => {
                failure.is_authentication()
                    || matches!(failure, Failure::Security(_)) && !failure.is_counter()
            }
            Self::Counter(error) => {
                matches!(error, CounterError::UsedUp | CounterError::Leap { .. })
            }
            Self::Attempt(error) => matches!(error, AttemptError::Asks { .. }),
            _ => false,
        }
    }

    /// Time rarely mends these: a few tries, then a person.
    pub fn is_about_counters(&self) -> bool {
        matches!(self, Self::Association(failure) if failure.is_counter())
    }

    /// The meter was there and is not now: a new connection may find it again.
    pub fn may_come_back(&self) -> bool {
        !matches!(self, Self::Misuse(_)) && !self.needs_person()
    }

    /// The stream still stands: SNRM on it may find the meter again.
    pub fn may_resynchronise(&self) -> bool {
        matches!(
            self,
            Self::Association(_) | Self::Misuse(_) | Self::Counter(CounterError::Taken)
        ) && !self.needs_person()
    }
}

pub(super) fn notice(notice: &Notice) -> String {
    let Notice::Link(notice) = notice else {
        return notice.to_string();
    };
    match notice {
        LinkNotice::Resent { what, attempt } => format!("{what} sent again (try {})", attempt + 1),
        LinkNotice::BadFcs => "frame with a wrong FCS dropped".to_owned(),
        LinkNotice::BadHcs => "frame with a wrong HCS dropped".to_owned(),
        LinkNotice::Foreign => "frame for another client or from another meter dropped".to_owned(),
        LinkNotice::Echo => {
            "the line gives back what we send (two-wire or optical head); the echo is left out"
                .to_owned()
        }
        LinkNotice::OutOfSequence { expected, got } => {
            format!("frame N(S)={got} dropped, {expected} was due")
        }
        LinkNotice::Duplicate => "frame received twice, dropped".to_owned(),
        LinkNotice::Junk(n) => format!("{n} byte(s) belong to no frame"),
        LinkNotice::Busy => "meter busy (RNR)".to_owned(),
        LinkNotice::Wrapper(what) => what.clone(),
    }
}
