//! The fleet as a whole: who is chosen among those that need a person. The rule: it is read off the model, never kept.

#[derive(Clone, Copy, Debug, Default)]
pub struct Overview {
    pub selected: usize,
}

impl Overview {
    pub fn step(&mut self, by: isize, len: usize) {
        self.selected = (self.selected.saturating_add_signed(by)).min(len.saturating_sub(1));
    }
}
