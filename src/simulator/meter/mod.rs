//! One simulated meter as a value: bytes in, bytes out, time as data. It serves one client at a time; a client that goes
//! without a word leaves its link and association behind until the inactivity time is over, as real meters do.

mod access;
mod answer;
mod application;
mod association;
mod attributes;
mod gbt;
mod hdlc_line;
mod image;
mod kept;
mod lists;
mod load_profile;
mod object_list;
mod outbox;
mod peer;
mod protect;
mod reading;
mod registers;
mod secondary;
mod security_setup;
mod short;
mod short_list;
mod sign_on;
#[cfg(test)]
mod tests;
mod transfer;
mod wall;
mod wrapper_line;
mod writing;

use super::fault::Layers;
use super::profile::{Profile, Transport};
use application::Application;
use hdlc_line::HdlcLine;
use std::time::Instant;
use wall::Wall;
use wrapper_line::WrapperLine;

#[derive(Debug)]
pub struct SimulatedMeter {
    profile: Profile,
    line: Line,
    application: Application,
    /// Between the meter and its byte stream, where something is wrong on purpose.
    layers: Option<Box<Layers>>,
    /// A byte stream is open.
    connected: bool,
}

/// What carries the APDUs.
#[derive(Debug)]
enum Line {
    Hdlc(HdlcLine),
    Wrapper(WrapperLine),
}

impl SimulatedMeter {
    /// `clock` is the wall time at `now`: the meter's clock and its load curves run from there.
    pub fn new(profile: Profile, now: Instant, clock: jiff::Timestamp) -> Self {
        let application = Application::new(&profile, Wall::new(now, clock), now);
        let line = match profile.transport {
            Transport::HdlcTcp => Line::Hdlc(HdlcLine::new(&profile)),
            Transport::WrapperTcp | Transport::WrapperUdp => Line::Wrapper(WrapperLine::default()),
        };
        Self {
            layers: Layers::new(&profile),
            profile,
            line,
            application,
            connected: false,
        }
    }

    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The byte stream was (re)opened. Over HDLC link and association state of an earlier one live on until inactivity or
    /// DISC, as in a real meter; over the wrapper an association ends with its stream.
    pub fn connected(&mut self, now: Instant) {
        self.handle_timeout(now);
        self.forget_stream();
        self.connected = true;
        if let Some(layers) = &mut self.layers {
            layers.connected(now, &self.profile);
        }
    }

    pub fn is_connected(&self) -> bool {
        self.connected
    }

    pub fn disconnected(&mut self, now: Instant) {
        self.handle_timeout(now);
        self.forget_stream();
    }

    fn forget_stream(&mut self) {
        self.connected = false;
        if let Some(layers) = &mut self.layers {
            layers.disconnected();
        }
        match &mut self.line {
            Line::Hdlc(line) => line.forget_stream(&self.profile),
            Line::Wrapper(line) => {
                line.forget_stream();
                self.application.reset();
            }
        }
    }

    /// The meter lost its power: link and association are gone, the clock ran on.
    pub fn power_cycle(&mut self) {
        self.forget_stream();
        self.drop_link();
    }

    fn drop_link(&mut self) {
        match &mut self.line {
            Line::Hdlc(line) => line.drop_link(),
            Line::Wrapper(line) => line.drop_link(),
        }
        self.application.reset();
    }

    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        self.handle_timeout(now);
        let Some(layers) = &mut self.layers else {
            return self.hear(now, bytes);
        };
        let heard = layers.incoming(now, bytes, &self.profile);
        for disc in layers.news() {
            self.application.released(disc);
        }
        self.hear(now, &heard);
    }

    fn hear(&mut self, now: Instant, bytes: &[u8]) {
        let (profile, app) = (&self.profile, &mut self.application);
        match &mut self.line {
            Line::Hdlc(line) => line.handle_bytes(now, bytes, profile, app),
            Line::Wrapper(line) => line.handle_bytes(now, bytes, profile, app),
        }
    }

    /// Appends to `out` what is due now.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        if self.layers.is_none() {
            return self.say(now, out);
        }
        let mut said = Vec::new();
        self.say(now, &mut said);
        let Some(layers) = &mut self.layers else {
            return false;
        };
        if !said.is_empty() {
            layers.outgoing(now, &said, &self.profile);
        }
        layers.transmit(now, out)
    }

    fn say(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        match &mut self.line {
            Line::Hdlc(line) => line.transmit(now, out),
            Line::Wrapper(line) => line.transmit(now, out),
        }
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = match &self.line {
            Line::Hdlc(line) => line.timeout(),
            Line::Wrapper(line) => line.timeout(),
        };
        let layers = self.layers.as_ref().and_then(|layers| layers.due());
        [due, layers, self.deadline()].into_iter().flatten().min()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if let Some(layers) = &mut self.layers {
            layers.handle_timeout(now, &self.profile);
        }
        match &mut self.line {
            Line::Hdlc(line) => line.handle_timeout(now),
            Line::Wrapper(line) => line.handle_timeout(now),
        }
        if self.is_idle(now) {
            self.drop_link();
        }
    }

    /// When the client was silent for as long as it may be.
    fn deadline(&self) -> Option<Instant> {
        match &self.line {
            Line::Hdlc(line) => line.deadline(&self.profile),
            Line::Wrapper(line) => line.deadline(&self.profile),
        }
    }

    fn is_idle(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|deadline| deadline <= now)
    }

    /// True while a client is associated (tests: no stale association).
    pub fn is_associated(&self, now: Instant) -> bool {
        self.application.is_associated() && !self.is_idle(now)
    }

    /// The octets of the image being transferred, as far as they came (tests of clients).
    pub fn image(&self) -> &[u8] {
        self.application.kept.image.octets()
    }

    /// As if another client had used this counter (tests of clients).
    #[cfg(test)]
    pub fn take_counter(&mut self, suite: crate::dlms::security::Suite, counter: u32) {
        self.application.counters.take(suite, counter);
    }
}
