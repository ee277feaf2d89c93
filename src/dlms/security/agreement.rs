//! A key that both sides compute: ECDH, then the concatenation KDF of NIST SP 800-56A with the titles in it.
//!
//! The one rule: an ephemeral key is used only after its signature was right.
use super::curve;
use super::error::SecurityError;
use super::general::{Agreed, Header, KeyInfo, string};
use super::keys::Keys;
use super::secret::Secret;
use super::suite::Suite;
use sha2::{Digest, Sha256, Sha384};
use zeroize::Zeroizing;

const ONE_PASS: u8 = 1;
const STATIC: u8 = 2;

pub(super) struct Agreement<'a> {
    pub suite: Suite,
    pub keys: &'a Keys,
    pub header: &'a Header,
}

impl Agreement<'_> {
    /// Our side as the originator: what to send, and the key.
    pub(super) fn initiate(&self, scheme: Agreed<'_>) -> Result<(KeyInfo, Secret), SecurityError> {
        let theirs = self.theirs()?;
        match scheme {
            Agreed::OnePass { ephemeral } => {
                let mut data = curve::public_of(self.suite, ephemeral)?;
                let signing = self
                    .keys
                    .signing
                    .as_ref()
                    .ok_or(SecurityError::MissingKey("signing"))?;
                let signature = curve::sign(self.suite, signing, &data)?;
                data.extend_from_slice(&signature);
                let z = curve::agree(self.suite, ephemeral, theirs)?;
                let parameters = vec![ONE_PASS];
                Ok((
                    KeyInfo::Agreed { parameters, data },
                    self.derive(&z, ONE_PASS),
                ))
            }
            Agreed::Static => {
                let z = curve::agree(self.suite, self.ours()?, theirs)?;
                let info = KeyInfo::Agreed {
                    parameters: vec![STATIC],
                    data: Vec::new(),
                };
                Ok((info, self.derive(&z, STATIC)))
            }
        }
    }

    /// The key, from what the originator sent.
    pub(super) fn respond(&self, parameters: &[u8], data: &[u8]) -> Result<Secret, SecurityError> {
        match *parameters {
            [ONE_PASS] => {
                let field =
                    curve::field_length(self.suite).ok_or(SecurityError::NoCurve(self.suite))?;
                let both = field.saturating_mul(2);
                let needed = field.saturating_mul(4);
                let (public, signature) = data
                    .split_at_checked(both)
                    .filter(|_| data.len() == needed)
                    .ok_or(SecurityError::Truncated {
                        needed,
                        got: data.len(),
                    })?;
                let signer = self
                    .keys
                    .peer_signing
                    .as_ref()
                    .ok_or(SecurityError::MissingKey("peer's public signing"))?;
                if !curve::verify(self.suite, signer, public, signature)? {
                    return Err(SecurityError::EphemeralSignature);
                }
                let z = curve::agree(self.suite, self.ours()?, public)?;
                Ok(self.derive(&z, ONE_PASS))
            }
            [STATIC] => {
                let z = curve::agree(self.suite, self.ours()?, self.theirs()?)?;
                Ok(self.derive(&z, STATIC))
            }
            _ => Err(SecurityError::UnknownKeyInfo(
                parameters.first().copied().unwrap_or(0),
            )),
        }
    }

    fn ours(&self) -> Result<&Secret, SecurityError> {
        self.keys
            .agreement
            .as_ref()
            .ok_or(SecurityError::MissingKey("key agreement"))
    }

    fn theirs(&self) -> Result<&[u8], SecurityError> {
        self.keys
            .peer_agreement
            .as_deref()
            .ok_or(SecurityError::MissingKey("peer's public key agreement"))
    }

    /// Algorithm id, PartyUInfo, PartyVInfo. In the static model the transaction-id is the nonce of party U, its length before it.
    fn derive(&self, z: &Secret, scheme: u8) -> Secret {
        let mut nonce = Vec::new();
        if scheme == STATIC {
            string(&self.header.transaction_id, &mut nonce);
        }
        let algorithm = [
            0x60,
            0x85,
            0x74,
            0x05,
            0x08,
            0x03,
            u8::from(self.suite == Suite::Two),
        ];
        let other = [
            algorithm.as_slice(),
            &self.header.originator,
            &nonce,
            &self.header.recipient,
        ]
        .concat();
        derive(self.suite, z, &other)
    }
}

/// One round of the KDF gives enough: the hash is never shorter than the key.
pub(super) fn derive(suite: Suite, z: &Secret, other: &[u8]) -> Secret {
    const ROUND: [u8; 4] = [0, 0, 0, 1];
    let hash: Zeroizing<Vec<u8>> = Zeroizing::new(match suite {
        Suite::Zero | Suite::One => Sha256::new()
            .chain_update(ROUND)
            .chain_update(z.expose())
            .chain_update(other)
            .finalize()
            .to_vec(),
        Suite::Two => Sha384::new()
            .chain_update(ROUND)
            .chain_update(z.expose())
            .chain_update(other)
            .finalize()
            .to_vec(),
    });
    Secret::new(hash.get(..suite.key_length()).unwrap_or_default())
}
