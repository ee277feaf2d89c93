//! What the meter says, frame by frame: checked, matched to us, put in sequence, acted on.
//! The rule: a frame that is damaged, foreign or out of turn changes nothing but a counter.

use super::super::{
    Control, Frame, FrameReject, Item, LLC_COMMAND, LLC_RESPONSE, Parameters, frame_reject,
};
use super::incoming::{Accepted, Order};
use super::waiting::Asked;
use super::{Due, Link, LinkEvent, LinkFailure, LinkNotice, LinkState, MAX_EVENTS};
use std::time::Instant;

/// Without a proposal of ours the standard's defaults hold for what we send; we can take whatever the meter sends.
const UNPROPOSED: Parameters = Parameters {
    max_info_transmit: 128,
    max_info_receive: 2030,
    window_transmit: 1,
    window_receive: 7,
};

impl Link {
    /// Everything the decoder can cut from what has come.
    pub(super) fn take_frames(&mut self, now: Instant) {
        // The decoder lends its octets: it steps aside while the rest of the link looks at them.
        let mut decoder = std::mem::take(&mut self.decoder);
        let mut junk = 0usize;
        while let Some(item) = decoder.next() {
            match item {
                Item::Frame {
                    octets,
                    header_right,
                    ..
                } => match Frame::parse(octets) {
                    Ok(frame) => self.take_frame(now, &frame.with_header_right(header_right)),
                    Err(_) => self.drop_frame(LinkNotice::Foreign),
                },
                Item::Junk { octets, .. } => junk = junk.saturating_add(octets.len()),
            }
        }
        self.decoder = decoder;
        self.count_junk(junk);
    }

    pub(super) fn count_junk(&mut self, junk: usize) {
        if junk > 0 {
            self.counters.junk_bytes = self.counters.junk_bytes.saturating_add(junk as u64);
            self.notice(LinkNotice::Junk(junk));
        }
    }

    fn drop_frame(&mut self, notice: LinkNotice) {
        self.counters.dropped = self.counters.dropped.saturating_add(1);
        self.notice(notice);
    }

    fn take_frame(&mut self, now: Instant, frame: &Frame<'_>) {
        let ours = self.route.is_ours(frame);
        let damage = match (frame.hcs_ok(), frame.fcs_ok()) {
            (Some(false), _) => Some(LinkNotice::BadHcs),
            (_, false) => Some(LinkNotice::BadFcs),
            _ => None,
        };
        if let Some(damage) = damage {
            self.counters.bad_fcs = self.counters.bad_fcs.saturating_add(1);
            self.exchange.damaged |= ours;
            return self.notice(damage);
        }
        let mut first = false;
        if self.echo.is(frame, &mut first) {
            self.counters.dropped = self.counters.dropped.saturating_add(1);
            if first {
                self.notice(LinkNotice::Echo);
            }
            return;
        }
        self.counters.frames_received = self.counters.frames_received.saturating_add(1);
        if !ours {
            return self.drop_frame(LinkNotice::Foreign);
        }
        match (self.state, frame.control()) {
            (_, Control::Ui { .. }) => self.take_unnumbered(frame.information()),
            (LinkState::Connecting, Control::Ua { .. }) => self.take_up(frame),
            (LinkState::Connecting, Control::Dm { .. }) => {
                self.fail(LinkFailure::Dm { what: "SNRM" });
            }
            (LinkState::Connecting | LinkState::Connected, Control::Frmr { .. }) => {
                self.fail(LinkFailure::Frmr(
                    FrameReject::decode(frame.information()).map_or_else(
                        || frame_reject::UNEXPLAINED.to_owned(),
                        |reject| reject.to_string(),
                    ),
                ));
            }
            (LinkState::Disconnecting, Control::Ua { .. } | Control::Dm { .. }) => {
                self.quieten();
                self.state = LinkState::Disconnected;
                self.tell(LinkEvent::Disconnected);
            }
            (LinkState::Connected, control) => self.take_connected(now, control, frame),
            // An answer to something of before; this conversation is about something else.
            _ => self.counters.dropped = self.counters.dropped.saturating_add(1),
        }
    }

    fn take_unnumbered(&mut self, information: &[u8]) {
        let apdu = information
            .strip_prefix(&LLC_RESPONSE)
            .or_else(|| information.strip_prefix(&LLC_COMMAND))
            .unwrap_or(information);
        self.tell_unasked(apdu.to_vec());
    }

    fn tell_unasked(&mut self, apdu: Vec<u8>) {
        // Twice the room of notices: what was said outranks what went wrong.
        if self.events.len() < MAX_EVENTS.saturating_mul(2) {
            self.tell(LinkEvent::Unnumbered(apdu));
        } else {
            self.counters.dropped = self.counters.dropped.saturating_add(1);
        }
    }

    /// UA: the link is up.
    fn take_up(&mut self, frame: &Frame<'_>) {
        self.quieten();
        self.route.learn(frame);
        self.outgoing.reset();
        self.incoming.reset();
        let meter = Parameters::decode_readable(frame.information());
        let ours = self.config.propose.unwrap_or(UNPROPOSED);
        self.parameters = Parameters::negotiate(&ours, &meter);
        self.state = LinkState::Connected;
        self.tell(LinkEvent::Connected(self.parameters));
    }

    fn take_connected(&mut self, now: Instant, control: Control, frame: &Frame<'_>) {
        match control {
            Control::Information {
                send,
                receive,
                poll,
            } => self.take_information(now, send, receive, poll, frame),
            Control::ReceiveReady { receive, poll } => self.take_ready(now, receive, poll),
            Control::ReceiveNotReady { receive, .. } => self.take_busy(now, receive),
            Control::Reject { receive, .. } | Control::SelectiveReject { receive, .. } => {
                self.take_reject(now, receive);
            }
            Control::Dm { .. } => {
                let what = match self.due {
                    Due::Nothing => "an idle line",
                    Due::Poll => "RR",
                    Due::Answer => self.exchange.asked.name(),
                };
                self.fail(LinkFailure::Dm { what });
            }
            // The answer to a SNRM that was sent twice.
            Control::Ua { .. } => self.drop_frame(LinkNotice::Duplicate),
            _ => self.drop_frame(LinkNotice::Foreign),
        }
    }

    /// N(R): None if it is a number the meter cannot mean, else whether it acknowledges anything new.
    fn take_receive_number(&mut self, receive: u8) -> Option<bool> {
        let max_info = self.parameters.max_info_transmit.into();
        let Some(count) = self.outgoing.acknowledge(receive, max_info) else {
            self.drop_frame(LinkNotice::OutOfSequence {
                expected: self.outgoing.next(),
                got: receive,
            });
            return None;
        };
        if count > 0 {
            self.exchange.progress();
        }
        Some(count > 0)
    }

    fn take_ready(&mut self, now: Instant, receive: u8, last: bool) {
        let Some(progress) = self.take_receive_number(receive) else {
            return;
        };
        match self.due {
            Due::Poll => self.end_poll(now),
            Due::Answer if self.outgoing.unacknowledged() > 0 => {
                // Asked where it stands, the meter says it never got these. But the answer to an RR we had given up
                // may say so too, of frames it gets right now: then only a timeout tells.
                let sure = progress
                    || self.exchange.asked == Asked::ReceiveReady
                    || !self.exchange.may_be_late(now);
                if last && sure && self.may_reask() {
                    self.repeat_window(now, self.exchange.reasks);
                }
            }
            Due::Answer if !self.outgoing.all_sent() => self.send_window(now),
            // It has all we sent and nothing to say yet, and may not speak again unless asked.
            Due::Answer if last => self.ask_again_later(now),
            Due::Answer | Due::Nothing => {}
        }
    }

    fn take_busy(&mut self, now: Instant, receive: u8) {
        self.notice(LinkNotice::Busy);
        if self.take_receive_number(receive).is_none() {
            return;
        }
        match self.due {
            Due::Nothing => {}
            Due::Poll => self.end_poll(now),
            Due::Answer => self.ask_again_later(now),
        }
    }

    fn take_reject(&mut self, now: Instant, receive: u8) {
        if self.take_receive_number(receive).is_some()
            && self.due == Due::Answer
            && self.outgoing.unacknowledged() > 0
            && self.may_reask()
        {
            self.repeat_window(now, self.exchange.reasks);
        }
    }

    fn take_information(
        &mut self,
        now: Instant,
        send: u8,
        receive: u8,
        last: bool,
        frame: &Frame<'_>,
    ) {
        if self.incoming.is_echo(frame.information()) {
            return self.drop_frame(LinkNotice::Foreign);
        }
        match self.incoming.order(send, self.parameters.window_receive) {
            Order::Due => {}
            Order::Duplicate => {
                self.drop_frame(LinkNotice::Duplicate);
                return self.ask_for_the_due(now, last && self.incoming.is_open());
            }
            Order::Gap => {
                self.drop_frame(LinkNotice::OutOfSequence {
                    expected: self.incoming.expected(),
                    got: send,
                });
                return self.ask_for_the_due(now, last);
            }
        }
        if self.take_receive_number(receive).is_none() {
            return;
        }
        let asked = self.due == Due::Answer;
        self.certain = asked && self.outgoing.unacknowledged() == 0;
        if asked && !self.certain {
            // In sequence while we wait: it is the answer, whatever it says of our frame.
            self.notice(LinkNotice::OutOfSequence {
                expected: self.outgoing.next(),
                got: receive,
            });
        }
        self.exchange.progress();
        if asked {
            self.pace.answered(now);
        }
        match self
            .incoming
            .accept(frame.information(), frame.segmented(), asked)
        {
            Err(size) => self.fail(LinkFailure::Protocol(size)),
            Ok(Accepted::Answer) => {
                self.due = Due::Nothing;
                self.timer.stop();
                self.outgoing.finish();
                self.tell(LinkEvent::Apdu);
            }
            Ok(Accepted::Unasked) => {
                let apdu = self.incoming.take_unasked();
                self.tell_unasked(apdu);
                if self.due == Due::Poll && last {
                    self.end_poll(now);
                }
            }
            Ok(Accepted::Segment) => {
                let full = self.incoming.window() >= self.parameters.window_receive;
                if !last && !full {
                    self.wait_for_response(now);
                } else if self.due == Due::Nothing {
                    self.start_poll(now);
                } else {
                    self.send_ready(now);
                }
            }
        }
    }

    /// After a frame we could not use: RR with the N(S) we wait for, if it is our turn.
    fn ask_for_the_due(&mut self, now: Instant, our_turn: bool) {
        if our_turn && self.due == Due::Poll {
            self.end_poll(now);
        } else if our_turn && self.due == Due::Answer && self.may_reask() {
            self.send_ready(now);
        }
    }

    /// The meter answered our RR: it is alive. What waited behind it goes out.
    fn end_poll(&mut self, now: Instant) {
        self.due = Due::Nothing;
        self.timer.stop();
        if !self.outgoing.is_empty() {
            self.start_request(now);
        }
    }
}
