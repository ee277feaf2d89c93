//! Finding out why a meter does not answer: the session once as it is set, then the ladder of addresses with SNRM and
//! DISC alone. The rule: a secret goes out at most once, and counted; one try at a time; whatever ends it, what was
//! opened is released.

mod beside;
mod free;
mod ladder;
pub(super) mod line;
mod lock;
mod own;
mod round;
mod stepper;
#[cfg(test)]
mod tests;
mod walk;
pub mod words;

pub use ladder::{Try, ladder, octets};
pub use stepper::{
    EDITABLE, End, Explainer, Mark, Pending, Proposal, Said, Stage, StepName, Stepper,
    attribute_of, edited, fixed,
};

use super::attempts::{Attempts, Credential, Told};
use super::clock::Clock;
use super::counters::Counters;
use super::definition::Definition;
use super::evidence;
use super::judge::Judge;
use super::known_good::KnownGood;
use super::session::{Session, Settled};
use super::tap::Tap;
use super::transport::Connector;
use crate::diagnosis::{Confidence, Finding};
use crate::dlms::hdlc::{ClientAddress, Control, ServerAddress};
use line::{Heard, Line};
use std::cmp::Reverse;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Notify;
use tokio::sync::mpsc::UnboundedSender;
use tokio::time::{Instant, sleep};

#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Wait the meter's inactivity time once; what notifies cuts that short.
    pub wait: Option<Arc<Notify>>,
    /// All-station addresses too: right only where one meter is on the line.
    pub all_station: bool,
    /// A refused secret may be shown once more.
    pub confirmed: bool,
    /// An invocation counter that the meter named and a person takes for true.
    pub accepted: Option<u32>,
    /// Holds the association idle so long and asks again, then opens the port once more.
    pub stay: Option<Duration>,
}

/// Where things are kept over the probe's end.
#[derive(Clone)]
pub struct Kept {
    pub counters: Option<Arc<dyn Counters>>,
    pub attempts: Arc<dyn Attempts>,
    pub known_good: Option<KnownGood>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    Ok,
    Silent,
    Refused,
    Failed,
    /// Not tried, for a reason that stands with it.
    Skipped,
}

impl Outcome {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Silent => "silent",
            Self::Refused => "refused",
            Self::Failed => "failed",
            Self::Skipped => "skipped",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// `tcp`, `snrm`, `aarq`, `hls`, `read`, `list`, `stay`, `release`, `lock`, `free`, `ladder`.
    pub step: &'static str,
    pub outcome: Outcome,
    pub took: Duration,
    /// What was asked and what came of it.
    pub words: String,
    /// On the ladder: what was asked.
    pub asked: Option<(ClientAddress, ServerAddress)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Working {
    pub client: ClientAddress,
    pub server: ServerAddress,
    /// An association stood, not the link alone.
    pub association: bool,
    pub settled: Settled,
}

/// What happens, as it happens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    Step(Step),
    /// What comes next.
    Trying(String),
    /// So long until what was last said to come next.
    Waiting(Duration),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Report {
    pub steps: Vec<Step>,
    pub working: Option<Working>,
    /// Likeliest first.
    pub findings: Vec<Finding>,
    /// What the meter says about its locks, where the public client may ask.
    pub facts: Vec<String>,
    /// What works here and trips other clients.
    pub beside: Vec<String>,
    /// What it answered to before, where that is known and not what worked now.
    pub before: Option<String>,
}

/// Findings that only say a meter does not give what was read.
const ASKED_IN_VAIN: [&str; 5] = ["X1", "X2", "X3", "X4", "X7"];
/// Between closing a line and opening it again; converters need a moment.
const PAUSE: Duration = Duration::from_millis(500);
/// UA is the link layer's answer and quick; a late one is still heard by the next step.
const PATIENCE: Duration = Duration::from_secs(4);
/// DISC is only a courtesy: unanswered it may have worked.
const PATIENCE_DISC: Duration = Duration::from_secs(2);

/// Drop its future at any moment; [`Prober::end`] lets go of the meter and gives what was found.
pub struct Prober<'a> {
    meter: Definition,
    connector: &'a dyn Connector,
    clock: Clock,
    tap: Tap,
    kept: Kept,
    options: Options,
    say: UnboundedSender<Progress>,
    report: Report,
    session: Option<Session>,
    line: Option<Line>,
    /// SNRM went out there and no DISC since.
    owes: Option<(ClientAddress, ServerAddress)>,
    judge: Judge,
    /// What the bytes cannot say and we know.
    own: Vec<Finding>,
    /// What was asked and not given was of our own choosing.
    vain: bool,
}

impl<'a> Prober<'a> {
    pub fn new(
        meter: &Definition,
        connector: &'a dyn Connector,
        clock: Clock,
        tap: Tap,
        kept: Kept,
        options: Options,
        say: UnboundedSender<Progress>,
    ) -> Self {
        tap.diagnose(evidence::settings(meter, kept.known_good.as_ref()));
        let mut meter = meter.clone();
        // Asked once: what is silent now is asked otherwise next.
        meter.retries = 0;
        Self {
            judge: Judge::at_once(&meter),
            meter,
            connector,
            clock,
            tap,
            kept,
            options,
            say,
            report: Report::default(),
            session: None,
            line: None,
            owes: None,
            own: Vec::new(),
            vain: true,
        }
    }

    pub async fn run(&mut self) {
        let walked = self.walk().await;
        match walked {
            walk::End::LinkOnly => self.ask_about_locks().await,
            walk::End::Refused => self.free().await,
            walk::End::NoLink if self.meter.transport.is_hdlc() => self.climb().await,
            walk::End::Associated | walk::End::NoLink | walk::End::NoLine => {}
        }
    }

    /// Lets go of whatever is held; what the meter told of its locks is kept.
    pub async fn end(mut self) -> Report {
        if let Some(session) = self.session.take() {
            session.release().await;
        }
        if let (Some(mut line), owes) = (self.line.take(), self.owes.take()) {
            if let Some((client, server)) = owes {
                let _ = line.ask(client, server, DISC, PATIENCE_DISC).await;
            }
            line.close().await;
        }
        self.report.findings = self.findings();
        let now = self.report.working.map(|it| (it.client, it.server));
        let before = self.kept.known_good.as_ref();
        let before = before.filter(|good| now != Some((good.client, good.server)));
        self.report.before = before.map(KnownGood::words);
        self.keep_facts().await;
        self.report
    }

    /// Before a refused secret goes out again, what the meter told of its locks is shown.
    async fn keep_facts(&mut self) {
        let facts = self.report.facts.clone();
        if let Some(who) = Credential::of(&self.meter)
            && !facts.is_empty()
        {
            let told = Told {
                at: self.clock.now(),
                maker: None,
                facts,
            };
            self.kept.attempts.told(who, told).await;
        }
    }

    fn findings(&mut self) -> Vec<Finding> {
        let mut found = std::mem::take(&mut self.own);
        let lock = found.iter().any(|finding| finding.id == "A26");
        found.extend(self.tap.findings());
        found.extend(self.judge.findings());
        // What a meter may tell of locks many do not have, and none need give; so for what we chose to ask.
        let vain = self.vain;
        // Without the meter's title no proof of its can be checked.
        if found.iter().any(|finding| finding.id == "A27") {
            found.retain(|finding| finding.id != "A20");
        }
        found.retain(|finding| !vain || !ASKED_IN_VAIN.contains(&finding.id));
        if lock {
            // After so many wrong ones the refusal of a right one looks the same.
            for finding in found.iter_mut().filter(|finding| finding.id == "A2") {
                finding.confidence = finding.confidence.min(Confidence::Likely);
            }
        }
        found.sort_by_key(|finding| Reverse(finding.confidence));
        found
    }

    fn step(&mut self, step: Step) {
        // Nobody may listen.
        let _ = self.say.send(Progress::Step(step.clone()));
        self.report.steps.push(step);
    }

    fn trying(&self, words: String) {
        let _ = self.say.send(Progress::Trying(words));
    }

    async fn climb(&mut self) {
        let wait = self.options.wait.is_some() && !self.meter.inactivity.is_zero();
        let mut steps: std::collections::VecDeque<_> =
            ladder(&self.meter, wait, self.options.all_station).into();
        let mut learned = Vec::new();
        let known = self.kept.known_good.as_ref().map(|good| good.client);
        let mut there = false;
        while let Some(next) = steps.pop_front() {
            self.trying(next.why.clone());
            if next.wait_first {
                self.wait().await;
            }
            let started = Instant::now();
            let heard = self.attempt(&next, &mut learned).await;
            let (outcome, words) = outcome(&heard);
            self.step(Step {
                step: "ladder",
                outcome,
                took: started.elapsed(),
                words: format!("{}: {words}", next.why),
                asked: Some((next.client, next.server)),
            });
            match heard {
                Ok(Heard::Ua(server)) => {
                    self.report.working = Some(Working {
                        client: next.client,
                        server,
                        association: false,
                        settled: Settled::default(),
                    });
                    return;
                }
                // The address is right: no other needs trying.
                Ok(Heard::Dm(_))
                    if next.disc_first && next.server == self.meter.server && !there =>
                {
                    there = true;
                    learned.clear();
                    steps = ladder::holders(&self.meter, known).into();
                }
                // Twice nobody there: the line is gone, not the address wrong.
                Err(_) if self.line.is_none() && !self.reopen().await => return,
                _ => {}
            }
            // An address that a device gave itself is the best guess there is.
            while let Some(server) = learned.pop() {
                steps.push_front(Try {
                    client: next.client,
                    server,
                    disc_first: false,
                    disc_as: None,
                    wait_first: false,
                    why: format!("the address a device answered from, in {}", octets(server)),
                });
            }
        }
    }

    async fn attempt(&mut self, next: &Try, learned: &mut Vec<ServerAddress>) -> io::Result<Heard> {
        if self.line.is_none() && !self.reopen().await {
            return Err(io::ErrorKind::NotConnected.into());
        }
        let Some(line) = &mut self.line else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let result = async {
            if next.disc_first {
                let patience = PATIENCE_DISC.min(self.meter.timeout);
                let (whose, to) = next.disc_as.unwrap_or((next.client, next.server));
                if let Heard::Ua(from) | Heard::Dm(from) =
                    line.ask(whose, to, DISC, patience).await?
                    && next.disc_as.is_none()
                    && from != next.server
                    && learned.is_empty()
                {
                    learned.push(from);
                }
            }
            self.owes = Some((next.client, next.server));
            let patience = PATIENCE.min(self.meter.timeout);
            let heard = line.ask(next.client, next.server, SNRM, patience).await?;
            if let Heard::Ua(from) = heard {
                self.owes = Some((next.client, from));
                line.ask(next.client, from, DISC, PATIENCE_DISC).await?;
            }
            // Silence owes nothing: there was nobody, or it ends by itself.
            self.owes = None;
            Ok(heard)
        }
        .await;
        if result.is_err() {
            self.line = None;
            self.owes = None;
        }
        result
    }

    /// The line again, after a pause; false where it does not open.
    async fn reopen(&mut self) -> bool {
        sleep(PAUSE).await;
        let mut no_ladder = |_, _| {};
        let opened = Session::connect(
            &self.meter,
            self.connector,
            self.clock,
            &self.tap,
            &mut no_ladder,
        );
        match opened.await {
            Ok(stream) => {
                let (tap, pause) = (self.tap.clone(), self.meter.turn_round);
                self.line = Some(Line::new(stream, self.clock, tap, pause));
                true
            }
            Err(error) => {
                self.step(Step {
                    step: "tcp",
                    outcome: Outcome::Failed,
                    took: Duration::ZERO,
                    words: error.to_string(),
                    asked: None,
                });
                false
            }
        }
    }

    async fn wait(&mut self) {
        let skip = self.options.wait.clone().unwrap_or_default();
        let until = Instant::now() + self.meter.inactivity;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let _ = self.say.send(Progress::Waiting(left));
            tokio::select! {
                () = skip.notified() => return,
                () = sleep(left.min(Duration::from_secs(1))) => {}
            }
        }
    }
}

const SNRM: Control = Control::Snrm { poll: true };
const DISC: Control = Control::Disc { poll: true };

fn outcome(heard: &io::Result<Heard>) -> (Outcome, String) {
    match heard {
        Ok(Heard::Ua(server)) => {
            let mut octets = Vec::new();
            server.encode(&mut octets);
            (
                Outcome::Ok,
                format!("UA from {}", crate::cosem::hex::spaced(&octets)),
            )
        }
        Ok(Heard::Dm(_)) => (
            Outcome::Refused,
            "DM: it is there and wants no link now".to_owned(),
        ),
        Ok(Heard::Other) => (
            Outcome::Failed,
            "bytes came, but no answer to us".to_owned(),
        ),
        Ok(Heard::Silence) => (Outcome::Silent, "no answer".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => (
            Outcome::Failed,
            "the other side closed the connection".to_owned(),
        ),
        Err(error) => (Outcome::Failed, error.to_string()),
    }
}
