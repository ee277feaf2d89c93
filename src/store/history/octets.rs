//! Numbers and text in few octets. The rule: what was written is read back the same, and octets that nobody wrote give
//! `None`, never more memory than they are long.

/// Appends.
pub(super) struct Writer(pub Vec<u8>);

/// Takes from the front.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a>(pub &'a [u8]);

impl Writer {
    /// Seven bits an octet, the lowest first.
    pub fn number(&mut self, mut value: u128) {
        while value > 0x7F {
            self.0.push(low(value) | 0x80);
            value >>= 7;
        }
        self.0.push(low(value));
    }

    /// Small either way is short.
    pub fn signed(&mut self, value: i128) {
        self.number(((value << 1) ^ (value >> 127)).cast_unsigned());
    }

    pub fn float(&mut self, value: f64) {
        self.0.extend_from_slice(&value.to_le_bytes());
    }

    pub fn text(&mut self, text: &str) {
        self.number(text.len() as u128);
        self.0.extend_from_slice(text.as_bytes());
    }
}

fn low(value: u128) -> u8 {
    (value & 0x7F) as u8
}

impl<'a> Reader<'a> {
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn number<T: TryFrom<u128>>(&mut self) -> Option<T> {
        // Nearly everything is short, and 64 bits are quicker than 128.
        let mut value = 0_u64;
        for (at, octet) in self.0.iter().take(9).enumerate() {
            value |= u64::from(octet & 0x7F) << (7 * at);
            if octet & 0x80 == 0 {
                self.0 = self.0.get(at + 1..)?;
                return T::try_from(u128::from(value)).ok();
            }
        }
        self.long().and_then(|value| T::try_from(value).ok())
    }

    fn long(&mut self) -> Option<u128> {
        let mut value = 0_u128;
        for (at, octet) in self.0.iter().take(19).enumerate() {
            value |= u128::from(octet & 0x7F).checked_shl(7 * u32::try_from(at).ok()?)?;
            if octet & 0x80 == 0 {
                self.0 = self.0.get(at + 1..)?;
                return Some(value);
            }
        }
        None
    }

    pub fn signed<T: TryFrom<i128>>(&mut self) -> Option<T> {
        let value: u128 = self.number()?;
        let half = (value >> 1).cast_signed();
        T::try_from(if value & 1 == 1 { !half } else { half }).ok()
    }

    pub fn float(&mut self) -> Option<f64> {
        let (octets, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(f64::from_le_bytes(*octets))
    }

    pub fn text(&mut self) -> Option<&'a str> {
        let length: usize = self.number()?;
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_comes_back(number: u64, long: u128, signed: i64, wide: i128, float: f64, text: String) {
            let mut out = Writer(Vec::new());
            out.number(number.into());
            out.number(long);
            out.signed(signed.into());
            out.signed(wide);
            out.float(float);
            out.text(&text);
            let mut back = Reader(&out.0);
            prop_assert_eq!(back.number(), Some(number));
            prop_assert_eq!(back.number(), Some(long));
            prop_assert_eq!(back.signed(), Some(signed));
            prop_assert_eq!(back.signed(), Some(wide));
            prop_assert_eq!(back.float().map(f64::to_bits), Some(float.to_bits()));
            prop_assert_eq!(back.text(), Some(&*text));
            prop_assert!(back.is_empty());
        }

        #[test]
        fn no_octets_harm(octets: Vec<u8>) {
            let mut back = Reader(&octets);
            while back.number::<u64>().is_some() && back.text().is_some() && back.float().is_some() {}
        }
    }

    #[test]
    fn a_voltage_takes_three_octets() {
        let mut out = Writer(Vec::new());
        out.signed(13_540);
        assert_eq!(out.0.len(), 3);
        out.signed(i128::MIN);
        assert_eq!(Reader(&out.0[3..]).signed(), Some(i128::MIN));
    }
}
