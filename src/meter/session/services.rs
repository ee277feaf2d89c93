//! The services beside GET, as a session offers them: part of an attribute, several at once, SET and ACTION.
//! Nothing is written before `allow_writing` was said, which is for a person to decide.

use super::wire::Masking;
use super::{Session, SessionError};
use crate::cosem::decode::secret;
use crate::cosem::{AttributeRef, Data};
use crate::dlms::association::{ActionError, Event, GetError, SetError};
use crate::dlms::xdlms::{Conformance, MethodRef, Selection};
use crate::meter::objects::Together;
use crate::meter::tap::Note;
use tokio::time::Instant;

/// References in one request: more would only make the answer need more blocks.
const MOST_REFERENCES: usize = 32;

impl Session {
    /// Lets `set` and `action` out of this session; until then both are a `Misuse` and send nothing. For a meter that is
    /// marked read-only they stay so.
    pub fn allow_writing(&mut self) {
        if !self.read_only {
            self.association.set_read_only(false);
        }
    }

    /// Takes it back: what was allowed was one change.
    pub fn forbid_writing(&mut self) {
        self.association.set_read_only(true);
    }

    /// Whether the meter granted this (a bit of [`Conformance`]).
    pub fn grants(&self, bit: u8) -> bool {
        let bit = self.granted_as(bit);
        self.settled
            .conformance
            .is_some_and(|granted| granted.has(bit))
    }

    /// Part of one attribute. Without selective access granted it is a `Misuse`: read the whole attribute then.
    pub async fn get_with(
        &mut self,
        attribute: AttributeRef,
        access: &Selection,
    ) -> Result<Result<Data, GetError>, SessionError> {
        let asked = self.asks();
        self.association
            .get_with(asked.into_std(), attribute, access)?;
        self.got(asked).await
    }

    /// Several attributes, one result for each, in order. In as few requests as the meter allows; a meter without lists,
    /// or one that fails at them, is asked one by one, and that is remembered.
    pub async fn get_list(
        &mut self,
        attributes: &[AttributeRef],
    ) -> Result<Vec<Result<Data, GetError>>, SessionError> {
        let mut all = Vec::with_capacity(attributes.len());
        for part in attributes.chunks(MOST_REFERENCES) {
            let lists = part.len() > 1
                && !self.objects.fails_at(Together::Get)
                && self.grants(Conformance::MULTIPLE_REFERENCES);
            match if lists { self.list(part).await? } else { None } {
                Some(results) => all.extend(results),
                None => {
                    for attribute in part {
                        all.push(self.get(*attribute).await?);
                    }
                }
            }
        }
        Ok(all)
    }

    /// One request for all of `part`; `None` when it must be asked one by one.
    pub(super) async fn list(
        &mut self,
        part: &[AttributeRef],
    ) -> Result<Option<Vec<Result<Data, GetError>>>, SessionError> {
        let done = self.ask_list(part).await;
        self.listed(&done);
        done
    }

    async fn ask_list(
        &mut self,
        part: &[AttributeRef],
    ) -> Result<Option<Vec<Result<Data, GetError>>>, SessionError> {
        let asked = self.asks();
        if self.association.get_list(asked.into_std(), part).is_err() {
            self.objects.shorten_lists(part.len());
            return Ok(None);
        }
        loop {
            match self.event().await? {
                Event::GotList(Ok(results)) => {
                    self.answered(asked, results.iter().filter(|r| r.is_err()).count());
                    return Ok(Some(results));
                }
                Event::GotList(Err(error)) => {
                    self.answered(asked, 1);
                    let why = format!("a list of {}: {error}; asking one by one", part.len());
                    self.wire.note(Note::Text(why));
                    // Too long an answer says nothing against shorter lists.
                    if matches!(error, GetError::TooLarge(_)) {
                        self.objects.shorten_lists(part.len());
                    } else {
                        self.objects.set_fails_at(Together::Get);
                    }
                    return Ok(None);
                }
                Event::Failed(failure) => return Err(failure.into()),
                other => self.aside(&other),
            }
        }
    }

    /// Writes one attribute. The outer error ends the exchange, the inner is the meter's answer.
    pub async fn set(
        &mut self,
        attribute: AttributeRef,
        value: &Data,
    ) -> Result<Result<(), SetError>, SessionError> {
        let asked = self.asks();
        self.association.set(asked.into_std(), attribute, value)?;
        let secret = secret::attribute(attribute.class, attribute.attribute);
        self.wire.mask = secret.then(Masking::value);
        let answer = loop {
            match self.event().await? {
                Event::Set(answer) => break answer,
                Event::Failed(failure) => return Err(failure.into()),
                other => self.aside(&other),
            }
        };
        self.wire.mask = None;
        Ok(answer)
    }

    /// Runs one method; what it gives back, if anything.
    pub async fn action(
        &mut self,
        method: MethodRef,
        parameters: Option<&Data>,
    ) -> Result<Result<Option<Data>, ActionError>, SessionError> {
        let asked = self.asks();
        self.association
            .action(asked.into_std(), method, parameters)?;
        let secret = secret::method(method.class, method.method);
        self.wire.mask = secret.then(Masking::value);
        let answer = loop {
            match self.event().await? {
                Event::Acted(answer) => break answer,
                Event::Failed(failure) => return Err(failure.into()),
                other => self.aside(&other),
            }
        };
        self.wire.mask = None;
        Ok(answer)
    }

    /// The value a GET was about.
    pub(super) async fn got(
        &mut self,
        asked: Instant,
    ) -> Result<Result<Data, GetError>, SessionError> {
        loop {
            match self.event().await? {
                Event::Got(answer) => {
                    self.answered(asked, usize::from(answer.is_err()));
                    return Ok(answer);
                }
                Event::Failed(failure) => return Err(failure.into()),
                other => self.aside(&other),
            }
        }
    }

    fn asks(&mut self) -> Instant {
        self.now = Instant::now();
        self.now
    }

    fn answered(&mut self, asked: Instant, errors: usize) {
        self.traffic.gets += 1;
        self.traffic.get_errors += errors as u64;
        self.smooth(self.now.duration_since(asked));
    }
}
