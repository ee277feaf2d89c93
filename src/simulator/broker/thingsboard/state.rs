//! What the platform knows: devices, sessions, calls that wait for their reply. The rule: what a session did not subscribe is
//! not sent to it, but answers to its own requests are.

use super::budget::Budget;
use super::payload::Values;
use super::{Account, Settings, Stored, Version};
use crate::simulator::broker::packet::Publish;
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::{mpsc, oneshot};

/// Calls that wait at a time.
const MOST_CALLS: usize = 1_000;

#[derive(Debug)]
pub(super) struct State {
    pub settings: Settings,
    pub devices: BTreeMap<String, Device>,
    pub sessions: BTreeMap<u64, Session>,
    /// By token and whether it is for what is behind the gateway.
    pub budgets: BTreeMap<(String, bool), Budget>,
    pub waiting: BTreeMap<u64, oneshot::Sender<Value>>,
    pub claims: Vec<(String, Value)>,
    calls: u64,
}

#[derive(Debug)]
pub(super) struct Device {
    pub kind: String,
    pub telemetry: BTreeMap<(i64, String), Stored>,
    pub copies: u64,
    pub attributes: Values,
    pub shared: Map<String, Value>,
    /// The gateway's connection it was seen on.
    pub via: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Session {
    pub token: String,
    /// None for the user that only provisions.
    pub account: Option<Account>,
    pub version: Version,
    pub filters: BTreeSet<String>,
    pub forward: mpsc::Sender<Publish>,
}

impl Session {
    pub fn gateway(&self) -> bool {
        self.account.as_ref().is_some_and(|it| it.gateway)
    }

    pub fn say(&self, topic: &str, payload: &Value) {
        let message = Publish {
            qos: 1,
            topic: topic.to_owned(),
            payload: payload.to_string().into_bytes().into(),
            ..Publish::default()
        };
        // One that is so far behind misses it, as from the real one.
        drop(self.forward.try_send(message));
    }
}

impl State {
    pub fn new(settings: Settings) -> Self {
        Self {
            settings,
            devices: BTreeMap::new(),
            sessions: BTreeMap::new(),
            budgets: BTreeMap::new(),
            waiting: BTreeMap::new(),
            claims: Vec::new(),
            calls: 0,
        }
    }

    pub fn account(&self, token: &str) -> Option<&Account> {
        self.settings.accounts.iter().find(|it| it.token == token)
    }

    /// Made when it is not there yet.
    pub fn device(&mut self, name: &str) -> &mut Device {
        self.devices
            .entry(name.to_owned())
            .or_insert_with(|| Device {
                kind: "default".to_owned(),
                telemetry: BTreeMap::new(),
                copies: 0,
                attributes: BTreeMap::new(),
                shared: Map::new(),
                via: None,
            })
    }

    /// Its session, and whether it is reached through a gateway.
    pub fn session_of(&self, device: &str) -> Option<(&Session, bool)> {
        let own = self.sessions.values().find(|session| {
            let account = session.account.as_ref();
            account.is_some_and(|account| account.device == device)
        });
        if let Some(session) = own {
            return Some((session, false));
        }
        let via = self.devices.get(device)?.via?;
        self.sessions.get(&via).map(|session| (session, true))
    }

    /// The name of the gateway a device is behind.
    pub fn gateway_of(&self, device: &str) -> Option<String> {
        let (session, true) = self.session_of(device)? else {
            return None;
        };
        session.account.as_ref().map(|it| it.device.clone())
    }

    pub fn tell_attributes(&self, device: &str, values: &Value) {
        match self.session_of(device) {
            Some((session, false)) if session.filters.contains("v1/devices/me/attributes") => {
                session.say("v1/devices/me/attributes", values);
            }
            Some((session, true)) if session.filters.contains("v1/gateway/attributes") => {
                let told = json!({ "device": device, "data": values });
                session.say("v1/gateway/attributes", &told);
            }
            _ => {}
        }
    }

    /// The number of the call; none when nobody would hear it.
    pub fn call(
        &mut self,
        device: &str,
        method: &str,
        params: &Value,
        reply: Option<oneshot::Sender<Value>>,
    ) -> Option<u64> {
        let id = self.calls;
        let (session, behind) = self.session_of(device)?;
        if behind && session.filters.contains("v1/gateway/rpc") {
            let data = json!({ "id": id, "method": method, "params": params });
            let call = json!({ "device": device, "data": data });
            session.say("v1/gateway/rpc", &call);
        } else if !behind && session.filters.contains("v1/devices/me/rpc/request/+") {
            let call = json!({ "method": method, "params": params });
            session.say(&format!("v1/devices/me/rpc/request/{id}"), &call);
        } else {
            return None;
        }
        self.calls += 1;
        if let Some(reply) = reply
            && self.waiting.len() < MOST_CALLS
        {
            self.waiting.insert(id, reply);
        }
        Some(id)
    }

    /// A reply nobody waits for is let go.
    pub fn replied(&mut self, id: u64, value: Value) {
        if let Some(waiting) = self.waiting.remove(&id) {
            drop(waiting.send(value));
        }
    }

    pub fn store(&mut self, device: &str, rows: Vec<(i64, Values)>) {
        let device = self.device(device);
        for (ts, values) in rows {
            for (key, value) in values {
                if device.telemetry.insert((ts, key), value).is_some() {
                    device.copies += 1;
                }
            }
        }
    }
}
