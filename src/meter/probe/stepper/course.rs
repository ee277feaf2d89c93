//! How the session goes from step to step: what each does, and what its answer leads to. The rule: whatever is made is
//! held until a person lets it go.

use super::line::disc;
use super::picture::{Mark, StepName};
use super::{At, LOGICAL_DEVICE_NAME, Stepper};
use crate::cosem::Data;
use crate::cosem::data::printable;
use crate::cosem::object_list::ObjectList;
use crate::cosem::short_name::{OBJECT_LIST, ShortNames};
use crate::diagnosis::Observation;
use crate::dlms::association::{Association, Carrier, Event, Failure, GetError, State, Step};
use crate::dlms::hdlc::link::LinkFailure;
use crate::meter::attempts::Outcome;
use crate::meter::session::{Masking, Session};
use crate::meter::tap::Note;
use crate::meter::transport::Connector;
use std::time::Duration;

/// DISC is only a courtesy: unanswered it may have worked.
const DISC_WAIT: Duration = Duration::from_secs(2);
const CLOSED: &str = "the other side closed the connection";

impl Stepper {
    pub(super) async fn connect(&mut self, connector: &dyn Connector) {
        self.picture.mark(StepName::Connect, Mark::Waiting, "");
        let mut no_ladder = |_, _| {};
        let opened = Session::connect(
            &self.meter,
            connector,
            self.clock,
            &self.tap,
            &mut no_ladder,
        );
        match opened.await {
            Ok(stream) => {
                self.line.open(stream);
                self.picture.mark(StepName::Connect, Mark::Done, "");
                self.at = At::Drain;
            }
            Err(error) => {
                self.step = StepName::Connect;
                self.fail(error.to_string());
            }
        }
    }

    pub(super) async fn drain(&mut self) {
        self.picture.mark(StepName::Drain, Mark::Waiting, "");
        self.line.drain().await;
        if !self.line.is_open() {
            self.step = StepName::Drain;
            return self.lost();
        }
        let words = match self.line.said.iter().map(|(_, bytes)| bytes.len()).sum() {
            0 => "the line is quiet".to_owned(),
            1 => "1 octet was still in it".to_owned(),
            n => format!("{n} octets were still in it"),
        };
        self.picture.mark(StepName::Drain, Mark::Done, words);
        self.after_drain().await;
    }

    pub(super) async fn after_drain(&mut self) {
        if self.meter.transport.is_hdlc() {
            self.at = At::Disc;
        } else {
            self.begin().await;
        }
    }

    /// The DISC before everything.
    pub(super) fn courtesy(&self) -> Vec<u8> {
        let mut server = Vec::new();
        self.meter.server.encode(&mut server);
        disc(&server, &[self.meter.client.octet()]).unwrap_or_default()
    }

    pub(super) async fn disc(&mut self) {
        self.step = StepName::Disc;
        self.line.pick_up().await;
        if !self.line.is_open() {
            return self.lost();
        }
        self.picture.mark(StepName::Disc, Mark::Waiting, "");
        let courtesy = self.courtesy();
        self.line.write(&courtesy).await;
        let wait = DISC_WAIT.min(self.meter.timeout);
        let answered = self.line.unnumbered_answer(wait).await;
        if !self.line.is_open() {
            return self.lost();
        }
        let words = if answered {
            "answered"
        } else {
            self.line.observe(&Observation::Quiet);
            "no answer; many meters give none where no link stood"
        };
        self.picture.mark(StepName::Disc, Mark::Done, words);
        self.begin().await;
    }

    /// A new association on the stream there is.
    pub(super) async fn begin(&mut self) {
        self.secrets.give_back(&self.association).await;
        let mut config = self.proposal.config(&self.meter);
        if let Carrier::Hdlc(link) = &mut config.carrier {
            // The drain is a step of its own.
            link.quiet = Duration::ZERO;
        }
        self.association = Association::new(config);
        self.out.clear();
        // Only a password travels as it is.
        self.line.mask = self.password().map(|_| Masking::default());
        self.object = if self.association.is_short() {
            OBJECT_LIST
        } else {
            LOGICAL_DEVICE_NAME
        };
        (self.at, self.wanted, self.fresh) = (At::Running, true, false);
        self.step = if self.meter.transport.is_hdlc() {
            StepName::Snrm
        } else {
            StepName::Aarq
        };
        if let Err(words) = self.secrets.renew(&mut self.association).await {
            return self.fail(words);
        }
        match self.association.connect(self.held.now()) {
            Ok(()) => self.collect().await,
            Err(error) => self.fail(error.to_string()),
        }
    }

    /// After it was over.
    pub(super) fn begin_anew(&mut self) {
        self.out.clear();
        self.picture = super::Picture::new(&self.meter);
        self.at = if self.line.is_open() {
            self.picture.mark(StepName::Connect, Mark::Done, "");
            At::Drain
        } else {
            At::Connect
        };
    }

    pub(super) async fn send_on(&mut self) {
        if self.out.is_empty() {
            self.held.run();
            return self.turn().await;
        }
        let kept = std::mem::take(&mut self.out);
        let came = self.line.pick_up().await;
        if !self.line.is_open() {
            return self.lost();
        }
        if !came.is_empty() {
            self.heard(&came).await;
            if !self.out.is_empty() || self.at != At::Running || !self.is_waiting() {
                // What came while a person thought changes what is to go: it is shown anew.
                return;
            }
        }
        self.out = kept;
        if !self.may_go().await {
            return;
        }
        if let Err(words) = self.secrets.set_aside(&mut self.association).await {
            return self.fail(words);
        }
        self.picture.mark(self.step, Mark::Waiting, "");
        self.fresh = false;
        self.held.run();
        let bytes = std::mem::take(&mut self.out);
        self.line.write(&bytes).await;
        self.turn().await;
    }

    /// Counted, where there is anything to count.
    async fn may_go(&mut self) -> bool {
        let Some(who) = self.shows_secret() else {
            return true;
        };
        match self.secrets.count(who, self.clock.now()).await {
            Ok(may) => may,
            Err(words) => {
                self.fail(words);
                false
            }
        }
    }

    /// Time and bytes until something is to be sent, or nothing more is awaited.
    async fn turn(&mut self) {
        loop {
            if !self.line.is_open() {
                return self.lost();
            }
            self.collect().await;
            if !self.out.is_empty() || self.at != At::Running {
                return;
            }
            let Some(until) = self.association.poll_timeout() else {
                return;
            };
            match self.line.read(self.held.real(until)).await {
                Some(bytes) => self.association.handle_bytes(self.held.now(), &bytes),
                None if !self.line.is_open() => return self.lost(),
                None => self.association.handle_timeout(self.held.now()),
            }
        }
    }

    pub(super) async fn heard(&mut self, bytes: &[u8]) {
        if self.at == At::Running {
            self.association.handle_bytes(self.held.now(), bytes);
            self.collect().await;
        }
    }

    /// What the association made of it: bytes that are to go, and what happened.
    pub(super) async fn collect(&mut self) {
        while let Some(bytes) = self.association.poll_transmit() {
            self.out.extend_from_slice(bytes);
        }
        while let Some(event) = self.association.poll_event() {
            self.follow(event).await;
        }
        if self.out.is_empty() {
            return;
        }
        self.held.hold();
        self.step = match self.association.state() {
            State::Idle | State::Linking => StepName::Snrm,
            State::Associating => StepName::Aarq,
            State::Proving => StepName::HlsPass3,
            State::Ready | State::Reading => StepName::Get,
            State::Releasing => StepName::Rlrq,
            State::Disconnecting => StepName::DiscEnd,
        };
    }

    async fn follow(&mut self, event: Event) {
        match event {
            Event::LinkUp(Some(p)) => {
                let words = format!(
                    "UA: max info {} out, {} in; window {} out, {} in",
                    p.max_info_transmit, p.max_info_receive, p.window_transmit, p.window_receive
                );
                self.picture.mark(StepName::Snrm, Mark::Done, words);
            }
            Event::Step(Step::Hls) => {
                let words = "accepted, if both sides prove themselves";
                self.picture.mark(StepName::Aarq, Mark::Done, words);
            }
            Event::Ready {
                conformance,
                max_pdu,
                ..
            } => {
                let words = format!(
                    "accepted: conformance 0x{:06X}, max PDU {max_pdu}",
                    conformance.0
                );
                if self.meter.auth.is_high_level() {
                    let proven = "both sides proved themselves";
                    self.picture.mark(StepName::HlsPass3, Mark::Done, proven);
                }
                self.picture.mark(StepName::Aarq, Mark::Done, words);
                self.line.mask = None;
                self.associated = true;
                self.secrets.noted(Outcome::Accepted).await;
            }
            Event::Got(result) => self.got(result).await,
            Event::Step(Step::Disc) => {
                self.picture.answered(StepName::Rlrq, self.answer_came());
            }
            Event::Released => {
                let last = if self.meter.transport.is_hdlc() {
                    StepName::DiscEnd
                } else {
                    StepName::Rlrq
                };
                self.picture.answered(last, self.answer_came());
                self.at = At::Close;
            }
            Event::Failed(failure) => self.failed(&failure).await,
            Event::Notice(notice) => self.line.note(Note::Text(notice.to_string())),
            _ => {}
        }
    }

    fn answer_came(&self) -> bool {
        matches!(self.line.said.last(), Some((false, _)))
    }

    async fn got(&mut self, result: Result<Data, GetError>) {
        let asked = self.object;
        (self.wanted, self.object) = (false, LOGICAL_DEVICE_NAME);
        let (mark, words) = match result {
            Ok(data) if asked == OBJECT_LIST && self.association.is_short() => {
                if let Ok(list) = ObjectList::from_data(&data) {
                    self.association
                        .set_short_names(ShortNames::from_list(&list));
                }
                self.wanted = true;
                (Mark::Done, "the list of short names".to_owned())
            }
            Ok(data) => {
                let text: String = printable(&data.to_text()).chars().take(60).collect();
                (Mark::Done, format!("{asked}: {text}"))
            }
            Err(error) => {
                let mut words = format!("{asked}: {error}");
                let refused = match &error {
                    GetError::Exception(refusal) => {
                        self.secrets.counter_refused(refusal, &self.association)
                    }
                    _ => None,
                };
                match refused {
                    Some(Ok(_)) => match self.secrets.renew(&mut self.association).await {
                        Ok(()) => words.push_str("; the next request goes above that"),
                        Err(error) => words = error,
                    },
                    Some(Err(error)) => words = error.to_string(),
                    None => {}
                }
                (Mark::Failed, words)
            }
        };
        self.picture.mark(StepName::Get, mark, words);
    }

    async fn failed(&mut self, failure: &Failure) {
        if matches!(failure, Failure::Link(LinkFailure::NoAnswer { .. })) {
            self.line.observe(&Observation::Quiet);
        }
        let outcome = if failure.is_authentication() {
            Outcome::Refused
        } else {
            Outcome::Unclear
        };
        self.secrets.noted(outcome).await;
        let mut words = failure.to_string();
        if let Failure::Exception(refusal) = failure
            && let Some(named) = self.secrets.counter_refused(refusal, &self.association)
        {
            words = match named {
                Ok(wanted) => format!("{words}; begun anew, it goes above {wanted}"),
                Err(error) => format!("{words}; {error}"),
            };
        }
        self.fail(words);
    }

    pub(super) fn fail(&mut self, words: String) {
        self.out.clear();
        self.picture.mark(self.step, Mark::Failed, words.as_str());
        self.at = At::Over(words);
    }

    pub(super) fn lost(&mut self) {
        self.association.reset();
        self.fail(CLOSED.to_owned());
    }

    /// Where an association stands and nothing is asked for: what comes next is made, and held.
    pub(super) async fn prepare(&mut self) {
        if self.at != At::Running
            || !self.out.is_empty()
            || self.association.state() != State::Ready
        {
            return;
        }
        self.held.hold();
        let now = self.held.now();
        if self.wanted
            && let Err(error) = self.association.get(now, self.object)
        {
            let words = format!("{}: {error}", self.object);
            self.picture.mark(StepName::Get, Mark::Failed, words);
            self.wanted = false;
        }
        if !self.wanted {
            let wait = self.meter.timeout.saturating_mul(2);
            self.association.release(now, wait);
        }
        self.collect().await;
        self.fresh = true;
    }
}
