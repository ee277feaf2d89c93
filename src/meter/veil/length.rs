//! A BER or A-XDR length, octet by octet. The rule: nothing longer than a count of octets can be is believed.

#[derive(Clone, Copy, Debug)]
pub(super) enum Length {
    Start,
    Long(u8, u32),
    Is(u32),
}

impl Length {
    pub(super) const fn step(self, octet: u8) -> Self {
        match self {
            Self::Long(1, n) => Self::Is(n << 8 | octet as u32),
            Self::Long(left, n) => Self::Long(left - 1, n << 8 | octet as u32),
            _ if octet > 0x84 => Self::Is(u32::MAX),
            _ if octet > 0x80 => Self::Long(octet & 0x7F, 0),
            _ => Self::Is((octet & 0x7F) as u32),
        }
    }
}
