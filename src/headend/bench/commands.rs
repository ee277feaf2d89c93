//! What a person may ask of the bench: taken at once, or refused with words. The rule: one piece of work a meter.

use super::{Bench, BenchView, Job, KeepError, Seat, keep_working, set_up};
use crate::cosem::AttributeRef;
use crate::headend::commands::{GONE, words};
use crate::headend::{Inner, lock};
use crate::meter::poller::Order;
use crate::meter::probe::Proposal;
use crate::meter::{Definition, MeterId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::oneshot;

/// How a meter is probed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ProbeAsk {
    /// Wait the meter's inactivity time first, once.
    pub wait: bool,
    /// All-station addresses too: only where one meter is on the line.
    pub all_station: bool,
    /// A refused secret may be shown once more.
    pub confirmed: bool,
    /// Stay associated so long: shows what goes wrong only after a while.
    pub stay: Option<Duration>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum StepAsk {
    /// Put the meter on the bench; nothing is sent yet.
    Begin,
    /// `yes`: a refused secret may go once more.
    Next { yes: bool },
    /// Step after step: to the association, and from there to the end.
    Run { yes: bool },
    /// Leave the pending step out.
    Skip,
    /// Let the meter go, and end.
    Release,
    /// Other settings: what stands is released first. They hold for this bench alone.
    Edit {
        meter: Box<Definition>,
        proposal: Proposal,
    },
    /// What these bytes would be as they go, and what is to be confirmed first; nothing is sent.
    Hand(Vec<u8>),
    /// Bytes as they are; what shows a secret only after it was asked for by [`Self::Hand`].
    ByHand(Vec<u8>),
    /// What GET asks next.
    Ask(AttributeRef),
}

pub(in crate::headend) const ON_BENCH: &str = "it is on the bench; let it go there first";
const NOTHING: &str = "nothing of this meter is on the bench";

impl Inner {
    pub(in crate::headend) async fn probe(
        self: &Arc<Self>,
        id: MeterId,
        ask: ProbeAsk,
    ) -> Result<(), String> {
        self.take_to_bench(id, Job::Probe(ask)).await
    }

    pub(in crate::headend) async fn step(
        self: &Arc<Self>,
        id: MeterId,
        ask: StepAsk,
    ) -> Result<(), String> {
        match ask {
            StepAsk::Begin => self.take_to_bench(id, Job::Step).await,
            StepAsk::Release => self.stop_bench(id),
            ask => {
                self.with_bench(id, |bench| {
                    let step = bench.view.as_step().filter(|_| bench.is_working());
                    match step {
                        None => Err("no session is stepped through; begin one first".to_owned()),
                        Some(step) if step.busy => Err("a step is under way".to_owned()),
                        Some(_) => bench.asks.try_send(ask).map_err(|error| match error {
                            TrySendError::Full(_) => "a step is under way".to_owned(),
                            TrySendError::Closed(_) => NOTHING.to_owned(),
                        }),
                    }
                })?;
                // Before the task hears of it: a key pressed twice is one step.
                lock(&self.state).busy(id);
                self.changed.notify_waiters();
                Ok(())
            }
        }
    }

    async fn take_to_bench(self: &Arc<Self>, id: MeterId, job: Job) -> Result<(), String> {
        let (orders, seat) = {
            let mut state = lock(&self.state);
            let orders = state.orders(id).ok_or_else(|| GONE.to_owned())?;
            if state.bench(id).is_some_and(Bench::is_working) {
                return Err(ON_BENCH.to_owned());
            }
            let definition = state.definition(id).ok_or_else(|| GONE.to_owned())?;
            let view = match &job {
                Job::Probe(_) => BenchView::probe(),
                Job::Step => BenchView::step(definition),
            };
            let (bench, seat) = set_up(self, id, view);
            state.set_bench(id, Some(bench));
            (orders, seat)
        };
        self.changed.notify_waiters();
        let (lend, lending) = oneshot::channel();
        tokio::spawn(Seat::work(seat, lending, job));
        // An owner that is gone drops the reply, and the bench says so.
        let _ = orders
            .send_timeout(Order::Lend(lend), super::LET_GO / 5)
            .await;
        Ok(())
    }

    /// Ends what goes on; closes what has ended.
    pub(in crate::headend) fn stop_bench(&self, id: MeterId) -> Result<(), String> {
        let over = self.with_bench(id, |bench| {
            bench.stop.cancel();
            Ok(!bench.is_working())
        })?;
        if over {
            lock(&self.state).set_bench(id, None);
            self.changed.notify_waiters();
        }
        Ok(())
    }

    pub(in crate::headend) fn skip_wait(&self, id: MeterId) -> Result<(), String> {
        self.with_bench(id, |bench| {
            let waiting = bench.view.as_probe().and_then(|probe| probe.waiting);
            if waiting.is_none() {
                return Err("nothing is waited for".to_owned());
            }
            bench.skip.notify_one();
            Ok(())
        })
    }

    pub(in crate::headend) async fn keep_bench(
        self: &Arc<Self>,
        id: MeterId,
    ) -> Result<(), String> {
        let (probed, working) = self.with_bench(id, |bench| {
            let probe = bench.view.as_probe();
            let report = probe.and_then(|it| it.report.as_ref());
            let working = report.and_then(|report| report.working);
            let probed = probe.and_then(|it| it.meter.clone());
            probed
                .zip(working)
                .ok_or_else(|| "no address has worked that could be kept".to_owned())
        })?;
        let _one = self.one_command.lock().await;
        let meter = lock(&self.state).definition(id).cloned();
        let meter = meter.ok_or_else(|| GONE.to_owned())?;
        let saved = keep_working(&self.store, meter, &probed, working, self.clock.now())
            .await
            .map_err(|error| match error {
                KeepError::Store(error) => words(error),
                error @ KeepError::Elsewhere(_) => error.to_string(),
            })?;
        {
            let mut state = lock(&self.state);
            state.replace(saved.clone());
            state.kept_address(id);
        }
        self.changed.notify_waiters();
        self.order(id, Order::Replace(Box::new(saved))).await
    }

    fn with_bench<T>(
        &self,
        id: MeterId,
        work: impl FnOnce(&Bench) -> Result<T, String>,
    ) -> Result<T, String> {
        let state = lock(&self.state);
        work(state.bench(id).ok_or_else(|| NOTHING.to_owned())?)
    }
}
