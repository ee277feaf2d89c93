//! raw × 10^scaler as an exact decimal, never through a float.

use std::cmp::Ordering;
use std::fmt;

/// `Decimal::new(13540, -2)` prints `135.40`; `(5, 3)` prints `5000`. Always prints the decimals the scaler implies.
/// Equality is of raw and scaler, not of the number: `1.0` and `1.00` differ in what the meter said.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Decimal {
    pub raw: i128,
    pub scaler: i8,
}

impl Decimal {
    pub const fn new(raw: i128, scaler: i8) -> Self {
        Self { raw, scaler }
    }

    /// As numbers, exactly: `1.0` and `1.00` are equal here.
    pub fn compare(self, other: Self) -> Ordering {
        let by_sign = self.raw.signum().cmp(&other.raw.signum());
        if by_sign.is_ne() || self.raw == 0 {
            return by_sign;
        }
        match self.aligned(other) {
            Some((a, b, _)) => a.cmp(&b),
            // The one that is too large by the other's power of ten is the farther from zero.
            None if (self.scaler > other.scaler) == (self.raw > 0) => Ordering::Greater,
            None => Ordering::Less,
        }
    }

    /// How far the two are apart; what is too far to be calculated is the farthest there is.
    pub fn wide(self, other: Self) -> Self {
        let difference = self.aligned(other).and_then(|(a, b, scaler)| {
            let apart = a.checked_sub(b)?.checked_abs()?;
            Some(Self::new(apart, scaler))
        });
        difference.unwrap_or(Self::new(i128::MAX, i8::MAX))
    }

    /// The sum; none where it is too large to be calculated.
    pub fn plus(self, other: Self) -> Option<Self> {
        let (a, b, scaler) = self.aligned(other)?;
        Some(Self::new(a.checked_add(b)?, scaler))
    }

    /// So many times as much; none where that is too large to be calculated.
    pub fn times(self, times: i128) -> Option<Self> {
        Some(Self::new(self.raw.checked_mul(times)?, self.scaler))
    }

    pub fn negative(self) -> Self {
        Self::new(self.raw.saturating_neg(), self.scaler)
    }

    /// Both raw by the smaller power of ten.
    fn aligned(self, other: Self) -> Option<(i128, i128, i8)> {
        let scaler = match (self.raw, other.raw) {
            (0, _) => other.scaler,
            (_, 0) => self.scaler,
            _ => self.scaler.min(other.scaler),
        };
        let at = |it: Self| match it.raw {
            0 => Some(0),
            raw => {
                let up = u32::from(it.scaler.abs_diff(scaler));
                10_i128.checked_pow(up)?.checked_mul(raw)
            }
        };
        Some((at(self)?, at(other)?, scaler))
    }

    /// For charts and trends only.
    #[expect(
        clippy::cast_precision_loss,
        reason = "a chart needs no more than 53 bits"
    )]
    pub fn to_f64(self) -> f64 {
        let raw = self.raw as f64;
        // Dividing by an exact power rounds once; multiplying by 0.01 would round twice.
        if self.scaler < 0 {
            raw / 10_f64.powi(i32::from(self.scaler).saturating_neg())
        } else {
            raw * 10_f64.powi(i32::from(self.scaler))
        }
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = self.raw.unsigned_abs().to_string();
        let shift = usize::from(self.scaler.unsigned_abs());
        if self.scaler < 0 {
            // At least one digit stays in front of the point.
            let short = shift.saturating_add(1).saturating_sub(digits.len());
            digits.insert_str(0, &"0".repeat(short));
            digits.insert(digits.len().saturating_sub(shift), '.');
        } else if self.raw != 0 {
            digits.push_str(&"0".repeat(shift));
        }
        f.pad_integral(self.raw >= 0, "", &digits)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Decimal;

    #[test]
    fn compared_as_numbers_however_far_apart() {
        let order = [
            Decimal::new(i128::MIN, 127),
            Decimal::new(-1, 127),
            Decimal::new(-20, -1),
            Decimal::new(-1, 0),
            Decimal::new(-1, -128),
            Decimal::new(0, 5),
            Decimal::new(1, -128),
            Decimal::new(i128::MAX, -128),
            Decimal::new(199, -2),
            Decimal::new(2, 0),
            Decimal::new(7, 100),
            Decimal::new(i128::MAX, 127),
        ];
        for (i, a) in order.iter().enumerate() {
            for (j, b) in order.iter().enumerate() {
                assert_eq!(a.compare(*b), i.cmp(&j), "{a:?} {b:?}");
            }
        }
        let equal = Decimal::new(20, -1).compare(Decimal::new(2, 0));
        assert!(equal.is_eq() && Decimal::new(0, 9).compare(Decimal::new(0, -9)).is_eq());
    }

    #[test]
    fn sums_and_differences_are_exact_or_say_so() {
        let (a, b) = (Decimal::new(2541, -1), Decimal::new(253, 0));
        assert_eq!(a.wide(b), Decimal::new(11, -1));
        assert_eq!(b.wide(a), Decimal::new(11, -1));
        assert_eq!(a.plus(b.negative()), Some(Decimal::new(11, -1)));
        assert_eq!(a.plus(Decimal::new(0, 3)), Some(a));
        assert_eq!(a.times(-2), Some(Decimal::new(-5082, -1)));
        assert_eq!(Decimal::new(1, 127).plus(Decimal::new(1, -128)), None);
        let far = Decimal::new(1, 127).wide(Decimal::new(1, -128));
        assert!(far.compare(Decimal::new(1, 127)).is_gt());
    }

    #[test]
    fn prints_exactly_what_the_scaler_implies() {
        for (raw, scaler, text) in [
            (13540, -2, "135.40"),
            (1302, -3, "1.302"),
            (56348, 0, "56348"),
            (5, 3, "5000"),
            (0, -2, "0.00"),
            (0, 5, "0"),
            (-5, -3, "-0.005"),
            (-1759, -1, "-175.9"),
            (7, -1, "0.7"),
        ] {
            assert_eq!(Decimal::new(raw, scaler).to_string(), text);
        }
    }

    #[test]
    fn any_scaler_has_a_bounded_length() {
        assert_eq!(Decimal::new(i128::MIN, i8::MAX).to_string().len(), 167);
        assert_eq!(Decimal::new(i128::MAX, i8::MIN).to_string().len(), 130);
        assert_eq!(
            Decimal::new(-1, i8::MIN).to_string(),
            format!("-0.{}1", "0".repeat(127))
        );
    }

    #[test]
    fn width_and_sign_are_respected() {
        assert_eq!(format!("{:>8}|", Decimal::new(175, -1)), "    17.5|");
        assert_eq!(format!("{:<8}|", Decimal::new(-175, -1)), "-17.5   |");
        assert_eq!(format!("{:+}", Decimal::new(5, 0)), "+5");
    }

    #[test]
    fn the_float_is_the_nearest_one() {
        assert_eq!(
            Decimal::new(13540, -2).to_f64().to_bits(),
            135.4_f64.to_bits()
        );
        assert_eq!(Decimal::new(3, -1).to_f64().to_bits(), 0.3_f64.to_bits());
        assert!((Decimal::new(5, 3).to_f64() - 5000.0).abs() < f64::EPSILON);
    }

    proptest! {
        #![proptest_config(crate::cosem::repeatable())]

        #[test]
        fn digits_survive(raw in any::<i64>(), scaler in -20_i8..=0) {
            let text = Decimal::new(raw.into(), scaler).to_string();
            prop_assert_eq!(text.replace('.', "").parse::<i128>().unwrap(), i128::from(raw));
            let decimals = text.split_once('.').map_or(0, |(_, d)| d.len());
            prop_assert_eq!(decimals, usize::from(scaler.unsigned_abs()));
        }
    }
}
