//! What the link reports, and what follows from it. Every answer that is not ours leaves a timer running.
use super::handshake::{self, Answer};
use super::line::LineEvent;
use super::transfer::{Service, Verdict};
use super::{Association, Event, Failure, Notice, State, Step};
use crate::dlms::hdlc::Parameters;
use crate::dlms::hdlc::link::LinkFailure;
use crate::dlms::xdlms::{ActionRequest, GetRequest, tag};
use std::time::{Duration, Instant};
use zeroize::Zeroize;

impl Association {
    /// Follows the link: its state, its events, and whether it is free to send again.
    pub(super) fn pump(&mut self, now: Instant) {
        loop {
            if self.state == State::Linking && !self.owes_disc && self.link.is_connecting() {
                self.owes_disc = true;
                self.push(Event::Step(Step::Snrm));
            }
            match self.link.poll_event() {
                Some(LineEvent::Up(parameters)) => self.link_up(now, Some(parameters)),
                Some(LineEvent::Apdu) => self.apdu(now),
                Some(LineEvent::Unasked(apdu)) => self.unasked(now, apdu),
                Some(LineEvent::Down) => self.link_down(),
                Some(LineEvent::Failed(failure)) => self.link_failed(now, failure),
                Some(LineEvent::Notice(notice)) => self.push(Event::Notice(Notice::Link(notice))),
                None => break,
            }
        }
    }

    pub(super) fn link_up(&mut self, now: Instant, parameters: Option<Parameters>) {
        if self.state != State::Linking {
            return;
        }
        if parameters.is_some() {
            self.push(Event::Step(Step::Ua));
        }
        self.push(Event::LinkUp(parameters));
        self.request.clear();
        handshake::aarq(&self.config, &mut self.request);
        let sent = self.link.send(now, &self.request);
        // The AARQ holds the password.
        self.request.zeroize();
        match sent {
            Ok(()) => {
                self.state = State::Associating;
                self.push(Event::Step(Step::Aarq));
            }
            Err(misuse) => self.fail(Failure::Protocol(format!("AARQ cannot go out: {misuse}"))),
        }
    }

    fn link_down(&mut self) {
        match self.state {
            State::Idle => self.owes_disc = false,
            State::Releasing | State::Disconnecting => self.released(),
            _ => {
                self.owes_disc = false;
                self.fail(Failure::Protocol("the meter closed the link".to_owned()));
            }
        }
    }

    fn link_failed(&mut self, now: Instant, failure: LinkFailure) {
        let gone = matches!(failure, LinkFailure::Dm { .. });
        // After DM there is nothing left to disconnect.
        self.owes_disc &= !gone;
        match self.state {
            State::Idle => {}
            State::Disconnecting => self.released(),
            State::Releasing => self.disconnect(now),
            _ => self.fail(Failure::Link(failure)),
        }
    }

    /// The answer to the last APDU sent.
    fn apdu(&mut self, now: Instant) {
        match self.state {
            State::Associating => {
                let answer = handshake::judge(self.link.apdu());
                self.association_answer(now, answer);
            }
            State::Reading => {
                let certain = self.link.answer_is_certain();
                let verdict = self.transfer.judge(self.link.apdu(), certain);
                self.answer(now, verdict);
            }
            State::Releasing => {
                // Whatever the answer, DISC goes next.
                if let Some(&tag) = self.link.apdu().first()
                    && tag != tag::RLRE
                {
                    self.push(Event::Notice(Notice::ReleaseRefused(tag)));
                }
                self.disconnect(now);
            }
            State::Ready | State::Idle | State::Linking | State::Disconnecting => {}
        }
    }

    /// An APDU the link did not ask for: pushed by the meter, or an answer that comes late. While we wait on after a
    /// stale answer, the right one comes this way too.
    fn unasked(&mut self, now: Instant, apdu: Vec<u8>) {
        let Some(&tag) = apdu.first().filter(|tag| is_answer(**tag)) else {
            self.push(Event::Unsolicited(apdu));
            return;
        };
        match self.state {
            State::Associating => self.association_answer(now, handshake::judge(&apdu)),
            State::Reading => {
                let verdict = self.transfer.judge(&apdu, false);
                self.answer(now, verdict);
            }
            _ => self.push(Event::Notice(Notice::UnexpectedAnswer(tag))),
        }
    }

    fn association_answer(&mut self, now: Instant, answer: Answer) {
        match answer {
            Answer::Granted(granted) => {
                self.answer_by = None;
                self.granted = Some(granted);
                self.state = State::Ready;
                self.push(Event::Step(Step::Aare));
                self.push(Event::Step(Step::Ready));
                self.push(Event::Ready {
                    conformance: granted.conformance,
                    max_pdu: granted.max_pdu,
                    dlms_version: granted.dlms_version,
                });
            }
            Answer::Refused(failure) => {
                self.push(Event::Step(Step::Aare));
                self.fail(failure);
            }
            Answer::Stale(tag) => {
                self.push(Event::Notice(Notice::UnexpectedAnswer(tag)));
                self.wait_on(now);
            }
            Answer::Unsolicited => {
                self.unsolicited();
                self.wait_on(now);
            }
        }
    }

    fn answer(&mut self, now: Instant, verdict: Verdict) {
        if let Some(got) = self.transfer.other_id() {
            let expected = self.transfer.invoke().id();
            self.push(Event::Notice(Notice::OtherInvokeId { expected, got }));
        }
        match verdict {
            Verdict::Done { event, trailing } => {
                self.answer_by = None;
                self.transfer.forget();
                self.state = State::Ready;
                if trailing > 0 {
                    self.push(Event::Notice(Notice::TrailingBytes(trailing)));
                }
                self.push(event);
            }
            Verdict::Next(block) => {
                let invoke = self.transfer.invoke();
                self.request.clear();
                if self.transfer.service() == Service::Action {
                    ActionRequest::Next { invoke, block }.encode(&mut self.request);
                } else {
                    GetRequest::Next { invoke, block }.encode(&mut self.request);
                }
                self.send_request(now);
            }
            Verdict::SendNext => {
                self.request.clear();
                self.transfer.next_block(&mut self.request);
                self.send_request(now);
            }
            Verdict::Stale { expected, got } => {
                self.push(Event::Notice(Notice::StaleAnswer { expected, got }));
                self.wait_on(now);
            }
            Verdict::Unexpected(tag) => {
                self.push(Event::Notice(Notice::UnexpectedAnswer(tag)));
                self.wait_on(now);
            }
            Verdict::Unsolicited => {
                self.unsolicited();
                self.wait_on(now);
            }
        }
    }

    /// Sends `request`; the link holds it back while a keep-alive is out.
    pub(super) fn send_request(&mut self, now: Instant) {
        self.answer_by = match self.link.send(now, &self.request) {
            Ok(()) => None,
            // The link went down in this very call: its event follows. Should none, this wait ends too.
            Err(_) => now.checked_add(self.patience()),
        };
    }

    /// The link got an answer and rests, but it was not ours: give the meter its turn again, and time it here.
    fn wait_on(&mut self, now: Instant) {
        self.answer_by = self.answer_by.or_else(|| now.checked_add(self.patience()));
        // If the link is not free it has a turn of its own under way; that does as well.
        let _busy = self.link.poll(now);
    }

    fn patience(&self) -> Duration {
        self.config.carrier.patience()
    }

    fn unsolicited(&mut self) {
        let apdu = self.link.apdu().to_vec();
        self.push(Event::Unsolicited(apdu));
    }
}

/// Tags that answer a request of ours.
const fn is_answer(tag: u8) -> bool {
    matches!(
        tag,
        tag::AARE
            | tag::RLRE
            | tag::GET_RESPONSE
            | tag::SET_RESPONSE
            | tag::ACTION_RESPONSE
            | tag::EXCEPTION_RESPONSE
            | tag::CONFIRMED_SERVICE_ERROR
    )
}
