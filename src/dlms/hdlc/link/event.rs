//! What a link tells its owner, in words a person can use.

use super::super::Parameters;
use std::fmt;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    Disconnected,
    /// Bytes of an earlier conversation are thrown away until the line is quiet.
    Draining,
    /// SNRM is out.
    Connecting,
    Connected,
    /// DISC is out.
    Disconnecting,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkEvent {
    /// UA came; what was negotiated from our side.
    Connected(Parameters),
    /// An APDU (LLC stripped) is complete: read it with `Link::apdu`.
    Apdu,
    /// An APDU nobody asked for (LLC stripped), in a UI frame or between answers: a pushed notification.
    Unnumbered(Vec<u8>),
    /// DISC was answered, with UA or with DM: both are good.
    Disconnected,
    /// The link is down. `connect` again, or `disconnect` to make the meter forget.
    Failed(LinkFailure),
    /// Worth telling, not fatal: a frame dropped, resent, foreign …
    Notice(LinkNotice),
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkFailure {
    #[error("no answer to {what} in {timeout:?} ({tries} {})", if *tries == 1 { "try" } else { "tries" })]
    NoAnswer {
        what: &'static str,
        timeout: Duration,
        tries: u8,
    },
    #[error("the meter answered {what} with DM: it is disconnected")]
    Dm { what: &'static str },
    #[error("the meter rejected our frame (FRMR): {0}")]
    Frmr(String),
    #[error("{0}")]
    Protocol(String),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LinkNotice {
    Resent {
        what: &'static str,
        attempt: u8,
    },
    /// A good header, then damage: the content was dropped.
    BadFcs,
    BadHcs,
    /// To another client, or from another server.
    Foreign,
    /// Our own frame came back, said once a connection: the line hears itself.
    Echo,
    /// N(S) or N(R) of the meter is not the one due.
    OutOfSequence {
        expected: u8,
        got: u8,
    },
    /// The same frame again; the first one counted.
    Duplicate,
    /// So many bytes belonged to no frame.
    Junk(usize),
    /// RNR: the meter cannot take anything now; it is asked again in a while.
    Busy,
    /// Of the wrapper (IEC 62056-47): wrong ports, wrong version, a length that lies. In words.
    Wrapper(String),
}

impl fmt::Display for LinkNotice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resent { what, attempt } => write!(f, "{what} sent again (attempt {attempt})"),
            Self::BadFcs => f.write_str("a frame with a wrong FCS was dropped"),
            Self::BadHcs => f.write_str("a frame with a wrong HCS was dropped"),
            Self::Foreign => f.write_str("a frame that is not between us and this meter"),
            Self::Echo => f.write_str("the line gives back what we send; the echo is left out"),
            Self::OutOfSequence { expected, got } => {
                write!(f, "sequence number {got} came where {expected} was due")
            }
            Self::Duplicate => f.write_str("a frame came a second time and was dropped"),
            Self::Junk(1) => f.write_str("1 byte belonged to no frame"),
            Self::Junk(count) => write!(f, "{count} bytes belonged to no frame"),
            Self::Busy => f.write_str("the meter is busy (RNR)"),
            Self::Wrapper(what) => f.write_str(what),
        }
    }
}

/// We asked for something that is not legal now; nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct LinkMisuse(pub &'static str);

/// Since the link was made; connecting again does not reset them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkCounters {
    pub frames_sent: u64,
    /// With right checksums, whoever they were for; without our own come back.
    pub frames_received: u64,
    pub resent: u64,
    /// Frames with a wrong HCS or FCS.
    pub bad_fcs: u64,
    /// Right frames that were of no use: foreign, repeated, out of sequence, unexpected.
    pub dropped: u64,
    pub junk_bytes: u64,
}
