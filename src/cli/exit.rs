//! How the program ends. The numbers are part of the command line: scripts lean on them.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitKind {
    Done,
    /// Some of it failed; what did is on stderr.
    Partly,
    /// Wrong usage or bad input.
    Usage,
    /// The meter could not be reached, or refused.
    Meter,
    /// The local store or broker failed.
    Local,
}

impl ExitKind {
    pub const fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Partly => 1,
            Self::Usage => 2,
            Self::Meter => 3,
            Self::Local => 4,
        }
    }
}
