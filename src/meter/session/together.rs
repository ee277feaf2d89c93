//! Several things at once: SET and ACTION with list, and ACCESS. A meter without them, or that fails at them, is asked one
//! by one, and that is remembered. The rule: what could change something goes again only where the meter refused the whole
//! of it, and a secret always goes by itself, so that the trace can hide it.

use super::{Session, SessionError};
use crate::cosem::decode::secret;
use crate::cosem::{AttributeRef, Data};
use crate::dlms::association::{
    Acted, ActionError, Answer, Ask, Event, GetError, LocalError, SetError,
};
use crate::dlms::xdlms::{ActionResult, Conformance, DataAccessResult, MethodRef};
use crate::meter::objects::Together;
use crate::meter::tap::Note;
use tokio::time::Instant;

/// References in one request, as for reading.
const MOST_REFERENCES: usize = 32;

/// What one request for many came to.
enum Outcome<T> {
    Done(Vec<T>),
    /// Nothing was done: one by one.
    Apart,
}

impl Session {
    /// Writes several attributes, one result for each, in order. `allow_writing` first, as for `set`.
    pub async fn set_list(
        &mut self,
        values: &[(AttributeRef, Data)],
    ) -> Result<Vec<Result<(), SetError>>, SessionError> {
        let mut all = Vec::with_capacity(values.len());
        for part in values.chunks(MOST_REFERENCES) {
            let hidden = part
                .iter()
                .any(|(it, _)| secret::attribute(it.class, it.attribute));
            let lists = part.len() > 1
                && !hidden
                && !self.objects.fails_at(Together::Set)
                && self.grants(Conformance::MULTIPLE_REFERENCES);
            let done = if lists {
                self.set_together(part).await?
            } else {
                Outcome::Apart
            };
            match done {
                Outcome::Done(results) => all.extend(results),
                Outcome::Apart => {
                    for (attribute, value) in part {
                        all.push(self.set(*attribute, value).await?);
                    }
                }
            }
        }
        Ok(all)
    }

    /// Runs several methods, one result for each, in order. `allow_writing` first, as for `action`.
    pub async fn action_list(
        &mut self,
        calls: &[(MethodRef, Option<Data>)],
    ) -> Result<Vec<Acted>, SessionError> {
        let mut all = Vec::with_capacity(calls.len());
        for part in calls.chunks(MOST_REFERENCES) {
            let hidden = part
                .iter()
                .any(|(it, _)| secret::method(it.class, it.method));
            let lists = part.len() > 1
                && !hidden
                && !self.objects.fails_at(Together::Action)
                && self.grants(Conformance::MULTIPLE_REFERENCES);
            let done = if lists {
                self.run_together(part).await?
            } else {
                Outcome::Apart
            };
            match done {
                Outcome::Done(results) => all.extend(results),
                Outcome::Apart => {
                    for (method, parameters) in part {
                        all.push(self.action(*method, parameters.as_ref()).await?);
                    }
                }
            }
        }
        Ok(all)
    }

    /// Does several things in order, one answer for each. With `break_on_error` what stands behind the first that fails is
    /// not done; its answer is then other-reason (250).
    pub async fn access(
        &mut self,
        asks: &[Ask],
        break_on_error: bool,
    ) -> Result<Vec<Answer>, SessionError> {
        let mut all: Vec<Answer> = Vec::with_capacity(asks.len());
        for part in asks.chunks(MOST_REFERENCES) {
            if break_on_error && all.iter().any(is_failure) {
                all.extend(part.iter().map(not_done));
                continue;
            }
            let together = part.len() > 1
                && !part.iter().any(is_secret)
                && !self.objects.fails_at(Together::Access)
                && self.grants(Conformance::ACCESS);
            let done = if together {
                self.access_together(part, break_on_error).await?
            } else {
                Outcome::Apart
            };
            match done {
                Outcome::Done(answers) => all.extend(answers),
                Outcome::Apart => self.one_by_one(part, break_on_error, &mut all).await?,
            }
        }
        Ok(all)
    }

    async fn one_by_one(
        &mut self,
        asks: &[Ask],
        break_on_error: bool,
        all: &mut Vec<Answer>,
    ) -> Result<(), SessionError> {
        let mut failed = false;
        for ask in asks {
            if failed && break_on_error {
                all.push(not_done(ask));
                continue;
            }
            let answer = match ask {
                Ask::Get(attribute, None) => Answer::Got(self.get(*attribute).await?),
                Ask::Get(attribute, Some(part)) => {
                    Answer::Got(self.get_with(*attribute, part).await?)
                }
                Ask::Set(attribute, value) => Answer::Set(self.set(*attribute, value).await?),
                Ask::Action(method, parameters) => {
                    Answer::Acted(self.action(*method, parameters.as_ref()).await?)
                }
            };
            failed |= is_failure(&answer);
            all.push(answer);
        }
        Ok(())
    }

    async fn set_together(
        &mut self,
        part: &[(AttributeRef, Data)],
    ) -> Result<Outcome<Result<(), SetError>>, SessionError> {
        let now = self.turn();
        if self.association.set_list(now.into_std(), part).is_err() {
            return Ok(Outcome::Apart);
        }
        match self.answer_to_many().await? {
            Event::SetList(Ok(results)) => Ok(Outcome::Done(results)),
            Event::SetList(Err(error)) => {
                self.in_vain(part.len(), &error);
                self.objects.set_fails_at(Together::Set);
                Ok(match error {
                    SetError::Exception(_) | SetError::Service(_) => Outcome::Apart,
                    // Some of it may be written.
                    error => Outcome::Done(vec![Err(error); part.len()]),
                })
            }
            _ => Err(OTHER_ANSWER.into()),
        }
    }

    async fn run_together(
        &mut self,
        part: &[(MethodRef, Option<Data>)],
    ) -> Result<Outcome<Acted>, SessionError> {
        let now = self.turn();
        if self.association.action_list(now.into_std(), part).is_err() {
            return Ok(Outcome::Apart);
        }
        match self.answer_to_many().await? {
            Event::ActedList(Ok(results)) => Ok(Outcome::Done(results)),
            Event::ActedList(Err(error)) => {
                self.in_vain(part.len(), &error);
                self.objects.set_fails_at(Together::Action);
                Ok(match error {
                    ActionError::Exception(_) | ActionError::Service(_) => Outcome::Apart,
                    // Some of it may have run.
                    error => Outcome::Done(vec![Err(error); part.len()]),
                })
            }
            _ => Err(OTHER_ANSWER.into()),
        }
    }

    async fn access_together(
        &mut self,
        part: &[Ask],
        break_on_error: bool,
    ) -> Result<Outcome<Answer>, SessionError> {
        let now = self.turn();
        let asked = self
            .association
            .access(now.into_std(), part, break_on_error);
        if asked.is_err() {
            return Ok(Outcome::Apart);
        }
        match self.answer_to_many().await? {
            Event::Accessed(Ok(answers)) => Ok(Outcome::Done(answers)),
            Event::Accessed(Err(error)) => {
                self.in_vain(part.len(), &error);
                self.objects.set_fails_at(Together::Access);
                let only_reads = part.iter().all(|ask| matches!(ask, Ask::Get(..)));
                let refused = matches!(error, GetError::Exception(_) | GetError::Service(_));
                Ok(if only_reads || refused {
                    Outcome::Apart
                } else {
                    // Some of it may be done.
                    Outcome::Done(part.iter().map(|ask| failed_with(ask, &error)).collect())
                })
            }
            _ => Err(OTHER_ANSWER.into()),
        }
    }

    async fn answer_to_many(&mut self) -> Result<Event, SessionError> {
        loop {
            match self.event().await? {
                Event::Failed(failure) => return Err(failure.into()),
                answer @ (Event::SetList(_) | Event::ActedList(_) | Event::Accessed(_)) => {
                    return Ok(answer);
                }
                other => self.aside(&other),
            }
        }
    }

    fn turn(&mut self) -> Instant {
        self.now = Instant::now();
        self.now
    }

    fn in_vain(&self, count: usize, error: &impl std::fmt::Display) {
        let why = format!("{count} in one request: {error}; from now on one by one");
        self.wire.note(Note::Text(why));
    }
}

const OTHER_ANSWER: LocalError = LocalError("the answer is about another request");

fn is_secret(ask: &Ask) -> bool {
    match ask {
        Ask::Get(..) => false,
        Ask::Set(attribute, _) => secret::attribute(attribute.class, attribute.attribute),
        Ask::Action(method, _) => secret::method(method.class, method.method),
    }
}

const fn is_failure(answer: &Answer) -> bool {
    match answer {
        Answer::Got(result) => result.is_err(),
        Answer::Set(result) => result.is_err(),
        Answer::Acted(result) => result.is_err(),
    }
}

fn not_done(ask: &Ask) -> Answer {
    let other = DataAccessResult::OTHER_REASON;
    match ask {
        Ask::Get(..) => Answer::Got(Err(GetError::Access(other))),
        Ask::Set(..) => Answer::Set(Err(SetError::Access(other))),
        Ask::Action(..) => Answer::Acted(Err(ActionError::Result(ActionResult::OTHER_REASON))),
    }
}

/// The one error of all of it, as each kind of answer says it.
fn failed_with(ask: &Ask, error: &GetError) -> Answer {
    let words = error.to_string();
    match ask {
        Ask::Get(..) => Answer::Got(Err(error.clone())),
        Ask::Set(..) => Answer::Set(Err(SetError::Undecodable(words))),
        Ask::Action(..) => Answer::Acted(Err(ActionError::Undecodable(words))),
    }
}
