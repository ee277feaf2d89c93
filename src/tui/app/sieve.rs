//! What a typed filter lets through. The rule: every word must be somewhere in what a person could have read of the meter.
use super::fleet::State;
use crate::headend::MeterView;
use std::fmt::Write;

#[derive(Clone, Debug, Default)]
pub struct Sieve {
    text: String,
    words: Vec<String>,
}

impl Sieve {
    pub fn new(text: &str) -> Self {
        let text = text.trim().to_lowercase();
        let words = text.split_whitespace().map(str::to_owned).collect();
        Self { text, words }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_open(&self) -> bool {
        self.words.is_empty()
    }

    /// Name, host and port, state, and why it is not well. `scratch` is room to write in, kept between meters.
    pub fn passes(&self, view: &MeterView, scratch: &mut String) -> bool {
        if self.is_open() {
            return true;
        }
        scratch.clear();
        let definition = &view.definition;
        let state = State::of(&view.status.phase);
        let _ = write!(
            scratch,
            "{}\n{}:{}\n{}",
            definition.name,
            definition.host,
            definition.port,
            state.word()
        );
        // What was mended is no cause any more.
        if !matches!(state, State::Ready | State::Stopped)
            && let Some(error) = &view.status.last_error
        {
            let _ = write!(scratch, "\n{}", error.what);
        }
        for finding in view.findings() {
            let _ = write!(scratch, "\n{} {}", finding.id, finding.title);
        }
        self.holds(scratch)
    }

    /// Whether every word is in the text, which is changed.
    pub fn holds(&self, scratch: &mut String) -> bool {
        if scratch.is_ascii() {
            scratch.make_ascii_lowercase();
        } else {
            *scratch = scratch.to_lowercase();
        }
        self.words.iter().all(|word| scratch.contains(word))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::app::fixture::{Moment, h1};

    #[test]
    fn every_word_counts_wherever_it_stands() {
        let moment = Moment::new();
        let mut scratch = String::new();
        let mut passes = |text: &str, view: &MeterView| Sieve::new(text).passes(view, &mut scratch);
        let mut view = moment.needs_person();
        for text in [
            "",
            "  ",
            "PUMP",
            "10.0.4.9:3333",
            "needs you",
            "refused house",
        ] {
            assert!(passes(text, &view), "{text}");
        }
        assert!(!passes("pump feeder", &view));
        view.status.findings = [h1()].into();
        assert!(passes("h1 ignores", &view));
        std::sync::Arc::make_mut(&mut view.definition).name = "Zähler".into();
        assert!(passes("zÄHL", &view));
        let mut well = moment.healthy();
        well.status.last_error = view.status.last_error.clone();
        assert!(!passes("refused", &well), "that is long mended");
    }
}
