//! A meter's link in other hands: while somebody else speaks with the meter, its owner waits. The rule: a loan ends
//! however its holder ends, and an owner that is told to go asks for it back first.

mod watched;

use super::{Kept, Next, Order, Owner};
use crate::meter::attempts::Credential;
use crate::meter::clock::Clock;
use crate::meter::definition::Definition;
use crate::meter::recovery;
use crate::meter::status::Phase;
use crate::meter::tap::Tap;
use crate::meter::transport::SharedConnector;
use std::sync::Arc;
use tokio::sync::{mpsc, oneshot};
use tokio_util::sync::CancellationToken;
use watched::Watched;

/// All that is needed to speak with a meter whose owner does not. Dropping it gives the meter back.
pub struct Loan {
    pub definition: Arc<Definition>,
    pub connector: SharedConnector,
    pub clock: Clock,
    pub tap: Tap,
    pub kept: Kept,
    recalled: CancellationToken,
    _held: oneshot::Sender<()>,
}

impl Loan {
    /// Resolves when the owner wants the meter back: let go of it and drop this.
    pub fn recalled(&self) -> CancellationToken {
        self.recalled.clone()
    }
}

impl Owner {
    /// Nothing is polled until the loan ends; then it goes on where a person or a pause left it.
    pub(super) async fn lent(&mut self, orders: &mut mpsc::Receiver<Order>) -> Next {
        let Some(reply) = self.borrower.take() else {
            return Next::Connect;
        };
        // An owner that is cut off takes its loan back, too.
        let recalled = CancellationToken::new();
        let _recall = recalled.clone().drop_guard();
        let (held, mut ended) = oneshot::channel();
        let watched = Arc::new(Watched::over(Arc::clone(&self.kept.attempts)));
        let loan = Loan {
            definition: Arc::clone(&self.definition),
            connector: Arc::clone(&self.connector),
            clock: self.clock,
            tap: self.tap.clone(),
            kept: Kept {
                attempts: Arc::clone(&watched) as _,
                ..self.kept.clone()
            },
            recalled: recalled.clone(),
            _held: held,
        };
        self.board.phase(Phase::Lent);
        // Whoever asked may be gone: then the loan has ended already.
        let _ = reply.send(loan);
        loop {
            tokio::select! {
                biased;
                order = orders.recv() => {
                    if let Some(next) = self.consider(order) {
                        recalled.cancel();
                        let _ = (&mut ended).await;
                        return next;
                    }
                }
                _ = &mut ended => break,
            }
        }
        self.resumed(&watched).await
    }

    /// Where the loan found it; a refused secret that was accepted meanwhile asks nobody any more.
    async fn resumed(&mut self, watched: &Watched) -> Next {
        self.stop_ticking();
        match std::mem::replace(&mut self.after_loan, Phase::Connecting) {
            Phase::Stopped => Next::Stopped,
            Phase::NeedsPerson if !self.was_accepted(watched).await => Next::NeedsPerson,
            _ => {
                self.failures = 0;
                self.healing.wished(Some(recovery::Cause::Person));
                self.diagnose_anew();
                Next::Connect
            }
        }
    }

    /// Another secret that was accepted says nothing of this one.
    async fn was_accepted(&self, watched: &Watched) -> bool {
        let Some(who) = Credential::of(&self.definition) else {
            return false;
        };
        let accepted = watched.accepted(&who);
        let record = self.kept.attempts.record(who).await;
        accepted && record.is_ok_and(|record| !record.asks())
    }
}
