//! One open association over one stream: connect, get, keep alive, release. Used by the poller and by one-shot
//! commands alike. Its futures may be dropped at any point; `release` still ends the link in order, and a session that
//! is dropped says DISC on its way out.

mod error;
mod ladder;
mod read;
mod services;
#[cfg(test)]
mod tests;
mod wire;

pub use error::SessionError;
pub use ladder::OnRung;

use super::definition::{Auth, Definition};
use super::objects::Objects;
use super::status::{Rung, RungState};
use super::tap::{Note, Tap};
use super::transport::{Connector, Stream};
use super::{
    clock::Clock,
    tap::{echo::EchoMask, mask::Mask},
};
use crate::cosem::{AttributeRef, Data};
use crate::dlms::association::{
    Association, Authentication, Carrier, Config, Event, GetError, Naming, State, Step,
};
use crate::dlms::hdlc::link::{LinkConfig, LinkCounters};
use crate::dlms::hdlc::{Control, Parameters, frame};
use crate::dlms::security::Secret;
use crate::dlms::xdlms::Conformance;
use ladder::Ladder;
use std::time::Duration;
use tokio::time::Instant;
use wire::{Heard, Masking, Wire};

/// How long the line must be silent before SNRM: long enough for a converter that still holds an old answer.
const QUIET: Duration = Duration::from_millis(200);
/// How long RLRE and UA are awaited on the way out.
const RELEASE_WAIT: Duration = Duration::from_secs(2);
/// How long the meter's FIN is awaited after ours.
const CLOSE_WAIT: Duration = Duration::from_millis(100);
/// Largest answer put together from blocks: a year of quarter-hours fits.
const MAX_ANSWER: usize = 4 << 20;
/// What we offer: get, set, action, each with block transfer, with-list, selective access, notification, attribute 0.
/// Meters answer with what they can of it, and the screen shows that.
const CONFORMANCE: Conformance = Conformance(0x00_7E1F);

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

pub struct Session {
    wire: Wire,
    association: Association,
    /// Classes and scalers; hand in what an earlier session learned, take it back before release.
    pub objects: Objects,
    settled: Settled,
    traffic: Traffic,
    who: String,
    secret: Option<Secret>,
    /// DISC as it would be sent now, for `Drop`.
    disc: Vec<u8>,
    /// SNRM went out and the link was not let go since.
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
        let started = Instant::now();
        match connector.open(definition, clock, tap).await {
            Ok(stream) => {
                let took = started.elapsed();
                let detail = definition.endpoint();
                on_rung(Rung::Tcp, RungState::Done { took, detail });
                Ok(stream)
            }
            Err(source) => {
                let endpoint = definition.endpoint();
                let error = SessionError::Connect { endpoint, source };
                let why = error.to_string();
                tap.note(clock.now(), Note::Text(why.clone()));
                on_rung(Rung::Tcp, RungState::Failed { why });
                Err(error)
            }
        }
    }

    /// A session on an open stream, nothing sent yet.
    pub fn new(definition: &Definition, stream: Box<dyn Stream>, clock: Clock, tap: Tap) -> Self {
        let secret = match definition.auth {
            Auth::Lls => definition.password.clone(),
            _ => None,
        };
        let mut server = Vec::new();
        definition.server.encode(&mut server);
        let client = [definition.client.sap() << 1 | 1];
        let mut disc = Vec::new();
        // A frame without information always fits.
        let _ = frame::build(
            &server,
            &client,
            Control::Disc { poll: true },
            false,
            &[],
            &mut disc,
        );
        Self {
            wire: Wire::new(stream, clock, tap),
            association: Association::new(config(definition, secret.clone())),
            objects: Objects::default(),
            settled: Settled::default(),
            traffic: Traffic::default(),
            who: who(definition, &server),
            secret,
            disc,
            linked: false,
            now: Instant::now(),
        }
    }

    /// Drain, SNRM, AARQ. Also the way to find the meter again on the same stream after a lost exchange.
    pub async fn establish(&mut self, on_rung: OnRung<'_>) -> Result<(), SessionError> {
        if self.association.state() != State::Idle {
            self.association.reset();
        }
        self.settled = Settled::default();
        self.objects.forget_missing();
        self.wire.mask = self.secret.clone().map(|secret| Masking {
            sent: Mask::default(),
            echo: EchoMask::new(secret),
        });
        let mut ladder = Ladder::new(on_rung);
        let result = self.climb(&mut ladder).await;
        self.wire.mask = None;
        if let Err(error) = &result {
            ladder.fail(error, &self.who);
        }
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
        self.got(asked).await
    }

    /// RR, answered by the meter's link layer: its inactivity timer starts again.
    pub async fn keep_alive(&mut self) -> Result<(), SessionError> {
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
    pub async fn release(mut self) {
        if self.linked {
            self.now = Instant::now();
            self.association.release(self.now.into_std(), RELEASE_WAIT);
            // The association ends by itself; this only bounds a stream that takes no bytes.
            let limit = RELEASE_WAIT + Duration::from_millis(500);
            let said = tokio::time::timeout(limit, self.released()).await;
            self.linked = false;
            if matches!(said, Ok(false)) {
                // The association owes none (SNRM again on a link that was lost, unanswered), but the meter may still
                // hold the old link.
                self.wire.say_without_waiting(&self.disc);
            }
        }
        let _ = tokio::time::timeout(CLOSE_WAIT, self.wire.close()).await;
    }

    /// True when DISC went out, or there is nobody to send it to.
    async fn released(&mut self) -> bool {
        let mut said = false;
        loop {
            match self.event().await {
                Ok(Event::Step(Step::Disc)) => said = true,
                Ok(Event::Released | Event::Failed(_)) => return said,
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
                return Ok(event);
            }
            self.step().await?;
        }
    }

    /// Moves bytes once: out what is due, in what comes, or the deadline.
    async fn step(&mut self) -> Result<(), SessionError> {
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
        Ok(())
    }

    fn lost(&mut self, error: SessionError) -> SessionError {
        self.association.reset();
        self.linked = false;
        self.wire.note(Note::Text(error.to_string()));
        error
    }

    /// Events that are worth a line in the trace and nothing else.
    fn aside(&self, event: &Event) {
        if let Event::Notice(notice) = event {
            self.wire.note(Note::Text(error::notice(notice)));
        }
    }

    fn smooth(&mut self, took: Duration) {
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
        if self.linked {
            self.wire.say_without_waiting(&self.disc);
        }
        self.wire.note(Note::Closed);
    }
}

fn config(definition: &Definition, secret: Option<Secret>) -> Config {
    Config {
        carrier: Carrier::Hdlc(LinkConfig {
            client: definition.client,
            server: definition.server,
            propose: Some(Parameters {
                max_info_transmit: definition.max_info,
                max_info_receive: definition.max_info,
                window_transmit: definition.window,
                window_receive: definition.window,
            }),
            response_timeout: definition.timeout,
            retries: definition.retries,
            quiet: QUIET,
        }),
        naming: Naming::LogicalName,
        authentication: secret.map_or(Authentication::None, Authentication::Lls),
        security: None,
        conformance: CONFORMANCE,
        max_pdu: u16::MAX,
        release: true,
        max_answer: MAX_ANSWER,
        read_only: true,
    }
}

/// `LLS, client 1 → 03`
fn who(definition: &Definition, server: &[u8]) -> String {
    let mechanism = definition.auth.words();
    let server = super::advice::hex(server);
    format!("{mechanism}, client {} → {server}", definition.client.sap())
}
