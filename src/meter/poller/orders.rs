//! Orders from outside, heard whatever the owner is doing: each either changes something in place or says what is next.

use super::live::sleep_until;
use super::{Change, Next, Order, Owner, Reply};
use crate::cosem::ObjectSpec;
use crate::meter::Definition;
use crate::meter::objects::Objects;
use crate::meter::recovery;
use crate::meter::status::Phase;
use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Reads that may wait behind a poll; more are refused with words.
pub(super) const MOST_READS: usize = 16;

impl Owner {
    /// Does `work` while hearing orders; one that changes course drops the work and is returned.
    pub(super) async fn obeying<T>(
        &mut self,
        orders: &mut mpsc::Receiver<Order>,
        work: impl Future<Output = T>,
    ) -> Result<T, Next> {
        let mut work = pin!(work);
        // Only while associated; before, each wait has its own end.
        let silent_at = self.healing.silent_at;
        loop {
            tokio::select! {
                biased;
                order = orders.recv() => {
                    if let Some(next) = self.consider(order) {
                        return Err(next);
                    }
                }
                done = &mut work => return Ok(done),
                () = sleep_until(silent_at) => return Err(self.silent()),
            }
        }
    }

    pub(super) async fn until_told(&mut self, orders: &mut mpsc::Receiver<Order>) -> Next {
        loop {
            let order = orders.recv().await;
            if let Some(next) = self.consider(order) {
                return next;
            }
        }
    }

    /// `None` goes on as before. Nobody left to give orders means the end.
    pub(super) fn consider(&mut self, order: Option<Order>) -> Option<Next> {
        let stopped = self.board.is(&Phase::Stopped);
        let needs_person = self.board.is(&Phase::NeedsPerson);
        if self.board.is(&Phase::Lent) {
            return self.consider_lent(order);
        }
        match order {
            None | Some(Order::Shutdown) => Some(Next::End),
            Some(Order::Lend(reply)) => {
                self.borrower = Some(reply);
                self.after_loan = match (stopped, needs_person) {
                    (true, _) => Phase::Stopped,
                    (_, true) => Phase::NeedsPerson,
                    _ => Phase::Connecting,
                };
                Some(Next::Lent)
            }
            Some(Order::Start) => stopped.then(|| self.wished(None)),
            Some(Order::Stop) => (!stopped).then_some(Next::Stopped),
            Some(Order::Proceed) => {
                self.confirmed = needs_person;
                needs_person.then(|| self.wished(Some(recovery::Cause::Person)))
            }
            Some(Order::Reconnect) => {
                self.failures = 0;
                (!needs_person).then(|| self.wished(Some(recovery::Cause::Person)))
            }
            Some(Order::PollNow) => {
                if stopped || needs_person {
                    return None;
                }
                self.poll_now = true;
                // The breaker's pause ends for who says reconnect.
                (self.is_waiting() && !self.healing.is_paused()).then_some(Next::Connect)
            }
            Some(Order::Read(order)) => {
                self.queue_read(order.specs, order.reply);
                None
            }
            Some(Order::Write(order)) => {
                self.queue_change(Change::Write(order));
                None
            }
            Some(Order::SyncClock { reply }) => {
                self.queue_change(Change::Clock { reply });
                None
            }
            Some(Order::Replace(definition)) => self.replace(definition),
        }
    }

    /// Somebody else speaks with the meter: what changes is what comes after.
    fn consider_lent(&mut self, order: Option<Order>) -> Option<Next> {
        match order {
            None | Some(Order::Shutdown) => return Some(Next::End),
            Some(Order::Stop) => self.after_loan = Phase::Stopped,
            Some(Order::Start | Order::Reconnect) => self.after_loan = Phase::Connecting,
            Some(Order::Proceed) => {
                self.confirmed = self.after_loan == Phase::NeedsPerson;
                self.after_loan = Phase::Connecting;
            }
            Some(Order::Read(order)) => self.queue_read(order.specs, order.reply),
            // Refused: the meter is not ours now.
            Some(Order::Write(order)) => self.queue_change(Change::Write(order)),
            Some(Order::SyncClock { reply }) => self.queue_change(Change::Clock { reply }),
            Some(Order::Replace(new)) => {
                let old = Arc::clone(&self.definition);
                match self.after_loan {
                    _ if !new.enabled && old.enabled => self.after_loan = Phase::Stopped,
                    Phase::Stopped if !new.enabled || old.enabled => {}
                    Phase::NeedsPerson if !old.proves_itself_otherwise(&new) => {}
                    _ => self.after_loan = Phase::Connecting,
                }
                self.adopt(*new);
            }
            // A dropped reply says that it is lent; and polls come by themselves.
            Some(Order::Lend(_) | Order::PollNow) => {}
        }
        None
    }

    /// The breaker lets one try through, whatever was before.
    fn wished(&mut self, cause: Option<recovery::Cause>) -> Next {
        self.healing.wished(cause);
        Next::Connect
    }

    fn is_waiting(&self) -> bool {
        matches!(self.board.watch().borrow().phase, Phase::Waiting { .. })
    }

    fn queue_read(&mut self, specs: Vec<ObjectSpec>, reply: Reply) {
        let refusal = if !self.board.is(&Phase::Ready) {
            self.board.phase_words()
        } else if self.reads.len() >= MOST_READS {
            "too many reads wait already"
        } else {
            self.reads.push((specs, reply));
            return;
        };
        // Whoever asked may be gone; then nobody needs the refusal.
        let _ = reply.send(Err(refusal.to_owned()));
    }

    fn replace(&mut self, new: Box<Definition>) -> Option<Next> {
        let old = Arc::clone(&self.definition);
        let stopped = self.board.is(&Phase::Stopped);
        let reconnect = if self.board.is(&Phase::NeedsPerson) {
            // A longer timeout is no reason to show a refused password again.
            old.proves_itself_otherwise(&new)
        } else {
            old.needs_reconnect(&new)
        };
        let switched_on = new.enabled && !old.enabled;
        let switched_off = !new.enabled && old.enabled;
        if self.in_exchange && !reconnect && !switched_off {
            self.replacement = Some(new);
            return None;
        }
        self.replacement = None;
        self.adopt(*new);
        if stopped {
            return switched_on.then(|| self.wished(None));
        }
        if switched_off {
            return Some(Next::Stopped);
        }
        if reconnect {
            self.failures = 0;
        }
        reconnect.then(|| self.wished(Some(recovery::Cause::Settings)))
    }

    /// A definition that came while an answer was awaited.
    pub(super) fn adopt_replacement(&mut self) {
        if let Some(new) = self.replacement.take() {
            self.adopt(*new);
        }
    }

    fn adopt(&mut self, new: Definition) {
        let old = Arc::clone(&self.definition);
        if old.is_elsewhere(&new) {
            // Another device: its scalers may differ, and these values are not its.
            self.objects = Objects::default();
            self.board.another(&new);
        } else if old.objects != new.objects {
            self.board.objects(&old, &new);
            self.board.plan(&old, &new);
        } else if old.poll != new.poll {
            self.board.plan(&old, &new);
        }
        self.schedule.adopt(&old, &new, Instant::now());
        self.healing.adopt(&old, &new);
        self.show_resting(0);
        let otherwise = old.needs_reconnect(&new);
        self.judge.adopt(&old, &new);
        self.definition = Arc::new(new);
        self.renew_silence();
        // While it is lent the diagnosis is the borrower's.
        if otherwise && !self.board.is(&Phase::Lent) {
            self.diagnose_anew();
        } else {
            self.board.findings(self.found());
        }
    }
}
