//! The three security suites (Green Book, "Security suites"). A suite fixes the length of every key.
use super::error::SecurityError;
use super::secret::Secret;
use std::fmt;

/// Which algorithms, by their number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Suite {
    /// AES-GCM-128, key wrap with AES-128.
    #[default]
    Zero,
    /// Suite 0 with ECDSA and ECDH on P-256, SHA-256.
    One,
    /// AES-GCM-256, ECDSA and ECDH on P-384, SHA-384, key wrap with AES-256.
    Two,
}

impl Suite {
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Zero),
            1 => Some(Self::One),
            2 => Some(Self::Two),
            _ => None,
        }
    }

    pub const fn number(self) -> u8 {
        match self {
            Self::Zero => 0,
            Self::One => 1,
            Self::Two => 2,
        }
    }

    /// Octets of every symmetric key.
    pub const fn key_length(self) -> usize {
        match self {
            Self::Zero | Self::One => 16,
            Self::Two => 32,
        }
    }

    /// The bytes of a key that has the length this suite wants.
    pub(super) fn check(self, name: &'static str, key: &Secret) -> Result<(), SecurityError> {
        let got = key.expose().len();
        if got == self.key_length() {
            return Ok(());
        }
        Err(SecurityError::KeyLength {
            name,
            suite: self,
            wanted: self.key_length(),
            got,
        })
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "security suite {}", self.number())
    }
}
