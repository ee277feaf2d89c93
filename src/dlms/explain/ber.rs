//! BER tag–length–value as the ACSE APDUs use it: one-octet tags, lengths of one to five octets.
//!
//! The one rule: a length is believed only as far as octets follow; where it lies is said at the length.
use super::sheet::{Octets, Sheet, Slot, count, hex};

/// Reads a BER length as a field. An indefinite or overlong one is named and gives None.
pub(super) fn length(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<(usize, Slot)> {
    let at = from.at();
    let said = match peek_length(from.rest()) {
        Some((said, used)) => {
            let _ = from.take(used);
            let slot = sheet.put("length", at, used, || said.to_string());
            return Some((said, slot));
        }
        None => from.peek(),
    };
    match said {
        Some(first @ (0x80 | 0x85..)) => {
            let held = from.left();
            sheet.wrong(
                "length",
                at,
                held,
                || hex(from.rest()),
                || {
                    if first == 0x80 {
                        "indefinite length: not used in COSEM".to_owned()
                    } else {
                        format!(
                            "a length of {} is too long",
                            count(usize::from(first & 0x7F), "octet")
                        )
                    }
                },
            );
            let _ = from.take(held);
        }
        first => {
            let wanted = first.map_or(1, |octet| usize::from(octet & 0x7F).saturating_add(1));
            sheet.short(from, "length", wanted);
        }
    }
    None
}

/// A BER length and the octets it took, if it is there and of a usable form.
fn peek_length(octets: &[u8]) -> Option<(usize, usize)> {
    let (&first, more) = octets.split_first()?;
    match first {
        0..=0x7F => Some((usize::from(first), 1)),
        0x81..=0x84 => {
            let width = usize::from(first & 0x7F);
            let said = more
                .get(..width)?
                .iter()
                .fold(0_usize, |sum, &octet| sum << 8 | usize::from(octet));
            Some((said, width.saturating_add(1)))
        }
        _ => None,
    }
}

/// One element: its contents as a cursor, on a field left open for what stands inside.
pub(super) struct Element<'a> {
    pub tag: u8,
    pub contents: Octets<'a>,
    pub slot: Slot,
}

/// Opens the next element as a field named by its tag. None at the end, or when it cannot be told apart.
pub(super) fn element<'a>(
    sheet: &mut Sheet,
    from: &mut Octets<'a>,
    name: impl FnOnce(u8) -> &'static str,
) -> Option<Element<'a>> {
    let at = from.at();
    let tag = from.peek()?;
    let name = name(tag);
    let Some((said, used)) = from.rest().get(1..).and_then(peek_length) else {
        let slot = sheet.open(name, at, || format!("tag {tag:02X}"));
        let _ = from.take(1);
        // Only for its complaint: the length is missing or unusable.
        let _ = length(sheet, from);
        sheet.close(slot, from.at());
        return None;
    };
    let _ = from.take(used.saturating_add(1));
    let slot = sheet.open(name, at, String::new);
    sheet.promised(slot, said, from);
    Some(Element {
        tag,
        contents: from.part(said),
        slot,
    })
}

/// Closes what [`element`] opened, naming octets nobody read.
pub(super) fn done(sheet: &mut Sheet, mut element: Element<'_>) {
    sheet.extra(&mut element.contents);
    sheet.close(element.slot, element.contents.at());
}

/// An element read for one value only: gives its octets, steps over it.
pub(super) fn inner<'a>(from: &mut Octets<'a>, tag: u8) -> Option<&'a [u8]> {
    let rest = from.rest();
    let (&found, after) = rest.split_first()?;
    let (said, used) = peek_length(after)?;
    if found != tag {
        return None;
    }
    let header = used.saturating_add(1);
    let value = rest.get(header..header.checked_add(said)?)?;
    let _ = from.take(header.saturating_add(said));
    Some(value)
}
