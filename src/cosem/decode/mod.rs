//! Attributes decoded by name: enums as words, bits as flags, octets as what they stand for, structures with their field
//! names. What does not have the shape its class promises is shown raw, whole.

pub mod secret;
mod shape;
mod shapes;

pub use shape::Shape;
pub(super) use shape::{code_of, element, field};

use super::data::printable_bytes;
use super::date_time::{Date, Time};
use super::{Data, DateTime, ScalerUnit};
use serde_json::{Map, Value, json};
use std::net::{Ipv4Addr, Ipv6Addr};

/// One attribute's value, decoded.
#[derive(Clone, Debug, PartialEq)]
pub enum Decoded {
    /// A word with the number behind it where there is one.
    Named {
        code: u8,
        name: &'static str,
    },
    /// The names of the bits that are set.
    Flags(Vec<&'static str>),
    /// What an octet-string or number stands for: a code, a time, an address, text.
    Text(String),
    List(Vec<Decoded>),
    Fields(Vec<(&'static str, Decoded)>),
    /// A key or password: there, not shown.
    Hidden,
    Raw(Data),
}

/// What attribute `attribute` of class `class` holds; [`Shape::Any`] where it is a choice or not in the table.
pub fn shape(class: u16, attribute: i8) -> &'static Shape {
    shapes::shape(class, attribute)
}

/// By class and attribute.
pub fn decode(class: u16, attribute: i8, data: &Data) -> Decoded {
    apply(shape(class, attribute), data).unwrap_or_else(|| Decoded::Raw(data.clone()))
}

/// `None` when the data has another shape: the caller then shows it raw rather than half of it named.
fn apply(shape: &Shape, data: &Data) -> Option<Decoded> {
    let text = |text: String| Some(Decoded::Text(text));
    match shape {
        Shape::Any => Some(Decoded::Raw(data.clone())),
        Shape::Hidden => Some(Decoded::Hidden),
        Shape::Enum(names) => {
            let code = u8::try_from(data.as_integer()?).ok()?;
            let found = names.iter().find(|(number, _)| *number == code);
            Some(match found {
                Some((_, name)) => Decoded::Named { code, name },
                None => Decoded::Raw(data.clone()),
            })
        }
        Shape::Bits(names) => flags(names, data),
        Shape::Obis => match data.as_obis() {
            Some(code) => text(code.to_string()),
            // Some meters leave a reference empty where there is none.
            None if data.as_octets().is_some_and(<[u8]>::is_empty) => text(String::new()),
            None => None,
        },
        Shape::DateTime => match (data, data.as_octets()) {
            (Data::DateTime(time), _) => text(time.to_string()),
            (_, Some(octets)) => {
                let raw = octets.try_into().ok()?;
                text(DateTime { raw }.to_string())
            }
            _ => None,
        },
        Shape::Date => match data {
            Data::Date(day) => text(day.to_string()),
            other => {
                let raw = other.as_octets()?.try_into().ok()?;
                text(Date { raw }.to_string())
            }
        },
        Shape::Time => match data {
            Data::Time(time) => text(time.to_string()),
            other => {
                let raw = other.as_octets()?.try_into().ok()?;
                text(Time { raw }.to_string())
            }
        },
        Shape::Text => {
            let octets = data.as_octets()?;
            if octets.iter().all(|b| matches!(b, b' '..=b'~')) {
                return text(printable_bytes(octets));
            }
            Some(Decoded::Raw(data.clone()))
        }
        Shape::Ipv4 => {
            let number = u32::try_from(data.as_integer()?).ok()?;
            text(Ipv4Addr::from(number).to_string())
        }
        Shape::Ipv6 => {
            let octets = <[u8; 16]>::try_from(data.as_octets()?).ok()?;
            text(Ipv6Addr::from(octets).to_string())
        }
        Shape::Mac => {
            let octets = data.as_octets()?;
            let pairs: Vec<_> = octets.iter().map(|b| format!("{b:02X}")).collect();
            text(pairs.join(":"))
        }
        Shape::Name => name(data),
        Shape::ScalerUnit => {
            let unit = ScalerUnit::from_data(data)?;
            Some(Decoded::Fields(vec![
                ("scaler", Decoded::Raw(Data::Integer(unit.scaler))),
                ("unit", Decoded::Text(unit.unit.symbol().to_owned())),
            ]))
        }
        Shape::List(element) => {
            let (Data::Array(_) | Data::CompactArray(_)) = data else {
                return None;
            };
            let elements = data.elements()?.iter();
            let list = elements.map(|data| apply(element, data));
            list.collect::<Option<_>>().map(Decoded::List)
        }
        Shape::Fields(shapes) => {
            let Data::Structure(fields) = data else {
                return None;
            };
            // A later version may add fields behind those known: then names would hide what came.
            let known = fields.len() == shapes.len();
            let each = fields.iter().zip(*shapes);
            let named = each.map(|(data, (name, shape))| Some((*name, apply(shape, data)?)));
            if !known {
                return None;
            }
            named.collect::<Option<_>>().map(Decoded::Fields)
        }
        Shape::OneOf(shapes) => shapes.iter().find_map(|shape| apply(shape, data)),
    }
}

/// Bit 0 is the lowest of a number, the first sent of a bit-string.
fn flags(names: &'static [(u32, &'static str)], data: &Data) -> Option<Decoded> {
    let set = |bit: u32| match data {
        Data::BitString(bits) => bits.bit(usize::try_from(bit).ok()?).or(Some(false)),
        other => Some(other.as_integer()?.checked_shr(bit)? & 1 == 1),
    };
    let mut found = Vec::new();
    for (bit, name) in names {
        if set(*bit)? {
            found.push(*name);
        }
    }
    Some(Decoded::Flags(found))
}

/// Application context and mechanism: seven arcs in a structure, or the octets of their object identifier.
fn name(data: &Data) -> Option<Decoded> {
    let arcs: Vec<String> = match data {
        Data::Structure(arcs) => {
            let each = arcs.iter().map(Data::as_integer);
            let arcs = each.collect::<Option<Vec<_>>>()?;
            arcs.iter().map(ToString::to_string).collect()
        }
        other => match other.as_octets()? {
            [0x60, 0x85, 0x74, rest @ ..] => {
                let head = ["2", "16", "756"].map(str::to_owned);
                let tail = rest.iter().map(ToString::to_string);
                head.into_iter().chain(tail).collect()
            }
            _ => return None,
        },
    };
    Some(Decoded::Text(arcs.join(".")))
}

impl Decoded {
    /// For people, in one line. Never contains control characters.
    pub fn to_text(&self) -> String {
        match self {
            Self::Named { code, name } => format!("{name} ({code})"),
            Self::Flags(names) if names.is_empty() => "none set".to_owned(),
            Self::Flags(names) => names.join(", "),
            Self::Text(text) if text.is_empty() => "\"\"".to_owned(),
            Self::Text(text) => text.clone(),
            Self::List(list) => {
                let each: Vec<_> = list.iter().map(Self::to_text).collect();
                format!("[{}]", each.join(", "))
            }
            Self::Fields(fields) => {
                let each: Vec<_> = fields
                    .iter()
                    .map(|(name, value)| format!("{name}: {}", value.to_text()))
                    .collect();
                format!("{{{}}}", each.join(", "))
            }
            Self::Hidden => "(not shown)".to_owned(),
            Self::Raw(data) => data.to_text(),
        }
    }

    /// Names as strings, fields as objects, the rest as raw data has it.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Named { code, name } => json!({ "code": code, "name": name }),
            Self::Flags(names) => json!(names),
            Self::Text(text) => json!(text),
            Self::List(list) => list.iter().map(Self::to_json).collect(),
            Self::Fields(fields) => {
                let each = fields
                    .iter()
                    .map(|(name, value)| ((*name).to_owned(), value.to_json()));
                Value::Object(each.collect::<Map<_, _>>())
            }
            Self::Hidden => Value::Null,
            Self::Raw(data) => data.to_json(),
        }
    }

    /// Whether it says more than the raw data does.
    pub fn is_raw(&self) -> bool {
        matches!(self, Self::Raw(_))
    }
}

#[cfg(test)]
mod tests;
