//! The same for MQTT 5, which gives a reason for nearly everything (CONNACK table 3-1, DISCONNECT table 3-10).

use rumqttc::v5::mqttbytes::v5::{ConnectReturnCode, DisconnectReasonCode};
use rumqttc::v5::{ConnectionError, StateError, mqttbytes};

use super::{
    Cause, Trouble, hung_up, is_hang_up, is_tls, login, not_a_connack, tcp, timed_out, tls,
    tls_error,
};
use crate::cosem::data::printable;
use crate::store::BrokerDefinition;

/// `connected`: whether CONNACK had come.
pub(in crate::publish) fn explain(
    error: &ConnectionError,
    broker: &BrokerDefinition,
    connected: bool,
) -> Trouble {
    let place = broker.endpoint();
    match error {
        ConnectionError::ConnectionRefused(code)
        | ConnectionError::MqttState(StateError::ConnFail { reason: code }) => {
            refusal(*code, broker)
        }
        ConnectionError::Timeout(_) => timed_out(&place),
        ConnectionError::Tls(error) => tls_error(error, broker),
        ConnectionError::Io(error) => tcp(error, &place),
        ConnectionError::MqttState(error) => state(error, broker, connected),
        ConnectionError::NotConnAck(_) => not_a_connack(&place, "5"),
        ConnectionError::RequestsDone => Trouble::given_up(),
    }
}

fn refusal(code: ConnectReturnCode, broker: &BrokerDefinition) -> Trouble {
    use ConnectReturnCode as Code;
    let (place, login) = (broker.endpoint(), login(broker));
    let lasting = |what: String| Trouble::lasting(Cause::Refused, what);
    match code {
        Code::BadUserNamePassword => lasting(format!(
            "{place} refused: bad user name or password (CONNACK 0x86); check {login}"
        )),
        Code::NotAuthorized => lasting(format!(
            "{place} refused: not authorised (CONNACK 0x87); check {login}"
        )),
        Code::Banned => lasting(format!(
            "{place} refused: this client is banned (CONNACK 0x8A); wait, and ask who runs the broker"
        )),
        Code::ClientIdentifierNotValid | Code::BadClientId => lasting(format!(
            "{place} refused: client identifier not valid (CONNACK 0x85); it does not allow {}",
            printable(&broker.client_id)
        )),
        Code::UnsupportedProtocolVersion | Code::RefusedProtocolVersion => lasting(format!(
            "{place} refused: it does not speak MQTT 5 (CONNACK 0x84); choose --mqtt 3.1.1"
        )),
        Code::QuotaExceeded => Trouble::passing(
            Cause::Quota,
            format!("{place} refused: quota exceeded (CONNACK 0x97)"),
        ),
        Code::ConnectionRateExceeded => Trouble::passing(
            Cause::Quota,
            format!("{place} refused: connected too often (CONNACK 0x9F)"),
        ),
        other => Trouble::passing(
            Cause::Refused,
            format!(
                "{place} refused: {} (CONNACK)",
                spelled(&format!("{other:?}"))
            ),
        ),
    }
}

fn state(error: &StateError, broker: &BrokerDefinition, connected: bool) -> Trouble {
    let place = broker.endpoint();
    match error {
        StateError::Io(error) | StateError::Deserialization(mqttbytes::Error::Io(error))
            if is_tls(error) =>
        {
            tls(error, broker)
        }
        StateError::ServerDisconnect {
            reason_code,
            reason_string,
        } => disconnected(*reason_code, reason_string.as_deref(), broker),
        StateError::ConnectionAborted => {
            Trouble::passing(Cause::Closed, hung_up(broker, connected))
        }
        StateError::Io(error) | StateError::Deserialization(mqttbytes::Error::Io(error))
            if is_hang_up(error) =>
        {
            Trouble::passing(Cause::Closed, hung_up(broker, connected))
        }
        StateError::AwaitPingResp => Trouble::passing(
            Cause::Unreachable,
            format!("{place} no longer answers pings; the connection was given up"),
        ),
        StateError::Unsolicited(packet) => Trouble::passing(
            Cause::Other,
            format!("{place} acknowledged packet {packet}, which was not sent"),
        )
        .blameless(),
        StateError::Deserialization(error) => Trouble::passing(
            Cause::Other,
            format!(
                "{place} sent something that is not MQTT 5 ({}); is it a broker?",
                printable(&error.to_string())
            ),
        ),
        other => Trouble::passing(
            Cause::Other,
            format!("{place}: {}", printable(&other.to_string())),
        ),
    }
}

fn disconnected(
    code: DisconnectReasonCode,
    said: Option<&str>,
    broker: &BrokerDefinition,
) -> Trouble {
    use DisconnectReasonCode as Code;
    let place = broker.endpoint();
    let said = said.map_or_else(String::new, |said| format!(": {}", printable(said)));
    let number = code as u8;
    match code {
        Code::SessionTakenOver => Trouble::passing(
            Cause::TakenOver,
            format!(
                "{place} gave our place to another client with the same client id or token (0x8E){said}; find the twin"
            ),
        ),
        Code::NotAuthorized => Trouble::lasting(
            Cause::Forbidden,
            format!(
                "{place} sent us away: not authorised (0x87){said}; may this client publish there?"
            ),
        ),
        Code::QuotaExceeded | Code::MessageRateTooHigh | Code::ConnectionRateExceeded => {
            Trouble::passing(
                Cause::Quota,
                format!("{place} sent us away: more than it takes (0x{number:02X}){said}"),
            )
        }
        other => {
            let trouble = Trouble::passing(
                Cause::Closed,
                format!(
                    "{place} sent us away: {} (0x{number:02X}){said}",
                    spelled(&format!("{other:?}"))
                ),
            );
            match other {
                // Its own affairs.
                Code::ServerShuttingDown
                | Code::ServerBusy
                | Code::ServerMoved
                | Code::UseAnotherServer
                | Code::AdministrativeAction
                | Code::KeepAliveTimeout => trouble.blameless(),
                _ => trouble,
            }
        }
    }
}

/// `ServerShuttingDown` → `server shutting down`.
fn spelled(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_ascii_uppercase() && !words.is_empty() {
            words.push(' ');
        }
        words.push(letter.to_ascii_lowercase());
    }
    words
}
