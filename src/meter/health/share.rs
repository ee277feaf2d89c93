//! So many of so many, and in which band that is. The rule: rounded down, so that 100 % means all.

use std::fmt;
use std::ops::{Add, AddAssign};

/// `good` is never more than `of`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Share {
    pub of: u64,
    pub good: u64,
}

impl Share {
    pub const fn new(good: u64, of: u64) -> Self {
        Self {
            of,
            good: if good > of { of } else { good },
        }
    }

    /// Tenths of a per cent; None where there was nothing.
    pub fn tenths(self) -> Option<u16> {
        let tenths = (u128::from(self.good) * 1_000).checked_div(u128::from(self.of))?;
        u16::try_from(tenths).ok()
    }

    pub fn percent(self) -> Option<f64> {
        self.tenths().map(|tenths| f64::from(tenths) / 10.0)
    }
}

impl Add for Share {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            of: self.of.saturating_add(other.of),
            good: self.good.saturating_add(other.good),
        }
    }
}

impl AddAssign for Share {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

/// `89.5%`, or a dash.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.tenths() {
            Some(tenths) => f.pad(&format!("{}.{}%", tenths / 10, tenths % 10)),
            None => f.pad("-"),
        }
    }
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Band {
    /// 90 % and more.
    Healthy,
    /// 50 to below 90 %.
    Degraded,
    /// Some, but below 50 %.
    Critical,
    /// Nothing of what was due.
    Down,
    /// Nothing was due yet.
    #[default]
    Unknown,
}

impl Band {
    pub const ALL: [Self; 5] = [
        Self::Healthy,
        Self::Degraded,
        Self::Critical,
        Self::Down,
        Self::Unknown,
    ];

    pub fn of(share: Share) -> Self {
        let Share { of, good } = share;
        let (of, good) = (u128::from(of), u128::from(good));
        match () {
            () if of == 0 => Self::Unknown,
            () if good == 0 => Self::Down,
            () if good * 2 < of => Self::Critical,
            () if good * 10 < of * 9 => Self::Degraded,
            () => Self::Healthy,
        }
    }

    pub const fn word(self) -> &'static str {
        match self {
            Self::Healthy => "healthy",
            Self::Degraded => "degraded",
            Self::Critical => "critical",
            Self::Down => "down",
            Self::Unknown => "unknown",
        }
    }
}
