//! What a broker's requests and statistics look up in the fleet. The rule: all of it is copied out under the lock, and nothing
//! is waited for there.

use super::fleet::{Meter, State};
use crate::meter::health::Health;
use crate::meter::{Definition, MeterId, MeterStatus, Phase};
use crate::publish::{BrokerStatus, Control};
use crate::store::{BrokerDefinition, QueueDepth};
use std::sync::Arc;
use tokio::sync::mpsc;

pub(super) struct AtBroker {
    pub name: String,
    pub status: BrokerStatus,
    pub meters: Vec<AtWork>,
}

/// One that publishes there.
pub(super) struct AtWork {
    /// As it is called there.
    pub device: String,
    pub ready: bool,
    pub health: Arc<Health>,
}

impl State {
    pub(super) fn broker(&self, id: i64) -> Option<BrokerDefinition> {
        Some(self.brokers.get(&id)?.definition.clone())
    }

    pub(super) fn broker_definitions(&self) -> Vec<BrokerDefinition> {
        let brokers = self.brokers.values();
        brokers.map(|broker| broker.definition.clone()).collect()
    }

    /// Those that publish to the broker of this name.
    pub(super) fn meters_of(&self, broker: &str) -> Vec<Arc<Definition>> {
        let meters = self.meters.values().map(|meter| &meter.definition);
        meters
            .filter(|meter| meter.publish.as_deref() == Some(broker))
            .cloned()
            .collect()
    }

    pub(super) fn status_of(&self, meter: MeterId) -> Option<MeterStatus> {
        Some(self.meters.get(&meter)?.status.borrow().clone())
    }

    pub(super) fn depth_of(&self, broker: i64) -> Option<QueueDepth> {
        Some(self.brokers.get(&broker)?.status.borrow().depth)
    }

    pub(super) fn control_of(&self, broker: i64) -> Option<mpsc::Sender<Control>> {
        let handle = self.brokers.get(&broker)?.handle.as_ref()?;
        Some(handle.control.clone())
    }

    pub(super) fn wake(&self, broker: i64) {
        if let Some(broker) = self.brokers.get(&broker) {
            broker.wake.notify_one();
        }
    }

    /// How a broker does, and the devices that publish there.
    pub(super) fn at_broker(&mut self, id: i64) -> Option<AtBroker> {
        let broker = self.brokers.get(&id)?;
        let (name, status) = (
            broker.definition.name.clone(),
            broker.status.borrow().clone(),
        );
        let publishes = |meter: &Meter| meter.definition.publish.as_ref() == Some(&name);
        let meters: Vec<MeterId> = (self.meters.iter())
            .filter(|(_, meter)| publishes(meter))
            .map(|(id, _)| *id)
            .collect();
        self.look_at_health(meters.iter().copied());
        let meters = meters.iter().filter_map(|id| self.meters.get(id));
        let meters = meters.map(|meter| AtWork {
            device: meter.definition.device_name().to_owned(),
            ready: meter.status.borrow().phase == Phase::Ready,
            health: Arc::clone(&meter.health),
        });
        let meters = meters.collect();
        Some(AtBroker {
            name,
            status,
            meters,
        })
    }
}
