//! The explanation for people: one line a field, offset, octets, indented name, meaning.
//!
//! The one rule: octets of a secret are dots, and what is wrong stands under the field it is wrong with.
use super::Found;
use crate::cli::argument::counted;
use crate::dlms::explain::{Explained, Field, Framing, What};
use std::fmt::Write as _;
use std::io::{Result, Write};

/// Octets shown beside a field; the rest is in its value or in the JSON.
const BESIDE: usize = 8;
/// Width of the octets' column.
const OCTETS: usize = BESIDE * 3 + 1;
const NAMES: usize = 34;

pub(super) fn write<'a>(found: impl Iterator<Item = Found<'a>>, out: &mut dyn Write) -> Result<()> {
    let mut first = true;
    for one in found {
        if !first {
            writeln!(out)?;
        }
        first = false;
        match &one.explained {
            Some(explained) => frame(&one, explained, out)?,
            None => stray(&one, out)?,
        }
    }
    if first {
        writeln!(out, "nothing but fill")?;
    }
    out.flush()
}

fn stray(one: &Found<'_>, out: &mut dyn Write) -> Result<()> {
    let what = if one.what == What::Rest {
        "unfinished"
    } else {
        "no frame, no APDU"
    };
    writeln!(
        out,
        "{}{what}: {} at {}",
        origin(one),
        counted(one.octets.len() as u64, "octet", "octets"),
        one.offset
    )?;
    for (index, octets) in one.octets.chunks(16).enumerate() {
        let at = one.offset.saturating_add(index.saturating_mul(16));
        let shown: String = octets
            .iter()
            .map(|&octet| {
                if octet.is_ascii_graphic() {
                    char::from(octet)
                } else {
                    '.'
                }
            })
            .collect();
        writeln!(out, "{at:>6}  {:<48}  {shown}", spaced(octets, 16, false))?;
    }
    Ok(())
}

fn frame(one: &Found<'_>, explained: &Explained, out: &mut dyn Write) -> Result<()> {
    let mut head = origin(one);
    let _ = write!(head, "{}", explained.kind);
    if !explained.link.is_empty() {
        let _ = write!(head, "  [{}]", explained.link);
    }
    if !explained.summary.is_empty() && explained.summary != explained.kind {
        let _ = write!(head, "  {}", explained.summary);
    }
    writeln!(out, "{head}")?;
    let mut about = format!(
        "        {} at {}",
        counted(explained.length as u64, "octet", "octets"),
        explained.offset
    );
    if let Some(client) = explained.client {
        let _ = write!(about, ", client {client}");
    }
    if let Some(server) = explained.server {
        let _ = write!(about, ", server {server}");
    }
    if explained.framing == Framing::Hdlc {
        let fcs = if explained.fcs_ok {
            "FCS right"
        } else if one.what == What::Rest {
            "unfinished"
        } else {
            "FCS WRONG"
        };
        let _ = write!(about, ", {fcs}");
    }
    if explained.trouble {
        about.push_str(", ! trouble");
    }
    writeln!(out, "{about}")?;
    let mut fields = explained.fields.iter().peekable();
    while let Some(field) = fields.next() {
        let has_parts = fields.peek().is_some_and(|next| next.depth > field.depth);
        // The outermost only repeats the heading.
        if field.depth > 0 || field.problem.is_some() {
            self::field(one, explained, field, has_parts, out)?;
        }
    }
    Ok(())
}

/// The octets a field is made of: plain ones where a cipher was taken off.
fn octets<'a>(one: &'a Found<'_>, explained: &'a Explained, field: &Field) -> &'a [u8] {
    let part = |octets: &'a [u8], from: usize| {
        let start = field.offset.checked_sub(from)?;
        octets.get(start..start.checked_add(field.length)?)
    };
    let plain = explained
        .deciphered
        .iter()
        .find_map(|(from, plain)| part(plain.expose(), *from));
    plain
        .or_else(|| part(one.octets, one.offset))
        .unwrap_or_default()
}

fn field(
    one: &Found<'_>,
    explained: &Explained,
    field: &Field,
    has_parts: bool,
    out: &mut dyn Write,
) -> Result<()> {
    let octets = octets(one, explained, field);
    let octets = if has_parts {
        String::new()
    } else {
        spaced(octets, BESIDE, field.secret)
    };
    let indent = usize::from(field.depth.saturating_sub(1).min(40)) * 2;
    let name = format!("{:indent$}{}", "", field.name);
    let line = format!(
        "{:>6}  {octets:<OCTETS$}  {name:<NAMES$}  {}",
        field.offset, field.value
    );
    writeln!(out, "{}", line.trim_end())?;
    if let Some(problem) = &field.problem {
        writeln!(out, "{:>8}{:<OCTETS$}  {:indent$}! {problem}", "", "", "")?;
    }
    Ok(())
}

/// `TX 14:32:14 `, or nothing where the input does not say.
fn origin(one: &Found<'_>) -> String {
    use crate::dlms::explain::Direction::{FromMeter, ToMeter};
    let mut text = match one.stream.direction {
        Some(ToMeter) => "TX  ".to_owned(),
        Some(FromMeter) => "RX  ".to_owned(),
        None => String::new(),
    };
    for part in [
        one.line.and_then(|chunk| chunk.at.as_deref()),
        one.stream.meter.as_deref(),
    ]
    .into_iter()
    .flatten()
    {
        if !part.is_empty() {
            let _ = write!(text, "{}  ", crate::cosem::data::printable(part));
        }
    }
    text
}

fn spaced(octets: &[u8], most: usize, secret: bool) -> String {
    let mut text = String::new();
    for (index, octet) in octets.iter().take(most).enumerate() {
        if index > 0 {
            text.push(' ');
        }
        if secret {
            text.push_str("··");
        } else {
            let _ = write!(text, "{octet:02X}");
        }
    }
    if octets.len() > most {
        text.push_str(" …");
    }
    text
}
