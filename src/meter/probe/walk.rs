//! The session once, with the settings given: each step with its time. The rule: tried once, released after.

use super::{Outcome, Prober, Progress, Step, Working};
use crate::dlms::association::Failure;
use crate::meter::attempts::AttemptError;
use crate::meter::evidence;
use crate::meter::session::{Session, SessionError};
use crate::meter::status::{Rung, RungState};
use tokio::time::Instant;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Associated,
    /// UA came, no association.
    LinkOnly,
    NoLink,
    /// No stream could be opened.
    NoLine,
}

impl Prober<'_> {
    pub(super) async fn walk(&mut self) -> End {
        let mut steps = Steps::default();
        let say = self.say.clone();
        let mut on_rung = |rung, state: RungState| {
            if let Some(step) = steps.rung(rung, state) {
                let _ = say.send(Progress::Step(step));
            }
        };
        let opened = Session::connect(
            &self.meter,
            self.connector,
            self.clock,
            &self.tap,
            &mut on_rung,
        )
        .await;
        let stream = match opened {
            Ok(stream) => stream,
            Err(error) => {
                self.report.steps.append(&mut steps.done);
                self.failed("tcp", steps.since, &error);
                return End::NoLine;
            }
        };
        let mut session = Session::new(&self.meter, stream, self.clock, self.tap.clone())
            .with_attempts(self.kept.attempts.clone(), self.options.confirmed);
        if let Some(counters) = &self.kept.counters {
            session = session.with_counters(counters.clone());
        }
        let session = self.session.insert(session);
        let mut on_rung = |rung, state: RungState| {
            if let Some(step) = steps.rung(rung, state) {
                let _ = say.send(Progress::Step(step));
            }
        };
        let result = session.establish(&mut on_rung).await;
        let linked = steps.linked || !self.meter.transport.is_hdlc();
        let (at, since) = (steps.at, steps.since);
        self.report.steps.append(&mut steps.done);
        let end = match result {
            Ok(()) => {
                self.report.working = Some(Working {
                    client: self.meter.client,
                    server: self.meter.server,
                    association: true,
                    settled: session.settled(),
                });
                super::lock::read(session, &mut self.report.facts).await;
                End::Associated
            }
            Err(error) => {
                let end = match &error {
                    // Nothing went out; the link itself may still be asked.
                    SessionError::Attempt(AttemptError::Asks { .. }) => End::NoLink,
                    _ if linked => End::LinkOnly,
                    _ => End::NoLink,
                };
                self.failed(at, since, &error);
                end
            }
        };
        if let Some(session) = self.session.take() {
            session.release().await;
        }
        end
    }

    fn failed(&mut self, step: &'static str, since: Instant, error: &SessionError) {
        let outcome = match error {
            SessionError::Attempt(_) => Outcome::Skipped,
            error if evidence::is_silence(error) => Outcome::Silent,
            SessionError::Association(
                Failure::Refused { .. } | Failure::Exception(_) | Failure::Hls(_),
            ) => Outcome::Refused,
            _ => Outcome::Failed,
        };
        self.step(Step {
            step: if outcome == Outcome::Skipped {
                "aarq"
            } else {
                step
            },
            outcome,
            took: since.elapsed(),
            words: error.to_string(),
            asked: None,
        });
    }
}

/// Rungs of the screen's ladder as steps.
struct Steps {
    done: Vec<Step>,
    at: &'static str,
    since: Instant,
    linked: bool,
}

impl Default for Steps {
    fn default() -> Self {
        Self {
            done: Vec::new(),
            at: "tcp",
            since: Instant::now(),
            linked: false,
        }
    }
}

impl Steps {
    fn rung(&mut self, rung: Rung, state: RungState) -> Option<Step> {
        match state {
            RungState::Active => {
                self.since = Instant::now();
                self.at = match rung {
                    Rung::Tcp => "tcp",
                    Rung::Snrm | Rung::Ua => "snrm",
                    Rung::Aarq | Rung::Aare => "aarq",
                    Rung::Hls | Rung::Ready => "hls",
                };
                None
            }
            RungState::Done { took, detail } => {
                self.linked |= rung == Rung::Ua;
                let step = match rung {
                    Rung::Tcp => "tcp",
                    Rung::Ua => "snrm",
                    Rung::Aare => "aarq",
                    Rung::Hls => "hls",
                    _ => return None,
                };
                let step = Step {
                    step,
                    outcome: Outcome::Ok,
                    took,
                    words: detail,
                    asked: None,
                };
                self.done.push(step.clone());
                Some(step)
            }
            RungState::Failed { .. } | RungState::Pending => None,
        }
    }
}
