//! What a template may name, and what is filled in. The rule: a number is written as it was read; the time is that of the
//! reading.

use super::super::json;
use super::super::value::{Members, Value, quoted};
use crate::meter::{Poll, Reading};
use crate::publish::Device;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    Device,
    Meter,
    Type,
    Key,
    Obis,
    Name,
    Class,
    Attribute,
    Value,
    Raw,
    Unit,
    UnitCode,
    Scaler,
    Error,
    Milliseconds,
    Seconds,
    Time,
    Sequence,
    Values,
    Json,
}

const ALL: [(&str, Place); 20] = [
    ("device", Place::Device),
    ("meter", Place::Meter),
    ("type", Place::Type),
    ("key", Place::Key),
    ("obis", Place::Obis),
    ("name", Place::Name),
    ("class", Place::Class),
    ("attribute", Place::Attribute),
    ("value", Place::Value),
    ("raw", Place::Raw),
    ("unit", Place::Unit),
    ("unit_code", Place::UnitCode),
    ("scaler", Place::Scaler),
    ("error", Place::Error),
    ("ts", Place::Milliseconds),
    ("ts_s", Place::Seconds),
    ("time", Place::Time),
    ("seq", Place::Sequence),
    ("values", Place::Values),
    ("json", Place::Json),
];

#[derive(Clone, Copy)]
pub(super) struct Scene<'a> {
    pub device: &'a Device,
    pub seq: u64,
    pub poll: &'a Poll,
    /// `None`: the poll as a whole.
    pub reading: Option<&'a Reading>,
}

/// What is filled in.
enum Filling {
    Text(String),
    /// JSON, ready to write.
    Literal(String),
    Nothing,
}

impl Place {
    pub(super) fn named(name: &str) -> Option<Self> {
        ALL.iter().find(|(it, _)| *it == name).map(|(_, it)| *it)
    }

    pub(super) fn name(self) -> &'static str {
        ALL.iter().find(|(_, it)| *it == self).map_or("", |it| it.0)
    }

    /// `{device}, {meter}, …`
    pub(super) fn all() -> String {
        ALL.map(|(name, _)| format!("{{{name}}}")).join(", ")
    }

    pub(super) const fn is_of_a_reading(self) -> bool {
        matches!(
            self,
            Self::Key
                | Self::Obis
                | Self::Name
                | Self::Class
                | Self::Attribute
                | Self::Value
                | Self::Raw
                | Self::Unit
                | Self::UnitCode
                | Self::Scaler
                | Self::Error
        )
    }

    pub(super) const fn fits_a_topic(self) -> bool {
        !matches!(
            self,
            Self::Value
                | Self::Raw
                | Self::Error
                | Self::Milliseconds
                | Self::Seconds
                | Self::Time
                | Self::Sequence
                | Self::Values
                | Self::Json
        )
    }

    /// As it is.
    pub(super) fn plain(self, scene: &Scene<'_>) -> String {
        match self.filling(scene) {
            Filling::Text(text) | Filling::Literal(text) => text,
            Filling::Nothing => String::new(),
        }
    }

    /// As a value of JSON.
    pub(super) fn literal(self, scene: &Scene<'_>) -> String {
        match self.filling(scene) {
            Filling::Text(text) => quoted(&text),
            Filling::Literal(literal) => literal,
            Filling::Nothing => "null".to_owned(),
        }
    }

    /// As part of a string of JSON.
    pub(super) fn within_quotes(self, scene: &Scene<'_>) -> String {
        let whole = quoted(&self.plain(scene));
        let inner = whole.strip_prefix('"').and_then(|it| it.strip_suffix('"'));
        inner.unwrap_or_default().to_owned()
    }

    fn filling(self, scene: &Scene<'_>) -> Filling {
        let at = scene.reading.map_or(scene.poll.at, |reading| reading.at);
        match self {
            Self::Device => Filling::Text(scene.device.name.clone()),
            Self::Type => Filling::Text(scene.device.kind.clone()),
            Self::Meter => Filling::Text(meter(scene.device)),
            Self::Milliseconds => Filling::Literal(at.as_millisecond().to_string()),
            Self::Seconds => Filling::Literal(at.as_second().to_string()),
            Self::Time => Filling::Text(format!("{at:.3}")),
            Self::Sequence => Filling::Literal(scene.seq.to_string()),
            Self::Values => Filling::Literal(values(scene)),
            Self::Json => Filling::Literal(match scene.reading {
                Some(reading) => json::measurement(reading),
                None => json::payload(&scene.device.name, scene.seq, scene.poll),
            }),
            _ => scene.reading.map_or(Filling::Nothing, |it| self.of(it)),
        }
    }

    fn of(self, reading: &Reading) -> Filling {
        let literal = |number: Option<String>| number.map_or(Filling::Nothing, Filling::Literal);
        let unit = reading.scaler_unit;
        match self {
            Self::Key => Filling::Text(reading.key.clone()),
            Self::Obis => Filling::Text(format!("{:#}", reading.obis())),
            Self::Name => Filling::Text(json::description(reading.obis())),
            Self::Class => Filling::Literal(reading.attribute.class.to_string()),
            Self::Attribute => Filling::Literal(reading.attribute.attribute.to_string()),
            Self::Value => match reading.value.as_ref().map(|it| Value::of(reading, it)) {
                Ok(Value::Literal(number)) => Filling::Literal(number),
                Ok(Value::Text(text)) => Filling::Text(text),
                Ok(Value::NotANumber | Value::Secret) | Err(_) => Filling::Nothing,
            },
            Self::Raw => match &reading.value {
                Ok(data) if !matches!(Value::of(reading, data), Value::Secret) => {
                    Filling::Literal(data.to_json().to_string())
                }
                _ => Filling::Nothing,
            },
            Self::Unit => match unit.map(|it| it.unit.symbol()) {
                Some(symbol) => Filling::Text(symbol.to_owned()),
                None => Filling::Nothing,
            },
            Self::UnitCode => literal(unit.map(|it| it.unit.0.to_string())),
            Self::Scaler => literal(unit.map(|it| it.scaler.to_string())),
            Self::Error => match &reading.value {
                Err(error) => Filling::Text(error.to_string()),
                Ok(_) => Filling::Nothing,
            },
            _ => Filling::Nothing,
        }
    }
}

/// What we call the meter, which may be another name than the broker knows it by.
fn meter(device: &Device) -> String {
    let own = device.attributes.iter().find(|(name, _)| name == "meter");
    own.and_then(|(_, literal)| serde_json::from_str(literal).ok())
        .unwrap_or_else(|| device.name.clone())
}

/// `{KEY:value,…}`; what failed is null.
fn values(scene: &Scene<'_>) -> String {
    let one = scene.reading.map(std::slice::from_ref);
    let mut out = String::from("{");
    let mut object = Members::new(&mut out);
    for reading in one.unwrap_or(&scene.poll.readings) {
        let value = match reading.value.as_ref().map(|it| Value::of(reading, it)) {
            Ok(Value::Literal(number)) => number,
            Ok(Value::Text(text)) => quoted(&text),
            Ok(Value::NotANumber | Value::Secret) | Err(_) => "null".to_owned(),
        };
        object.member(&reading.key, &value);
    }
    out.push('}');
    out
}
