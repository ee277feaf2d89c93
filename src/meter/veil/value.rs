//! Walks an encoded value (A-XDR) and says where its contents stand. The rule: types, lengths and counts are shown, so
//! that what is starred out still reads as a value of that shape.

use super::length::Length;

#[derive(Clone, Copy, Debug)]
pub(super) struct Value {
    /// Elements still to come, those inside containers included; None: not known, to the end.
    left: Option<u32>,
    at: At,
    hide: bool,
}

#[derive(Clone, Copy, Debug)]
enum At {
    Type,
    /// Of a string; its unit in bits.
    Octets(Length),
    Bits(Length),
    Count(Length),
    Contents(u32),
    /// A form that is not followed.
    Rest,
}

impl Value {
    /// So many values one after the other.
    pub(super) const fn of(count: u32, hide: bool) -> Self {
        Self {
            left: Some(count),
            at: At::Type,
            hide,
        }
    }

    /// One whose beginning was not seen.
    pub(super) const fn unseen(hide: bool) -> Self {
        Self {
            left: None,
            at: At::Rest,
            hide,
        }
    }

    pub(super) const fn over(&self) -> bool {
        matches!((self.left, self.at), (Some(0), At::Type))
    }

    /// Takes one octet; true when it is part of what is hidden.
    pub(super) fn step(&mut self, octet: u8) -> bool {
        let contents = matches!(self.at, At::Contents(_) | At::Rest);
        self.at = match self.at {
            At::Type => self.element(octet),
            At::Octets(length) => match length.step(octet) {
                Length::Is(n) => contents_of(n),
                length => At::Octets(length),
            },
            At::Bits(length) => match length.step(octet) {
                Length::Is(n) => contents_of(n.div_ceil(8)),
                length => At::Bits(length),
            },
            At::Count(length) => match length.step(octet) {
                Length::Is(n) => {
                    self.left = self.left.map(|left| left.saturating_add(n));
                    At::Type
                }
                length => At::Count(length),
            },
            At::Contents(n) => contents_of(n - 1),
            At::Rest => At::Rest,
        };
        contents && self.hide
    }

    /// By the type's tag. Containers are gone into, what they hold is hidden; a PIN is a number.
    fn element(&mut self, tag: u8) -> At {
        self.left = self.left.map(|left| left.saturating_sub(1));
        match tag {
            0 => At::Type,
            1 | 2 => At::Count(Length::Start),
            4 => At::Bits(Length::Start),
            9 | 10 | 12 => At::Octets(Length::Start),
            3 | 13 | 15 | 17 | 22 => At::Contents(1),
            16 | 18 => At::Contents(2),
            5 | 6 | 23 | 27 => At::Contents(4),
            26 => At::Contents(5),
            20 | 21 | 24 => At::Contents(8),
            25 => At::Contents(12),
            _ => At::Rest,
        }
    }
}

const fn contents_of(n: u32) -> At {
    if n == 0 { At::Type } else { At::Contents(n) }
}
