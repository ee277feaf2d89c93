//! Attempts counted where they always are, and which secrets the meter took during a loan.

use crate::meter::attempts::{
    AttemptError, Attempts, Counted, Credential, Later, Outcome, Record, Told,
};
use jiff::Timestamp;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};

pub(super) struct Watched {
    within: Arc<dyn Attempts>,
    /// What the meter said of each last.
    accepted: Mutex<BTreeSet<Credential>>,
}

impl Watched {
    pub(super) fn over(within: Arc<dyn Attempts>) -> Self {
        Self {
            within,
            accepted: Mutex::default(),
        }
    }

    /// Whether this very secret was accepted.
    pub(super) fn accepted(&self, who: &Credential) -> bool {
        let accepted = self.accepted.lock();
        accepted
            .unwrap_or_else(PoisonError::into_inner)
            .contains(who)
    }
}

impl Attempts for Watched {
    fn record(&self, who: Credential) -> Later<'_, Result<Record, AttemptError>> {
        self.within.record(who)
    }

    fn count(
        &self,
        who: Credential,
        confirmed: bool,
        at: Timestamp,
    ) -> Later<'_, Result<Counted, AttemptError>> {
        self.within.count(who, confirmed, at)
    }

    fn note(&self, who: Credential, outcome: Outcome) -> Later<'_, ()> {
        {
            let mut accepted = self.accepted.lock().unwrap_or_else(PoisonError::into_inner);
            match outcome {
                Outcome::Accepted => {
                    accepted.insert(who.clone());
                }
                Outcome::Refused => {
                    accepted.remove(&who);
                }
                Outcome::Unclear => {}
            }
        }
        self.within.note(who, outcome)
    }

    fn told(&self, who: Credential, told: Told) -> Later<'_, ()> {
        self.within.told(who, told)
    }
}
