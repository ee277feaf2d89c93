//! AES key wrap (RFC 3394), as wrapped keys and global key transfer use it. The one rule: a key that fails its check is no key.
use super::error::SecurityError;
use super::secret::Secret;
use aes_kw::{KeyInit, KwAes128, KwAes256};
use zeroize::Zeroizing;

const CHECK: usize = 8;

/// The key under the key encrypting key, eight octets longer.
pub fn wrap(kek: &Secret, key: &Secret) -> Result<Vec<u8>, SecurityError> {
    let key = key.expose();
    let mut out = vec![0; key.len().saturating_add(CHECK)];
    match kek.expose().len() {
        16 => KwAes128::new_from_slice(kek.expose())
            .ok()
            .and_then(|kw| kw.wrap_key(key, &mut out).ok().map(|_| ())),
        _ => KwAes256::new_from_slice(kek.expose())
            .ok()
            .and_then(|kw| kw.wrap_key(key, &mut out).ok().map(|_| ())),
    }
    .ok_or(SecurityError::BadKey("key encrypting"))?;
    Ok(out)
}

pub fn unwrap(kek: &Secret, wrapped: &[u8]) -> Result<Secret, SecurityError> {
    let length = wrapped
        .len()
        .checked_sub(CHECK)
        .filter(|length| matches!(length, 16 | 32));
    let Some(length) = length else {
        return Err(SecurityError::Unwrap);
    };
    let mut out = Zeroizing::new(vec![0; length]);
    match kek.expose().len() {
        16 => KwAes128::new_from_slice(kek.expose())
            .ok()
            .and_then(|kw| kw.unwrap_key(wrapped, &mut out).ok().map(|_| ())),
        _ => KwAes256::new_from_slice(kek.expose())
            .ok()
            .and_then(|kw| kw.unwrap_key(wrapped, &mut out).ok().map(|_| ())),
    }
    .ok_or(SecurityError::Unwrap)?;
    Ok(Secret::new(out.as_slice()))
}
