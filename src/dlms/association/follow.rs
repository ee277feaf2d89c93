//! Follows what the carrier reports, and what follows from it. Every answer that is not ours leaves a timer running.
use super::blocks::Taken;
use super::handshake::{self, Answer};
use super::line::LineEvent;
use super::proof::Reply;
use super::short_answers;
use super::transfer::{Service, Verdict, failed};
use super::{Association, Authentication, Event, Failure, GetError, Notice, State, Step};
use crate::dlms::acse::{Aare, Diagnostic, InitiateResponse};
use crate::dlms::hdlc::Parameters;
use crate::dlms::hdlc::link::LinkFailure;
use crate::dlms::security::SecurityError;
use crate::dlms::xdlms::{ActionRequest, GetRequest, tag};
use std::time::Instant;
use zeroize::Zeroize;

impl Association {
    /// Follows the carrier: its state, its events, and whether it is free to send again.
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
        if let Err(error) = handshake::aarq(
            &self.config,
            self.guard.as_mut(),
            &self.challenge,
            &mut self.request,
        ) {
            return self.fail(Failure::Security(error));
        }
        self.tries = 1;
        let sent = self.link.send(now, &self.request);
        // The AARQ holds the password.
        self.request.zeroize();
        match sent {
            Ok(()) => {
                self.state = State::Associating;
                self.wait(now);
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
        let certain = self.link.answer_is_certain();
        let first = self.link.apdu().first().copied();
        let bare = self.guard.is_none() && first != Some(tag::GENERAL_BLOCK_TRANSFER);
        match self.state {
            // The way of almost every answer; nothing is copied.
            State::Reading if bare => {
                let verdict = self.transfer.judge(self.link.apdu(), certain);
                self.answer(now, verdict);
            }
            // Whatever the answer, DISC goes next.
            State::Releasing => {
                if let Some(tag) = first.filter(|tag| *tag != tag::RLRE) {
                    self.push(Event::Notice(Notice::ReleaseRefused(tag)));
                }
                self.disconnect(now);
            }
            State::Idle | State::Linking | State::Disconnecting => {}
            _ => {
                let apdu = self.link.apdu().to_vec();
                self.received(now, apdu, certain);
            }
        }
    }

    /// An APDU the carrier did not ask for: pushed by the meter, or an answer that comes late. While we wait on after a
    /// stale answer, the right one comes this way too.
    fn unasked(&mut self, now: Instant, apdu: Vec<u8>) {
        match self.state {
            State::Associating | State::Proving | State::Reading | State::Ready => {
                self.received(now, apdu, false);
            }
            _ => self.stray(apdu),
        }
    }

    /// Joins blocks and opens what is sealed.
    fn received(&mut self, now: Instant, apdu: Vec<u8>, certain: bool) {
        let whole = if apdu.first() == Some(&tag::GENERAL_BLOCK_TRANSFER) {
            match self.joined(now, &apdu) {
                Some(whole) => whole,
                None => return,
            }
        } else {
            self.blocks.forget();
            apdu
        };
        let plain = match &mut self.guard {
            None => Ok(whole),
            // Without protection agreed, what cannot be opened is handed on as it is.
            Some(guard) if !guard.is_sealing() => Ok(guard.open(&whole).unwrap_or(whole)),
            Some(guard) => guard.open(&whole),
        };
        match plain {
            Ok(plain) => self.understood(now, plain, certain),
            Err(error) => self.refuse(now, error, certain),
        }
    }

    fn understood(&mut self, now: Instant, apdu: Vec<u8>, certain: bool) {
        let notified = apdu
            .first()
            .is_some_and(|first| tag::is_notification(*first));
        match self.state {
            _ if notified => {
                self.push(Event::Unsolicited(apdu));
                if self.state != State::Ready {
                    self.wait_on(now);
                }
            }
            State::Associating => self.association_answer(now, handshake::judge(&apdu)),
            State::Proving => {
                let reply = self.judge_reply(&apdu, certain);
                self.proof_answer(now, reply);
            }
            State::Reading => {
                let verdict = self.transfer.judge(&apdu, certain);
                self.answer(now, verdict);
            }
            _ => self.stray(apdu),
        }
    }

    /// Nobody waits for this one.
    fn stray(&mut self, apdu: Vec<u8>) {
        match apdu.first() {
            Some(&tag) if is_answer(tag) => {
                self.push(Event::Notice(Notice::UnexpectedAnswer(tag)));
            }
            _ => self.push(Event::Unsolicited(apdu)),
        }
    }

    /// What came is not to be believed. The association goes on where another answer can come.
    fn refuse(&mut self, now: Instant, error: SecurityError, certain: bool) {
        // Datagrams come twice by themselves.
        let repeated = matches!(error, SecurityError::CounterTooLow { .. }) && !certain;
        match self.state {
            State::Reading if !(repeated && self.link.is_wrapper()) => {
                let verdict = failed(self.transfer.service(), GetError::Security(error));
                self.answer(now, verdict);
            }
            State::Associating | State::Proving if !repeated => {
                self.fail(Failure::Security(error));
            }
            State::Ready => self.push(Event::Notice(Notice::Refused(error))),
            _ => {
                self.push(Event::Notice(Notice::Refused(error)));
                self.wait_on(now);
            }
        }
    }

    /// One general block; the APDU it makes whole.
    fn joined(&mut self, now: Instant, block: &[u8]) -> Option<Vec<u8>> {
        let limit = self.config.max_answer;
        match self.blocks.take(block, limit) {
            Taken::Whole(apdu) => {
                self.blocks.forget();
                return Some(apdu);
            }
            Taken::More if self.state == State::Ready => {}
            Taken::More => self.wait_on(now),
            Taken::Say(apdu) => {
                // A notification in an HDLC link has nobody who listens to our acknowledgement.
                if self.state != State::Ready || self.link.is_wrapper() {
                    self.put(now, &apdu);
                }
            }
            Taken::Wrong(error) => {
                self.blocks.forget();
                match self.state {
                    State::Reading => {
                        let verdict = failed(self.transfer.service(), error);
                        self.answer(now, verdict);
                    }
                    State::Ready => {
                        let what = error.to_string();
                        self.push(Event::Notice(Notice::LostBlocks(what)));
                    }
                    _ => self.fail(Failure::Protocol(format!("the meter's blocks: {error}"))),
                }
            }
        }
        None
    }

    fn association_answer(&mut self, now: Instant, answer: Answer) {
        match answer {
            Answer::Accepted(aare) => {
                self.answer_by = None;
                self.push(Event::Step(Step::Aare));
                self.accepted(now, &aare);
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

    /// The meter says yes, or yes but prove it.
    fn accepted(&mut self, now: Instant, aare: &Aare) {
        if let Some(guard) = &mut self.guard {
            guard.meet(aare.responding_title.as_deref());
        }
        let high = matches!(self.config.authentication, Authentication::Hls { .. });
        let pending = aare.diagnostic == Diagnostic::User(14);
        if pending && !high {
            return self.fail(handshake::refused(aare.result, aare.diagnostic, None));
        }
        let granted = match handshake::granted(&aare.user_information, self.guard.as_mut()) {
            Ok(granted) => granted,
            Err(failure) => return self.fail(failure),
        };
        if high && !pending && aare.authentication_value.is_none() {
            return self.fail(Failure::Hls(
                "the meter accepts without a challenge: it has proven nothing of itself, and may not be the meter"
                    .to_owned(),
            ));
        }
        self.granted = Some(granted);
        if high {
            self.prove(now, aare);
        } else {
            self.ready(granted);
        }
    }

    fn proof_answer(&mut self, now: Instant, reply: Reply) {
        match reply {
            Reply::Proof(proof) => match (self.check_proof(&proof), self.granted) {
                (Ok(()), Some(granted)) => {
                    self.answer_by = None;
                    self.transfer.forget();
                    self.ready(granted);
                }
                (Ok(()), None) => self.fail(Failure::Protocol("nothing was granted".to_owned())),
                (Err(failure), _) => self.fail(failure),
            },
            Reply::Failed(failure) => self.fail(failure),
            Reply::Stale(tag) => {
                self.push(Event::Notice(Notice::UnexpectedAnswer(tag)));
                self.wait_on(now);
            }
            Reply::Unsolicited => self.wait_on(now),
        }
    }

    fn ready(&mut self, granted: InitiateResponse) {
        if let Some(guard) = &mut self.guard {
            guard.settle(granted.conformance);
        }
        self.state = State::Ready;
        self.push(Event::Step(Step::Ready));
        self.push(Event::Ready {
            conformance: granted.conformance,
            max_pdu: granted.max_pdu,
            dlms_version: granted.dlms_version,
        });
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
                self.blocks.forget();
                self.state = State::Ready;
                if std::mem::take(&mut self.keeping) {
                    return;
                }
                if trailing > 0 {
                    self.push(Event::Notice(Notice::TrailingBytes(trailing)));
                }
                self.push(event);
            }
            Verdict::Next(block) => {
                let invoke = self.transfer.invoke();
                self.request.clear();
                if self.transfer.service().is_short() {
                    short_answers::ask_next(block, &mut self.request);
                } else if matches!(
                    self.transfer.service(),
                    Service::Action | Service::ActionList(_)
                ) {
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

    /// The carrier got an answer and rests, but it was not ours: give the meter its turn again, and time it here.
    fn wait_on(&mut self, now: Instant) {
        self.answer_by = self
            .answer_by
            .or_else(|| now.checked_add(self.config.carrier.patience()));
        // If the link is not free it has a turn of its own under way; that does as well.
        let _busy = self.link.poll(now);
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
            | tag::ACCESS_RESPONSE
            | tag::READ_RESPONSE
            | tag::WRITE_RESPONSE
            | tag::EXCEPTION_RESPONSE
            | tag::CONFIRMED_SERVICE_ERROR
    )
}
