//! The meters as the head-end last described them, in name order, and how many are in which
//! state. The rule: adding one view costs no walk over the others.
use crate::headend::MeterView;
use crate::meter::{MeterId, Phase};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a person needs to know of a phase at a glance.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum State {
    Ready,
    /// Connecting, associating or releasing.
    Busy,
    /// Waits for its next try.
    Retry,
    NeedsPerson,
    Stopped,
    /// In somebody's hands: probed, or stepped through.
    Bench,
}

impl State {
    pub const ALL: [Self; 6] = [
        Self::Ready,
        Self::Busy,
        Self::Retry,
        Self::NeedsPerson,
        Self::Stopped,
        Self::Bench,
    ];

    pub fn of(phase: &Phase) -> Self {
        match phase {
            Phase::Ready => Self::Ready,
            Phase::Connecting | Phase::Associating | Phase::Releasing => Self::Busy,
            Phase::Waiting { .. } => Self::Retry,
            Phase::NeedsPerson => Self::NeedsPerson,
            Phase::Stopped => Self::Stopped,
            Phase::Lent => Self::Bench,
        }
    }

    /// One cell; always with `word` beside it.
    pub const fn sign(self) -> &'static str {
        match self {
            Self::Ready => "●",
            Self::Busy | Self::Retry | Self::Bench => "◐",
            Self::NeedsPerson => "✗",
            Self::Stopped => "·",
        }
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Ready => "ready",
            Self::Busy => "connecting",
            Self::Retry => "retry",
            Self::NeedsPerson => "needs you",
            Self::Stopped => "stopped",
            Self::Bench => "on the bench",
        }
    }
}

#[derive(Debug, Default)]
pub struct Fleet {
    views: BTreeMap<MeterId, Arc<MeterView>>,
    by_name: Vec<MeterId>,
    counts: [usize; State::ALL.len()],
}

impl Fleet {
    pub fn get(&self, id: MeterId) -> Option<&Arc<MeterView>> {
        self.views.get(&id)
    }

    pub fn len(&self) -> usize {
        self.views.len()
    }

    pub fn is_empty(&self) -> bool {
        self.views.is_empty()
    }

    /// How many meters are in this state.
    pub fn count(&self, state: State) -> usize {
        self.counts[state as usize]
    }

    /// All meters by name.
    pub fn by_name(&self) -> &[MeterId] {
        &self.by_name
    }

    /// Takes what changed; true when a meter came, went or was renamed.
    pub fn apply(&mut self, changed: Vec<Arc<MeterView>>, removed: &[MeterId]) -> bool {
        let mut moved = false;
        for view in changed {
            let id = view.definition.id;
            self.counts[State::of(&view.status.phase) as usize] += 1;
            let name = view.definition.name.clone();
            if let Some(old) = self.views.insert(id, view) {
                self.uncount(&old);
                moved |= old.definition.name != name;
            } else {
                self.by_name.push(id);
                moved = true;
            }
        }
        for id in removed {
            if let Some(old) = self.views.remove(id) {
                self.uncount(&old);
                moved = true;
            }
        }
        if moved {
            let views = &self.views;
            self.by_name.retain(|id| views.contains_key(id));
            self.by_name
                .sort_by_cached_key(|id| views.get(id).map(|view| view.definition.name.clone()));
        }
        moved
    }

    fn uncount(&mut self, view: &MeterView) {
        let count = &mut self.counts[State::of(&view.status.phase) as usize];
        *count = count.saturating_sub(1);
    }
}
