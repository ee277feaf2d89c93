//! GET.request and GET.response, every form.
//!
//! The one rule: the summary says what a technician scans for: the object, or the answer.
use super::apdu::Said;
use super::descriptor::{
    attribute, block_head, choice, complain, data_or_result, invoke, list, raw, result, selection,
};
use super::sheet::{Octets, Sheet};

pub(super) fn request(sheet: &mut Sheet, from: &mut Octets<'_>, said: &mut Said) -> Option<()> {
    "GET".clone_into(&mut said.summary);
    sheet.octet(from, "tag", |_| "C0 GET.request".to_owned())?;
    let form = sheet.octet(from, "type", |form| match form {
        1 => "1, normal".to_owned(),
        2 => "2, next block".to_owned(),
        3 => "3, with list".to_owned(),
        other => other.to_string(),
    })?;
    invoke(sheet, from)?;
    match form {
        1 => {
            let object = attribute(sheet, from)?;
            said.summary = format!("GET {}", object.brief());
            selection(sheet, from)
        }
        2 => {
            let number = sheet.long(from, "block-number", |number| number.to_string())?;
            said.summary = format!("GET next block {number}");
            Some(())
        }
        3 => {
            let entries = list(sheet, from, "attribute", |sheet, from| {
                attribute(sheet, from)?;
                selection(sheet, from)
            })?;
            said.summary = format!("GET a list of {entries}");
            Some(())
        }
        _ => {
            complain(sheet, from, "GET.request is of type 1, 2 or 3");
            None
        }
    }
}

pub(super) fn response(sheet: &mut Sheet, from: &mut Octets<'_>, said: &mut Said) -> Option<()> {
    "GET answer".clone_into(&mut said.summary);
    sheet.octet(from, "tag", |_| "C4 GET.response".to_owned())?;
    let form = sheet.octet(from, "type", |form| match form {
        1 => "1, normal".to_owned(),
        2 => "2, one block".to_owned(),
        3 => "3, with list".to_owned(),
        other => other.to_string(),
    })?;
    invoke(sheet, from)?;
    match form {
        1 => {
            said.summary = data_or_result(sheet, from)?;
            Some(())
        }
        2 => {
            let head = block_head(sheet, from)?;
            said.summary.clone_from(&head);
            if choice(sheet, from, "raw-data", "data-access-result")? == 0 {
                let octets = raw(sheet, from)?;
                said.summary = format!("{head}, {octets} octets");
            } else {
                said.summary = format!("{head}, {}", result(sheet, from, "data-access-result")?);
            }
            Some(())
        }
        3 => {
            let entries = list(sheet, from, "result", |sheet, from| {
                data_or_result(sheet, from).map(|_| ())
            })?;
            said.summary = format!("a list of {entries} answers");
            Some(())
        }
        _ => {
            complain(sheet, from, "GET.response is of type 1, 2 or 3");
            None
        }
    }
}
