//! The list of meters: which of them are shown, and which one everything else is about. The
//! rule: the selection is a meter, not a row, so that arrivals do not move it.
use super::fleet::{Fleet, State};
use super::words;
use crate::cosem::data::printable;
use crate::headend::MeterView;
use crate::meter::{MeterId, Phase};
use std::time::{Duration, Instant};

#[derive(Debug, Default)]
pub struct MetersPane {
    filter: String,
    rows: Vec<MeterId>,
    selected: Option<MeterId>,
    index: usize,
    /// First row of the last picture.
    pub top: usize,
}

impl MetersPane {
    pub fn filter(&self) -> &str {
        &self.filter
    }

    pub fn set_filter(&mut self, text: &str, fleet: &Fleet) {
        self.filter = text.trim().to_lowercase();
        self.refresh(fleet);
    }

    /// Which meters pass, after any of them changed.
    pub fn refresh(&mut self, fleet: &Fleet) {
        self.rows = if self.filter.is_empty() {
            fleet.by_name().to_vec()
        } else {
            fleet
                .by_name()
                .iter()
                .copied()
                .filter(|id| fleet.get(*id).is_some_and(|view| self.passes(view)))
                .collect()
        };
        let kept = self
            .selected
            .and_then(|id| self.rows.iter().position(|other| *other == id));
        match kept {
            Some(index) => self.index = index,
            None => self.select_at(self.index),
        }
    }

    fn passes(&self, view: &MeterView) -> bool {
        let d = &view.definition;
        d.name.to_lowercase().contains(&self.filter)
            || d.endpoint().to_lowercase().contains(&self.filter)
            || State::of(&view.status.phase).word().contains(&self.filter)
    }

    pub fn rows(&self) -> &[MeterId] {
        &self.rows
    }

    pub fn selected(&self) -> Option<MeterId> {
        self.selected
    }

    pub fn index(&self) -> usize {
        self.index
    }

    pub fn select(&mut self, id: MeterId) {
        if let Some(index) = self.rows.iter().position(|other| *other == id) {
            self.select_at(index);
        }
    }

    pub fn select_at(&mut self, index: usize) {
        self.index = index.min(self.rows.len().saturating_sub(1));
        self.selected = self.rows.get(self.index).copied();
    }

    pub fn step(&mut self, by: isize) {
        self.select_at(self.index.saturating_add_signed(by));
    }
}

/// What stands beside a meter's address: why it is not ready, or how well it does.
pub fn remark(view: &MeterView, now: Instant) -> String {
    let status = &view.status;
    match &status.phase {
        Phase::Ready => {
            let silent = status.last_received.map_or(Duration::ZERO, |at| {
                now.saturating_duration_since(at.into_std())
            });
            if silent > late(view.definition.poll) {
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
    let counters = &view.status.counters;
    let good = counters.polls.saturating_sub(counters.polls_failed);
    let tenths = good.saturating_mul(1000).checked_div(counters.polls)?;
    Some(format!("{}.{} % good", tenths / 10, tenths % 10))
}

/// When a reading that should have been renewed counts as old.
pub fn late(poll: Duration) -> Duration {
    poll.saturating_mul(3).max(Duration::from_secs(10))
}
