//! A recorded trace played again: at any speed, held, entry by entry, or on to the next error. The rule: what is shown at
//! a moment follows from the entries before it alone, so that playing and stepping end in the same picture.
//!
//! The trace comes in batches as it is played: what is held is a batch or two ahead and the rows of late, however long
//! the file is.
pub(crate) mod course;
#[cfg(test)]
mod tests;

use super::trace::{Assembler, ROWS, TraceRow};
use crate::headend::MeterView;
use crate::meter::document::Entry;
use crate::meter::tap::Record;
use crate::meter::{Definition, MeterId, MeterStatus};
use course::Course;
use jiff::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Entries in a batch, and how many are wanted ahead.
pub const BATCH: usize = 1024;
/// A silence longer than this is played as this long.
const LONGEST_WAIT: Duration = Duration::from_secs(10);
/// Between entries of a log without times.
const WITHOUT_TIMES: Duration = Duration::from_millis(200);
/// Entries one turn plays at most, so that the screen stays quick.
const A_TURN: usize = 500;
const SLOWEST: f64 = 0.125;
/// Faster is as fast as it goes: infinite.
const FASTEST: f64 = 4096.0;
/// Rows held of all meters, for those that are looked at later.
const PAST: usize = 4 * ROWS;
/// Meters told apart.
const METERS: usize = 4096;

/// What was read of the trace next.
#[derive(Clone, Debug, Default)]
pub struct Batch {
    pub entries: Vec<Entry>,
    /// Of the file, how much was read; where that can be known.
    pub read: Option<f64>,
    pub end: Option<End>,
}

/// Why no more comes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    Whole,
    /// In words.
    Broken(String),
}

#[derive(Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each stands for itself: pausing, ended, at full speed"
)]
pub struct Replay {
    ahead: VecDeque<Entry>,
    /// Of the recorded meters, by `MeterId` from 1.
    meters: Vec<Recorded>,
    by_name: HashMap<String, usize>,
    past: VecDeque<(usize, TraceRow)>,
    /// Entries played, and read.
    at: usize,
    read: usize,
    fraction: Option<f64>,
    ended: bool,
    /// The final silence was told.
    finished: bool,
    last: Option<Timestamp>,
    /// Played time that has not led to an entry yet.
    saved: Duration,
    pub playing: bool,
    pub speed: f64,
    timed: bool,
    /// Played on, as fast as it goes, to the next error.
    seeking: bool,
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
    /// The row in trouble that was sought.
    pub found: Option<u64>,
    /// It was sought to the end.
    pub missed: bool,
}

impl Replay {
    pub fn new(first: Batch, speed: f64, now: Instant) -> Self {
        let mut replay = Self {
            ahead: VecDeque::new(),
            meters: Vec::new(),
            by_name: HashMap::new(),
            past: VecDeque::new(),
            at: 0,
            read: 0,
            fraction: None,
            ended: false,
            finished: false,
            last: None,
            saved: Duration::ZERO,
            playing: true,
            speed: if speed > FASTEST {
                f64::INFINITY
            } else {
                speed.max(SLOWEST)
            },
            timed: false,
            seeking: false,
        };
        replay.feed(first, now);
        replay
    }

    /// What was read next; the meters that are new.
    pub fn feed(&mut self, batch: Batch, now: Instant) -> Vec<Arc<MeterView>> {
        let known = self.meters.len();
        for entry in &batch.entries {
            if !self.by_name.contains_key(&entry.meter) && self.meters.len() < METERS {
                self.by_name.insert(entry.meter.clone(), self.meters.len());
                self.meters.push(Recorded {
                    name: entry.meter.clone(),
                    course: Course::new(now),
                    assembler: Assembler::new(),
                });
            }
        }
        let times = |two: &[Entry]| two[0].at != two[1].at;
        self.timed |= batch.entries.windows(2).any(times);
        self.read += batch.entries.len();
        self.fraction = batch.read;
        self.ended |= batch.end.is_some();
        self.ahead.extend(batch.entries);
        (known..self.meters.len())
            .filter_map(|n| self.view(n))
            .collect()
    }

    /// Whether another batch is due.
    pub fn wants(&self) -> bool {
        !self.ended && self.ahead.len() < BATCH
    }

    /// Entries played, and how many there are; before that is known, how many in a hundred.
    pub fn progress(&self) -> String {
        if self.ended {
            return format!("{} of {}", self.at, self.read);
        }
        #[expect(
            clippy::cast_precision_loss,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "a share of a hundred, for people"
        )]
        let share = self.fraction.map(|fraction| {
            let played = self.at as f64 / self.read.max(1) as f64;
            (fraction * played * 100.0).clamp(0.0, 99.0) as u8
        });
        match share {
            Some(share) => format!("{}, {share} %", self.at),
            None => self.at.to_string(),
        }
    }

    /// `4`, or `max`.
    pub fn pace(&self) -> String {
        match self.speed {
            _ if self.seeking => "to the next error".to_owned(),
            speed if speed.is_finite() => format!("×{speed}"),
            _ => "×max".to_owned(),
        }
    }

    pub fn over(&self) -> bool {
        self.ended && self.ahead.is_empty()
    }

    pub fn faster(&mut self, slower: bool) {
        self.speed = match (slower, self.speed) {
            (true, speed) if speed.is_infinite() => FASTEST,
            (true, speed) => (speed * 0.5).max(SLOWEST),
            (false, speed) if speed >= FASTEST => f64::INFINITY,
            (false, speed) => speed * 2.0,
        };
    }

    /// Holds, or plays on.
    pub fn toggle(&mut self) {
        self.playing = !self.playing;
        self.seeking = false;
    }

    /// Plays on to the next frame of the shown meter that is wrong.
    pub fn seek(&mut self) {
        self.seeking = true;
        self.playing = true;
    }

    /// All meters as they stand now.
    pub fn views(&self) -> Vec<Arc<MeterView>> {
        (0..self.meters.len())
            .filter_map(|n| self.view(n))
            .collect()
    }

    /// Plays on by so much time, for the rows of `meter`.
    pub fn play(&mut self, elapsed: Duration, meter: Option<MeterId>, now: Instant) -> Turn {
        // The end may be known only after the last entry was played.
        if self.over() && (self.seeking || !self.finished) {
            return self.take(0, meter, now);
        }
        if !self.playing || self.over() {
            return Turn::default();
        }
        if self.seeking || self.speed.is_infinite() {
            return self.take(A_TURN, meter, now);
        }
        // A trace that is not read as fast as it is played does not make up for it.
        self.saved = (self.saved + elapsed.mul_f64(self.speed)).min(LONGEST_WAIT * 4096);
        let mut due = 0;
        let mut last = self.last;
        for entry in self.ahead.iter().take(A_TURN) {
            let Some(left) = self.saved.checked_sub(self.wait(last, entry.at)) else {
                break;
            };
            self.saved = left;
            last = Some(entry.at);
            due += 1;
        }
        if due == self.ahead.len() && !self.ended {
            self.saved = self.saved.min(LONGEST_WAIT);
        }
        self.take(due, meter, now)
    }

    /// One entry more, whatever the time.
    pub fn step(&mut self, meter: Option<MeterId>, now: Instant) -> Turn {
        self.playing = false;
        self.seeking = false;
        self.saved = Duration::ZERO;
        self.take(1, meter, now)
    }

    /// The rows of another meter up to now, as far back as they are held.
    pub fn rows_of(&self, meter: MeterId) -> Vec<TraceRow> {
        let of = |(n, row): &(usize, TraceRow)| (id(*n) == meter).then(|| row.clone());
        self.past.iter().filter_map(of).collect()
    }

    fn wait(&self, last: Option<Timestamp>, at: Timestamp) -> Duration {
        if !self.timed {
            return WITHOUT_TIMES;
        }
        let Some(last) = last else {
            return Duration::ZERO;
        };
        Duration::try_from(at.duration_since(last))
            .unwrap_or_default()
            .min(LONGEST_WAIT)
    }

    fn take(&mut self, count: usize, shown: Option<MeterId>, now: Instant) -> Turn {
        let mut turn = Turn::default();
        let mut moved: Vec<usize> = Vec::new();
        for _ in 0..count {
            let Some(entry) = self.ahead.pop_front() else {
                break;
            };
            self.at += 1;
            self.last = Some(entry.at);
            let Some(n) = self.by_name.get(&entry.meter).copied() else {
                continue;
            };
            let Some(meter) = self.meters.get_mut(n) else {
                continue;
            };
            let rows = meter.assembler.rows(&[record(&entry)]);
            meter.course.take(&entry, &rows, now);
            if !moved.contains(&n) {
                moved.push(n);
            }
            self.past.extend(rows.iter().map(|row| (n, row.clone())));
            self.past.drain(..self.past.len().saturating_sub(PAST));
            if shown == Some(id(n)) {
                turn.found = rows.iter().find(|row| row.trouble()).map(|row| row.seq);
                turn.rows.extend(rows);
                if self.seeking && turn.found.is_some() {
                    (self.seeking, self.playing) = (false, false);
                    self.saved = Duration::ZERO;
                    break;
                }
                turn.found = None;
            }
        }
        if self.finish() {
            moved = (0..self.meters.len()).collect();
        }
        turn.missed = self.over() && std::mem::take(&mut self.seeking);
        turn.views = moved.into_iter().filter_map(|n| self.view(n)).collect();
        turn
    }

    /// Tells each meter that nothing more comes, once; whether it did.
    fn finish(&mut self) -> bool {
        if self.finished || !self.over() {
            return false;
        }
        self.finished = true;
        for meter in &mut self.meters {
            meter.course.end();
        }
        true
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
        Some(Arc::new(MeterView {
            definition: definition.into(),
            status,
            health: Arc::default(),
            bench: None,
            attention: None,
        }))
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
