//! What the bench shows: values, replaced whole. The rule: everything a screen needs stands in them, and nothing secret.

use crate::diagnosis::Finding;
use crate::dlms::explain::Explained;
use crate::dlms::security::Secret;
use crate::meter::Definition;
use crate::meter::probe::{Pending, Proposal, Report, Stage, Step};
use std::sync::Arc;
use tokio::time::Instant;

/// How far the bench is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum At {
    /// The poller lets go of the meter.
    Borrowing,
    Working,
    /// The meter is given back; what was found stays until it is closed.
    Over,
}

#[derive(Clone, Debug, PartialEq)]
pub struct BenchView {
    pub at: At,
    /// Why it ended before its time.
    pub trouble: Option<String>,
    /// Frames in the findings count from the trace record with this number.
    pub from: u64,
    /// Likeliest first.
    pub findings: Arc<[Finding]>,
    pub work: Work,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Work {
    Probe(ProbeView),
    Step(Box<StepView>),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct ProbeView {
    /// As it is asked; other settings saved meanwhile are not what was probed.
    pub meter: Option<Arc<Definition>>,
    pub steps: Vec<Step>,
    /// What is being tried.
    pub trying: Option<String>,
    /// Until when the meter is left alone.
    pub waiting: Option<Instant>,
    pub report: Option<Arc<Report>>,
    /// A person broke it off.
    pub stopped: bool,
    /// The address that worked is the saved one now.
    pub kept: bool,
}

/// One chunk as it crossed the line, explained.
#[derive(Clone, Debug, PartialEq)]
pub struct Exchange {
    pub sent: bool,
    /// As they are shown: a secret is stars.
    pub bytes: Vec<u8>,
    pub frames: Vec<Explained>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct StepView {
    /// The settings it goes by now.
    pub definition: Arc<Definition>,
    pub proposal: Proposal,
    pub picture: Arc<[Stage]>,
    pub pending: Option<Pending>,
    /// The pending bytes, taken apart.
    pub explained: Arc<[Explained]>,
    /// What the last step brought over the line.
    pub said: Arc<[Exchange]>,
    /// What was last asked of a frame by hand, until the next step.
    pub hand: Option<Arc<ByHand>>,
    /// A step is under way.
    pub busy: bool,
}

/// A frame by hand, before it goes.
#[derive(Clone, Debug, PartialEq)]
pub struct ByHand {
    /// As a person wrote it.
    pub written: Secret,
    /// As it would be shown, and what is to be confirmed.
    pub pending: Pending,
}

impl BenchView {
    pub(super) fn probe() -> Self {
        Self::new(Work::Probe(ProbeView::default()))
    }

    pub(super) fn step(definition: &Definition) -> Self {
        Self::new(Work::Step(Box::new(StepView {
            definition: Arc::new(definition.clone()),
            proposal: Proposal::default(),
            picture: Arc::default(),
            pending: None,
            explained: Arc::default(),
            said: Arc::default(),
            hand: None,
            busy: true,
        })))
    }

    fn new(work: Work) -> Self {
        Self {
            at: At::Borrowing,
            trouble: None,
            from: 0,
            findings: Arc::default(),
            work,
        }
    }

    /// Nothing goes on any more.
    pub(super) fn rest(&mut self) {
        match &mut self.work {
            Work::Probe(probe) => (probe.trying, probe.waiting) = (None, None),
            Work::Step(step) => (step.pending, step.busy) = (None, false),
        }
    }

    pub fn is_over(&self) -> bool {
        self.at == At::Over
    }

    pub fn as_probe(&self) -> Option<&ProbeView> {
        match &self.work {
            Work::Probe(probe) => Some(probe),
            Work::Step(_) => None,
        }
    }

    pub fn as_step(&self) -> Option<&StepView> {
        match &self.work {
            Work::Probe(_) => None,
            Work::Step(step) => Some(step),
        }
    }
}
