//! The device API: what comes on `v1/devices/me/…`. The rule: the token's own device and no other.

use super::Account;
use super::payload::{telemetry, values};
use super::state::State;
use super::transport::{Outcome, server_time};
use serde_json::{Value, json};
use tokio::time::Instant;

pub(super) fn receive(
    state: &mut State,
    number: u64,
    account: &Account,
    topic: &str,
    text: &str,
    now: Instant,
) -> Result<Outcome, Outcome> {
    let device = account.device.as_str();
    let (topic, id) = match topic.rsplit_once('/') {
        Some((topic @ ("attributes/request" | "rpc/request" | "rpc/response"), id))
            if !id.is_empty() && id.bytes().all(|it| it.is_ascii_digit()) =>
        {
            (topic, id)
        }
        _ => (topic, ""),
    };
    if topic == "telemetry" {
        let rows = telemetry(text, server_time())?;
        let points = rows.iter().map(|(_, values)| values.len()).sum();
        state.spend(number, false, Some(points), now)?;
        state.store(device, rows);
        return Ok(Outcome::Taken);
    }
    // The transport itself answers this one, before any limit.
    if topic == "rpc/request" && !id.is_empty() {
        let call: Value = serde_json::from_str(text).map_err(|_| Outcome::BadPayload)?;
        if call["method"] == "getSessionLimits" {
            if let Some(limits) = limits(state, account.gateway) {
                state.answer(number, &format!("v1/devices/me/rpc/response/{id}"), &limits);
            }
            return Ok(Outcome::Taken);
        }
    }
    state.spend(number, false, None, now)?;
    match topic {
        "attributes" => {
            let values = values(text)?;
            state.device(device).attributes.extend(values);
        }
        "attributes/request" if !id.is_empty() => {
            let asked: Value = serde_json::from_str(text).map_err(|_| Outcome::BadPayload)?;
            let answer = requested(state, device, &asked);
            let topic = format!("v1/devices/me/attributes/response/{id}");
            state.answer(number, &topic, &answer);
        }
        "rpc/response" if !id.is_empty() => {
            let value = serde_json::from_str(text).map_err(|_| Outcome::BadPayload)?;
            if let Ok(id) = id.parse() {
                state.replied(id, value);
            }
        }
        // For the rule chain, which nobody plays here.
        "rpc/request" if !id.is_empty() => {}
        "claim" => {
            let claim = serde_json::from_str(text).map_err(|_| Outcome::BadPayload)?;
            state.claims.push((device.to_owned(), claim));
        }
        _ => return Ok(Outcome::UnknownTopic),
    }
    Ok(Outcome::Taken)
}

fn limits(state: &State, gateway: bool) -> Option<Value> {
    let limits = state.settings.limits.as_ref()?;
    let mut answer = json!({
        "maxPayloadSize": limits.max_payload,
        "maxInflightMessages": limits.max_inflight,
        "rateLimits": limits.device.json(),
    });
    if gateway {
        answer["gatewayRateLimits"] = limits.gateway.json();
    }
    Some(answer)
}

/// The keys are one string with commas.
fn requested(state: &mut State, device: &str, asked: &Value) -> Value {
    let device = state.device(device);
    let mut answer = json!({});
    if let Some(keys) = asked["clientKeys"].as_str() {
        answer["client"] = keys
            .split(',')
            .filter_map(|key| Some((key.to_owned(), device.attributes.get(key)?.json())))
            .collect::<serde_json::Map<_, _>>()
            .into();
    }
    if let Some(keys) = asked["sharedKeys"].as_str() {
        answer["shared"] = keys
            .split(',')
            .filter_map(|key| Some((key.to_owned(), device.shared.get(key)?.clone())))
            .collect::<serde_json::Map<_, _>>()
            .into();
    }
    answer
}
