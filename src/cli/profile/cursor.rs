//! Where in a profile's buffer a read stands. Entries move while they are read (a full buffer drops its oldest, a newest
//! row pushes all others down), so the row read last is known by its contents, not by its number.

use crate::cosem::Data;
use jiff::civil::DateTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::fmt::Write as _;

pub(super) type Row = Vec<Data>;

/// Rows asked for at a time: an answer stays small, and a lost exchange costs no more than these.
pub(super) const PART: u32 = 96;
/// How much longer a time range without rows may grow: a year of nothing is crossed in few steps.
const WIDEST: i64 = 64;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Cursor {
    /// Nothing is known of the buffer yet.
    Start,
    Entries(Entries),
    Range(Range),
    /// The meter gives no parts.
    Whole,
    Done,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Entries {
    /// The number of the next entry, from 1, as far as is known.
    pub next: u32,
    pub left: u32,
    /// The row read last; every part begins with it, which proves that nothing moved.
    pub last: Option<Kept>,
    /// The row before that: what the meter left out of `last` is filled in from it.
    pub before: Option<Kept>,
}

impl Entries {
    /// The numbers of the part to ask for, both included, and whether the row read last is its first.
    pub fn part(&self) -> (u32, u32, bool) {
        let end = self.next.saturating_add(self.left.min(PART) - 1);
        let anchored = self.last.is_some() && self.next > 1;
        let begin = if anchored { self.next - 1 } else { self.next };
        (begin, end, anchored)
    }

    /// `rows` came, and are new.
    pub fn advance(&mut self, rows: &[Row]) {
        let count = u32::try_from(rows.len()).unwrap_or(u32::MAX);
        self.next = self.next.saturating_add(count);
        self.left = self.left.saturating_sub(count);
        match rows {
            [] => {}
            [only] => {
                self.before = self.last.take();
                self.last = Some(Kept(only.clone()));
            }
            [.., before, last] => {
                self.before = Some(Kept(before.clone()));
                self.last = Some(Kept(last.clone()));
            }
        }
    }
}

/// Times by the meter's clock, both ends included; what is left of what was asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Range {
    #[serde(with = "civil")]
    pub from: DateTime,
    #[serde(with = "civil")]
    pub to: DateTime,
    /// How many parts' worth of time the next part covers.
    pub widen: i64,
}

impl Range {
    /// The next part: `period` seconds a row, from the end where the meter begins. `None` when there is none left.
    pub fn part(&self, period: i64, newest_first: bool) -> Option<(DateTime, DateTime)> {
        if self.from > self.to {
            return None;
        }
        if period <= 0 {
            return Some((self.from, self.to));
        }
        let span = period
            .saturating_mul(i64::from(PART))
            .saturating_mul(self.widen)
            .saturating_sub(1);
        let span = jiff::SignedDuration::from_secs(span);
        Some(if newest_first {
            let from = self.to.checked_sub(span).unwrap_or(self.from);
            (from.max(self.from), self.to)
        } else {
            let to = self.from.checked_add(span).unwrap_or(self.to);
            (self.from, to.min(self.to))
        })
    }

    /// The part from `from` to `to` was read and held `rows`.
    pub fn advance(&mut self, from: DateTime, to: DateTime, newest_first: bool, rows: usize) {
        let second = jiff::SignedDuration::from_secs(1);
        let done = if newest_first {
            from.checked_sub(second).map(|before| self.to = before)
        } else {
            to.checked_add(second).map(|after| self.from = after)
        };
        if done.is_err() {
            // At the end of all time nothing is left.
            (self.from, self.to) = (DateTime::MAX, DateTime::MIN);
        }
        self.widen = match rows {
            0 => (self.widen * 2).min(WIDEST),
            _ => 1,
        };
    }
}

/// Times as they are written on the command line.
mod civil {
    use jiff::civil::DateTime;
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(time: &DateTime, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(time)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<DateTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// A row as it is written down between two runs: A-XDR in hexadecimal.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Kept(pub Row);

impl Serialize for Kept {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut hex = String::new();
        for octet in Data::Structure(self.0.clone()).to_bytes() {
            // Writing to a String cannot fail.
            let _ = write!(hex, "{octet:02X}");
        }
        serializer.serialize_str(&hex)
    }
}

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let wrong = |what| serde::de::Error::custom(what);
        let hex = String::deserialize(deserializer)?;
        let octets: Option<Vec<u8>> = (0..hex.len())
            .step_by(2)
            .map(|at| u8::from_str_radix(hex.get(at..at + 2)?, 16).ok())
            .collect();
        let octets = octets.ok_or_else(|| wrong("a row that is not hexadecimal"))?;
        match Data::decode_all(&octets) {
            Ok(Data::Structure(row)) => Ok(Self(row)),
            _ => Err(wrong("a row that is no structure")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::date;

    fn parts(mut range: Range, newest_first: bool) -> Vec<(DateTime, DateTime)> {
        let mut all = Vec::new();
        while let Some((from, to)) = range.part(900, newest_first) {
            all.push((from, to));
            range.advance(from, to, newest_first, 1);
            assert!(all.len() < 1000);
        }
        all
    }

    #[test]
    fn times_are_covered_once_from_either_end() {
        let range = Range {
            from: date(2026, 1, 1).at(0, 0, 0, 0),
            to: date(2026, 1, 3).at(12, 0, 0, 0),
            widen: 1,
        };
        let up = parts(range.clone(), false);
        assert_eq!(up.len(), 3);
        assert_eq!(up[0], (range.from, date(2026, 1, 1).at(23, 59, 59, 0)));
        assert_eq!(up[2].1, range.to);
        let mut down = parts(range, true);
        assert_eq!(down.len(), 3);
        down.reverse();
        for parts in [up, down] {
            for pair in parts.windows(2) {
                assert_eq!(
                    pair[0]
                        .1
                        .checked_add(jiff::SignedDuration::from_secs(1))
                        .unwrap(),
                    pair[1].0
                );
            }
        }
    }

    #[test]
    fn years_of_nothing_are_crossed_quickly_and_the_end_of_time_ends() {
        let mut range = Range {
            from: DateTime::MIN,
            to: DateTime::MAX,
            widen: 1,
        };
        let mut count = 0_u32;
        while let Some((from, to)) = range.part(86_400, false) {
            range.advance(from, to, false, 0);
            count += 1;
        }
        assert!(count < 2_000, "{count}");
    }

    #[test]
    fn what_is_written_down_comes_back() {
        let mut entries = Entries {
            next: 5,
            left: 200,
            last: None,
            before: None,
        };
        assert_eq!(entries.part(), (5, 100, false));
        let row = |n| vec![Data::Null, Data::DoubleLongUnsigned(n)];
        entries.advance(&[row(1), row(2)]);
        assert_eq!(entries.part(), (6, 102, true));
        entries.advance(&[row(3)]);
        assert_eq!(entries.before, Some(Kept(row(2))));
        let cursor = Cursor::Entries(entries);
        let text = serde_json::to_string(&cursor).unwrap();
        assert_eq!(serde_json::from_str::<Cursor>(&text).unwrap(), cursor);
        for wrong in ["\"0", "\"0g\"", "\"00\"", "\"ü\""] {
            assert!(serde_json::from_str::<Kept>(wrong).is_err());
        }
    }
}
