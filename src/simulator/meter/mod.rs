//! One simulated meter as a value: bytes in, bytes out, time as data. It serves one client at a time; a client that goes
//! without a word leaves its link and association behind until the inactivity time is over, as real meters do.

mod application;
mod attributes;
mod kept;
mod load_profile;
mod object_list;
mod outbox;
mod peer;
mod reading;
mod registers;
mod secondary;
#[cfg(test)]
mod tests;
mod transfer;
mod wall;
mod writing;

use super::profile::Profile;
use crate::dlms::hdlc::{Decoder, FLAG, Item};
use application::Application;
use secondary::Secondary;
use std::time::Instant;
use wall::Wall;

#[derive(Debug)]
pub struct SimulatedMeter {
    profile: Profile,
    decoder: Decoder,
    /// Octets given to the decoder.
    received: u64,
    /// A frame that is whole but for its closing flag. Others take it as it is; a meter waits for the flag.
    unclosed: Vec<u8>,
    link: Secondary,
    application: Application,
    /// When the unfinished frame is given up.
    unfinished: Option<Instant>,
    /// A byte stream is open.
    connected: bool,
}

impl SimulatedMeter {
    /// `clock` is the wall time at `now`: the meter's clock and its load curves run from there.
    pub fn new(profile: Profile, now: Instant, clock: jiff::Timestamp) -> Self {
        let application = Application::new(&profile, Wall::new(now, clock));
        Self {
            profile,
            decoder: Decoder::new(),
            received: 0,
            unclosed: Vec::new(),
            link: Secondary::default(),
            application,
            unfinished: None,
            connected: false,
        }
    }

    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The byte stream was (re)opened; link and association state of an earlier one live on until inactivity or DISC, as in a real meter.
    pub fn connected(&mut self, now: Instant) {
        self.handle_timeout(now);
        self.forget_stream();
        self.connected = true;
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
        self.decoder = Decoder::new();
        self.received = 0;
        self.unclosed = Vec::new();
        self.unfinished = None;
        self.link.outbox().clear();
    }

    /// The meter lost its power: link and association are gone, the clock ran on.
    pub fn power_cycle(&mut self) {
        self.forget_stream();
        self.link.drop_link();
        self.application.reset();
    }

    pub fn handle_bytes(&mut self, now: Instant, bytes: &[u8]) {
        self.handle_timeout(now);
        let Some(first) = bytes.first() else {
            return;
        };
        if !self.unclosed.is_empty() {
            if *first == FLAG {
                self.link
                    .frame(now, &self.unclosed, &self.profile, &mut self.application);
            }
            self.unclosed.clear();
        }
        self.decoder.push(bytes);
        self.received += bytes.len() as u64;
        while let Some(item) = self.decoder.next() {
            let Item::Frame {
                octets,
                stream_offset,
                ..
            } = item
            else {
                continue;
            };
            if stream_offset + octets.len() as u64 == self.received {
                self.unclosed.extend_from_slice(octets);
            } else {
                self.link
                    .frame(now, octets, &self.profile, &mut self.application);
            }
        }
        self.unfinished = if self.unclosed.is_empty() && self.decoder.pending().is_empty() {
            None
        } else {
            now.checked_add(self.profile.inter_octet)
        };
    }

    /// Appends to `out` what is due now.
    pub fn poll_transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        self.link.outbox().transmit(now, out)
    }

    pub fn poll_timeout(&self) -> Option<Instant> {
        [
            self.link.due(),
            self.unfinished,
            self.link.deadline(&self.profile),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if self.unfinished.is_some_and(|until| until <= now) {
            self.decoder.clear();
            self.unclosed.clear();
            self.unfinished = None;
        }
        if self.is_idle(now) {
            self.link.drop_link();
            self.application.reset();
        }
    }

    /// The client was silent for as long as it may be.
    fn is_idle(&self, now: Instant) -> bool {
        self.link
            .deadline(&self.profile)
            .is_some_and(|deadline| deadline <= now)
    }

    /// True while a client is associated (tests: no stale association).
    pub fn is_associated(&self, now: Instant) -> bool {
        self.application.is_associated() && !self.is_idle(now)
    }
}
