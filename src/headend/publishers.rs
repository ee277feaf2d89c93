//! What the fleet knows of its publishers, and of what became of each meter's newest poll there.

use super::changes::Published;
use super::fleet::{Broker, State};
use crate::meter::MeterId;
use crate::publish::{BrokerStatus, Delivered, PublisherHandle, Trail, Trails};
use crate::store::{BrokerDefinition, DeadLetter};
use std::collections::BTreeSet;
use std::sync::Arc;
use tokio::sync::watch;

impl State {
    pub(super) fn broker_name(&self, id: i64) -> Option<String> {
        Some(self.brokers.get(&id)?.definition.name.clone())
    }

    pub(super) fn publisher(
        &self,
        id: i64,
    ) -> Option<(BrokerDefinition, watch::Receiver<BrokerStatus>, Trails)> {
        let broker = self.brokers.get(&id)?;
        Some((
            broker.definition.clone(),
            broker.status.clone(),
            broker.trails.clone(),
        ))
    }

    /// None: not here yet; false: it is as it was.
    pub(super) fn replace_broker(&mut self, new: &BrokerDefinition) -> Option<bool> {
        let broker = self.brokers.get_mut(&new.id)?;
        if broker.definition == *new {
            return Some(false);
        }
        let old = std::mem::replace(&mut broker.definition, new.clone()).name;
        // Meters name their broker.
        for meter in self.meters.values_mut() {
            if old != new.name && meter.definition.publish.as_ref() == Some(&old) {
                Arc::make_mut(&mut meter.definition).publish = Some(new.name.clone());
                self.moved.insert(meter.definition.id);
            }
        }
        self.moved_brokers.insert(new.id);
        Some(true)
    }

    pub(super) fn remove_broker(&mut self, id: i64) -> Option<PublisherHandle> {
        let broker = self.brokers.remove(&id)?;
        self.moved_brokers.remove(&id);
        self.removed_brokers.push(id);
        self.roster.close(id);
        broker.handle
    }

    /// Those that are not among these.
    pub(super) fn brokers_but(&self, these: &[BrokerDefinition]) -> Vec<(i64, String)> {
        let gone = |id: &i64| these.iter().all(|it| it.id != *id);
        (self.brokers.iter().filter(|(id, _)| gone(id)))
            .map(|(id, broker)| (*id, broker.definition.name.clone()))
            .collect()
    }

    pub(super) fn meters_but(&self, these: &BTreeSet<MeterId>) -> Vec<(MeterId, String)> {
        (self.definitions().filter(|it| !these.contains(&it.id)))
            .map(|it| (it.id, it.name.clone()))
            .collect()
    }

    /// A publisher told something: it is shown, and so is what it carried.
    pub(super) fn broker_moved(&mut self, id: i64, letters: Option<Arc<[DeadLetter]>>) {
        let Some(broker) = self.brokers.get_mut(&id) else {
            return;
        };
        if let Some(letters) = letters {
            broker.letters = letters;
        }
        self.moved_brokers.insert(id);
        let devices = broker.trails.take_moved();
        if devices.is_empty() {
            return;
        }
        let of_these = |published: &Published| {
            published.broker_id == id && devices.contains(&published.device)
        };
        let meters = (self.published.iter()).filter(|(_, it)| of_these(it));
        self.moved_published.extend(meters.map(|(meter, _)| *meter));
    }

    /// A poll was stored, and this is to go out of it.
    pub(super) fn committed(&mut self, meter: MeterId, published: Published) {
        self.published.insert(meter, published);
        self.moved_published.insert(meter);
    }

    pub(super) fn take_published(&mut self) -> Vec<(MeterId, Arc<Published>)> {
        let moved = std::mem::take(&mut self.moved_published);
        (moved.into_iter())
            .filter_map(|meter| {
                let published = self.published.get(&meter)?;
                let trail = self.trail(published);
                Some((meter, Arc::new(published.followed(trail))))
            })
            .collect()
    }

    /// What its broker acknowledged of it; None for a meter that never had anything to publish.
    pub(super) fn delivered(&self, meter: MeterId) -> Option<Delivered> {
        let published = self.published.get(&meter)?;
        let broker: &Broker = self.brokers.get(&published.broker_id)?;
        Some(broker.trails.delivered(&published.device))
    }

    fn trail(&self, published: &Published) -> Option<Trail> {
        let broker: &Broker = self.brokers.get(&published.broker_id)?;
        broker.trails.of(&published.device)
    }
}
