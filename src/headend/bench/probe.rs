//! A probe on the bench: the prober's progress, shown as it comes. The rule: whatever breaks it off, the meter is let go
//! of before the report stands.

use super::{ProbeAsk, Seat, kept};
use crate::headend::bench::{ProbeView, Work};
use crate::meter::poller::Loan;
use crate::meter::probe::{Options, Prober, Progress};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc::unbounded_channel;
use tokio::time::Instant;

/// A countdown told every second is the same countdown.
const SAME: Duration = Duration::from_millis(1500);

impl Seat {
    pub(super) async fn probe(&mut self, loan: &Loan, ask: &ProbeAsk) {
        self.with(|probe| probe.meter = Some(Arc::clone(&loan.definition)));
        let (say, mut said) = unbounded_channel();
        let options = Options {
            wait: ask.wait.then(|| Arc::clone(&self.skip)),
            all_station: ask.all_station,
            confirmed: ask.confirmed,
            accepted: None,
            stay: ask.stay,
        };
        let mut prober = Prober::new(
            &loan.definition,
            &*loan.connector,
            loan.clock,
            loan.tap.clone(),
            kept(loan),
            options,
            say,
        );
        let mut stopped = false;
        {
            let mut running = pin!(prober.run());
            let mut off = pin!(Self::called_off(self.stop.clone(), loan.recalled()));
            loop {
                tokio::select! {
                    biased;
                    () = &mut off => {
                        stopped = true;
                        break;
                    }
                    Some(progress) = said.recv() => {
                        self.view.findings = loan.tap.findings().into();
                        self.progress(progress);
                    }
                    () = &mut running => break,
                }
            }
        }
        self.progress(Progress::Trying("letting go of the meter".to_owned()));
        let report = prober.end().await;
        self.view.findings = report.findings.clone().into();
        self.with(|probe| {
            probe.steps.clone_from(&report.steps);
            probe.report = Some(Arc::new(report));
            probe.stopped = stopped;
        });
    }

    fn progress(&mut self, progress: Progress) {
        self.with(|probe| match progress {
            Progress::Step(step) => {
                (probe.trying, probe.waiting) = (None, None);
                probe.steps.push(step);
            }
            Progress::Trying(words) => (probe.trying, probe.waiting) = (Some(words), None),
            Progress::Waiting(left) => {
                let until = Instant::now() + left;
                let near = |known: &Instant| {
                    let apart = known.saturating_duration_since(until);
                    apart.max(until.saturating_duration_since(*known)) < SAME
                };
                if !probe.waiting.as_ref().is_some_and(near) {
                    probe.waiting = Some(until);
                }
            }
        });
        self.show();
    }

    fn with(&mut self, change: impl FnOnce(&mut ProbeView)) {
        if let Work::Probe(probe) = &mut self.view.work {
            change(probe);
        }
    }
}
