//! Marks a person set on frames, and what they wrote beside them. The rule: a mark stays on its frame, and goes with it.
use super::TracePane;
use crate::meter::document::Entry;
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::ops::Bound;

/// How a mark stands in a document: a note behind its frame.
const MARK: &str = "mark";

/// A mark as a document keeps it.
pub(super) fn written(at: Timestamp, meter: &str, text: &str) -> Entry {
    if text.is_empty() {
        Entry::note(at, meter, MARK)
    } else {
        Entry::note(at, meter, &format!("{MARK}: {text}"))
    }
}

/// What was written beside the frame before, if this note is a mark.
pub(super) fn read(note: &str) -> Option<&str> {
    let rest = note.strip_prefix(MARK)?;
    if rest.is_empty() {
        return Some(rest);
    }
    rest.strip_prefix(": ")
}

/// By the row's number.
#[derive(Clone, Debug, Default)]
pub struct Marks {
    notes: BTreeMap<u64, String>,
}

impl Marks {
    pub fn of(&self, seq: u64) -> Option<&str> {
        self.notes.get(&seq).map(String::as_str)
    }

    pub(super) fn set(&mut self, seq: u64, text: &str) {
        self.notes.insert(seq, text.trim().to_owned());
    }

    pub fn is_empty(&self) -> bool {
        self.notes.is_empty()
    }

    pub fn len(&self) -> usize {
        self.notes.len()
    }

    pub fn forget_before(&mut self, first: u64) {
        self.notes = self.notes.split_off(&first);
    }
}

impl TracePane {
    /// Marks the selected row, or takes its mark away. True: it is marked now.
    pub fn toggle_mark(&mut self) -> Option<bool> {
        let seq = self.selected_seq()?;
        self.follow = false;
        let marked = self.marks.notes.remove(&seq).is_none();
        if marked {
            self.marks.notes.insert(seq, String::new());
        }
        self.refilter();
        Some(marked)
    }

    /// Writes beside the selected row; a row without a mark gets one.
    pub fn annotate(&mut self, text: &str) {
        if let Some(seq) = self.selected_seq() {
            self.follow = false;
            self.marks.notes.insert(seq, text.trim().to_owned());
            self.refilter();
        }
    }

    /// To the next marked row that passes the filter, round and round. None: there is none.
    pub fn jump_mark(&mut self, back: bool) -> Option<u64> {
        let marked: Vec<u64> = self
            .marks
            .notes
            .range((Bound::Unbounded, Bound::<u64>::Unbounded))
            .map(|(seq, _)| *seq)
            .filter(|seq| self.passes(*seq))
            .collect();
        let here = self.selected_seq().unwrap_or(0);
        let to = if back {
            let before = marked.iter().rev().find(|seq| **seq < here);
            before.or(marked.last())
        } else {
            marked.iter().find(|seq| **seq > here).or(marked.first())
        };
        let to = *to?;
        self.choose(to);
        Some(to)
    }
}
