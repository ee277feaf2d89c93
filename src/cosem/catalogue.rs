//! Names and classes of well-known objects: the standard by rule and table, vendors from assets/.
//! A vendor's name never displaces the standard's, and says whose it is.

use std::borrow::Cow;
use std::sync::LazyLock;

use super::Obis;
use super::electricity::Measurement;

/// One line of a table in assets/obis.
struct Entry {
    /// Ranges for A, B, D, E, any of which may be a list. C is always one number: the tables are searched by it.
    groups: [Vec<(u8, u8)>; 4],
    c: u8,
    class: Option<u16>,
    key: Option<&'static str>,
    name: &'static str,
}

static STANDARD: LazyLock<Vec<Entry>> =
    LazyLock::new(|| table(include_str!("../../assets/obis/standard.txt")));

static VENDORS: LazyLock<Vec<(&'static str, Vec<Entry>)>> = LazyLock::new(|| {
    vec![(
        "Microstar",
        table(include_str!("../../assets/obis/microstar.txt")),
    )]
});

/// The interface class an object of this code usually has (clock 8, association 15, register 3 …), when known.
pub fn usual_class(obis: Obis) -> Option<u16> {
    match standard(obis) {
        Some(entry) => entry.class,
        None => Measurement::of(obis)?.class(),
    }
}

/// What an object of this code holds; never empty.
pub fn name(obis: Obis) -> Cow<'static, str> {
    phrase(obis, false)
}

/// [`name`] for narrow columns.
pub fn label(obis: Obis) -> Cow<'static, str> {
    phrase(obis, true)
}

/// What a vendor means by this code: vendor and name, also where the standard means something else.
pub fn vendor_name(obis: Obis) -> Option<(&'static str, Cow<'static, str>)> {
    VENDORS.iter().find_map(|(vendor, entries)| {
        let entry = find(entries, obis)?;
        let [.., f] = obis.0;
        let name = fill(entry.name, obis);
        Some(match f {
            255 => (*vendor, name),
            _ => (*vendor, format!("{name}, history {f}").into()),
        })
    })
}

/// See [`Obis::key`].
pub(super) fn key(obis: Obis) -> String {
    let [a, b, c, d, e, f] = obis.0;
    let channel = channel(obis).map_or(String::new(), |b| format!("_ch{b}"));
    let stem = match standard(obis) {
        Some(entry) => entry.key.map(|key| fill(key, obis).into_owned()),
        None => Measurement::of(obis).and_then(|m| m.key()),
    };
    match (stem, f) {
        (Some(stem), 0..=99 | 255) => {
            let billing = match f {
                255 => String::new(),
                _ => format!("_billing_{f}"),
            };
            format!("{stem}{channel}{billing}")
        }
        _ => format!("obis_{a}_{b}_{c}_{d}_{e}_{f}"),
    }
}

fn phrase(obis: Obis, short: bool) -> Cow<'static, str> {
    if let Some(entry) = standard(obis) {
        let mut name = fill(entry.name, obis);
        let suffix = suffix(obis, entry.name.contains("{b}"));
        if !suffix.is_empty() {
            name.to_mut().push_str(&suffix);
        }
        return name;
    }
    if let Some(measurement) = Measurement::of(obis) {
        return format!("{}{}", measurement.name(short), suffix(obis, false)).into();
    }
    if let Some((vendor, name)) = vendor_name(obis) {
        return format!("{name} ({vendor})").into();
    }
    let kind = match obis.0 {
        code if is_manufacturer_specific(code) => "Manufacturer-specific",
        [_, _, 94, ..] => "Country-specific",
        [0, ..] => "Abstract",
        [1, ..] => "Electricity",
        [2, ..] => "DC electricity",
        [4, ..] => "Heat cost",
        [5, ..] => "Cooling",
        [6, ..] => "Heat",
        [7, ..] => "Gas",
        [8, ..] => "Cold water",
        [9, ..] => "Hot water",
        _ => "Unknown",
    };
    format!("{kind} object {obis:#}").into()
}

/// The ranges IEC 62056-61 leaves to manufacturers.
fn is_manufacturer_specific([_, b, c, d, e, f]: [u8; 6]) -> bool {
    matches!(b, 128..=199)
        || matches!(c, 128..=199 | 240)
        || matches!((c, d), (96, 50..=99))
        || [d, e, f].iter().any(|group| matches!(group, 128..=254))
}

/// Channel and billing period, where they are not the usual ones.
fn suffix(obis: Obis, channel_said: bool) -> String {
    let [_, _, _, d, _, f] = obis.0;
    let channel = channel(obis)
        .filter(|_| !channel_said)
        .map_or(String::new(), |b| format!(", channel {b}"));
    let period = match f {
        255 => String::new(),
        0..=99 if matches!(d, 31 | 35 | 39) && Measurement::of(obis).is_some() => {
            format!(", threshold {f}")
        }
        0..=99 => format!(", billing period {f}"),
        101 => ", last billing period".to_owned(),
        102..=125 => format!(", last {} billing periods", f.wrapping_sub(100)),
        126 => ", recent billing periods".to_owned(),
        _ => format!(", F={f}"),
    };
    channel + &period
}

/// The channel, where it is not where a meter keeps its own values: 0, and for electricity 1 as well.
fn channel(obis: Obis) -> Option<u8> {
    match obis.0 {
        [_, 0, ..] | [1, 1, ..] => None,
        [_, b, ..] => Some(b),
    }
}

fn standard(obis: Obis) -> Option<&'static Entry> {
    find(&STANDARD, obis)
}

/// The first line that covers the code, among those with its C.
fn find(table: &[Entry], obis: Obis) -> Option<&Entry> {
    let [_, _, c, ..] = obis.0;
    let start = table.partition_point(|entry| entry.c < c);
    table
        .get(start..)?
        .iter()
        .take_while(|entry| entry.c == c)
        .find(|entry| entry.covers(obis))
}

impl Entry {
    fn covers(&self, obis: Obis) -> bool {
        let [a, b, _, d, e, _] = obis.0;
        self.groups.iter().zip([a, b, d, e]).all(|(ranges, value)| {
            ranges
                .iter()
                .any(|(low, high)| (*low..=*high).contains(&value))
        })
    }
}

/// In order of C, else as written. A line that does not parse is left out; a test holds the tables to having none.
fn table(text: &'static str) -> Vec<Entry> {
    let mut entries: Vec<Entry> = lines(text).filter_map(entry).collect();
    entries.sort_by_key(|entry| entry.c);
    entries
}

fn lines(text: &'static str) -> impl Iterator<Item = &'static str> {
    text.lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
}

fn entry(line: &'static str) -> Option<Entry> {
    let mut rest = line;
    let mut column = || {
        let (word, tail) = rest.split_once(char::is_whitespace)?;
        rest = tail.trim_start();
        Some(word)
    };
    let (a, b) = (ranges(column()?)?, ranges(column()?)?);
    let c = column()?.parse().ok()?;
    let (d, e) = (ranges(column()?)?, ranges(column()?)?);
    let groups = [a, b, d, e];
    let class = match column()? {
        "-" => None,
        class => Some(class.parse().ok()?),
    };
    let key = Some(column()?).filter(|key| *key != "-");
    let name = rest;
    Some(Entry {
        groups,
        c,
        class,
        key,
        name,
    })
}

fn ranges(text: &str) -> Option<Vec<(u8, u8)>> {
    if text == "*" {
        return Some(vec![(0, 255)]);
    }
    text.split(',')
        .map(|part| {
            let (low, high) = part.split_once('-').unwrap_or((part, part));
            Some((low.parse().ok()?, high.parse().ok()?))
        })
        .collect()
}

/// Puts the code's groups where a name says `{e}`, `{e+1}`, `{d-9}`.
fn fill(template: &'static str, obis: Obis) -> Cow<'static, str> {
    if !template.contains('{') {
        return Cow::Borrowed(template);
    }
    let mut out = String::new();
    let mut rest = template;
    while let Some((text, tail)) = rest.split_once('{') {
        let (expression, tail) = tail.split_once('}').unwrap_or((tail, ""));
        out.push_str(text);
        match value(expression, obis) {
            Some(value) => out.push_str(&value.to_string()),
            None => out.push('?'),
        }
        rest = tail;
    }
    out.push_str(rest);
    Cow::Owned(out)
}

fn value(expression: &str, obis: Obis) -> Option<u16> {
    let [_, b, _, d, e, _] = obis.0;
    let mut letters = expression.chars();
    let group = match letters.next()? {
        'b' => b,
        'd' => d,
        'e' => e,
        _ => return None,
    };
    let offset = letters.as_str();
    let offset = if offset.is_empty() {
        0
    } else {
        offset.parse::<i16>().ok()?
    };
    u16::from(group).checked_add_signed(offset)
}

#[cfg(test)]
mod tests;
