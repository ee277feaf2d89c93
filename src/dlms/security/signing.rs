//! general-signing (DF): parsed, built, and verified where the signer's public key is known.
//!
//! The one rule: the signature covers header and content as they travelled, lengths and all.
use super::curve;
use super::envelope::Cursor;
use super::error::SecurityError;
use super::form::GENERAL_SIGNING;
use super::general::Header;
use super::keys::Keys;
use super::suite::Suite;
use crate::cosem::data::encode_length;

/// A signed APDU taken apart. The content is plain or ciphered in turn.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Signed<'a> {
    pub header: Header,
    pub content: &'a [u8],
    pub signature: &'a [u8],
    /// What was signed.
    covered: &'a [u8],
}

/// Takes a DF APDU apart, all of it.
pub fn read(apdu: &[u8]) -> Result<Signed<'_>, SecurityError> {
    let mut from = Cursor(apdu);
    let tag = from.octet()?;
    if tag != GENERAL_SIGNING {
        return Err(SecurityError::NotCiphered(tag));
    }
    let before = from.0;
    let header = Header::read(&mut from)?;
    let content = from.string()?;
    let used = before.len().saturating_sub(from.0.len());
    let covered = before.get(..used).unwrap_or_default();
    let signature = from.string()?;
    if !from.0.is_empty() {
        return Err(SecurityError::Trailing(from.0.len()));
    }
    Ok(Signed {
        header,
        content,
        signature,
        covered,
    })
}

impl Signed<'_> {
    /// The suite whose signatures have this length.
    pub const fn suite(&self) -> Option<Suite> {
        match self.signature.len() {
            64 => Some(Suite::One),
            96 => Some(Suite::Two),
            _ => None,
        }
    }

    /// Against the other side's public key.
    pub fn verify(&self, keys: &Keys) -> Result<(), SecurityError> {
        let public = keys
            .peer_signing
            .as_ref()
            .ok_or(SecurityError::MissingKey("peer's public signing"))?;
        let suite = self.suite().ok_or(SecurityError::SignatureMismatch)?;
        if curve::verify(suite, public, self.covered, self.signature)? {
            Ok(())
        } else {
            Err(SecurityError::SignatureMismatch)
        }
    }
}

/// Adds `content` signed with our key to `out`.
pub fn sign(
    suite: Suite,
    keys: &Keys,
    header: &Header,
    content: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), SecurityError> {
    let key = keys
        .signing
        .as_ref()
        .ok_or(SecurityError::MissingKey("signing"))?;
    let mut covered = header.encoded();
    encode_length(content.len(), &mut covered);
    covered.extend_from_slice(content);
    let signature = curve::sign(suite, key, &covered)?;
    out.push(GENERAL_SIGNING);
    out.extend_from_slice(&covered);
    encode_length(signature.len(), out);
    out.extend_from_slice(&signature);
    Ok(())
}
