//! The gateway API: what comes on `v1/gateway/…`, for any device behind it. The rule: a device it names is there from then on,
//! behind this connection.

use super::payload::{Malformed, from_gateway, members, values};
use super::state::State;
use super::transport::{Outcome, server_time};
use serde_json::{Value, json};
use tokio::time::Instant;

pub(super) fn receive(
    state: &mut State,
    number: u64,
    topic: &str,
    text: &str,
    now: Instant,
) -> Result<Outcome, Outcome> {
    match topic {
        "telemetry" => return telemetry(state, number, text, now),
        "connect" | "disconnect" | "attributes" | "attributes/request" | "rpc" | "claim" => {}
        _ => return Ok(Outcome::UnknownTopic),
    }
    state.spend(number, true, None, now)?;
    if topic == "attributes" {
        let mut all = Vec::new();
        for (device, raw) in members(text)? {
            all.push((device, values(raw.get())?));
        }
        for (device, values) in all {
            seen(state, number, &device, None)?;
            state.device(&device).attributes.extend(values);
        }
        return Ok(Outcome::Taken);
    }
    let message: Value = serde_json::from_str(text).map_err(|_| Outcome::BadPayload)?;
    if topic == "claim" {
        for (device, claim) in message.as_object().ok_or(Outcome::BadPayload)? {
            state.claims.push((device.clone(), claim.clone()));
        }
        return Ok(Outcome::Taken);
    }
    let device = message["device"].as_str().ok_or(Outcome::BadPayload)?;
    match topic {
        "connect" => seen(state, number, device, message["type"].as_str())?,
        "disconnect" => {
            if let Some(device) = state.devices.get_mut(device) {
                device.via = None;
            }
        }
        "rpc" => {
            let id = message["id"].as_u64().ok_or(Outcome::BadPayload)?;
            state.replied(id, message["data"].clone());
        }
        _ => {
            let answer = requested(state, device, &message)?;
            state.answer(number, "v1/gateway/attributes/response", &answer);
        }
    }
    Ok(Outcome::Taken)
}

/// A type counts only for a device that is new.
fn seen(state: &mut State, number: u64, name: &str, kind: Option<&str>) -> Result<(), Outcome> {
    let new = !state.devices.contains_key(name);
    if new && state.devices.len() >= state.settings.most_devices {
        return Err(Outcome::TooManyDevices);
    }
    let device = state.device(name);
    if new && let Some(kind) = kind {
        kind.clone_into(&mut device.kind);
    }
    device.via = Some(number);
    Ok(())
}

fn telemetry(state: &mut State, number: u64, text: &str, now: Instant) -> Result<Outcome, Outcome> {
    let devices = members(text)?;
    if devices.is_empty() {
        return Ok(Outcome::Empty);
    }
    let mut all = Vec::new();
    for (device, raw) in devices {
        // What is no array is skipped with a line in the server's log.
        if raw.get().starts_with('[') {
            all.push((device, from_gateway(raw.get(), server_time())?));
        }
    }
    let rows = all.iter().flat_map(|(_, rows)| rows);
    let points = rows.map(|(_, values)| values.len()).sum();
    state.spend(number, true, Some(points), now)?;
    for (device, rows) in all {
        seen(state, number, &device, None)?;
        state.store(&device, rows);
    }
    Ok(Outcome::Taken)
}

/// `client` is mandatory; one `key` is answered with `value`, several `keys` with `values`.
fn requested(state: &mut State, name: &str, asked: &Value) -> Result<Value, Malformed> {
    let client = asked["client"].as_bool().ok_or(Malformed)?;
    let id = asked["id"].as_i64().ok_or(Malformed)?;
    let device = state.device(name);
    let value = |key: &str| {
        if client {
            device.attributes.get(key).map(super::Stored::json)
        } else {
            device.shared.get(key).cloned()
        }
    };
    if let Some(key) = asked["key"].as_str() {
        let value = value(key).unwrap_or_default();
        return Ok(json!({ "id": id, "device": name, "value": value }));
    }
    let keys = asked["keys"].as_array().ok_or(Malformed)?;
    let values: serde_json::Map<_, _> = keys
        .iter()
        .filter_map(Value::as_str)
        .filter_map(|key| Some((key.to_owned(), value(key)?)))
        .collect();
    Ok(json!({ "id": id, "device": name, "values": values }))
}
