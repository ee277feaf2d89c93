//! The command line: every action found by name. The rule: it shows the key beside the name,
//! so that it teaches itself out of use.
use super::action::{Entry, Place, TABLE};
use super::input::Input;
use super::key::Key;

#[derive(Clone, Debug, Default)]
pub struct Palette {
    pub input: Input,
    pub selected: usize,
    /// The pane it was opened over.
    pub here: Option<Place>,
}

impl Palette {
    pub fn new(here: Place) -> Self {
        Self {
            here: Some(here),
            ..Self::default()
        }
    }

    /// Entries that match what is typed, best first: the name begins so, the name holds it,
    /// its letters come in this order, the help holds it.
    pub fn found(&self) -> Vec<&'static Entry> {
        let typed = self.input.text().trim().to_lowercase().replace(' ', "-");
        let mut found: Vec<(usize, &Entry)> = TABLE
            .iter()
            .filter(|entry| matches!(entry.place, Place::Panes | Place::Pane(_) | Place::Stepper))
            .filter(|entry| !entry.name.ends_with("-here") && entry.name != "command")
            .filter_map(|entry| Some((score(entry, &typed)?, entry)))
            .collect();
        found.sort_by_key(|(score, _)| *score);
        found.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Typing begins the choice anew.
    pub fn key(&mut self, key: Key) {
        if self.input.key(key) {
            self.selected = 0;
        }
    }

    pub fn chosen(&self) -> Option<&'static Entry> {
        self.found().get(self.selected).copied()
    }

    pub fn step(&mut self, back: bool) {
        let count = self.found().len();
        self.selected = match (self.selected, back) {
            (0, true) => count.saturating_sub(1),
            (at, true) => at - 1,
            (at, false) if at + 1 >= count => 0,
            (at, false) => at + 1,
        };
    }
}

fn score(entry: &Entry, typed: &str) -> Option<usize> {
    if entry.name.starts_with(typed) {
        return Some(0);
    }
    if entry.name.contains(typed) {
        return Some(1);
    }
    let mut letters = entry.name.chars();
    if typed.chars().all(|c| letters.any(|other| other == c)) {
        return Some(2);
    }
    let help = entry.help.to_lowercase();
    help.contains(&typed.replace('-', " ")).then_some(3)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::app::action::Action;

    #[test]
    fn names_are_found_by_beginning_letters_and_help() {
        let mut palette = Palette::new(Place::Panes);
        assert!(palette.found().len() > 20);
        palette.input.set("recon");
        assert_eq!(palette.chosen().map(|e| e.action), Some(Action::Reconnect));
        palette.input.set("add m");
        assert_eq!(palette.chosen().map(|e| e.action), Some(Action::AddMeter));
        palette.input.set("nxerr");
        assert_eq!(
            palette.chosen().map(|e| e.action),
            Some(Action::NextTrouble)
        );
        palette.input.set("clipboard");
        assert_eq!(palette.chosen().map(|e| e.action), Some(Action::Copy));
        palette.input.set("qqqq");
        assert!(palette.chosen().is_none());
        palette.step(true);
        palette.step(false);
    }
}
