//! What went wrong with a broker, in words: what failed, what was seen, what to try.

use std::io;

use rumqttc::tokio_rustls::rustls::{self, CertificateError};
use rumqttc::{ConnectReturnCode, ConnectionError, StateError, TlsError};

use crate::cosem::data::printable;
use crate::store::BrokerDefinition;

/// Why a connection ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Trouble {
    pub what: String,
    /// It will not mend itself: a person has to change something. Tried again only slowly.
    pub refused: bool,
}

impl Trouble {
    pub(super) fn passing(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            refused: false,
        }
    }

    pub(super) fn lasting(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            refused: true,
        }
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
        ConnectionError::NetworkTimeout => Trouble::passing(format!(
            "{place} did not answer within ten seconds; is it a broker, and does a firewall let MQTT through?"
        )),
        ConnectionError::FlushTimeout => Trouble::passing(format!("{place} stopped taking data")),
        ConnectionError::Tls(TlsError::Io(error)) => tls(error, broker),
        ConnectionError::Tls(TlsError::DNSName(_)) => Trouble::lasting(format!(
            "{} is no name a certificate can be made out to; use the broker's host name",
            printable(&broker.host)
        )),
        ConnectionError::Tls(error) => {
            Trouble::lasting(format!("TLS: {}", printable(&error.to_string())))
        }
        ConnectionError::Io(error) => tcp(error, &place),
        ConnectionError::MqttState(error) => state(error, broker, connected),
        ConnectionError::NotConnAck(_) => Trouble::passing(format!(
            "{place} answered CONNECT with something else; is it an MQTT 3.1.1 broker?"
        )),
        ConnectionError::RequestsDone => Trouble::passing("the connection was given up"),
    }
}

/// CONNACK return codes of MQTT 3.1.1, table 3.1.
fn refusal(code: ConnectReturnCode, broker: &BrokerDefinition) -> Trouble {
    let place = broker.endpoint();
    let login = if broker.token.is_some() {
        "the token"
    } else if broker.user.is_some() {
        "user and password"
    } else {
        "whether it wants a user, a password or a token"
    };
    match code {
        ConnectReturnCode::Success => Trouble::passing("accepted"),
        ConnectReturnCode::RefusedProtocolVersion => Trouble::lasting(format!(
            "{place} refused: unacceptable protocol version (CONNACK 1); it does not speak MQTT 3.1.1"
        )),
        ConnectReturnCode::BadClientId => Trouble::lasting(format!(
            "{place} refused: client identifier rejected (CONNACK 2); it does not allow {}",
            printable(&broker.client_id)
        )),
        ConnectReturnCode::ServiceUnavailable => {
            Trouble::passing(format!("{place} refused: server unavailable (CONNACK 3)"))
        }
        ConnectReturnCode::BadUserNamePassword => Trouble::lasting(format!(
            "{place} refused: bad user name or password (CONNACK 4); check {login}"
        )),
        ConnectReturnCode::NotAuthorized => Trouble::lasting(format!(
            "{place} refused: not authorised (CONNACK 5); check {login}"
        )),
    }
}

fn tcp(error: &io::Error, place: &str) -> Trouble {
    Trouble::passing(match error.kind() {
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
    })
}

fn tls(error: &io::Error, broker: &BrokerDefinition) -> Trouble {
    let place = broker.endpoint();
    let inner = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<rustls::Error>());
    match inner {
        Some(rustls::Error::InvalidCertificate(found)) => {
            Trouble::lasting(format!("{place}: {}", certificate(found, broker)))
        }
        Some(rustls::Error::InvalidMessage(_)) => Trouble::lasting(format!(
            "{place} does not speak TLS; MQTT with TLS usually has port 8883. Nothing was sent in the clear"
        )),
        Some(error) => Trouble::lasting(format!("{place}: TLS: {}", printable(&error.to_string()))),
        None if error.kind() == io::ErrorKind::UnexpectedEof => Trouble::passing(format!(
            "{place} closed the connection during the TLS handshake; does it speak TLS on this port?"
        )),
        None => tcp(error, &place),
    }
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
    let closed = match error {
        StateError::ConnectionAborted => true,
        StateError::Io(error)
        | StateError::Deserialization(rumqttc::mqttbytes::Error::Io(error)) => is_hang_up(error),
        _ => false,
    };
    Trouble::passing(match error {
        _ if closed && connected => format!(
            "{place} closed the connection; when this repeats, another client may use the same token or \
             client id, or the broker does not accept what is sent"
        ),
        _ if closed && broker.tls => {
            format!("{place} closed the connection before answering CONNECT")
        }
        _ if closed => format!(
            "{place} closed the connection before answering CONNECT; does it want TLS (mqtts://)?"
        ),
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
    })
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
    Trouble::passing(format!(
        "{} did not acknowledge a message on {} within {seconds} s; may this client publish there? \
         The connection is opened anew and the message sent again",
        broker.endpoint(),
        printable(topic)
    ))
}
