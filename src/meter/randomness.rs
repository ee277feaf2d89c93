//! Where challenges and keys come from, handed in so that a test can know them. The rule: outside of tests it is the
//! operating system's.

use std::io;

#[derive(Clone, Debug, Default)]
pub enum Randomness {
    #[default]
    System,
    /// The same octet over and over.
    Fixed(u8),
}

impl Randomness {
    pub fn octets(&self, length: usize) -> io::Result<Vec<u8>> {
        match self {
            Self::Fixed(octet) => Ok(vec![*octet; length]),
            Self::System => {
                let mut octets = vec![0; length];
                getrandom::fill(&mut octets)
                    .map_err(|error| io::Error::other(format!("no random octets: {error}")))?;
                Ok(octets)
            }
        }
    }
}
