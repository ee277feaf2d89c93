//! A request on its way out: sealed, cut into general blocks where it must be, timed, and asked again where that is safe.
//! The one rule: what could change something in the meter goes out once, and nothing goes out twice under one counter.
use super::transfer::{Service, failed};
use super::{Association, Event, Failure, GetError, Notice, State};
use crate::dlms::hdlc::link::LinkFailure;
use crate::dlms::security::SecurityError;
use crate::dlms::xdlms::Conformance;
use std::time::Instant;

/// A PDU that keeps coming may hold up the response timeout this many times over.
const SLOW_LINE: u32 = 4;

impl Association {
    /// Sends `request`; an HDLC link holds it back while a keep-alive is out.
    pub(super) fn send_request(&mut self, now: Instant) {
        self.tries = 1;
        self.send_out(now);
    }

    fn send_out(&mut self, now: Instant) {
        let out = match self.dress() {
            Ok(sealed) => sealed,
            Err(error) => return self.unsent(error),
        };
        let longest = self
            .granted
            .map_or(0, |granted| usize::from(granted.max_pdu));
        let long = if out {
            self.sealed.len()
        } else {
            self.request.len()
        };
        if longest != 0 && long > longest && self.may(Conformance::GENERAL_BLOCK_TRANSFER) {
            let whole = if out { &self.sealed } else { &self.request };
            if let Some(block) = self.blocks.start(whole, longest) {
                return self.put(now, &block);
            }
        }
        let octets = if out { &self.sealed } else { &self.request };
        let sent = self.link.send(now, octets).is_ok();
        self.sent(now, sent);
    }

    /// Seals the request if this association does; whether it did.
    fn dress(&mut self) -> Result<bool, SecurityError> {
        match &mut self.guard {
            Some(guard) if guard.is_sealing() => {
                self.sealed.clear();
                guard.seal(&self.request, &mut self.sealed)?;
                Ok(true)
            }
            _ => Ok(false),
        }
    }

    /// Puts one APDU on the line as it is.
    pub(super) fn put(&mut self, now: Instant, apdu: &[u8]) {
        let sent = self.link.send(now, apdu).is_ok();
        self.sent(now, sent);
    }

    fn sent(&mut self, now: Instant, sent: bool) {
        if sent {
            self.wait(now);
        } else {
            // The link went down in this very call: its event follows. Should none, this wait ends too.
            self.answer_by = now.checked_add(self.config.carrier.patience());
        }
    }

    /// An HDLC link times its answers itself; over the wrapper it is done here.
    pub(super) fn wait(&mut self, now: Instant) {
        self.asked = Some(now);
        self.answer_by = if self.link.is_wrapper() && self.state != State::Ready {
            now.checked_add(self.config.carrier.response_timeout())
        } else {
            None
        };
    }

    /// Half an answer is here: on a slow line the rest is worth waiting for.
    pub(super) fn wait_for_the_rest(&mut self, now: Instant) {
        let (Some(asked), Some(answer_by)) = (self.asked, self.answer_by) else {
            return;
        };
        if self.link.unfinished().is_some() {
            let timeout = self.config.carrier.response_timeout();
            let end = asked.checked_add(timeout.saturating_mul(SLOW_LINE));
            let later = now.checked_add(timeout).min(end);
            self.answer_by = later.max(Some(answer_by));
        }
    }

    /// Nothing could be sealed: the service ends, or the association that was being made.
    fn unsent(&mut self, error: SecurityError) {
        if self.state != State::Reading {
            return self.fail(Failure::Security(error));
        }
        self.state = State::Ready;
        self.answer_by = None;
        let verdict = failed(self.transfer.service(), GetError::Security(error));
        self.transfer.forget();
        self.keeping = false;
        if let super::transfer::Verdict::Done { event, .. } = verdict {
            self.push(event);
        }
    }

    /// Time is up and nothing came.
    pub(super) fn silence(&mut self, now: Instant) {
        self.answer_by = None;
        let waits = matches!(
            self.state,
            State::Associating | State::Proving | State::Reading
        );
        if waits
            && self.blocks.is_under_way()
            && let Some(block) = self.blocks.ask_again()
        {
            let attempt = self.tries;
            self.push(Event::Notice(Notice::AskedAgain { attempt }));
            return self.put(now, &block);
        }
        if self.tries < self.config.carrier.tries() && self.link.is_wrapper() && self.may_repeat() {
            self.tries = self.tries.saturating_add(1);
            let attempt = self.tries.saturating_sub(1);
            self.push(Event::Notice(Notice::AskedAgain { attempt }));
            return self.send_out(now);
        }
        let timeout = self.config.carrier.response_timeout();
        let what = match self.state {
            State::Reading => self.transfer.service().name(),
            State::Proving => "our proof (HLS)",
            _ => "AARQ",
        };
        self.fail(Failure::Link(match self.link.unfinished() {
            Some(words) => {
                LinkFailure::Protocol(format!("no whole answer to {what} in {timeout:?}: {words}"))
            }
            None => LinkFailure::NoAnswer {
                what,
                timeout,
                tries: if self.link.is_wrapper() {
                    self.tries
                } else {
                    self.config.carrier.tries()
                },
            },
        }));
    }

    /// Only what reads: a GET asked twice is answered twice, and that is all.
    fn may_repeat(&self) -> bool {
        self.state == State::Reading
            && matches!(
                self.transfer.service(),
                Service::Get | Service::List(_) | Service::Read | Service::ReadList(_)
            )
    }

    fn may(&self, bit: u8) -> bool {
        self.conformance().is_some_and(|granted| granted.has(bit))
    }
}
