//! A small ThingsBoard on top of the broker: tokens, limits, attributes, RPC, provisioning, and what it does with what it does
//! not like. The rule: it does what the real server's transport does, also where that is unkind (a gateway topic from a token
//! that is no gateway is never acknowledged; to MQTT 3.1.1 a refusal looks like success).

mod budget;
mod device;
mod gateway;
mod payload;
mod provision;
mod state;
mod stored;
mod transport;

pub use budget::Rates;
pub use stored::Stored;

use super::packet::{Connect, Filter, Publish, Version};
use super::{behaviour::Fate, reason};
use serde_json::{Value, json};
use state::{Session, State};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{Instant, timeout};

/// A token and the device it stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    pub token: String,
    pub device: String,
    /// "Is gateway" is ticked.
    pub gateway: bool,
}

impl Account {
    pub fn device(token: &str, device: &str) -> Self {
        Self {
            token: token.into(),
            device: device.into(),
            gateway: false,
        }
    }

    pub fn gateway(token: &str, device: &str) -> Self {
        Self {
            gateway: true,
            ..Self::device(token, device)
        }
    }
}

/// What getSessionLimits is answered with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    pub max_payload: usize,
    pub max_inflight: u32,
    /// Of the token's own device.
    pub device: Rates,
    /// Of all devices behind a gateway together.
    pub gateway: Rates,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_payload: 65_536,
            max_inflight: 100,
            device: Rates::default(),
            gateway: Rates::default(),
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    pub accounts: Vec<Account>,
    /// Key and secret of the device profile that lets devices provision themselves.
    pub provision: Option<(String, String)>,
    /// None: getSessionLimits is never answered, and nothing is limited.
    pub limits: Option<Limits>,
    /// Whether the limits are kept, not only told.
    pub enforce: bool,
    /// A token's newer session ends its older one.
    pub one_session: bool,
    /// Beyond it a device behind a gateway is not created (0x97, and the session stays).
    pub most_devices: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            accounts: Vec::new(),
            provision: None,
            limits: Some(Limits::default()),
            enforce: true,
            one_session: true,
            most_devices: usize::MAX,
        }
    }
}

/// Cheap to clone; every clone is the same platform.
#[derive(Clone, Debug)]
pub struct ThingsBoard(Arc<Mutex<State>>);

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum RpcError {
    #[error("{0} has no session that subscribed to RPC")]
    NotThere(String),
    #[error("no reply within {0:?}")]
    NoReply(Duration),
}

impl ThingsBoard {
    pub fn new(settings: Settings) -> Self {
        Self(Arc::new(Mutex::new(State::new(settings))))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn change(&self, change: impl FnOnce(&mut Settings)) {
        let mut state = self.state();
        change(&mut state.settings);
        state.budgets.clear();
    }

    pub fn devices(&self) -> Vec<String> {
        self.state().devices.keys().cloned().collect()
    }

    /// The device profile it was created with; none when there is no such device.
    pub fn device_type(&self, device: &str) -> Option<String> {
        let state = self.state();
        state.devices.get(device).map(|it| it.kind.clone())
    }

    /// Whether it has a session, its own or behind a gateway.
    pub fn connected(&self, device: &str) -> bool {
        self.state().session_of(device).is_some()
    }

    /// What is stored of a device, by time and key. The same key and time again replaces.
    pub fn telemetry(&self, device: &str) -> BTreeMap<(i64, String), Stored> {
        let state = self.state();
        state
            .devices
            .get(device)
            .map(|device| device.telemetry.clone())
            .unwrap_or_default()
    }

    /// Points that came more than once: same device, key and time.
    pub fn copies(&self, device: &str) -> u64 {
        self.state().devices.get(device).map_or(0, |it| it.copies)
    }

    /// The client attributes of a device.
    pub fn attributes(&self, device: &str) -> BTreeMap<String, Stored> {
        let state = self.state();
        state
            .devices
            .get(device)
            .map(|device| device.attributes.clone())
            .unwrap_or_default()
    }

    /// Devices that were claimed, with what was sent for it.
    pub fn claims(&self) -> Vec<(String, Value)> {
        self.state().claims.clone()
    }

    /// Sets shared attributes (an object) and tells who subscribed them.
    pub fn set_shared_attributes(&self, device: &str, values: &Value) {
        let mut state = self.state();
        let shared = &mut state.device(device).shared;
        for (key, value) in values.as_object().into_iter().flatten() {
            shared.insert(key.clone(), value.clone());
        }
        state.tell_attributes(device, values);
    }

    pub fn delete_shared_attributes(&self, device: &str, keys: &[&str]) {
        let mut state = self.state();
        let shared = &mut state.device(device).shared;
        for key in keys {
            shared.remove(*key);
        }
        state.tell_attributes(device, &json!({ "deleted": keys }));
    }

    /// Calls a method of a device, its own session or behind a gateway, and waits for the reply.
    pub async fn send_rpc(
        &self,
        device: &str,
        method: &str,
        params: Value,
        patience: Duration,
    ) -> Result<Value, RpcError> {
        let (reply, answered) = oneshot::channel();
        let id = self.state().call(device, method, &params, Some(reply));
        let id = id.ok_or_else(|| RpcError::NotThere(device.to_owned()))?;
        if let Ok(Ok(value)) = timeout(patience, answered).await {
            return Ok(value);
        }
        self.state().waiting.remove(&id);
        Err(RpcError::NoReply(patience))
    }

    /// Renames a device; its gateway is told by a call that it need not answer.
    pub fn rename(&self, old: &str, new: &str) {
        let mut state = self.state();
        let told = state.gateway_of(old);
        if let Some(device) = state.devices.remove(old) {
            state.devices.insert(new.to_owned(), device);
        }
        if let Some(gateway) = told {
            state.call(
                &gateway,
                "gateway_device_renamed",
                &json!({ old: new }),
                None,
            );
        }
    }

    /// Deletes a device with all it stored; its gateway is told.
    pub fn delete(&self, device: &str) {
        let mut state = self.state();
        let told = state.gateway_of(device);
        state.devices.remove(device);
        if let Some(gateway) = told {
            state.call(&gateway, "gateway_device_deleted", &json!(device), None);
        }
    }

    /// Ends the session of a device behind a gateway; a gateway of MQTT 5 is told.
    pub fn disconnect_device(&self, device: &str) {
        let mut state = self.state();
        let via = state.devices.get_mut(device).and_then(|it| it.via.take());
        if let Some(session) = via.and_then(|number| state.sessions.get(&number))
            && session.version == Version::V5
        {
            let told = json!({ "device": device, "reason": 150 });
            session.say("v1/gateway/disconnect", &told);
        }
    }

    /// Why this user may not come in.
    pub(super) fn refuses(&self, user: Option<&str>) -> Option<u8> {
        let state = self.state();
        match user {
            None | Some("") => Some(reason::BAD_USER_NAME_OR_PASSWORD),
            Some(provision::USER) if state.settings.provision.is_some() => None,
            Some(token) if state.account(token).is_some() => None,
            Some(_) => Some(reason::NOT_AUTHORIZED),
        }
    }

    /// Gives the connections that must go for it.
    pub(super) fn enter(
        &self,
        number: u64,
        connect: &Connect,
        forward: mpsc::Sender<Publish>,
    ) -> Vec<u64> {
        let mut state = self.state();
        let token = connect.user.clone().unwrap_or_default();
        let account = state.account(&token).cloned();
        let alone = state.settings.one_session && account.is_some();
        let twins = state.sessions.iter();
        let twins = twins.filter(|(_, other)| alone && other.token == token);
        let twins = twins.map(|(number, _)| *number).collect();
        if let Some(account) = &account {
            state.device(&account.device);
        }
        let session = Session {
            token,
            account,
            version: connect.version,
            filters: BTreeSet::new(),
            forward,
        };
        state.sessions.insert(number, session);
        twins
    }

    pub(super) fn leave(&self, number: u64) {
        let mut state = self.state();
        state.sessions.remove(&number);
        for device in state.devices.values_mut() {
            if device.via == Some(number) {
                device.via = None;
            }
        }
    }

    /// A code for each filter: only its own topics can be subscribed.
    pub(super) fn subscribe(&self, number: u64, filters: &[Filter]) -> Vec<u8> {
        let mut state = self.state();
        let Some(session) = state.sessions.get_mut(&number) else {
            return Vec::new();
        };
        let known = |filter: &Filter| transport::SUBSCRIBED.contains(&filter.path.as_str());
        filters
            .iter()
            .map(|filter| {
                if !known(filter) {
                    return reason::TOPIC_FILTER_INVALID;
                }
                session.filters.insert(filter.path.clone());
                filter.qos
            })
            .collect()
    }

    pub(super) fn receive(
        &self,
        number: u64,
        version: Version,
        message: &Publish,
        now: Instant,
    ) -> Fate {
        let outcome = transport::receive(&mut self.state(), number, message, now);
        outcome.fate(version)
    }
}
