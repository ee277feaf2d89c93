//! SET.request and SET.response, every form.
//!
//! The one rule: a value written to a password attribute is never shown.
use super::apdu::Said;
use super::data;
use super::descriptor::{
    attribute, block_head, complain, hidden, invoke, list, raw, result, selection,
};
use super::sheet::{Octets, Sheet};

pub(super) fn request(sheet: &mut Sheet, from: &mut Octets<'_>, said: &mut Said) -> Option<()> {
    "SET".clone_into(&mut said.summary);
    sheet.octet(from, "tag", |_| "C1 SET.request".to_owned())?;
    let form = sheet.octet(from, "type", |form| match form {
        1 => "1, normal".to_owned(),
        2 => "2, first block".to_owned(),
        3 => "3, one block".to_owned(),
        4 => "4, with list".to_owned(),
        5 => "5, with list, first block".to_owned(),
        other => other.to_string(),
    })?;
    invoke(sheet, from)?;
    let mut secret = false;
    match form {
        1 | 2 => {
            let object = attribute(sheet, from)?;
            secret = object.holds_secret();
            said.summary = format!("SET {}", object.brief());
            selection(sheet, from)?;
        }
        3 => {}
        4 | 5 => {
            let entries = list(sheet, from, "attribute", |sheet, from| {
                let object = attribute(sheet, from)?;
                secret |= object.holds_secret();
                selection(sheet, from)
            })?;
            said.summary = format!("SET a list of {entries}");
        }
        _ => {
            complain(sheet, from, "SET.request is of type 1 to 5");
            return None;
        }
    }
    if matches!(form, 2 | 3 | 5) {
        let head = block_head(sheet, from)?;
        said.summary = format!("{} {head}", said.summary);
    }
    match form {
        _ if secret => hidden(sheet, from),
        1 => {
            said.summary = format!("{} = {}", said.summary, data::brief(from));
            data::walk(sheet, from)?;
        }
        4 => {
            list(sheet, from, "value", data::walk)?;
        }
        _ => {
            raw(sheet, from)?;
        }
    }
    Some(())
}

pub(super) fn response(sheet: &mut Sheet, from: &mut Octets<'_>, said: &mut Said) -> Option<()> {
    "SET answer".clone_into(&mut said.summary);
    sheet.octet(from, "tag", |_| "C5 SET.response".to_owned())?;
    let form = sheet.octet(from, "type", |form| match form {
        1 => "1, normal".to_owned(),
        2 => "2, block received".to_owned(),
        3 => "3, last block received".to_owned(),
        4 => "4, last block received, with list".to_owned(),
        5 => "5, with list".to_owned(),
        other => other.to_string(),
    })?;
    invoke(sheet, from)?;
    match form {
        2 => {}
        1 | 3 => said.summary = format!("SET {}", result(sheet, from, "data-access-result")?),
        4 | 5 => {
            let entries = list(sheet, from, "result", |sheet, from| {
                result(sheet, from, "data-access-result").map(|_| ())
            })?;
            said.summary = format!("SET a list of {entries} results");
        }
        _ => {
            complain(sheet, from, "SET.response is of type 1 to 5");
            return None;
        }
    }
    if matches!(form, 2..=4) {
        let number = sheet.long(from, "block-number", |number| number.to_string())?;
        said.summary = format!("{}, block {number}", said.summary);
    }
    Some(())
}
