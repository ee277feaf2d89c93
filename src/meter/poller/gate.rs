//! When a meter may connect: not all of a fleet in one moment, and never too many at once. The rule: a turn is held while the
//! connection is being opened and no longer than the meter's timeout, and one that failed before waits among its like, so that
//! meters that hang keep none waiting that would answer.

use super::{Next, Order, Owner};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio::time::Instant;

/// Shared by all who connect; first come, first served.
#[derive(Clone, Debug)]
pub struct Turns {
    first: Arc<Semaphore>,
    again: Arc<Semaphore>,
}

impl Turns {
    /// So many connect at the same time, and as many again that tried before in vain.
    pub fn new(at_once: usize) -> Self {
        let room = || Arc::new(Semaphore::new(at_once.max(1)));
        Self {
            first: room(),
            again: room(),
        }
    }
}

/// Without it, at once.
#[derive(Clone, Debug, Default)]
pub struct Gate {
    pub turns: Option<Turns>,
    /// How long the first connect waits, so that a fleet does not start in one moment.
    pub ramp: Duration,
}

impl Owner {
    /// Waits for this meter's moment and turn. Whoever asks for a poll meanwhile gets it at once.
    pub(super) async fn turn_to_connect(
        &mut self,
        orders: &mut mpsc::Receiver<Order>,
    ) -> Result<Option<OwnedSemaphorePermit>, Next> {
        let ramp = std::mem::take(&mut self.kept.gate.ramp);
        let failed = self.failures > 0;
        let turns = self.kept.gate.turns.as_ref();
        let room = turns.map(|it| Arc::clone(if failed { &it.again } else { &it.first }));
        if ramp.is_zero() {
            match room
                .as_ref()
                .map(|room| Arc::clone(room).try_acquire_owned())
            {
                None => return Ok(None),
                Some(Ok(turn)) => return Ok(Some(turn)),
                Some(Err(_)) => {}
            }
        }
        self.board.queued(true);
        let begin = Instant::now() + ramp;
        let mine = async {
            tokio::time::sleep_until(begin).await;
            match room {
                // Never closed.
                Some(room) => room.acquire_owned().await.ok(),
                None => None,
            }
        };
        let turn = self.unless_hurried(orders, mine).await;
        self.board.queued(false);
        turn
    }

    async fn unless_hurried(
        &mut self,
        orders: &mut mpsc::Receiver<Order>,
        mine: impl Future<Output = Option<OwnedSemaphorePermit>>,
    ) -> Result<Option<OwnedSemaphorePermit>, Next> {
        let mut mine = pin!(mine);
        while !self.poll_now {
            tokio::select! {
                biased;
                order = orders.recv() => {
                    if let Some(next) = self.consider(order) {
                        return Err(next);
                    }
                }
                turn = &mut mine => return Ok(turn),
            }
        }
        Ok(None)
    }
}

/// Opens while the turn is held; after `limit` the turn is another's, whatever becomes of this.
pub(super) async fn within<T>(
    turn: Option<OwnedSemaphorePermit>,
    limit: Duration,
    opening: impl Future<Output = T>,
) -> T {
    let mut opening = pin!(opening);
    if turn.is_none() {
        return opening.await;
    }
    let done = tokio::time::timeout(limit, &mut opening).await;
    drop(turn);
    match done {
        Ok(done) => done,
        Err(_) => opening.await,
    }
}
