//! What a broker sends us, told apart by topic and shape. Pure. The rule: whatever comes is bounded and harmless; what cannot
//! be read is nobody's request, and what we said ourselves (a plain broker sends it back to MQTT 3.1.1) is none either.

use serde_json::{Map, Value, json};

use super::request::INTERVAL;
use crate::store::{BrokerDefinition, Dialect, Kind, Message, Protocol};

/// Names and numbers longer than this are no device, no method and no request's number.
const LONGEST: usize = 256;
/// Attributes or devices in one message that are looked at.
const MOST: usize = 256;
/// The number of our own question for the session's limits: none that a platform counts up to.
pub(super) const OWN_QUESTION: &str = "1850531007";
pub(super) const LIMITS_METHOD: &str = "getSessionLimits";

const DEVICE: &str = "v1/devices/me/";
const GATEWAY: &str = "v1/gateway/";

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Incoming {
    /// For whoever carries out requests.
    Asked(Asked),
    /// What getSessionLimits was answered with.
    Limits(Value),
    /// Said by ourselves.
    Echo,
    /// Nothing we know what to do with.
    Unclear,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Asked {
    /// None: the token's own device.
    pub device: Option<String>,
    pub method: String,
    pub params: Value,
    pub notice: bool,
    /// Where the answer goes; nowhere where none is awaited.
    pub place: Option<Place>,
}

/// Where an answer is awaited.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Place {
    /// On the session's own device, by the request's number.
    Own(String),
    /// A device behind the gateway.
    Behind { device: String, id: Value },
    /// `meters/{device}/rpc/response/{id}`.
    Plain { device: String, id: String },
}

impl Place {
    /// What is too large for the broker is said to be that.
    pub fn message(&self, answer: &Value, most: usize) -> Message {
        let message = self.written(answer);
        if message.payload.len() + message.topic.len() + 64 <= most {
            return message;
        }
        let words = "the answer is larger than the broker takes; ask for less at a time";
        self.written(&super::request::refusal(words, 413))
    }

    fn written(&self, answer: &Value) -> Message {
        let (topic, payload) = match self {
            Self::Own(id) => (format!("{DEVICE}rpc/response/{id}"), answer.to_string()),
            Self::Behind { device, id } => (
                format!("{GATEWAY}rpc"),
                json!({ "device": device, "id": id, "data": answer }).to_string(),
            ),
            Self::Plain { device, id } => (
                format!("meters/{device}/rpc/response/{id}"),
                answer.to_string(),
            ),
        };
        Message::new(Kind::Lifecycle, topic, payload)
    }
}

/// What must be subscribed to hear all that `parse` knows. On a plain broker requests are heard only where at least one
/// method was allowed: anyone who may publish there could ask.
pub(super) fn subscriptions(broker: &BrokerDefinition) -> Vec<String> {
    let own = [
        "attributes",
        "attributes/response/+",
        "rpc/request/+",
        "rpc/response/+",
    ];
    let own = own.map(|rest| format!("{DEVICE}{rest}"));
    let behind =
        ["attributes", "attributes/response", "rpc"].map(|rest| format!("{GATEWAY}{rest}"));
    match broker.dialect {
        Dialect::ThingsBoard => own.into(),
        Dialect::ThingsBoardGateway => behind.into_iter().chain(own).collect(),
        Dialect::Json | Dialect::Template if !broker.allow.is_empty() => {
            vec!["meters/+/rpc/request/+".to_owned()]
        }
        _ => Vec::new(),
    }
}

pub(super) fn parse(broker: &BrokerDefinition, topic: &str, payload: &[u8]) -> Incoming {
    let Ok(said) = serde_json::from_slice::<Value>(payload) else {
        return Incoming::Unclear;
    };
    let heard = match broker.dialect {
        Dialect::ThingsBoard => own(topic, said),
        Dialect::ThingsBoardGateway => match topic.strip_prefix(GATEWAY) {
            Some(rest) => behind(broker, rest, &said),
            None => own(topic, said),
        },
        Dialect::Json | Dialect::Template => plain(topic, &said),
        Dialect::HomeAssistant => None,
    };
    heard.unwrap_or(Incoming::Unclear)
}

/// The device API: about the device the token stands for.
fn own(topic: &str, said: Value) -> Option<Incoming> {
    let rest = topic.strip_prefix(DEVICE)?;
    if let Some(id) = rest.strip_prefix("rpc/request/") {
        let (method, params) = call(&said)?;
        if method == LIMITS_METHOD {
            return Some(Incoming::Echo);
        }
        let place = Place::Own(number(id)?.to_owned());
        return Some(told_or_called(&method, params, place));
    }
    if let Some(id) = rest.strip_prefix("rpc/response/") {
        let limits = id == OWN_QUESTION && said.is_object();
        // Any other is one of our own answers come back.
        return Some(if limits {
            Incoming::Limits(said)
        } else {
            Incoming::Echo
        });
    }
    if rest.starts_with("attributes/response/") {
        let shared = said.get("shared").cloned().unwrap_or(json!({}));
        return attributes(None, shared);
    }
    (rest == "attributes").then(|| attributes(None, said))?
}

/// A gateway is told of renames by calls with names of their own.
fn told_or_called(method: &str, params: Value, place: Place) -> Incoming {
    let method = method.strip_prefix("gateway_").unwrap_or(method).to_owned();
    let notice = matches!(method.as_str(), "device_renamed" | "device_deleted");
    Incoming::Asked(Asked {
        device: None,
        method,
        params,
        notice,
        place: Some(place),
    })
}

/// The gateway API. `v1/gateway/rpc`, `attributes` and `disconnect` are used in both directions.
fn behind(broker: &BrokerDefinition, rest: &str, said: &Value) -> Option<Incoming> {
    let device = |said: &Value| Some(short(said.get("device")?.as_str()?)?.to_owned());
    match rest {
        "rpc" => {
            let Some(data) = said.get("data").filter(|data| data.get("method").is_some()) else {
                // A reply has its number at the top.
                return Some(echo(broker, said.get("id").is_some()));
            };
            let device = device(said)?;
            let id = data.get("id")?.clone();
            let short_id = match &id {
                Value::String(id) => number(id).is_some(),
                id => id.is_i64() || id.is_u64(),
            };
            let (method, params) = call(data).filter(|_| short_id)?;
            Some(Incoming::Asked(Asked {
                device: Some(device.clone()),
                method,
                params,
                notice: false,
                place: Some(Place::Behind { device, id }),
            }))
        }
        "attributes" => match said.get("data") {
            Some(data) if said.get("device").is_some_and(Value::is_string) => {
                attributes(Some(device(said)?), data.clone())
            }
            _ => Some(echo(broker, true)),
        },
        "attributes/response" => {
            let values = match said.get("value") {
                // The answer to a question for one key does not name it, and we ask for no other.
                Some(Value::Null) => return Some(Incoming::Echo),
                Some(value) => json!({ INTERVAL: value }),
                None => said.get("values").cloned().unwrap_or(json!({})),
            };
            attributes(Some(device(said)?), values)
        }
        // Ours has no reason.
        "disconnect" => match said.get("reason").and_then(Value::as_i64) {
            None => Some(echo(broker, true)),
            Some(reason) => Some(notice(
                Some(device(said)?),
                "device_disconnected",
                json!({ "reason": reason }),
            )),
        },
        _ => None,
    }
}

/// MQTT 5 does not bring us what we said ourselves (`no_local`).
fn echo(broker: &BrokerDefinition, ours: bool) -> Incoming {
    if ours && broker.protocol == Protocol::V311 {
        Incoming::Echo
    } else {
        Incoming::Unclear
    }
}

/// `meters/{device}/rpc/request/{id}`.
fn plain(topic: &str, said: &Value) -> Option<Incoming> {
    let mut levels = topic.strip_prefix("meters/")?.split('/');
    let device = short(levels.next()?).filter(|it| !it.contains(['+', '#', '\0']))?;
    let fits = levels.next()? == "rpc" && levels.next()? == "request";
    let id = number(levels.next()?).filter(|_| fits)?;
    if levels.next().is_some() {
        return None;
    }
    let (method, params) = call(said)?;
    Some(Incoming::Asked(Asked {
        device: Some(device.to_owned()),
        method,
        params,
        notice: false,
        place: Some(Place::Plain {
            device: device.to_owned(),
            id: id.to_owned(),
        }),
    }))
}

fn call(said: &Value) -> Option<(String, Value)> {
    let method = short(said.get("method")?.as_str()?)?;
    let params = said.get("params").cloned().unwrap_or(Value::Null);
    // Some write parameters as JSON within a string.
    let params = match params
        .as_str()
        .filter(|text| text.trim_start().starts_with('{'))
    {
        Some(text) => serde_json::from_str(text).unwrap_or(params),
        None => params,
    };
    Some((method.to_owned(), params))
}

fn attributes(device: Option<String>, said: Value) -> Option<Incoming> {
    let Value::Object(said) = said else {
        return None;
    };
    if let Some(Value::Array(keys)) = said.get("deleted") {
        let keys: Vec<&str> = keys.iter().take(MOST).filter_map(Value::as_str).collect();
        return Some(notice(device, "attributes_deleted", json!(keys)));
    }
    let few: Map<String, Value> = said.into_iter().take(MOST).collect();
    if few.is_empty() {
        return Some(Incoming::Unclear);
    }
    Some(notice(device, "attributes", Value::Object(few)))
}

fn notice(device: Option<String>, method: &str, params: Value) -> Incoming {
    Incoming::Asked(Asked {
        device,
        method: method.to_owned(),
        params,
        notice: true,
        place: None,
    })
}

fn short(text: &str) -> Option<&str> {
    (!text.is_empty() && text.len() <= LONGEST).then_some(text)
}

/// What may stand as the last level of the answer's topic.
fn number(text: &str) -> Option<&str> {
    let fits = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    short(text).filter(|text| text.len() <= 64 && text.chars().all(fits))
}

#[cfg(test)]
mod tests;
