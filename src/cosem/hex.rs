//! Octets as people read them: two capital hexadecimal digits each. The rule: this is the one place that writes them.

use std::fmt::Write as _;

/// All of them, with this between.
pub fn joined(octets: &[u8], between: &str) -> String {
    let each = between.len().saturating_add(2);
    let mut text = String::with_capacity(octets.len().saturating_mul(each));
    for (index, octet) in octets.iter().enumerate() {
        let gap = if index == 0 { "" } else { between };
        // Writing to a String cannot fail.
        let _ = write!(text, "{gap}{octet:02X}");
    }
    text
}

/// `7E A0 07`
pub fn spaced(octets: &[u8]) -> String {
    joined(octets, " ")
}

/// `7E A0 …`: at most `most` octets.
pub fn cut(octets: &[u8], most: usize) -> String {
    match octets.get(..most) {
        Some(first) if first.len() < octets.len() => spaced(first) + " …",
        _ => spaced(octets),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_digits_each_and_no_gap_at_the_ends() {
        assert_eq!(spaced(&[]), "");
        assert_eq!(spaced(&[0x0E, 0xA0, 0x07]), "0E A0 07");
        assert_eq!(joined(&[0x0E, 0xA0], ""), "0EA0");
        assert_eq!(cut(&[1, 2, 3], 3), "01 02 03");
        assert_eq!(cut(&[1, 2, 3], 2), "01 02 …");
        assert_eq!(cut(&[1, 2, 3], 9), "01 02 03");
    }
}
