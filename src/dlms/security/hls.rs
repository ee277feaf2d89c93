//! The proofs of high-level security: what goes in pass 3 (client) and pass 4 (meter), made and checked by one code.
//!
//! The one rule: a proof is compared in constant time, and never shown.
use super::control::{Protection, SecurityControl};
use super::curve;
use super::error::SecurityError;
use super::gcm::{Gcm, TAG, nonce};
use super::keys::Keys;
use super::secret::Secret;
use super::suite::Suite;
use super::title::SystemTitle;
use md5::{Digest, Md5};
use sha1::Sha1;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Authentication mechanisms 3 to 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HlsMechanism {
    Md5,
    Sha1,
    Gmac,
    Sha256,
    Ecdsa,
}

impl HlsMechanism {
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            3 => Some(Self::Md5),
            4 => Some(Self::Sha1),
            5 => Some(Self::Gmac),
            6 => Some(Self::Sha256),
            7 => Some(Self::Ecdsa),
            _ => None,
        }
    }

    /// The last arc of the mechanism name.
    pub const fn number(self) -> u8 {
        match self {
            Self::Md5 => 3,
            Self::Sha1 => 4,
            Self::Gmac => 5,
            Self::Sha256 => 6,
            Self::Ecdsa => 7,
        }
    }

    pub const fn name(self) -> &'static str {
        match self {
            Self::Md5 => "HLS MD5",
            Self::Sha1 => "HLS SHA-1",
            Self::Gmac => "HLS GMAC",
            Self::Sha256 => "HLS SHA-256",
            Self::Ecdsa => "HLS ECDSA",
        }
    }

    /// Whether the system titles go into the proof, so that AARQ and AARE must bring them.
    pub const fn needs_titles(self) -> bool {
        matches!(self, Self::Gmac | Self::Sha256 | Self::Ecdsa)
    }

    /// Whether a secret of its own is used, besides the keys.
    pub const fn needs_secret(self) -> bool {
        matches!(self, Self::Md5 | Self::Sha1 | Self::Sha256)
    }
}

/// Whose proof it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Prover {
    /// Pass 3.
    Client,
    /// Pass 4.
    Meter,
}

/// What both sides know when one of them proves itself. The same value makes a proof and checks the other's.
#[derive(Clone, Copy, Debug)]
pub struct Proof<'a> {
    pub mechanism: HlsMechanism,
    pub prover: Prover,
    /// CtoS, from the AARQ.
    pub client_challenge: &'a [u8],
    /// StoC, from the AARE.
    pub meter_challenge: &'a [u8],
    pub client_title: Option<SystemTitle>,
    pub meter_title: Option<SystemTitle>,
    /// For MD5, SHA-1 and SHA-256.
    pub secret: Option<&'a Secret>,
    /// For GMAC and ECDSA.
    pub suite: Suite,
    pub keys: &'a Keys,
}

/// Octets of a GMAC proof: security control, counter, tag.
const GMAC: usize = 5 + TAG;

/// The proof as it is sent. `counter` is used up by GMAC only.
pub fn answer(proof: &Proof<'_>, counter: u32) -> Result<Vec<u8>, SecurityError> {
    match proof.mechanism {
        HlsMechanism::Md5 | HlsMechanism::Sha1 | HlsMechanism::Sha256 => {
            proof.digest().map(|digest| digest.to_vec())
        }
        HlsMechanism::Gmac => {
            let control = SecurityControl::new(proof.suite, Protection::Authentication);
            let tag = proof.gmac(control, counter)?;
            let mut out = Vec::with_capacity(GMAC);
            out.push(control.0);
            out.extend_from_slice(&counter.to_be_bytes());
            out.extend_from_slice(&tag);
            Ok(out)
        }
        HlsMechanism::Ecdsa => {
            let key = proof
                .keys
                .signing
                .as_ref()
                .ok_or(SecurityError::MissingKey("signing"))?;
            curve::sign(proof.suite, key, &proof.signed()?)
        }
    }
}

/// Whether the other side's proof is right. For GMAC gives the counter it used, the lowest that it may not use again.
pub fn verify(proof: &Proof<'_>, got: &[u8]) -> Result<Option<u32>, SecurityError> {
    // A peer that repeats our challenge could send our own answer back as its proof.
    if proof.client_challenge == proof.meter_challenge {
        return Err(SecurityError::SameChallenge);
    }
    match proof.mechanism {
        HlsMechanism::Md5 | HlsMechanism::Sha1 | HlsMechanism::Sha256 => {
            let wanted = proof.digest()?;
            if wanted.len() != got.len() {
                return Err(SecurityError::ProofLength {
                    wanted: wanted.len(),
                    got: got.len(),
                });
            }
            if same(&wanted, got) {
                Ok(None)
            } else {
                Err(SecurityError::WrongProof(
                    "the other side has another HLS secret",
                ))
            }
        }
        HlsMechanism::Gmac => {
            let Some((&[control, a, b, c, d], tag)) =
                got.split_first_chunk::<5>().filter(|_| got.len() == GMAC)
            else {
                return Err(SecurityError::ProofLength {
                    wanted: GMAC,
                    got: got.len(),
                });
            };
            let control = SecurityControl(control);
            if control.suite() != Some(proof.suite)
                || control.protection() != Some(Protection::Authentication)
            {
                return Err(SecurityError::WrongProof(
                    "its security control octet is not that of a GMAC under this suite",
                ));
            }
            let counter = u32::from_be_bytes([a, b, c, d]);
            if same(&proof.gmac(control, counter)?, tag) {
                Ok(Some(counter))
            } else {
                Err(SecurityError::WrongProof(
                    "the other side has another encryption or authentication key, or another system title than it said",
                ))
            }
        }
        HlsMechanism::Ecdsa => {
            let public = proof
                .keys
                .peer_signing
                .as_ref()
                .ok_or(SecurityError::MissingKey("peer's public signing"))?;
            if curve::verify(proof.suite, public, &proof.signed()?, got)? {
                Ok(None)
            } else {
                Err(SecurityError::WrongProof(
                    "the signature is not by the public key we know",
                ))
            }
        }
    }
}

impl<'a> Proof<'a> {
    /// The challenge answered, then the prover's own.
    const fn challenges(&self) -> (&'a [u8], &'a [u8]) {
        match self.prover {
            Prover::Client => (self.meter_challenge, self.client_challenge),
            Prover::Meter => (self.client_challenge, self.meter_challenge),
        }
    }

    /// The prover's title, then the other's.
    fn titles(&self) -> Result<(SystemTitle, SystemTitle), SecurityError> {
        let (Some(client), Some(meter)) = (self.client_title, self.meter_title) else {
            return Err(SecurityError::NoTitle);
        };
        Ok(match self.prover {
            Prover::Client => (client, meter),
            Prover::Meter => (meter, client),
        })
    }

    fn digest(&self) -> Result<Zeroizing<Vec<u8>>, SecurityError> {
        let secret = self.secret.ok_or(SecurityError::NoHlsSecret)?.expose();
        let (asked, own) = self.challenges();
        let octets = match self.mechanism {
            HlsMechanism::Md5 => Md5::new()
                .chain_update(asked)
                .chain_update(secret)
                .finalize()
                .to_vec(),
            HlsMechanism::Sha1 => Sha1::new()
                .chain_update(asked)
                .chain_update(secret)
                .finalize()
                .to_vec(),
            _ => {
                let (prover, other) = self.titles()?;
                Sha256::new()
                    .chain_update(secret)
                    .chain_update(prover.0)
                    .chain_update(other.0)
                    .chain_update(asked)
                    .chain_update(own)
                    .finalize()
                    .to_vec()
            }
        };
        Ok(Zeroizing::new(octets))
    }

    fn gmac(&self, control: SecurityControl, counter: u32) -> Result<[u8; TAG], SecurityError> {
        let key = need(self.keys.encryption.as_ref(), "encryption", self.suite)?;
        let authentication = need(
            self.keys.authentication.as_ref(),
            "authentication",
            self.suite,
        )?;
        // Only the prover's title is part of it: some meters' answers verify though the client never told its own.
        let title = match self.prover {
            Prover::Client => self.client_title,
            Prover::Meter => self.meter_title,
        }
        .ok_or(SecurityError::NoTitle)?;
        let (asked, _) = self.challenges();
        let mut aad = Zeroizing::new(Vec::with_capacity(
            asked
                .len()
                .saturating_add(self.suite.key_length())
                .saturating_add(1),
        ));
        aad.push(control.0);
        aad.extend_from_slice(authentication.expose());
        aad.extend_from_slice(asked);
        Gcm::new(key.expose())
            .ok_or(SecurityError::BadKey("encryption"))?
            .encrypt(nonce(title, counter), &aad, &mut [])
    }

    fn signed(&self) -> Result<Vec<u8>, SecurityError> {
        let (prover, other) = self.titles()?;
        let (asked, own) = self.challenges();
        Ok([&prover.0, &other.0, asked, own].concat())
    }
}

fn need<'k>(
    key: Option<&'k Secret>,
    name: &'static str,
    suite: Suite,
) -> Result<&'k Secret, SecurityError> {
    let key = key.ok_or(SecurityError::MissingKey(name))?;
    suite.check(name, key)?;
    Ok(key)
}

/// Equal length and octets; takes the same time wherever they differ.
fn same(one: &[u8], other: &[u8]) -> bool {
    let differ = one.iter().zip(other).fold(0_u8, |differ, (a, b)| {
        std::hint::black_box(differ | (a ^ b))
    });
    one.len() == other.len() && differ == 0
}
