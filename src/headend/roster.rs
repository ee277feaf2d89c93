//! Which meters stand behind each broker, and what is known of them, as a platform is told. The rule: it is made anew from
//! the definitions whenever one changes, and what became of the difference goes through the outbox, in order with the
//! readings; a connection begins with the whole of it.

use super::changes::Level;
use super::fleet::State;
use super::{Inner, lock};
use crate::cosem::{Obis, ObjectSpec, Unit, catalogue};
use crate::meter::definition::naming_name;
use crate::meter::{Definition, MeterId, Poll, PolledObject};
use crate::publish::{DEVICE_TYPE, Device, DeviceObject, dialect};
use crate::store::{BrokerDefinition, Dialect, ListKey, Message};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Notify, watch};
use tokio::time::Instant;

#[derive(Default)]
pub(super) struct Roster {
    known: BTreeMap<MeterId, Known>,
    told: BTreeMap<i64, watch::Sender<Arc<[Device]>>>,
    /// Loaded, not yet started: brokers connect before the first meter runs.
    coming: Vec<Definition>,
    /// Something is not told yet: too soon after the last time, or it could not be put into the outbox.
    behind: bool,
    /// When all was told last; none where that failed, which is tried again with the next polls.
    told_at: Option<Instant>,
}

/// What a definition does not say of a meter.
#[derive(Default)]
struct Known {
    units: BTreeMap<String, Unit>,
    /// `serial`, `firmware`, …
    identity: BTreeMap<&'static str, String>,
}

/// What a broker's platform is to be told, and who sends it.
struct News {
    broker: i64,
    after: Arc<[Device]>,
    messages: Vec<Message>,
    wake: Arc<Notify>,
}

/// Between two times at which platforms are told what polls say of their meters: while a fleet starts each poll says
/// something, and each time all meters are gone over.
const TELL_EVERY: Duration = Duration::from_secs(1);
/// Letters in front of a logical device name that name its maker (FLAG id).
const FLAG: usize = 3;
/// A register, where nothing says what an object is.
const REGISTER: u16 = 3;

impl Known {
    /// True when that was not known.
    fn learn(&mut self, poll: &Poll) -> bool {
        let mut news = false;
        for reading in &poll.readings {
            if reading.decimal().is_some() {
                let unit = reading.scaler_unit.map_or(Unit::NONE, |it| it.unit);
                if self.units.get(&reading.key) != Some(&unit) {
                    news |= self.units.insert(reading.key.clone(), unit) != Some(unit);
                }
            }
            if let Some(what) = identifies(reading.obis())
                && reading.attribute.attribute == 2
                && let Some(text) = dialect::plain_text(reading)
            {
                news |= self.identify(what, text);
            }
        }
        news
    }

    fn identify(&mut self, what: &'static str, text: String) -> bool {
        if text.trim().is_empty() || self.identity.get(what) == Some(&text) {
            return false;
        }
        let flag = text
            .get(..FLAG)
            .filter(|flag| what == NAME && flag.bytes().all(|byte| byte.is_ascii_uppercase()));
        if let Some(flag) = flag {
            self.identity.insert("manufacturer", flag.to_owned());
        }
        self.identity.insert(what, text);
        true
    }
}

const NAME: &str = "logical_device_name";

/// What an object says of the device as a whole.
fn identifies(obis: Obis) -> Option<&'static str> {
    match obis.0 {
        [0, 0, 96, 1, 0, 255] | [1, 0, 0, 0, 0, 255] => Some("serial"),
        [0, 0, 42, 0, 0, 255] => Some(NAME),
        [0 | 1, 0, 0, 2, 0, 255] => Some("firmware"),
        _ => None,
    }
}

impl Roster {
    fn is_due(&self, now: Instant) -> bool {
        let soon = |told: Instant| now.saturating_duration_since(told) < TELL_EVERY;
        self.behind && !self.told_at.is_some_and(soon)
    }

    /// The meters of this run are in the fleet now. The others stay known: no platform hears that they are gone.
    pub(super) fn all_came(&mut self, scope: &super::Scope) {
        self.coming.retain(|meter| !scope.has(&meter.name));
    }

    /// Whoever is not saved any more is gone.
    pub(super) fn keep_only(&mut self, saved: &BTreeSet<MeterId>) {
        self.coming.retain(|meter| saved.contains(&meter.id));
        self.known.retain(|id, _| saved.contains(id));
    }

    #[cfg(test)]
    pub(super) fn is_closed(&self, broker: i64) -> bool {
        !self.told.contains_key(&broker)
    }

    pub(super) fn close(&mut self, broker: i64) {
        self.told.remove(&broker);
    }

    pub(super) fn forget(&mut self, meter: MeterId) {
        self.known.remove(&meter);
    }

    /// The meter as the platform of this broker knows it.
    pub(super) fn device(&self, meter: &Definition, broker: &BrokerDefinition) -> Device {
        let known = self.known.get(&meter.id);
        let kind = broker.device_type.as_deref().unwrap_or(DEVICE_TYPE);
        let object = |object: &PolledObject| DeviceObject {
            key: object.key.clone(),
            obis: object.spec.obis(),
            class: class(object.spec),
            unit: known.and_then(|known| known.units.get(&object.key).copied()),
        };
        Device {
            meter: meter.id,
            name: meter.device_name().to_owned(),
            kind: kind.to_owned(),
            attributes: attributes(meter, known),
            objects: meter.objects.iter().map(object).collect(),
        }
    }
}

fn class(spec: ObjectSpec) -> u16 {
    match spec {
        ObjectSpec::Attribute(it) => it.class,
        ObjectSpec::Value(obis) => catalogue::usual_class(obis).unwrap_or(REGISTER),
    }
}

fn attributes(meter: &Definition, known: Option<&Known>) -> Vec<(String, String)> {
    let identity = known.into_iter().flat_map(|known| &known.identity);
    let identity = identity.map(|(name, text)| (*name, text.clone()));
    let own = [
        ("meter", meter.name.clone()),
        ("address", meter.endpoint()),
        ("transport", meter.transport_words().into_owned()),
        ("obiscope", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    let all = own.into_iter().chain(identity);
    all.map(|(name, text)| (name.to_owned(), serde_json::Value::from(text).to_string()))
        .collect()
}

impl State {
    /// What a publisher looks at; from now on kept up to date.
    pub(super) fn open_roster(
        &mut self,
        broker: &BrokerDefinition,
    ) -> watch::Receiver<Arc<[Device]>> {
        let (told, look) = watch::channel(self.devices(broker));
        self.roster.told.insert(broker.id, told);
        look
    }

    fn devices(&self, broker: &BrokerDefinition) -> Arc<[Device]> {
        let coming = self
            .roster
            .coming
            .iter()
            .filter(|it| !self.has_meter(it.id));
        let here = (self.definitions().chain(coming))
            .filter(|meter| meter.publish.as_ref() == Some(&broker.name));
        here.map(|meter| self.roster.device(meter, broker))
            .collect()
    }

    /// What is to be said about rosters that are not as they were.
    fn roster_news(&self) -> Vec<News> {
        let news = self.brokers().filter_map(|(broker, wake)| {
            let before = self.roster.told.get(&broker.id)?.borrow().clone();
            let after = self.devices(broker);
            (before != after).then(|| News {
                broker: broker.id,
                messages: dialect::changes(broker, &before, &after),
                after,
                wake: Arc::clone(wake),
            })
        });
        news.collect()
    }

    /// It was said.
    fn roster_is(&mut self, broker: i64, devices: Arc<[Device]>) {
        if let Some(told) = self.roster.told.get(&broker) {
            told.send_replace(devices);
        }
    }
}

impl Inner {
    /// What the store knows of a meter that is about to start.
    pub(super) async fn expect_meter(&self, meter: &Definition, brokers: &[BrokerDefinition]) {
        let broker = brokers
            .iter()
            .find(|it| Some(&it.name) == meter.publish.as_ref());
        let Some(broker) = broker else { return };
        let mut known = Known::default();
        let key = ListKey {
            meter: meter.id,
            client: meter.client.sap().into(),
            server: meter.server.to_string(),
            naming: naming_name(meter.naming).to_owned(),
        };
        // What is not known is no reason not to start.
        if let Ok(Some(list)) = self.store.object_list(key).await
            && let Some((name, firmware)) = list.identity.split_once(" / ")
        {
            known.identify(NAME, name.to_owned());
            known.identify("firmware", firmware.to_owned());
        }
        if broker.dialect == Dialect::HomeAssistant {
            let tracks = self.store.tracks(meter.id).await.unwrap_or_default();
            let read = |key: &String| meter.objects.iter().any(|object| object.key == *key);
            for track in tracks.into_iter().filter(|track| read(&track.key)) {
                let unit = track.unit.map(Unit);
                known.units.extend(unit.map(|it| (track.key, it)));
            }
        }
        let mut state = lock(&self.state);
        state.roster.known.insert(meter.id, known);
        state.roster.coming.push(meter.clone());
    }

    /// What polls say of their meters beside the values.
    pub(super) async fn learn(&self, polls: impl Iterator<Item = &Poll>) {
        {
            let mut state = lock(&self.state);
            for poll in polls {
                // Deleted meanwhile: nothing is kept of it.
                let news = state.has_meter(poll.meter)
                    && (state.roster.known.entry(poll.meter))
                        .or_default()
                        .learn(poll);
                state.roster.behind |= news;
            }
        }
        self.tell_if_due().await;
    }

    /// With each lot of polls, and every second: the last that was learned is told, too.
    pub(super) async fn tell_if_due(&self) {
        let due = lock(&self.state).roster.is_due(Instant::now());
        if due {
            self.tell_roster().await;
        }
    }

    /// After meters or brokers changed: the rosters follow, and the platforms are told.
    pub(super) async fn tell_roster(&self) {
        // Two at once would say the same twice.
        let _one = self.telling.lock().await;
        let news = {
            let mut state = lock(&self.state);
            // What is learned from here on is told the next time.
            state.roster.behind = false;
            state.roster.told_at = Some(Instant::now());
            state.roster_news()
        };
        let now = self.clock.now();
        let mut failed = false;
        for it in news {
            if !it.messages.is_empty() {
                if let Err(error) = self.store.enqueue(it.broker, now, it.messages).await {
                    let text = format!("a platform is not told of its meters yet: {error}");
                    self.notice(Level::Warning, text);
                    failed = true;
                    continue;
                }
                it.wake.notify_one();
            }
            lock(&self.state).roster_is(it.broker, it.after);
        }
        if failed {
            let roster = &mut lock(&self.state).roster;
            (roster.behind, roster.told_at) = (true, None);
        }
    }
}

#[cfg(test)]
mod tests;
