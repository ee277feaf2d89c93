//! Why an APDU could not be sealed or opened, or a proof is not one: in words, with the evidence, and never a key.
use super::control::{Protection, SecurityControl};
use super::suite::Suite;
use super::title::SystemTitle;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SecurityError {
    #[error("the {0} key is needed and not given")]
    MissingKey(&'static str),
    #[error("the {name} key has {got} octets, {suite} wants {wanted}")]
    KeyLength {
        name: &'static str,
        suite: Suite,
        wanted: usize,
        got: usize,
    },
    #[error("the {0} key is no key of that curve")]
    BadKey(&'static str),
    #[error("{0} has no public keys, suite 1 or 2 is needed")]
    NoCurve(Suite),
    #[error("the other side's system title is not known and the APDU does not bring it")]
    NoTitle,
    #[error("the APDU brings a system title of {0} octets, 8 are due")]
    TitleLength(usize),
    #[error("the APDU comes from {got}, not from {wanted} who this association is with")]
    OtherTitle {
        wanted: SystemTitle,
        got: SystemTitle,
    },
    #[error("cut short: {needed} octets are due, {got} follow")]
    Truncated { needed: usize, got: usize },
    #[error("{0} octets follow the end of the APDU")]
    Trailing(usize),
    #[error("a length octet of {0:02X} is not usable here")]
    BadLength(u8),
    #[error("tag {0:02X} is no ciphered APDU")]
    NotCiphered(u8),
    #[error("nothing to seal")]
    Empty,
    #[error("the APDU is too long: {0} octets")]
    TooLong(usize),
    #[error("compressed: security control {:02X} asks for a compression that no standard meter uses", .0.0)]
    Compressed(SecurityControl),
    #[error("security control {:02X} names suite {}, known are 0, 1 and 2", .0.0, .0.suite_number())]
    UnknownSuite(SecurityControl),
    #[error("sealed under {got}, agreed is {wanted}")]
    OtherSuite { wanted: Suite, got: Suite },
    #[error("protection too weak: the APDU is {}, at least {wanted} is due", got.map_or("in clear", Protection::name))]
    Weak {
        wanted: Protection,
        got: Option<Protection>,
    },
    #[error(
        "the tag does not match: wrong authentication or encryption key, or another system title than {}",
        title.hex()
    )]
    TagMismatch { title: SystemTitle },
    #[error(
        "deciphers to an APDU that begins with {got:02X}, {wanted:02X} is due: wrong encryption key, or another system title than {}",
        title.hex()
    )]
    Garbled {
        wanted: u8,
        got: u8,
        title: SystemTitle,
    },
    #[error(
        "invocation counter too low: {got}, at least {lowest} is due; a replayed APDU, or the other side lost its counter"
    )]
    CounterTooLow { got: u32, lowest: u32 },
    #[error("the invocation counter is used up: the key must be changed")]
    CounterExhausted,
    #[error("key-info {0:02X} names no way to find the key")]
    UnknownKeyInfo(u8),
    #[error("the wrapped key does not unwrap: wrong key encrypting key")]
    Unwrap,
    #[error("the other side's ephemeral key is not signed by the public key we know")]
    EphemeralSignature,
    #[error("the signature does not match the public key we know")]
    SignatureMismatch,
    #[error("the HLS secret is needed and not given")]
    NoHlsSecret,
    #[error("both challenges are the same: the proof could be our own sent back")]
    SameChallenge,
    #[error("the proof has {got} octets, {wanted} are due")]
    ProofLength { wanted: usize, got: usize },
    #[error("the proof is wrong: {0}")]
    WrongProof(&'static str),
}

impl SecurityError {
    /// The other side has other keys, another title or another secret than we think; a replay or a key we lack is not that.
    pub const fn blames_keys(&self) -> bool {
        matches!(
            self,
            Self::OtherTitle { .. }
                | Self::OtherSuite { .. }
                | Self::TagMismatch { .. }
                | Self::Garbled { .. }
                | Self::Unwrap
                | Self::EphemeralSignature
                | Self::SignatureMismatch
                | Self::SameChallenge
                | Self::ProofLength { .. }
                | Self::WrongProof(_)
        )
    }
}
