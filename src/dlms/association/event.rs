//! What the owner of an association gets to know, in the order it happened.
use super::access::Answer;
use super::lists::Acted;
use super::{ActionError, Failure, GetError, SetError};
use crate::cosem::Data;
use crate::dlms::hdlc::{Parameters, link::LinkNotice};
use crate::dlms::security::SecurityError;
use crate::dlms::xdlms::Conformance;

/// The rungs of the ladder a technician sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Step {
    Drain,
    Snrm,
    Ua,
    Aarq,
    Aare,
    /// Pass 3 of high-level security is out: our proof, for the meter's.
    Hls,
    Ready,
    Release,
    Disc,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A step was entered (its frame goes out) or its answer came.
    Step(Step),
    /// APDUs can travel: after UA with the negotiated link parameters, over the wrapper without any.
    LinkUp(Option<Parameters>),
    /// AARE accepted.
    Ready {
        conformance: Conformance,
        max_pdu: u16,
        dlms_version: u8,
    },
    /// The answer to `get`: one value, or the meter's reason.
    Got(Result<Data, GetError>),
    /// The answer to `get_list`: one result for each reference, in order, or why there is no list.
    GotList(Result<Vec<Result<Data, GetError>>, GetError>),
    /// The answer to `set`.
    Set(Result<(), SetError>),
    /// The answer to `action`: what the method gave back, if anything.
    Acted(Result<Option<Data>, ActionError>),
    /// The answer to `set_list`: one result for each, in order, or why there is no list.
    SetList(Result<Vec<Result<(), SetError>>, SetError>),
    /// The answer to `action_list`.
    ActedList(Result<Vec<Acted>, ActionError>),
    /// The answer to `access`.
    Accessed(Result<Vec<Answer>, GetError>),
    /// The association is over because we asked (DISC answered or its wait passed).
    Released,
    /// It is over because of this. The value is back at its start: `connect` again, on the same or a new connection,
    /// or `release` first, so that a meter that still holds the link gets its DISC.
    Failed(Failure),
    Notice(Notice),
    /// A data-notification, event-notification, information-report or other APDU nobody asked for: whole, opened if it
    /// was ciphered, as bytes.
    Unsolicited(Vec<u8>),
}

/// Worth telling, not fatal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    Link(LinkNotice),
    /// The answer came under another invoke-id, but the link's sequence numbers prove it ours; taken.
    OtherInvokeId {
        expected: u8,
        got: u8,
    },
    /// An answer to an earlier request, or of a meter that does not echo the invoke-id; dropped.
    StaleAnswer {
        expected: u8,
        got: u8,
    },
    /// An APDU that answers nothing we asked, by its tag; dropped.
    UnexpectedAnswer(u8),
    /// An APDU was refused and left out: it cannot be opened, is a replay, or came in clear where none may.
    Refused(SecurityError),
    /// No answer in time; the request went out again.
    AskedAgain {
        attempt: u8,
    },
    /// A block of an APDU nobody asked for does not fit the ones before it.
    LostBlocks(String),
    /// So many bytes after the value; left out.
    TrailingBytes(usize),
    /// The meter answered RLRQ with this APDU tag instead of RLRE: it may have no release service.
    ReleaseRefused(u8),
}

impl std::fmt::Display for Notice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let name = |tag| crate::dlms::xdlms::tag::name(tag).unwrap_or("unknown APDU");
        match self {
            Self::Link(notice) => notice.fmt(f),
            Self::OtherInvokeId { expected, got } => write!(
                f,
                "the answer carries invoke-id {got}, not {expected}; taken, since it is in sequence"
            ),
            Self::StaleAnswer { expected, got } => write!(
                f,
                "an answer with invoke-id {got} came where {expected} was due; dropped as late"
            ),
            Self::UnexpectedAnswer(tag) => {
                write!(f, "{} ({tag:02X}) came unasked; dropped", name(*tag))
            }
            Self::Refused(error) => write!(f, "an APDU was refused and left out: {error}"),
            Self::AskedAgain { attempt } => {
                write!(f, "no answer in time; asked again (attempt {attempt})")
            }
            Self::LostBlocks(what) => write!(f, "a notification in blocks was lost: {what}"),
            Self::TrailingBytes(count) => write!(f, "{count} byte(s) after the value; left out"),
            Self::ReleaseRefused(tag) => write!(
                f,
                "RLRQ was answered with {} ({tag:02X}): the meter may have no release service",
                name(*tag)
            ),
        }
    }
}
