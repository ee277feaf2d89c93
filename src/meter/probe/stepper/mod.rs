//! The session one step at a time: what is to go is known before it goes. The rule: nothing leaves unasked but the
//! release, and a secret is counted as everywhere.

mod course;
mod edit;
mod hand;
mod held;
mod line;
mod picture;
mod release;
mod secrets;
#[cfg(test)]
mod tests;

pub use edit::{EDITABLE, Proposal, attribute_of, edited};
pub use hand::fixed;
pub use picture::{Mark, Stage, StepName};

use super::Kept;
use crate::cosem::{AttributeRef, Obis};
use crate::diagnosis::Finding;
use crate::dlms::association::{Association, State};
use crate::dlms::explain::{Direction, Explained, Opener, explain_with, split};
use crate::meter::attempts::Outcome;
use crate::meter::clock::Clock;
use crate::meter::definition::Definition;
use crate::meter::evidence;
use crate::meter::tap::Tap;
use crate::meter::transport::Connector;
use held::Held;
use line::Line;
use picture::Picture;
use secrets::Secrets;

const LOGICAL_DEVICE_NAME: AttributeRef = AttributeRef {
    class: 1,
    obis: Obis::new(0, 0, 42, 0, 0, 255),
    attribute: 2,
};

/// What the next step is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pending {
    /// Connect, drain, close, or listening on: no frame goes out; in words what it does.
    Act { step: StepName, words: String },
    /// As they would be shown: a secret is stars. `asks`: a refused secret is in them, and a person must say yes.
    Bytes {
        step: StepName,
        shown: Vec<u8>,
        asks: Option<String>,
    },
    /// Why; the next step begins anew.
    Over(String),
}

/// What crossed the line, true for sent; what came between two of ours is one piece, however the network cut it.
pub type Said = Vec<(bool, Vec<u8>)>;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct End {
    pub said: Said,
    pub findings: Vec<Finding>,
}

/// Opens ciphered answers for a person, as far as there are keys.
#[derive(Clone, Debug, Default)]
pub struct Explainer(Option<Opener>);

impl Explainer {
    pub fn explain(&mut self, said: &[(bool, Vec<u8>)]) -> Vec<Vec<Explained>> {
        said.iter()
            .map(|(sent, bytes)| explained(bytes, *sent, &mut self.0))
            .collect()
    }
}

/// Where the session stands between two steps.
#[derive(Clone, Debug, PartialEq, Eq)]
enum At {
    Connect,
    Drain,
    Disc,
    /// The association says what is next.
    Running,
    Close,
    Over(String),
}

pub struct Stepper {
    meter: Definition,
    proposal: Proposal,
    clock: Clock,
    tap: Tap,
    secrets: Secrets,
    association: Association,
    held: Held,
    line: Line,
    at: At,
    picture: Picture,
    /// To go next.
    out: Vec<u8>,
    /// What it is.
    step: StepName,
    /// Nothing of what is asked for went out yet, so that something else may be asked for.
    fresh: bool,
    /// What GET asks next, and whether it still is to be asked.
    object: AttributeRef,
    wanted: bool,
    /// Goes along with what was explained.
    explainer: Explainer,
    associated: bool,
}

impl Stepper {
    pub fn new(meter: &Definition, clock: Clock, tap: Tap, kept: Kept, confirmed: bool) -> Self {
        let proposal = Proposal::default();
        tap.diagnose(evidence::settings(meter, kept.known_good.as_ref()));
        let mut stepper = Self {
            association: Association::new(proposal.config(meter)),
            meter: meter.clone(),
            proposal,
            clock,
            line: Line::new(clock, tap.clone()),
            tap,
            secrets: Secrets::new(kept, confirmed),
            held: Held::default(),
            at: At::Connect,
            picture: Picture::new(meter),
            out: Vec::new(),
            step: StepName::Connect,
            fresh: false,
            object: LOGICAL_DEVICE_NAME,
            wanted: true,
            explainer: Explainer::default(),
            associated: false,
        };
        stepper.set(meter);
        stepper
    }

    /// An invocation counter that the meter named and a person takes for true.
    #[must_use]
    pub fn with_accepted_counter(mut self, accepted: Option<u32>) -> Self {
        self.secrets.accepted = accepted;
        self
    }

    fn set(&mut self, meter: &Definition) {
        self.meter = meter.clone();
        // Asked once: what is silent now is for a person to ask again.
        self.meter.retries = 0;
        self.line.set_pace(meter.turn_round, meter.timeout);
        let keys = meter.security.as_ref();
        let opener = keys.map(|it| Opener::new(it.keys.clone(), Some(it.title), None));
        self.explainer = Explainer(opener);
    }

    pub fn meter(&self) -> &Definition {
        &self.meter
    }

    /// An association stands, or stood.
    pub fn has_associated(&self) -> bool {
        self.associated
    }

    /// What the AARQ proposes beside the definition, from the next beginning on; say it before [`Self::edit`].
    pub fn propose(&mut self, proposal: Proposal) {
        self.proposal = proposal;
    }

    pub fn proposal(&self) -> Proposal {
        self.proposal
    }

    pub async fn pending(&mut self) -> Pending {
        let act = |step, words: String| Pending::Act { step, words };
        match &self.at {
            At::Over(words) => Pending::Over(words.clone()),
            At::Connect => {
                let to = self.meter.endpoint();
                act(StepName::Connect, format!("connect to {to}"))
            }
            At::Drain => {
                let words = "listen until the line is quiet; what is still in it is shown";
                act(StepName::Drain, words.to_owned())
            }
            At::Disc => Pending::Bytes {
                step: StepName::Disc,
                shown: self.courtesy(),
                asks: None,
            },
            At::Running if self.out.is_empty() => {
                act(self.step, "listen on for the rest of the answer".to_owned())
            }
            At::Running => {
                let who = self.shows_secret().filter(|_| !self.secrets.confirmed);
                Pending::Bytes {
                    step: self.step,
                    shown: self.line.would_show(&self.out),
                    asks: self.secrets.asks(who, &self.meter).await,
                }
            }
            At::Close => act(StepName::Close, "close the connection".to_owned()),
        }
    }

    /// The next step; what crossed the line. `yes`: a refused secret may go.
    pub async fn go(&mut self, connector: &dyn Connector, yes: bool) -> Said {
        // A yes is to the octets that stand there, and to no later ones.
        let due = self.at == At::Running && !self.out.is_empty() && self.shows_secret().is_some();
        let told = yes && due;
        self.secrets.confirmed |= told;
        match &self.at {
            At::Over(_) => self.begin_anew(),
            At::Connect => self.connect(connector).await,
            At::Drain => self.drain().await,
            At::Disc => self.disc().await,
            At::Running => self.send_on().await,
            At::Close => self.close().await,
        }
        self.secrets.confirmed &= !told;
        self.prepare().await;
        self.take_said()
    }

    /// What GET asks next; false where no association stands, or an answer is still under way.
    pub async fn ask(&mut self, attribute: AttributeRef) -> bool {
        if self.at != At::Running || !self.take_back() {
            return false;
        }
        (self.object, self.wanted) = (attribute, true);
        self.prepare().await;
        true
    }

    /// Leaves the pending step out; false where that is not possible.
    pub async fn skip(&mut self) -> bool {
        let skipped = match (self.at.clone(), self.step) {
            (At::Drain, _) => {
                self.after_drain().await;
                StepName::Drain
            }
            (At::Disc, _) => {
                self.begin().await;
                StepName::Disc
            }
            (At::Running, StepName::Get) if self.take_back() => {
                self.wanted = false;
                StepName::Get
            }
            (At::Running, StepName::Rlrq) if self.take_back() => {
                // With no time for an answer it goes without.
                let now = self.held.now();
                self.association.release(now, std::time::Duration::ZERO);
                self.collect().await;
                StepName::Rlrq
            }
            (At::Running, StepName::DiscEnd) if !self.out.is_empty() => {
                self.out.clear();
                self.line.forgive();
                self.association.reset();
                self.at = At::Close;
                StepName::DiscEnd
            }
            _ => return false,
        };
        self.picture.leave_out(skipped);
        self.prepare().await;
        true
    }

    /// Other settings: what stands is released, then it begins with them on the same connection, or on a new one where
    /// they lead elsewhere.
    pub async fn edit(&mut self, meter: &Definition) -> Said {
        let went = !matches!(self.at, At::Connect | At::Drain | At::Disc);
        self.secrets.confirmed = false;
        self.release().await;
        let elsewhere = (&meter.host, meter.port, &meter.transport)
            != (&self.meter.host, self.meter.port, &self.meter.transport);
        if elsewhere {
            self.line.close().await;
        }
        self.set(meter);
        let good = self.secrets.kept.known_good.as_ref();
        self.tap.diagnose(evidence::settings(meter, good));
        self.picture = Picture::new(meter);
        self.association = Association::new(self.proposal.config(&self.meter));
        if self.line.is_open() {
            self.picture.opened(self.at != At::Drain);
            if went {
                self.after_drain().await;
            }
        } else {
            self.at = At::Connect;
        }
        self.prepare().await;
        self.take_said()
    }

    /// The state machine's picture: always the same rows in order.
    pub fn picture(&self) -> Vec<Stage> {
        let next = match &self.at {
            At::Connect => Some(StepName::Connect),
            At::Drain => Some(StepName::Drain),
            At::Disc => Some(StepName::Disc),
            At::Running if self.out.is_empty() => None,
            At::Running => Some(self.step),
            At::Close => Some(StepName::Close),
            At::Over(_) => None,
        };
        self.picture.with_next(next)
    }

    /// What was said, frame by frame, with this meter's keys; call it once for each, in order.
    pub fn explain(&mut self, said: &[(bool, Vec<u8>)]) -> Vec<Vec<Explained>> {
        self.explainer.explain(said)
    }

    /// For what [`Self::end`] still says.
    pub fn explainer(&self) -> Explainer {
        self.explainer.clone()
    }

    /// What is to go, explained before it goes.
    pub fn explain_pending(&self, shown: &[u8]) -> Vec<Explained> {
        explained(shown, true, &mut self.explainer.0.clone())
    }

    /// What is found wrong so far, likeliest first.
    pub fn findings(&self) -> Vec<Finding> {
        self.tap.findings()
    }

    /// Releases, whatever stands.
    pub async fn end(mut self) -> End {
        self.secrets.noted(Outcome::Unclear).await;
        self.release().await;
        self.line.close().await;
        End {
            said: self.take_said(),
            findings: self.tap.findings(),
        }
    }

    fn take_said(&mut self) -> Said {
        std::mem::take(&mut self.line.said)
    }

    /// An answer is awaited, or would be if what is to go went.
    fn is_waiting(&self) -> bool {
        !matches!(self.association.state(), State::Idle | State::Ready)
    }
}

fn explained(bytes: &[u8], sent: bool, opener: &mut Option<Opener>) -> Vec<Explained> {
    let way = if sent {
        Direction::ToMeter
    } else {
        Direction::FromMeter
    };
    split(bytes)
        .filter_map(|piece| explain_with(bytes, &piece, Some(way), opener))
        .collect()
}
