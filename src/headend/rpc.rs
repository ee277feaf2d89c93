//! What a platform asks, carried out by the meter's owner. The rule: every request is answered; what changes something must be
//! allowed by the broker's definition, and nothing that is asked becomes bytes of the asker's own choosing.
//!
//! Methods: of a meter `read`, `get`, `write`, `clock_sync`, `poll_now`, `set_interval`, `reconnect`, `stats`, `ping`; of the
//! gateway `devices`, `version`, `stats`, `ping`, `reconnect`, and what it is told of its devices.

mod gateway;
mod meter;
#[cfg(test)]
mod tests;

use super::{Inner, lock};
use crate::meter::Definition;
use crate::publish::{Request, is_named, refusal};
use crate::store::{BrokerDefinition, Dialect};
use serde_json::{Value, json};
use std::sync::{Arc, Weak};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Carried out at once for one broker; more wait, and what waits is bounded too.
const MOST: usize = 8;
const WAITING: usize = 32;

/// What a method came to: what is answered, or why not, with a code.
type Answer = Result<Value, (String, u16)>;

fn no(words: impl Into<String>, code: u16) -> (String, u16) {
    (words.into(), code)
}

impl Inner {
    /// Where a broker's requests go. The task behind it ends with the publisher.
    pub(super) fn requests_of(self: &Arc<Self>, broker: i64) -> mpsc::Sender<Request> {
        let (requests, inbox) = mpsc::channel(WAITING);
        tokio::spawn(serve(Arc::downgrade(self), broker, inbox));
        requests
    }
}

async fn serve(inner: Weak<Inner>, broker: i64, mut requests: mpsc::Receiver<Request>) {
    let mut running = JoinSet::new();
    while let Some(request) = requests.recv().await {
        while running.len() >= MOST {
            running.join_next().await;
        }
        while running.try_join_next().is_some() {}
        let Some(inner) = inner.upgrade() else { return };
        running.spawn(carry_out(inner, broker, request));
    }
}

async fn carry_out(inner: Arc<Inner>, broker: i64, request: Request) {
    let Request {
        device,
        method,
        params,
        notice,
        mut reply,
    } = request;
    let work = answer(&inner, broker, device.as_deref(), &method, &params, notice);
    // Nobody waits any more: what has not begun does not begin.
    let answer = tokio::select! {
        biased;
        () = reply.closed(), if !notice => return,
        answer = work => answer,
    };
    let answer = answer.unwrap_or_else(|(words, code)| refusal(words, code));
    drop(reply.send(answer));
}

async fn answer(
    inner: &Arc<Inner>,
    broker: i64,
    device: Option<&str>,
    method: &str,
    params: &Value,
    notice: bool,
) -> Answer {
    let Some(broker) = lock(&inner.state).broker(broker) else {
        return Err(no("the broker was removed here", 503));
    };
    let meters = lock(&inner.state).meters_of(&broker.name);
    let asked = Asked {
        inner,
        broker: &broker,
        method,
        params,
    };
    let meant = match device {
        Some(told) => {
            let meter = meters.iter().find(|it| is_named(it.device_name(), told));
            Some(meter.ok_or_else(|| no("no meter of that name publishes here", 404))?)
        }
        // The token of a single device stands for the meter that publishes with it.
        None if broker.dialect == Dialect::ThingsBoard && meters.len() == 1 => meters.first(),
        None => None,
    };
    match meant {
        Some(meter) if notice => asked.told_of(meter).await,
        Some(meter) => asked.of_meter(meter).await,
        None if notice => asked.told(&meters).await,
        None => asked.of_gateway(&meters),
    }
}

struct Asked<'a> {
    inner: &'a Arc<Inner>,
    broker: &'a BrokerDefinition,
    method: &'a str,
    params: &'a Value,
}

impl Asked<'_> {
    fn allowed(&self) -> Result<(), (String, u16)> {
        if self.broker.allow.iter().any(|it| it == self.method) {
            return Ok(());
        }
        let words = format!(
            "{} is not allowed over this broker; a person allows it in its settings (allow)",
            self.method
        );
        Err(no(words, 403))
    }

    /// False when it was so already.
    async fn change(
        &self,
        meter: &Definition,
        change: impl FnOnce(&mut Definition) + Send + 'static,
    ) -> Result<bool, (String, u16)> {
        let (inner, id) = (Arc::clone(self.inner), meter.id);
        // Whoever asked may be gone any moment, and half a change is none.
        let changed = tokio::spawn(async move { inner.change(id, change).await }).await;
        match changed {
            Ok(changed) => changed.map_err(|words| no(words, 400)),
            Err(_) => Err(no("it was given up", 500)),
        }
    }
}

fn unknown() -> Answer {
    Err(no("Method not found", 404))
}

fn done() -> Value {
    json!({ "success": true })
}
