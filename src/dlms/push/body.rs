//! The body of a notification as values with names and units.
//! The rule: a name, scaler or unit comes from the meter or from a named list; what has none keeps its raw value and its place.

use super::patterns::{self, Pattern};
use crate::cosem::{Data, DateTime, Decimal, Obis, ScalerUnit, Unit};

/// More values than any push holds; the rest are only counted.
const MOST: usize = 2048;

/// Lists in lists that are looked through for the one that holds the values.
const DEEPEST: usize = 8;

/// Where a value's meaning comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Source {
    /// The meter sent code (and scaler and unit, if there is one).
    Sent,
    /// The code stands in the message; scaler and unit come from the maker's list.
    Scaled,
    /// A maker's list says what stands at this position.
    Position,
    /// Nobody says: the place in the message is all there is.
    Unknown,
}

#[derive(Clone, Debug, PartialEq)]
pub struct Value {
    pub obis: Option<Obis>,
    pub class: Option<u16>,
    pub attribute: Option<u8>,
    /// Base name and offset, in an information-report.
    pub short_name: Option<u16>,
    /// From 1, among the elements of the list.
    pub position: usize,
    pub data: Data,
    /// Integers only: exact, scaled where a scaler is known, else as sent.
    pub number: Option<Decimal>,
    pub unit: Option<Unit>,
    pub source: Source,
}

impl Value {
    pub(super) fn new(obis: Option<Obis>, position: usize, data: &Data) -> Self {
        Self {
            obis,
            class: None,
            attribute: None,
            short_name: None,
            position,
            number: data.as_integer().map(|raw| Decimal::new(raw, 0)),
            unit: None,
            source: if obis.is_some() {
                Source::Sent
            } else {
                Source::Unknown
            },
            data: data.clone(),
        }
    }

    fn scale(&mut self, by: ScalerUnit) {
        if let Some(raw) = self.data.as_integer() {
            self.number = Some(by.apply(raw));
            self.unit = Some(by.unit);
        }
    }

    /// The catalogue's name, or the place; never empty.
    pub fn name(&self) -> String {
        match (self.obis, self.short_name) {
            (Some(obis), _) => obis.describe(),
            (None, Some(name)) => format!("short name {name:04X}"),
            (None, None) => format!("element {}", self.position),
        }
    }

    /// For people: the number, the text without quotes, the date-time; never a control character.
    pub fn text(&self) -> String {
        match (&self.number, &self.data) {
            (Some(number), _) => number.to_string(),
            (None, Data::OctetString(octets)) if self.data.as_date_time().is_none() => {
                text_of(octets).unwrap_or_else(|| self.data.to_text())
            }
            (None, Data::VisibleString(octets) | Data::Utf8String(octets)) => {
                crate::cosem::data::printable_bytes(octets)
            }
            (None, data) => data.to_text(),
        }
    }
}

fn text_of(octets: &[u8]) -> Option<String> {
    let plain = !octets.is_empty() && octets.iter().all(|octet| matches!(octet, b' '..=b'~'));
    plain.then(|| String::from_utf8_lossy(octets).into_owned())
}

/// What the body of a notification says.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Body {
    /// The identifier the list sends, as text.
    pub list: Option<String>,
    /// The named list that gave meaning.
    pub pattern: Option<&'static str>,
    pub clock: Option<DateTime>,
    pub values: Vec<Value>,
    /// Values beyond those.
    pub more: usize,
}

/// `tagged_time`: see [`patterns::by_position`].
pub(super) fn read(data: &Data, tagged_time: bool) -> Body {
    let mut body = Body::default();
    let Some(elements) = data.elements() else {
        body.push(Value::new(None, 1, data));
        return body;
    };
    let elements = innermost(elements);
    if let Some((pattern, meaning)) = patterns::by_position(elements, tagged_time) {
        body.by_position(pattern, &meaning, elements);
    } else if let Some((objects, values, first)) = self_describing(elements) {
        body.by_objects(objects, values, first);
    } else {
        body.walk(elements);
    }
    body.clock = body
        .values
        .iter()
        .find(|value| value.obis == Some(patterns::CLOCK))
        .and_then(|value| value.data.as_date_time());
    body
}

/// Past lists that hold nothing but one list.
fn innermost(mut elements: &[Data]) -> &[Data] {
    for _ in 0..DEEPEST {
        match elements {
            [only] if row(only).is_none() => match only.elements() {
                Some(inner) => elements = inner,
                None => break,
            },
            _ => break,
        }
    }
    elements
}

/// Six octets whose first is a medium; text of six letters is none.
fn obis(data: &Data) -> Option<Obis> {
    data.as_obis().filter(|obis| obis.0 < [16, 0, 0, 0, 0, 0])
}

/// A structure { integer, enum } and nothing looser: what stands beside a value may be a value.
fn scaler_unit(data: &Data) -> Option<ScalerUnit> {
    match data {
        Data::Structure(pair) => match pair.as_slice() {
            [Data::Integer(scaler), Data::Enum(unit)] => Some(ScalerUnit {
                scaler: *scaler,
                unit: Unit(*unit),
            }),
            _ => None,
        },
        _ => None,
    }
}

/// structure { code, value } or { code, value, { scaler, unit } }
fn row(data: &Data) -> Option<(Obis, &Data, Option<ScalerUnit>)> {
    match data {
        Data::Structure(row) => match row.as_slice() {
            [code, value] => Some((obis(code)?, value, None)),
            [code, value, scale] => Some((obis(code)?, value, Some(scaler_unit(scale)?))),
            _ => None,
        },
        _ => None,
    }
}

/// A push object list in front (class, code, attribute, index): it names the elements, itself among them or not.
fn self_describing(elements: &[Data]) -> Option<(&[Data], &[Data], usize)> {
    let (head, rest) = elements.split_first()?;
    let Data::Array(objects) = head else {
        return None;
    };
    if objects.is_empty() || !objects.iter().all(|object| definition(object).is_some()) {
        return None;
    }
    if objects.len() == elements.len() {
        Some((objects.get(1..)?, rest, 2))
    } else if objects.len() == rest.len() {
        Some((objects, rest, 2))
    } else {
        None
    }
}

/// structure { class, code, attribute, data index, … }
fn definition(data: &Data) -> Option<(u16, Obis, u8)> {
    let Data::Structure(fields) = data else {
        return None;
    };
    let [
        Data::LongUnsigned(class),
        code,
        Data::Integer(attribute),
        _,
        ..,
    ] = fields.as_slice()
    else {
        return None;
    };
    Some((*class, code.as_obis()?, u8::try_from(*attribute).ok()?))
}

impl Body {
    fn push(&mut self, value: Value) {
        if self.values.len() < MOST {
            self.values.push(value);
        } else {
            self.more = self.more.saturating_add(1);
        }
    }

    fn by_position(&mut self, pattern: &'static Pattern, meaning: &[Obis], elements: &[Data]) {
        self.pattern = Some(pattern.name);
        for (index, (obis, data)) in meaning.iter().zip(elements).enumerate() {
            let mut value = Value::new(Some(*obis), index.saturating_add(1), data);
            value.source = Source::Position;
            if let Some(by) = pattern.scale(*obis) {
                value.scale(by);
            }
            if patterns::is_list_identifier(*obis) {
                self.list = Some(value.text());
            }
            self.push(value);
        }
    }

    fn by_objects(&mut self, objects: &[Data], values: &[Data], first: usize) {
        // A register's scaler and unit may be pushed beside its value.
        let scale_of = |wanted: Obis| {
            objects.iter().zip(values).find_map(|(object, value)| {
                let (class, obis, attribute) = definition(object)?;
                (matches!((class, attribute), (3 | 4, 3)) && obis == wanted)
                    .then(|| scaler_unit(value))?
            })
        };
        for (index, (object, data)) in objects.iter().zip(values).enumerate() {
            let Some((class, obis, attribute)) = definition(object) else {
                continue;
            };
            let mut value = Value::new(Some(obis), index.saturating_add(first), data);
            value.class = Some(class);
            value.attribute = Some(attribute);
            if matches!((class, attribute), (3 | 4, 2))
                && let Some(by) = scale_of(obis)
            {
                value.scale(by);
            }
            self.push(value);
        }
    }

    /// Codes with values behind them, rows of both, and whatever stands between.
    fn walk(&mut self, elements: &[Data]) {
        let mut pattern: Option<&'static Pattern> = None;
        let mut rest = elements;
        while let [element, after @ ..] = rest {
            let position = elements.len().saturating_sub(after.len());
            let (mut value, scale, left) = match (row(element), obis(element), after) {
                (Some((code, data, scale)), _, _) => {
                    (Value::new(Some(code), position, data), scale, after)
                }
                (None, Some(code), [data, behind @ ..]) => {
                    let scale = behind.first().and_then(scaler_unit);
                    let left = match behind {
                        [_, left @ ..] if scale.is_some() => left,
                        left => left,
                    };
                    (Value::new(Some(code), position, data), scale, left)
                }
                _ => (Value::new(None, position, element), None, after),
            };
            rest = left;
            let identifies = value
                .obis
                .map_or(position == 1, patterns::is_list_identifier);
            if identifies && let Some(text) = value.data.as_octets().and_then(text_of) {
                pattern = value.data.as_octets().and_then(patterns::by_identifier);
                self.pattern = pattern.map(|pattern| pattern.name);
                self.list = Some(text);
            }
            let known = value.obis.zip(pattern).and_then(|(obis, pattern)| {
                let by = pattern.scale(obis)?;
                value.data.as_integer().map(|_| by)
            });
            match (scale, known) {
                (Some(by), _) => value.scale(by),
                (None, Some(by)) => {
                    value.scale(by);
                    value.source = Source::Scaled;
                }
                (None, None) => {}
            }
            self.push(value);
        }
    }
}
