//! A device that makes itself known to ThingsBoard (provisioning), and one that is claimed by a customer. One short connection
//! each, beside whatever runs. The rule: key, secret and the token that comes back are secrets all the way.

use std::time::Duration;

use serde_json::{Value, json};
use tokio::time::{Instant, timeout_at};

use super::generation::say_goodbye;
use super::line::{Heard, Line};
use super::verdict::Verdict;
use crate::cosem::data::printable;
use crate::dlms::security::Secret;
use crate::store::{BrokerDefinition, Kind, Message, Protocol};

const USER: &str = "provision";
const REQUEST: &str = "/provision/request";
const RESPONSE: &str = "/provision/response";

/// Whom to make known, and by which device profile's key and secret.
pub struct Wanted<'a> {
    pub device: &'a str,
    pub key: &'a Secret,
    pub secret: &'a Secret,
    pub gateway: bool,
}

/// What the platform gave.
#[derive(Clone, Debug, PartialEq)]
pub enum Credentials {
    Token(Secret),
    Basic {
        client_id: Option<String>,
        user: Option<String>,
        password: Option<Secret>,
    },
}

impl Credentials {
    /// Instead of whatever was there.
    pub fn apply(self, broker: &mut BrokerDefinition) {
        (broker.user, broker.password, broker.token) = (None, None, None);
        match self {
            Self::Token(token) => broker.token = Some(token),
            Self::Basic {
                client_id,
                user,
                password,
            } => {
                (broker.user, broker.password) = (user, password);
                if let Some(client_id) = client_id {
                    broker.client_id = client_id;
                }
            }
        }
    }
}

/// The error is in words.
pub async fn provision(
    broker: &BrokerDefinition,
    wanted: &Wanted<'_>,
    wait: Duration,
) -> Result<Credentials, String> {
    let mut stranger = broker.clone();
    (stranger.password, stranger.token) = (None, None);
    stranger.user = Some(USER.to_owned());
    let until = Instant::now() + wait;
    let mut line = connected(&stranger, until).await?;
    let place = broker.endpoint();
    let gone = || format!("{place} ended the connection before it answered");
    line.subscribe(&[RESPONSE.to_owned()]).map_err(|_| gone())?;
    let text = |secret: &Secret| String::from_utf8_lossy(secret.expose()).into_owned();
    let mut request = json!({
        "deviceName": wanted.device,
        "provisionDeviceKey": text(wanted.key),
        "provisionDeviceSecret": text(wanted.secret),
    });
    if wanted.gateway {
        request["gateway"] = true.into();
    }
    let mut asked = false;
    let answer = loop {
        match heard(&mut line, until, &place).await? {
            Heard::Subscribed { refused: 0 } if !asked => {
                asked = true;
                line.publish(message(REQUEST, &request))
                    .map_err(|_| gone())?;
            }
            Heard::Subscribed { refused } if refused > 0 => {
                return Err(format!("{place} refuses {RESPONSE}: is it a ThingsBoard?"));
            }
            Heard::Message { topic, payload } if topic == RESPONSE => break payload,
            _ => {}
        }
    };
    say_goodbye(&mut line).await;
    read(&answer)
}

fn read(answer: &[u8]) -> Result<Credentials, String> {
    let strange = || "the platform's answer to the provisioning request cannot be read".to_owned();
    let answer: Value = serde_json::from_slice(answer).map_err(|_| strange())?;
    let word = |name: &str| answer[name].as_str().map(printable);
    if answer["status"] != "SUCCESS" {
        let status = word("status").unwrap_or_default();
        let why = word("errorMsg").unwrap_or_default();
        let advice = match status.as_str() {
            "NOT_FOUND" => {
                "provision key and secret are those of the device profile (its tab Device provisioning)"
            }
            _ => {
                "a device of that name may be there already: the profile decides whether it may be provisioned again"
            }
        };
        return Err(format!("the platform says {status}: {why}; {advice}"));
    }
    let value = &answer["credentialsValue"];
    match answer["credentialsType"].as_str() {
        Some("ACCESS_TOKEN") => {
            let token = value.as_str().filter(|token| !token.is_empty());
            Ok(Credentials::Token(Secret::new(token.ok_or_else(strange)?)))
        }
        Some("MQTT_BASIC") => {
            let parsed: Option<Value> = value.as_str().and_then(|it| serde_json::from_str(it).ok());
            let basic = parsed.as_ref().unwrap_or(value);
            let field = |name: &str| {
                let text = basic[name].as_str().filter(|text| !text.is_empty());
                text.map(str::to_owned)
            };
            Ok(Credentials::Basic {
                client_id: field("clientId"),
                user: field("userName"),
                password: field("password").map(Secret::new),
            })
        }
        other => Err(format!(
            "the platform gives credentials of the kind {}, which cannot be used here; let the profile give access tokens",
            printable(other.unwrap_or("(none)"))
        )),
    }
}

/// `device`: one behind a gateway; none: the token's own. Done when the platform has taken it. The connection uses the
/// broker's own token: ThingsBoard cuts one that runs.
pub async fn claim(
    broker: &BrokerDefinition,
    device: Option<&str>,
    secret: &Secret,
    valid: Duration,
    wait: Duration,
) -> Result<(), String> {
    let until = Instant::now() + wait;
    let mut line = connected(broker, until).await?;
    let place = broker.endpoint();
    let secret = String::from_utf8_lossy(secret.expose()).into_owned();
    let valid = u64::try_from(valid.as_millis()).unwrap_or(u64::MAX);
    let claim = json!({ "secretKey": secret, "durationMs": valid });
    let message = match device {
        Some(device) => message("v1/gateway/claim", &json!({ device: claim })),
        None => message("v1/devices/me/claim", &claim),
    };
    line.publish(message)
        .map_err(|_| format!("{place} ended the connection before it answered"))?;
    let verdict = loop {
        if let Heard::Acknowledged(_, verdict) = heard(&mut line, until, &place).await? {
            break verdict;
        }
    };
    say_goodbye(&mut line).await;
    match verdict {
        Verdict::Taken => Ok(()),
        Verdict::Later(why)
        | Verdict::Never(why)
        | Verdict::Unclear(why)
        | Verdict::Forbidden(why) => Err(format!(
            "{place} refuses the claim: {why}; is claiming allowed, and is that device there?"
        )),
    }
}

fn message(topic: &str, payload: &Value) -> Message {
    Message::new(Kind::Lifecycle, topic, payload.to_string())
}

async fn connected(broker: &BrokerDefinition, until: Instant) -> Result<Line, String> {
    let mut five = broker.clone();
    // A refusal is told to MQTT 5 only.
    five.protocol = Protocol::V5;
    let place = broker.endpoint();
    let mut line = Line::apart(&five, "obiscope-p").await?;
    match heard(&mut line, until, &place).await? {
        Heard::Connected { .. } => Ok(line),
        _ => Err(format!("{place} answered CONNECT with something else")),
    }
}

async fn heard(line: &mut Line, until: Instant, place: &str) -> Result<Heard, String> {
    match timeout_at(until, line.events.recv()).await {
        Ok(Some(Ok(heard))) => Ok(heard),
        Ok(Some(Err(trouble))) => Err(trouble.what),
        Ok(None) => Err(format!("{place} ended the connection before it answered")),
        Err(_) => Err(format!("{place} did not answer in time")),
    }
}

#[cfg(test)]
mod tests;
