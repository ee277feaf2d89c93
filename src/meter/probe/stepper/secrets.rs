//! What must be kept for good before bytes go: attempts with a secret, and invocation counters. The rule: uncounted no
//! secret leaves, and no number leaves that was not set aside.

use super::{Kept, Stepper};
use crate::dlms::association::{Association, Authentication, Fresh, State};
use crate::dlms::security::Secret;
use crate::dlms::xdlms::ExceptionResponse;
use crate::meter::attempts::{Counted, Credential, Outcome};
use crate::meter::counters::{CounterError, CounterName, Counters, InMemory, may_leap};
use crate::meter::randomness::Randomness;
use std::sync::Arc;

/// Numbers set aside at once: so many are lost by a crash.
const STEP: u32 = 32;
/// More are set aside when fewer than this are left.
const LOW: u32 = 8;

pub(super) struct Secrets {
    pub(super) kept: Kept,
    counters: Arc<dyn Counters>,
    /// A person said that a refused secret may go; good for one attempt.
    pub(super) confirmed: bool,
    /// Shown, and what came of it is not noted yet.
    counted: Option<Credential>,
    /// `None` where no key is used.
    name: Option<CounterName>,
    /// The first number that is not set aside.
    end: u32,
    /// What the meter said it expects at least.
    least: u32,
    fresh: Fresh,
    /// What the meter named and a person takes for true.
    pub(super) accepted: Option<u32>,
}

impl Secrets {
    pub(super) fn new(kept: Kept, confirmed: bool) -> Self {
        let counters = kept.counters.clone();
        Self {
            counters: counters.unwrap_or_else(|| Arc::new(InMemory::default())),
            kept,
            confirmed,
            counted: None,
            name: None,
            end: 0,
            least: 0,
            fresh: Fresh::default(),
            accepted: None,
        }
    }

    /// The words to be confirmed before this secret goes, if it takes any.
    pub(super) async fn asks(
        &self,
        who: Option<Credential>,
        meter: &crate::meter::Definition,
    ) -> Option<String> {
        match self.kept.attempts.record(who?).await {
            Ok(record) if record.asks() => Some(record.words(meter).join("; ")),
            Ok(_) => None,
            Err(error) => Some(error.to_string()),
        }
    }

    /// Counts this one; false where a person must say yes first. An error: nothing may go.
    pub(super) async fn count(
        &mut self,
        who: Credential,
        at: jiff::Timestamp,
    ) -> Result<bool, String> {
        let counted = self.kept.attempts.count(who.clone(), self.confirmed, at);
        match counted.await {
            Ok(Counted::Yes) => {
                self.confirmed = false;
                self.counted = Some(who);
                Ok(true)
            }
            Ok(Counted::Asks(_)) => Ok(false),
            Err(error) => Err(error.to_string()),
        }
    }

    /// What came of the attempt under way, if there is one.
    pub(super) async fn noted(&mut self, outcome: Outcome) {
        if let Some(who) = self.counted.take() {
            self.kept.attempts.note(who, outcome).await;
        }
    }

    /// What came of it will not be known.
    pub(super) fn leave_open(&mut self) {
        self.counted = None;
    }

    /// A new association: its numbers, a challenge and a key nobody can know.
    pub(super) async fn renew(&mut self, association: &mut Association) -> Result<(), String> {
        let config = association.config();
        let (challenge, dedicated) = (config.challenge_length(), config.dedicated_length());
        let security = config.security.as_ref();
        self.name =
            security.and_then(|it| Some(CounterName::new(it.title, it.keys.encryption.as_ref()?)));
        let random = |length| {
            let octets = Randomness::System.octets(length);
            octets.map_err(|error| error.to_string())
        };
        let counter = match self.name {
            Some(name) => {
                let reserved = self.counters.reserve(name, self.least, STEP).await;
                let numbers = reserved.map_err(|error| error.to_string())?;
                self.end = numbers.end;
                numbers.start
            }
            None => 0,
        };
        self.fresh = Fresh {
            challenge: random(challenge)?,
            counter,
            dedicated: dedicated.map(random).transpose()?.map(Secret::new),
        };
        association.renew(self.fresh.clone());
        Ok(())
    }

    /// Before bytes go out: whatever number they used, the next one free is kept already.
    pub(super) async fn set_aside(&mut self, association: &mut Association) -> Result<(), String> {
        let (Some(name), Some(next)) = (self.name, association.invocation_counter()) else {
            return Ok(());
        };
        let end = self.end;
        if next.saturating_add(LOW) <= end {
            return Ok(());
        }
        let count = next.saturating_sub(end).saturating_add(STEP);
        let reserved = self.counters.reserve(name, end, count).await;
        let numbers = reserved.map_err(|error| error.to_string())?;
        if numbers.start != end {
            // Others took numbers in between; what is sealed already must not be one of those.
            if next > end {
                return Err(CounterError::Taken.to_string());
            }
            association.renew(Fresh {
                counter: numbers.start,
                ..self.fresh.clone()
            });
        }
        self.end = numbers.end;
        if next > self.end {
            return Err(CounterError::UsedUp.to_string());
        }
        Ok(())
    }

    pub(super) async fn give_back(&mut self, association: &Association) {
        if let (Some(name), Some(next)) = (self.name.take(), association.invocation_counter())
            && next < self.end
        {
            self.counters.give_back(name, self.end, next).await;
        }
        self.end = 0;
    }

    /// The meter refuses our counter and says which it expects: from the next beginning on it is above that, unless that
    /// is further than an unauthenticated number may lead. `None`: the refusal names none.
    pub(super) fn counter_refused(
        &mut self,
        refusal: &ExceptionResponse,
        association: &Association,
    ) -> Option<Result<u32, CounterError>> {
        self.name?;
        let wanted = refusal.counter.filter(|_| refusal.is_counter())?;
        let ours = association.invocation_counter();
        let ours = ours.unwrap_or(self.fresh.counter);
        Some(may_leap(ours, wanted, self.accepted).map(|()| {
            self.least = self.least.max(wanted.saturating_add(1));
            wanted
        }))
    }
}

impl Stepper {
    /// Whose secret what is to go next would show.
    pub(super) fn shows_secret(&self) -> Option<Credential> {
        let due = match (
            &self.association.config().authentication,
            self.association.state(),
        ) {
            (Authentication::Lls(_), state) => state == State::Associating,
            (Authentication::Hls { .. }, state) => state == State::Proving,
            (Authentication::None, _) => false,
        };
        let due = due && self.secrets.counted.is_none();
        Credential::of(&self.meter).filter(|_| due)
    }

    /// The password that is shown as it is, if there is one.
    pub(super) fn password(&self) -> Option<&Secret> {
        match &self.association.config().authentication {
            Authentication::Lls(secret) => Some(secret),
            _ => None,
        }
    }
}
