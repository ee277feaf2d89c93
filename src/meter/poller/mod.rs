//! The owner: one task that keeps a meter connected, polls it on its grid, retries with growing jittered pauses, and
//! never ends by itself. Whatever it does, it hears orders; whatever ends, the meter is released first.

mod board;
mod changes;
mod cycle;
mod gate;
mod live;
mod loan;
mod orders;
mod pace;
mod recovery;
mod schedule;

use super::attempts::{self, Attempts, Credential};
use super::clock::Clock;
use super::counters::{CounterError, Counters, InMemory};
use super::definition::Definition;
use super::evidence;
use super::health::Vitals;
use super::judge::{Judge, merged};
use super::known_good::KnownGood;
use super::objects::Objects;
use super::reading::{Poll, Reading};
use super::session::SessionError;
use super::status::{MeterStatus, Phase};
use super::tap::Tap;
use super::transport::SharedConnector;
use crate::cosem::{AttributeRef, ObjectSpec};
use crate::diagnosis::Finding;
use board::Board;
use changes::Change;
pub use changes::{Synced, Written};
pub use gate::{Gate, Turns};
pub use loan::Loan;
use recovery::Healing;
use schedule::Schedule;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

pub enum Order {
    Start,
    Stop,
    PollNow,
    Reconnect,
    /// After an authentication failure: a person says try again.
    Proceed,
    Read(Box<ReadOrder>),
    /// Writes one attribute, typed by what the meter shows there, and reads it back.
    Write(Box<WriteOrder>),
    /// Sets the meter's clock to ours.
    SyncClock {
        reply: oneshot::Sender<Result<Synced, String>>,
    },
    Replace(Box<Definition>),
    /// Let the meter go and leave it to whoever asks, until the loan is dropped. No loan comes where it is lent already.
    Lend(oneshot::Sender<Loan>),
    /// Release the meter and end the task.
    Shutdown,
}

/// On the heap, like all that is not small: every meter has room for a block of orders.
pub struct ReadOrder {
    pub specs: Vec<ObjectSpec>,
    pub reply: oneshot::Sender<Result<Vec<Reading>, String>>,
}

pub struct WriteOrder {
    pub attribute: AttributeRef,
    pub value: String,
    pub reply: oneshot::Sender<Result<Written, String>>,
}

pub struct PollerHandle {
    pub orders: mpsc::Sender<Order>,
    pub status: watch::Receiver<MeterStatus>,
    pub tap: Tap,
    pub vitals: Vitals,
    pub task: tokio::task::JoinHandle<()>,
}

/// Bytes of trace kept where the caller does not say.
const TRACE_BYTES: usize = 256 * 1024;

/// After so many failures in a row over nothing but invocation counters a person must look.
const MOST_COUNTER_FAILURES: u32 = 3;

/// `polls` gets every finished cycle; `seed` drives the jitter.
pub fn spawn(
    definition: Definition,
    connector: SharedConnector,
    clock: Clock,
    polls: mpsc::Sender<Poll>,
    seed: u64,
) -> PollerHandle {
    spawn_with(
        definition,
        connector,
        clock,
        polls,
        seed,
        Tap::new(TRACE_BYTES),
        Kept::default(),
    )
}

/// What outlives the process, where the caller sees to it; in memory otherwise.
#[derive(Clone)]
pub struct Kept {
    pub counters: Arc<dyn Counters>,
    pub attempts: Arc<dyn Attempts>,
    /// Link parameters that worked before.
    pub known_good: Option<KnownGood>,
    /// When it may connect.
    pub gate: Gate,
}

impl Default for Kept {
    fn default() -> Self {
        Self {
            counters: Arc::new(InMemory::default()),
            attempts: Arc::new(attempts::InMemory::default()),
            known_good: None,
            gate: Gate::default(),
        }
    }
}

/// The same with a tap of the caller's, and with what outlives the process.
pub fn spawn_with(
    definition: impl Into<Arc<Definition>>,
    connector: SharedConnector,
    clock: Clock,
    polls: mpsc::Sender<Poll>,
    seed: u64,
    tap: Tap,
    kept: Kept,
) -> PollerHandle {
    let definition = definition.into();
    let (orders, inbox) = mpsc::channel(32);
    let board = Board::new(clock, &definition);
    if definition.enabled {
        // Before the task first runs someone may look, or say stop.
        board.phase(Phase::Connecting);
    }
    let status = board.watch();
    let vitals = board.vitals.clone();
    tap.diagnose(evidence::settings(&definition, kept.known_good.as_ref()));
    let mut owner = Owner {
        judge: Judge::new(&definition),
        definition,
        connector,
        clock,
        tap: tap.clone(),
        kept,
        confirmed: false,
        leap: None,
        healthy_since: None,
        looked: None,
        polls,
        board,
        rng: fastrand::Rng::with_seed(seed),
        objects: Objects::default(),
        failures: 0,
        healing: Healing::default(),
        schedule: Schedule::default(),
        due: Vec::new(),
        order: Vec::new(),
        poll_now: false,
        reads: Vec::new(),
        changes: Vec::new(),
        asked_last: false,
        in_exchange: false,
        replacement: None,
        may_resynchronise: false,
        borrower: None,
        after_loan: Phase::Connecting,
    };
    let task = tokio::spawn(async move { owner.run(inbox).await });
    PollerHandle {
        orders,
        status,
        tap,
        vitals,
        task,
    }
}

type Reply = oneshot::Sender<Result<Vec<Reading>, String>>;

#[expect(clippy::struct_excessive_bools, reason = "each stands for itself")]
struct Owner {
    definition: Arc<Definition>,
    connector: SharedConnector,
    clock: Clock,
    tap: Tap,
    kept: Kept,
    /// A person said that the refused secret may go once more.
    confirmed: bool,
    /// A counter that the meter named and nobody accepted yet.
    leap: Option<CounterError>,
    /// The association stands and brings values since then.
    healthy_since: Option<Instant>,
    /// Of the values.
    judge: Judge,
    /// When the findings were last looked at.
    looked: Option<Instant>,
    polls: mpsc::Sender<Poll>,
    board: Board,
    rng: fastrand::Rng,
    /// Learned once, kept over reconnects of the same meter.
    objects: Objects,
    /// In a row; 0 after an exchange that worked.
    failures: u32,
    healing: Healing,
    schedule: Schedule,
    /// Places of the objects a poll reads; kept for its room.
    due: Vec<usize>,
    /// The same without those that rest, in the order they are asked.
    order: Vec<usize>,
    poll_now: bool,
    reads: Vec<(Vec<ObjectSpec>, Reply)>,
    changes: Vec<Change>,
    /// The last exchange was someone's wish: a poll that is due has its turn now.
    asked_last: bool,
    /// A GET may be on its way: a new definition waits until the answer came.
    in_exchange: bool,
    replacement: Option<Box<Definition>>,
    /// SNRM on the same stream was not tried since the last exchange that worked.
    may_resynchronise: bool,
    /// Who waits for the meter to be let go.
    borrower: Option<oneshot::Sender<Loan>>,
    /// `Stopped` and `NeedsPerson` are gone back to after a loan; from all else it connects.
    after_loan: Phase,
}

const LOOK_EVERY: Duration = Duration::from_secs(5);
/// After so long without trouble the diagnosis begins anew with the next connection.
const LONG_HEALTHY: Duration = Duration::from_mins(10);

/// What the owner does next.
#[derive(Debug)]
enum Next {
    Connect,
    Wait,
    NeedsPerson,
    Stopped,
    Lent,
    End,
}

impl Owner {
    async fn run(&mut self, mut orders: mpsc::Receiver<Order>) {
        let mut next = if self.definition.enabled {
            Next::Connect
        } else {
            Next::Stopped
        };
        loop {
            next = match next {
                Next::Connect => self.live(&mut orders).await,
                Next::Wait => self.wait(&mut orders).await,
                Next::NeedsPerson => {
                    self.tell_what_is_asked().await;
                    self.board.phase(Phase::NeedsPerson);
                    self.until_told(&mut orders).await
                }
                Next::Stopped => {
                    // The time a person stopped it for is not missed, and another meter may stand there by then.
                    self.stop_ticking();
                    self.failures = 0;
                    self.objects = Objects::default();
                    self.healing.objects.forget();
                    self.show_resting(0);
                    self.tell_what_is_asked().await;
                    self.board.phase(Phase::Stopped);
                    self.until_told(&mut orders).await
                }
                Next::Lent => self.lent(&mut orders).await,
                Next::End => break,
            };
        }
        self.board.phase(Phase::Stopped);
    }

    async fn wait(&mut self, orders: &mut mpsc::Receiver<Order>) -> Next {
        let until = self.next_try();
        let failures = self.failures;
        self.board.phase(Phase::Waiting { until, failures });
        match self.obeying(orders, tokio::time::sleep_until(until)).await {
            Ok(()) => Next::Connect,
            Err(next) => next,
        }
    }

    /// What worked so long has nothing to do with what goes wrong next; and what was found of other settings does not
    /// hold for these.
    fn diagnose_anew(&mut self) {
        self.healthy_since = None;
        let settings = evidence::settings(&self.definition, self.kept.known_good.as_ref());
        self.tap.diagnose(settings);
        self.board.findings(self.found());
    }

    /// While it goes well, now and then.
    fn look_at_findings(&mut self) {
        let now = Instant::now();
        if self
            .looked
            .is_none_or(|looked| now.duration_since(looked) >= LOOK_EVERY)
        {
            self.looked = Some(now);
            self.board.findings(self.found());
        }
    }

    /// Of the bytes and of the values.
    fn found(&self) -> Vec<Finding> {
        merged(self.tap.findings(), self.judge.findings())
    }

    async fn tell_what_is_asked(&self) {
        let mut words = Vec::new();
        if let Some(who) = Credential::of(&self.definition) {
            match self.kept.attempts.record(who).await {
                Ok(record) if record.asks() => words = record.words(&self.definition),
                Ok(_) => {}
                Err(error) => words.push(error.to_string()),
            }
        }
        words.extend(self.leap.as_ref().map(ToString::to_string));
        self.board.asks(words);
    }

    /// Counts, tells in words, and says whether to wait for time or for a person.
    fn failed(&mut self, error: &SessionError) -> Next {
        self.failures = self.failures.saturating_add(1);
        self.leap = match error {
            SessionError::Counter(leap @ CounterError::Leap { .. }) => Some(leap.clone()),
            _ => None,
        };
        self.blame(super::recovery::Cause::of(error));
        self.board.failed(error, &self.definition);
        self.board.findings(self.found());
        let in_vain = error.is_about_counters() && self.failures >= MOST_COUNTER_FAILURES;
        if error.needs_person() || in_vain {
            Next::NeedsPerson
        } else {
            Next::Wait
        }
    }
}

impl Drop for Owner {
    /// The session says DISC by itself; here the screen is told that nobody watches this meter any more.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.board.broke_off();
        }
    }
}

#[cfg(test)]
mod tests;
