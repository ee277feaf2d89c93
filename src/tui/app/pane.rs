//! The five panes, by the number a person presses. The rule: their order never changes.

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Pane {
    #[default]
    Meters,
    Values,
    Trace,
    Session,
    Mqtt,
}

impl Pane {
    pub const ALL: [Self; 5] = [
        Self::Meters,
        Self::Values,
        Self::Trace,
        Self::Session,
        Self::Mqtt,
    ];

    /// The key that goes there, 1 to 5.
    pub const fn number(self) -> usize {
        match self {
            Self::Meters => 1,
            Self::Values => 2,
            Self::Trace => 3,
            Self::Session => 4,
            Self::Mqtt => 5,
        }
    }

    pub const fn title(self) -> &'static str {
        match self {
            Self::Meters => "Meters",
            Self::Values => "Values",
            Self::Trace => "Trace",
            Self::Session => "Session",
            Self::Mqtt => "MQTT",
        }
    }

    /// The pane so many steps on, round and round.
    pub fn step(self, back: bool) -> Self {
        let last = Self::ALL.len();
        let step = if back { last - 1 } else { 1 };
        Self::ALL[(self.number() - 1 + step) % last]
    }
}
