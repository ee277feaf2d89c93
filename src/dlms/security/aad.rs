//! What a tag covers besides the ciphertext. It begins with the authentication key, so it is wiped when dropped.
use zeroize::Zeroizing;

/// Security control and the longest key.
const SHORT: usize = 33;

/// On the stack where it can be: every ciphered GET and its answer has the short one.
pub(super) enum Aad {
    Empty,
    Short(Zeroizing<[u8; SHORT]>, usize),
    Long(Zeroizing<Vec<u8>>),
}

impl Aad {
    pub(super) fn new(parts: &[&[u8]]) -> Self {
        let length = parts
            .iter()
            .fold(0_usize, |sum, part| sum.saturating_add(part.len()));
        if length > SHORT {
            let mut long = Zeroizing::new(Vec::with_capacity(length));
            for part in parts {
                long.extend_from_slice(part);
            }
            return Self::Long(long);
        }
        let mut short = Zeroizing::new([0; SHORT]);
        let octets = parts.iter().copied().flatten();
        for (place, octet) in short.iter_mut().zip(octets) {
            *place = *octet;
        }
        Self::Short(short, length)
    }

    pub(super) fn octets(&self) -> &[u8] {
        match self {
            Self::Empty => &[],
            Self::Short(octets, length) => octets.get(..*length).unwrap_or_default(),
            Self::Long(octets) => octets,
        }
    }
}
