//! What the last picture put where, so that mouse and paging act on what the eye sees.
//! The rule: it is only ever replaced whole, by `Msg::Shown`.
use super::action::Action;
use super::fleet::State;
use super::pane::Pane;
use crate::meter::MeterId;

/// A rectangle of cells.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Area {
    pub x: u16,
    pub y: u16,
    pub width: u16,
    pub height: u16,
}

impl Area {
    pub fn contains(self, x: u16, y: u16) -> bool {
        x >= self.x && y >= self.y && x - self.x < self.width && y - self.y < self.height
    }
}

/// What a click means at some place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    Pane(Pane),
    Meter(MeterId),
    /// Heading of a group of meters.
    Group(State),
    /// A line of who needs a person.
    Needy(usize),
    /// An alarm of the list, by its number.
    Alarm(i64),
    /// Row of the selected meter's values.
    Value(usize),
    /// Frame by its sequence number.
    Frame(u64),
    /// Field of the selected frame.
    Field(usize),
    Broker(usize),
    Run(Action),
    FormField(usize),
    PaletteRow(usize),
    /// Yes or no in a question.
    Answer(bool),
    /// A place over a pane where clicks and the wheel do nothing else.
    Overlay,
}

/// Which layout was drawn.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Class {
    /// All panes at once.
    Wide,
    /// One pane at a time under tabs.
    #[default]
    Normal,
    /// The selected meter's state, first values and trouble.
    Narrow,
    /// Name, state, and a wish for more room.
    Tiny,
}

/// First row shown, how many fit, and how many there are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    pub top: usize,
    pub page: usize,
    pub len: usize,
}

impl Window {
    /// The window that shows row `selected` and moves as little as it can from `top`.
    pub fn around(top: usize, selected: usize, page: usize, len: usize) -> Self {
        let last = Self::last(page, len);
        let page = page.max(1);
        let top = top.clamp((selected + 1).saturating_sub(page), selected);
        Self {
            top: top.min(last),
            page,
            len,
        }
    }

    /// The window at `top`, or as far down as there is anything to show.
    pub fn at(top: usize, page: usize, len: usize) -> Self {
        Self {
            top: top.min(Self::last(page, len)),
            page,
            len,
        }
    }

    /// The lowest top that fills the page.
    pub fn last(page: usize, len: usize) -> usize {
        len.saturating_sub(page)
    }

    /// The rows shown.
    pub fn rows(self) -> std::ops::Range<usize> {
        self.top..self.top.saturating_add(self.page).min(self.len)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    pub class: Class,
    /// Later entries lie over earlier ones.
    pub hits: Vec<(Area, Target)>,
    pub meters: Window,
    pub values: Window,
    /// `top` counts rows that pass the filter; `trace_top` names the first by number.
    pub trace: Window,
    pub trace_top: Option<u64>,
    pub fields: Window,
    pub session: Window,
    pub brokers: Window,
    /// Lines about the chosen broker.
    pub broker: Window,
    /// Help, palette or form, whichever is open.
    pub overlay: Window,
}

impl Shown {
    pub fn hit(&self, x: u16, y: u16) -> Option<Target> {
        self.hits
            .iter()
            .rev()
            .find(|(area, _)| area.contains(x, y))
            .map(|(_, target)| *target)
    }

    /// The pane under a cell, whatever lies on it; none under an overlay.
    pub fn pane_at(&self, x: u16, y: u16) -> Option<Pane> {
        for (area, target) in self.hits.iter().rev() {
            if area.contains(x, y) {
                match target {
                    Target::Pane(pane) => return Some(*pane),
                    Target::Overlay => return None,
                    _ => {}
                }
            }
        }
        None
    }
}
