//! The alarms as the head-end last told them, and which of them a person looks at. The rule: what stands comes first, the
//! worst and newest before the rest; kept are only so many, counted are all.
use super::input::Input;
use super::sieve::Sieve;
use crate::headend::{Alarm, Severity};
use jiff::Timestamp;
use std::cmp::Reverse;
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::sync::Arc;

/// Kept to be looked at; of what is more, the longest over and then the least bad go.
pub const MOST: usize = 1_000;
/// Counted as standing; more than any fleet should ever have at once.
const COUNTED: usize = 200_000;

/// Where an alarm stands in the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Place {
    over: bool,
    severity: Reverse<Severity>,
    at: Reverse<Timestamp>,
    id: Reverse<i64>,
}

impl Place {
    fn of(alarm: &Alarm) -> Self {
        let (severity, at) = match alarm.cleared {
            None => (alarm.severity, alarm.first),
            // What is over is told by when it ended, however bad it was.
            Some(at) => (Severity::Info, at),
        };
        Self {
            over: !alarm.stands(),
            severity: Reverse(severity),
            at: Reverse(at),
            id: Reverse(alarm.id),
        }
    }
}

#[derive(Debug, Default)]
pub struct Alarms {
    rows: BTreeMap<Place, Arc<Alarm>>,
    places: HashMap<i64, Place>,
    /// All that stand, and whether nobody acknowledged it.
    standing: HashMap<i64, (Severity, bool)>,
    /// Standing and not acknowledged.
    unknown: [usize; Severity::ALL.len()],
}

/// What a change of alarms amounts to.
#[derive(Debug, Default)]
pub struct News {
    /// Something a picture may show.
    pub moved: bool,
    /// A critical alarm nobody knew of before.
    pub critical: Option<Arc<Alarm>>,
}

impl Alarms {
    pub fn apply(&mut self, changed: Vec<Arc<Alarm>>) -> News {
        let mut news = News {
            moved: !changed.is_empty(),
            critical: None,
        };
        for alarm in changed {
            if self.count(&alarm) {
                news.critical = Some(Arc::clone(&alarm));
            }
            let place = Place::of(&alarm);
            if let Some(before) = self.places.insert(alarm.id, place) {
                self.rows.remove(&before);
            }
            self.rows.insert(place, alarm);
            if self.rows.len() > MOST
                && let Some((_, last)) = self.rows.pop_last()
            {
                self.places.remove(&last.id);
            }
        }
        news
    }

    /// Whether it is critical and was not so before.
    fn count(&mut self, alarm: &Alarm) -> bool {
        let before = self.standing.remove(&alarm.id);
        if let Some((severity, true)) = before {
            let count = &mut self.unknown[severity as usize];
            *count = count.saturating_sub(1);
        }
        if !alarm.stands() || self.standing.len() >= COUNTED {
            return false;
        }
        let unknown = alarm.acknowledged.is_none();
        self.unknown[alarm.severity as usize] += usize::from(unknown);
        self.standing.insert(alarm.id, (alarm.severity, unknown));
        let was = before.is_some_and(|(severity, _)| severity == Severity::Critical);
        unknown && alarm.severity == Severity::Critical && !was
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// How many stand.
    pub fn standing(&self) -> usize {
        self.standing.len()
    }

    /// How many of this severity stand that nobody acknowledged.
    pub fn unknown(&self, severity: Severity) -> usize {
        self.unknown[severity as usize]
    }

    /// The worst that stands and nobody acknowledged, and how many of all severities there are.
    pub fn worst(&self) -> Option<(Severity, usize)> {
        let worst = Severity::ALL.into_iter().rev();
        let worst = worst.into_iter().find(|it| self.unknown(*it) > 0)?;
        Some((worst, self.unknown.iter().sum()))
    }

    pub fn get(&self, id: i64) -> Option<&Arc<Alarm>> {
        self.rows.get(self.places.get(&id)?)
    }

    /// In order, those a filter lets through.
    pub fn rows(&self, sieve: &Sieve) -> Vec<&Arc<Alarm>> {
        let mut scratch = String::new();
        let passes = |alarm: &&Arc<Alarm>| {
            sieve.is_open() || {
                scratch.clear();
                write(&mut scratch, alarm);
                sieve.holds(&mut scratch)
            }
        };
        self.rows.values().filter(passes).collect()
    }
}

/// All a person could read of it.
fn write(scratch: &mut String, alarm: &Alarm) {
    let (name, key, text) = (&alarm.name, &alarm.key, &alarm.text);
    let word = alarm.severity.word();
    let over = if alarm.stands() { "" } else { "over" };
    let ack = alarm.acknowledged.as_ref();
    let (by, note) = ack.map_or(("", ""), |ack| (&ack.by, &ack.note));
    let _ = write!(
        scratch,
        "{word}\n{name}\n{key}\n{}\n{text}\n{over}\n{by}\n{note}",
        alarm.cause
    );
}

/// The list over the panes.
#[derive(Clone, Debug, Default)]
pub struct List {
    /// The chosen alarm, and the row it was in should it go.
    chosen: Option<i64>,
    row: usize,
    pub filter: Sieve,
    pub typing: Option<Typing>,
}

#[derive(Clone, Debug)]
pub enum Typing {
    Filter(Input),
    /// `NAME: note` for this alarm.
    Acknowledge(i64, Input),
}

impl Typing {
    pub fn input(&mut self) -> &mut Input {
        match self {
            Self::Filter(input) | Self::Acknowledge(_, input) => input,
        }
    }
}

impl List {
    /// The chosen row; the same alarm wherever it went, else what is now in its row.
    pub fn row(&self, rows: &[&Arc<Alarm>]) -> usize {
        let same = (self.chosen).and_then(|id| rows.iter().position(|alarm| alarm.id == id));
        same.unwrap_or(self.row).min(rows.len().saturating_sub(1))
    }

    pub fn step(&mut self, by: isize, rows: &[&Arc<Alarm>]) {
        let to = self.row(rows).saturating_add_signed(by);
        self.row = to.min(rows.len().saturating_sub(1));
        self.chosen = rows.get(self.row).map(|alarm| alarm.id);
    }

    pub fn choose(&mut self, id: i64) {
        self.chosen = Some(id);
    }
}

/// `NAME: note`, or a name alone.
pub fn name_and_note(text: &str) -> (&str, &str) {
    let (name, note) = text.split_once(':').unwrap_or((text, ""));
    (name.trim(), note.trim())
}

/// What a line begins with that asks for name and note.
pub fn lead(person: &str) -> String {
    let name: String = (person.chars())
        .filter(|c| !c.is_control() && *c != ':')
        .take(100)
        .collect();
    match name.trim() {
        "" => String::new(),
        name => format!("{name}: "),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::app::fixture::{alarm, wall};

    fn ids(alarms: &Alarms, filter: &str) -> Vec<i64> {
        let rows = alarms.rows(&Sieve::new(filter));
        rows.iter().map(|alarm| alarm.id).collect()
    }

    fn arcs(alarms: &[Alarm]) -> Vec<Arc<Alarm>> {
        alarms.iter().cloned().map(Arc::new).collect()
    }

    #[test]
    fn the_worst_and_newest_first_and_what_is_over_last() {
        let mut alarms = Alarms::default();
        let mut over = alarm(1, Severity::Critical, "breaker open");
        over.cleared = Some(wall());
        let (warning, old) = (
            alarm(2, Severity::Warning, "high"),
            alarm(3, Severity::Critical, "silent"),
        );
        let mut new = alarm(4, Severity::Critical, "breaker open");
        new.first = wall();
        let news = alarms.apply(arcs(&[over, warning.clone(), old, new.clone()]));
        assert_eq!(news.critical.unwrap().id, 4);
        assert_eq!(ids(&alarms, ""), [4, 3, 2, 1]);
        assert_eq!(ids(&alarms, "BREAKER over"), [1]);
        assert_eq!(alarms.worst(), Some((Severity::Critical, 3)));
        // Still seen: no news. Acknowledged: stands, and is not counted any more.
        let news = alarms.apply(arcs(&[new.clone()]));
        assert!(news.moved && news.critical.is_none());
        let ack = crate::headend::Ack::new("anna", "on my way", wall()).unwrap();
        new.acknowledged = Some(ack);
        assert!(alarms.apply(arcs(&[new.clone()])).critical.is_none());
        assert_eq!(alarms.unknown(Severity::Critical), 1);
        assert_eq!((alarms.standing(), ids(&alarms, "anna")), (3, vec![4]));
        // Over, and again: that is news only where nobody knows of it.
        let mut worse = warning;
        worse.severity = Severity::Critical;
        assert!(alarms.apply(arcs(&[worse.clone()])).critical.is_some());
        worse.cleared = Some(wall());
        alarms.apply(arcs(&[worse.clone()]));
        assert_eq!(ids(&alarms, ""), [4, 3, 2, 1]);
        worse.cleared = None;
        assert!(alarms.apply(arcs(&[worse])).critical.is_some());
        new.cleared = Some(wall());
        alarms.apply(arcs(&[new.clone()]));
        new.cleared = None;
        assert!(alarms.apply(arcs(&[new])).critical.is_none());
    }

    #[test]
    fn only_so_many_are_kept_and_all_are_counted() {
        let mut alarms = Alarms::default();
        let mut all: Vec<Alarm> = (1..=3000)
            .map(|id| alarm(id, Severity::Warning, "high"))
            .collect();
        all[0].severity = Severity::Critical;
        all[1].cleared = Some(wall());
        alarms.apply(arcs(&all));
        assert_eq!((ids(&alarms, "").len(), alarms.places.len()), (MOST, MOST));
        assert_eq!((alarms.standing(), ids(&alarms, "")[0]), (2999, 1));
        assert!(alarms.get(2).is_none() && alarms.get(3000).is_some());
        for alarm in &mut all {
            alarm.cleared = Some(wall());
        }
        alarms.apply(arcs(&all));
        assert_eq!((alarms.standing(), alarms.worst()), (0, None));
        assert_eq!(ids(&alarms, "").len(), MOST);
    }

    #[test]
    fn the_choice_stays_on_its_alarm() {
        let mut alarms = Alarms::default();
        alarms.apply(arcs(&[
            alarm(1, Severity::Warning, "a"),
            alarm(2, Severity::Warning, "b"),
        ]));
        let mut list = List::default();
        list.step(1, &alarms.rows(&list.filter));
        let row = |list: &List, alarms: &Alarms| list.row(&alarms.rows(&list.filter));
        assert_eq!((list.chosen, row(&list, &alarms)), (Some(1), 1));
        alarms.apply(arcs(&[alarm(3, Severity::Critical, "c")]));
        assert_eq!(row(&list, &alarms), 2);
        list.step(isize::MIN, &alarms.rows(&list.filter));
        assert_eq!(list.chosen, Some(3));
        assert_eq!(Alarms::default().rows(&list.filter).len(), 0);
        assert_eq!(list.row(&[]), 0);
    }

    #[test]
    fn a_name_and_a_note_in_one_line() {
        assert_eq!(name_and_note(" anna : on: my way "), ("anna", "on: my way"));
        assert_eq!(name_and_note("anna"), ("anna", ""));
        assert_eq!(lead("an:na\u{7}"), "anna: ");
        assert_eq!(lead(" "), "");
    }
}
