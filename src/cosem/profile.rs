//! A profile's buffer (class 7) as a table. Columns are the capture objects; what a meter left out to save space is
//! filled in from the row before, and a row that does not fit its columns is an error, never a guess.

use super::value::with_integer;
use super::{AttributeRef, Data, DateTime, Obis};
use jiff::SignedDuration;

/// One column of a profile (capture_object_definition).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CaptureObject {
    pub attribute: AttributeRef,
    /// 0: the whole attribute; else the element of it, counted from 1.
    pub index: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProfileError {
    #[error("the capture objects are no list of class, logical name, attribute and index: {0}")]
    CaptureObjects(String),
    #[error("the buffer is no array but {0}")]
    NoArray(&'static str),
    #[error(
        "row {row} (counted from 1) has {got} value(s), but the profile captures {expected} object(s)"
    )]
    Width {
        row: usize,
        got: usize,
        expected: usize,
    },
    #[error("row {row} (counted from 1) is no structure but {got}")]
    NoRow { row: usize, got: &'static str },
    #[error(
        "row {row}, column {column} (counted from 1) is a difference from a row before that holds no number it fits"
    )]
    Delta { row: usize, column: usize },
}

/// The order of the rows (attribute 5): 2 is last in, first out.
const LIFO: i128 = 2;
const CLOCK: u16 = 8;

impl CaptureObject {
    /// The meter's clock, time: the column by which load profiles are cut.
    pub const CLOCK: Self = Self {
        attribute: AttributeRef {
            class: CLOCK,
            obis: Obis::new(0, 0, 1, 0, 0, 255),
            attribute: 2,
        },
        index: 0,
    };

    pub fn to_data(self) -> Data {
        Data::Structure(vec![
            Data::LongUnsigned(self.attribute.class),
            Data::OctetString(self.attribute.obis.0.to_vec()),
            Data::Integer(self.attribute.attribute),
            Data::LongUnsigned(self.index),
        ])
    }

    /// From an element of attribute 3 (capture_objects), whatever integer types the meter uses.
    pub fn from_data(data: &Data) -> Option<Self> {
        // Later versions add a restriction behind the four.
        let [class, obis, attribute, index, ..] = data.elements()? else {
            return None;
        };
        Some(Self {
            attribute: AttributeRef {
                class: class.as_integer()?.try_into().ok()?,
                obis: obis.as_obis()?,
                attribute: attribute.as_integer()?.try_into().ok()?,
            },
            index: index.as_integer()?.try_into().ok()?,
        })
    }

    /// The clock's time: the one column whose omitted values run on by the capture period.
    pub fn is_time(&self) -> bool {
        self.attribute.class == CLOCK && self.attribute.attribute == 2
    }
}

/// Attribute 3.
pub fn capture_objects(data: &Data) -> Result<Vec<CaptureObject>, ProfileError> {
    let wrong = |data: &Data| {
        let text: String = data.to_text().chars().take(80).collect();
        ProfileError::CaptureObjects(text)
    };
    let elements = data.elements().ok_or_else(|| wrong(data))?;
    let one = |element| CaptureObject::from_data(element).ok_or_else(|| wrong(element));
    elements.iter().map(one).collect()
}

/// Seconds from one row to the next: the capture period (attribute 4), backwards where the newest row comes first.
pub fn step(period: &Data, sort_method: Option<&Data>) -> i64 {
    let seconds = period.as_integer().and_then(|p| i64::try_from(p).ok());
    let seconds = seconds.unwrap_or_default();
    match sort_method.and_then(Data::as_integer) {
        Some(LIFO) => seconds.saturating_neg(),
        _ => seconds,
    }
}

/// Attribute 2, or a part of it. `step` as from [`step`]; `before` is the row in front of the first, where the buffer is
/// read in parts.
pub fn rows(
    buffer: &Data,
    columns: &[CaptureObject],
    step: i64,
    before: Option<&[Data]>,
) -> Result<Vec<Vec<Data>>, ProfileError> {
    let (Data::Array(_) | Data::CompactArray(_)) = buffer else {
        return Err(ProfileError::NoArray(buffer.type_name()));
    };
    let raw = buffer.elements().unwrap_or_default();
    let mut rows: Vec<Vec<Data>> = Vec::with_capacity(raw.len());
    for (index, data) in raw.iter().enumerate() {
        let row = index.saturating_add(1);
        let cells = match data {
            Data::Structure(cells) => cells.as_slice(),
            // One column: some meters send the bare value, but only where it cannot be taken for a row.
            _ if columns.len() == 1 && data.elements().is_none() => std::slice::from_ref(data),
            other => {
                let got = other.type_name();
                return Err(ProfileError::NoRow { row, got });
            }
        };
        if cells.len() != columns.len() {
            return Err(ProfileError::Width {
                row,
                got: cells.len(),
                expected: columns.len(),
            });
        }
        let last = rows.last().map(Vec::as_slice).or(before);
        let mut full = Vec::with_capacity(cells.len());
        for (at, (cell, column)) in cells.iter().zip(columns).enumerate() {
            let above = last.and_then(|last| last.get(at));
            let filled = fill(cell, column, above, step).ok_or(ProfileError::Delta {
                row,
                column: at.saturating_add(1),
            })?;
            full.push(filled);
        }
        rows.push(full);
    }
    Ok(rows)
}

/// The cell in full; `None` for a difference from nothing.
fn fill(cell: &Data, column: &CaptureObject, above: Option<&Data>, step: i64) -> Option<Data> {
    let Some(above) = above else {
        return Some(cell.clone()).filter(|cell| !is_delta(cell));
    };
    match cell {
        Data::Null if column.is_time() => Some(later(above, step)),
        Data::Null => Some(above.clone()),
        delta if is_delta(delta) => {
            let sum = above.as_integer()?.checked_add(delta.as_integer()?)?;
            with_integer(above, sum)
        }
        other => Some(other.clone()),
    }
}

fn is_delta(data: &Data) -> bool {
    matches!(
        data,
        Data::DeltaInteger(_)
            | Data::DeltaLong(_)
            | Data::DeltaDoubleLong(_)
            | Data::DeltaUnsigned(_)
            | Data::DeltaLongUnsigned(_)
            | Data::DeltaDoubleLongUnsigned(_)
    )
}

/// The time of the row after `time`; null when that cannot be said.
fn later(time: &Data, step: i64) -> Data {
    let next = |time: DateTime| {
        let civil = time.civil()?;
        let moved = civil.checked_add(SignedDuration::from_secs(step)).ok()?;
        let mut raw = DateTime::from_civil(moved, None, 0).raw;
        // What is not the time itself stays as the meter sent it.
        let kept = [(4, 0xFF), (8, 0xFF)];
        for (at, unspecified) in kept {
            if time.raw.get(at) == Some(&unspecified)
                && let Some(octet) = raw.get_mut(at)
            {
                *octet = unspecified;
            }
        }
        for at in 9..12 {
            if let (Some(octet), Some(old)) = (raw.get_mut(at), time.raw.get(at)) {
                *octet = *old;
            }
        }
        Some(raw)
    };
    if step == 0 {
        return time.clone();
    }
    match (time, time.as_date_time().and_then(next)) {
        (Data::DateTime(_), Some(raw)) => Data::DateTime(DateTime { raw }),
        (_, Some(raw)) => Data::OctetString(raw.to_vec()),
        // Seconds since 1970, as some meters capture them.
        (number, None) => number
            .as_integer()
            .and_then(|n| with_integer(number, n.checked_add(i128::from(step))?))
            .unwrap_or(Data::Null),
    }
}

#[cfg(test)]
mod tests;
