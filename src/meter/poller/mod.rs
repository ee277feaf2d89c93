//! The owner: one task that keeps a meter connected, polls it on its grid, retries with growing jittered pauses, and
//! never ends by itself. Whatever it does, it hears orders; whatever ends, the meter is released first.

mod board;
mod live;
mod orders;
mod pace;

use super::clock::Clock;
use super::counters::{Counters, InMemory};
use super::definition::Definition;
use super::objects::Objects;
use super::reading::{Poll, Reading};
use super::session::SessionError;
use super::status::{MeterStatus, Phase};
use super::tap::Tap;
use super::transport::SharedConnector;
use crate::cosem::ObjectSpec;
use board::Board;
use pace::Grid;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::Instant;

pub enum Order {
    Start,
    Stop,
    PollNow,
    Reconnect,
    /// After an authentication failure: a person says try again.
    Proceed,
    Read {
        specs: Vec<ObjectSpec>,
        reply: oneshot::Sender<Result<Vec<Reading>, String>>,
    },
    Replace(Box<Definition>),
    /// Release the meter and end the task.
    Shutdown,
}

pub struct PollerHandle {
    pub orders: mpsc::Sender<Order>,
    pub status: watch::Receiver<MeterStatus>,
    pub tap: Tap,
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
        Arc::new(InMemory::default()),
    )
}

/// The same with a tap of the caller's, and invocation counters that outlive the process.
pub fn spawn_with(
    definition: Definition,
    connector: SharedConnector,
    clock: Clock,
    polls: mpsc::Sender<Poll>,
    seed: u64,
    tap: Tap,
    counters: Arc<dyn Counters>,
) -> PollerHandle {
    let (orders, inbox) = mpsc::channel(32);
    let board = Board::new(clock, definition.objects.len());
    if definition.enabled {
        // Before the task first runs someone may look, or say stop.
        board.phase(Phase::Connecting);
    }
    let status = board.watch();
    let owner = Owner {
        definition: Arc::new(definition),
        connector,
        clock,
        tap: tap.clone(),
        counters,
        polls,
        board,
        rng: fastrand::Rng::with_seed(seed),
        objects: Objects::default(),
        failures: 0,
        grid: None,
        poll_now: false,
        reads: Vec::new(),
        in_exchange: false,
        replacement: None,
        may_resynchronise: false,
    };
    let task = tokio::spawn(owner.run(inbox));
    PollerHandle {
        orders,
        status,
        tap,
        task,
    }
}

type Reply = oneshot::Sender<Result<Vec<Reading>, String>>;

struct Owner {
    definition: Arc<Definition>,
    connector: SharedConnector,
    clock: Clock,
    tap: Tap,
    counters: Arc<dyn Counters>,
    polls: mpsc::Sender<Poll>,
    board: Board,
    rng: fastrand::Rng,
    /// Learned once, kept over reconnects of the same meter.
    objects: Objects,
    /// In a row; 0 after an exchange that worked.
    failures: u32,
    grid: Option<Grid>,
    poll_now: bool,
    reads: Vec<(Vec<ObjectSpec>, Reply)>,
    /// A GET may be on its way: a new definition waits until the answer came.
    in_exchange: bool,
    replacement: Option<Box<Definition>>,
    /// SNRM on the same stream was not tried since the last exchange that worked.
    may_resynchronise: bool,
}

/// What the owner does next.
#[derive(Debug)]
enum Next {
    Connect,
    Wait,
    NeedsPerson,
    Stopped,
    End,
}

impl Owner {
    async fn run(mut self, mut orders: mpsc::Receiver<Order>) {
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
                    self.board.phase(Phase::NeedsPerson);
                    self.until_told(&mut orders).await
                }
                Next::Stopped => {
                    // The time a person stopped it for is not missed, and another meter may stand there by then.
                    self.grid = None;
                    self.failures = 0;
                    self.objects = Objects::default();
                    self.board.phase(Phase::Stopped);
                    self.until_told(&mut orders).await
                }
                Next::End => break,
            };
        }
        self.board.phase(Phase::Stopped);
    }

    async fn wait(&mut self, orders: &mut mpsc::Receiver<Order>) -> Next {
        let until = Instant::now() + pace::pause(self.failures, &mut self.rng);
        let failures = self.failures;
        self.board.phase(Phase::Waiting { until, failures });
        match self.obeying(orders, tokio::time::sleep_until(until)).await {
            Ok(()) => Next::Connect,
            Err(next) => next,
        }
    }

    /// Counts, tells in words, and says whether to wait for time or for a person.
    fn failed(&mut self, error: &SessionError) -> Next {
        self.failures = self.failures.saturating_add(1);
        self.board.failed(error, &self.definition);
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
