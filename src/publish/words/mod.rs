//! What went wrong with a broker, in words: what failed, what was seen, what to try.

use std::io;

use rumqttc::tokio_rustls::rustls::{self, AlertDescription, CertificateError};
use rumqttc::{ConnectReturnCode, ConnectionError, StateError, TlsError};

use super::status::Cause;
use crate::cosem::data::printable;
use crate::store::BrokerDefinition;

pub(super) mod five;

/// Why a connection ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub what: String,
    pub cause: Cause,
    /// It will not mend itself: a person has to change something. Tried again only slowly.
    pub refused: bool,
    /// A message that was under way may be why.
    pub suspicious: bool,
}

impl Trouble {
    pub(super) fn passing(cause: Cause, what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            cause,
            refused: false,
            suspicious: matches!(
                cause,
                Cause::Closed | Cause::NoAcknowledgement | Cause::Other
            ),
        }
    }

    pub(super) fn lasting(cause: Cause, what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            cause,
            refused: true,
            suspicious: false,
        }
    }

    /// No message is to blame.
    pub(super) fn blameless(self) -> Self {
        Self {
            suspicious: false,
            ..self
        }
    }

    /// The connection's own task is gone.
    pub(super) fn given_up() -> Self {
        Self::passing(Cause::Other, "the connection was given up")
    }
}

/// `connected`: whether CONNACK had come.
pub(super) fn explain(
    error: &ConnectionError,
    broker: &BrokerDefinition,
    connected: bool,
) -> Trouble {
    let place = broker.endpoint();
    match error {
        ConnectionError::ConnectionRefused(code) => refusal(*code, broker),
        ConnectionError::NetworkTimeout => timed_out(&place),
        ConnectionError::FlushTimeout => {
            Trouble::passing(Cause::Unreachable, format!("{place} stopped taking data"))
        }
        ConnectionError::Tls(error) => tls_error(error, broker),
        ConnectionError::Io(error) => tcp(error, &place),
        ConnectionError::MqttState(error) => state(error, broker, connected),
        ConnectionError::NotConnAck(_) => not_a_connack(&place, "3.1.1"),
        ConnectionError::RequestsDone => Trouble::given_up(),
    }
}

fn timed_out(place: &str) -> Trouble {
    Trouble::passing(
        Cause::Unreachable,
        format!(
            "{place} did not answer within ten seconds; is it a broker, and does a firewall let MQTT through?"
        ),
    )
}

fn not_a_connack(place: &str, version: &str) -> Trouble {
    Trouble::passing(
        Cause::Other,
        format!("{place} answered CONNECT with something else; is it an MQTT {version} broker?"),
    )
}

fn tls_error(error: &TlsError, broker: &BrokerDefinition) -> Trouble {
    match error {
        TlsError::Io(error) => tls(error, broker),
        TlsError::DNSName(_) => Trouble::lasting(
            Cause::Refused,
            format!(
                "{} is no name a certificate can be made out to; use the broker's host name",
                printable(&broker.host)
            ),
        ),
        error => Trouble::lasting(
            Cause::Refused,
            format!("TLS: {}", printable(&error.to_string())),
        ),
    }
}

/// What to look at when the broker does not let us in.
fn login(broker: &BrokerDefinition) -> &'static str {
    if broker.token.is_some() {
        "the token"
    } else if broker.user.is_some() {
        "user and password"
    } else {
        "whether it wants a user, a password or a token"
    }
}

/// CONNACK return codes of MQTT 3.1.1, table 3.1.
fn refusal(code: ConnectReturnCode, broker: &BrokerDefinition) -> Trouble {
    let place = broker.endpoint();
    let login = login(broker);
    match code {
        ConnectReturnCode::Success => Trouble::passing(Cause::Other, "accepted"),
        ConnectReturnCode::RefusedProtocolVersion => Trouble::lasting(
            Cause::Refused,
            format!(
                "{place} refused: unacceptable protocol version (CONNACK 1); it does not speak MQTT 3.1.1"
            ),
        ),
        ConnectReturnCode::BadClientId => Trouble::lasting(
            Cause::Refused,
            format!(
                "{place} refused: client identifier rejected (CONNACK 2); it does not allow {}",
                printable(&broker.client_id)
            ),
        ),
        ConnectReturnCode::ServiceUnavailable => Trouble::passing(
            Cause::Refused,
            format!("{place} refused: server unavailable (CONNACK 3)"),
        ),
        ConnectReturnCode::BadUserNamePassword => Trouble::lasting(
            Cause::Refused,
            format!("{place} refused: bad user name or password (CONNACK 4); check {login}"),
        ),
        ConnectReturnCode::NotAuthorized => Trouble::lasting(
            Cause::Refused,
            format!("{place} refused: not authorised (CONNACK 5); check {login}"),
        ),
    }
}

fn tcp(error: &io::Error, place: &str) -> Trouble {
    Trouble::passing(
        Cause::Unreachable,
        match error.kind() {
            io::ErrorKind::ConnectionRefused => format!(
                "{place}: connection refused; nothing listens there. Is the broker running, and is the port right?"
            ),
            io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
                format!("{place} dropped the connection")
            }
            io::ErrorKind::TimedOut => format!("{place}: no answer; is the host up and reachable?"),
            io::ErrorKind::HostUnreachable | io::ErrorKind::NetworkUnreachable => {
                format!("{place}: no route to it; check network and address")
            }
            _ => format!("{place}: {}", printable(&error.to_string())),
        },
    )
}

fn tls(error: &io::Error, broker: &BrokerDefinition) -> Trouble {
    let place = broker.endpoint();
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(found)) => Trouble::lasting(
            Cause::Refused,
            format!("{place}: {}", certificate(found, broker)),
        ),
        Some(rustls::Error::InvalidMessage(_)) => Trouble::lasting(
            Cause::Refused,
            format!(
                "{place} does not speak TLS; MQTT with TLS usually has port 8883. Nothing was sent in the clear"
            ),
        ),
        Some(rustls::Error::AlertReceived(alert)) if about_ours(*alert) => Trouble::lasting(
            Cause::Refused,
            format!("{place} {}", our_certificate(*alert, broker)),
        ),
        Some(error) => Trouble::lasting(
            Cause::Refused,
            format!("{place}: TLS: {}", printable(&error.to_string())),
        ),
        None if error.kind() == io::ErrorKind::UnexpectedEof => Trouble::passing(
            Cause::Closed,
            format!(
                "{place} closed the connection during the TLS handshake; does it speak TLS on this port?"
            ),
        ),
        None => tcp(error, &place),
    }
}

/// TLS said no, though the connection had stood: with version 1.3 the server judges our certificate last.
fn is_tls(error: &io::Error) -> bool {
    (error.get_ref()).is_some_and(<dyn std::error::Error + Send + Sync>::is::<rustls::Error>)
}

fn about_ours(alert: AlertDescription) -> bool {
    matches!(
        alert,
        AlertDescription::CertificateRequired
            | AlertDescription::BadCertificate
            | AlertDescription::UnsupportedCertificate
            | AlertDescription::CertificateRevoked
            | AlertDescription::CertificateExpired
            | AlertDescription::CertificateUnknown
            | AlertDescription::UnknownCA
            | AlertDescription::AccessDenied
            | AlertDescription::DecryptError
    )
}

fn our_certificate(alert: AlertDescription, broker: &BrokerDefinition) -> String {
    if broker.cert.is_none() {
        return format!(
            "wants a certificate of ours (TLS alert: {alert:?}); give --cert and --key"
        );
    }
    format!(
        "does not accept our certificate (TLS alert: {alert:?}); is it signed by a CA that the broker knows, and still valid?"
    )
}

fn certificate(found: &CertificateError, broker: &BrokerDefinition) -> String {
    match found {
        CertificateError::UnknownIssuer if broker.ca.is_some() => {
            "its certificate is not signed by the CA in --ca".to_owned()
        }
        CertificateError::UnknownIssuer => {
            "its certificate is not signed by a CA this machine knows; name its CA with --ca FILE"
                .to_owned()
        }
        CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. } => {
            format!(
                "its certificate is made out to another name than {}; use that name in the url",
                printable(&broker.host)
            )
        }
        CertificateError::Expired | CertificateError::ExpiredContext { .. } => {
            "its certificate has expired (or this machine's clock is wrong)".to_owned()
        }
        CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
            "its certificate is not valid yet (or this machine's clock is wrong)".to_owned()
        }
        other => format!(
            "its certificate is refused: {}",
            printable(&other.to_string())
        ),
    }
}

fn state(error: &StateError, broker: &BrokerDefinition, connected: bool) -> Trouble {
    let place = broker.endpoint();
    if let StateError::Io(error) | StateError::Deserialization(rumqttc::mqttbytes::Error::Io(error)) =
        error
        && is_tls(error)
    {
        return tls(error, broker);
    }
    let closed = match error {
        StateError::ConnectionAborted => true,
        StateError::Io(error)
        | StateError::Deserialization(rumqttc::mqttbytes::Error::Io(error)) => is_hang_up(error),
        _ => false,
    };
    let cause = if closed { Cause::Closed } else { Cause::Other };
    let trouble = Trouble::passing(
        cause,
        match error {
            _ if closed => hung_up(broker, connected),
            StateError::AwaitPingResp => {
                format!("{place} no longer answers pings; the connection was given up")
            }
            StateError::Unsolicited(packet) => {
                format!("{place} acknowledged packet {packet}, which was not sent")
            }
            StateError::Deserialization(error) => format!(
                "{place} sent something that is not MQTT 3.1.1 ({}); is it a broker?",
                printable(&error.to_string())
            ),
            other => format!("{place}: {}", printable(&other.to_string())),
        },
    );
    match error {
        StateError::Unsolicited(_) | StateError::AwaitPingResp => trouble.blameless(),
        _ => trouble,
    }
}

/// The other side closed without saying why.
fn hung_up(broker: &BrokerDefinition, connected: bool) -> String {
    let place = broker.endpoint();
    if connected {
        format!(
            "{place} closed the connection; when this repeats, another client may use the same token or \
             client id, or the broker does not accept what is sent"
        )
    } else if broker.tls {
        format!("{place} closed the connection before answering CONNECT")
    } else {
        format!(
            "{place} closed the connection before answering CONNECT; does it want TLS (mqtts://)?"
        )
    }
}

fn is_hang_up(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionReset
            | io::ErrorKind::ConnectionAborted
            | io::ErrorKind::BrokenPipe
            | io::ErrorKind::UnexpectedEof
    )
}

/// No PUBACK for too long on an open connection.
pub(super) fn no_acknowledgement(broker: &BrokerDefinition, seconds: u64, topic: &str) -> Trouble {
    Trouble::passing(
        Cause::NoAcknowledgement,
        format!(
            "{} did not acknowledge a message on {} within {seconds} s; may this client publish there? \
         The connection is opened anew and the message sent again",
            broker.endpoint(),
            printable(topic)
        ),
    )
}
