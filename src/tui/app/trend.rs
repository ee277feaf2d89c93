//! The recent course of each value, small enough to keep for every meter on the screen. The
//! rule: a missed reading leaves a gap, never an invented point.
use crate::meter::{MeterId, MeterStatus};
use std::collections::{HashMap, VecDeque};

/// Columns kept; the widest sparkline.
pub const COLUMNS: usize = 16;
/// Samples one column holds at most. Only whole columns are shown, so a full picture moves on
/// only every so many readings, which keeps a slow terminal quiet.
const FULL: u16 = 16;
/// Meters whose course is kept.
const METERS: usize = 256;

/// Mean of the readings that fell into it; none when all of them failed.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
struct Column {
    sum: f64,
    good: u16,
    taken: u16,
}

impl Column {
    fn mean(self) -> Option<f64> {
        (self.good > 0).then(|| self.sum / f64::from(self.good))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Up,
    Down,
    Level,
}

/// The course of one value.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trend {
    columns: VecDeque<Column>,
    per: u16,
    at: Option<jiff::Timestamp>,
}

impl Trend {
    /// Takes one reading; `None` is one that failed. The same reading twice counts once.
    pub fn push(&mut self, at: jiff::Timestamp, value: Option<f64>) {
        if self.at == Some(at) {
            return;
        }
        self.at = Some(at);
        self.per = self.per.max(1);
        if self.columns.back().is_none_or(|c| c.taken >= self.per) {
            if self.columns.len() == COLUMNS {
                if self.per < FULL {
                    self.halve();
                } else {
                    self.columns.pop_front();
                }
            }
            if self.columns.back().is_none_or(|c| c.taken >= self.per) {
                self.columns.push_back(Column::default());
            }
        }
        if let Some(column) = self.columns.back_mut() {
            column.taken += 1;
            if let Some(value) = value.filter(|v| v.is_finite()) {
                column.sum += value;
                column.good += 1;
            }
        }
    }

    fn halve(&mut self) {
        self.per *= 2;
        let columns: Vec<Column> = self.columns.drain(..).collect();
        self.columns.extend(columns.chunks(2).map(|pair| Column {
            sum: pair.iter().map(|c| c.sum).sum(),
            good: pair.iter().map(|c| c.good).sum(),
            taken: pair.iter().map(|c| c.taken).sum(),
        }));
    }

    /// Heights 0 to 7 of the last `width` columns, oldest first; `None` is a gap.
    pub fn levels(&self, width: usize) -> Vec<Option<u8>> {
        let skip = self.whole().count().saturating_sub(width);
        let means: Vec<Option<f64>> = self.whole().skip(skip).map(|c| c.mean()).collect();
        let Some((low, high)) = range(means.iter().flatten().copied()) else {
            return vec![None; means.len()];
        };
        // A flat line stays flat: less than a thousandth of the value is no course.
        let middle = f64::midpoint(low, high);
        let span = (high - low)
            .max(middle.abs() / 1000.0)
            .max(f64::MIN_POSITIVE);
        let bottom = middle - span / 2.0;
        means
            .into_iter()
            .map(|mean| mean.map(|mean| eighth((mean - bottom) / span)))
            .collect()
    }

    fn whole(&self) -> impl DoubleEndedIterator<Item = &Column> {
        self.columns.iter().filter(|c| c.taken >= self.per)
    }

    /// Lowest and highest mean kept.
    pub fn range(&self) -> Option<(f64, f64)> {
        range(self.columns.iter().filter_map(|c| c.mean()))
    }

    /// Where it goes, by the last two columns that hold readings.
    pub fn direction(&self) -> Option<Direction> {
        let mut means = self.whole().rev().filter_map(|c| c.mean());
        let (last, before) = (means.next()?, means.next()?);
        Some(if last > before {
            Direction::Up
        } else if last < before {
            Direction::Down
        } else {
            Direction::Level
        })
    }
}

fn range(values: impl Iterator<Item = f64>) -> Option<(f64, f64)> {
    values.fold(None, |range, value| match range {
        None => Some((value, value)),
        Some((low, high)) => Some((low.min(value), high.max(value))),
    })
}

/// Which eighth of 0..=1 this is.
fn eighth(share: f64) -> u8 {
    (1..8_u8)
        .take_while(|step| share * 8.0 >= f64::from(*step))
        .count()
        .try_into()
        .unwrap_or(7)
}

/// Courses by meter and by the position of the object in its definition.
#[derive(Clone, Debug, Default)]
pub struct Trends {
    meters: HashMap<MeterId, HashMap<String, Trend>>,
}

impl Trends {
    /// Takes the readings of a status. Beyond the bound only the `selected` meter is let in,
    /// in place of another.
    pub fn take(&mut self, id: MeterId, status: &MeterStatus, selected: bool) {
        if !self.meters.contains_key(&id) && self.meters.len() >= METERS {
            if !selected {
                return;
            }
            if let Some(other) = self.meters.keys().next().copied() {
                self.meters.remove(&other);
            }
        }
        let meter = self.meters.entry(id).or_default();
        for reading in status.values.iter().flatten() {
            let value = reading.decimal().map(crate::cosem::Decimal::to_f64);
            if value.is_none() && reading.value.is_ok() {
                continue;
            }
            if let Some(trend) = meter.get_mut(&reading.key) {
                trend.push(reading.at, value);
            } else {
                let mut trend = Trend::default();
                trend.push(reading.at, value);
                meter.insert(reading.key.clone(), trend);
            }
        }
        // Keys a definition no longer names go; a definition holds few.
        if meter.len() > status.values.len() {
            meter.retain(|key, _| status.values.iter().flatten().any(|r| r.key == *key));
        }
    }

    pub fn get(&self, id: MeterId, key: &str) -> Option<&Trend> {
        self.meters.get(&id)?.get(key)
    }

    pub fn remove(&mut self, id: MeterId) {
        self.meters.remove(&id);
    }

    /// A copy with this meter alone, for a frozen picture.
    pub fn only(&self, id: MeterId) -> Self {
        let meters = self
            .meters
            .get(&id)
            .map(|trends| HashMap::from([(id, trends.clone())]));
        Self {
            meters: meters.unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> jiff::Timestamp {
        jiff::Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    #[test]
    fn it_fills_then_thins_then_moves_by_whole_columns() {
        let mut trend = Trend::default();
        for n in 0..16_u32 {
            trend.push(at(n.into()), Some(n.into()));
        }
        assert_eq!(trend.levels(16).len(), 16);
        assert_eq!(trend.levels(16)[0], Some(0));
        assert_eq!(trend.levels(16)[15], Some(7));
        trend.push(at(16), Some(16.0));
        assert_eq!(trend.levels(16).len(), 8, "pairs were merged");
        for n in 17..10_000_u32 {
            trend.push(at(n.into()), Some(n.into()));
        }
        assert!(trend.columns.len() <= COLUMNS);
        assert_eq!(trend.direction(), Some(Direction::Up));
    }

    #[test]
    fn a_missed_reading_is_a_gap_and_a_flat_line_is_flat() {
        let mut trend = Trend::default();
        trend.push(at(0), Some(59.98));
        trend.push(at(1), None);
        trend.push(at(2), Some(59.98));
        trend.push(at(2), Some(10.0));
        assert_eq!(trend.levels(8), [Some(3), None, Some(3)]);
        assert_eq!(trend.direction(), Some(Direction::Level));
    }
}
