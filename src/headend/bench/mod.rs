//! The bench: one meter off the grid, in a person's hands, probed or stepped through. The rule: a meter has one owner;
//! the bench borrows its link, and gives it back released however the work ends.

mod commands;
mod keep;
mod probe;
mod step;
mod view;

pub(super) use commands::ON_BENCH;
pub use commands::{ProbeAsk, StepAsk};
pub use keep::{KeepError, keep_working};
pub use view::{At, BenchView, ByHand, Exchange, ProbeView, StepView, Work};

use super::{Inner, lock};
use crate::meter::MeterId;
use crate::meter::poller::Loan;
use crate::meter::probe::Kept;
use crate::meter::tap::Tap;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

/// An owner lets go of a meter within its release; one that takes longer is stuck.
const LET_GO: Duration = Duration::from_secs(10);
/// Asks that may wait; a person gives one at a time.
const ASKS: usize = 4;

/// What the fleet keeps of a bench: what it shows, and how to speak to it.
pub(super) struct Bench {
    pub(super) view: Arc<BenchView>,
    stop: CancellationToken,
    skip: Arc<Notify>,
    asks: mpsc::Sender<StepAsk>,
}

impl Bench {
    pub(super) fn is_working(&self) -> bool {
        self.view.at != At::Over
    }
}

/// What is to be done with a meter.
enum Job {
    Probe(ProbeAsk),
    Step,
}

/// The other end of a [`Bench`], at the task that works.
struct Seat {
    inner: Weak<Inner>,
    id: MeterId,
    view: BenchView,
    stop: CancellationToken,
    skip: Arc<Notify>,
    asks: mpsc::Receiver<StepAsk>,
}

/// A bench and the task's end of it.
fn set_up(inner: &Arc<Inner>, id: MeterId, view: BenchView) -> (Bench, Seat) {
    let (stop, skip) = (CancellationToken::new(), Arc::new(Notify::new()));
    let (tell, asks) = mpsc::channel(ASKS);
    let bench = Bench {
        view: Arc::new(view.clone()),
        stop: stop.clone(),
        skip: Arc::clone(&skip),
        asks: tell,
    };
    let seat = Seat {
        inner: Arc::downgrade(inner),
        id,
        view,
        stop,
        skip,
        asks,
    };
    (bench, seat)
}

impl Seat {
    /// From the loan to its end.
    async fn work(mut self, lending: oneshot::Receiver<Loan>, job: Job) {
        let stop = self.stop.clone();
        let lent = tokio::select! {
            biased;
            () = stop.cancelled() => return self.over(None),
            lent = tokio::time::timeout(LET_GO, lending) => lent,
        };
        let Ok(Ok(loan)) = lent else {
            return self.over(Some("the meter's task did not let go of it"));
        };
        self.view.at = At::Working;
        self.begin(&loan.tap);
        match job {
            Job::Probe(ask) => self.probe(&loan, &ask).await,
            Job::Step => self.step_through(&loan).await,
        }
        drop(loan);
        self.over(None);
    }

    /// The person, or the meter's owner, wants it to end.
    async fn called_off(stop: CancellationToken, recalled: CancellationToken) {
        tokio::select! {
            () = stop.cancelled() => {}
            () = recalled.cancelled() => {}
        }
    }

    /// Findings count frames from here on.
    fn begin(&mut self, tap: &Tap) {
        self.view.from = tap.next_seq();
        self.view.findings = Arc::default();
        self.show();
    }

    fn show(&self) {
        if let Some(inner) = self.inner.upgrade() {
            lock(&inner.state).show_bench(self.id, Arc::new(self.view.clone()));
            inner.changed.notify_waiters();
        }
    }

    fn over(&mut self, why: Option<&str>) {
        self.view.at = At::Over;
        self.view.trouble = why.map(str::to_owned).or(self.view.trouble.take());
        self.view.rest();
        self.show();
    }
}

impl Drop for Seat {
    /// A fault of ours must not leave a bench that seems to work.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.over(Some(
                "the bench broke off: a fault of obiscope; the meter was let go",
            ));
        }
    }
}

fn kept(loan: &Loan) -> Kept {
    Kept {
        counters: Some(Arc::clone(&loan.kept.counters)),
        attempts: Arc::clone(&loan.kept.attempts),
        known_good: loan.kept.known_good.clone(),
    }
}
