//! What a person typed as the `Data` a meter takes. The type is the one the meter itself showed, or one that was named;
//! what does not fit it is refused with the reason, never bent into shape.

use super::decode::{self, Shape};
use super::{Data, DateTime, Obis};
use crate::cosem::data::BitString;
use serde_json::Value;

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} does not fit: {reason}")]
pub struct ValueError {
    pub text: String,
    pub reason: String,
}

fn refuse(text: &str, reason: impl Into<String>) -> ValueError {
    ValueError {
        text: text.chars().take(64).collect(),
        reason: reason.into(),
    }
}

/// The same type as `like`, holding `number`; `None` when it does not fit or the type holds no integer.
pub fn with_integer(like: &Data, number: i128) -> Option<Data> {
    Some(match like {
        Data::DoubleLong(_) => Data::DoubleLong(number.try_into().ok()?),
        Data::DoubleLongUnsigned(_) => Data::DoubleLongUnsigned(number.try_into().ok()?),
        Data::Integer(_) => Data::Integer(number.try_into().ok()?),
        Data::Long(_) => Data::Long(number.try_into().ok()?),
        Data::Unsigned(_) => Data::Unsigned(number.try_into().ok()?),
        Data::LongUnsigned(_) => Data::LongUnsigned(number.try_into().ok()?),
        Data::Long64(_) => Data::Long64(number.try_into().ok()?),
        Data::Long64Unsigned(_) => Data::Long64Unsigned(number.try_into().ok()?),
        Data::Enum(_) => Data::Enum(number.try_into().ok()?),
        Data::Bcd(_) => {
            let value = u8::try_from(number).ok().filter(|n| *n < 100)?;
            let tens = value.checked_div(10)?;
            Data::Bcd(tens.checked_mul(16)?.checked_add(value.checked_rem(10)?)?)
        }
        _ => return None,
    })
}

/// `text` as a value of the type `before` has, which is what the meter answered; `shape` adds names of enums and what an
/// octet-string stands for. `TYPE:VALUE` names the type, which must then be the same.
pub fn parse(text: &str, before: &Data, shape: &Shape) -> Result<Data, ValueError> {
    if let Some((name, rest)) = named_type(text) {
        if !matches!(before, Data::Null) && name != before.type_name() {
            let is = before.type_name();
            return Err(refuse(text, format!("the meter holds a {is} here")));
        }
        return parse_named(text, name, rest);
    }
    like(text, before, shape)
}

/// `TYPE:VALUE` with the standard's name of the type (`unsigned:5`, `octet-string:0102`), `null`, or `hex:` and encoded
/// data (`hex:0F00`).
pub fn parse_typed(text: &str) -> Result<Data, ValueError> {
    if text == "null" {
        return Ok(Data::Null);
    }
    match named_type(text) {
        Some((name, rest)) => parse_named(text, name, rest),
        None => Err(refuse(
            text,
            "its type is not known here; write TYPE:VALUE, for example unsigned:5, octet-string:0102 or hex:0F00",
        )),
    }
}

const HEX: &str = "hex";

fn named_type(text: &str) -> Option<(&str, &str)> {
    let (name, rest) = text.split_once(':')?;
    (name == HEX || empty(name).is_some()).then_some((name, rest))
}

fn parse_named(text: &str, name: &str, rest: &str) -> Result<Data, ValueError> {
    if name == HEX {
        let bytes = hex(rest).ok_or_else(|| refuse(text, "not pairs of hexadecimal digits"))?;
        return Data::decode_all(&bytes).map_err(|error| refuse(text, error.to_string()));
    }
    match empty(name) {
        Some(Data::BitString(_)) => {
            bits(rest).ok_or_else(|| refuse(text, "a bit-string is written in 0 and 1"))
        }
        Some(Data::OctetString(_)) => octets(rest)
            .map(Data::OctetString)
            .ok_or_else(|| refuse(text, "write octets in hexadecimal, or text in \"quotes\"")),
        Some(empty) => like(rest, &empty, &Shape::Any),
        None => Err(refuse(text, "no such type")),
    }
}

/// A value of each type that can be written down in one word.
fn empty(name: &str) -> Option<Data> {
    Some(match name {
        "boolean" => Data::Boolean(false),
        "bit-string" => Data::BitString(BitString {
            bits: 0,
            bytes: Vec::new(),
        }),
        "double-long" => Data::DoubleLong(0),
        "double-long-unsigned" => Data::DoubleLongUnsigned(0),
        "octet-string" => Data::OctetString(Vec::new()),
        "visible-string" => Data::VisibleString(Vec::new()),
        "utf8-string" => Data::Utf8String(Vec::new()),
        "bcd" => Data::Bcd(0),
        "integer" => Data::Integer(0),
        "long" => Data::Long(0),
        "unsigned" => Data::Unsigned(0),
        "long-unsigned" => Data::LongUnsigned(0),
        "long64" => Data::Long64(0),
        "long64-unsigned" => Data::Long64Unsigned(0),
        "enum" => Data::Enum(0),
        "float32" => Data::Float32(0.0),
        "float64" => Data::Float64(0.0),
        "date-time" => Data::DateTime(DateTime { raw: [0xFF; 12] }),
        _ => return None,
    })
}

fn like(text: &str, before: &Data, shape: &Shape) -> Result<Data, ValueError> {
    let is = before.type_name();
    let fits = |data: Option<Data>, wanted: &str| {
        data.ok_or_else(|| refuse(text, format!("the meter holds a {is} here; write {wanted}")))
    };
    match before {
        Data::Boolean(_) => fits(boolean(text).map(Data::Boolean), "true or false"),
        Data::Float32(_) => fits(
            text.parse()
                .ok()
                .filter(|v: &f32| v.is_finite())
                .map(Data::Float32),
            "a number",
        ),
        Data::Float64(_) => fits(
            text.parse()
                .ok()
                .filter(|v: &f64| v.is_finite())
                .map(Data::Float64),
            "a number",
        ),
        Data::VisibleString(_) => {
            let ascii = unquoted(text).is_ascii();
            let bytes = unquoted(text).as_bytes().to_vec();
            fits(ascii.then_some(Data::VisibleString(bytes)), "ASCII text")
        }
        Data::Utf8String(_) => Ok(Data::Utf8String(unquoted(text).as_bytes().to_vec())),
        Data::BitString(old) => fits(
            bits(text).filter(|new| matches!(new, Data::BitString(new) if new.bits == old.bits)),
            &format!("{} bits as 0 and 1", old.bits),
        ),
        Data::OctetString(old) => octet_string(text, old, before, shape),
        Data::DateTime(old) => fits(
            date_time(text, old).map(Data::DateTime),
            "a time such as 2026-11-20 14:32:07",
        ),
        Data::Structure(_) | Data::Array(_) => from_json(text, before, shape),
        Data::Null => Err(refuse(
            text,
            "the meter shows no type here; write TYPE:VALUE, for example unsigned:5",
        )),
        _ if before.as_integer().is_some() || matches!(before, Data::Bcd(_)) => {
            let number = decode::code_of(shape, text).or_else(|| integer(text));
            let number = number.ok_or_else(|| {
                refuse(
                    text,
                    format!("the meter holds a {is} here; write a whole number, unscaled"),
                )
            })?;
            with_integer(before, number)
                .ok_or_else(|| refuse(text, format!("{number} is out of the range of {is}")))
        }
        _ => Err(refuse(
            text,
            format!("a {is} can only be written as hex: and encoded data"),
        )),
    }
}

fn octet_string(text: &str, old: &[u8], before: &Data, shape: &Shape) -> Result<Data, ValueError> {
    let wrap = |bytes: Vec<u8>| Ok(Data::OctetString(bytes));
    if let Some(prefixed) = text.strip_prefix("0x") {
        return match hex(prefixed) {
            Some(bytes) => wrap(bytes),
            None => Err(refuse(text, "not pairs of hexadecimal digits")),
        };
    }
    if text.len() >= 2 && text.starts_with('"') && text.ends_with('"') {
        return wrap(unquoted(text).as_bytes().to_vec());
    }
    if matches!(shape, Shape::DateTime) || before.as_date_time().is_some() {
        let unspecified = DateTime { raw: [0xFF; 12] };
        let frame = before.as_date_time().unwrap_or(unspecified);
        return date_time(text, &frame)
            .map(|time| Data::OctetString(time.raw.to_vec()))
            .ok_or_else(|| refuse(text, "the meter holds a date-time here; write it as 2026-11-20 14:32:07, or 0x and twelve octets"));
    }
    if matches!(shape, Shape::Obis) {
        let code: Obis = text.parse().map_err(|_| {
            refuse(
                text,
                "the meter holds a logical name here; write it as 0-0:1.0.0.255",
            )
        })?;
        return wrap(code.0.to_vec());
    }
    let printable = old.iter().all(|b| matches!(b, b' '..=b'~'));
    if printable && (!old.is_empty() || matches!(shape, Shape::Text)) {
        return wrap(text.as_bytes().to_vec());
    }
    hex(text).map(Data::OctetString).ok_or_else(|| {
        refuse(
            text,
            "the meter holds octets here; write them in hexadecimal, or text in \"quotes\"",
        )
    })
}

/// Arrays and structures as JSON arrays, each element typed by the meter's own.
fn from_json(text: &str, before: &Data, shape: &Shape) -> Result<Data, ValueError> {
    let json: Value = serde_json::from_str(text)
        .map_err(|_| refuse(text, "the meter holds a list here; write a JSON array"))?;
    json_like(text, &json, before, shape)
}

fn json_like(text: &str, json: &Value, before: &Data, shape: &Shape) -> Result<Data, ValueError> {
    let (Some(old), Value::Array(new)) = (before.elements(), json) else {
        if before.elements().is_some() || json.is_array() || json.is_object() {
            return Err(refuse(
                text,
                "a list stands where the meter holds none, or the other way round",
            ));
        }
        return match json {
            Value::Null if matches!(before, Data::Null) => Ok(Data::Null),
            Value::String(word) => like(word, before, shape),
            other => like(&other.to_string(), before, shape),
        };
    };
    if matches!(before, Data::Structure(_)) {
        if old.len() != new.len() {
            let wanted = format!(
                "the structure has {} elements, not {}",
                old.len(),
                new.len()
            );
            return Err(refuse(text, wanted));
        }
        let each = old.iter().zip(new).enumerate();
        return each
            .map(|(at, (old, new))| json_like(text, new, old, decode::field(shape, at)))
            .collect::<Result<_, _>>()
            .map(Data::Structure);
    }
    let each = new.iter().enumerate().map(|(at, new)| {
        // A list may grow: its elements are of one type.
        let old = old.get(at).or_else(|| old.first());
        let old = old.ok_or_else(|| {
            refuse(
                text,
                "the meter's list is empty and shows no type; write hex: and encoded data",
            )
        })?;
        json_like(text, new, old, decode::element(shape))
    });
    each.collect::<Result<_, _>>().map(Data::Array)
}

fn boolean(text: &str) -> Option<bool> {
    match text {
        "true" | "1" | "on" | "yes" => Some(true),
        "false" | "0" | "off" | "no" => Some(false),
        _ => None,
    }
}

fn integer(text: &str) -> Option<i128> {
    match text.strip_prefix("0x") {
        Some(digits) => i128::from_str_radix(digits, 16).ok().filter(|n| *n >= 0),
        None => text.parse().ok(),
    }
}

fn unquoted(text: &str) -> &str {
    let inside = text.strip_prefix('"').and_then(|t| t.strip_suffix('"'));
    inside.unwrap_or(text)
}

fn octets(text: &str) -> Option<Vec<u8>> {
    if text.len() >= 2 && text.starts_with('"') && text.ends_with('"') {
        return Some(unquoted(text).as_bytes().to_vec());
    }
    hex(text.strip_prefix("0x").unwrap_or(text))
}

fn hex(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.bytes().filter(|b| !b.is_ascii_whitespace()).collect();
    let pairs = digits.chunks(2).map(|pair| match pair {
        [high, low] => {
            let high = char::from(*high).to_digit(16)?;
            let low = char::from(*low).to_digit(16)?;
            u8::try_from(high.checked_mul(16)?.checked_add(low)?).ok()
        }
        _ => None,
    });
    pairs.collect()
}

fn bits(text: &str) -> Option<Data> {
    let digits = text.strip_prefix("0b").unwrap_or(text);
    let mut bytes = Vec::new();
    for chunk in digits.as_bytes().chunks(8) {
        let mut byte = 0;
        for (at, digit) in chunk.iter().enumerate() {
            match digit {
                b'1' => byte |= 0x80_u8.checked_shr(u32::try_from(at).ok()?)?,
                b'0' => {}
                _ => return None,
            }
        }
        bytes.push(byte);
    }
    Some(Data::BitString(BitString {
        bits: digits.len(),
        bytes,
    }))
}

/// A civil time; deviation and status stay as the meter had them, and so does what it left unspecified.
fn date_time(text: &str, before: &DateTime) -> Option<DateTime> {
    let civil: jiff::civil::DateTime = text.parse().ok()?;
    Some(in_the_manner_of(before, civil))
}

/// `civil` with deviation and status, and the octets that are not specified, as in `before`.
pub fn in_the_manner_of(before: &DateTime, civil: jiff::civil::DateTime) -> DateTime {
    let mut raw = DateTime::from_civil(civil, None, 0).raw;
    for (at, (new, old)) in raw.iter_mut().zip(before.raw).enumerate() {
        // Day of week and hundredths may stay unspecified; deviation and status are the meter's.
        let kept = matches!(at, 4 | 8) && old == 0xFF || at >= 9;
        if kept {
            *new = old;
        }
    }
    // A frame without any field says nothing of the deviation either.
    if before.raw == [0xFF; 12] {
        let [.., high, low, _] = &mut raw;
        [*high, *low] = [0x80, 0x00];
    }
    DateTime { raw }
}

#[cfg(test)]
mod tests;
