//! From connect to release: what the owner does while it holds a stream to the meter.

use super::{LONG_HEALTHY, Next, Order, Owner, gate};
use crate::meter::counters::CounterError;
use crate::meter::known_good::KnownGood;
use crate::meter::session::{Session, SessionError};
use crate::meter::status::{Cause, Phase};
use std::sync::Arc;
use tokio::sync::mpsc;
use tokio::time::Instant;

/// Why the exchanges with a meter ended.
pub(super) enum Exit {
    Told(Next),
    /// No association came about.
    Refused(SessionError),
    /// It was there and was lost.
    Lost(SessionError),
}

impl Owner {
    /// Connects, polls until something ends it, releases. What is learned stays with the owner.
    pub(super) async fn live(&mut self, orders: &mut mpsc::Receiver<Order>) -> Next {
        if self
            .healthy_since
            .take()
            .is_some_and(|since| since.elapsed() >= LONG_HEALTHY)
        {
            self.diagnose_anew();
        }
        if self.schedule.is_for(Cause::Paused) {
            self.ticks_go_by(Cause::Away);
        }
        let connector = Arc::clone(&self.connector);
        let (clock, tap, board) = (self.clock, self.tap.clone(), self.board.clone());
        self.begin_attempt();
        self.board.phase(Phase::Connecting);
        // On the heap, as the opening is: both are over when the meter waits for its polls.
        let turn = match Box::pin(self.turn_to_connect(orders)).await {
            Err(next) => return next,
            Ok(turn) => turn,
        };
        // Whoever waited may have heard of another definition.
        let meter = Arc::clone(&self.definition);
        let mut on_rung = |rung, state| board.rung(rung, state);
        let connecting = Session::connect(&meter, &*connector, clock, &tap, &mut on_rung);
        let connecting = Box::pin(gate::within(turn, meter.timeout, connecting));
        let stream = match self.obeying(orders, connecting).await {
            Err(next) => return next,
            Ok(Err(error)) => return self.failed(&error),
            Ok(Ok(stream)) => stream,
        };
        // Orders that came while connecting may have changed the definition in place.
        let meter = Arc::clone(&self.definition);
        let accepted = match self.leap.take() {
            Some(CounterError::Leap { named, .. }) if self.confirmed => Some(named),
            _ => None,
        };
        let mut session = Session::new(&meter, stream, clock, tap.clone())
            .with_accepted_counter(accepted)
            .with_counters(Arc::clone(&self.kept.counters))
            .with_error_limit(meter.recovery.link_errors)
            .with_vitals(self.board.vitals.clone())
            .with_attempts(
                Arc::clone(&self.kept.attempts),
                std::mem::take(&mut self.confirmed),
            );
        session.objects = std::mem::take(&mut self.objects);
        self.board.count(|c| {
            c.reconnects += u64::from(c.connects > 0);
            c.connects += 1;
        });

        let next = self.converse(&mut session, orders).await;
        self.end_watch();

        self.ticks_go_by(match &next {
            Next::Connect | Next::Wait => Cause::Away,
            Next::NeedsPerson | Next::Stopped | Next::Lent | Next::End => Cause::Paused,
        });
        self.adopt_replacement();
        if !self.definition.is_elsewhere(&meter) {
            self.objects = std::mem::take(&mut session.objects);
        }
        for (_, reply) in self.reads.drain(..) {
            let _ = reply.send(Err("the link ended before the read's turn came".to_owned()));
        }
        for change in self.changes.drain(..) {
            change.refuse("the link ended before its turn came; nothing was written");
        }
        self.board.counts(&session);
        self.board.phase(Phase::Releasing);
        let (traffic, link) = session.release().await;
        self.board.keep(traffic, link);
        next
    }

    /// Associates and serves; a lost exchange gets one try to find the meter again on the same stream.
    async fn converse(
        &mut self,
        session: &mut Session,
        orders: &mut mpsc::Receiver<Order>,
    ) -> Next {
        self.may_resynchronise = true;
        loop {
            let exit = self.associate_and_serve(session, orders).await;
            self.in_exchange = false;
            self.board.session(session);
            match exit {
                Exit::Told(next) => return next,
                // The next poll that brings something allows the next try, or SNRM would follow SNRM without end.
                Exit::Lost(error) if self.may_resynchronise && error.may_resynchronise() => {
                    self.may_resynchronise = false;
                    self.board.failed(&error, &self.definition);
                    self.board.count(|c| c.resyncs += 1);
                }
                Exit::Lost(error) | Exit::Refused(error) => return self.failed(&error),
            }
        }
    }

    async fn associate_and_serve(
        &mut self,
        session: &mut Session,
        orders: &mut mpsc::Receiver<Order>,
    ) -> Exit {
        self.ticks_go_by(Cause::Away);
        self.board.phase(Phase::Associating);
        let board = self.board.clone();
        let mut on_rung = |rung, state| board.rung(rung, state);
        match self.obeying(orders, session.establish(&mut on_rung)).await {
            Err(next) => return Exit::Told(next),
            Ok(Err(error)) => return Exit::Refused(error),
            Ok(Ok(())) => {}
        }
        self.board.phase(Phase::Ready);
        self.begin_watch();
        self.board.session(session);
        let now = self.clock.now();
        self.kept.known_good = Some(KnownGood::of(&self.definition, session.settled(), now));
        if let Err(exit) = Box::pin(self.identify(session, orders)).await {
            return exit;
        }
        // Fresh values at once; the grid goes on from there, or from where it stood before the link was lost.
        self.poll_now = true;
        loop {
            if let Err(exit) = self.serve(session, orders).await {
                return exit;
            }
        }
    }

    /// One thing: a read that was asked for, a poll that is due, a keep-alive, or the wait for the next.
    async fn serve(
        &mut self,
        session: &mut Session,
        orders: &mut mpsc::Receiver<Order>,
    ) -> Result<(), Exit> {
        self.in_exchange = false;
        self.adopt_replacement();
        let now = Instant::now();
        let due = self.due(now);
        // Whoever asks without end must not keep the meter from being polled.
        let polls = self.asked_last && (self.poll_now || due.is_some_and(|at| at <= now));
        let asked = !self.reads.is_empty() || !self.changes.is_empty();
        self.asked_last = asked && !polls;
        if self.asked_last && !self.reads.is_empty() {
            return Box::pin(self.read_asked(session, orders)).await;
        }
        if self.asked_last {
            return Box::pin(self.change_asked(session, orders)).await;
        }
        let nothing_due = !self.poll_now && due.is_none_or(|at| at > now);
        if let Some(next) = self.link_is_over(nothing_due) {
            return Err(Exit::Told(next));
        }
        self.board.next_poll(due);
        let all = std::mem::take(&mut self.poll_now);
        if all || due.is_some_and(|at| at <= now) {
            // On the heap: most of the time a meter waits.
            return Box::pin(self.cycle(session, orders, all)).await;
        }
        let alive = self.keep_alive_at(session, now);
        if alive.is_some_and(|at| at <= now) {
            self.in_exchange = true;
            let kept = self.obeying(orders, Box::pin(session.keep_alive())).await;
            kept.map_err(Exit::Told)?.map_err(Exit::Lost)?;
            self.proven();
            self.board.session(session);
            return Ok(());
        }
        let silent = self.healing.silent_at;
        let wake = due.into_iter().chain(alive).chain(silent).min();
        tokio::select! {
            biased;
            order = orders.recv() => match self.consider(order) {
                Some(next) => Err(Exit::Told(next)),
                // Something may be due now that was not.
                None => Ok(()),
            },
            error = session.idle() => Err(Exit::Lost(error)),
            () = sleep_until(wake) => Ok(()),
        }
    }

    fn keep_alive_at(&self, session: &Session, now: Instant) -> Option<Instant> {
        let silence = self.definition.keep_alive_after()?;
        Some(session.last_received().unwrap_or(now) + silence)
    }

    /// An exchange worked, which is more than an association: the next trouble is a new one.
    pub(super) fn proven(&mut self) {
        self.failures = 0;
        self.may_resynchronise = true;
        self.healthy_since.get_or_insert_with(Instant::now);
        if self.definition.objects.is_empty() {
            // Nothing else will show that the link works.
            self.healed();
        }
        self.look_at_findings();
    }
}

pub(super) async fn sleep_until(at: Option<Instant>) {
    match at {
        Some(at) => tokio::time::sleep_until(at).await,
        None => std::future::pending().await,
    }
}
