//! What a broker's requests and statistics look up in the fleet. The rule: all of it is copied out under the lock, and nothing
//! is waited for there.

use super::fleet::State;
use crate::meter::{Definition, MeterId, MeterStatus};
use crate::publish::{BrokerStatus, Control};
use crate::store::{BrokerDefinition, QueueDepth};
use tokio::sync::mpsc;

pub(super) struct AtBroker {
    pub name: String,
    pub status: BrokerStatus,
    /// By the name they have there.
    pub meters: Vec<(String, MeterStatus)>,
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
    pub(super) fn meters_of(&self, broker: &str) -> Vec<Definition> {
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
    pub(super) fn at_broker(&self, id: i64) -> Option<AtBroker> {
        let broker = self.brokers.get(&id)?;
        let name = Some(&broker.definition.name);
        let meters = self.meters.values();
        let meters = meters.filter(|meter| meter.definition.publish.as_ref() == name);
        let meters = meters.map(|meter| {
            let device = meter.definition.device_name().to_owned();
            (device, meter.status.borrow().clone())
        });
        let status = broker.status.borrow().clone();
        Some(AtBroker {
            name: broker.definition.name.clone(),
            status,
            meters: meters.collect(),
        })
    }
}
