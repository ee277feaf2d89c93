//! The client as one value: connect → SNRM → UA → AARQ → AARE (→ proof → proof) → ready → GET, SET, ACTION … → release. Bytes and `Instant`s in, bytes and events out.
//!
//! The owner moves bytes and time: after every call it sends what [`Association::poll_transmit`] gives, reads
//! [`Association::poll_event`] until it is empty, and comes back with bytes or at [`Association::poll_timeout`].
//! Every wait is bounded: each state but `Idle` and `Ready` has a timer, the link's or one of ours. What carries the APDUs (HDLC, wrapper) and what
//! protects them (nothing, keys) is set by [`Config`] and is below and beside all of this.
//! [`State`] holds the table of what is legal when; a call that is not is a [`LocalError`] and sends nothing. What the
//! meter does wrong comes as an event: a [`GetError`] costs one value, a [`Failure`] the association.

mod access;
mod blocks;
mod config;
mod event;
mod failure;
mod follow;
mod guard;
mod handshake;
mod line;
mod lists;
mod outgoing;
mod proof;
mod services;
mod short;
mod short_answers;
mod state;
#[cfg(test)]
mod tests;
mod transfer;
mod writing;

pub use access::{Answer, Ask};
pub use config::{Authentication, Carrier, Config, Fresh, Naming};
pub use event::{Event, Notice, Step};
pub use failure::{ActionError, Failure, GetError, LocalError, SetError};
pub use lists::Acted;
pub use state::State;

use super::acse::InitiateResponse;
use super::hdlc::link::LinkCounters;
use super::security::{Secret, SecurityError};
use super::xdlms::{Conformance, GetRequest};
use crate::cosem::short_name::ShortNames;
use crate::cosem::{AttributeRef, Obis};
use blocks::Blocks;
use guard::Guard;
use line::Line;
use state::Call;
use std::collections::VecDeque;
use std::time::{Duration, Instant};
use transfer::{Service, Transfer};

/// Events kept for an owner that does not come to read them; beyond that, notices and unasked APDUs are dropped.
const MOST_EVENTS: usize = 64;

/// What is read over the wrapper so that the meter does not let go: every association object has it, and it is short.
const OWN_NAME: AttributeRef = AttributeRef {
    class: 15,
    obis: Obis::new(0, 0, 40, 0, 0, 255),
    attribute: 1,
};

/// One client's association with one meter, over one byte stream at a time.
pub struct Association {
    config: Config,
    link: Line,
    state: State,
    events: VecDeque<Event>,
    /// The APDU going out; reused.
    request: Vec<u8>,
    transfer: Transfer,
    granted: Option<InitiateResponse>,
    names: ShortNames,
    /// Keys and counters, where there are any.
    guard: Option<Guard>,
    /// Why the configured keys cannot be used.
    unfit: Option<SecurityError>,
    /// The sealed APDU going out; reused.
    sealed: Vec<u8>,
    /// A general block transfer under way.
    blocks: Blocks,
    /// Our challenge and the meter's (HLS).
    challenge: Vec<u8>,
    peer_challenge: Vec<u8>,
    dedicated: Option<Secret>,
    /// The request under way only keeps the association alive; its answer is nobody's.
    keeping: bool,
    /// How often the request under way went out.
    tries: u8,
    /// When it did.
    asked: Option<Instant>,
    /// SNRM went out on this stream and no DISC was answered since: the meter may hold the link for us.
    owes_disc: bool,
    last_received: Option<Instant>,
    /// Set while an answer is awaited that the link does not time.
    answer_by: Option<Instant>,
    /// When DISC goes out though RLRQ was not answered.
    rlre_by: Option<Instant>,
    /// When a release ends, answered or not.
    end_by: Option<Instant>,
}

impl Association {
    pub fn new(config: Config) -> Self {
        let (guard, unfit) = match config.security.clone().map(Guard::new).transpose() {
            Ok(guard) => (guard, None),
            Err(error) => (None, Some(error)),
        };
        Self {
            link: Line::new(&config.carrier),
            state: State::Idle,
            events: VecDeque::with_capacity(8),
            request: Vec::with_capacity(16),
            transfer: Transfer::new(config.max_answer),
            granted: None,
            names: ShortNames::default(),
            guard,
            unfit,
            sealed: Vec::new(),
            blocks: Blocks::default(),
            challenge: Vec::new(),
            peer_challenge: Vec::new(),
            dedicated: None,
            keeping: false,
            tries: 0,
            asked: None,
            owes_disc: false,
            last_received: None,
            answer_by: None,
            rlre_by: None,
            end_by: None,
            config,
        }
    }

    pub fn config(&self) -> &Config {
        &self.config
    }

    pub fn state(&self) -> State {
        self.state
    }

    /// Of this value's whole life, over all its streams.
    pub fn counters(&self) -> LinkCounters {
        self.link.counters()
    }

    /// How long an answer is awaited before the meter is asked again, where that is measured.
    pub fn waits(&self) -> Option<Duration> {
        self.link.waits()
    }

    /// What the meter granted, while associated.
    pub fn conformance(&self) -> Option<Conformance> {
        self.granted.map(|granted| granted.conformance)
    }

    /// Nothing is awaited from the meter: a keep-alive, too, was answered.
    pub fn is_settled(&self) -> bool {
        matches!(self.state, State::Idle | State::Ready) && self.link.poll_timeout().is_none()
    }

    /// When the last whole frame came: the inactivity countdown starts about there. Noise on the line is no sign of life.
    pub fn last_received(&self) -> Option<Instant> {
        self.last_received
    }

    /// What must be new for the next `connect`: say it before each one that proves or seals anything.
    pub fn renew(&mut self, fresh: Fresh) {
        if let Some(guard) = &mut self.guard {
            guard.raise(fresh.counter);
        }
        self.challenge = fresh.challenge;
        self.dedicated = fresh.dedicated;
    }

    /// The next invocation counter that goes out, where keys are used at all. Store one above it before the bytes leave.
    pub fn invocation_counter(&self) -> Option<u32> {
        self.guard.as_ref().map(Guard::counter)
    }

    /// Start on a fresh byte stream: drain, SNRM, AARQ.
    pub fn connect(&mut self, now: Instant) -> Result<(), LocalError> {
        self.state.check(Call::Connect)?;
        proof::fit(&self.config, &self.challenge).map_err(LocalError)?;
        self.link.close();
        self.link
            .connect(now)
            .map_err(|misuse| LocalError(misuse.0))?;
        self.state = State::Linking;
        self.owes_disc = false;
        let dedicated = self.dedicated.take();
        let begun = match &mut self.guard {
            Some(guard) => guard.begin(dedicated),
            None => Ok(()),
        };
        if let Some(error) = self.unfit.clone().or(begun.err()) {
            self.link.close();
            self.fail(Failure::Security(error));
        } else if self.link.is_wrapper() {
            self.link_up(now, None);
        } else {
            self.push(Event::Step(Step::Drain));
        }
        self.pump(now);
        Ok(())
    }

    /// Asks for one attribute; the answer comes as [`Event::Got`].
    pub fn get(&mut self, now: Instant, attribute: AttributeRef) -> Result<(), LocalError> {
        self.state.check(Call::Get)?;
        if self.is_short() {
            return self.short_get(now, attribute, None);
        }
        let request = GetRequest::Normal {
            invoke: self.transfer.begin(Service::Get),
            attribute,
            access: &[],
        };
        self.request.clear();
        request.encode(&mut self.request);
        self.state = State::Reading;
        self.send_request(now);
        self.pump(now);
        Ok(())
    }

    /// A frame that resets the meter's inactivity timer (RR), answered by the link; no event. Unanswered, the link fails.
    /// A GET may be asked for meanwhile: it goes out right after the answer.
    ///
    /// The wrapper has no such frame: there the association's own logical name is read, and a GET must wait for that.
    pub fn keep_alive(&mut self, now: Instant) -> Result<(), LocalError> {
        self.state.check(Call::KeepAlive)?;
        if self.link.is_wrapper() {
            self.get(now, OWN_NAME)?;
            self.keeping = true;
            return Ok(());
        }
        self.link.poll(now).map_err(|misuse| LocalError(misuse.0))
    }

    /// RLRQ (if configured and associated), then DISC; ends with `Released` at the latest after `wait`. Legal in any state.
    pub fn release(&mut self, now: Instant, wait: Duration) {
        let end = now.checked_add(wait).unwrap_or(now);
        if matches!(self.state, State::Releasing | State::Disconnecting) {
            self.end_by = Some(self.end_by.map_or(end, |earlier| earlier.min(end)));
            return;
        }
        self.end_by = Some(end);
        if self.state == State::Ready && self.config.release && !wait.is_zero() {
            self.request.clear();
            let made = handshake::rlrq(&self.config, self.guard.as_mut(), &mut self.request);
            if made.is_ok() && self.link.send(now, &self.request).is_ok() {
                self.state = State::Releasing;
                // Half the wait is left for DISC, which is what frees the meter for certain.
                self.rlre_by = wait.checked_div(2).and_then(|half| now.checked_add(half));
                self.push(Event::Step(Step::Release));
                self.pump(now);
                return;
            }
        }
        self.disconnect(now);
    }

    /// What was just asked for, GET or release, is not sent after all: its owner holds its bytes and drops them. Ready
    /// again; an invocation counter that was used for it stays used. False where nothing can be taken back. Not for what
    /// went out already, even in part.
    pub fn withdraw(&mut self) -> bool {
        if !matches!(self.state, State::Reading | State::Releasing) {
            return false;
        }
        self.link.withdraw();
        self.transfer.forget();
        self.blocks.forget();
        self.state = State::Ready;
        self.keeping = false;
        self.answer_by = None;
        self.rlre_by = None;
        self.end_by = None;
        true
    }

    /// The byte stream is gone: everything is forgotten, nothing is sent.
    pub fn reset(&mut self) {
        self.link.reset();
        self.events.clear();
        self.rest();
        self.owes_disc = false;
        self.last_received = None;
    }

    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        let frames = self.link.counters().frames_received;
        self.link.handle_bytes(now, bytes);
        if self.link.counters().frames_received > frames {
            self.last_received = Some(now);
        }
        self.pump(now);
        self.wait_for_the_rest(now);
    }

    /// Bytes to put on the line now.
    pub fn poll_transmit(&mut self) -> Option<&[u8]> {
        self.link.poll_transmit()
    }

    /// When `handle_timeout` wants to be called.
    pub fn poll_timeout(&self) -> Option<Instant> {
        [
            self.link.poll_timeout(),
            self.answer_by,
            self.rlre_by,
            self.end_by,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        let passed = |time: Option<Instant>| time.is_some_and(|time| time <= now);
        self.link.handle_timeout(now);
        self.pump(now);
        if passed(self.end_by) {
            self.released();
        } else if passed(self.rlre_by) {
            self.disconnect(now);
        } else if passed(self.answer_by) {
            self.silence(now);
        }
    }

    pub fn poll_event(&mut self) -> Option<Event> {
        self.events.pop_front()
    }

    fn disconnect(&mut self, now: Instant) {
        self.answer_by = None;
        self.rlre_by = None;
        if !self.owes_disc {
            self.released();
            return;
        }
        self.state = State::Disconnecting;
        self.link.disconnect(now);
        self.push(Event::Step(Step::Disc));
        self.pump(now);
    }

    fn released(&mut self) {
        self.link.close();
        self.owes_disc = false;
        self.rest();
        self.push(Event::Released);
    }

    fn fail(&mut self, failure: Failure) {
        self.rest();
        self.push(Event::Failed(failure));
    }

    /// Back to the start; the link is left as it is.
    fn rest(&mut self) {
        self.state = State::Idle;
        self.granted = None;
        self.transfer.forget();
        self.blocks.forget();
        // A challenge serves once.
        self.challenge.clear();
        self.keeping = false;
        self.answer_by = None;
        self.rlre_by = None;
        self.end_by = None;
    }

    fn push(&mut self, event: Event) {
        let droppable = matches!(event, Event::Notice(_) | Event::Unsolicited(_));
        if !droppable || self.events.len() < MOST_EVENTS {
            self.events.push_back(event);
        }
    }
}
