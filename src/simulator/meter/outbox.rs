//! Frames on their way out of the meter: built when the answer is made, sent when its delay is over.

use crate::dlms::hdlc::Control;
use crate::dlms::hdlc::frame::build;
use std::time::{Duration, Instant};

/// A client that only writes makes no more than this wait.
const MOST: usize = 64 * 1024;
/// Capacity kept between answers.
const KEPT: usize = 2048;

/// Addresses of an answer, as they stood in the request.
#[derive(Clone, Copy)]
pub(super) struct Way<'a> {
    pub client: &'a [u8],
    pub server: &'a [u8],
}

#[derive(Debug, Default)]
pub(super) struct Outbox {
    frames: Vec<u8>,
    due: Option<Instant>,
}

impl Outbox {
    /// Adds a frame; what already waits is not held up by it.
    pub fn put(
        &mut self,
        (now, delay): (Instant, Duration),
        way: Way<'_>,
        control: Control,
        segmented: bool,
        information: &[u8],
    ) {
        let Way { client, server } = way;
        // It always fits a frame: no station here sends more than 2030 octets.
        self.add((now, delay), |out| {
            build(client, server, control, segmented, information, out).is_ok()
        });
    }

    /// Adds octets that are no frame of HDLC.
    pub fn octets(&mut self, when: (Instant, Duration), octets: &[u8]) {
        self.add(when, |out| {
            out.extend_from_slice(octets);
            !octets.is_empty()
        });
    }

    /// Adds what `write` puts there, if it says that it did.
    pub fn add(
        &mut self,
        (now, delay): (Instant, Duration),
        write: impl FnOnce(&mut Vec<u8>) -> bool,
    ) {
        if self.frames.len() < MOST && write(&mut self.frames) {
            self.due
                .get_or_insert(now.checked_add(delay).unwrap_or(now));
        }
    }

    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    /// Moves what is due to `out`.
    pub fn transmit(&mut self, now: Instant, out: &mut Vec<u8>) -> bool {
        if self.due.is_none_or(|due| due > now) {
            return false;
        }
        self.due = None;
        out.extend_from_slice(&self.frames);
        self.frames.clear();
        self.frames.shrink_to(KEPT);
        true
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }
}
