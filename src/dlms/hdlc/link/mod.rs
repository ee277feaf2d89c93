//! One client's data link as a value: SNRM … DISC, N(S)/N(R), segmentation both ways, windows, RR/RNR, retransmission on timeout.
//! The rule: time and bytes come in as arguments, bytes and events go out, and every wait has an end.

mod adapt;
mod answers;
mod commands;
mod echo;
mod event;
mod incoming;
mod outgoing;
mod route;
#[cfg(test)]
mod tests;
mod waiting;

pub use event::{LinkCounters, LinkEvent, LinkFailure, LinkMisuse, LinkNotice, LinkState};

use super::{ClientAddress, Decoder, Parameters, ServerAddress};
use adapt::Pace;
use echo::Echo;
use incoming::Incoming;
use outgoing::Outgoing;
use route::Route;
use std::collections::VecDeque;
use std::fmt;
use std::time::{Duration, Instant};
use waiting::{Exchange, Timer};

/// The largest APDU put together from segments, bytes.
pub const MAX_APDU: usize = 4 * 1024 * 1024;

/// The most segments of one APDU: `MAX_APDU` in the smallest that may be negotiated.
pub const MAX_SEGMENTS: u32 = 131_072;

/// Draining ends after this, quiet or not.
pub const MAX_DRAIN: Duration = Duration::from_secs(2);

/// Buffers larger than this are given back when their burst is over.
const KEEP: usize = 8 * 1024;

/// Notices nobody has fetched; more are dropped, the counters stay complete.
const MAX_EVENTS: usize = 64;

/// The next sequence number.
fn successor(number: u8) -> u8 {
    number.wrapping_add(1) & 7
}

/// How far `to` is ahead of `from`, modulo 8.
fn ahead(from: u8, to: u8) -> u8 {
    to.wrapping_sub(from) & 7
}

#[derive(Clone, Debug)]
pub struct LinkConfig {
    pub client: ClientAddress,
    pub server: ServerAddress,
    /// None sends a bare SNRM.
    pub propose: Option<Parameters>,
    pub response_timeout: Duration,
    /// Once the answers of a link are measured, the meter is reminded with RR after as long as they usually take, but not
    /// sooner than this. At or above the response timeout: never before that.
    pub remind_after: Duration,
    /// Longest pause within a frame; after it the unfinished frame is forgotten. Zero leaves that to the response timeout.
    pub inter_octet: Duration,
    /// How often the same frame is sent again before giving up.
    pub retries: u8,
    /// Bytes are discarded until the line was quiet this long before SNRM goes.
    pub quiet: Duration,
}

impl LinkConfig {
    /// Bare SNRM, 7 s and no reminding before, two retries, 100 ms quiet.
    pub fn new(client: ClientAddress, server: ServerAddress) -> Self {
        Self {
            client,
            server,
            propose: None,
            response_timeout: Duration::from_secs(7),
            remind_after: Duration::MAX,
            inter_octet: Duration::ZERO,
            retries: 2,
            quiet: Duration::from_millis(100),
        }
    }
}

/// What the meter owes us.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Due {
    Nothing,
    /// Anything at all, after an RR of ours. An APDU may wait behind it.
    Poll,
    /// The answer to our APDU.
    Answer,
}

/// Bytes for the line: filled until taken, then filled anew.
#[derive(Default)]
struct Output {
    bytes: Vec<u8>,
    taken: bool,
}

impl Output {
    fn buffer(&mut self) -> &mut Vec<u8> {
        if self.taken {
            self.clear();
        }
        &mut self.bytes
    }

    fn clear(&mut self) {
        self.taken = false;
        self.bytes.clear();
        if self.bytes.capacity() > KEEP {
            self.bytes.shrink_to(0);
        }
    }

    fn take(&mut self) -> Option<&[u8]> {
        if self.taken {
            self.clear();
        }
        if self.bytes.is_empty() {
            return None;
        }
        self.taken = true;
        Some(&self.bytes)
    }
}

pub struct Link {
    config: LinkConfig,
    state: LinkState,
    parameters: Parameters,
    route: Route,
    echo: Echo,
    decoder: Decoder,
    output: Output,
    outgoing: Outgoing,
    incoming: Incoming,
    due: Due,
    /// Whether the last answer's N(R) acknowledged the whole of our APDU.
    certain: bool,
    exchange: Exchange,
    timer: Timer,
    pace: Pace,
    events: VecDeque<LinkEvent>,
    counters: LinkCounters,
}

impl Link {
    pub fn new(config: LinkConfig) -> Self {
        Self {
            state: LinkState::Disconnected,
            parameters: Parameters::default(),
            route: Route::new(config.client, config.server),
            echo: Echo::default(),
            decoder: Decoder::new(),
            output: Output::default(),
            outgoing: Outgoing::default(),
            incoming: Incoming::default(),
            due: Due::Nothing,
            certain: false,
            exchange: Exchange::default(),
            timer: Timer::default(),
            pace: Pace::default(),
            events: VecDeque::new(),
            counters: LinkCounters::default(),
            config,
        }
    }

    pub fn state(&self) -> LinkState {
        self.state
    }

    pub fn config(&self) -> &LinkConfig {
        &self.config
    }

    /// What was negotiated from our side; the defaults before that.
    pub fn parameters(&self) -> Parameters {
        self.parameters
    }

    /// The meter's address in use: the configured one, or the one it answered from when that was a common one.
    pub fn server(&self) -> ServerAddress {
        self.route.address()
    }

    pub fn counters(&self) -> LinkCounters {
        self.counters
    }

    /// How long an answer is awaited before the meter is reminded, where that is measured and shorter than the timeout.
    pub fn waits(&self) -> Option<Duration> {
        self.pace
            .wait(self.config.remind_after, self.config.response_timeout)
    }

    /// The byte stream is gone: everything but the counters is forgotten, nothing is sent.
    pub fn reset(&mut self) {
        self.state = LinkState::Disconnected;
        self.forget();
        self.events.clear();
    }

    /// Drains, then sends SNRM.
    pub fn connect(&mut self, now: Instant) -> Result<(), LinkMisuse> {
        if self.state != LinkState::Disconnected {
            return Err(LinkMisuse("the link is already open or opening"));
        }
        self.forget();
        self.state = LinkState::Draining;
        self.start_draining(now);
        Ok(())
    }

    /// Sends one APDU (LLC is added), segmented as negotiated. One at a time: the answer comes as `LinkEvent::Apdu`.
    pub fn send(&mut self, now: Instant, apdu: &[u8]) -> Result<(), LinkMisuse> {
        if !self.decoder.pending().is_empty() {
            // Half a frame from before must not swallow the answer to this.
            self.decoder.flush();
            self.take_frames(now);
        }
        if self.state != LinkState::Connected {
            return Err(LinkMisuse("the link is not connected"));
        }
        if self.due == Due::Answer || !self.outgoing.is_empty() {
            return Err(LinkMisuse("the answer to the last APDU is still due"));
        }
        self.incoming.clear_answer();
        self.outgoing.load(super::LLC_COMMAND, apdu);
        if self.due == Due::Nothing {
            self.start_request(now);
        }
        Ok(())
    }

    /// Polls the meter with RR (P=1): keeps the link alive without touching the application.
    pub fn poll(&mut self, now: Instant) -> Result<(), LinkMisuse> {
        match (self.state, self.due) {
            (LinkState::Connected, Due::Nothing) => self.start_poll(now),
            (LinkState::Connected, Due::Poll) => {}
            (LinkState::Connected, Due::Answer) => {
                return Err(LinkMisuse("an answer is still due"));
            }
            _ => return Err(LinkMisuse("the link is not connected")),
        }
        Ok(())
    }

    /// The APDU given last did not go out: nothing is due for it, and the next one bears its number.
    pub fn withdraw(&mut self) {
        if self.state == LinkState::Connected {
            self.quieten();
        }
    }

    /// DISC; waits for UA or DM. Legal in any state: a meter that holds a link we know nothing of forgets it.
    pub fn disconnect(&mut self, now: Instant) {
        if self.state != LinkState::Disconnecting {
            self.quieten();
            self.state = LinkState::Disconnecting;
            self.send_unnumbered(now);
        }
    }

    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        if self.state == LinkState::Draining {
            self.drain(now, bytes);
        } else if !bytes.is_empty() {
            self.decoder.push(bytes);
            self.take_frames(now);
            self.wait_for_the_rest(now);
        }
    }

    /// Bytes to put on the line now. Valid until the next call; None when there are none.
    pub fn poll_transmit(&mut self) -> Option<&[u8]> {
        self.output.take()
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timer.next()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if self.timer.rest_is_late(now) {
            self.forget_unfinished(now);
        }
        if self.timer.reminds(now) {
            self.remind(now);
        }
        if self
            .timer
            .deadline()
            .is_some_and(|deadline| deadline <= now)
        {
            self.time_is_up(now);
        }
    }

    pub fn poll_event(&mut self) -> Option<LinkEvent> {
        self.events.pop_front()
    }

    /// Whether the meter had all of our APDU when it sent its last answer, by that answer's N(R): then
    /// it answers that one and no earlier one.
    pub fn answer_is_certain(&self) -> bool {
        self.certain
    }

    /// The APDU of the last `LinkEvent::Apdu`, until the next `send`.
    pub fn apdu(&self) -> &[u8] {
        self.incoming.answer()
    }

    /// Nothing is due any more and nothing goes out.
    fn quieten(&mut self) {
        self.due = Due::Nothing;
        self.exchange = Exchange::default();
        self.timer.stop();
        self.outgoing.finish();
        self.output.clear();
    }

    fn forget(&mut self) {
        self.quieten();
        self.outgoing.reset();
        self.incoming.reset();
        self.route.forget();
        self.echo.forget();
        self.decoder.clear();
        self.pace = Pace::default();
        self.parameters = Parameters::default();
    }

    fn tell(&mut self, event: LinkEvent) {
        self.events.push_back(event);
    }

    fn notice(&mut self, notice: LinkNotice) {
        if self.events.len() < MAX_EVENTS {
            self.tell(LinkEvent::Notice(notice));
        }
    }

    fn fail(&mut self, failure: LinkFailure) {
        self.quieten();
        self.state = LinkState::Disconnected;
        self.tell(LinkEvent::Failed(failure));
    }
}

/// Says where the link stands, not what travels on it: an APDU may hold a password.
impl fmt::Debug for Link {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Link")
            .field("state", &self.state)
            .field("due", &self.due)
            .field("send", &self.outgoing.next())
            .field("receive", &self.incoming.expected())
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}
