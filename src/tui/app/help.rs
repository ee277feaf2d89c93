//! The help: the action table, the place one came from first. The rule: it is made, never
//! written.
use super::action::{Entry, PLACES, Place, entries};

#[derive(Clone, Debug)]
pub struct Help {
    pub here: Place,
    pub top: usize,
}

/// One line of the help.
#[derive(Clone, Copy, Debug)]
pub enum Line {
    Heading(&'static str),
    Entry(&'static Entry),
    Blank,
}

impl Help {
    pub const fn new(here: Place) -> Self {
        Self { here, top: 0 }
    }

    pub fn lines(&self) -> Vec<Line> {
        let mut places = vec![self.here, Place::Panes];
        for place in PLACES {
            if !places.contains(&place) {
                places.push(place);
            }
        }
        let mut lines = Vec::new();
        for place in places {
            if entries(place).next().is_none() {
                continue;
            }
            if !lines.is_empty() {
                lines.push(Line::Blank);
            }
            lines.push(Line::Heading(place.title()));
            lines.extend(entries(place).map(Line::Entry));
        }
        lines
    }
}
