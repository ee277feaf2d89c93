//! By what the list of meters is ordered. The rule: a place is made of one meter alone and of whole numbers only, so that
//! ten thousand are compared in no time.
use super::fleet::State;
use crate::headend::MeterView;
use crate::meter::MeterId;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    #[default]
    Name,
    State,
    /// Who needs help most.
    Worst,
    /// Whose newest reading is oldest.
    Oldest,
    /// Who answered least.
    Success,
}

impl Order {
    pub const ALL: [Self; 5] = [
        Self::Name,
        Self::State,
        Self::Worst,
        Self::Oldest,
        Self::Success,
    ];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Name => "by name",
            Self::State => "by state",
            Self::Worst => "worst first",
            Self::Oldest => "oldest reading first",
            Self::Success => "least success first",
        }
    }

    pub fn next(self) -> Self {
        let at = Self::ALL.iter().position(|order| *order == self);
        Self::ALL[at.map_or(0, |at| at + 1) % Self::ALL.len()]
    }

    /// Every reading moves somebody: such an order is renewed seldom, or nobody could read it.
    pub const fn restless(self) -> bool {
        matches!(self, Self::Worst | Self::Oldest | Self::Success)
    }

    /// Lower stands higher.
    fn rank(self, view: &MeterView) -> u64 {
        let state = State::of(&view.status.phase);
        match self {
            Self::Name => 0,
            Self::State => state.urgency().into(),
            Self::Worst => u64::from(state.urgency()) << 32 | success(view).unwrap_or(SILENT),
            // Who was stopped owes no reading.
            Self::Oldest if state == State::Stopped => u64::MAX,
            Self::Oldest => read(view)
                .and_then(|at| u64::try_from(at.as_millisecond()).ok())
                .unwrap_or(0),
            Self::Success => success(view).unwrap_or(SILENT),
        }
    }
}

/// Nothing was due yet: below all that is known.
const SILENT: u64 = 1001;

/// Thousandths of what was due in the last day and was read; of the polls, where nobody counted that (a replay).
pub fn success(view: &MeterView) -> Option<u64> {
    if let Some(tenths) = view.health.day.tenths() {
        return Some(tenths.into());
    }
    let counters = &view.status.counters;
    let good = counters.polls.saturating_sub(counters.polls_failed);
    good.saturating_mul(1000).checked_div(counters.polls)
}

/// When its newest good reading was.
pub fn read(view: &MeterView) -> Option<jiff::Timestamp> {
    let good = view.status.values.iter().flatten();
    good.filter(|reading| reading.value.is_ok())
        .map(|reading| reading.at)
        .max()
}

/// Where a meter stands: its group, then the order, then its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Standing {
    pub group: u8,
    rank: u64,
    nth: u32,
    pub id: MeterId,
}

/// How a list is put in order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ordering {
    pub order: Order,
    pub reversed: bool,
    /// States stand together, the most urgent first.
    pub grouped: bool,
}

impl Ordering {
    /// `nth`: its place by name.
    pub fn standing(self, view: &MeterView, nth: u32) -> Standing {
        let turn = |n: u64| if self.reversed { u64::MAX - n } else { n };
        Standing {
            group: if self.grouped {
                State::of(&view.status.phase).urgency()
            } else {
                0
            },
            rank: turn(self.order.rank(view)),
            nth: if self.reversed { u32::MAX - nth } else { nth },
            id: view.definition.id,
        }
    }
}
