//! The A-XDR length field: one byte up to 127, else 81…84 and that many big-endian bytes.

use super::{DataError, DataErrorKind};

/// A-XDR length (shared with APDUs): value and bytes used. Padded forms such as `82 00 05` are read too; meters send them.
pub fn decode_length(bytes: &[u8]) -> Result<(usize, usize), DataError> {
    let fail = |offset, kind| Err(DataError { offset, kind });
    let Some((&first, rest)) = bytes.split_first() else {
        return fail(0, DataErrorKind::Truncated { missing: 1 });
    };
    let count = usize::from(first & 0x7F);
    match first {
        0..=0x7F => return Ok((count, 1)),
        0x80 => return fail(0, DataErrorKind::Malformed("length of no bytes (80)")),
        0x85.. => return fail(0, DataErrorKind::LengthTooLong),
        0x81..=0x84 => {}
    }
    let Some(digits) = rest.get(..count) else {
        let missing = count.saturating_sub(rest.len());
        return fail(bytes.len(), DataErrorKind::Truncated { missing });
    };
    let value = digits
        .iter()
        .fold(0_u32, |sum, &byte| sum << 8 | u32::from(byte));
    match usize::try_from(value) {
        Ok(value) => Ok((value, count.saturating_add(1))),
        Err(_) => fail(0, DataErrorKind::LengthTooLong),
    }
}

/// Writes the shortest form. More than four bytes of length cannot be said in A-XDR as meters speak it; nothing in memory here is that long.
pub fn encode_length(n: usize, out: &mut Vec<u8>) {
    let bytes = u32::try_from(n).unwrap_or(u32::MAX).to_be_bytes();
    match bytes {
        [0, 0, 0, n] if n < 0x80 => out.push(n),
        [0, 0, 0, n] => out.extend_from_slice(&[0x81, n]),
        [0, 0, a, b] => out.extend_from_slice(&[0x82, a, b]),
        [0, a, b, c] => out.extend_from_slice(&[0x83, a, b, c]),
        [a, b, c, d] => out.extend_from_slice(&[0x84, a, b, c, d]),
    }
}
