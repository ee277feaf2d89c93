//! What one poll brought: values with the time they were read, and how they are written for people and scripts.
//! A number is raw × 10^scaler, exact; it never passes through a float.

use super::MeterId;
use super::clock::rfc3339;
use crate::cosem::date_time::DateTime;
use crate::cosem::decode::{Decoded, decode};
use crate::cosem::{AttributeRef, Data, Decimal, Obis, ObjectSpec, ScalerUnit};
use crate::dlms::association::GetError;
use serde_json::{Value, json};

#[derive(Clone, Debug, PartialEq)]
pub struct Reading {
    pub spec: ObjectSpec,
    pub key: String,
    /// What was read in the end, class included.
    pub attribute: AttributeRef,
    /// As the meter told it; `None` for objects that have none and for raw attributes.
    pub scaler_unit: Option<ScalerUnit>,
    /// When the answer came.
    pub at: jiff::Timestamp,
    pub value: Result<Data, ReadingError>,
}

#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ReadingError {
    #[error("{0}")]
    Get(#[from] GetError),
    #[error("the link was lost before the answer came: {0}")]
    Link(String),
    /// It keeps failing and is left alone for a while; in words why, and until when.
    #[error("resting: {0}")]
    Resting(String),
}

/// One cycle over a meter's objects.
#[derive(Clone, Debug, PartialEq)]
pub struct Poll {
    pub meter: MeterId,
    pub at: jiff::Timestamp,
    pub readings: Vec<Reading>,
}

impl Reading {
    pub fn obis(&self) -> Obis {
        self.attribute.obis
    }

    /// raw × 10^scaler when the value is a number.
    pub fn decimal(&self) -> Option<Decimal> {
        let scaler = self.scaler_unit.map_or(0, |s| s.scaler);
        let value = self.value.as_ref().ok()?;
        match value {
            Data::Float32(f) => shortest(&f.to_string(), scaler),
            Data::Float64(f) => shortest(&f.to_string(), scaler),
            other => Some(Decimal::new(other.as_integer()?, scaler)),
        }
    }

    /// The value as a person or JSON reads it: exact decimal, else `Data::to_text`; the reason when it failed.
    pub fn text(&self) -> String {
        match &self.value {
            Err(error) => error.to_string(),
            Ok(data) => match (self.decimal(), self.clock_time()) {
                (Some(decimal), _) => decimal.to_string(),
                (None, Some(time)) => time.to_string(),
                (None, None) => data.to_text(),
            },
        }
    }

    /// A raw attribute decoded by its class, where that says more than the data alone.
    pub fn decoded(&self) -> Option<Decoded> {
        let ObjectSpec::Attribute(attribute) = self.spec else {
            return None;
        };
        let data = self.value.as_ref().ok()?;
        Some(decode(attribute.class, attribute.attribute, data)).filter(|d| !d.is_raw())
    }

    /// Attribute 2 of the clock (class 8) is an octet-string that means a date-time.
    pub(super) fn clock_time(&self) -> Option<DateTime> {
        let clock = self.attribute.class == 8 && self.attribute.attribute == 2;
        match &self.value {
            Ok(Data::DateTime(time)) if clock => Some(*time),
            Ok(Data::OctetString(octets)) if clock => {
                let raw = octets.as_slice().try_into().ok()?;
                Some(DateTime { raw })
            }
            _ => None,
        }
    }

    /// The JSON object of `obiscope read` (shape in the README).
    pub fn to_json(&self) -> Value {
        let mut object = json!({
            "obis": self.attribute.obis.to_string(),
            "class": self.attribute.class,
            "attribute": self.attribute.attribute,
        });
        match &self.value {
            Ok(data) => {
                // Only a number has a unit; the rest says null rather than leave the field out.
                let unit = self.scaler_unit.filter(|_| self.decimal().is_some());
                object["value"] = self.text().into();
                object["unit"] = unit.map_or(Value::Null, |s| s.unit.symbol().into());
                object["unit_code"] = unit.map_or(Value::Null, |s| s.unit.0.into());
                object["scaler"] = unit.map_or(Value::Null, |s| s.scaler.into());
                object["raw"] = data.to_json();
                object["type"] = data.type_name().into();
                match self.decoded() {
                    // A key or password has no place in a script's output either.
                    Some(hidden @ Decoded::Hidden) => {
                        object["value"] = hidden.to_text().into();
                        object["raw"] = Value::Null;
                    }
                    Some(decoded) => object["decoded"] = decoded.to_json(),
                    None => {}
                }
            }
            Err(error) => object["error"] = error.to_json(),
        }
        object["at"] = rfc3339(self.at).into();
        object
    }
}

impl ReadingError {
    /// `{"kind","code","name"}`; `code` is null where the protocol has none.
    pub fn to_json(&self) -> Value {
        let (kind, code, name) = match self {
            Self::Get(GetError::Access(r)) => {
                ("data-access-result", r.0.into(), r.name().to_owned())
            }
            Self::Get(GetError::Exception(e)) => {
                ("exception-response", e.service.into(), e.to_string())
            }
            Self::Get(GetError::Service(e)) => {
                ("confirmed-service-error", e.value.into(), e.to_string())
            }
            Self::Get(GetError::Undecodable(why)) => ("undecodable", Value::Null, why.clone()),
            Self::Get(e @ GetError::BlockOutOfOrder { .. }) => {
                ("block-out-of-order", Value::Null, e.to_string())
            }
            Self::Get(e @ GetError::TooLarge(_)) => ("too-large", Value::Null, e.to_string()),
            Self::Get(e @ GetError::ListLength { .. }) => {
                ("list-length", Value::Null, e.to_string())
            }
            Self::Get(e @ GetError::Security(_)) => ("security", Value::Null, e.to_string()),
            Self::Link(why) => ("link-lost", Value::Null, why.clone()),
            Self::Resting(why) => ("resting", Value::Null, why.clone()),
        };
        json!({ "kind": kind, "code": code, "name": name })
    }
}

/// The shortest decimal that reads back as the same float, then scaled; `None` for NaN, infinities and what is too large.
fn shortest(text: &str, scaler: i8) -> Option<Decimal> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let raw = format!("{whole}{fraction}").parse().ok()?;
    let places = i8::try_from(fraction.len()).ok()?;
    Some(Decimal::new(raw, scaler.checked_sub(places)?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosem::Unit;
    use crate::dlms::xdlms::DataAccessResult;

    fn reading(class: u16, unit: Option<(i8, u8)>, value: Result<Data, ReadingError>) -> Reading {
        let obis = Obis::new(1, 1, 32, 7, 0, 255);
        Reading {
            spec: ObjectSpec::Value(obis),
            key: "voltage_l1".into(),
            attribute: AttributeRef {
                class,
                obis,
                attribute: 2,
            },
            scaler_unit: unit.map(|(scaler, unit)| ScalerUnit {
                scaler,
                unit: Unit(unit),
            }),
            at: "2026-11-20T14:32:07.250Z".parse().unwrap(),
            value,
        }
    }

    #[test]
    fn a_number_is_exactly_the_shape_of_design() {
        let json = reading(3, Some((-2, 35)), Ok(Data::DoubleLong(13540))).to_json();
        let mut json = json.as_object().unwrap().clone();
        let at: jiff::Timestamp = json
            .remove("at")
            .unwrap()
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        assert_eq!(at.to_string(), "2026-11-20T14:32:07.25Z");
        assert_eq!(
            Value::Object(json),
            json!({"obis":"1-1:32.7.0.255","class":3,"attribute":2,"value":"135.40","unit":"V",
                   "unit_code":35,"scaler":-2,"raw":13540,"type":"double-long"})
        );
    }

    #[test]
    fn a_refusal_has_an_error_instead_of_a_value() {
        let refused = ReadingError::Get(GetError::Access(DataAccessResult(4)));
        let json = reading(3, None, Err(refused)).to_json();
        assert_eq!(
            json["error"],
            json!({"kind":"data-access-result","code":4,"name":"object-undefined"})
        );
        assert_eq!(json.get("value"), None);
    }

    #[test]
    fn text_has_null_units() {
        let json = reading(1, Some((0, 255)), Ok(Data::VisibleString(b"MS-1".to_vec()))).to_json();
        for field in ["unit", "unit_code", "scaler"] {
            assert_eq!(json[field], Value::Null, "{field}");
        }
        assert_eq!(json["type"], "visible-string");
        assert_eq!(json["raw"], "MS-1");
    }

    #[test]
    fn a_clock_reads_as_a_time() {
        let octets = vec![0x07, 0xEA, 11, 20, 5, 14, 32, 7, 0, 0x80, 0, 0];
        let clock = reading(8, None, Ok(Data::OctetString(octets)));
        assert!(clock.text().contains("2026-11-20"), "{}", clock.text());
        assert_eq!(clock.to_json()["type"], "octet-string");
    }

    #[test]
    fn a_raw_attribute_is_decoded_by_its_class() {
        let raw = |class, attribute, value| {
            let place = AttributeRef {
                class,
                obis: Obis::new(0, 0, 96, 3, 10, 255),
                attribute,
            };
            Reading {
                spec: ObjectSpec::Attribute(place),
                attribute: place,
                ..reading(class, None, Ok(value))
            }
        };
        let relay = raw(70, 3, Data::Enum(1)).to_json();
        assert_eq!(relay["raw"], 1);
        assert_eq!(relay["decoded"], json!({"code": 1, "name": "connected"}));
        assert_eq!(raw(1, 2, Data::Enum(1)).to_json().get("decoded"), None);
        let secret = raw(15, 7, Data::OctetString(b"12345678".to_vec()));
        let json = secret.to_json().to_string();
        assert!(
            !json.contains("12345678") && !json.contains("3132333435363738"),
            "{json}"
        );
    }

    #[test]
    fn floats_are_taken_at_their_shortest() {
        let f = |value| reading(3, Some((1, 27)), Ok(value)).text();
        assert_eq!(f(Data::Float32(230.1)), "2301");
        assert_eq!(f(Data::Float64(-0.25)), "-2.5");
        assert_eq!(
            reading(3, None, Ok(Data::Float32(f32::NAN))).decimal(),
            None
        );
        assert_eq!(
            shortest("1000000000000000000000000000000000000000000", 0),
            None
        );
    }
}
