//! What the diagnosis is told of our own side. The rule: only what the definition says, never a secret.

use super::definition::{Auth, Definition};
use super::known_good::KnownGood;
use super::session::SessionError;
use crate::diagnosis::{self, ConnectFailure, Known, Settings};
use std::io::ErrorKind;
use std::time::Duration;

pub fn settings(meter: &Definition, good: Option<&KnownGood>) -> Settings {
    let wrapper = !meter.transport.is_hdlc();
    Settings {
        client: Some(meter.client.sap().into()),
        server: Some(meter.server),
        wrapper: Some(wrapper),
        auth: Some(match meter.auth {
            Auth::None => diagnosis::Auth::None,
            Auth::Lls => diagnosis::Auth::Low,
            // Mechanism ids (Green Book 9.2.7.2.4).
            Auth::HlsMd5 => diagnosis::Auth::High(3),
            Auth::HlsSha1 => diagnosis::Auth::High(4),
            Auth::HlsGmac => diagnosis::Auth::High(5),
            Auth::HlsSha256 => diagnosis::Auth::High(6),
            Auth::HlsEcdsa => diagnosis::Auth::High(7),
        }),
        max_info: Some(meter.max_info),
        window: Some(meter.window),
        timeout: Some(milliseconds(meter.timeout)),
        inactivity: Some(milliseconds(meter.inactivity)).filter(|time| *time > 0),
        known_good: good.map(|good| Known {
            client: good.client.sap().into(),
            server: Some(good.server).filter(|_| !wrapper),
            wrapper,
            when: super::clock::local_day(good.at),
        }),
        sign_on: Some(meter.mode_e),
    }
}

fn milliseconds(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// How a stream could not be opened; `by_name`: the host is a name that must be looked up.
pub(super) fn connect_failure(error: &std::io::Error, by_name: bool) -> ConnectFailure {
    match error.kind() {
        ErrorKind::ConnectionRefused => ConnectFailure::Refused,
        ErrorKind::TimedOut => ConnectFailure::TimedOut,
        ErrorKind::HostUnreachable | ErrorKind::NetworkUnreachable => ConnectFailure::Unreachable,
        // The resolver's errors carry no number of the system's.
        _ if by_name && error.raw_os_error().is_none() => ConnectFailure::Name,
        _ => ConnectFailure::Other,
    }
}

/// A connection that was made and broken off at once.
pub(super) fn is_reset(error: &std::io::Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::ConnectionAborted | ErrorKind::BrokenPipe
    )
}

/// The meter said nothing at all to what was asked.
pub(super) fn is_silence(error: &SessionError) -> bool {
    use crate::dlms::association::Failure;
    use crate::dlms::hdlc::link::LinkFailure;
    matches!(
        error,
        SessionError::Association(Failure::Link(LinkFailure::NoAnswer { .. }))
    )
}
