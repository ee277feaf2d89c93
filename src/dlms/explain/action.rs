//! ACTION.request and ACTION.response, every form.
//!
//! The one rule: a new secret handed to an association is never shown.
use super::apdu::Said;
use super::data;
use super::descriptor::{
    Descriptor, block_head, choice, complain, data_or_result, hidden, invoke, list, method, raw,
    result,
};
use super::sheet::{Octets, Sheet};

pub(super) fn request(sheet: &mut Sheet, from: &mut Octets<'_>, said: &mut Said) -> Option<()> {
    "ACTION".clone_into(&mut said.summary);
    sheet.octet(from, "tag", |_| "C3 ACTION.request".to_owned())?;
    let form = sheet.octet(from, "type", |form| match form {
        1 => "1, normal".to_owned(),
        2 => "2, next block".to_owned(),
        3 => "3, with list".to_owned(),
        4 => "4, first block".to_owned(),
        5 => "5, with list, first block".to_owned(),
        6 => "6, one block".to_owned(),
        other => other.to_string(),
    })?;
    invoke(sheet, from)?;
    let mut secret = false;
    match form {
        1 | 4 => {
            let object = method(sheet, from)?;
            secret = object.method_takes_secret();
            said.summary = format!("ACTION {}", object.brief());
        }
        2 => {
            let number = sheet.long(from, "block-number", |number| number.to_string())?;
            said.summary = format!("ACTION next block {number}");
            return Some(());
        }
        3 | 5 => {
            let entries = list(sheet, from, "method", |sheet, from| {
                secret |= method(sheet, from).map(Descriptor::method_takes_secret)?;
                Some(())
            })?;
            said.summary = format!("ACTION a list of {entries}");
        }
        6 => {}
        _ => {
            complain(sheet, from, "ACTION.request is of type 1 to 6");
            return None;
        }
    }
    if matches!(form, 4..=6) {
        let head = block_head(sheet, from)?;
        said.summary = format!("{} {head}", said.summary);
    }
    match form {
        1 => {
            if choice(sheet, from, "no parameters", "parameters follow")? == 1 {
                if secret {
                    hidden(sheet, from);
                } else {
                    data::walk(sheet, from)?;
                }
            }
        }
        _ if secret => hidden(sheet, from),
        3 => {
            list(sheet, from, "parameters", data::walk)?;
        }
        _ => {
            raw(sheet, from)?;
        }
    }
    Some(())
}

pub(super) fn response(sheet: &mut Sheet, from: &mut Octets<'_>, said: &mut Said) -> Option<()> {
    "ACTION answer".clone_into(&mut said.summary);
    sheet.octet(from, "tag", |_| "C7 ACTION.response".to_owned())?;
    let form = sheet.octet(from, "type", |form| match form {
        1 => "1, normal".to_owned(),
        2 => "2, one block".to_owned(),
        3 => "3, with list".to_owned(),
        4 => "4, next block".to_owned(),
        other => other.to_string(),
    })?;
    invoke(sheet, from)?;
    match form {
        1 => said.summary = outcome(sheet, from)?,
        2 => {
            let head = block_head(sheet, from)?;
            raw(sheet, from)?;
            said.summary = format!("ACTION {head}");
        }
        3 => {
            let entries = list(sheet, from, "response", |sheet, from| {
                outcome(sheet, from).map(|_| ())
            })?;
            said.summary = format!("ACTION a list of {entries} results");
        }
        4 => {
            let number = sheet.long(from, "block-number", |number| number.to_string())?;
            said.summary = format!("ACTION next block {number}");
        }
        _ => {
            complain(sheet, from, "ACTION.response is of type 1 to 4");
            return None;
        }
    }
    Some(())
}

/// `result`, then `00` or `01 data-or-result`; refusing meters leave out even the `00`.
fn outcome(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<String> {
    let name = result(sheet, from, "action-result")?;
    let more = from.left() > 0 || from.cut;
    if more && choice(sheet, from, "no return value", "return value follows")? == 1 {
        return Some(format!("ACTION {name}, {}", data_or_result(sheet, from)?));
    }
    Some(format!("ACTION {name}"))
}
