//! The list of meters: which of them are shown, in what order, and which one everything else is about. The rules: the
//! selection is a meter, not a row, so that arrivals do not move it; and a change costs nothing unless it moves its meter.
use super::fleet::{Fleet, State};
use super::order::{self, Order, Ordering, Standing};
use super::sieve::Sieve;
use super::words;
use crate::cosem::data::printable;
use crate::headend::MeterView;
use crate::meter::{MeterId, Phase};
use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

/// A line of the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Row {
    /// Of so many meters, shown below it or folded away.
    Heading {
        state: State,
        meters: usize,
        folded: bool,
    },
    Meter(MeterId),
}

#[derive(Debug, Default)]
pub struct MetersPane {
    sieve: Sieve,
    ordering: Ordering,
    folded: [bool; State::ALL.len()],
    /// Meters that pass, in order.
    standings: Vec<Standing>,
    /// The same, by meter.
    places: HashMap<MeterId, Standing>,
    /// Those that no longer stand where they should.
    moved: HashSet<MeterId>,
    /// When the order was last renewed.
    settled: Option<Instant>,
    selected: Option<MeterId>,
    /// The heading under the cursor, instead of the selected meter.
    heading: Option<State>,
    index: usize,
    /// First row of the last picture.
    pub top: usize,
}

impl MetersPane {
    pub fn filter(&self) -> &str {
        self.sieve.text()
    }

    pub fn ordering(&self) -> Ordering {
        self.ordering
    }

    pub fn set_filter(&mut self, text: &str, fleet: &Fleet) {
        self.sieve = Sieve::new(text);
        self.refresh(fleet);
    }

    pub fn set_ordering(&mut self, ordering: Ordering, fleet: &Fleet) {
        if !ordering.grouped {
            self.heading = None;
        }
        self.ordering = ordering;
        self.refresh(fleet);
    }

    /// All of it anew: another filter or order, or meters that came, went or changed their names.
    pub fn refresh(&mut self, fleet: &Fleet) {
        self.moved.clear();
        let mut scratch = String::new();
        let shown = fleet.by_name();
        self.standings = shown
            .filter(|(view, _)| self.sieve.passes(view, &mut scratch))
            .map(|(view, nth)| self.ordering.standing(view, nth))
            .collect();
        self.standings.sort_unstable();
        self.places = self.standings.iter().map(|at| (at.id, *at)).collect();
        self.find_cursor();
    }

    /// A meter changed: whether it still stands right. Its row moves with the next `settle`.
    pub fn note(&mut self, id: MeterId, fleet: &Fleet, scratch: &mut String) {
        let now = self.standing(id, fleet, scratch);
        if now == self.places.get(&id).copied() {
            self.moved.remove(&id);
        } else {
            self.moved.insert(id);
        }
    }

    fn standing(&self, id: MeterId, fleet: &Fleet, scratch: &mut String) -> Option<Standing> {
        let (view, nth) = fleet.entry(id)?;
        (self.sieve.passes(view, scratch)).then(|| self.ordering.standing(view, nth))
    }

    /// Renews the order where it is time for that; true when rows moved. Costs one pass over small numbers, and a
    /// sort of those that moved.
    pub fn settle(&mut self, fleet: &Fleet, now: Instant) -> bool {
        let rest = if self.ordering.order.restless() {
            RESTLESS
        } else {
            CALM
        };
        let early = self
            .settled
            .is_some_and(|at| now.saturating_duration_since(at) < rest);
        if self.moved.is_empty() || early {
            return false;
        }
        self.settled = Some(now);
        let moved = std::mem::take(&mut self.moved);
        self.standings.retain(|at| !moved.contains(&at.id));
        let mut scratch = String::new();
        for id in moved {
            self.places.remove(&id);
            if let Some(at) = self.standing(id, fleet, &mut scratch) {
                self.places.insert(id, at);
                self.standings.push(at);
            }
        }
        // What stood in order still does: this sort finds that run and merges the rest into it.
        self.standings.sort();
        self.find_cursor();
        true
    }

    /// Meters that pass the filter.
    pub fn passing(&self) -> usize {
        self.standings.len()
    }

    /// Those that pass, in order.
    pub fn meters(&self) -> impl Iterator<Item = MeterId> {
        self.standings.iter().map(|at| at.id)
    }

    /// Rows of the list, headings among them.
    pub fn len(&self) -> usize {
        self.sections().map(|section| section.rows()).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.standings.is_empty()
    }

    pub fn row(&self, index: usize) -> Option<Row> {
        let mut left = index;
        for section in self.sections() {
            if left < section.rows() {
                return match (left.checked_sub(section.headings()), section.state) {
                    (None, Some(state)) => Some(Row::Heading {
                        state,
                        meters: section.meters,
                        folded: section.folded,
                    }),
                    (at, _) => {
                        let at = section.from + at.unwrap_or(0);
                        self.standings.get(at).map(|at| Row::Meter(at.id))
                    }
                };
            }
            left -= section.rows();
        }
        None
    }

    /// The groups that have meters; without grouping all of them are one.
    fn sections(&self) -> impl Iterator<Item = Section> {
        let grouped = self.ordering.grouped;
        let groups = if grouped { State::ALL.len() } else { 1 };
        let begins = |group: usize| {
            self.standings
                .partition_point(|at| usize::from(at.group) < group)
        };
        (0..groups)
            .map(move |group| {
                let from = begins(group);
                let state = State::BY_URGENCY.get(group).copied().filter(|_| grouped);
                Section {
                    state,
                    from,
                    meters: begins(group + 1) - from,
                    folded: state.is_some_and(|state| self.folded[state as usize]),
                }
            })
            .filter(|section| section.meters > 0)
    }

    /// The row of a meter; of its group while that is folded.
    fn row_of(&self, id: MeterId) -> Option<usize> {
        let at = self.standings.binary_search(self.places.get(&id)?).ok()?;
        let mut above = 0;
        for section in self.sections() {
            if at < section.from + section.meters {
                let within = section.headings() + at - section.from;
                return Some(above + if section.folded { 0 } else { within });
            }
            above += section.rows();
        }
        None
    }

    fn row_of_heading(&self, state: State) -> Option<usize> {
        let mut above = 0;
        for section in self.sections() {
            if section.state == Some(state) {
                return Some(above);
            }
            above += section.rows();
        }
        None
    }

    /// The cursor's row, after rows moved.
    fn find_cursor(&mut self) {
        let heading = self.heading.and_then(|state| self.row_of_heading(state));
        self.heading = self.heading.filter(|_| heading.is_some());
        let row = heading.or_else(|| self.selected.and_then(|id| self.row_of(id)));
        match row {
            Some(row) => self.index = row,
            None => self.select_at(self.index),
        }
    }

    pub fn selected(&self) -> Option<MeterId> {
        self.selected
    }

    /// The heading under the cursor.
    pub fn on_heading(&self) -> Option<State> {
        self.heading
    }

    pub fn index(&self) -> usize {
        self.index
    }

    /// Goes to a meter; its group unfolds.
    pub fn select(&mut self, id: MeterId) {
        let Some(at) = self.places.get(&id) else {
            return;
        };
        if self.ordering.grouped
            && let Some(state) = State::BY_URGENCY.get(usize::from(at.group))
        {
            self.folded[*state as usize] = false;
        }
        if let Some(row) = self.row_of(id) {
            self.select_at(row);
        }
    }

    pub fn select_at(&mut self, index: usize) {
        self.index = index.min(self.len().saturating_sub(1));
        match self.row(self.index) {
            None => (self.selected, self.heading) = (None, None),
            Some(Row::Meter(id)) => (self.selected, self.heading) = (Some(id), None),
            Some(Row::Heading { state, .. }) => {
                self.heading = Some(state);
                // What else is on the screen stays where it was, unless that is gone.
                if self
                    .selected
                    .is_none_or(|id| !self.places.contains_key(&id))
                {
                    let section = self.sections().find(|s| s.state == Some(state));
                    let first = section.and_then(|s| self.standings.get(s.from));
                    self.selected = first.map(|at| at.id);
                }
            }
        }
    }

    pub fn step(&mut self, by: isize) {
        self.select_at(self.index.saturating_add_signed(by));
    }

    /// Folds the group under the cursor away, or out again.
    pub fn fold(&mut self, fold: bool) {
        let state = self.heading.or_else(|| {
            let at = self.places.get(&self.selected?)?;
            State::BY_URGENCY.get(usize::from(at.group)).copied()
        });
        if let Some(state) = state.filter(|_| self.ordering.grouped) {
            self.folded[state as usize] = fold;
            self.heading = Some(state);
            self.find_cursor();
        }
    }

    /// Folds a group away or out, and puts the cursor on its heading.
    pub fn toggle(&mut self, state: State) {
        self.heading = Some(state);
        self.fold(!self.is_folded());
    }

    /// Whether the group under the cursor is folded.
    pub fn is_folded(&self) -> bool {
        self.heading
            .is_some_and(|state| self.folded[state as usize])
    }
}

/// How long an order stands before it is renewed.
const CALM: Duration = Duration::from_secs(1);
const RESTLESS: Duration = Duration::from_secs(5);

/// A group of the list: `meters` of the standings, from `from` on.
struct Section {
    state: Option<State>,
    from: usize,
    meters: usize,
    folded: bool,
}

impl Section {
    fn headings(&self) -> usize {
        usize::from(self.state.is_some())
    }

    fn rows(&self) -> usize {
        self.headings() + if self.folded { 0 } else { self.meters }
    }
}

/// What stands beside a meter's address: why it is not ready, or how well it does; or by what the list is ordered.
pub fn remark(view: &MeterView, order: Order, now: super::Now) -> String {
    let status = &view.status;
    match &status.phase {
        Phase::Ready if order == Order::Oldest => order::read(view).map_or_else(
            || "not read yet".to_owned(),
            |at| match words::age(now.wall.duration_since(at).unsigned_abs()) {
                age if age == "now" => "read now".to_owned(),
                age => format!("read {age} ago"),
            },
        ),
        Phase::Ready => {
            let silent = status.last_received.map_or(Duration::ZERO, |at| {
                now.mono.saturating_duration_since(at.into_std())
            });
            if silent > late(view.definition.interval()) {
                return format!("silent for {}", words::span(silent));
            }
            let round_trip = Duration::from_micros(status.counters.round_trip_us);
            match success(view) {
                // In steps, so that it does not flicker.
                Some(good) if round_trip >= SLOW => {
                    let ms = round_trip.as_millis() / 50 * 50;
                    format!("{good}, {ms} ms")
                }
                good => good.unwrap_or_default(),
            }
        }
        Phase::Stopped => "press t to start".to_owned(),
        _ => status
            .last_error
            .as_ref()
            .map(|error| printable(words::brief(&error.what, &view.definition.endpoint())))
            .unwrap_or_default(),
    }
}

/// An answer that takes this long is worth a word.
const SLOW: Duration = Duration::from_millis(200);

/// Share of polls that succeeded.
fn success(view: &MeterView) -> Option<String> {
    let tenths = order::success(view)?;
    Some(format!("{}.{} % good", tenths / 10, tenths % 10))
}

/// When a reading that should have been renewed counts as old.
pub fn late(poll: Duration) -> Duration {
    poll.saturating_mul(3).max(Duration::from_secs(10))
}
