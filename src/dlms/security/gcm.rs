//! AES-GCM with tags of 12 octets, for keys of both lengths; the key schedule is made once and used again and again.
//!
//! The one rule: an octet is deciphered unverified only where the caller's name for it says so.
use super::error::SecurityError;
use super::title::SystemTitle;
use aes_gcm::aead::consts::U12;
use aes_gcm::aes::{Aes128, Aes256};
use aes_gcm::{AeadInOut, AesGcm, KeyInit};

/// Octets of every tag in DLMS.
pub(super) const TAG: usize = 12;

pub(super) enum Gcm {
    Aes128(Box<AesGcm<Aes128, U12, U12>>),
    Aes256(Box<AesGcm<Aes256, U12, U12>>),
}

/// System title, then invocation counter.
pub(super) fn nonce(title: SystemTitle, counter: u32) -> [u8; 12] {
    let mut nonce = [0; 12];
    let octets = title.0.into_iter().chain(counter.to_be_bytes());
    for (place, octet) in nonce.iter_mut().zip(octets) {
        *place = octet;
    }
    nonce
}

impl Gcm {
    /// None for a key of another length than 16 or 32.
    pub(super) fn new(key: &[u8]) -> Option<Self> {
        match key.len() {
            16 => AesGcm::new_from_slice(key)
                .ok()
                .map(|gcm| Self::Aes128(Box::new(gcm))),
            32 => AesGcm::new_from_slice(key)
                .ok()
                .map(|gcm| Self::Aes256(Box::new(gcm))),
            _ => None,
        }
    }

    /// Encrypts in place and gives the tag; with nothing in `octets` this is GMAC over `aad`.
    pub(super) fn encrypt(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        octets: &mut [u8],
    ) -> Result<[u8; TAG], SecurityError> {
        let length = octets.len();
        let nonce = nonce.into();
        match self {
            Self::Aes128(gcm) => gcm.encrypt_inout_detached(&nonce, aad, octets.into()),
            Self::Aes256(gcm) => gcm.encrypt_inout_detached(&nonce, aad, octets.into()),
        }
        .map(Into::into)
        .map_err(|_| SecurityError::TooLong(length))
    }

    /// Deciphers in place when the tag is right (compared in constant time); else leaves the octets alone.
    pub(super) fn decrypt(
        &self,
        nonce: [u8; 12],
        aad: &[u8],
        octets: &mut [u8],
        tag: &[u8; TAG],
    ) -> bool {
        let nonce = nonce.into();
        let tag = (*tag).into();
        match self {
            Self::Aes128(gcm) => gcm.decrypt_inout_detached(&nonce, aad, octets.into(), &tag),
            Self::Aes256(gcm) => gcm.decrypt_inout_detached(&nonce, aad, octets.into(), &tag),
        }
        .is_ok()
    }

    /// Deciphers in place and looks at no tag. Counter mode is its own inverse, so this is `encrypt` without its tag.
    pub(super) fn decrypt_unverified(
        &self,
        nonce: [u8; 12],
        octets: &mut [u8],
    ) -> Result<(), SecurityError> {
        self.encrypt(nonce, &[], octets).map(|_| ())
    }
}
