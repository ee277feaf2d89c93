//! raw × 10^scaler as an exact decimal, never through a float.

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
