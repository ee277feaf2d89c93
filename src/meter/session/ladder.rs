//! The ladder a technician watches: association events become rungs with times and a word each.

use super::SessionError;
use crate::dlms::association::{Event, Failure, Step};
use crate::dlms::hdlc::Parameters;
use crate::meter::status::{Rung, RungState};
use std::time::Duration;
use tokio::time::Instant;

/// Called as the ladder moves, so that the screen can follow a connect while it happens.
pub type OnRung<'a> = &'a mut (dyn FnMut(Rung, RungState) + Send);

pub(super) struct Ladder<'a> {
    on_rung: OnRung<'a>,
    /// What fails when nothing was sent yet.
    first: Rung,
    active: Option<Rung>,
    since: Instant,
}

impl<'a> Ladder<'a> {
    pub(super) fn new(on_rung: OnRung<'a>, is_hdlc: bool) -> Self {
        Self {
            on_rung,
            first: if is_hdlc { Rung::Snrm } else { Rung::Aarq },
            active: None,
            since: Instant::now(),
        }
    }

    /// `who` is what stands at the AARQ rung: mechanism and addresses.
    pub(super) fn event(&mut self, event: &Event, who: &str) {
        match event {
            Event::Step(Step::Snrm) => self.enter(Rung::Snrm),
            // Over the wrapper there is neither SNRM nor UA.
            Event::LinkUp(Some(parameters)) => {
                let took = self.since.elapsed();
                self.done(Rung::Snrm, Duration::ZERO, "sent");
                self.done(Rung::Ua, took, &words(*parameters));
            }
            Event::Step(Step::Aarq) => self.enter(Rung::Aarq),
            Event::Step(Step::Aare) => self.asked(who),
            Event::Step(Step::Hls) => {
                let took = self.since.elapsed();
                self.done(Rung::Aare, took, "proof asked");
                self.enter(Rung::Hls);
            }
            Event::Ready { .. } => {
                let took = self.since.elapsed();
                if self.active == Some(Rung::Hls) {
                    self.done(Rung::Hls, took, "verified");
                } else {
                    self.asked(who);
                    self.done(Rung::Aare, took, "accepted");
                }
                self.done(Rung::Ready, Duration::ZERO, "");
            }
            _ => {}
        }
    }

    /// The rung that was being climbed failed.
    pub(super) fn fail(&mut self, error: &SessionError, who: &str) {
        let answered = matches!(
            error,
            SessionError::Association(Failure::Refused { .. } | Failure::Exception(_))
        );
        if answered {
            self.asked(who);
        }
        let why = error.to_string();
        let rung = self.active.unwrap_or(self.first);
        (self.on_rung)(rung, RungState::Failed { why });
    }

    /// AARQ went out and something came back.
    fn asked(&mut self, who: &str) {
        if self.active == Some(Rung::Aarq) {
            self.done(Rung::Aarq, Duration::ZERO, who);
            self.active = Some(Rung::Aare);
        }
    }

    fn enter(&mut self, rung: Rung) {
        self.active = Some(rung);
        self.since = Instant::now();
        (self.on_rung)(rung, RungState::Active);
    }

    fn done(&mut self, rung: Rung, took: Duration, detail: &str) {
        let detail = detail.to_owned();
        (self.on_rung)(rung, RungState::Done { took, detail });
    }
}

/// `info 128/128 w 1/1`: transmit and receive, from our side.
fn words(p: Parameters) -> String {
    format!(
        "info {}/{} w {}/{}",
        p.max_info_transmit, p.max_info_receive, p.window_transmit, p.window_receive
    )
}
