//! The meters and publishers that run, and which of them moved. A watcher a meter marks it; nothing is copied until
//! someone looks.

use super::alarms::{Alarms, Watch};
use super::bench::{Bench, BenchView, Work};
use super::changes::{BrokerView, Changes, Level, MeterView, Notices, Published};
use super::health::{Looked, Vital};
use super::notes::Recorder;
use super::roster::Roster;
use super::{Inner, lock};
use crate::meter::health::{Health, Vitals};
use crate::meter::identity::Identity;
use crate::meter::known_good::KnownGood;
use crate::meter::poller::{self, Gate, Kept, Order};
use crate::meter::tap::Tap;
use crate::meter::{Definition, MeterId, MeterStatus, Phase, PolledObject};
use crate::publish::{BrokerStatus, Device, PublisherHandle, Trails, drain};
use crate::store::{BrokerDefinition, DeadLetter, MeterNote};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

/// How long releasing all meters may take together. A release itself is bounded well below.
const RELEASE: Duration = Duration::from_secs(5);
/// For tasks that only have to notice that they are done.
const SOON: Duration = Duration::from_secs(2);

/// Meters looked at in one go.
pub(super) const LOT: usize = 256;
/// What the traces of all meters hold together, bytes, but none less than the least.
const TRACES: usize = 16 * 1024 * 1024;
const LEAST_TRACE: usize = 1024;

#[derive(Default)]
pub(super) struct State {
    pub(super) meters: BTreeMap<MeterId, Meter>,
    pub(super) brokers: BTreeMap<i64, Broker>,
    pub(super) moved: BTreeSet<MeterId>,
    pub(super) moved_brokers: BTreeSet<i64>,
    removed: Vec<MeterId>,
    /// How many there ever were.
    removals: u64,
    pub(super) removed_brokers: Vec<i64>,
    pub(super) published: BTreeMap<MeterId, Published>,
    pub(super) moved_published: BTreeSet<MeterId>,
    notices: Notices,
    pub(super) roster: Roster,
    /// Meters that are started one after the other.
    pub(super) starting: usize,
    pub(super) vital: Vital,
    pub(super) alarms: Alarms,
}

pub(super) struct Meter {
    pub(super) definition: Arc<Definition>,
    orders: mpsc::Sender<Order>,
    pub(super) status: watch::Receiver<MeterStatus>,
    tap: Tap,
    pub(super) vitals: Vitals,
    /// As last looked at.
    pub(super) health: Arc<Health>,
    pub(super) looked: Looked,
    pub(super) watched: Watch,
    task: Option<JoinHandle<()>>,
    bench: Option<Bench>,
}

pub(super) struct Broker {
    pub(super) definition: BrokerDefinition,
    pub(super) handle: Option<PublisherHandle>,
    pub(super) status: watch::Receiver<BrokerStatus>,
    pub(super) wake: Arc<tokio::sync::Notify>,
    pub(super) trails: Trails,
    pub(super) letters: Arc<[DeadLetter]>,
}

/// What a poll of one meter needs to be published.
pub(super) struct Outlet {
    pub broker: BrokerDefinition,
    pub device: Device,
    pub objects: Vec<PolledObject>,
    pub wake: Arc<tokio::sync::Notify>,
}

impl State {
    pub(super) fn is_dirty(&self) -> bool {
        !(self.moved.is_empty()
            && self.moved_brokers.is_empty()
            && self.removed_brokers.is_empty()
            && self.moved_published.is_empty()
            && self.removed.is_empty()
            && self.notices.is_empty()
            && !self.alarms.is_dirty())
    }

    pub(super) fn take_changes(&mut self) -> Changes {
        let moved = std::mem::take(&mut self.moved);
        let moved_brokers = std::mem::take(&mut self.moved_brokers);
        self.look_at_health(moved.iter().copied());
        let totals = self.recent_totals();
        Changes {
            meters: (moved.iter().filter_map(|id| self.meters.get(id)))
                .map(Meter::view)
                .collect(),
            removed: std::mem::take(&mut self.removed),
            brokers: (moved_brokers.iter().filter_map(|id| self.brokers.get(id)))
                .map(Broker::view)
                .collect(),
            removed_brokers: std::mem::take(&mut self.removed_brokers),
            published: self.take_published(),
            notices: self.notices.take(),
            alarms: self.alarms.take_moved(),
            totals: Some(totals),
        }
    }

    /// Of these, as they stand now.
    pub(super) fn views_of(&mut self, lot: &[MeterId]) -> Vec<Arc<MeterView>> {
        self.look_at_health(lot.iter().copied());
        let meters = lot.iter().filter_map(|id| self.meters.get(id));
        meters.map(Meter::view).collect()
    }

    pub(super) fn broker_views(&self) -> Vec<Arc<BrokerView>> {
        self.brokers.values().map(Broker::view).collect()
    }

    pub(super) fn tap(&self, id: MeterId) -> Option<Tap> {
        self.meters.get(&id).map(|m| m.tap.clone())
    }

    pub(super) fn has_broker(&self, name: &str) -> bool {
        self.brokers.values().any(|b| b.definition.name == name)
    }

    pub(super) const fn removals(&self) -> u64 {
        self.removals
    }

    fn expected(&self) -> usize {
        self.starting.max(self.meters.len() + 1)
    }

    /// Those behind `after`, a few, in order.
    pub(super) fn lot(&self, after: Option<MeterId>) -> Vec<MeterId> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let rest = self.meters.range((from, Bound::Unbounded));
        rest.map(|(id, _)| *id).take(LOT).collect()
    }

    pub(super) fn has_meter(&self, id: MeterId) -> bool {
        self.meters.contains_key(&id)
    }

    pub(super) fn phase(&self, id: MeterId) -> Option<Phase> {
        Some(self.meters.get(&id)?.status.borrow().phase.clone())
    }

    pub(super) fn orders(&self, id: MeterId) -> Option<mpsc::Sender<Order>> {
        Some(self.meters.get(&id)?.orders.clone())
    }

    /// `None` for a meter that publishes nowhere.
    pub(super) fn outlet(&self, id: MeterId) -> Option<Outlet> {
        let meter = &self.meters.get(&id)?.definition;
        let named = |b: &&Broker| Some(&b.definition.name) == meter.publish.as_ref();
        self.brokers.values().find(named).map(|b| Outlet {
            broker: b.definition.clone(),
            device: self.roster.device(meter, &b.definition),
            objects: meter.objects.clone(),
            wake: Arc::clone(&b.wake),
        })
    }

    pub(super) fn brokers(
        &self,
    ) -> impl Iterator<Item = (&BrokerDefinition, &Arc<tokio::sync::Notify>)> {
        let each = self.brokers.values();
        each.map(|broker| (&broker.definition, &broker.wake))
    }

    pub(super) fn definition(&self, id: MeterId) -> Option<&Definition> {
        Some(&self.meters.get(&id)?.definition)
    }

    pub(super) fn definitions(&self) -> impl Iterator<Item = &Definition> {
        self.meters.values().map(|meter| &*meter.definition)
    }

    /// Why this meter cannot be polled like this, by what was measured.
    pub(super) fn too_often(&self, new: &Definition) -> Option<String> {
        let meter = self.meters.get(&new.id)?;
        super::pace::too_often(&meter.definition, new, &meter.status.borrow())
    }

    /// The new definition is shown at once; false when there is no such meter yet.
    pub(super) fn replace(&mut self, new: Definition) -> bool {
        let Some(meter) = self.meters.get_mut(&new.id) else {
            return false;
        };
        self.moved.insert(new.id);
        let before = std::mem::replace(&mut meter.definition, Arc::new(new));
        self.redefined(&before);
        true
    }

    pub(super) fn bench(&self, id: MeterId) -> Option<&Bench> {
        self.meters.get(&id)?.bench.as_ref()
    }

    pub(super) fn set_bench(&mut self, id: MeterId, bench: Option<Bench>) {
        if let Some(meter) = self.meters.get_mut(&id) {
            meter.bench = bench;
            self.moved.insert(id);
        }
    }

    pub(super) fn show_bench(&mut self, id: MeterId, view: Arc<BenchView>) {
        if let Some(bench) = self.meters.get_mut(&id).and_then(|it| it.bench.as_mut()) {
            bench.view = view;
            self.moved.insert(id);
        }
    }

    /// A step is under way.
    pub(super) fn busy(&mut self, id: MeterId) {
        let bench = self.meters.get_mut(&id).and_then(|it| it.bench.as_mut());
        if let Some(bench) = bench
            && let Work::Step(step) = &mut Arc::make_mut(&mut bench.view).work
        {
            step.busy = true;
            self.moved.insert(id);
        }
    }

    /// The report says that its address was kept.
    pub(super) fn kept_address(&mut self, id: MeterId) {
        let bench = self.meters.get_mut(&id).and_then(|it| it.bench.as_mut());
        if let Some(bench) = bench
            && let Work::Probe(probe) = &mut Arc::make_mut(&mut bench.view).work
        {
            probe.kept = true;
            self.moved.insert(id);
        }
    }
}

impl Meter {
    fn view(&self) -> Arc<MeterView> {
        let view = MeterView {
            definition: Arc::clone(&self.definition),
            status: self.status.borrow().clone(),
            health: Arc::clone(&self.health),
            bench: self.bench.as_ref().map(|bench| Arc::clone(&bench.view)),
            attention: None,
        };
        Arc::new(view.judged(Instant::now()))
    }
}

impl Broker {
    fn view(&self) -> Arc<BrokerView> {
        Arc::new(BrokerView {
            definition: self.definition.clone(),
            status: self.status.borrow().clone(),
            letters: Arc::clone(&self.letters),
        })
    }
}

impl Inner {
    /// Goes over all meters, a few at a time: between, whoever waits for the fleet has it.
    pub(super) fn by_lots(&self, mut act: impl FnMut(&mut State, &[MeterId])) {
        let mut after = None;
        loop {
            let mut state = lock(&self.state);
            let lot = state.lot(after);
            act(&mut state, &lot);
            drop(state);
            if lot.len() < LOT {
                return;
            }
            after = lot.last().copied();
            std::thread::yield_now();
        }
    }

    /// All of them, as they stand now.
    pub(super) fn meter_views(&self) -> Vec<Arc<MeterView>> {
        let mut views = Vec::new();
        self.by_lots(|state, lot| views.extend(state.views_of(lot)));
        views
    }

    /// Returns when it is stored, together with what others brought meanwhile.
    async fn remember(&self, notes: impl Iterator<Item = (MeterId, MeterNote)>) {
        lock(&self.noted).extend(notes);
        let _one = self.noting.lock().await;
        let all = std::mem::take(&mut *lock(&self.noted));
        if all.is_empty() {
            return;
        }
        if let Err(error) = self.store.note_meters(all).await {
            self.notice(Level::Warning, error.to_string());
        }
    }

    /// Bytes of trace for each of so many: what all of them keep together is bounded, too.
    fn trace_share(&self) -> usize {
        let meters = lock(&self.state).expected();
        self.trace_bytes
            .min((TRACES / meters.max(1)).max(LEAST_TRACE))
    }

    pub(super) fn start_meter(
        self: &Arc<Self>,
        definition: Definition,
        known_good: Option<KnownGood>,
        ramp: Duration,
    ) {
        let Some(polls) = lock(&self.polls).clone() else {
            return;
        };
        let id = definition.id;
        let definition = Arc::new(definition);
        // Meters of one seed must not draw the same pauses.
        let seed = self.seed ^ id.0.cast_unsigned().wrapping_mul(0x9E37_79B9_7F4A_7C15);
        let kept = Kept {
            counters: Arc::new(self.store.clone()),
            attempts: Arc::new(self.store.clone()),
            known_good,
            gate: Gate {
                turns: Some(self.turns.clone()),
                ramp,
            },
        };
        let handle = poller::spawn_with(
            Arc::clone(&definition),
            Arc::clone(&self.connector),
            self.clock,
            polls,
            seed,
            Tap::new(self.trace_share()),
            kept,
        );
        let status = handle.status.clone();
        let meter = Meter {
            definition,
            orders: handle.orders,
            status: handle.status,
            tap: handle.tap,
            vitals: handle.vitals,
            health: Arc::default(),
            looked: Looked::default(),
            watched: Watch::default(),
            task: Some(handle.task),
            bench: None,
        };
        let mut state = lock(&self.state);
        state.meters.insert(id, meter);
        state.adopt_alarms(id);
        state.moved.insert(id);
        drop(state);
        // Only now: the watcher of a meter that is not in the fleet ends.
        tokio::spawn(watch_meter(Arc::downgrade(self), id, status));
        self.changed.notify_waiters();
    }

    pub(super) fn start_broker(self: &Arc<Self>, definition: BrokerDefinition) {
        let id = definition.id;
        let seed = self.seed.wrapping_add(id.cast_unsigned());
        let (store, clock) = (self.store.clone(), self.clock);
        let spawn = drain::Spawn {
            broker: definition.clone(),
            store,
            clock,
            flush: self.scope.flush,
            seed,
            roster: lock(&self.state).open_roster(&definition),
            requests: Some(self.requests_of(id)),
        };
        let handle = drain::spawn_on(spawn, self.dial.clone());
        let watcher = super::brokers::watch(Arc::downgrade(self), id, handle.status.clone());
        let broker = Broker {
            definition,
            status: handle.status.clone(),
            wake: Arc::clone(&handle.wake),
            trails: handle.trails.clone(),
            letters: Arc::default(),
            handle: Some(handle),
        };
        let mut state = lock(&self.state);
        state.brokers.insert(id, broker);
        state.moved_brokers.insert(id);
        drop(state);
        tokio::spawn(watcher);
        self.changed.notify_waiters();
    }

    pub(super) fn notice(&self, level: Level, text: String) {
        if lock(&self.state).notices.add(level, text) {
            self.changed.notify_waiters();
        }
    }

    /// Takes a meter out of the fleet and waits until it is released.
    pub(super) async fn stop_meter(&self, id: MeterId) {
        let meter = {
            let mut state = lock(&self.state);
            state.moved.remove(&id);
            state.published.remove(&id);
            state.forget_alarms(id);
            state.removed.push(id);
            state.removals += 1;
            state.meters.remove(&id)
        };
        self.changed.notify_waiters();
        if let Some(mut meter) = meter {
            let task = meter.task.take();
            release(vec![(meter.orders, task)]).await;
        }
    }

    pub(super) async fn shutdown(&self) {
        let _one = self.one_command.lock().await;
        lock(&self.state).alarms.end();
        let running: Vec<_> = (lock(&self.state).meters.values_mut())
            .map(|m| (m.orders.clone(), m.task.take()))
            .collect();
        release(running).await;
        // The last senders are gone with the meters: the committer ends when all is stored.
        lock(&self.polls).take();
        let committer = lock(&self.committer).take();
        if let Some(committer) = committer {
            let _ = timeout(SOON, committer).await;
        }
        let publishers: Vec<_> = (lock(&self.state).brokers.values_mut())
            .filter_map(|b| b.handle.take())
            .collect();
        for publisher in &publishers {
            publisher.stop.cancel();
        }
        let ended = futures_util::future::join_all(publishers.into_iter().map(|p| p.task));
        let _ = timeout(self.scope.flush + SOON, ended).await;
        // What stands is known again at the next start.
        let _ = self.store_alarms().await;
        self.store.close().await;
    }
}

/// All at once; whoever takes too long is cut off, which still says DISC.
async fn release(running: Vec<(mpsc::Sender<Order>, Option<JoinHandle<()>>)>) {
    let each = running.into_iter().map(|(orders, task)| async move {
        let Some(mut task) = task else { return };
        let ended = async {
            // A full or closed inbox: the owner is stuck or gone, and the time limit settles which.
            let _ = orders.send(Order::Shutdown).await;
            let _ = (&mut task).await;
        };
        if timeout(RELEASE, ended).await.is_err() {
            task.abort();
            let _ = task.await;
        }
    });
    futures_util::future::join_all(each).await;
}

/// What is said when another meter, or other firmware, answers than before.
fn another(known: &mut Option<Arc<Identity>>, status: &MeterStatus, name: &str) -> Option<String> {
    let now = status.identity.as_ref()?;
    let same = known.as_ref().is_some_and(|known| Arc::ptr_eq(known, now));
    if same {
        return None;
    }
    let before = known.replace(Arc::clone(now))?;
    let change = before.differs(now)?;
    Some(format!(
        "{name}: {change}; its classes and scalers are read anew"
    ))
}

async fn watch_meter(inner: Weak<Inner>, id: MeterId, mut status: watch::Receiver<MeterStatus>) {
    let mut recorder = Recorder::default();
    let mut identity = None;
    while status.changed().await.is_ok() {
        let Some(inner) = inner.upgrade() else { return };
        let (notes, other) = {
            // In this order, as `take_changes` does. The other way round, this task holds the
            // status and waits for the fleet, the meter's task waits to write the status, and
            // whoever holds the fleet waits behind that writer to read it: for ever.
            let mut state = lock(&inner.state);
            let now = status.borrow_and_update();
            let Some(definition) = state.definition(id) else {
                return;
            };
            let notes = recorder.look(&now, definition, inner.clock.now());
            let other = another(&mut identity, &now, &definition.name);
            state.moved.insert(id);
            state.look_for_alarms(id, &now);
            (notes, other)
        };
        if let Some(words) = other {
            inner.notice(Level::Warning, words);
        }
        inner.changed.notify_waiters();
        if !notes.is_empty() {
            inner
                .remember(notes.into_iter().map(|note| (id, note)))
                .await;
        }
    }
}
