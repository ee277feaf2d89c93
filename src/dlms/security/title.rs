//! System titles: three letters of the maker, then five octets it numbers its devices with. Always eight octets.
use std::fmt;
use std::str::FromStr;

/// Who speaks; the fixed half of every nonce.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SystemTitle(pub [u8; 8]);

impl SystemTitle {
    pub const fn octets(&self) -> &[u8; 8] {
        &self.0
    }

    /// `GRX`, where the first three octets are letters or digits.
    pub fn maker(&self) -> Option<&str> {
        let letters = self.0.first_chunk::<3>()?;
        letters
            .iter()
            .all(u8::is_ascii_alphanumeric)
            .then(|| std::str::from_utf8(letters).ok())?
    }

    /// The sixteen hex digits, as it is written in files and options.
    pub fn hex(&self) -> String {
        format!("{:016X}", u64::from_be_bytes(self.0))
    }
}

impl TryFrom<&[u8]> for SystemTitle {
    type Error = TitleError;

    fn try_from(octets: &[u8]) -> Result<Self, TitleError> {
        octets
            .try_into()
            .map(Self)
            .map_err(|_| TitleError::Length(octets.len()))
    }
}

/// Why a text or some octets are no system title.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TitleError {
    #[error("a system title has 8 octets, this one {0}")]
    Length(usize),
    #[error("a system title is written as 16 hex digits, e.g. 4D4D4D0000BC614E")]
    Text,
}

/// Sixteen hex digits; spaces, colons and dashes between them are stepped over.
impl FromStr for SystemTitle {
    type Err = TitleError;

    fn from_str(text: &str) -> Result<Self, TitleError> {
        let octets = super::keys::hex_octets(text).ok_or(TitleError::Text)?;
        Self::try_from(octets.as_slice())
    }
}

/// `4D4D4D0000BC614E (MMM 0000BC614E)`
impl fmt::Display for SystemTitle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.hex())?;
        let (Some(maker), Some(serial)) = (self.maker(), self.0.get(3..)) else {
            return Ok(());
        };
        write!(f, " ({maker} ")?;
        if serial.iter().all(u8::is_ascii_alphanumeric) {
            for octet in serial {
                write!(f, "{}", char::from(*octet))?;
            }
        } else {
            for octet in serial {
                write!(f, "{octet:02X}")?;
            }
        }
        f.write_str(")")
    }
}

impl fmt::Debug for SystemTitle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SystemTitle({self})")
    }
}
