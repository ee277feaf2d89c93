//! All values of one cycle in one row: each by the number of its series, milliseconds after the first, and what came. The
//! rule: a whole number is kept as raw alone, and its scaler with the series; nothing is rounded or guessed.

use super::octets::{Reader, Writer};
use crate::cosem::Decimal;
use crate::cosem::decode::Decoded;
use crate::meter::Reading;

/// A row holds what came within this time of its first value; a longer cycle takes several.
pub(super) const SPAN_MS: i64 = 60_000;

/// One value as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    /// Raw; the series knows the scaler.
    Whole(i64),
    /// Text, and raw in JSON.
    Other {
        value: &'a str,
        raw: &'a str,
    },
    /// Text that is its own raw.
    Text(&'a str),
    Error(&'a str),
}

pub(super) struct Entry<'a> {
    pub number: u32,
    /// Milliseconds after the row's time.
    pub after: u32,
    pub value: Value<'a>,
}

/// What [`Value`] borrows from.
pub(super) enum Owned {
    Whole(i64),
    Other(String, String),
    Text(String),
    Error(String),
}

impl Owned {
    pub fn of(reading: &Reading) -> Self {
        let data = match &reading.value {
            Ok(data) => data,
            Err(error) => return Self::Error(error.to_string()),
        };
        if let Some(raw) = data.as_integer().and_then(|raw| i64::try_from(raw).ok()) {
            return Self::Whole(raw);
        }
        // A key or password has no place in a database of readings.
        if let Some(hidden @ Decoded::Hidden) = reading.decoded() {
            return Self::Other(hidden.to_text(), "null".to_owned());
        }
        let (value, raw) = (reading.text(), data.to_json());
        if raw.as_str() == Some(&value) {
            return Self::Text(value);
        }
        Self::Other(value, raw.to_string())
    }

    pub fn borrow(&self) -> Value<'_> {
        match self {
            Self::Whole(raw) => Value::Whole(*raw),
            Self::Other(value, raw) => Value::Other { value, raw },
            Self::Text(text) => Value::Text(text),
            Self::Error(error) => Value::Error(error),
        }
    }
}

impl Value<'_> {
    /// A number, with its exact text where that is all there is.
    pub fn decimal(&self, scaler: i8) -> Option<Number<'_>> {
        match self {
            Self::Whole(raw) => Some(Number::Whole(*raw, scaler)),
            // Only numbers begin so in JSON; what cannot be drawn is no number.
            Self::Other { value, raw }
                if raw.starts_with(|c: char| c == '-' || c.is_ascii_digit()) =>
            {
                let float = value.parse().ok().filter(|it: &f64| it.is_finite())?;
                Some(Number::Text(float, value))
            }
            _ => None,
        }
    }

    /// As people read it.
    pub fn text(&self, scaler: i8) -> Option<String> {
        match self {
            Self::Whole(raw) => Some(Decimal::new((*raw).into(), scaler).to_string()),
            Self::Other { value, .. } => Some((*value).to_owned()),
            Self::Text(text) => Some((*text).to_owned()),
            Self::Error(_) => None,
        }
    }

    /// As the meter sent it, JSON.
    pub fn raw(&self) -> Option<String> {
        match self {
            Self::Whole(raw) => Some(raw.to_string()),
            Self::Other { raw, .. } => Some((*raw).to_owned()),
            Self::Text(text) => Some(serde_json::Value::from(*text).to_string()),
            Self::Error(_) => None,
        }
    }
}

#[derive(Clone, Copy)]
pub(super) enum Number<'a> {
    Whole(i64, i8),
    Text(f64, &'a str),
}

pub(super) fn write(out: &mut Writer, entry: &Entry<'_>) {
    let kind = match entry.value {
        Value::Whole(_) => 0,
        Value::Other { .. } => 1,
        Value::Text(_) => 2,
        Value::Error(_) => 3,
    };
    out.number(u128::from(entry.number) << 2 | kind);
    out.number(entry.after.into());
    match entry.value {
        Value::Whole(raw) => out.signed(raw.into()),
        Value::Other { value, raw } => {
            out.text(value);
            out.text(raw);
        }
        Value::Text(text) | Value::Error(text) => out.text(text),
    }
}

/// Ends at the first octets nobody wrote.
pub(super) fn entries(body: &[u8]) -> impl Iterator<Item = Entry<'_>> {
    let mut from = Reader(body);
    std::iter::from_fn(move || {
        if from.is_empty() {
            return None;
        }
        let head: u64 = from.number()?;
        let after = from.number()?;
        let value = match head & 3 {
            0 => Value::Whole(from.signed()?),
            1 => Value::Other {
                value: from.text()?,
                raw: from.text()?,
            },
            2 => Value::Text(from.text()?),
            _ => Value::Error(from.text()?),
        };
        Some(Entry {
            number: u32::try_from(head >> 2).ok()?,
            after,
            value,
        })
    })
}
