//! What a client brings to a meter: carrier, authentication, keys, what it proposes, and the bounds it holds the meter to.
use crate::dlms::hdlc::link::LinkConfig;
use crate::dlms::security::hls::HlsMechanism;
use crate::dlms::security::{Form, Secret, Security};
use crate::dlms::wrapper::WrapperConfig;
use crate::dlms::xdlms::Conformance;
use std::time::Duration;

/// What takes the APDUs to the meter and back.
#[derive(Clone, Debug)]
pub enum Carrier {
    /// The HDLC link of IEC 62056-46, over any byte stream.
    Hdlc(LinkConfig),
    /// The wrapper of IEC 62056-47, over TCP or UDP.
    Wrapper(WrapperConfig),
}

impl Carrier {
    /// How long one answer is awaited.
    pub const fn response_timeout(&self) -> Duration {
        match self {
            Self::Hdlc(link) => link.response_timeout,
            Self::Wrapper(wrapper) => wrapper.response_timeout,
        }
    }

    /// How often the same request may go out, the first time included.
    pub const fn tries(&self) -> u8 {
        match self {
            Self::Hdlc(link) => link.retries.saturating_add(1),
            Self::Wrapper(wrapper) if wrapper.datagrams => wrapper.retries.saturating_add(1),
            // TCP itself sees to it that nothing is lost.
            Self::Wrapper(_) => 1,
        }
    }

    /// As long as the carrier itself would try.
    pub const fn patience(&self) -> Duration {
        self.response_timeout().saturating_mul(self.tries() as u32)
    }
}

/// How objects are called in this association.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Naming {
    #[default]
    LogicalName,
    ShortName,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    None,
    /// Low-level security: a password of any length.
    Lls(Secret),
    /// High-level security: each side proves that it knows the secret, without saying it. GMAC and ECDSA prove with the
    /// keys of [`Config::security`] and leave the secret empty.
    Hls {
        mechanism: HlsMechanism,
        secret: Secret,
    },
}

#[derive(Clone, Debug)]
pub struct Config {
    pub carrier: Carrier,
    pub naming: Naming,
    pub authentication: Authentication,
    /// Keys and titles. With a protection, every service is ciphered; without, the keys serve authentication only.
    pub security: Option<Security>,
    /// Proposed; the meter grants a part of it.
    pub conformance: Conformance,
    /// The longest APDU we take, as told to the meter; 0 and FFFF say there is no limit.
    pub max_pdu: u16,
    /// Whether RLRQ goes before DISC; learned per meter (some have no release service).
    pub release: bool,
    /// Largest answer a block transfer may add up to, bytes.
    pub max_answer: usize,
    /// No SET and no ACTION can be asked for. What reads only says true here.
    pub read_only: bool,
}

impl Config {
    /// Reads only, by logical names, without authentication and in clear; proposes GET, SET, ACTION with their blocks,
    /// lists, selective access and notifications.
    pub const fn new(carrier: Carrier) -> Self {
        Self {
            carrier,
            naming: Naming::LogicalName,
            authentication: Authentication::None,
            security: None,
            conformance: Conformance(0x00_7E1F),
            max_pdu: u16::MAX,
            release: true,
            max_answer: 4 << 20,
            read_only: true,
        }
    }

    /// Octets of the challenge a new association wants, none without HLS; ECDSA wants 32 at least.
    pub const fn challenge_length(&self) -> usize {
        match self.authentication {
            Authentication::Hls {
                mechanism: HlsMechanism::Ecdsa,
                ..
            } => 32,
            Authentication::Hls { .. } => 16,
            _ => 0,
        }
    }

    /// Octets of the dedicated key it wants, if one; one that a person gave is kept.
    pub fn dedicated_length(&self) -> Option<usize> {
        let security = self.security.as_ref()?;
        let own = security.form == Form::Dedicated && security.keys.dedicated.is_none();
        own.then(|| security.suite.key_length())
    }

    /// Services go out sealed and come back sealed.
    pub fn is_ciphered(&self) -> bool {
        self.security
            .as_ref()
            .is_some_and(|security| security.protection.is_some())
    }
}

/// What must be new for every `connect` and cannot come from inside a value without clock and randomness.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fresh {
    /// The challenge to the meter (HLS): 8 to 64 random octets, 32 to 64 for ECDSA. Nobody may be able to guess it.
    pub challenge: Vec<u8>,
    /// The next unused invocation counter of our keys. One that was used before is never used again: the association
    /// goes on from its own if that is higher.
    pub counter: u32,
    /// A new dedicated key for this association; `None` takes the one among the keys, if any.
    pub dedicated: Option<Secret>,
}
