//! Requests to the gateway itself, and what the platform tells it of its devices. The rule: a rename is followed, for it is the
//! platform's own name; a deletion is only told, for a person decides whether a meter is still published.

use super::super::changes::Level;
use super::super::{lock, statistics};
use super::{Answer, Asked, done, no};
use crate::cosem::data::printable;
use crate::meter::{Definition, Phase};
use crate::publish::{Control, is_named};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use std::time::Duration;

/// The answer goes out before the connection it goes over ends.
const ANSWERED: Duration = Duration::from_secs(1);
/// Renames in one message.
const MOST: usize = 64;

pub(super) fn phase_name(phase: &Phase) -> &'static str {
    match phase {
        Phase::Stopped => "stopped",
        Phase::Connecting => "connecting",
        Phase::Associating => "associating",
        Phase::Ready => "ready",
        Phase::Waiting { .. } => "waiting",
        Phase::NeedsPerson => "waiting for a person: password or keys were refused",
        Phase::Releasing => "releasing",
        Phase::Lent => "busy: a person works at it",
    }
}

impl Asked<'_> {
    pub(super) fn of_gateway(&self, meters: &[Arc<Definition>]) -> Answer {
        match self.method {
            "ping" => Ok(json!({ "code": 200, "resp": "pong" })),
            "version" => Ok(json!({ "code": 200, "resp": env!("CARGO_PKG_VERSION") })),
            "devices" => {
                let phase = |meter: &Definition| {
                    let phase = self.inner.phase(meter.id);
                    phase.map_or("gone", |phase| phase_name(&phase))
                };
                let devices: Map<String, Value> = meters
                    .iter()
                    .map(|meter| (meter.device_name().to_owned(), phase(meter).into()))
                    .collect();
                Ok(json!({ "code": 200, "resp": devices }))
            }
            "stats" => {
                let statistics = statistics::of(self.inner, self.broker.id);
                statistics.ok_or_else(|| no("the broker was removed here", 503))
            }
            "reconnect" => {
                self.allowed()?;
                let control = lock(&self.inner.state).control_of(self.broker.id);
                let control = control.ok_or_else(|| no("the publisher has ended", 503))?;
                tokio::spawn(async move {
                    tokio::time::sleep(ANSWERED).await;
                    // A publisher that ended meanwhile needs no telling.
                    drop(control.send(Control::Reconnect).await);
                });
                Ok(done())
            }
            _ => super::unknown(),
        }
    }

    pub(super) async fn told(&self, meters: &[Arc<Definition>]) -> Answer {
        match (self.method, self.params) {
            ("device_renamed", Value::Object(names)) => {
                for (old, new) in names.iter().take(MOST) {
                    if let (Some(meter), Some(new)) = (named(meters, old), new.as_str()) {
                        self.rename(meter, new).await?;
                    }
                }
                Ok(done())
            }
            ("device_deleted", told) => {
                let one = told.as_str().or_else(|| told["deviceName"].as_str());
                if let Some(meter) = one.and_then(|name| named(meters, name)) {
                    let words = format!(
                        "broker {}: device {} was deleted in the platform; it comes back with the next reading of {} unless that publishes elsewhere",
                        self.broker.name,
                        meter.device_name(),
                        meter.name
                    );
                    self.inner.notice(Level::Warning, words);
                }
                Ok(done())
            }
            _ => Ok(done()),
        }
    }

    async fn rename(&self, meter: &Definition, new: &str) -> Result<(), (String, u16)> {
        let device = Some(new.to_owned());
        if !self.change(meter, move |it| it.device = device).await? {
            return Ok(());
        }
        let words = format!(
            "broker {}: the platform renamed device {} to {}; {} follows",
            self.broker.name,
            printable(meter.device_name()),
            printable(new),
            meter.name
        );
        self.inner.notice(Level::Info, words);
        Ok(())
    }
}

fn named<'a>(meters: &'a [Arc<Definition>], name: &str) -> Option<&'a Definition> {
    let mut meters = meters.iter().map(|it| &**it);
    meters.find(|it| is_named(it.device_name(), name))
}
