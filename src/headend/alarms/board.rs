//! The alarms that stand and those just over. Pure: it is told what holds and what does not, and when. The rule: what comes and
//! goes is one alarm that is counted, and who looks or stores is told of each at most as often as matters.

use crate::meter::MeterId;
use crate::store::{Ack, Alarm, Severity};
use jiff::Timestamp;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Raised again within this time it is the same alarm as before.
pub(super) const AGAIN: Duration = Duration::from_mins(10);
/// Between two times at which it is shown and stored that an alarm still holds.
pub(super) const TOUCH: Duration = Duration::from_mins(1);
/// Of one meter at once; what is more is not raised.
pub(super) const MOST_OF_METER: usize = 256;
/// Over, and still shown.
pub(super) const OVER: usize = 1_000;
/// Over, and not stored yet because the store says no; beyond, the oldest are forgotten.
const UNSAVED: usize = 20_000;

/// What an alarm is about: one of each stands at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct What<'a> {
    pub meter: MeterId,
    /// Of an object; empty for the meter as a whole.
    pub key: &'a str,
    pub cause: &'static str,
}

/// What is said of it.
pub(super) struct Said {
    pub severity: Severity,
    pub text: String,
    pub value: Option<String>,
}

/// A line for the log.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum News {
    Raised(Arc<Alarm>),
    Cleared(Arc<Alarm>),
}

#[derive(Debug)]
struct Entry {
    alarm: Arc<Alarm>,
    /// When it was shown last.
    shown: Timestamp,
    /// When the log was told last that it was raised.
    said: Timestamp,
}

impl Entry {
    /// False where somebody was first.
    fn acknowledge(&mut self, ack: &Ack) -> bool {
        let first = self.alarm.acknowledged.is_none();
        if first {
            Arc::make_mut(&mut self.alarm).acknowledged = Some(ack.clone());
        }
        first
    }
}

#[derive(Debug, Default)]
pub(super) struct Board {
    /// Of the newest.
    last: i64,
    standing: BTreeMap<MeterId, Vec<Entry>>,
    /// The newest last.
    over: VecDeque<Entry>,
    moved: BTreeMap<i64, Arc<Alarm>>,
    unsaved: BTreeMap<i64, Arc<Alarm>>,
    news: Vec<News>,
}

impl Board {
    /// What is stored: the number of the newest ever, and those to go on from, the oldest first.
    pub fn load(&mut self, last: i64, alarms: Vec<Alarm>) {
        self.last = alarms.iter().map(|it| it.id).fold(last, i64::max);
        for alarm in alarms {
            let alarm = Arc::new(alarm);
            self.moved.insert(alarm.id, Arc::clone(&alarm));
            let entry = Entry {
                shown: alarm.last,
                said: alarm.last,
                alarm,
            };
            match entry.alarm.meter {
                Some(meter) if entry.alarm.stands() => {
                    self.standing.entry(meter).or_default().push(entry);
                }
                _ => self.over.push_back(entry),
            }
        }
        self.make_room();
    }

    pub fn stands(&self, what: What<'_>) -> bool {
        let of_meter = self.standing.get(&what.meter);
        of_meter.is_some_and(|all| all.iter().any(|it| is(&it.alarm, what)))
    }

    pub fn has(&self, meter: MeterId) -> bool {
        self.standing.contains_key(&meter)
    }

    pub fn standing(&self) -> usize {
        self.standing.values().map(Vec::len).sum()
    }

    /// It holds at that time; the words are asked for only where they are shown. Whether it is new, or again.
    pub fn raise(
        &mut self,
        at: Timestamp,
        name: &str,
        what: What<'_>,
        say: impl FnOnce() -> Said,
    ) -> bool {
        if let Some(entry) = self.entry(what) {
            let due = since(entry.shown, at) >= TOUCH;
            let alarm = Arc::make_mut(&mut entry.alarm);
            alarm.last = alarm.last.max(at);
            if due {
                put(alarm, say());
                entry.shown = at;
                let alarm = Arc::clone(&entry.alarm);
                self.mark(&alarm);
            }
            return false;
        }
        let fresh = (self.over.iter())
            .position(|it| is(&it.alarm, what) && since(it.alarm.last, at) <= AGAIN);
        let mut entry = if let Some(mut entry) = fresh.and_then(|place| self.over.remove(place)) {
            let alarm = Arc::make_mut(&mut entry.alarm);
            alarm.cleared = None;
            alarm.count = alarm.count.saturating_add(1);
            alarm.last = alarm.last.max(at);
            put(alarm, say());
            entry
        } else {
            if (self.standing.get(&what.meter)).is_some_and(|all| all.len() >= MOST_OF_METER) {
                return false;
            }
            let said = say();
            self.last += 1;
            let alarm = Alarm {
                id: self.last,
                meter: Some(what.meter),
                name: name.to_owned(),
                key: what.key.to_owned(),
                cause: what.cause.to_owned(),
                severity: said.severity,
                text: said.text,
                first: at,
                last: at,
                count: 1,
                value: said.value,
                acknowledged: None,
                cleared: None,
            };
            Entry {
                alarm: Arc::new(alarm),
                shown: at,
                said: Timestamp::MIN,
            }
        };
        entry.shown = at;
        if since(entry.said, at) >= TOUCH {
            entry.said = at;
            self.news.push(News::Raised(Arc::clone(&entry.alarm)));
        }
        self.mark(&entry.alarm);
        self.standing.entry(what.meter).or_default().push(entry);
        true
    }

    /// It happened so many times more; it stands until it is cleared.
    pub fn happened(
        &mut self,
        at: Timestamp,
        name: &str,
        what: What<'_>,
        times: u64,
        say: impl Fn() -> Said,
    ) {
        let mut more = times;
        if self.raise(at, name, what, &say) {
            more = more.saturating_sub(1);
        }
        if more == 0 {
            return;
        }
        if let Some(entry) = self.entry(what) {
            let alarm = Arc::make_mut(&mut entry.alarm);
            alarm.count = alarm.count.saturating_add(more);
            put(alarm, say());
            entry.shown = at;
            let alarm = Arc::clone(&entry.alarm);
            self.mark(&alarm);
        }
    }

    /// It does not hold any more.
    pub fn clear(&mut self, at: Timestamp, what: What<'_>) {
        if self.has(what.meter) {
            self.clear_those(at, what.meter, |it| is(it, what));
        }
    }

    /// Those of a meter that do not hold any more.
    pub fn clear_those(
        &mut self,
        at: Timestamp,
        meter: MeterId,
        mut ends: impl FnMut(&Alarm) -> bool,
    ) {
        let Some(all) = self.standing.get_mut(&meter) else {
            return;
        };
        let ended: Vec<Entry> = all.extract_if(.., |it| ends(&it.alarm)).collect();
        if all.is_empty() {
            self.standing.remove(&meter);
        }
        for mut entry in ended {
            let alarm = Arc::make_mut(&mut entry.alarm);
            alarm.cleared = Some(at.max(alarm.first));
            // What comes and goes quickly was not said again when it came.
            if entry.said == entry.shown || since(entry.said, at) >= TOUCH {
                self.news.push(News::Cleared(Arc::clone(&entry.alarm)));
            }
            self.mark(&entry.alarm);
            self.over.push_back(entry);
        }
        self.make_room();
    }

    /// Somebody knows of it; false where it is not here. Who was first stays.
    pub fn acknowledge(&mut self, id: i64, ack: &Ack) -> bool {
        let standing = self.standing.values_mut().flatten();
        let found = standing.chain(&mut self.over).find(|it| it.alarm.id == id);
        let Some(entry) = found else {
            return false;
        };
        if entry.acknowledge(ack) {
            self.moved.insert(id, Arc::clone(&entry.alarm));
        }
        true
    }

    /// As the store has them, by their numbers: what was acknowledged there and not here.
    pub fn take_over(&mut self, stored: &BTreeMap<i64, &Ack>) {
        let standing = self.standing.values_mut().flatten();
        for entry in standing.chain(&mut self.over) {
            let id = entry.alarm.id;
            if stored.get(&id).is_some_and(|ack| entry.acknowledge(ack)) {
                self.moved.insert(id, Arc::clone(&entry.alarm));
            }
        }
    }

    /// Those that stand and those over lately, the oldest first.
    pub fn all(&self) -> Vec<Arc<Alarm>> {
        let standing = self.standing.values().flatten();
        let mut all: Vec<_> = (standing.chain(&self.over))
            .map(|it| Arc::clone(&it.alarm))
            .collect();
        all.sort_by_key(|alarm| alarm.id);
        all
    }

    pub fn is_dirty(&self) -> bool {
        !self.moved.is_empty()
    }

    /// What changed since the last look.
    pub fn take_moved(&mut self) -> Vec<Arc<Alarm>> {
        std::mem::take(&mut self.moved).into_values().collect()
    }

    pub fn take_news(&mut self) -> Vec<News> {
        std::mem::take(&mut self.news)
    }

    /// To be stored, at most so many; what could not be is put back with [`Self::unsaved`].
    pub fn take_unsaved(&mut self, most: usize) -> Vec<Arc<Alarm>> {
        if self.unsaved.len() <= most {
            return std::mem::take(&mut self.unsaved).into_values().collect();
        }
        (0..most)
            .filter_map(|_| self.unsaved.pop_first())
            .map(|(_, alarm)| alarm)
            .collect()
    }

    /// Unless it changed again meanwhile.
    pub fn put_back(&mut self, alarms: Vec<Arc<Alarm>>) {
        for alarm in alarms {
            self.unsaved.entry(alarm.id).or_insert(alarm);
        }
    }

    fn entry(&mut self, what: What<'_>) -> Option<&mut Entry> {
        let all = self.standing.get_mut(&what.meter)?;
        all.iter_mut().find(|it| is(&it.alarm, what))
    }

    fn mark(&mut self, alarm: &Arc<Alarm>) {
        for to in [&mut self.moved, &mut self.unsaved] {
            to.insert(alarm.id, Arc::clone(alarm));
            if to.len() > UNSAVED {
                let over = to.iter().find(|(_, it)| !it.stands()).map(|(id, _)| *id);
                over.map(|id| to.remove(&id));
            }
        }
    }

    fn make_room(&mut self) {
        while self.over.len() > OVER {
            self.over.pop_front();
        }
    }
}

fn is(alarm: &Alarm, what: What<'_>) -> bool {
    alarm.meter == Some(what.meter) && alarm.cause == what.cause && alarm.key == what.key
}

fn put(alarm: &mut Alarm, said: Said) {
    alarm.severity = said.severity;
    alarm.text = said.text;
    alarm.value = said.value;
}

/// Nothing where a clock was put back.
fn since(before: Timestamp, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(before)).unwrap_or_default()
}

#[cfg(test)]
mod tests;
