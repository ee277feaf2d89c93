//! The session once, with the settings given: each step with its time. The rule: tried once, released after.

use super::round::Round;
use super::{Outcome, Prober, Progress, Step, Working, beside, own};
use crate::dlms::association::Failure;
use crate::meter::attempts::{AttemptError, Credential, Record};
use crate::meter::evidence;
use crate::meter::session::{Session, SessionError};
use crate::meter::status::{Rung, RungState};
use std::time::Duration;
use tokio::time::Instant;

/// RLRE and UA come at once, or were waited for in vain.
const SLOW_FAREWELL: Duration = Duration::from_secs(2);
/// Who is turned away is so at once.
const LISTEN: Duration = Duration::from_secs(1);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Associated,
    /// UA came, no association, for a reason that no other session explains.
    LinkOnly,
    /// The association was refused, and not for its secret.
    Refused,
    NoLink,
    /// No stream could be opened.
    NoLine,
}

impl Prober<'_> {
    pub(super) async fn walk(&mut self) -> End {
        let before = self.shown_before().await;
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
            .with_attempts(self.kept.attempts.clone(), self.options.confirmed)
            .with_accepted_counter(self.options.accepted)
            .asking_once();
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
        let settled = session.settled();
        let linked = steps.linked || !self.meter.transport.is_hdlc();
        let (at, since) = (steps.at, steps.since);
        self.report.steps.append(&mut steps.done);
        let error = match result {
            Ok(()) => {
                self.report.working = Some(Working {
                    client: self.meter.client,
                    server: self.meter.server,
                    association: true,
                    settled,
                });
                self.on_the_association().await;
                return End::Associated;
            }
            Err(error) => error,
        };
        self.own.extend(own::lock(&before, &self.meter, &error));
        self.failed(at, since, &error);
        if let Some(session) = self.session.take() {
            session.release().await;
        }
        match &error {
            // Nothing went out; the link itself may still be asked.
            SessionError::Attempt(AttemptError::Asks { .. }) => End::NoLink,
            SessionError::Association(
                failure @ (Failure::Refused { .. } | Failure::Exception(_)),
            ) if linked && !failure.is_authentication() && !failure.is_counter() => End::Refused,
            _ if linked => End::LinkOnly,
            _ => End::NoLink,
        }
    }

    /// Reads a little, holds it if that was asked for, and lets go.
    async fn on_the_association(&mut self) {
        let Some(session) = self.session.as_mut() else {
            return;
        };
        let mut round = Round {
            meter: &self.meter,
            session,
            report: &mut self.report,
            say: &self.say,
            readings: Vec::new(),
            answered: false,
            missed: false,
        };
        let mut read = round.run().await;
        // What was refused of our own choosing, beside what was given, is no fault.
        let vain = round.answered && !round.missed;
        self.judge.cycle(&round.readings);
        if let (Ok(()), Some(time)) = (&read, self.options.stay) {
            read = round.stay(time).await;
        }
        self.vain = vain;
        let settled = self.report.working.map(|it| it.settled).unwrap_or_default();
        self.report.beside = beside::notes(&self.meter, settled, &self.report.steps, &self.tap);
        let started = Instant::now();
        if let Some(session) = self.session.take() {
            session.release().await;
        }
        if read.is_ok() {
            let took = started.elapsed();
            let (outcome, words) = if took < SLOW_FAREWELL {
                (Outcome::Ok, "taken; the connection is closed")
            } else {
                (
                    Outcome::Silent,
                    "not answered in time; the connection is closed",
                )
            };
            self.step(Step {
                step: "release",
                outcome,
                took,
                words: words.to_owned(),
                asked: None,
            });
        }
        if self.options.stay.is_some() {
            self.come_back().await;
        }
    }

    /// A port that an ended connection still holds shows only when it is opened again.
    async fn come_back(&mut self) {
        let started = Instant::now();
        if !self.reopen().await {
            return;
        }
        let Some(mut line) = self.line.take() else {
            return;
        };
        let (outcome, words) = match line.listen(LISTEN).await {
            Ok(()) => (Outcome::Ok, "the port opens again".to_owned()),
            Err(error) => (
                Outcome::Failed,
                format!("the port opens again, but: {error}"),
            ),
        };
        line.close().await;
        self.step(Step {
            step: "tcp",
            outcome,
            took: started.elapsed(),
            words,
            asked: None,
        });
    }

    /// What the guard counted so far.
    async fn shown_before(&mut self) -> Record {
        let Some(who) = Credential::of(&self.meter) else {
            return Record::default();
        };
        self.kept.attempts.record(who).await.unwrap_or_default()
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
