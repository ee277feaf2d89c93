//! READ, WRITE and the information report, the services of short-name meters.
//!
//! The one rule: as for GET and SET; only the addressing differs.
use super::apdu::Said;
use super::data;
use super::descriptor::{complain, list, raw};
use super::sheet::{Octets, Sheet, count};

pub(super) fn read_request(
    sheet: &mut Sheet,
    from: &mut Octets<'_>,
    said: &mut Said,
) -> Option<()> {
    head(sheet, from, said)?;
    let mut names = Vec::new();
    let entries = variables(sheet, from, &mut names)?;
    said.summary = summary("READ", entries, &names);
    Some(())
}

pub(super) fn write_request(
    sheet: &mut Sheet,
    from: &mut Octets<'_>,
    said: &mut Said,
) -> Option<()> {
    head(sheet, from, said)?;
    let mut names = Vec::new();
    let entries = variables(sheet, from, &mut names)?;
    said.summary = summary("WRITE", entries, &names);
    list(sheet, from, "value", data::walk)?;
    Some(())
}

/// `18 time? variables values`
pub(super) fn report(sheet: &mut Sheet, from: &mut Octets<'_>, said: &mut Said) -> Option<()> {
    head(sheet, from, said)?;
    if super::descriptor::choice(sheet, from, "no time", "a time follows")? == 1 {
        let length = sheet.length(from, "current-time length")?;
        sheet.octets(from, "current-time", length, |octets| {
            if octets.iter().all(u8::is_ascii_graphic) {
                String::from_utf8_lossy(octets).into_owned()
            } else {
                super::sheet::hex(octets)
            }
        })?;
    }
    let mut names = Vec::new();
    let entries = variables(sheet, from, &mut names)?;
    said.summary = summary("REPORT", entries, &names);
    list(sheet, from, "value", data::walk)?;
    Some(())
}

pub(super) fn read_response(
    sheet: &mut Sheet,
    from: &mut Octets<'_>,
    said: &mut Said,
) -> Option<()> {
    head(sheet, from, said)?;
    let mut first = None;
    let entries = list(sheet, from, "result", |sheet, from| {
        let brief = read_result(sheet, from)?;
        first.get_or_insert(brief);
        Some(())
    })?;
    said.summary = match first {
        Some(only) if entries == 1 => only,
        _ => count(entries, "answer"),
    };
    Some(())
}

pub(super) fn write_response(
    sheet: &mut Sheet,
    from: &mut Octets<'_>,
    said: &mut Said,
) -> Option<()> {
    head(sheet, from, said)?;
    let mut refused = 0_usize;
    let mut received = None;
    let entries = list(sheet, from, "result", |sheet, from| {
        let form = sheet.octet(from, "choice", |choice| match choice {
            0 => "0, success".to_owned(),
            1 => "1, data-access-error".to_owned(),
            2 => "2, block-number".to_owned(),
            other => other.to_string(),
        })?;
        match form {
            0 => Some(()),
            1 => {
                refused = refused.saturating_add(1);
                super::descriptor::result(sheet, from, "data-access-error").map(|_| ())
            }
            2 => {
                received = Some(sheet.word(from, "block-number", |number| number.to_string())?);
                Some(())
            }
            _ => {
                complain(sheet, from, "a result is of choice 0, 1 or 2");
                None
            }
        }
    })?;
    said.summary = match received {
        Some(block) => format!("WRITE block {block} received"),
        None => format!("{entries} written, {refused} refused"),
    };
    Some(())
}

fn head(sheet: &mut Sheet, from: &mut Octets<'_>, said: &Said) -> Option<()> {
    let kind = said.kind;
    sheet.octet(from, "tag", |tag| format!("{tag:02X} {kind}"))?;
    Some(())
}

fn summary(service: &str, entries: usize, names: &[u16]) -> String {
    match names {
        [name] => format!("{service} {name:04X}"),
        _ => format!("{service} a list of {entries}"),
    }
}

/// `Variable-Access-Specification`: 2 variable-name, 4 parameterised, 5 block-number, 6 read-data-block, 7 write-data-block.
fn variables(sheet: &mut Sheet, from: &mut Octets<'_>, names: &mut Vec<u16>) -> Option<usize> {
    list(sheet, from, "variable", |sheet, from| {
        let form = sheet.octet(from, "choice", |choice| match choice {
            2 => "2, variable-name".to_owned(),
            4 => "4, parameterised-access".to_owned(),
            5 => "5, block-number-access".to_owned(),
            6 => "6, read-data-block-access".to_owned(),
            7 => "7, write-data-block-access".to_owned(),
            other => other.to_string(),
        })?;
        match form {
            2 | 4 => {
                let name = sheet.word(from, "variable-name", |name| format!("{name:04X}"))?;
                if names.len() < 2 {
                    names.push(name);
                }
                if form == 4 {
                    sheet.octet(from, "selector", |selector| selector.to_string())?;
                    data::walk(sheet, from)?;
                }
                Some(())
            }
            5 => sheet
                .word(from, "block-number", |number| number.to_string())
                .map(|_| ()),
            6 => {
                block(sheet, from)?;
                raw(sheet, from).map(|_| ())
            }
            7 => block(sheet, from).map(|_| ()),
            _ => {
                complain(
                    sheet,
                    from,
                    "a variable is addressed by choice 2, 4, 5, 6 or 7",
                );
                None
            }
        }
    })
}

/// `last-block block-number(2)`
fn block(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<u16> {
    sheet.octet(from, "last-block", |octet| (octet != 0).to_string())?;
    sheet.word(from, "block-number", |number| number.to_string())
}

fn read_result(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<String> {
    let form = sheet.octet(from, "choice", |choice| match choice {
        0 => "0, data".to_owned(),
        1 => "1, data-access-error".to_owned(),
        2 => "2, data-block-result".to_owned(),
        3 => "3, block-number".to_owned(),
        other => other.to_string(),
    })?;
    match form {
        0 => {
            let brief = format!("data {}", data::brief(from));
            data::walk(sheet, from)?;
            Some(brief)
        }
        1 => super::descriptor::result(sheet, from, "data-access-error").map(str::to_owned),
        2 => {
            let number = block(sheet, from)?;
            let octets = raw(sheet, from)?;
            Some(format!("block {number}, {octets} octets"))
        }
        3 => sheet
            .word(from, "block-number", |number| number.to_string())
            .map(|number| format!("block {number}")),
        _ => {
            complain(sheet, from, "an answer is of choice 0, 1, 2 or 3");
            None
        }
    }
}
