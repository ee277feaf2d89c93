//! Devices that make themselves known: `/provision/request`. The rule: key and secret of the profile decide, and a token is
//! given back once.

use super::Account;
use super::state::State;
use serde_json::{Value, json};

/// The user name of one that has no token yet.
pub(super) const USER: &str = "provision";
pub(super) const REQUEST: &str = "/provision/request";
pub(super) const RESPONSE: &str = "/provision/response";

pub(super) fn answer(state: &mut State, text: &str) -> Value {
    match token(state, text) {
        Ok(token) => json!({
            "status": "SUCCESS",
            "credentialsType": "ACCESS_TOKEN",
            "credentialsValue": token,
        }),
        Err((status, words)) => json!({ "status": status, "errorMsg": words }),
    }
}

fn token(state: &mut State, text: &str) -> Result<String, (&'static str, &'static str)> {
    let request: Value =
        serde_json::from_str(text).map_err(|_| ("FAILURE", "Failed to parse the request!"))?;
    let key = request["provisionDeviceKey"].as_str();
    let secret = request["provisionDeviceSecret"].as_str();
    let known = state.settings.provision.as_ref();
    let known = known.map(|(key, secret)| (Some(key.as_str()), Some(secret.as_str())));
    if known != Some((key, secret)) {
        return Err(("NOT_FOUND", "Provision data was not found!"));
    }
    let device = request["deviceName"]
        .as_str()
        .filter(|name| !name.is_empty())
        .map_or_else(|| format!("device-{}", state.devices.len()), str::to_owned);
    if state.devices.contains_key(&device) {
        return Err(("FAILURE", "Failed to provision device!"));
    }
    let token = request["token"]
        .as_str()
        .map_or_else(|| format!("token-of-{device}"), str::to_owned);
    state.device(&device);
    state.settings.accounts.push(Account {
        token: token.clone(),
        device,
        gateway: request["gateway"].as_bool().unwrap_or(false),
    });
    Ok(token)
}
