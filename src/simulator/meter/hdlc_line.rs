//! A byte stream that carries HDLC: cuts it into frames as a meter does, after a hand-over from mode E where there is one.
//! The rule: a frame counts when its closing flag is there, and an unfinished one is given up after a while.

use super::application::Application;
use super::secondary::Secondary;
use super::sign_on::SignOn;
use crate::dlms::hdlc::{Decoder, FLAG, Item};
use crate::simulator::profile::Profile;
use std::time::Instant;

#[derive(Debug)]
pub(super) struct HdlcLine {
    decoder: Decoder,
    /// Octets given to the decoder.
    received: u64,
    /// A frame that is whole but for its closing flag. Others take it as it is; a meter waits for the flag.
    unclosed: Vec<u8>,
    link: Secondary,
    /// When the unfinished frame is given up.
    unfinished: Option<Instant>,
    /// Before HDLC is agreed, where it must be.
    sign_on: Option<SignOn>,
}

impl HdlcLine {
    pub fn new(profile: &Profile) -> Self {
        Self {
            decoder: Decoder::new(),
            received: 0,
            unclosed: Vec::new(),
            link: Secondary::default(),
            unfinished: None,
            sign_on: profile.mode_e.then(SignOn::default),
        }
    }

    /// The byte stream is over; the link is not.
    pub fn forget_stream(&mut self, profile: &Profile) {
        let link = std::mem::take(&mut self.link);
        *self = Self::new(profile);
        self.link = link;
        self.link.outbox().clear();
    }

    pub fn drop_link(&mut self) {
        self.link.drop_link();
    }

    pub fn handle_bytes(
        &mut self,
        now: Instant,
        mut bytes: &[u8],
        profile: &Profile,
        app: &mut Application,
    ) {
        if let Some(sign_on) = &mut self.sign_on {
            let mut said = Vec::new();
            let rest = sign_on.take(bytes, &profile.identification(), &mut said);
            self.link.outbox().octets((now, profile.delay), &said);
            let Some(rest) = rest else {
                return;
            };
            self.sign_on = None;
            bytes = rest;
        }
        let Some(first) = bytes.first() else {
            return;
        };
        if !self.unclosed.is_empty() {
            if *first == FLAG {
                self.link.frame(now, &self.unclosed, profile, app);
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
                self.link.frame(now, octets, profile, app);
            }
        }
        self.unfinished = if self.unclosed.is_empty() && self.decoder.pending().is_empty() {
            None
        } else {
            now.checked_add(profile.inter_octet)
        };
    }

    pub fn transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        self.link.outbox().transmit(now, out)
    }

    /// When something is to be sent or given up.
    pub fn timeout(&self) -> Option<Instant> {
        [self.link.due(), self.unfinished]
            .into_iter()
            .flatten()
            .min()
    }

    /// The end of the link if nothing more is heard.
    pub fn deadline(&self, profile: &Profile) -> Option<Instant> {
        self.link.deadline(profile)
    }

    pub fn handle_timeout(&mut self, now: Instant) {
        if self.unfinished.is_some_and(|until| until <= now) {
            self.decoder.clear();
            self.unclosed.clear();
            self.unfinished = None;
        }
    }
}
