//! What a client brings to a meter: link, authentication, what it proposes, and the bounds it holds the meter to.
use crate::dlms::hdlc::link::LinkConfig;
use crate::dlms::security::Secret;
use crate::dlms::xdlms::Conformance;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Authentication {
    None,
    /// Low-level security: a password of any length.
    Lls(Secret),
}

#[derive(Clone, Debug)]
pub struct Config {
    pub link: LinkConfig,
    pub authentication: Authentication,
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
