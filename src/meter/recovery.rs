//! What was done so far to keep a meter read, level by level, as the screen and scripts see it. The rule: every level that
//! acts is counted under its cause, so that nothing heals unseen.

use super::session::SessionError;
use super::status::MeterStatus;
use crate::cosem::ObjectSpec;
use crate::dlms::association::Failure;
use crate::dlms::hdlc::link::LinkFailure;
use std::io::ErrorKind;
use std::sync::Arc;
use tokio::time::Instant;

/// The levels, mildest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// The frame again.
    Resend,
    /// SNRM and AARQ again on the same connection.
    Resync,
    /// DISC, FIN and a new connection.
    Reconnect,
    /// A growing pause before it.
    BackOff,
    /// The long pause of the circuit breaker.
    Breaker,
}

impl Level {
    pub const ALL: [Self; 5] = [
        Self::Resend,
        Self::Resync,
        Self::Reconnect,
        Self::BackOff,
        Self::Breaker,
    ];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Resend => "resend",
            Self::Resync => "resync",
            Self::Reconnect => "reconnect",
            Self::BackOff => "back-off",
            Self::Breaker => "breaker",
        }
    }
}

/// Why a new connection was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Cause {
    NoAnswer,
    /// The link or what it carries went wrong: DM, FRMR, what makes no sense.
    LinkError,
    /// The other side hung up.
    Closed,
    /// Nothing listens there.
    Refused,
    /// The connection could not be opened for another reason.
    Unreachable,
    /// The meter was there and wanted no association.
    Association,
    /// A fault on this side: a counter, a store.
    Local,
    /// Watchdog: bad or unanswered frames in a row.
    LinkErrors,
    /// Watchdog: cycles in a row without one value.
    FailedCycles,
    /// Watchdog: no value for too long.
    Silence,
    /// Time was up, as wished.
    Preventive,
    /// Somebody said so.
    Person,
    /// What was changed needs another link.
    Settings,
}

impl Cause {
    pub const ALL: [Self; 13] = [
        Self::NoAnswer,
        Self::LinkError,
        Self::Closed,
        Self::Refused,
        Self::Unreachable,
        Self::Association,
        Self::Local,
        Self::LinkErrors,
        Self::FailedCycles,
        Self::Silence,
        Self::Preventive,
        Self::Person,
        Self::Settings,
    ];
    pub const WATCHDOGS: [Self; 3] = [Self::LinkErrors, Self::FailedCycles, Self::Silence];

    pub const fn word(self) -> &'static str {
        match self {
            Self::NoAnswer => "no answer",
            Self::LinkError => "link error",
            Self::Closed => "closed by peer",
            Self::Refused => "refused TCP",
            Self::Unreachable => "unreachable",
            Self::Association => "association refused",
            Self::Local => "local fault",
            Self::LinkErrors => "watchdog link errors",
            Self::FailedCycles => "watchdog failed cycles",
            Self::Silence => "watchdog silence",
            Self::Preventive => "preventive",
            Self::Person => "person",
            Self::Settings => "settings",
        }
    }

    /// Whether the circuit breaker counts it: not what was wished for.
    pub const fn is_trouble(self) -> bool {
        !matches!(self, Self::Preventive | Self::Person | Self::Settings)
    }

    pub(super) fn of(error: &SessionError) -> Self {
        match error {
            SessionError::Connect { source, .. } => match source.kind() {
                ErrorKind::ConnectionRefused => Self::Refused,
                ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted => Self::Closed,
                _ => Self::Unreachable,
            },
            SessionError::Closed | SessionError::Io(_) => Self::Closed,
            SessionError::LinkErrors(_) => Self::LinkErrors,
            SessionError::Association(Failure::Link(LinkFailure::NoAnswer { .. })) => {
                Self::NoAnswer
            }
            SessionError::Association(Failure::Link(_) | Failure::Protocol(_)) => Self::LinkError,
            SessionError::Association(_) => Self::Association,
            SessionError::Counter(_)
            | SessionError::Attempt(_)
            | SessionError::Randomness(_)
            | SessionError::Misuse(_) => Self::Local,
        }
    }
}

/// Whether new connections are tried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Breaker {
    #[default]
    Closed,
    /// None until then, unless a person says so.
    Open { until: Instant },
    /// One try: it decides.
    HalfOpen,
}

/// An object that is left alone for a while, so that the others are read.
#[derive(Clone, Debug, PartialEq)]
pub struct Resting {
    pub spec: ObjectSpec,
    pub key: String,
    /// When it was first rested.
    pub since: Instant,
    pub why: String,
    /// When it is asked once more; past while that try is due or under way.
    pub next: Instant,
    /// How often it was rested since it last answered.
    pub times: u32,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recovery {
    /// Tries at a new connection, by cause.
    reconnects: [u32; Cause::ALL.len()],
    /// How often each watchdog bit.
    fired: [u32; Cause::WATCHDOGS.len()],
    pub back_offs: u32,
    /// How often the breaker opened.
    pub opened: u32,
    pub breaker: Breaker,
    /// Reconnects the breaker counts now.
    pub recent: u32,
    pub last_cause: Option<Cause>,
    pub resting: Arc<[Resting]>,
    /// How often an object was rested.
    pub rested: u32,
}

impl Recovery {
    pub fn reconnects(&self, cause: Cause) -> u32 {
        self.reconnects[cause as usize]
    }

    pub fn all_reconnects(&self) -> u32 {
        self.reconnects.iter().fold(0, |a, n| a.saturating_add(*n))
    }

    /// How often this watchdog bit; 0 for what is none.
    pub fn fired(&self, watchdog: Cause) -> u32 {
        let at = Cause::WATCHDOGS.iter().position(|it| *it == watchdog);
        at.map_or(0, |at| self.fired[at])
    }

    pub(crate) fn count(&mut self, cause: Cause) {
        let count = &mut self.reconnects[cause as usize];
        *count = count.saturating_add(1);
        self.last_cause = Some(cause);
    }

    pub(crate) fn count_fired(&mut self, watchdog: Cause) {
        if let Some(at) = Cause::WATCHDOGS.iter().position(|it| *it == watchdog) {
            self.fired[at] = self.fired[at].saturating_add(1);
        }
    }
}

impl MeterStatus {
    /// How often each level acted.
    pub fn acted(&self, level: Level) -> u64 {
        match level {
            Level::Resend => self.link.resent,
            Level::Resync => self.counters.resyncs,
            Level::Reconnect => self.recovery.all_reconnects().into(),
            Level::BackOff => self.recovery.back_offs.into(),
            Level::Breaker => self.recovery.opened.into(),
        }
    }
}
