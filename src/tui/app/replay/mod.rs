//! A recorded trace played again: at any speed, held, or entry by entry. The rule: what is shown at a moment follows
//! from the entries before it alone, so that playing and stepping end in the same picture.
pub(crate) mod course;

use super::trace::{Assembler, TraceRow};
use crate::headend::MeterView;
use crate::meter::document::Entry;
use crate::meter::tap::Record;
use crate::meter::{Definition, MeterId, MeterStatus};
use course::Course;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A silence longer than this is played as this long.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Between entries of a log without times.
const WITHOUT_TIMES: Duration = Duration::from_millis(200);
/// Entries one turn plays at most, so that the screen stays quick.
const A_TURN: usize = 500;
const SLOWEST: f64 = 0.125;
const FASTEST: f64 = 4096.0;

#[derive(Debug)]
pub struct Replay {
    entries: Vec<Entry>,
    /// Of the recorded meters, by `MeterId` from 1.
    meters: Vec<Recorded>,
    /// Entries played.
    at: usize,
    /// Played time that has not led to an entry yet.
    saved: Duration,
    pub playing: bool,
    pub speed: f64,
    timed: bool,
}

#[derive(Debug)]
struct Recorded {
    name: String,
    course: Course,
    assembler: Assembler,
}

/// What a turn brought.
#[derive(Debug, Default)]
pub struct Turn {
    pub views: Vec<Arc<MeterView>>,
    /// Of the meter that was asked for.
    pub rows: Vec<TraceRow>,
}

impl Replay {
    pub fn new(entries: Vec<Entry>, speed: f64, now: Instant) -> Self {
        let mut meters: Vec<Recorded> = Vec::new();
        for entry in &entries {
            if !meters.iter().any(|meter| meter.name == entry.meter) {
                meters.push(Recorded {
                    name: entry.meter.clone(),
                    course: Course::new(now),
                    assembler: Assembler::new(),
                });
            }
        }
        let timed = entries.windows(2).any(|two| two[0].at != two[1].at);
        Self {
            entries,
            meters,
            at: 0,
            saved: Duration::ZERO,
            playing: true,
            speed: speed.clamp(SLOWEST, FASTEST),
            timed,
        }
    }

    /// Entries played, and how many there are.
    pub fn progress(&self) -> (usize, usize) {
        (self.at, self.entries.len())
    }

    pub fn over(&self) -> bool {
        self.at >= self.entries.len()
    }

    pub fn faster(&mut self, slower: bool) {
        let factor = if slower { 0.5 } else { 2.0 };
        self.speed = (self.speed * factor).clamp(SLOWEST, FASTEST);
    }

    /// All meters as they stand now.
    pub fn views(&self) -> Vec<Arc<MeterView>> {
        (0..self.meters.len())
            .filter_map(|n| self.view(n))
            .collect()
    }

    /// Plays on by so much time, for the rows of `meter`.
    pub fn play(&mut self, elapsed: Duration, meter: Option<MeterId>, now: Instant) -> Turn {
        if !self.playing || self.over() {
            return Turn::default();
        }
        self.saved += elapsed.mul_f64(self.speed);
        let mut due = 0;
        while due < A_TURN && self.at + due < self.entries.len() {
            let wait = self.wait(self.at + due);
            let Some(left) = self.saved.checked_sub(wait) else {
                break;
            };
            self.saved = left;
            due += 1;
        }
        self.take(due, meter, now)
    }

    /// One entry more, whatever the time.
    pub fn step(&mut self, meter: Option<MeterId>, now: Instant) -> Turn {
        self.playing = false;
        self.saved = Duration::ZERO;
        self.take(1, meter, now)
    }

    /// The rows of another meter up to now.
    pub fn rows_of(&mut self, meter: MeterId) -> Vec<TraceRow> {
        let Some(n) = self.number(meter) else {
            return Vec::new();
        };
        let mut assembler = Assembler::new();
        let mut rows = Vec::new();
        let name = &self.meters[n].name;
        for entry in self
            .entries
            .iter()
            .take(self.at)
            .filter(|e| e.meter == *name)
        {
            rows.extend(assembler.rows(&[record(entry)]));
        }
        self.meters[n].assembler = assembler;
        rows
    }

    fn wait(&self, index: usize) -> Duration {
        if !self.timed {
            return WITHOUT_TIMES;
        }
        let Some(before) = index.checked_sub(1).and_then(|n| self.entries.get(n)) else {
            return Duration::ZERO;
        };
        let wait = self.entries[index].at.duration_since(before.at);
        Duration::try_from(wait)
            .unwrap_or_default()
            .min(LONGEST_WAIT)
    }

    fn take(&mut self, count: usize, shown: Option<MeterId>, now: Instant) -> Turn {
        let mut turn = Turn::default();
        let mut moved: Vec<usize> = Vec::new();
        let end = (self.at + count).min(self.entries.len());
        for entry in &self.entries[self.at..end] {
            let Some(n) = self.meters.iter().position(|m| m.name == entry.meter) else {
                continue;
            };
            let meter = &mut self.meters[n];
            let rows = meter.assembler.rows(&[record(entry)]);
            meter.course.take(entry, &rows, now);
            if shown == Some(id(n)) {
                turn.rows.extend(rows);
            }
            if !moved.contains(&n) {
                moved.push(n);
            }
        }
        self.at = end;
        if self.over() {
            for (n, meter) in self.meters.iter_mut().enumerate() {
                meter.course.end();
                if !moved.contains(&n) {
                    moved.push(n);
                }
            }
        }
        turn.views = moved.into_iter().filter_map(|n| self.view(n)).collect();
        turn
    }

    fn view(&self, n: usize) -> Option<Arc<MeterView>> {
        let meter = self.meters.get(n)?;
        let name = if meter.name.is_empty() {
            "trace"
        } else {
            &meter.name
        };
        let mut definition = Definition::new(name, "recorded", 0);
        definition.id = id(n);
        let status: MeterStatus = meter.course.status();
        Some(Arc::new(MeterView { definition, status }))
    }

    fn number(&self, meter: MeterId) -> Option<usize> {
        (0..self.meters.len()).find(|n| id(*n) == meter)
    }
}

fn id(n: usize) -> MeterId {
    MeterId(i64::try_from(n).unwrap_or(0) + 1)
}

fn record(entry: &Entry) -> Record {
    Record {
        seq: 0,
        at: entry.at,
        what: entry.what.clone(),
    }
}
