//! Before a secret goes out: it is counted, or it does not go. The rule: whatever breaks off the way to an association,
//! no frame that shows or proves a secret leaves uncounted.

use super::{Session, SessionError};
use crate::dlms::association::{Authentication, State};
use crate::meter::attempts::{AttemptError, Attempts, Counted, Credential, InMemory, Outcome};
use crate::meter::definition::Definition;
use std::sync::Arc;

pub(super) struct Showing {
    pub attempts: Arc<dyn Attempts>,
    /// A person said go on though this secret was refused; good for one attempt.
    pub confirmed: bool,
    credential: Option<Credential>,
    /// The attempt under way is counted.
    counted: bool,
    meter: Box<Definition>,
}

impl Showing {
    pub(super) fn new(meter: &Definition) -> Self {
        Self {
            attempts: Arc::new(InMemory::default()),
            confirmed: false,
            credential: Credential::of(meter),
            counted: false,
            // What is polled says nothing about its locks.
            meter: Box::new(Definition {
                objects: Vec::new(),
                ..meter.clone()
            }),
        }
    }

    fn asks(&self, words: &crate::meter::attempts::Record) -> SessionError {
        AttemptError::Asks {
            words: words.words(&self.meter),
        }
        .into()
    }
}

impl Session {
    /// Before anything is sent: may the secret be shown at all?
    pub(super) async fn may_show(&mut self) -> Result<(), SessionError> {
        self.showing.counted = false;
        let Some(who) = self.showing.credential.clone() else {
            return Ok(());
        };
        if self.showing.confirmed {
            return Ok(());
        }
        let record = self.showing.attempts.record(who).await?;
        if record.asks() {
            return Err(self.showing.asks(&record));
        }
        Ok(())
    }

    /// A password stands in the AARQ that goes out next, or a proof in the request after it, and is not counted yet.
    pub(super) fn is_about_to_show(&self) -> bool {
        if self.showing.counted || self.showing.credential.is_none() {
            return false;
        }
        match (
            &self.association.config().authentication,
            self.association.state(),
        ) {
            (Authentication::Lls(_), state) => state == State::Associating,
            (Authentication::Hls { .. }, state) => state == State::Proving,
            (Authentication::None, _) => false,
        }
    }

    /// Called before bytes go out.
    pub(super) async fn count_attempt(&mut self) -> Result<(), SessionError> {
        if !self.is_about_to_show() {
            return Ok(());
        }
        let Some(who) = self.showing.credential.clone() else {
            return Ok(());
        };
        let at = self.wire.stamp(self.now);
        let confirmed = self.showing.confirmed;
        match self.showing.attempts.count(who, confirmed, at).await? {
            Counted::Yes => {
                self.showing.confirmed = false;
                self.showing.counted = true;
                Ok(())
            }
            Counted::Asks(record) => Err(self.showing.asks(&record)),
        }
    }

    /// What came of the attempt, if one was made.
    pub(super) async fn note_attempt(&mut self, result: &Result<(), SessionError>) {
        if !std::mem::take(&mut self.showing.counted) {
            return;
        }
        let outcome = match result {
            Ok(()) => Outcome::Accepted,
            Err(SessionError::Association(failure)) if failure.is_authentication() => {
                Outcome::Refused
            }
            Err(_) => Outcome::Unclear,
        };
        if let Some(who) = self.showing.credential.clone() {
            self.showing.attempts.note(who, outcome).await;
        }
    }
}
