//! What many readings of one series come to: lowest, highest, sum, first and last. The rule: whole numbers stay whole, so
//! that first and last are exact and a mean is rounded once; only what was sent as a float is summed as one.

use super::cycle::Number;
use super::octets::{Reader, Writer};
use crate::cosem::Decimal;

#[derive(Clone, Debug, PartialEq)]
pub(super) struct Summary {
    pub count: u64,
    pub numbers: Numbers,
}

#[derive(Clone, Debug, PartialEq)]
pub(super) enum Numbers {
    /// Raw, in the scale of the series.
    Whole {
        first: i64,
        last: i64,
        min: i64,
        max: i64,
        sum: i128,
    },
    /// Scaled; first and last as exact text.
    Float {
        first: String,
        last: String,
        min: f64,
        max: f64,
        sum: f64,
    },
}

impl Summary {
    pub fn of(number: Number<'_>) -> Self {
        let numbers = match number {
            Number::Whole(raw, _) => Numbers::Whole {
                first: raw,
                last: raw,
                min: raw,
                max: raw,
                sum: raw.into(),
            },
            Number::Text(float, text) => Numbers::Float {
                first: text.to_owned(),
                last: text.to_owned(),
                min: float,
                max: float,
                sum: float,
            },
        };
        Self { count: 1, numbers }
    }

    /// What came after, in the same scale.
    pub fn add(&mut self, later: &Self, scaler: i8) {
        self.count = self.count.saturating_add(later.count);
        if let Numbers::Whole {
            last,
            min,
            max,
            sum,
            ..
        } = &mut self.numbers
            && let Numbers::Whole {
                last: later_last,
                min: later_min,
                max: later_max,
                sum: later_sum,
                ..
            } = &later.numbers
        {
            *last = *later_last;
            *min = (*later_min).min(*min);
            *max = (*later_max).max(*max);
            *sum = sum.saturating_add(*later_sum);
            return;
        }
        let (sum, later_sum) = (self.sum(scaler), later.sum(scaler));
        let ((min, max), (later_min, later_max)) = (self.bounds(scaler), later.bounds(scaler));
        self.numbers = Numbers::Float {
            first: self.first(scaler),
            last: later.last(scaler),
            min: min.min(later_min),
            max: max.max(later_max),
            sum: sum + later_sum,
        };
    }

    pub fn first(&self, scaler: i8) -> String {
        match &self.numbers {
            Numbers::Whole { first, .. } => Decimal::new((*first).into(), scaler).to_string(),
            Numbers::Float { first, .. } => first.clone(),
        }
    }

    pub fn last(&self, scaler: i8) -> String {
        match &self.numbers {
            Numbers::Whole { last, .. } => Decimal::new((*last).into(), scaler).to_string(),
            Numbers::Float { last, .. } => last.clone(),
        }
    }

    /// Lowest and highest.
    pub fn bounds(&self, scaler: i8) -> (f64, f64) {
        match self.numbers {
            Numbers::Whole { min, max, .. } => {
                let float = |raw: i64| Decimal::new(raw.into(), scaler).to_f64();
                (float(min), float(max))
            }
            Numbers::Float { min, max, .. } => (min, max),
        }
    }

    pub fn sum(&self, scaler: i8) -> f64 {
        match self.numbers {
            Numbers::Whole { sum, .. } => Decimal::new(sum, scaler).to_f64(),
            Numbers::Float { sum, .. } => sum,
        }
    }
}

pub(super) fn write(out: &mut Writer, number: u32, summary: &Summary) {
    let float = u128::from(matches!(summary.numbers, Numbers::Float { .. }));
    out.number(u128::from(number) << 1 | float);
    out.number(summary.count.into());
    match &summary.numbers {
        Numbers::Whole {
            first,
            last,
            min,
            max,
            sum,
        } => {
            // Values of one step are near each other: told from the first, all are short.
            let first = i128::from(*first);
            out.signed(first);
            out.signed(i128::from(*last) - first);
            out.signed(first - i128::from(*min));
            out.signed(i128::from(*max) - first);
            out.signed(sum.wrapping_sub(first.wrapping_mul(summary.count.into())));
        }
        Numbers::Float {
            first,
            last,
            min,
            max,
            sum,
        } => {
            for float in [*min, *max, *sum] {
                out.float(float);
            }
            out.text(first);
            out.text(last);
        }
    }
}

/// Number of the series and what it came to; ends at the first octets nobody wrote.
pub(super) fn entries(body: &[u8]) -> impl Iterator<Item = (u32, Summary)> {
    let mut from = Reader(body);
    std::iter::from_fn(move || {
        if from.is_empty() {
            None
        } else {
            entry(&mut from)
        }
    })
}

fn entry(from: &mut Reader<'_>) -> Option<(u32, Summary)> {
    let head: u64 = from.number()?;
    let count: u64 = from.number()?;
    let numbers = if head & 1 == 0 {
        let first: i128 = from.signed()?;
        let mut near = |sign: i128| {
            let apart: i128 = from.signed()?;
            i64::try_from(first.checked_add(apart.checked_mul(sign)?)?).ok()
        };
        let (last, min, max) = (near(1)?, near(-1)?, near(1)?);
        let apart: i128 = from.signed()?;
        Numbers::Whole {
            first: i64::try_from(first).ok()?,
            last,
            min,
            max,
            sum: apart.wrapping_add(first.wrapping_mul(count.into())),
        }
    } else {
        let (min, max, sum) = (from.float()?, from.float()?, from.float()?);
        Numbers::Float {
            first: from.text()?.to_owned(),
            last: from.text()?.to_owned(),
            min,
            max,
            sum,
        }
    };
    let number = u32::try_from(head >> 1).ok()?;
    Some((number, Summary { count, numbers }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn whole_numbers_stay_exact(raws in prop::collection::vec(any::<i64>(), 1..20), scaler in -9_i8..9) {
            let mut summary = Summary::of(Number::Whole(raws[0], scaler));
            for raw in &raws[1..] {
                summary.add(&Summary::of(Number::Whole(*raw, scaler)), scaler);
            }
            let mut out = Writer(Vec::new());
            write(&mut out, 7, &summary);
            let back: Vec<_> = entries(&out.0).collect();
            prop_assert_eq!(&back, &[(7, summary.clone())]);
            let exact = |raw: i64| Decimal::new(raw.into(), scaler).to_string();
            prop_assert_eq!(summary.first(scaler), exact(raws[0]));
            prop_assert_eq!(summary.last(scaler), exact(*raws.last().unwrap()));
            let sum: i128 = raws.iter().map(|raw| i128::from(*raw)).sum();
            prop_assert_eq!(summary.sum(scaler).to_bits(), Decimal::new(sum, scaler).to_f64().to_bits());
        }

        #[test]
        fn no_octets_harm(octets: Vec<u8>) {
            prop_assert!(entries(&octets).count() <= octets.len());
        }
    }

    #[test]
    fn a_float_among_whole_numbers_makes_it_one() {
        let mut summary = Summary::of(Number::Whole(13_540, -2));
        summary.add(&Summary::of(Number::Text(2.5, "2.50")), -2);
        assert_eq!(
            (summary.first(-2), summary.last(-2)),
            ("135.40".into(), "2.50".into())
        );
        assert_eq!((summary.bounds(-2), summary.sum(-2)), ((2.5, 135.4), 137.9));
        let mut out = Writer(Vec::new());
        write(&mut out, 0, &summary);
        assert_eq!(entries(&out.0).next(), Some((0, summary)));
    }
}
