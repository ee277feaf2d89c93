//! The meters as the head-end last described them, in name order, and how many are in which
//! state. The rule: adding one view costs no walk over the others.
use crate::headend::{MeterView, Urgency};
use crate::meter::health::{Band, Health, Share};
use crate::meter::{MeterId, Phase};
use std::collections::hash_map::Entry as MapEntry;
use std::collections::{BTreeSet, HashMap};
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

    /// The most urgent first: what stands together in the list, in that order.
    pub const BY_URGENCY: [Self; 6] = [
        Self::NeedsPerson,
        Self::Retry,
        Self::Busy,
        Self::Bench,
        Self::Ready,
        Self::Stopped,
    ];

    /// 0 comes first.
    pub fn urgency(self) -> u8 {
        let at = Self::BY_URGENCY.iter().position(|state| *state == self);
        at.and_then(|at| u8::try_from(at).ok()).unwrap_or(u8::MAX)
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

#[derive(Debug)]
struct Entry {
    view: Arc<MeterView>,
    /// Its place by name.
    nth: u32,
}

#[derive(Debug, Default)]
pub struct Fleet {
    meters: HashMap<MeterId, Entry>,
    by_name: Vec<MeterId>,
    counts: [usize; State::ALL.len()],
    bands: [usize; Band::ALL.len()],
    sums: Sums,
    /// Who is not well, the most urgent first.
    needy: BTreeSet<(Urgency, MeterId)>,
}

fn urgency(view: &MeterView) -> Option<Urgency> {
    view.attention.as_ref().map(|it| it.urgency)
}

/// What all meters together did since the program started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    pub stored: u64,
    pub published: u64,
    pub acknowledged: u64,
    /// Values due and values read in the last day.
    pub day: Share,
}

impl Sums {
    fn change(&mut self, health: &Health, with: impl Fn(u64, u64) -> u64) {
        self.stored = with(self.stored, health.stored);
        self.published = with(self.published, health.published);
        self.acknowledged = with(self.acknowledged, health.acknowledged);
        self.day.of = with(self.day.of, health.day.of);
        self.day.good = with(self.day.good, health.day.good);
    }
}

impl Fleet {
    pub fn get(&self, id: MeterId) -> Option<&Arc<MeterView>> {
        self.meters.get(&id).map(|entry| &entry.view)
    }

    /// The meter, and its place by name.
    pub fn entry(&self, id: MeterId) -> Option<(&Arc<MeterView>, u32)> {
        self.meters.get(&id).map(|entry| (&entry.view, entry.nth))
    }

    pub fn len(&self) -> usize {
        self.meters.len()
    }

    pub fn is_empty(&self) -> bool {
        self.meters.is_empty()
    }

    /// How many meters are in this state.
    pub fn count(&self, state: State) -> usize {
        self.counts[state as usize]
    }

    /// How many meters are in this band.
    pub fn in_band(&self, band: Band) -> usize {
        self.bands[band as usize]
    }

    pub fn sums(&self) -> Sums {
        self.sums
    }

    /// Who is not well, the most urgent first.
    pub fn needy(&self) -> &BTreeSet<(Urgency, MeterId)> {
        &self.needy
    }

    /// All meters by name, with their places.
    pub fn by_name(&self) -> impl Iterator<Item = (&Arc<MeterView>, u32)> {
        self.by_name.iter().filter_map(|id| self.entry(*id))
    }

    /// Takes what changed; true when a meter came, went or was renamed.
    pub fn apply(&mut self, changed: Vec<Arc<MeterView>>, removed: &[MeterId]) -> bool {
        let mut moved = false;
        for view in changed {
            let id = view.definition.id;
            let state = State::of(&view.status.phase);
            self.counts[state as usize] += 1;
            self.bands[view.health.band as usize] += 1;
            self.sums.change(&view.health, u64::saturating_add);
            if let Some(concern) = urgency(&view) {
                self.needy.insert((concern, id));
            }
            match self.meters.entry(id) {
                MapEntry::Occupied(mut known) => {
                    let old = std::mem::replace(&mut known.get_mut().view, view);
                    let now = urgency(&known.get().view);
                    if let Some(before) = urgency(&old).filter(|before| now != Some(*before)) {
                        self.needy.remove(&(before, id));
                    }
                    moved |= old.definition.name != known.get().view.definition.name;
                    self.uncount(&old);
                }
                MapEntry::Vacant(new) => {
                    new.insert(Entry { view, nth: 0 });
                    self.by_name.push(id);
                    moved = true;
                }
            }
        }
        for id in removed {
            if let Some(old) = self.meters.remove(id) {
                if let Some(concern) = urgency(&old.view) {
                    self.needy.remove(&(concern, *id));
                }
                self.uncount(&old.view);
                moved = true;
            }
        }
        if moved {
            self.sort();
        }
        moved
    }

    fn sort(&mut self) {
        let meters = &self.meters;
        self.by_name.retain(|id| meters.contains_key(id));
        self.by_name.sort_by(|a, b| {
            let name = |id| meters.get(id).map(|entry| &entry.view.definition.name);
            name(a).cmp(&name(b))
        });
        for (id, nth) in self.by_name.iter().zip(0..) {
            if let Some(entry) = self.meters.get_mut(id) {
                entry.nth = nth;
            }
        }
    }

    fn uncount(&mut self, view: &MeterView) {
        let count = &mut self.counts[State::of(&view.status.phase) as usize];
        *count = count.saturating_sub(1);
        let band = &mut self.bands[view.health.band as usize];
        *band = band.saturating_sub(1);
        self.sums.change(&view.health, u64::saturating_sub);
    }
}
