//! The state machine's picture: always the same rows, in the order a whole session goes through them. The rule: a row
//! says what is so, and nothing is left out because it does not apply.

use crate::meter::definition::Definition;

/// One step of a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum StepName {
    Connect,
    Drain,
    /// Before SNRM: frees a link that somebody left open.
    Disc,
    Snrm,
    Aarq,
    HlsPass3,
    Get,
    Rlrq,
    /// DISC at the end.
    DiscEnd,
    Close,
    /// A frame that a person wrote; no row of the picture.
    ByHand,
}

impl StepName {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Connect => "connect",
            Self::Drain => "drain",
            Self::Disc | Self::DiscEnd => "DISC",
            Self::Snrm => "SNRM",
            Self::Aarq => "AARQ",
            Self::HlsPass3 => "HLS pass 3",
            Self::Get => "GET",
            Self::Rlrq => "RLRQ",
            Self::Close => "close",
            Self::ByHand => "by hand",
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mark {
    Todo,
    /// What `go` does.
    Next,
    /// It went out and its answer is awaited.
    Waiting,
    Done,
    Failed,
    /// This session has no such step, or a person left it out.
    NotUsed,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stage {
    pub step: StepName,
    pub mark: Mark,
    /// What came of it, or why it is not used; empty where there is nothing to say.
    pub words: String,
}

/// The rows, in order.
const ROWS: [StepName; 10] = [
    StepName::Connect,
    StepName::Drain,
    StepName::Disc,
    StepName::Snrm,
    StepName::Aarq,
    StepName::HlsPass3,
    StepName::Get,
    StepName::Rlrq,
    StepName::DiscEnd,
    StepName::Close,
];

/// The picture as it is kept.
pub(super) struct Picture(Vec<Stage>);

impl Picture {
    pub(super) fn new(meter: &Definition) -> Self {
        let stage = |step| {
            let words = not_used(meter, step);
            Stage {
                step,
                mark: if words.is_some() {
                    Mark::NotUsed
                } else {
                    Mark::Todo
                },
                words: words.unwrap_or_default().to_owned(),
            }
        };
        Self(ROWS.map(stage).into())
    }

    pub(super) fn mark(&mut self, step: StepName, mark: Mark, words: impl Into<String>) {
        if let Some(stage) = self.0.iter_mut().find(|stage| stage.step == step) {
            (stage.mark, stage.words) = (mark, words.into());
        }
    }

    /// The connection that stands already.
    pub(super) fn opened(&mut self, drained: bool) {
        self.mark(StepName::Connect, Mark::Done, "");
        if drained {
            self.mark(StepName::Drain, Mark::Done, "");
        }
    }

    /// A step whose answer is no condition for the next.
    pub(super) fn answered(&mut self, step: StepName, answered: bool) {
        let waited = self
            .0
            .iter()
            .any(|it| it.step == step && it.mark == Mark::Waiting);
        match answered {
            _ if !waited => {}
            true => self.mark(step, Mark::Done, "answered"),
            false => self.mark(step, Mark::Failed, "no answer"),
        }
    }

    /// A person left it out; what was done before stays so.
    pub(super) fn leave_out(&mut self, step: StepName) {
        let done = self
            .0
            .iter()
            .any(|it| it.step == step && it.mark == Mark::Done);
        if !done {
            self.mark(step, Mark::NotUsed, "left out");
        }
    }

    /// As it is, with `next` marked where nothing was marked there yet.
    pub(super) fn with_next(&self, next: Option<StepName>) -> Vec<Stage> {
        let mut stages = self.0.clone();
        if let Some(stage) = stages.iter_mut().find(|stage| Some(stage.step) == next) {
            stage.mark = Mark::Next;
        }
        stages
    }
}

fn not_used(meter: &Definition, step: StepName) -> Option<&'static str> {
    match step {
        StepName::Disc | StepName::Snrm | StepName::DiscEnd if !meter.transport.is_hdlc() => {
            Some("the wrapper has none")
        }
        StepName::HlsPass3 if !meter.auth.is_high_level() => {
            Some("only high-level authentication has it")
        }
        _ => None,
    }
}
