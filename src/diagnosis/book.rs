//! What the rules have said: one entry an id, counted, with the first few pieces of evidence.
//! The rule: bounded whatever is said how often; ranked by what is sure, then by what is specific.

use super::rules::causes;
use super::{Confidence, Evidence, Finding};
use std::cmp::Reverse;

/// Kept of each finding.
const EVIDENCE: usize = 4;
/// Ids that one conversation can have; there are fewer rules than this.
const MOST: usize = 160;

/// A row of the table of diagnoses: what is always the same about one.
#[derive(Debug, PartialEq, Eq)]
pub struct Diagnosis {
    pub id: &'static str,
    /// One line a technician understands.
    pub title: &'static str,
    /// Cheapest first.
    pub remedy: &'static [&'static str],
    /// Among equally sure ones, the more specific stands first: 0 says "something is wrong", 9 names the very octet.
    pub specific: u8,
}

#[derive(Debug)]
struct Entry {
    diagnosis: &'static Diagnosis,
    title: Option<String>,
    confidence: Confidence,
    evidence: Vec<Evidence>,
    first_remedy: Option<String>,
    count: u64,
    order: usize,
}

/// Where rules write what they find.
#[derive(Debug, Default)]
pub struct Book {
    entries: Vec<Entry>,
    /// Changes so far.
    changes: u64,
}

impl Book {
    /// A number that another look finds grown if anything was said between.
    pub(super) fn changes(&self) -> u64 {
        self.changes
    }

    fn changed(&mut self) {
        self.changes = self.changes.wrapping_add(1);
    }

    /// Says it (again). `evidence` is asked for only while it is kept.
    pub fn add(
        &mut self,
        diagnosis: &'static Diagnosis,
        confidence: Confidence,
        evidence: impl FnOnce() -> Vec<Evidence>,
    ) {
        self.changed();
        let order = self.entries.len();
        let entry = match self
            .entries
            .iter_mut()
            .position(|e| e.diagnosis.id == diagnosis.id)
        {
            Some(at) => self.entries.get_mut(at),
            None if order < MOST => {
                self.entries.push(Entry {
                    diagnosis,
                    title: None,
                    confidence,
                    evidence: Vec::new(),
                    first_remedy: None,
                    count: 0,
                    order,
                });
                self.entries.last_mut()
            }
            None => None,
        };
        let Some(entry) = entry else { return };
        entry.count = entry.count.saturating_add(1);
        // Stronger evidence pushes out what only made it likely.
        if confidence > entry.confidence {
            entry.confidence = confidence;
            entry.evidence.clear();
        }
        let room = EVIDENCE.saturating_sub(entry.evidence.len());
        if room > 0 && confidence == entry.confidence {
            entry.evidence.extend(evidence().into_iter().take(room));
        }
    }

    /// As [`Book::add`] with one piece of evidence.
    pub fn note(
        &mut self,
        diagnosis: &'static Diagnosis,
        confidence: Confidence,
        evidence: impl FnOnce() -> Evidence,
    ) {
        self.add(diagnosis, confidence, || vec![evidence()]);
    }

    /// A title that names what this conversation showed, instead of the table's.
    pub fn entitle(&mut self, id: &'static str, title: impl Into<String>) {
        if let Some(entry) = self.find(id) {
            entry.title = Some(title.into());
        }
    }

    /// A remedy that this conversation suggests, before the table's.
    pub fn suggest(&mut self, id: &'static str, remedy: impl Into<String>) {
        if let Some(entry) = self.find(id) {
            entry.first_remedy = Some(remedy.into());
        }
    }

    fn find(&mut self, id: &'static str) -> Option<&mut Entry> {
        self.changed();
        self.entries
            .iter_mut()
            .find(|entry| entry.diagnosis.id == id)
    }

    /// It turned out otherwise.
    pub fn withdraw(&mut self, id: &'static str) {
        let before = self.entries.len();
        self.entries.retain(|entry| entry.diagnosis.id != id);
        if self.entries.len() != before {
            self.changed();
        }
    }

    pub fn has(&self, id: &str) -> bool {
        self.entries.iter().any(|entry| entry.diagnosis.id == id)
    }

    pub fn count(&self, id: &str) -> u64 {
        let entry = self.entries.iter().find(|e| e.diagnosis.id == id);
        entry.map_or(0, |entry| entry.count)
    }

    /// Its cause is listed, and is at least as sure.
    fn is_explained(&self, entry: &Entry) -> bool {
        causes::behind(entry.diagnosis.id).any(|cause| {
            let cause = self.entries.iter().find(|e| e.diagnosis.id == cause);
            cause.is_some_and(|cause| cause.confidence >= entry.confidence)
        })
    }

    /// Best first.
    pub fn ranked(&self) -> Vec<Finding> {
        let mut shown: Vec<&Entry> = self
            .entries
            .iter()
            .filter(|entry| !self.is_explained(entry))
            .collect();
        shown.sort_by_key(|e| {
            (
                Reverse(e.confidence),
                Reverse(e.diagnosis.specific),
                e.order,
            )
        });
        shown
            .into_iter()
            .map(|entry| Finding {
                id: entry.diagnosis.id,
                title: entry
                    .title
                    .clone()
                    .unwrap_or_else(|| entry.diagnosis.title.to_owned()),
                confidence: entry.confidence,
                evidence: entry.evidence.clone(),
                remedy: entry
                    .first_remedy
                    .iter()
                    .cloned()
                    .chain(
                        entry
                            .diagnosis
                            .remedy
                            .iter()
                            .map(|words| (*words).to_owned()),
                    )
                    .collect(),
                count: entry.count,
            })
            .collect()
    }
}
