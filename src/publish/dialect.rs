//! How a poll becomes messages. Pure. Numbers are exact decimals, never floats.
//!
//! `json`: topic `meters/{device}/telemetry`, one object per poll:
//! `{"device_id":…,"ts":ms,"seq":n,"measurements":{KEY:{"obis","value","unit_code","raw_value","description"}}}`,
//! a failed read as `{"obis","error"}`. `unit_code` is null where the object has no unit. Phase voltages and currents
//! are described in the words of the bridge this payload comes from, which receivers may look for.
//!
//! `thingsboard`: topic `v1/devices/me/telemetry`, `{"ts":ms,"values":{KEY:value}}`; failed reads and
//! numbers that JSON cannot write are left out, and nothing is sent when nothing is left. ThingsBoard
//! turns any string that parses as a number into one (serial number `"00012345"` becomes 12345), so
//! such a string goes out with a `#` before it.

use std::collections::BTreeSet;

use crate::cosem::{Data, Obis};
use crate::meter::{Poll, Reading};
use crate::store::{Dialect, Message};

/// `device` is the name used on the broker; `seq` the device's sequence number (json dialect).
pub fn render(dialect: Dialect, device: &str, seq: u64, poll: &Poll) -> Vec<Message> {
    if poll.readings.is_empty() {
        return Vec::new();
    }
    match dialect {
        Dialect::Json => vec![json(device, seq, poll)],
        Dialect::ThingsBoard => things_board(poll).into_iter().collect(),
    }
}

fn json(device: &str, seq: u64, poll: &Poll) -> Message {
    let mut out = format!(
        r#"{{"device_id":{},"ts":{},"seq":{seq},"measurements":{{"#,
        quoted(device),
        poll.at.as_millisecond()
    );
    let mut object = Members::new(&mut out);
    for reading in &poll.readings {
        let obis = format!("{:#}", reading.obis());
        object.member(&reading.key, &measurement(reading, &obis));
    }
    out.push_str("}}");
    Message {
        topic: format!("meters/{}/telemetry", topic_level(device)),
        payload: out.into_bytes(),
    }
}

fn measurement(reading: &Reading, obis: &str) -> String {
    let obis = quoted(obis);
    let data = match &reading.value {
        Ok(data) => data,
        Err(error) => {
            let error = quoted(&error.to_string());
            return format!(r#"{{"obis":{obis},"error":{error}}}"#);
        }
    };
    let value = match Value::of(reading, data) {
        Value::Literal(literal) => literal,
        Value::Text(text) => quoted(&text),
        Value::NotANumber => "null".to_owned(),
    };
    let unit = reading
        .scaler_unit
        .map_or_else(|| "null".to_owned(), |it| it.unit.0.to_string());
    format!(
        r#"{{"obis":{obis},"value":{value},"unit_code":{unit},"raw_value":{},"description":{}}}"#,
        data.to_json(),
        quoted(&description(reading.obis())),
    )
}

fn description(obis: Obis) -> String {
    let (phase, what) = match obis.0 {
        [1, _, 31, 7, 0, _] => ('A', "current"),
        [1, _, 32, 7, 0, _] => ('A', "voltage"),
        [1, _, 51, 7, 0, _] => ('B', "current"),
        [1, _, 52, 7, 0, _] => ('B', "voltage"),
        [1, _, 71, 7, 0, _] => ('C', "current"),
        [1, _, 72, 7, 0, _] => ('C', "voltage"),
        _ => return obis.describe(),
    };
    format!("Phase {phase} instantaneous {what}")
}

fn things_board(poll: &Poll) -> Option<Message> {
    let mut out = format!(r#"{{"ts":{},"values":{{"#, poll.at.as_millisecond());
    let mut object = Members::new(&mut out);
    for reading in &poll.readings {
        let Ok(data) = &reading.value else { continue };
        match Value::of(reading, data) {
            Value::Literal(literal) => object.member(&reading.key, &literal),
            Value::Text(text) if looks_numeric(&text) => {
                object.member(&reading.key, &quoted(&format!("#{text}")));
            }
            Value::Text(text) => object.member(&reading.key, &quoted(&text)),
            Value::NotANumber => {}
        }
    }
    let any = !object.keys.is_empty();
    out.push_str("}}");
    any.then(|| Message {
        topic: "v1/devices/me/telemetry".to_owned(),
        payload: out.into_bytes(),
    })
}

/// A value as JSON can carry it.
enum Value {
    /// A number or a boolean, ready to write.
    Literal(String),
    Text(String),
    /// NaN or infinite.
    NotANumber,
}

impl Value {
    fn of(reading: &Reading, data: &Data) -> Self {
        if let Some(decimal) = reading.decimal() {
            return Self::Literal(decimal.to_string());
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

/// Wider than what ThingsBoard takes for a number (decimal, hexadecimal, with exponent or suffix), so
/// that an identifier does not change its form from one sample to the next.
fn looks_numeric(text: &str) -> bool {
    let text = text.trim();
    text.starts_with(|c: char| c.is_ascii_digit() || "+-.".contains(c))
        && text
            .chars()
            .all(|c| c.is_ascii_hexdigit() || "+-.xXlL".contains(c))
}

/// Members of an object under writing; a key that comes twice gets a number, since both were read.
struct Members<'a> {
    out: &'a mut String,
    keys: BTreeSet<String>,
}

impl<'a> Members<'a> {
    fn new(out: &'a mut String) -> Self {
        Self {
            out,
            keys: BTreeSet::new(),
        }
    }

    fn member(&mut self, key: &str, value: &str) {
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

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// One level of a topic: a device name may hold none of MQTT's own characters.
fn topic_level(device: &str) -> String {
    device
        .chars()
        .map(|c| {
            if "+#/".contains(c) || c.is_control() {
                '_'
            } else {
                c
            }
        })
        .collect()
}

#[cfg(test)]
#[path = "dialect_tests.rs"]
mod tests;
