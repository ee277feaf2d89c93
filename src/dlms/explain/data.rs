//! A COSEM value as a tree: type, length, value, as deep as it nests.
//!
//! The one rule: single values are read by `cosem::data`, so what is explained is what is used.
use super::descriptor::obis;
use super::sheet::{Octets, Sheet, count, hex};
use crate::cosem::data::{DataErrorKind, MAX_DEPTH, decode_length};
use crate::cosem::{Data, Unit};

/// One value and everything in it.
pub(super) fn walk(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<()> {
    let before = sheet.source(None);
    let read = value(sheet, from, 0);
    sheet.source(before);
    read
}

fn value(sheet: &mut Sheet, from: &mut Octets<'_>, level: usize) -> Option<()> {
    let Some(tag) = from.peek() else {
        sheet.short(from, "data", 1);
        return None;
    };
    let (name, source) = named(tag);
    sheet.source(source);
    match tag {
        1 | 2 => container(sheet, from, name, level),
        _ => leaf(sheet, from, name),
    }
}

fn container(
    sheet: &mut Sheet,
    from: &mut Octets<'_>,
    name: &'static str,
    level: usize,
) -> Option<()> {
    let at = from.at();
    if level >= MAX_DEPTH {
        let held = from.left();
        sheet.wrong(
            name,
            at,
            held,
            || count(held, "octet"),
            || format!("nested deeper than {MAX_DEPTH}"),
        );
        let _ = from.take(held);
        return None;
    }
    if let Some((scaler, unit)) = scaler_unit(from.rest()) {
        let slot = sheet.open(name, at, || {
            format!("scaler and unit: {}", scaled(scaler, unit))
        });
        let _ = from.take(2);
        sheet.source(named(15).1);
        sheet.octets(from, "integer", 2, |_| {
            format!("{scaler}: {}", power(scaler))
        })?;
        sheet.source(named(22).1);
        sheet.octets(from, "enum", 2, |_| {
            format!("{}: {}", unit.0, unit_text(unit))
        })?;
        sheet.close(slot, from.at());
        return Some(());
    }
    let (elements, used) = match decode_length(from.rest().get(1..).unwrap_or_default()) {
        Ok(read) => read,
        Err(error) => {
            broken(sheet, from, name, &error.kind, 1);
            return None;
        }
    };
    let slot = sheet.open(name, at, || count(elements, "element"));
    let _ = from.take(used.saturating_add(1));
    sheet.promised(slot, elements, from);
    let mut read = Some(());
    for _ in 0..elements {
        read = value(sheet, from, level.saturating_add(1));
        if read.is_none() {
            break;
        }
    }
    sheet.close(slot, from.at());
    read
}

fn leaf(sheet: &mut Sheet, from: &mut Octets<'_>, name: &'static str) -> Option<()> {
    let at = from.at();
    match Data::decode(from.rest()) {
        Ok((data, used)) => {
            let octets = from.take(used)?;
            sheet.put(name, at, octets.len(), || text(&data));
            Some(())
        }
        Err(error) => {
            broken(sheet, from, name, &error.kind, error.offset);
            None
        }
    }
}

/// The value that cannot be read takes the rest; what is wrong with it, and where.
fn broken(
    sheet: &mut Sheet,
    from: &mut Octets<'_>,
    name: &'static str,
    kind: &DataErrorKind,
    offset: usize,
) {
    let (at, held) = (from.at(), from.left());
    let ends_early = matches!(
        kind,
        DataErrorKind::Truncated { .. } | DataErrorKind::LengthLies(_)
    );
    let slot = sheet.put(name, at, held, || hex(from.rest()));
    let _ = from.take(held);
    if from.cut && ends_early {
        sheet.say(slot, || "continues in the next segment".to_owned());
    } else {
        sheet.blame(slot, || {
            format!("{kind} (offset {})", at.saturating_add(offset))
        });
    }
}

/// One value in full: strings with their length, codes and units in words.
fn text(data: &Data) -> String {
    match data {
        Data::OctetString(octets) => match octets.as_slice() {
            // The first group of a code is the medium; printable text starts higher.
            code @ [0..=15, _, _, _, _, _] => {
                format!(
                    "{} ({} octets), as a code {}",
                    hex(code),
                    code.len(),
                    obis(code).unwrap_or_default()
                )
            }
            _ => format!("{} ({})", data.to_text(), count(octets.len(), "octet")),
        },
        Data::VisibleString(octets) | Data::Utf8String(octets) => {
            format!("{} ({})", data.to_text(), count(octets.len(), "octet"))
        }
        Data::BitString(string) => format!("{} ({})", data.to_text(), count(string.bits, "bit")),
        Data::Null | Data::DontCare => String::new(),
        _ => data.to_text(),
    }
}

/// `13540 double-long`, `array of 12`: enough for one line.
pub(super) fn brief(from: &Octets<'_>) -> String {
    const MOST: usize = 48;
    let Some(tag) = from.peek() else {
        return "missing".to_owned();
    };
    let (name, _) = named(tag);
    if let Some((scaler, unit)) = scaler_unit(from.rest()) {
        return format!("{} scaler and unit", scaled(scaler, unit));
    }
    if matches!(tag, 1 | 2) {
        return match decode_length(from.rest().get(1..).unwrap_or_default()) {
            Ok((elements, _)) => format!("{name} of {elements}"),
            Err(_) => name.to_owned(),
        };
    }
    match Data::decode(from.rest()) {
        Ok((Data::Null | Data::DontCare, _)) => name.to_owned(),
        Ok((data, _)) => {
            let text = data.to_text();
            match text.char_indices().nth(MOST) {
                Some((end, _)) => format!("{}… {name}", text.get(..end).unwrap_or_default()),
                None => format!("{text} {name}"),
            }
        }
        Err(_) if from.cut => format!("{name}, to be continued"),
        Err(_) => format!("{name}, broken"),
    }
}

/// `structure { integer, enum }` is how every register states its scaler and unit.
fn scaler_unit(octets: &[u8]) -> Option<(i8, Unit)> {
    match *octets {
        [2, 2, 15, scaler, 22, unit, ..] => Some((scaler.cast_signed(), Unit(unit))),
        _ => None,
    }
}

/// `×10⁻² V`
fn scaled(scaler: i8, unit: Unit) -> String {
    format!("{} {}", power(scaler), unit_text(unit))
        .trim_end()
        .to_owned()
}
fn unit_text(unit: Unit) -> String {
    match (unit.symbol(), unit.0) {
        ("", 255) => "no unit".to_owned(),
        ("", code) => format!("unit {code}, not in the table"),
        (symbol, _) => symbol.to_owned(),
    }
}
fn power(scaler: i8) -> String {
    let digits = scaler.to_string();
    let raised = digits.chars().map(|digit| match digit {
        '-' => '⁻',
        '0' => '⁰',
        '1' => '¹',
        '2' => '²',
        '3' => '³',
        '4' => '⁴',
        '5' => '⁵',
        '6' => '⁶',
        '7' => '⁷',
        '8' => '⁸',
        _ => '⁹',
    });
    format!("×10{}", raised.collect::<String>())
}

/// Name of a data tag and where it is defined.
fn named(tag: u8) -> (&'static str, Option<&'static str>) {
    macro_rules! names {
        ($($tag:literal => $name:literal),* $(,)?) => {
            match tag {
                $($tag => ($name, Some(concat!("Green Book A-XDR, tag ", $tag))),)*
                _ => ("unknown data", None),
            }
        };
    }
    names!(
        0 => "null-data", 1 => "array", 2 => "structure", 3 => "boolean", 4 => "bit-string",
        5 => "double-long", 6 => "double-long-unsigned", 9 => "octet-string", 10 => "visible-string",
        12 => "utf8-string", 13 => "bcd", 15 => "integer", 16 => "long", 17 => "unsigned",
        18 => "long-unsigned", 19 => "compact-array", 20 => "long64", 21 => "long64-unsigned",
        22 => "enum", 23 => "float32", 24 => "float64", 25 => "date-time", 26 => "date", 27 => "time",
        28 => "delta-integer", 29 => "delta-long", 30 => "delta-double-long", 31 => "delta-unsigned",
        32 => "delta-long-unsigned", 33 => "delta-double-long-unsigned", 255 => "dont-care",
    )
}
