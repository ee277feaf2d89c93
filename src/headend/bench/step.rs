//! A session on the bench, one step at a time. The rule: nothing goes to the meter that was not asked for, and the end
//! releases what stands.

use super::{ByHand, Exchange, Seat, StepAsk, StepView, Work, kept};
use crate::diagnosis::Finding;
use crate::dlms::security::Secret;
use crate::meter::poller::Loan;
use crate::meter::probe::{Pending, StepName, Stepper};
use std::pin::pin;
use std::sync::Arc;

/// Steps of one run: a session has ten, and a meter must not keep it going for ever.
const MOST_STEPS: usize = 24;

impl Seat {
    pub(super) async fn step_through(&mut self, loan: &Loan) {
        let mut stepper = Stepper::new(
            &loan.definition,
            loan.clock,
            loan.tap.clone(),
            kept(loan),
            false,
        );
        {
            let mut off = pin!(Self::called_off(self.stop.clone(), loan.recalled()));
            loop {
                let ask = tokio::select! {
                    biased;
                    () = &mut off => break,
                    () = self.look(&mut stepper) => tokio::select! {
                        biased;
                        () = &mut off => break,
                        ask = self.asks.recv() => ask,
                    },
                };
                let Some(ask) = ask else { break };
                self.with_step(|view| view.busy = true);
                self.show();
                tokio::select! {
                    biased;
                    () = &mut off => break,
                    () = self.obey(&mut stepper, loan, ask) => {}
                }
            }
        }
        self.with_step(|view| (view.busy, view.pending) = (true, None));
        self.show();
        let end = stepper.end().await;
        self.view.findings = end.findings.into();
    }

    /// One ask; what crossed the line is shown.
    async fn obey(&mut self, stepper: &mut Stepper, loan: &Loan, ask: StepAsk) {
        let mut told = None;
        self.with_step(|view| told = view.hand.take());
        self.view.trouble = None;
        match ask {
            StepAsk::Begin | StepAsk::Release => {}
            StepAsk::Next { yes } => {
                let said = stepper.go(&*loan.connector, yes).await;
                self.said(stepper, said);
            }
            StepAsk::Run { yes } => self.run_on(stepper, loan, yes).await,
            StepAsk::Skip => {
                if !stepper.skip().await {
                    self.view.trouble = Some("this step cannot be left out".to_owned());
                }
            }
            StepAsk::Edit { meter, proposal } => {
                stepper.propose(proposal);
                let from = loan.tap.next_seq();
                let said = stepper.edit(&meter).await;
                // The release of what stood belongs to the settings before; frames count from where the new begin.
                self.view.from = from;
                self.said(stepper, said);
            }
            StepAsk::Hand(bytes) => {
                let pending = stepper.hand(&bytes).await;
                let written = Secret::new(bytes);
                let hand = Arc::new(ByHand { written, pending });
                self.with_step(|view| view.hand = Some(hand));
            }
            StepAsk::ByHand(bytes) => {
                let told = told.is_some_and(|hand| hand.written.expose() == bytes);
                if !told
                    && let Pending::Bytes { asks, .. } = stepper.hand(&bytes).await
                    && asks.is_some()
                {
                    self.view.trouble = asks;
                    return;
                }
                let said = stepper.by_hand(&bytes).await;
                self.said(stepper, said);
            }
            StepAsk::Ask(attribute) => {
                stepper.ask(attribute).await;
            }
        }
    }

    /// Step after step until an association stands, something asks for a person, or it is over; from there to the end.
    async fn run_on(&mut self, stepper: &mut Stepper, loan: &Loan, mut yes: bool) {
        let mut before = None;
        for _ in 0..MOST_STEPS {
            let name = match stepper.pending().await {
                Pending::Over(_) if before.is_some() => return,
                Pending::Bytes { asks: Some(_), .. } if !yes => return,
                Pending::Act { step, .. } | Pending::Bytes { step, .. } => Some(step),
                Pending::Over(_) => None,
            };
            let arrived = name == Some(StepName::Get) && before != Some(StepName::Get);
            if arrived && before.is_some() {
                return;
            }
            let said = stepper.go(&*loan.connector, std::mem::take(&mut yes)).await;
            self.said(stepper, said);
            before = name.or(Some(StepName::Connect));
            self.look(stepper).await;
            self.with_step(|view| view.busy = true);
            self.show();
        }
    }

    fn said(&mut self, stepper: &mut Stepper, said: Vec<(bool, Vec<u8>)>) {
        if said.is_empty() {
            return;
        }
        let explained = stepper.explain(&said);
        let exchanges = said.into_iter().zip(explained);
        let exchanges: Vec<_> = exchanges
            .map(|((sent, bytes), frames)| Exchange {
                sent,
                bytes,
                frames,
            })
            .collect();
        self.with_step(|view| view.said = exchanges.into());
    }

    /// What comes next, as it is shown before it goes.
    async fn look(&mut self, stepper: &mut Stepper) {
        let pending = stepper.pending().await;
        let explained = match &pending {
            Pending::Bytes { shown, .. } => stepper.explain_pending(shown),
            _ => Vec::new(),
        };
        let findings: Vec<Finding> = stepper.findings();
        self.view.findings = findings.into();
        let (picture, proposal) = (stepper.picture(), stepper.proposal());
        let meter = stepper.meter();
        self.with_step(|view| {
            if *view.definition != *meter {
                view.definition = Arc::new(meter.clone());
            }
            view.proposal = proposal;
            view.picture = picture.into();
            view.pending = Some(pending);
            view.explained = explained.into();
            view.busy = false;
        });
        self.show();
    }

    fn with_step(&mut self, change: impl FnOnce(&mut StepView)) {
        if let Work::Step(view) = &mut self.view.work {
            change(view);
        }
    }
}
