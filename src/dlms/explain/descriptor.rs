//! What GET, SET and ACTION share: invoke-id, attribute and method descriptors, selective access,
//! data or result, and one block of a transfer.
//!
//! The one rule: class, code and index are read together, so that an attribute is named by its class.
use super::data;
use super::sheet::{Octets, Sheet, count, hex};
use crate::cosem::{Obis, class, decode::secret};
use crate::dlms::xdlms::DataAccessResult;

/// Class, logical name and attribute or method index.
#[derive(Clone, Copy, Debug)]
pub(super) struct Descriptor {
    class: u16,
    obis: Obis,
    index: u8,
}

impl Descriptor {
    /// `3 1-1:32.7.0 /2`
    pub fn brief(self) -> String {
        format!(
            "{} {:#} /{}",
            self.class,
            self.obis,
            self.index.cast_signed()
        )
    }
    /// Passwords and keys travel in clear in some attributes.
    pub fn holds_secret(self) -> bool {
        secret::attribute(self.class, self.index.cast_signed())
            || matches!((self.class, self.index), (12, 3))
    }
    /// New keys, passwords and tokens are parameters of some methods.
    pub fn method_takes_secret(self) -> bool {
        secret::method(self.class, self.index.cast_signed())
            || matches!((self.class, self.index), (12, 5 | 8))
    }
}

pub(super) fn invoke(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<u8> {
    sheet.octet(from, "invoke-id-and-priority", |octet| {
        let id = octet & 0x0F;
        let service = if octet & 0x40 == 0 {
            "unconfirmed"
        } else {
            "confirmed"
        };
        let priority = if octet & 0x80 == 0 { "normal" } else { "high" };
        format!("{octet:02X}: id {id}, {service}, {priority} priority")
    })
}

pub(super) fn attribute(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<Descriptor> {
    described(sheet, from, "attribute-id", |class| class.attributes)
}
pub(super) fn method(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<Descriptor> {
    described(sheet, from, "method-id", |class| class.methods)
}

fn described(
    sheet: &mut Sheet,
    from: &mut Octets<'_>,
    name: &str,
    names: impl FnOnce(&'static class::Class) -> &'static [&'static str],
) -> Option<Descriptor> {
    let class = sheet.word(from, "class-id", |id| match class::class(id) {
        Some(class) => format!("{id} {}", class.name),
        None => format!("{id}, not a class we know"),
    })?;
    let octets = sheet.octets(from, "instance-id", 6, |octets| {
        obis(octets).unwrap_or_default()
    })?;
    let obis = Obis(*octets.first_chunk()?);
    let index = sheet.octet(from, name, |index| {
        let names = class::class(class).map(names).unwrap_or_default();
        let place = usize::from(index).checked_sub(1);
        match place.and_then(|place| names.get(place)) {
            Some(known) => format!("{index} {known}"),
            None if index == 0 => "0, all of them".to_owned(),
            None => index.cast_signed().to_string(),
        }
    })?;
    Some(Descriptor { class, obis, index })
}

/// Six octets as a code and what it means.
pub(super) fn obis(octets: &[u8]) -> Option<String> {
    let code = Obis(*octets.first_chunk()?);
    Some(format!("{code} {}", code.describe()))
}

/// `00`, or `01 selector data`.
pub(super) fn selection(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<()> {
    match sheet.octet(from, "access-selection", |octet| match octet {
        0 => "none".to_owned(),
        1 => "selective access follows".to_owned(),
        other => format!("{other:02X}"),
    })? {
        0 => Some(()),
        1 => {
            sheet.octet(from, "access-selector", |selector| selector.to_string())?;
            data::walk(sheet, from)
        }
        _ => {
            complain(sheet, from, "access-selection is neither 00 nor 01");
            None
        }
    }
}

/// A value that must not be shown, such as a new password.
pub(super) fn hidden(sheet: &mut Sheet, from: &mut Octets<'_>) {
    let (at, held) = (from.at(), from.left());
    let slot = sheet.put("secret", at, held, || {
        format!("{}, hidden", count(held, "octet"))
    });
    sheet.hide(slot);
    let _ = from.take(held);
}

/// A result octet; anything but success is a refusal. Gives its name.
pub(super) fn result(sheet: &mut Sheet, from: &mut Octets<'_>, name: &str) -> Option<&'static str> {
    let result = sheet.octet(from, name, |code| {
        format!("{code}, {}", DataAccessResult(code).name())
    })?;
    if result != 0 {
        sheet.refuses();
    }
    Some(DataAccessResult(result).name())
}

/// `00 data` or `01 data-access-result`: what it was, in brief.
pub(super) fn data_or_result(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<String> {
    match choice(sheet, from, "data", "data-access-result")? {
        0 => {
            let brief = format!("data {}", data::brief(from));
            data::walk(sheet, from);
            Some(brief)
        }
        _ => Some(result(sheet, from, "data-access-result")?.to_owned()),
    }
}

/// A choice octet of `00` or `01`.
pub(super) fn choice(
    sheet: &mut Sheet,
    from: &mut Octets<'_>,
    zero: &str,
    one: &str,
) -> Option<u8> {
    let at = from.at();
    let choice = sheet.octet(from, "choice", |octet| match octet {
        0 => format!("0, {zero}"),
        1 => format!("1, {one}"),
        other => format!("{other:02X}"),
    })?;
    if choice > 1 {
        let held = from.left();
        sheet.wrong(
            "not read",
            from.at(),
            held,
            || hex(from.rest()),
            || format!("the choice at {at} is neither 00 ({zero}) nor 01 ({one})"),
        );
        let _ = from.take(held);
        return None;
    }
    Some(choice)
}

/// The raw octets of one block, with their length.
pub(super) fn raw(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<usize> {
    let said = sheet.length(from, "raw-data length")?;
    let mut part = from.part(said);
    let (at, held) = (part.at(), part.left());
    if held > 0 {
        let goes_on = if part.cut {
            ", continues in the next segment"
        } else {
            ""
        };
        sheet.put("raw-data", at, held, || {
            format!(
                "{} of a longer value{goes_on}: {}",
                count(held, "octet"),
                hex(part.rest())
            )
        });
        let _ = part.take(held);
    }
    Some(said)
}

/// `last-block block-number`: for the summary.
pub(super) fn block_head(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<String> {
    let last = sheet.octet(from, "last-block", |octet| (octet != 0).to_string())?;
    let number = sheet.long(from, "block-number", |number| number.to_string())?;
    Some(format!(
        "block {number}{}",
        if last == 0 { "" } else { ", the last" }
    ))
}

/// Runs `each` for every entry of a list; the count is its own field. Gives the count.
pub(super) fn list(
    sheet: &mut Sheet,
    from: &mut Octets<'_>,
    name: &str,
    mut each: impl FnMut(&mut Sheet, &mut Octets<'_>) -> Option<()>,
) -> Option<usize> {
    let entries = sheet.length(from, "count")?;
    for _ in 0..entries {
        if from.left() == 0 {
            break;
        }
        let slot = sheet.open(name, from.at(), String::new);
        let read = each(sheet, from);
        sheet.close(slot, from.at());
        read?;
    }
    Some(entries)
}

/// The type octet of a service names nothing we know.
pub(super) fn complain(sheet: &mut Sheet, from: &mut Octets<'_>, why: &'static str) {
    let (at, held) = (from.at(), from.left());
    sheet.wrong("not read", at, held, || hex(from.rest()), || why.to_owned());
    let _ = from.take(held);
}
