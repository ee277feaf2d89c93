//! The security control octet: suite in bits 0–3, authentication 4, encryption 5, broadcast key 6, compression 7.
//!
//! The one rule: every octet reads, what cannot be opened is refused where it is opened.
use super::suite::Suite;
use std::fmt;

/// What an APDU is protected by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protection {
    /// A tag over the plain APDU.
    Authentication,
    /// Nobody else can read it; nothing proves who wrote it.
    Encryption,
    Both,
}

impl Protection {
    pub const fn authenticates(self) -> bool {
        matches!(self, Self::Authentication | Self::Both)
    }

    pub const fn encrypts(self) -> bool {
        matches!(self, Self::Encryption | Self::Both)
    }

    /// Whether this gives at least what `other` does.
    pub const fn covers(self, other: Self) -> bool {
        (self.authenticates() || !other.authenticates()) && (self.encrypts() || !other.encrypts())
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Authentication => "authenticated",
            Self::Encryption => "encrypted",
            Self::Both => "authenticated and encrypted",
        }
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// The octet as it stands in the APDU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SecurityControl(pub u8);

const AUTHENTICATED: u8 = 0x10;
const ENCRYPTED: u8 = 0x20;
const BROADCAST: u8 = 0x40;
const COMPRESSED: u8 = 0x80;

impl SecurityControl {
    pub const fn new(suite: Suite, protection: Protection) -> Self {
        Self(
            suite.number()
                | match protection {
                    Protection::Authentication => AUTHENTICATED,
                    Protection::Encryption => ENCRYPTED,
                    Protection::Both => AUTHENTICATED | ENCRYPTED,
                },
        )
    }

    pub const fn with_broadcast_key(self) -> Self {
        Self(self.0 | BROADCAST)
    }

    /// None for a number that names no suite.
    pub const fn suite(self) -> Option<Suite> {
        Suite::from_number(self.suite_number())
    }

    pub const fn suite_number(self) -> u8 {
        self.0 & 0x0F
    }

    /// None where neither bit is set: the APDU inside is in clear and unproven.
    pub const fn protection(self) -> Option<Protection> {
        match (self.0 & AUTHENTICATED != 0, self.0 & ENCRYPTED != 0) {
            (true, true) => Some(Protection::Both),
            (true, false) => Some(Protection::Authentication),
            (false, true) => Some(Protection::Encryption),
            (false, false) => None,
        }
    }

    /// Whether the broadcast key, not the unicast one, was used.
    pub const fn broadcast(self) -> bool {
        self.0 & BROADCAST != 0
    }

    pub const fn compressed(self) -> bool {
        self.0 & COMPRESSED != 0
    }
}
