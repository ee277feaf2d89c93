//! The frames of one meter: a bounded ring keyed by sequence number, what the eye rests on,
//! and the selected frame explained. The rule: rows that arrive or fall out at the far end
//! never move what is being looked at.
pub mod assemble;
pub mod filter;
pub mod marks;
mod proof;
pub mod row;
#[cfg(test)]
mod tests;

pub use assemble::Assembler;
pub use filter::Filter;
pub use marks::Marks;
pub use row::{TraceRow, What};

use crate::diagnosis::Finding;
use crate::dlms::explain::{self, Explained, Field};
use crate::meter::MeterId;
use crate::meter::document::{self, Entry, Redaction};
use crate::meter::tap::{Chunk, Direction};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// A frame the pane chose by itself stays explained at least this long.
const READ_IN: Duration = Duration::from_secs(4);
/// How far back the pane looks for an answer to explain.
const NEAR: usize = 16;

/// Rows kept; twice as many while the picture is frozen.
pub const ROWS: usize = 5000;

#[derive(Debug)]
pub struct TracePane {
    pub meter: Option<MeterId>,
    rows: VecDeque<TraceRow>,
    /// Numbers of the rows that pass the filter.
    passing: VecDeque<u64>,
    /// Numbers of the rows in trouble.
    trouble: VecDeque<u64>,
    filter: Filter,
    filter_text: String,
    /// Rows dropped before they could be shown.
    pub lost: u64,
    /// The newest row stays in sight.
    pub follow: bool,
    selected: Option<u64>,
    /// First row of the last picture.
    pub top: Option<u64>,
    /// Last row of a frozen picture.
    limit: Option<u64>,
    /// The arrow keys walk fields instead of rows.
    pub walking: bool,
    pub field: usize,
    explained: Option<(u64, Explained)>,
    /// When the pane itself chose what to explain.
    rested: Option<Instant>,
    pub marks: Marks,
    /// What the frames held here show.
    findings: Vec<Finding>,
    /// What the bench found, its frames counted as the rows are.
    bench: Vec<Finding>,
}

impl Default for TracePane {
    fn default() -> Self {
        Self {
            meter: None,
            rows: VecDeque::new(),
            passing: VecDeque::new(),
            trouble: VecDeque::new(),
            filter: Filter::default(),
            filter_text: String::new(),
            lost: 0,
            follow: true,
            selected: None,
            top: None,
            limit: None,
            walking: false,
            field: 0,
            explained: None,
            rested: None,
            marks: Marks::default(),
            findings: Vec::new(),
            bench: Vec::new(),
        }
    }
}

impl TracePane {
    /// Begins anew for another meter; the filter stays.
    pub fn switch(&mut self, meter: Option<MeterId>) {
        *self = Self {
            meter,
            filter: std::mem::take(&mut self.filter),
            filter_text: std::mem::take(&mut self.filter_text),
            ..Self::default()
        };
    }

    pub fn push(&mut self, rows: Vec<TraceRow>) {
        let mut marked = false;
        for row in rows {
            // A mark that a document kept goes back to its frame.
            if let (What::Note(note), Some(last)) = (&row.what, self.rows.back())
                && let Some(text) = marks::read(note)
            {
                self.marks.set(last.seq, text);
                marked = true;
                continue;
            }
            if self.rows.back().is_some_and(|last| row.seq <= last.seq) {
                continue;
            }
            if self.filter.passes(&row, false) {
                self.passing.push_back(row.seq);
            }
            if row.trouble() {
                self.trouble.push_back(row.seq);
            }
            self.rows.push_back(row);
        }
        let keep = if self.limit.is_some() { 2 * ROWS } else { ROWS };
        while self.rows.len() > keep {
            self.rows.pop_front();
        }
        let first = self.rows.front().map_or(0, |row| row.seq);
        self.marks.forget_before(first);
        if marked && !self.filter.is_empty() {
            self.refilter();
        }
        for index in [&mut self.passing, &mut self.trouble] {
            while index.front().is_some_and(|seq| *seq < first) {
                index.pop_front();
            }
        }
        if self.follow {
            if self.selected().is_none() {
                self.select_last();
            }
        } else if self.selected.is_some_and(|seq| seq < first) {
            self.select(self.passing.front().copied());
        }
    }

    /// How many rows pass the filter (up to the frozen end).
    pub fn len(&self) -> usize {
        self.limit.map_or(self.passing.len(), |limit| {
            self.passing.partition_point(|seq| *seq <= limit)
        })
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many rows are held in all.
    pub fn held(&self) -> usize {
        self.rows.len()
    }

    /// Rows that came after the frozen end.
    pub fn beyond(&self) -> usize {
        self.passing.len() - self.len()
    }

    /// Rows that pass, from the `from`th on.
    pub fn visible(&self, from: usize) -> impl Iterator<Item = &TraceRow> {
        self.passing
            .range(from.min(self.len())..self.len())
            .filter_map(|seq| self.row(*seq))
    }

    pub fn row(&self, seq: u64) -> Option<&TraceRow> {
        let at = self.rows.partition_point(|row| row.seq < seq);
        self.rows.get(at).filter(|row| row.seq == seq)
    }

    /// Position of a row among those that pass; of the next one when it does not.
    pub fn position(&self, seq: u64) -> usize {
        self.passing.partition_point(|other| *other < seq)
    }

    pub fn selected(&self) -> Option<&TraceRow> {
        self.row(self.selected?)
    }

    pub fn selected_seq(&self) -> Option<u64> {
        self.selected
    }

    /// The selected frame, field by field.
    pub fn explained(&self) -> Option<&Explained> {
        let (seq, explained) = self.explained.as_ref()?;
        (Some(*seq) == self.selected).then_some(explained)
    }

    /// While following, what is explained rests: on an answer that came lately, until that has
    /// left the list and there was time to read it. True when the eye was moved on.
    pub fn rest(&mut self, now: Instant) -> bool {
        if !self.follow || self.limit.is_some() {
            return false;
        }
        let settled = self.explained().is_some() && self.rested.is_some();
        if settled && (self.in_sight() || self.rested.is_some_and(|at| now < at + READ_IN)) {
            return false;
        }
        let answer = |seq: &&u64| {
            self.row(**seq).is_some_and(|row| {
                matches!(
                    row.what,
                    What::Frame {
                        direction: Direction::Received,
                        ..
                    }
                )
            })
        };
        let Some(to) = self.passing.iter().rev().take(NEAR).find(answer).copied() else {
            return false;
        };
        self.rested = Some(now);
        let moved = self.selected != Some(to);
        self.select(Some(to));
        moved
    }

    /// Whether the selected row is in the last picture; all below its first row is.
    fn in_sight(&self) -> bool {
        self.selected >= self.top
    }

    fn select(&mut self, seq: Option<u64>) {
        if self.selected == seq && self.explained().is_some() {
            return;
        }
        self.selected = seq;
        self.explained = self.selected().and_then(|row| match &row.what {
            What::Frame {
                direction, bytes, ..
            } => {
                let all = explain::explain_from(bytes, assemble::way(*direction));
                Some((row.seq, all.frames.into_iter().next()?))
            }
            _ => None,
        });
        self.field = self.explained().map_or(0, |e| telling(&e.fields));
    }

    fn select_at(&mut self, position: usize) {
        let last = self.len().checked_sub(1);
        self.select(last.and_then(|last| self.passing.get(position.min(last)).copied()));
    }

    fn select_last(&mut self) {
        self.select_at(usize::MAX);
    }

    /// Moves the selection by rows and stops following; at the end it follows again.
    pub fn step(&mut self, by: isize) {
        if self.follow && !self.in_sight() {
            self.select_last();
        }
        let Some(seq) = self.selected else {
            return self.select_last();
        };
        let to = self.position(seq).saturating_add_signed(by);
        self.follow = self.limit.is_none() && by > 0 && to >= self.len();
        self.select_at(to);
    }

    pub fn to_top(&mut self) {
        self.follow = false;
        self.select_at(0);
    }

    /// To the newest row, and on with it.
    pub fn follow(&mut self) {
        self.follow = true;
        self.walking = false;
        self.select_last();
    }

    /// A click on a row.
    pub fn choose(&mut self, seq: u64) {
        self.follow = false;
        self.select(Some(seq));
    }

    /// To the answer that came last before this moment and is about this object; false when it is no longer held.
    pub fn choose_answer(&mut self, at: jiff::Timestamp, about: &str) -> bool {
        let answer = |row: &&TraceRow| {
            let received = matches!(
                row.what,
                What::Frame {
                    direction: Direction::Received,
                    ..
                }
            );
            received && row.at <= at && row.about.as_deref() == Some(about)
        };
        let found = self.rows.iter().rev().find(answer).map(|row| row.seq);
        if let Some(seq) = found {
            if !self.passing.contains(&seq) {
                self.set_filter("");
            }
            self.choose(seq);
        }
        found.is_some()
    }

    /// To the next row in trouble that passes the filter, round and round. `None`: there is
    /// none. True: it went past the end.
    pub fn jump(&mut self, back: bool) -> Option<bool> {
        // While following, whatever rests under the eye was not looked for.
        let here = if self.follow {
            self.passing.back().copied()
        } else {
            self.selected
        };
        let mut found: VecDeque<u64> = self
            .trouble
            .iter()
            .copied()
            .filter(|seq| self.limit.is_none_or(|limit| *seq <= limit))
            .filter(|seq| self.passing.binary_search(seq).is_ok())
            .collect();
        if back {
            found.make_contiguous().reverse();
        }
        let beyond = |seq: &u64| match here {
            None => true,
            Some(here) if back && self.follow => *seq <= here,
            Some(here) if back => *seq < here,
            Some(here) => *seq > here,
        };
        let next = found.iter().copied().find(beyond);
        let (to, wrapped) = match next {
            Some(to) => (to, false),
            None if self.follow && !back => (*found.back()?, false),
            None => (*found.front()?, true),
        };
        self.choose(to);
        Some(wrapped)
    }

    /// Whether a row in trouble follows the selected one.
    pub fn trouble_ahead(&self) -> bool {
        let here = if self.follow { None } else { self.selected };
        here.is_some_and(|here| {
            let last = self.trouble.iter().rev().find(|seq| self.passes(**seq));
            last.is_some_and(|seq| *seq > here)
        })
    }

    pub fn any_trouble(&self) -> bool {
        !self.trouble.is_empty()
    }

    pub fn filter_text(&self) -> &str {
        &self.filter_text
    }

    pub fn set_filter(&mut self, text: &str) {
        text.trim().clone_into(&mut self.filter_text);
        self.filter = Filter::parse(text);
        self.refilter();
        self.top = None;
        match self.selected {
            Some(seq) if !self.follow => self.select_at(self.position(seq)),
            _ => self.select_last(),
        }
    }

    /// Which rows pass, after the filter or a mark changed.
    fn refilter(&mut self) {
        self.passing = self
            .rows
            .iter()
            .filter(|row| self.filter.passes(row, self.marks.of(row.seq).is_some()))
            .map(|row| row.seq)
            .collect();
    }

    pub fn passes(&self, seq: u64) -> bool {
        self.passing.binary_search(&seq).is_ok()
    }

    /// Holds the picture at its newest row.
    pub fn freeze(&mut self) {
        self.limit = Some(self.rows.back().map_or(0, |row| row.seq));
    }

    pub fn thaw(&mut self) {
        self.limit = None;
        self.push(Vec::new());
    }

    /// The field the highlight rests on.
    pub fn current_field(&self) -> Option<&Field> {
        self.explained()?.fields.get(self.field)
    }

    /// Moves over the fields of the selected frame; stops following, so that it stays.
    pub fn step_field(&mut self, by: isize) {
        let count = self.explained().map_or(0, |e| e.fields.len());
        self.field = self
            .field
            .saturating_add_signed(by)
            .min(count.saturating_sub(1));
        self.follow = false;
    }

    /// Every row that passes, with what was written beside it, as a document without secrets.
    pub fn document(&self, meter: &str) -> Vec<Entry> {
        // What answers mean their requests say: all are gone through, and those that do not pass left out after.
        let mut entries = Vec::new();
        let mut passes = Vec::new();
        for row in self
            .rows
            .iter()
            .take_while(|row| self.limit.is_none_or(|limit| row.seq <= limit))
        {
            let here = self.passes(row.seq);
            match &row.what {
                What::Note(note) => entries.push(Entry::note(row.at, meter, note)),
                What::Frame {
                    direction, bytes, ..
                }
                | What::Junk { direction, bytes } => {
                    entries.push(Entry {
                        at: row.at,
                        meter: meter.to_owned(),
                        what: Chunk::Bytes {
                            direction: *direction,
                            bytes: bytes.clone(),
                        },
                        masked: false,
                    });
                }
            }
            passes.push(here);
            if let Some(text) = self.marks.of(row.seq) {
                entries.push(marks::written(row.at, meter, text));
                passes.push(here);
            }
        }
        document::redact(&mut entries, Redaction::default());
        let mut passes = passes.into_iter();
        entries.retain(|_| passes.next().unwrap_or(false));
        entries
    }
}

/// The field to rest on first: what is wrong, else the innermost of what the frame says.
fn telling(fields: &[Field]) -> usize {
    let wrong = fields.iter().position(|field| field.problem.is_some());
    let says = || {
        fields
            .iter()
            .rposition(|field| !matches!(field.name.as_ref(), "flag" | "FCS" | "HCS"))
    };
    wrong.or_else(says).unwrap_or(0)
}
