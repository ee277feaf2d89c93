//! One open association over one stream: connect, get, keep alive, release. Used by the poller and by one-shot
//! commands alike. Its futures may be dropped at any point; `release` still ends the link in order, and a session that
//! is dropped says DISC on its way out.
//!
//! One long file: what a session can be told to do stands in one place; how each is done is in the files beside it.

mod config;
mod counting;
mod error;
mod ladder;
mod poll;
mod read;
mod services;
mod short;
mod showing;
mod streak;
#[cfg(test)]
mod tests;
mod together;
mod wire;

pub use error::SessionError;
pub use ladder::OnRung;

use super::attempts::Attempts;
use super::clock::Clock;
use super::counters::Counters;
use super::definition::Definition;
use super::evidence;
use super::health::Vitals;
use super::objects::Objects;
use super::randomness::Randomness;
use super::status::{Rung, RungState};
use super::tap::{Note, Tap};
use super::transport::{Connector, Stream};
use crate::cosem::{AttributeRef, Data, Obis};
use crate::diagnosis::{Closing, Observation};
use crate::dlms::association::{
    Association, Authentication, Config, Event, Failure, GetError, State, Step,
};
use crate::dlms::hdlc::Parameters;
use crate::dlms::hdlc::link::{LinkCounters, LinkFailure};
use crate::dlms::security::Secret;
use crate::dlms::xdlms::Conformance;
use config::PublicClient;
use counting::Counting;
use ladder::Ladder;
use showing::Showing;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;
use streak::Streak;
use tokio::time::Instant;
pub(in crate::meter) use wire::Masking;
use wire::{Heard, Wire};

/// How long the line must be silent before SNRM: long enough for a converter that still holds an old answer.
const QUIET: Duration = Duration::from_millis(200);
/// How long RLRE and UA are awaited on the way out.
const RELEASE_WAIT: Duration = Duration::from_secs(2);
/// How long the meter's FIN is awaited after ours.
const CLOSE_WAIT: Duration = Duration::from_millis(100);
/// Mandatory in every logical device (Green Book 6.2.20).
const LOGICAL_DEVICE_NAME: AttributeRef = AttributeRef {
    class: 1,
    obis: Obis::new(0, 0, 42, 0, 0, 255),
    attribute: 2,
};

/// What went over one session so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    pub gets: u64,
    pub get_errors: u64,
    pub bytes_sent: u64,
    pub bytes_received: u64,
    /// Smoothed over about eight answers, microseconds.
    pub round_trip_us: u64,
}

/// What AARE and UA settled.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Settled {
    pub parameters: Option<Parameters>,
    pub conformance: Option<Conformance>,
    pub max_pdu: Option<u16>,
}

/// What an association with this meter is made of.
pub(in crate::meter) fn config_of(meter: &Definition) -> Config {
    config::config(meter)
}

#[expect(clippy::struct_excessive_bools, reason = "each stands for itself")]
pub struct Session {
    wire: Wire,
    association: Association,
    /// Classes and scalers; hand in what an earlier session learned, take it back before release.
    pub objects: Objects,
    settled: Settled,
    traffic: Traffic,
    vitals: Option<Vitals>,
    who: String,
    secret: Option<Secret>,
    /// DISC as it would be sent now, for `Drop`; empty where there is none.
    disc: Vec<u8>,
    is_hdlc: bool,
    /// The definition lets nothing be written.
    read_only: bool,
    counting: Counting,
    showing: Showing,
    streak: Streak,
    /// A refusal for the invocation counter is learned from, and not answered by asking again.
    once: bool,
    /// Something went out and the link was not let go since.
    linked: bool,
    /// When something last happened: a call, bytes, a deadline. Clocks cost, so each moment is read once.
    now: Instant,
}

impl Session {
    /// Opens the stream and climbs the ladder. To be able to let go of the meter in the middle, use
    /// `Connector::connect`, `new` and `establish` by themselves.
    pub async fn open(
        definition: &Definition,
        connector: &dyn Connector,
        clock: Clock,
        tap: Tap,
        on_rung: OnRung<'_>,
    ) -> Result<Self, SessionError> {
        let stream = Self::connect(definition, connector, clock, &tap, on_rung).await?;
        let mut session = Self::new(definition, stream, clock, tap);
        match session.establish(on_rung).await {
            Ok(()) => Ok(session),
            Err(error) => {
                session.release().await;
                Err(error)
            }
        }
    }

    /// The first rung.
    pub async fn connect(
        definition: &Definition,
        connector: &dyn Connector,
        clock: Clock,
        tap: &Tap,
        on_rung: OnRung<'_>,
    ) -> Result<Box<dyn Stream>, SessionError> {
        on_rung(Rung::Tcp, RungState::Active);
        tap.observe(clock.now(), &Observation::Connecting);
        let started = Instant::now();
        match connector.open(definition, clock, tap).await {
            Ok(stream) => {
                let took = started.elapsed();
                let detail = definition.endpoint();
                on_rung(Rung::Tcp, RungState::Done { took, detail });
                Ok(stream)
            }
            Err(source) => {
                let by_name = definition.host.parse::<std::net::IpAddr>().is_err();
                let end = if evidence::is_reset(&source) {
                    // Somebody took the connection and broke it off before we could look.
                    tap.note(clock.now(), Note::Connected);
                    Observation::Closed(Closing::Reset)
                } else {
                    Observation::ConnectFailed(evidence::connect_failure(&source, by_name))
                };
                let endpoint = definition.endpoint();
                let error = SessionError::Connect { endpoint, source };
                let why = error.to_string();
                tap.observe_with(clock.now(), &end, Some(&why));
                on_rung(Rung::Tcp, RungState::Failed { why });
                Err(error)
            }
        }
    }

    /// A session on an open stream, nothing sent yet.
    pub fn new(definition: &Definition, stream: Box<dyn Stream>, clock: Clock, tap: Tap) -> Self {
        let config = config::config(definition);
        // Only a password travels as it is; everything else proves without showing.
        let secret = match &config.authentication {
            Authentication::Lls(secret) => Some(secret.clone()),
            _ => None,
        };
        Self {
            wire: Wire::new(stream, clock, tap, definition.turn_round),
            counting: Counting::new(&config, PublicClient::of(definition)),
            showing: Showing::new(definition),
            streak: Streak::default(),
            association: Association::new(config),
            objects: Objects::default(),
            settled: Settled::default(),
            traffic: Traffic::default(),
            vitals: None,
            who: config::who(definition),
            secret,
            disc: config::disc(definition, definition.client),
            is_hdlc: definition.transport.is_hdlc(),
            read_only: definition.read_only,
            once: false,
            linked: false,
            now: Instant::now(),
        }
    }

    /// Where invocation counters are kept; without this, in memory alone.
    pub fn with_counters(mut self, counters: Arc<dyn Counters>) -> Self {
        self.counting.counters = counters;
        self
    }

    /// Where the time of each answer is counted.
    pub fn with_vitals(mut self, vitals: Vitals) -> Self {
        self.vitals = Some(vitals);
        self
    }

    /// An invocation counter that the meter named, far above ours, and that a person takes for true.
    pub fn with_accepted_counter(mut self, accepted: Option<u32>) -> Self {
        self.counting.accepted = accepted;
        self
    }

    /// Where attempts to authenticate are counted; without this, in memory alone. `confirmed`: a person says that a secret
    /// that was refused before may be shown once more.
    pub fn with_attempts(mut self, attempts: Arc<dyn Attempts>, confirmed: bool) -> Self {
        self.showing.attempts = attempts;
        self.showing.confirmed = confirmed;
        self
    }

    /// So many frames in a row bad or unanswered end the exchange; without this, only what the link itself gives up does.
    pub fn with_error_limit(mut self, limit: u32) -> Self {
        self.streak = Streak::of(limit);
        self
    }

    /// The association is asked for once, whatever comes of it: for who looks on.
    pub fn asking_once(mut self) -> Self {
        self.once = true;
        self
    }

    /// Where challenges and dedicated keys come from; without this, from the operating system.
    pub fn with_randomness(mut self, randomness: Randomness) -> Self {
        self.counting.randomness = randomness;
        self
    }

    /// Drain, SNRM, AARQ. Also the way to find the meter again on the same stream after a lost exchange.
    pub async fn establish(&mut self, on_rung: OnRung<'_>) -> Result<(), SessionError> {
        self.come_back();
        if self.association.state() != State::Idle {
            self.association.reset();
        }
        self.settled = Settled::default();
        self.objects.forget_missing();
        let mut ladder = Ladder::new(on_rung, self.is_hdlc);
        // On the heap: whoever holds a session for days climbs once.
        let mut result = Box::pin(self.prepare_and_climb(&mut ladder)).await;
        if let Err(error) = &result
            && let Some(wanted) = self.counter_wanted(error)
        {
            result = match Box::pin(self.raise(wanted)).await {
                Ok(()) if self.once => result,
                Ok(()) => Box::pin(self.climb_masked(&mut ladder)).await,
                Err(error) => Err(error),
            };
        }
        if result.is_ok() {
            result = Box::pin(self.learn_short_names()).await;
        }
        if let Err(error) = &result {
            ladder.fail(error, &self.who);
        }
        result
    }

    async fn prepare_and_climb(&mut self, ladder: &mut Ladder<'_>) -> Result<(), SessionError> {
        self.may_show().await?;
        let least = self.ask_counter().await?;
        self.renew(least).await?;
        self.climb_masked(ladder).await
    }

    async fn climb_masked(&mut self, ladder: &mut Ladder<'_>) -> Result<(), SessionError> {
        self.wire.mask = self.secret.is_some().then(Masking::default);
        let result = self.climb(ladder).await;
        self.note_attempt(&result).await;
        self.wire.mask = None;
        result
    }

    async fn climb(&mut self, ladder: &mut Ladder<'_>) -> Result<(), SessionError> {
        self.now = Instant::now();
        self.association.connect(self.now.into_std())?;
        loop {
            let event = self.event().await?;
            ladder.event(&event, &self.who);
            match event {
                Event::LinkUp(parameters) => self.settled.parameters = parameters,
                Event::Ready {
                    conformance,
                    max_pdu,
                    ..
                } => {
                    self.settled.conformance = Some(conformance);
                    self.settled.max_pdu = Some(max_pdu);
                    return Ok(());
                }
                Event::Failed(failure) => return Err(failure.into()),
                other => self.aside(&other),
            }
        }
    }

    /// The hot path: one attribute. The outer error ends the exchange, the inner is the meter's answer.
    pub async fn get(
        &mut self,
        attribute: AttributeRef,
    ) -> Result<Result<Data, GetError>, SessionError> {
        let asked = Instant::now();
        self.now = asked;
        self.association.get(asked.into_std(), attribute)?;
        let answer = self.got(asked).await?;
        if answer.is_err() && self.raised_for(&answer).await? {
            let asked = Instant::now();
            self.now = asked;
            self.association.get(asked.into_std(), attribute)?;
            return self.got(asked).await;
        }
        Ok(answer)
    }

    /// RR, answered by the meter's link layer: its inactivity timer starts again. The wrapper has no such thing, so there
    /// the logical device name is read, which every meter has; what comes of it is no matter.
    pub async fn keep_alive(&mut self) -> Result<(), SessionError> {
        if !self.is_hdlc {
            return self.get(LOGICAL_DEVICE_NAME).await.map(drop);
        }
        self.now = Instant::now();
        self.association.keep_alive(self.now.into_std())?;
        while !self.association.is_settled() {
            self.step().await?;
            while let Some(event) = self.association.poll_event() {
                match event {
                    Event::Failed(failure) => return Err(failure.into()),
                    other => self.aside(&other),
                }
            }
        }
        Ok(())
    }

    /// Listens between exchanges until the link ends: a meter that hangs up is noticed at once.
    pub async fn idle(&mut self) -> SessionError {
        loop {
            match self.event().await {
                Ok(Event::Failed(failure)) => return failure.into(),
                Ok(other) => self.aside(&other),
                Err(error) => return error,
            }
        }
    }

    /// RLRQ where the meter knows it, DISC, UA awaited briefly, FIN. Never RST.
    pub fn release(self) -> Pin<Box<dyn Future<Output = (Traffic, LinkCounters)> + Send>> {
        Box::pin(self.let_go())
    }

    async fn let_go(mut self) -> (Traffic, LinkCounters) {
        if self.linked {
            self.now = Instant::now();
            if self.is_about_to_show() {
                // It waits to go out, uncounted: it is forgotten with the link, and DISC goes by itself.
                self.association.reset();
            }
            self.association.release(self.now.into_std(), RELEASE_WAIT);
            // The association ends by itself; this only bounds a stream that takes no bytes.
            let limit = RELEASE_WAIT + Duration::from_millis(500);
            let said = tokio::time::timeout(limit, self.released()).await;
            self.linked = false;
            if matches!(said, Ok(false)) && !self.disc.is_empty() {
                // The association owes none (SNRM again on a link that was lost, unanswered), but the meter may still
                // hold the old link.
                self.wire.say_without_waiting(&self.disc);
            }
        }
        self.give_back().await;
        let _ = tokio::time::timeout(CLOSE_WAIT, self.wire.close()).await;
        (self.traffic(), self.link_counters())
    }

    /// True when DISC went out, or there is nobody to send it to.
    async fn released(&mut self) -> bool {
        let mut said = false;
        loop {
            match self.event().await {
                Ok(Event::Step(Step::Disc)) => said = true,
                Ok(Event::Released | Event::Failed(_)) | Err(SessionError::Counter(_)) => {
                    return said;
                }
                Err(_) => return true,
                Ok(_) => {}
            }
        }
    }

    pub fn settled(&self) -> Settled {
        self.settled
    }

    pub fn traffic(&self) -> Traffic {
        Traffic {
            bytes_sent: self.wire.bytes_sent,
            bytes_received: self.wire.bytes_received,
            ..self.traffic
        }
    }

    pub fn link_counters(&self) -> LinkCounters {
        self.association.counters()
    }

    /// When the last frame came: the meter's inactivity timer runs from about there.
    pub fn last_received(&self) -> Option<Instant> {
        self.association.last_received().map(Instant::from_std)
    }

    async fn event(&mut self) -> Result<Event, SessionError> {
        loop {
            if let Some(event) = self.association.poll_event() {
                if matches!(
                    event,
                    Event::Failed(Failure::Link(LinkFailure::NoAnswer { .. }))
                ) {
                    self.wire.observe(&Observation::Quiet);
                }
                if let Event::Failed(Failure::Hls(why)) = &event {
                    self.wire.observe(&Observation::Unproven(why));
                }
                return Ok(event);
            }
            self.step().await?;
        }
    }

    /// Moves bytes once: out what is due, in what comes, or the deadline.
    async fn step(&mut self) -> Result<(), SessionError> {
        self.set_aside().await?;
        self.count_attempt().await?;
        while let Some(bytes) = self.association.poll_transmit() {
            self.linked = true;
            self.wire.queue(self.now, bytes);
        }
        let (now, heard) = self.wire.turn(self.association.poll_timeout()).await;
        self.now = now;
        let now = now.into_std();
        match heard {
            Ok(Heard::Bytes) => self.association.handle_bytes(now, self.wire.heard()),
            Ok(Heard::Timeout) => self.association.handle_timeout(now),
            Ok(Heard::Closed) => return Err(self.lost(SessionError::Closed)),
            Err(error) => return Err(self.lost(SessionError::Io(error))),
        }
        match self.streak.too_long(self.association.counters()) {
            // The stream stands: DISC still goes out over it.
            Some(errors) => Err(SessionError::LinkErrors(errors)),
            None => Ok(()),
        }
    }

    fn lost(&mut self, error: SessionError) -> SessionError {
        self.association.reset();
        self.linked = false;
        let end = Observation::Closed(match &error {
            SessionError::Io(_) => Closing::Reset,
            _ => Closing::ByPeer,
        });
        self.wire.observe_with(&end, &error.to_string());
        error
    }

    /// Events that are worth a line in the trace and nothing else.
    fn aside(&self, event: &Event) {
        if let Event::Notice(notice) = event {
            self.wire.note(Note::Text(error::notice(notice)));
        }
    }

    fn smooth(&mut self, took: Duration) {
        if let Some(vitals) = &self.vitals {
            vitals.answered(took);
        }
        let sample = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let mean = &mut self.traffic.round_trip_us;
        *mean = match *mean {
            0 => sample,
            old => old - old / 8 + sample / 8,
        };
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        if self.linked && !self.disc.is_empty() {
            self.wire.say_without_waiting(&self.disc);
        }
        self.wire.note(Note::Closed);
    }
}
