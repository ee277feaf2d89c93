//! What our own side was told, where that is known. The rule: a foreign trace knows none of it, and every rule works without.

use super::Millis;
use crate::dlms::hdlc::ServerAddress;

/// How the association authenticates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Auth {
    None,
    Low,
    /// The mechanism's number, 2..=7.
    High(u8),
}

/// Settings this meter has answered with before.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Known {
    pub client: u16,
    /// None behind a wrapper.
    pub server: Option<ServerAddress>,
    pub wrapper: bool,
    /// For people: when it was.
    pub when: String,
}

/// None everywhere for a foreign trace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Settings {
    pub client: Option<u16>,
    pub server: Option<ServerAddress>,
    pub wrapper: Option<bool>,
    pub auth: Option<Auth>,
    pub max_info: Option<u16>,
    pub window: Option<u8>,
    /// How long our side waits for an answer.
    pub timeout: Option<Millis>,
    /// After so long without traffic the meter drops the link.
    pub inactivity: Option<Millis>,
    pub known_good: Option<Known>,
    /// Whether the line begins with the IEC 62056-21 sign-on.
    pub sign_on: Option<bool>,
}
