//! A password, key or token that no log, trace or panic text can show. The bytes leave only through `expose`.
use std::fmt;
use zeroize::Zeroizing;

/// Bytes that are wiped when dropped. Has no `Display` and no serialised form on purpose; `Debug` does not even tell the length.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    pub fn new(bytes: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(bytes.into()))
    }

    /// The bytes themselves; the call is the mark of a place that may see them.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_neither_bytes_nor_length() {
        let (short, long) = (Secret::new("a"), Secret::new("2222222222"));
        assert_eq!(format!("{short:?}"), format!("{long:?}"));
        assert_eq!(format!("{:#?}", Some(&long)).matches('2').count(), 0);
    }

    #[test]
    fn the_bytes_come_back_and_compare() {
        let secret = Secret::new(vec![0, 255]);
        assert_eq!(secret.expose(), [0, 255]);
        assert_eq!(secret, Secret::new(vec![0, 255]));
        assert_ne!(secret, Secret::new(vec![0]));
        assert!(Secret::new("").is_empty());
    }
}
