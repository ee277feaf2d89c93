//! What is never shown: attributes that hold a key or password, and methods that take one.

use super::Shape;
use super::shape;

/// Methods whose parameters are a secret, wrapped or not, by class and number: change_HLS_secret, global_key_transfer, an
/// M-Bus device's keys, authentication keys for time servers, and tokens, which are worth money.
const METHODS: &[(u16, i8)] = &[(15, 2), (64, 2), (72, 7), (72, 8), (100, 2), (115, 1)];

/// Whether the attribute is a key or password.
pub fn attribute(class: u16, attribute: i8) -> bool {
    *shape(class, attribute) == Shape::Hidden
}

/// Whether the method takes one.
pub fn method(class: u16, method: i8) -> bool {
    METHODS.contains(&(class, method))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_by_class() {
        assert!(attribute(15, 7) && attribute(19, 7) && attribute(44, 5));
        assert!(!attribute(15, 6) && !attribute(1, 2));
        assert!(method(15, 2) && method(64, 2));
        assert!(!method(15, 1) && !method(18, 2));
    }
}
