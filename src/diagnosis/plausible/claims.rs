//! What was said of which object, and for how long it stands. The rule: nothing is said twice, nothing stands once the
//! object reads well again; bounded whatever comes.

use super::Millis;
use crate::cosem::Obis;
use crate::diagnosis::{Book, Confidence, Diagnosis, Evidence, Finding};

/// Kept at once; a meter that shows more than these is not read more finely.
const MOST: usize = 64;
/// So many good cycles in a row take a claim back …
const GOOD: u32 = 3;
/// … or one, so long after it last held: slow polls need not be waited for three times.
const LONG_AGO: Millis = 10 * 60_000;
/// What happened once (a register that ran backwards) is shown this long; the next good value does not undo it.
const EVENT: Millis = 60 * 60_000;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stay {
    /// True of one value as it stands.
    State,
    /// True of several values together; it must hold for a few cycles.
    Slow,
    /// It happened.
    Event,
}

#[derive(Debug)]
struct Claim {
    row: &'static Diagnosis,
    about: Obis,
    stay: Stay,
    sure: Confidence,
    text: String,
    count: u64,
    /// Cycles in a row in which it was said.
    held: u32,
    /// Cycles in a row in which it was not.
    good: u32,
    established: bool,
    last: Millis,
    /// In the cycle under way.
    said: bool,
}

#[derive(Debug)]
pub(super) struct Claims {
    list: Vec<Claim>,
    patience: u32,
}

impl Claims {
    pub(super) fn new(patience: u32) -> Self {
        Self {
            list: Vec::new(),
            patience,
        }
    }

    pub(super) fn say(
        &mut self,
        row: &'static Diagnosis,
        stay: Stay,
        sure: Confidence,
        (about, at): (Obis, Millis),
        text: impl FnOnce() -> String,
    ) {
        let place = self
            .list
            .iter()
            .position(|it| it.about == about && it.row.id == row.id);
        let claim = match place {
            Some(place) => self.list.get_mut(place),
            None if self.list.len() < MOST => {
                self.list.push(Claim {
                    row,
                    about,
                    stay,
                    sure,
                    text: String::new(),
                    count: 0,
                    held: 0,
                    good: 0,
                    established: false,
                    last: at,
                    said: false,
                });
                self.list.last_mut()
            }
            None => None,
        };
        let Some(claim) = claim else { return };
        if !claim.said {
            claim.held = claim.held.saturating_add(1);
            claim.count = claim.count.saturating_add(1);
        }
        (claim.said, claim.good, claim.last) = (true, 0, at);
        claim.text = text();
        let slow = stay == Stay::Slow;
        claim.sure = if slow && self.patience <= 1 {
            Confidence::Possible
        } else {
            sure
        };
        claim.established |= !slow || claim.held >= self.patience;
    }

    /// A cycle over these objects ends: what was not said again of them held no longer.
    pub(super) fn settle(&mut self, judged: &[Obis], at: Millis) {
        self.list.retain_mut(|claim| {
            if std::mem::take(&mut claim.said) || !judged.contains(&claim.about) {
                return true;
            }
            claim.held = 0;
            claim.good = claim.good.saturating_add(1);
            let since = at.saturating_sub(claim.last);
            match claim.stay {
                _ if !claim.established => false,
                Stay::Event => since < EVENT,
                Stay::State | Stay::Slow => claim.good < GOOD && since < LONG_AGO,
            }
        });
    }

    pub(super) fn retain(&mut self, kept: impl Fn(Obis) -> bool) {
        self.list.retain(|claim| kept(claim.about));
    }

    /// Best first.
    pub(super) fn findings(&self) -> Vec<Finding> {
        let mut book = Book::default();
        for claim in self.list.iter().filter(|claim| claim.established) {
            book.note(claim.row, claim.sure, || {
                Evidence::words(claim.text.as_str())
            });
        }
        let mut found = book.ranked();
        for finding in &mut found {
            let counts = self.list.iter().filter(|claim| claim.row.id == finding.id);
            finding.count = counts.map(|claim| claim.count).sum();
        }
        found
    }
}
