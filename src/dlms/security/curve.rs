//! P-256 and P-384 as suites 1 and 2 use them: ECDSA signatures `r s`, ECDH shared secrets, public keys `x y`.
//!
//! The one rule: a public key is checked to be a point of its curve before it is used.
use super::error::SecurityError;
use super::secret::Secret;
use super::suite::Suite;
use p256::ecdsa::signature::{Signer, Verifier};
use zeroize::Zeroizing;

/// Octets of one coordinate; a public key and a signature have two.
pub const fn field_length(suite: Suite) -> Option<usize> {
    match suite {
        Suite::Zero => None,
        Suite::One => Some(32),
        Suite::Two => Some(48),
    }
}

/// The public key, x and y, of a private one.
pub fn public_of(suite: Suite, private: &Secret) -> Result<Vec<u8>, SecurityError> {
    const BAD: SecurityError = SecurityError::BadKey("private");
    let point = match suite {
        Suite::Zero => return Err(SecurityError::NoCurve(suite)),
        Suite::One => {
            let key = p256::SecretKey::from_slice(private.expose()).map_err(|_| BAD)?;
            p256::ecdsa::SigningKey::from(key)
                .verifying_key()
                .to_sec1_point(false)
                .as_bytes()
                .to_vec()
        }
        Suite::Two => {
            let key = p384::SecretKey::from_slice(private.expose()).map_err(|_| BAD)?;
            p384::ecdsa::SigningKey::from(key)
                .verifying_key()
                .to_sec1_point(false)
                .as_bytes()
                .to_vec()
        }
    };
    // The first octet, 04, only says that both coordinates follow.
    point.get(1..).map(<[u8]>::to_vec).ok_or(BAD)
}

/// Deterministic (RFC 6979): no randomness is needed, none can be bad.
pub fn sign(suite: Suite, private: &Secret, message: &[u8]) -> Result<Vec<u8>, SecurityError> {
    const BAD: SecurityError = SecurityError::BadKey("signing");
    match suite {
        Suite::Zero => Err(SecurityError::NoCurve(suite)),
        Suite::One => {
            let key = p256::ecdsa::SigningKey::from_slice(private.expose()).map_err(|_| BAD)?;
            let signature: p256::ecdsa::Signature = key.try_sign(message).map_err(|_| BAD)?;
            Ok(signature.to_bytes().to_vec())
        }
        Suite::Two => {
            let key = p384::ecdsa::SigningKey::from_slice(private.expose()).map_err(|_| BAD)?;
            let signature: p384::ecdsa::Signature = key.try_sign(message).map_err(|_| BAD)?;
            Ok(signature.to_bytes().to_vec())
        }
    }
}

/// Whether `signature` over `message` is by the holder of `public`.
pub fn verify(
    suite: Suite,
    public: &[u8],
    message: &[u8],
    signature: &[u8],
) -> Result<bool, SecurityError> {
    const BAD: SecurityError = SecurityError::BadKey("peer's public signing");
    let point = sec1(public);
    match suite {
        Suite::Zero => Err(SecurityError::NoCurve(suite)),
        Suite::One => {
            let key = p256::ecdsa::VerifyingKey::from_sec1_bytes(&point).map_err(|_| BAD)?;
            Ok(p256::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()))
        }
        Suite::Two => {
            let key = p384::ecdsa::VerifyingKey::from_sec1_bytes(&point).map_err(|_| BAD)?;
            Ok(p384::ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()))
        }
    }
}

/// The shared secret Z: the x coordinate of our private key times their public one.
pub fn agree(suite: Suite, private: &Secret, public: &[u8]) -> Result<Secret, SecurityError> {
    const OURS: SecurityError = SecurityError::BadKey("key agreement");
    const THEIRS: SecurityError = SecurityError::BadKey("peer's public key agreement");
    let point = sec1(public);
    let z: Zeroizing<Vec<u8>> = match suite {
        Suite::Zero => return Err(SecurityError::NoCurve(suite)),
        Suite::One => {
            let ours = p256::SecretKey::from_slice(private.expose()).map_err(|_| OURS)?;
            let theirs = p256::PublicKey::from_sec1_bytes(&point).map_err(|_| THEIRS)?;
            let z = p256::ecdh::diffie_hellman(ours.to_nonzero_scalar(), theirs.as_affine());
            Zeroizing::new(z.raw_secret_bytes().to_vec())
        }
        Suite::Two => {
            let ours = p384::SecretKey::from_slice(private.expose()).map_err(|_| OURS)?;
            let theirs = p384::PublicKey::from_sec1_bytes(&point).map_err(|_| THEIRS)?;
            let z = p384::ecdh::diffie_hellman(ours.to_nonzero_scalar(), theirs.as_affine());
            Zeroizing::new(z.raw_secret_bytes().to_vec())
        }
    };
    Ok(Secret::new(z.as_slice()))
}

fn sec1(public: &[u8]) -> Vec<u8> {
    let mut point = Vec::with_capacity(public.len().saturating_add(1));
    point.push(0x04);
    point.extend_from_slice(public);
    point
}
