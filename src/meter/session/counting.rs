//! The invocation counter of one session: asked for with the public client, set aside in steps before any frame that uses
//! it goes out, what was not used given back. The rule: no number leaves twice, whatever ends the session.

use super::config::PublicClient;
use super::{RELEASE_WAIT, Session, SessionError};
use crate::cosem::{AttributeRef, Data};
use crate::dlms::association::{Association, Config, Event, Failure, Fresh, GetError};
use crate::dlms::security::Secret;
use crate::dlms::xdlms::ExceptionResponse;
use crate::meter::counters::{CounterError, CounterName, Counters, InMemory, may_leap};
use crate::meter::randomness::Randomness;
use crate::meter::tap::Note;
use std::sync::Arc;
use tokio::time::Instant;

/// Numbers set aside at once: so many are lost by a crash.
const STEP: u32 = 32;
/// More are set aside when fewer than this are left.
const LOW: u32 = 8;

pub(super) struct Counting {
    pub counters: Arc<dyn Counters>,
    pub randomness: Randomness,
    /// What the meter named and a person takes for true.
    pub accepted: Option<u32>,
    /// `None` where no key is used.
    name: Option<CounterName>,
    /// The first number that is not set aside.
    end: u32,
    fresh: Fresh,
    public: Option<PublicClient>,
    /// Ours, while the public client has the line.
    aside: Option<Box<(Association, Vec<u8>)>>,
}

impl Counting {
    pub(super) fn new(config: &Config, public: Option<PublicClient>) -> Self {
        let security = config.security.as_ref();
        let name =
            security.and_then(|it| Some(CounterName::new(it.title, it.keys.encryption.as_ref()?)));
        Self {
            counters: Arc::new(InMemory::default()),
            randomness: Randomness::System,
            accepted: None,
            name,
            end: 0,
            fresh: Fresh::default(),
            public,
            aside: None,
        }
    }
}

impl Session {
    /// Before the association is made: the counter it may use, a challenge and a key nobody can know.
    pub(super) async fn renew(&mut self, least: u32) -> Result<(), SessionError> {
        let config = self.association.config();
        let (challenge, dedicated) = (config.challenge_length(), config.dedicated_length());
        if challenge == 0 && config.security.is_none() {
            return Ok(());
        }
        let challenge = self.octets(challenge)?;
        let dedicated = dedicated.map(|length| self.octets(length)).transpose()?;
        let dedicated = dedicated.map(Secret::new);
        self.give_back().await;
        let counter = match self.counting.name {
            Some(name) => {
                let numbers = self.counting.counters.reserve(name, least, STEP).await?;
                self.counting.end = numbers.end;
                numbers.start
            }
            None => 0,
        };
        self.counting.fresh = Fresh {
            challenge,
            counter,
            dedicated,
        };
        self.association.renew(self.counting.fresh.clone());
        Ok(())
    }

    /// Called before bytes go out: whatever number they used, the next one free is kept already.
    pub(super) async fn set_aside(&mut self) -> Result<(), SessionError> {
        let Some(name) = self.counting.name else {
            return Ok(());
        };
        let Some(next) = self.association.invocation_counter() else {
            return Ok(());
        };
        let end = self.counting.end;
        if self.counting.aside.is_some() || next.saturating_add(LOW) <= end {
            return Ok(());
        }
        let count = next.saturating_sub(end).saturating_add(STEP);
        let numbers = self.counting.counters.reserve(name, end, count).await?;
        if numbers.start != end {
            // Others took numbers in between; what is sealed already must not be one of those.
            if next > end {
                return Err(CounterError::Taken.into());
            }
            self.association.renew(Fresh {
                counter: numbers.start,
                ..self.counting.fresh.clone()
            });
        }
        self.counting.end = numbers.end;
        if next > self.counting.end {
            return Err(CounterError::UsedUp.into());
        }
        Ok(())
    }

    /// What was set aside and not used.
    pub(super) async fn give_back(&mut self) {
        let next = self.association.invocation_counter();
        if let (Some(name), Some(next)) = (self.counting.name, next)
            && self.counting.aside.is_none()
            && next < self.counting.end
        {
            let end = self.counting.end;
            self.counting.counters.give_back(name, end, next).await;
            self.counting.end = 0;
        }
    }

    /// The public client was left on the line when a connect was broken off.
    pub(super) fn come_back(&mut self) {
        if let Some(aside) = self.counting.aside.take() {
            let (ours, disc) = *aside;
            self.association = ours;
            self.disc = disc;
        }
    }

    /// The lowest counter the meter takes, as far as its public client tells. Asked once a connection; where that client
    /// is not let in this is remembered with the objects.
    pub(super) async fn ask_counter(&mut self) -> Result<u32, SessionError> {
        let Some(public) = self.counting.public.take() else {
            return Ok(0);
        };
        if self.objects.public_is_refused() {
            return Ok(0);
        }
        self.note(format!(
            "asking as the public client for the invocation counter at {:#}",
            public.object
        ));
        let ours = std::mem::replace(&mut self.association, Association::new(public.config));
        let disc = std::mem::replace(&mut self.disc, public.disc);
        self.counting.aside = Some(Box::new((ours, disc)));
        let attribute = AttributeRef {
            class: 1,
            obis: public.object,
            attribute: 2,
        };
        let asked = self.as_public(attribute).await;
        let lost = matches!(asked, Err(SessionError::Closed | SessionError::Io(_)));
        if !lost && self.linked {
            self.now = Instant::now();
            self.association.release(self.now.into_std(), RELEASE_WAIT);
            let _ = tokio::time::timeout(RELEASE_WAIT, self.released()).await;
        }
        self.come_back();
        match asked {
            Ok(seen) => {
                self.note(format!("the meter has seen invocation counter {seen}"));
                if let Some(name) = self.counting.name {
                    // To know where ours stands one is set aside, and given back.
                    let counters = &self.counting.counters;
                    let ours = counters.reserve(name, 0, 1).await?;
                    counters.give_back(name, ours.end, ours.start).await;
                    may_leap(ours.start, seen, self.counting.accepted)?;
                }
                Ok(seen.saturating_add(1))
            }
            Err(error) => {
                self.objects.set_public_is_refused();
                self.note(format!(
                    "the public client brings no invocation counter ({error}); the stored one serves"
                ));
                if lost { Err(error) } else { Ok(0) }
            }
        }
    }

    async fn as_public(&mut self, attribute: AttributeRef) -> Result<u32, SessionError> {
        self.now = Instant::now();
        self.association.connect(self.now.into_std())?;
        loop {
            match self.event().await? {
                Event::Ready { .. } => break,
                Event::Failed(failure) => return Err(failure.into()),
                other => self.aside(&other),
            }
        }
        let value = self.get(attribute).await?;
        let value = value.map_err(|error| Failure::Protocol(format!("{attribute}: {error}")))?;
        let seen = value.as_integer().and_then(|seen| u32::try_from(seen).ok());
        seen.ok_or_else(|| {
            let what = value.type_name();
            Failure::Protocol(format!("{attribute} holds no counter ({what})")).into()
        })
    }

    /// The counter the meter asks for in its refusal.
    pub(super) fn counter_wanted(&self, error: &SessionError) -> Option<u32> {
        match error {
            SessionError::Association(Failure::Exception(refusal)) => self.wanted(refusal),
            _ => None,
        }
    }

    fn wanted(&self, refusal: &ExceptionResponse) -> Option<u32> {
        self.counting.name?;
        refusal.counter.filter(|_| refusal.is_counter())
    }

    /// Goes on above what the meter says it expects; it says so in a refusal, once for each request.
    pub(super) async fn raise(&mut self, wanted: u32) -> Result<(), SessionError> {
        let ours = self.association.invocation_counter().unwrap_or(0);
        may_leap(ours, wanted, self.counting.accepted)?;
        self.note(format!(
            "the meter expects invocation counter {wanted}; trying once more with one above it"
        ));
        self.renew(wanted.saturating_add(1)).await
    }

    /// The same GET may go again after this: the meter never read it, and nothing can have changed by it.
    pub(super) async fn raised_for(
        &mut self,
        answer: &Result<Data, GetError>,
    ) -> Result<bool, SessionError> {
        let Err(GetError::Exception(refusal)) = answer else {
            return Ok(false);
        };
        match self.wanted(refusal) {
            Some(wanted) => self.raise(wanted).await.map(|()| true),
            None => Ok(false),
        }
    }

    fn octets(&self, length: usize) -> Result<Vec<u8>, SessionError> {
        let octets = self.counting.randomness.octets(length);
        octets.map_err(SessionError::Randomness)
    }

    pub(super) fn note(&self, words: String) {
        self.wire.note(Note::Text(words));
    }
}
