//! Faults of the connection itself, as the server needs them.

use super::{Faults, Kind};
use std::time::Duration;

#[derive(Clone, Copy, Debug, Default)]
pub(in crate::simulator) struct ConnectionFaults {
    /// The port is taken and nobody listens.
    pub refuse: bool,
    pub ending: Option<Ending>,
    /// Accepted, and never served.
    pub half_open: bool,
    /// Closed when no byte passed for this time.
    pub idle: Option<Duration>,
    /// Others are turned away for this time after a connection.
    pub hold: Option<Duration>,
}

/// How a connection that was just accepted ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::simulator) enum Ending {
    Reset,
    Close,
}

impl ConnectionFaults {
    pub fn of(faults: &Faults) -> Self {
        Self {
            refuse: faults.has(Kind::Refuse),
            ending: if faults.has(Kind::Reset) {
                Some(Ending::Reset)
            } else if faults.has(Kind::Refuse) || faults.has(Kind::Close) {
                // A pipe cannot refuse; it closes.
                Some(Ending::Close)
            } else {
                None
            },
            half_open: faults.has(Kind::HalfOpen),
            idle: faults.time(Kind::IdleClose),
            hold: faults.time(Kind::HoldsPort),
        }
    }
}
