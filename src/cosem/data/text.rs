//! `Data` for people and for JSON. A meter's text is data: nothing here lets it drive a terminal.

use std::fmt::Write as _;

use serde_json::{Number, Value};

use super::{BitString, Data};

impl Data {
    /// For people: numbers plain, printable strings quoted and escaped, other octets as hex, twelve-byte octet-strings
    /// that are a date-time as one, arrays as `[…]`, structures as `{…}`. Never contains control characters.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        self.write_text(&mut out);
        out
    }

    fn write_text(&self, out: &mut String) {
        match self {
            Self::Null => out.push_str("null"),
            Self::DontCare => out.push_str("don't care"),
            Self::Array(v) => write_list('[', v, ']', out),
            Self::Structure(v) => write_list('{', v, '}', out),
            Self::CompactArray(v) => write_list('[', &v.elements, ']', out),
            Self::OctetString(v) => match self.as_date_time() {
                Some(time) => push(out, time),
                None if v.iter().all(|b| matches!(b, b' '..=b'~')) => write_quoted(v, out),
                None => write_hex(v, out),
            },
            Self::VisibleString(v) | Self::Utf8String(v) => write_quoted(v, out),
            Self::BitString(v) => {
                out.push_str("0b");
                write_bits(v, out);
            }
            Self::Boolean(v) => push(out, v),
            Self::Float32(v) => push(out, v),
            Self::Float64(v) => push(out, v),
            Self::DateTime(v) => push(out, v),
            Self::Date(v) => push(out, v),
            Self::Time(v) => push(out, v),
            Self::Bcd(v) if bcd(*v).is_none() => push(out, format_args!("0x{v:02X}")),
            _ => push(out, self.as_integer().unwrap_or_default()),
        }
    }

    /// For `raw` in JSON: numbers as numbers (floats that are none as strings), octets as hex strings, visible strings
    /// as strings with control characters made visible, bit-strings as `"0110"`, arrays and structures as arrays.
    pub fn to_json(&self) -> Value {
        match self {
            Self::Null | Self::DontCare => Value::Null,
            Self::Array(v) | Self::Structure(v) => v.iter().map(Self::to_json).collect(),
            Self::CompactArray(v) => v.elements.iter().map(Self::to_json).collect(),
            Self::Boolean(v) => Value::Bool(*v),
            Self::OctetString(v) => {
                let mut out = String::new();
                write_hex(v, &mut out);
                Value::String(out)
            }
            Self::VisibleString(v) | Self::Utf8String(v) => Value::String(printable_bytes(v)),
            Self::BitString(v) => {
                let mut out = String::new();
                write_bits(v, &mut out);
                Value::String(out)
            }
            // Through its shortest decimal, so that 0.1 sent as float32 stays 0.1.
            Self::Float32(v) => float(v.to_string().parse().unwrap_or(f64::NAN), v.to_string()),
            Self::Float64(v) => float(*v, v.to_string()),
            Self::DateTime(_) | Self::Date(_) | Self::Time(_) => Value::String(self.to_text()),
            _ => match self.as_integer() {
                Some(v) => integer(v),
                None => Value::String(self.to_text()),
            },
        }
    }
}

fn push(out: &mut String, value: impl std::fmt::Display) {
    // Writing to a String cannot fail.
    let _ = write!(out, "{value}");
}

fn write_list(open: char, values: &[Data], close: char, out: &mut String) {
    out.push(open);
    for (index, value) in values.iter().enumerate() {
        if index > 0 {
            out.push_str(", ");
        }
        value.write_text(out);
    }
    out.push(close);
}

fn write_hex(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        push(out, format_args!("{byte:02X}"));
    }
}

fn write_bits(bits: &BitString, out: &mut String) {
    out.extend(bits.iter().map(|bit| if bit { '1' } else { '0' }));
}

fn write_quoted(bytes: &[u8], out: &mut String) {
    out.push('"');
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            if matches!(c, '"' | '\\') {
                out.push('\\');
            }
            write_char(c, out);
        }
        write_stray(chunk.invalid(), out);
    }
    out.push('"');
}

fn float(value: f64, text: String) -> Value {
    Number::from_f64(value).map_or(Value::String(text), Value::Number)
}

fn integer(value: i128) -> Value {
    if let Ok(v) = i64::try_from(value) {
        return v.into();
    }
    match u64::try_from(value) {
        Ok(v) => v.into(),
        Err(_) => Value::String(value.to_string()),
    }
}

/// The two decimal digits of a BCD octet, when they are digits.
pub(super) fn bcd(octet: u8) -> Option<u8> {
    let (tens, ones) = (octet >> 4, octet & 0x0F);
    (tens < 10 && ones < 10).then(|| tens.saturating_mul(10).saturating_add(ones))
}

/// Control characters and escape sequences made visible (`\u{1b}`), so that text from a meter or broker cannot drive a
/// terminal; so are characters that reorder or hide text (bidirectional overrides, zero width, line separators).
pub fn printable(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        write_char(c, &mut out);
    }
    out
}

/// [`printable`] for bytes that are mostly text; what is not UTF-8 shows as `\xNN`.
pub fn printable_bytes(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            write_char(c, &mut out);
        }
        write_stray(chunk.invalid(), &mut out);
    }
    out
}

fn write_stray(bytes: &[u8], out: &mut String) {
    for byte in bytes {
        push(out, format_args!("\\x{byte:02x}"));
    }
}

fn write_char(c: char, out: &mut String) {
    if c.is_control() || hides(c) {
        out.extend(c.escape_default());
    } else {
        out.push(c);
    }
}

/// Characters without a picture of their own, or that change how their neighbours are shown.
fn hides(c: char) -> bool {
    matches!(c,
        '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
        | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{2800}' | '\u{3164}'
        | '\u{FE00}'..='\u{FE0F}' | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}'
        | '\u{1D173}'..='\u{1D17A}' | '\u{E0000}'..='\u{E0FFF}')
}
