//! The running whole: many meters, the store and the publishers behind one handle. Commands in, changes out.
//! No meter waits for another, and nothing the store or a broker does stops a meter from being read.

mod alarms;
mod attention;
mod bench;
mod brokers;
mod changes;
mod commands;
mod commit;
mod elsewhere;
mod fleet;
mod health;
mod history;
mod network;
mod notes;
mod pace;
mod publishers;
mod report;
mod roster;
mod rpc;
mod state;
mod statistics;

pub use attention::{Attention, Urgency};
pub use bench::{
    At, BenchView, ByHand, Exchange, KeepError, ProbeAsk, ProbeView, StepAsk, StepView, Work,
    keep_working,
};
pub use brokers::BrokerCommand;
pub use changes::{BrokerView, Changes, Level, MeterView, Notice, Published};

use crate::meter::known_good::KnownGood;
use crate::meter::poller::{Order, Turns};
use crate::meter::transport::SharedConnector;
use crate::meter::{Clock, MeterId, Poll, tap};
use crate::publish::Dial;
use crate::store::{MeterNote, Store, StoreError};
use fleet::State;
pub use health::{PhaseGroup, Rates, Totals};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;

pub use crate::store::{Ack, Alarm, Severity};
pub use commands::Command;

pub struct Options {
    pub store: Store,
    pub connector: SharedConnector,
    pub clock: Clock,
    pub seed: u64,
    /// Bytes of trace kept per meter; less where there are hundreds.
    pub trace_bytes: usize,
}

/// Which of it runs, and how it ends.
#[derive(Clone, Debug)]
pub struct Scope {
    /// Only meters of these names, those that are switched off too; `None`: all.
    pub only: Option<Vec<String>>,
    /// Only brokers of these names.
    pub brokers: Option<Vec<String>>,
    /// How long publishers may still send what waits, once told to end.
    pub flush: Duration,
    /// How often the log is told how all meters do; never, where there is nobody to read it.
    pub report_every: Option<Duration>,
}

impl Default for Scope {
    /// Everything, and an end a person at a screen waits for.
    fn default() -> Self {
        Self {
            only: None,
            brokers: None,
            flush: Duration::from_secs(3),
            report_every: Some(Duration::from_mins(1)),
        }
    }
}

impl Scope {
    fn has(&self, meter: &str) -> bool {
        let only = self.only.as_ref();
        only.is_none_or(|only| only.iter().any(|name| name == meter))
    }

    fn has_broker(&self, broker: &str) -> bool {
        let only = self.brokers.as_ref();
        only.is_none_or(|only| only.iter().any(|name| name == broker))
    }
}

/// Cheap to clone. When the last clone goes without `shutdown`, every meter is still released, but nobody waits for it.
#[derive(Clone)]
pub struct Headend {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    connector: SharedConnector,
    dial: Option<Arc<dyn Dial>>,
    clock: Clock,
    seed: u64,
    trace_bytes: usize,
    /// Whose turn it is to connect.
    turns: Turns,
    scope: Scope,
    state: Mutex<State>,
    changed: Notify,
    /// Commands that touch the store go one after the other.
    one_command: tokio::sync::Mutex<()>,
    /// What changed first is stored first.
    storing_alarms: tokio::sync::Mutex<()>,
    /// Platforms are told of their meters in order.
    telling: tokio::sync::Mutex<()>,
    /// What is to be remembered of meters; one writes for all who wait.
    noted: Mutex<Vec<(MeterId, MeterNote)>>,
    noting: tokio::sync::Mutex<()>,
    /// `None` once the end has begun.
    polls: Mutex<Option<mpsc::Sender<Poll>>>,
    committer: Mutex<Option<JoinHandle<()>>>,
}

/// Finished polls that may wait for the store; beyond, meters wait up to their own period.
const POLLS_WAITING: usize = 1024;

impl Headend {
    /// Claims the store, loads meters and brokers, starts a task each. A meter that cannot be reached never fails this.
    pub async fn start(options: Options) -> Result<Self, StoreError> {
        Self::start_some(options, Scope::default()).await
    }

    /// The same with part of the meters.
    pub async fn start_some(options: Options, scope: Scope) -> Result<Self, StoreError> {
        Self::start_on(options, scope, None).await
    }

    /// The same with brokers that are handed in, as the connector is; `None`: over the network.
    pub async fn start_on(
        options: Options,
        scope: Scope,
        dial: Option<Arc<dyn Dial>>,
    ) -> Result<Self, StoreError> {
        options.store.claim()?;
        let brokers = options.store.brokers().await?;
        let meters = options.store.meters().await?;
        let (polls, finished) = mpsc::channel(POLLS_WAITING);
        let inner = Arc::new(Inner {
            store: options.store,
            connector: options.connector,
            dial,
            clock: options.clock,
            seed: options.seed,
            trace_bytes: options.trace_bytes,
            turns: Turns::new(pace::CONNECTS),
            scope,
            state: Mutex::default(),
            changed: Notify::new(),
            one_command: tokio::sync::Mutex::default(),
            storing_alarms: tokio::sync::Mutex::default(),
            telling: tokio::sync::Mutex::default(),
            noted: Mutex::default(),
            noting: tokio::sync::Mutex::default(),
            polls: Mutex::new(Some(polls)),
            committer: Mutex::default(),
        });
        let committer = tokio::spawn(commit::run(Arc::downgrade(&inner), finished));
        *lock(&inner.committer) = Some(committer);
        let brokers: Vec<_> = (brokers.into_iter())
            .filter(|broker| inner.scope.has_broker(&broker.name))
            .collect();
        inner.load_alarms(&meters).await?;
        for meter in &meters {
            inner.expect_meter(meter, &brokers).await;
        }
        tokio::spawn(statistics::run(Arc::downgrade(&inner)));
        tokio::spawn(health::run(Arc::downgrade(&inner)));
        tokio::spawn(report::run(Arc::downgrade(&inner)));
        tokio::spawn(network::run(Arc::downgrade(&inner)));
        tokio::spawn(alarms::run(Arc::downgrade(&inner)));
        for broker in brokers {
            inner.start_broker(broker);
        }
        let meters: Vec<_> = (meters.into_iter())
            .filter(|meter| inner.scope.has(&meter.name))
            .collect();
        let mut ramp = pace::Ramp::new(meters.len(), inner.seed);
        lock(&inner.state).starting = meters.len();
        for (place, meter) in meters.into_iter().enumerate() {
            let start = ramp.start(place, meter.poll);
            // What is not known of it is no reason not to start it.
            let notes = inner.store.meter_notes(meter.id).await.unwrap_or_default();
            let good = notes
                .last_good
                .and_then(|(at, link)| KnownGood::read(at, &link));
            let (id, named) = (meter.id, !meter.enabled && inner.scope.only.is_some());
            inner.start_meter(meter, good, start);
            if named {
                // A new task's inbox has room.
                let _ = inner.order(id, Order::Start).await;
            }
        }
        lock(&inner.state).roster.all_came(&inner.scope);
        tokio::spawn(elsewhere::watch(Arc::downgrade(&inner)));
        Ok(Self { inner })
    }

    /// Resolves when anything changed since the last `take_changes`.
    pub async fn changed(&self) {
        loop {
            let notified = self.inner.changed.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if lock(&self.inner.state).is_dirty() {
                return;
            }
            notified.await;
        }
    }

    /// What changed, coalesced: one view per meter and broker however often it moved. The first call brings all.
    pub fn take_changes(&self) -> Changes {
        lock(&self.inner.state).take_changes()
    }

    pub fn meters(&self) -> Vec<Arc<MeterView>> {
        self.inner.meter_views()
    }

    pub fn brokers(&self) -> Vec<Arc<BrokerView>> {
        lock(&self.inner.state).broker_views()
    }

    /// Of all meters, as they stand now.
    pub fn totals(&self) -> Totals {
        self.inner.totals()
    }

    /// Which meters need somebody, the most urgent first, and at most so many.
    pub fn attention(&self, most: usize) -> Vec<Attention> {
        self.inner.attention(most)
    }

    /// Those that stand and those over lately, the oldest first.
    pub fn alarms(&self) -> Vec<Arc<Alarm>> {
        lock(&self.inner.state).alarms.all()
    }

    pub fn trace(&self, meter: MeterId) -> Option<tap::Tap> {
        lock(&self.inner.state).tap(meter)
    }

    /// Whoever watches is told.
    pub fn say(&self, level: Level, text: String) {
        self.inner.notice(level, text);
    }

    /// Carried out at once or refused with words.
    pub async fn command(&self, command: Command) -> Result<(), String> {
        self.inner.command(command).await
    }

    /// Releases every meter (bounded time), flushes publishers, closes the store. A second call does nothing.
    pub async fn shutdown(&self) {
        self.inner.shutdown().await;
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
