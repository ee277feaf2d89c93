//! A value as ThingsBoard keeps it. The rule: numbers are looked at as text, because their type there depends on how they are
//! written, and what does not fit becomes a string without a word.

use serde_json::value::RawValue;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stored {
    Long(i64),
    /// As it was written: 230.10 keeps its zero here.
    Double(String),
    Text(String),
    Flag(bool),
    /// An object or an array, as it was written.
    Json(String),
}

/// More decimals than a double keeps: stored as a string.
const MOST_DECIMALS: usize = 16;

impl Stored {
    /// None for null, which is skipped.
    pub(super) fn new(raw: &RawValue) -> Option<Self> {
        let text = raw.get();
        Some(match text.as_bytes().first()? {
            b'n' => return None,
            b't' => Self::Flag(true),
            b'f' => Self::Flag(false),
            b'{' | b'[' => Self::Json(text.to_owned()),
            b'"' => {
                let text: String = serde_json::from_str(text).ok()?;
                // Strings that look like numbers are cast, which is its default.
                if looks_numeric(&text) {
                    Self::number(&text)
                } else {
                    Self::Text(text)
                }
            }
            _ => Self::number(text),
        })
    }

    /// As it is told back to a device.
    pub fn json(&self) -> serde_json::Value {
        match self {
            Self::Long(number) => (*number).into(),
            Self::Flag(flag) => (*flag).into(),
            Self::Text(text) => text.as_str().into(),
            // Both were JSON when they came.
            Self::Double(text) | Self::Json(text) => serde_json::from_str(text).unwrap_or_default(),
        }
    }

    fn number(text: &str) -> Self {
        if let Some((_, decimals)) = text.split_once('.') {
            let digits = decimals.bytes().take_while(u8::is_ascii_digit).count();
            return if digits > MOST_DECIMALS {
                Self::Text(text.to_owned())
            } else {
                Self::Double(text.to_owned())
            };
        }
        match text.parse() {
            Ok(number) => Self::Long(number),
            Err(_) if text.contains(['e', 'E']) => Self::Double(text.to_owned()),
            Err(_) => Self::Text(text.to_owned()),
        }
    }
}

/// Digits, one point in between at most, a minus before: no exponent.
fn looks_numeric(text: &str) -> bool {
    let digits = text.strip_prefix('-').unwrap_or(text);
    let point = digits.bytes().filter(|byte| *byte == b'.').count();
    !digits.is_empty()
        && point <= 1
        && !digits.ends_with('.')
        && digits
            .bytes()
            .all(|byte| byte.is_ascii_digit() || byte == b'.')
}
