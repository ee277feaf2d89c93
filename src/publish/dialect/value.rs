//! What was read as JSON can carry it, and names as JSON and topics can. The rule: what a receiver would take for
//! something else is written so that it cannot.

use std::collections::BTreeSet;

use crate::cosem::Data;
use crate::cosem::decode::Decoded;
use crate::meter::Reading;

/// A value as JSON can carry it.
pub(super) enum Value {
    /// A number or a boolean, ready to write.
    Literal(String),
    Text(String),
    /// NaN or infinite.
    NotANumber,
    /// A key or a password: it goes nowhere.
    Secret,
}

impl Value {
    pub(super) fn of(reading: &Reading, data: &Data) -> Self {
        if reading.decoded() == Some(Decoded::Hidden) {
            return Self::Secret;
        }
        if let Some(decimal) = reading.decimal() {
            let mut literal = decimal.to_string();
            // A float that happens to be whole stays a float: `230` would be another type than `230.1`.
            if matches!(data, Data::Float32(_) | Data::Float64(_)) && !literal.contains('.') {
                literal.push_str(".0");
            }
            return Self::Literal(literal);
        }
        match data {
            Data::Boolean(value) => Self::Literal(value.to_string()),
            Data::Enum(choice) => Self::Literal(choice.to_string()),
            Data::Float32(_) | Data::Float64(_) => Self::NotANumber,
            Data::OctetString(bytes) | Data::VisibleString(bytes) | Data::Utf8String(bytes) => {
                match std::str::from_utf8(bytes) {
                    Ok(text) if !text.is_empty() && !text.chars().any(char::is_control) => {
                        Self::Text(text.to_owned())
                    }
                    _ => Self::Text(reading.text()),
                }
            }
            _ => Self::Text(reading.text()),
        }
    }
}

/// What was read, where it is text as a name or a number of a device is.
pub fn plain_text(reading: &Reading) -> Option<String> {
    match Value::of(reading, reading.value.as_ref().ok()?) {
        Value::Text(text) => Some(text),
        Value::Literal(number) => Some(number),
        Value::NotANumber | Value::Secret => None,
    }
}

/// Wider than what ThingsBoard takes for a number (decimal, hexadecimal, with exponent or suffix), so
/// that an identifier does not change its form from one sample to the next.
pub(super) fn looks_numeric(text: &str) -> bool {
    let text = text.trim();
    text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
        && text
            .chars()
            .all(|c| c.is_ascii_hexdigit() || "+-.xXlL".contains(c))
}

/// Members of an object under writing; a key that comes twice gets a number, since both were read.
pub(super) struct Members<'a> {
    out: &'a mut String,
    keys: BTreeSet<String>,
}

impl<'a> Members<'a> {
    pub(super) fn new(out: &'a mut String) -> Self {
        Self {
            out,
            keys: BTreeSet::new(),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }

    pub(super) fn member(&mut self, key: &str, value: &str) {
        let mut name = key.to_owned();
        let mut number = 2_u32;
        while self.keys.contains(&name) {
            name = format!("{key}_{number}");
            number = number.saturating_add(1);
        }
        if !self.keys.is_empty() {
            self.out.push(',');
        }
        self.out.push_str(&quoted(&name));
        self.out.push(':');
        self.out.push_str(value);
        self.keys.insert(name);
    }
}

pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// One level of a topic: a device name may hold none of MQTT's own characters.
pub(super) fn topic_level(device: &str) -> String {
    level_of(device).collect()
}

/// The same, letter by letter: `_` stands for what MQTT itself uses.
pub(in crate::publish) fn level_of(device: &str) -> impl Iterator<Item = char> {
    device.chars().map(|c| {
        if "+#/".contains(c) || c.is_control() {
            '_'
        } else {
            c
        }
    })
}
