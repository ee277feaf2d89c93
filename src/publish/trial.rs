//! A test message: does what is sent arrive? The rule: it goes where readings go, and disturbs nothing that is there.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::{Instant, timeout_at};

use super::generation::say_goodbye;
use super::line::{Heard, Line};
use super::verdict::Verdict;
use super::words::Trouble;
use crate::store::{BrokerDefinition, Dialect, Kind, Message};

/// How it went.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trial {
    pub topic: String,
    /// From the first octet to CONNACK.
    pub connected: Duration,
    /// From PUBLISH to PUBACK.
    pub acknowledged: Duration,
}

/// The test message of a broker.
pub fn test_message(broker: &BrokerDefinition, at: Timestamp) -> Message {
    let ms = at.as_millisecond();
    if broker.dialect.is_thingsboard() {
        // It takes no other topic; the key is one no meter has. A gateway is a device too.
        let payload = format!(r#"{{"ts":{ms},"values":{{"obiscope_test":true}}}}"#);
        return Message::new(Kind::Test, "v1/devices/me/telemetry", payload);
    }
    let topic = match broker.dialect {
        Dialect::Json => "meters/obiscope-test",
        _ => "obiscope/test",
    };
    Message::new(Kind::Test, topic, format!(r#"{{"test":true,"ts":{ms}}}"#))
}

/// Where a person sees it arrive.
pub fn where_to_look(broker: &BrokerDefinition, topic: &str) -> String {
    if broker.dialect.is_thingsboard() {
        return "ThingsBoard shows it as obiscope_test under the device's latest telemetry"
            .to_owned();
    }
    let tls = match &broker.ca {
        Some(ca) => format!(" --cafile {}", ca.display()),
        None if broker.tls => " --tls-use-os-certs".to_owned(),
        None => String::new(),
    };
    format!(
        "a subscriber sees it: mosquitto_sub -h {} -p {}{tls} -v -t {topic}",
        broker.host, broker.port
    )
}

/// Connects under a client id of its own, publishes one message past the queue and waits for its PUBACK. What went
/// wrong comes in words.
pub async fn publish_one(
    broker: &BrokerDefinition,
    message: Message,
    wait: Duration,
) -> Result<Trial, String> {
    let began = Instant::now();
    let until = began + wait;
    let silent = |what: &str| {
        format!(
            "{} did not {what} within {}",
            broker.endpoint(),
            humantime::format_duration(wait)
        )
    };
    let mut line = Line::apart(broker, "obiscope-t").await?;
    line.connected(until, silent("answer CONNECT")).await?;
    let connected = began.elapsed();
    let topic = message.topic.clone();
    let sent = Instant::now();
    line.publish(message)
        .map_err(|_| Trouble::given_up().what)?;
    let verdict = loop {
        match timeout_at(until, line.events.recv()).await {
            Ok(Some(Ok(Heard::Acknowledged(_, verdict)))) => break verdict,
            Ok(Some(Ok(_))) => {}
            Ok(Some(Err(trouble))) => return Err(trouble.what),
            Ok(None) => return Err(Trouble::given_up().what),
            Err(_) => {
                return Err(format!(
                    "{}; it let us in, so: may this client publish on {topic}?",
                    silent("acknowledge the message")
                ));
            }
        }
    };
    let acknowledged = sent.elapsed();
    say_goodbye(&mut line).await;
    match verdict {
        Verdict::Taken => Ok(Trial {
            topic,
            connected,
            acknowledged,
        }),
        Verdict::Later(why)
        | Verdict::Never(why)
        | Verdict::Unclear(why)
        | Verdict::Forbidden(why) => Err(format!(
            "{} let us in and refused the message on {topic}: {why}",
            broker.endpoint()
        )),
    }
}
