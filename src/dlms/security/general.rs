//! The header of general-ciphering (DD) and general-signing (DF), and how the first says which key it is under.
//!
//! The one rule: the octets of the header are covered by the tag or signature exactly as they travelled.
use super::envelope::Cursor;
use super::error::SecurityError;
use super::secret::Secret;
use crate::cosem::data::encode_length;

/// Who writes to whom, about what. Each field may be empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Header {
    /// An answer repeats that of its request.
    pub transaction_id: Vec<u8>,
    pub originator: Vec<u8>,
    pub recipient: Vec<u8>,
    pub date_time: Vec<u8>,
    pub other_information: Vec<u8>,
}

impl Header {
    pub(super) fn read(from: &mut Cursor<'_>) -> Result<Self, SecurityError> {
        Ok(Self {
            transaction_id: from.string()?.to_vec(),
            originator: from.string()?.to_vec(),
            recipient: from.string()?.to_vec(),
            date_time: from.string()?.to_vec(),
            other_information: from.string()?.to_vec(),
        })
    }

    pub(super) fn encoded(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(32);
        for field in [
            &self.transaction_id,
            &self.originator,
            &self.recipient,
            &self.date_time,
            &self.other_information,
        ] {
            string(field, &mut out);
        }
        out
    }
}

/// How the other side finds the key, as it travels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyInfo {
    /// Left out: the global unicast key, or the broadcast one by the security control octet.
    Unsaid,
    /// 0 the global unicast encryption key, 1 the broadcast one.
    Identified(u8),
    /// A fresh key under a key encrypting key; 0 is the master key.
    Wrapped { kek: u8, key: Vec<u8> },
    /// Parameters 01: one-pass Diffie-Hellman; the data are the ephemeral public key and its signature.
    /// Parameters 02: static unified model, no data.
    Agreed { parameters: Vec<u8>, data: Vec<u8> },
}

impl KeyInfo {
    pub(super) fn read(from: &mut Cursor<'_>) -> Result<Self, SecurityError> {
        match from.octet()? {
            0 => return Ok(Self::Unsaid),
            1 => {}
            other => return Err(SecurityError::UnknownKeyInfo(other)),
        }
        Ok(match from.octet()? {
            0 => Self::Identified(from.octet()?),
            1 => Self::Wrapped {
                kek: from.octet()?,
                key: from.string()?.to_vec(),
            },
            2 => Self::Agreed {
                parameters: from.string()?.to_vec(),
                data: from.string()?.to_vec(),
            },
            other => return Err(SecurityError::UnknownKeyInfo(other)),
        })
    }

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Unsaid => out.push(0),
            Self::Identified(id) => out.extend_from_slice(&[1, 0, *id]),
            Self::Wrapped { kek, key } => {
                out.extend_from_slice(&[1, 1, *kek]);
                string(key, out);
            }
            Self::Agreed { parameters, data } => {
                out.extend_from_slice(&[1, 2]);
                string(parameters, out);
                string(data, out);
            }
        }
    }
}

/// Which key to seal a general-ciphering APDU under. Fresh keys come from the caller: there is no randomness here.
#[derive(Clone, Copy, Debug)]
pub enum Key<'a> {
    /// The global key, and no word of it.
    Unsaid,
    Global,
    Broadcast,
    /// A fresh session key, sent wrapped.
    Wrapped(&'a Secret),
    /// A key both sides compute.
    Agreed(Agreed<'a>),
}

/// The two key agreement schemes of suites 1 and 2.
#[derive(Clone, Copy, Debug)]
pub enum Agreed<'a> {
    /// C(1e, 1s): a fresh private key of ours against the other side's static one.
    OnePass { ephemeral: &'a Secret },
    /// C(0e, 2s): both static; the transaction-id keeps the keys apart, so it must not come twice.
    Static,
}

pub(super) fn string(octets: &[u8], out: &mut Vec<u8>) {
    encode_length(octets.len(), out);
    out.extend_from_slice(octets);
}
