//! What we say: SNRM, DISC, I frames within the window, RR. Each command asks for an answer and starts the wait for it.

use super::super::{Control, frame};
use super::waiting::Asked;
use super::{Due, Link, LinkFailure, LinkNotice, LinkState};
use std::time::Instant;

/// Questions repeated without any progress between them, before the meter is taken for confused.
const MAX_REASKS: u8 = 8;

impl Link {
    /// SNRM or DISC, as the state wants.
    pub(super) fn send_unnumbered(&mut self, now: Instant) {
        let mut proposal = Vec::new();
        let control = if self.state == LinkState::Connecting {
            if let Some(parameters) = self.config.propose {
                parameters.encode(&mut proposal);
            }
            Control::Snrm { poll: true }
        } else {
            Control::Disc { poll: true }
        };
        self.put(control, &proposal);
        self.wait_for_response(now);
    }

    pub(super) fn start_request(&mut self, now: Instant) {
        self.due = Due::Answer;
        self.exchange.begin();
        self.pace.ask(now);
        self.send_window(now);
    }

    pub(super) fn start_poll(&mut self, now: Instant) {
        self.due = Due::Poll;
        self.exchange.begin();
        self.send_ready(now);
    }

    /// As many segments as the window lets through; the last of them asks for an answer.
    pub(super) fn send_window(&mut self, now: Instant) {
        let max_info = usize::from(self.parameters.max_info_transmit);
        while self.outgoing.unacknowledged() < self.parameters.window_transmit {
            let Some(segment) = self.outgoing.cut(max_info) else {
                break;
            };
            let full = self.outgoing.unacknowledged() >= self.parameters.window_transmit;
            let control = Control::Information {
                send: segment.send,
                receive: self.incoming.expected(),
                poll: segment.last || full,
            };
            let built = frame::build(
                self.route.server(),
                &self.route.client(),
                control,
                !segment.last,
                self.outgoing
                    .octets()
                    .get(segment.range)
                    .unwrap_or_default(),
                self.output.buffer(),
            )
            .is_ok();
            self.count(built, control);
        }
        self.exchange.asked = Asked::Information;
        self.wait_for_response(now);
    }

    /// Everything not acknowledged goes out once more.
    pub(super) fn repeat_window(&mut self, now: Instant, attempt: u8) {
        let again = self.outgoing.unacknowledged();
        self.pace.repeated();
        self.outgoing.go_back();
        self.send_window(now);
        self.resent("I frame", attempt, again.max(1));
    }

    /// RR with P=1: go on, or: what have you got?
    pub(super) fn send_ready(&mut self, now: Instant) {
        self.put(
            Control::ReceiveReady {
                receive: self.incoming.expected(),
                poll: true,
            },
            &[],
        );
        self.exchange.asked = Asked::ReceiveReady;
        self.wait_for_response(now);
    }

    pub(super) fn resent(&mut self, what: &'static str, attempt: u8, frames: u8) {
        self.counters.resent = self.counters.resent.saturating_add(frames.into());
        self.notice(LinkNotice::Resent { what, attempt });
    }

    /// Whether one more question without progress may go out. If not, the link has failed.
    pub(super) fn may_reask(&mut self) -> bool {
        self.exchange.reasks = self.exchange.reasks.saturating_add(1);
        if self.exchange.reasks <= MAX_REASKS {
            return true;
        }
        let (send, receive) = (self.outgoing.next(), self.incoming.expected());
        self.fail(LinkFailure::Protocol(format!(
            "the meter's sequence numbers do not fit ours after {MAX_REASKS} attempts: \
             our next N(S) is {send}, the N(S) due from the meter is {receive}"
        )));
        false
    }

    fn put(&mut self, control: Control, information: &[u8]) {
        let built = frame::build(
            self.route.server(),
            &self.route.client(),
            control,
            false,
            information,
            self.output.buffer(),
        )
        .is_ok();
        self.count(built, control);
    }

    /// Nothing we build is too long: the information is held to 2030 bytes.
    fn count(&mut self, built: bool, control: Control) {
        if built {
            self.counters.frames_sent = self.counters.frames_sent.saturating_add(1);
            self.incoming.spoke();
            self.echo.sent(control, self.output.buffer());
        }
    }
}
