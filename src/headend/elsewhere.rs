//! What another process changed in the database: brokers and meters that were added, edited or removed beside a running
//! head-end. The rule: what is saved is what runs, within seconds.

use super::changes::Level;
use super::{Inner, lock};
use crate::meter::MeterId;
use crate::meter::known_good::KnownGood;
use crate::meter::poller::Order;
use std::collections::BTreeSet;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::time::sleep;

/// Between two looks; one costs a question to a file that is open.
const LOOK: Duration = if cfg!(test) {
    Duration::from_millis(50)
} else {
    Duration::from_secs(2)
};

pub(super) async fn watch(inner: Weak<Inner>) {
    let mut seen = None;
    loop {
        sleep(LOOK).await;
        let Some(inner) = inner.upgrade() else { return };
        if lock(&inner.polls).is_none() {
            return;
        }
        // A store that does not answer now is asked again.
        let Ok(version) = inner.store.changed_elsewhere().await else {
            continue;
        };
        // The first look also covers what came between loading and now.
        if version.is_none() {
            return;
        }
        if seen == version {
            continue;
        }
        if inner.take_up().await.is_some() {
            seen = version;
        }
    }
}

impl Inner {
    /// None when the store did not tell.
    async fn take_up(self: &Arc<Self>) -> Option<()> {
        let _one = self.one_command.lock().await;
        // The end may have begun meanwhile.
        lock(&self.polls).as_ref()?;
        let brokers = self.store.brokers().await.ok()?;
        let meters = self.store.meters().await.ok()?;
        self.take_up_alarms().await;
        let gone = lock(&self.state).brokers_but(&brokers);
        for broker in brokers {
            let known = lock(&self.state).broker_name(broker.id).is_some();
            if !known && !self.scope.has_broker(&broker.name) {
                continue;
            }
            let name = broker.name.clone();
            if self.take_up_broker(broker).await {
                self.notice(Level::Info, format!("broker {name}: taken up as saved"));
            }
        }
        for meter in &meters {
            let known = lock(&self.state).definition(meter.id).cloned();
            // One that was renamed runs on.
            let ours = known.is_some() || self.scope.has(&meter.name);
            if !ours || known.as_ref() == Some(meter) {
                continue;
            }
            let name = meter.name.clone();
            if known.is_none() {
                let notes = self.store.meter_notes(meter.id).await.unwrap_or_default();
                let good = (notes.last_good).and_then(|(at, link)| KnownGood::read(at, &link));
                self.start_meter(meter.clone(), good, Duration::ZERO);
            } else {
                lock(&self.state).replace(meter.clone());
                self.changed.notify_waiters();
                let order = Order::Replace(Box::new(meter.clone()));
                if let Err(why) = self.order(meter.id, order).await {
                    self.notice(Level::Warning, format!("{name}: {why}"));
                }
            }
            self.notice(Level::Info, format!("meter {name}: taken up as saved"));
        }
        let saved: BTreeSet<MeterId> = meters.iter().map(|meter| meter.id).collect();
        let left = lock(&self.state).meters_but(&saved);
        for (id, name) in left {
            self.stop_meter(id).await;
            self.notice(Level::Info, format!("meter {name}: removed"));
        }
        for (id, name) in gone {
            self.stop_broker(id).await;
            self.notice(Level::Info, format!("broker {name}: removed"));
        }
        lock(&self.state).roster.keep_only(&saved);
        self.tell_roster().await;
        Some(())
    }
}
