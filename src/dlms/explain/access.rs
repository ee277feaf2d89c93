//! ACCESS.request and ACCESS.response: what is asked, the values that go with it, and how each went.
//!
//! The one rule: as for SET and ACTION, a secret among the values hides them all.
use super::apdu::Said;
use super::data;
use super::descriptor::{Descriptor, attribute, choice, complain, hidden, list, method, result};
use super::notify::{date_time, long_invoke};
use super::sheet::{Octets, Sheet, count};

/// `D9 long-invoke-id date-time specifications values`
pub(super) fn request(sheet: &mut Sheet, from: &mut Octets<'_>, said: &mut Said) -> Option<()> {
    "ACCESS".clone_into(&mut said.summary);
    head(sheet, from, said)?;
    let mut secret = false;
    let mut first = None;
    let entries = list(sheet, from, "specification", |sheet, from| {
        let (object, holds_secret) = specification(sheet, from)?;
        secret |= holds_secret;
        first.get_or_insert(object);
        Some(())
    })?;
    said.summary = match first {
        Some(only) if entries == 1 => format!("ACCESS {}", only.brief()),
        _ => format!("ACCESS {}", count(entries, "thing")),
    };
    if secret {
        hidden(sheet, from);
        return Some(());
    }
    list(sheet, from, "value", data::walk)?;
    Some(())
}

/// `DA long-invoke-id date-time specifications? values outcomes`
pub(super) fn response(sheet: &mut Sheet, from: &mut Octets<'_>, said: &mut Said) -> Option<()> {
    "ACCESS answer".clone_into(&mut said.summary);
    head(sheet, from, said)?;
    if choice(sheet, from, "no specifications", "specifications follow")? == 1 {
        list(sheet, from, "specification", |sheet, from| {
            specification(sheet, from).map(|_| ())
        })?;
    }
    list(sheet, from, "value", data::walk)?;
    let mut refused = 0_usize;
    let entries = list(sheet, from, "outcome", |sheet, from| {
        let form = kind(sheet, from)?;
        if !matches!(form, 1..=3) {
            complain(sheet, from, "an outcome is of choice 1, 2 or 3");
            return None;
        }
        let name = result(sheet, from, "result")?;
        refused = refused.saturating_add(usize::from(name != "success"));
        Some(())
    })?;
    said.summary = format!("ACCESS {}, {refused} refused", count(entries, "outcome"));
    Some(())
}

fn head(sheet: &mut Sheet, from: &mut Octets<'_>, said: &Said) -> Option<()> {
    let kind = said.kind;
    sheet.octet(from, "tag", |tag| format!("{tag:02X} {kind}"))?;
    long_invoke(sheet, from)?;
    date_time(sheet, from)
}

fn kind(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<u8> {
    sheet.octet(from, "choice", |choice| match choice {
        1 => "1, get".to_owned(),
        2 => "2, set".to_owned(),
        3 => "3, action".to_owned(),
        4 => "4, get with selection".to_owned(),
        5 => "5, set with selection".to_owned(),
        other => other.to_string(),
    })
}

/// What it is about, and whether the value that goes with it is a secret.
fn specification(sheet: &mut Sheet, from: &mut Octets<'_>) -> Option<(Descriptor, bool)> {
    let form = kind(sheet, from)?;
    match form {
        3 => {
            let object = method(sheet, from)?;
            Some((object, object.method_takes_secret()))
        }
        1 | 2 | 4 | 5 => {
            let object = attribute(sheet, from)?;
            if form > 3 {
                // Not optional here: no octet says whether it follows.
                sheet.octet(from, "access-selector", |selector| selector.to_string())?;
                data::walk(sheet, from)?;
            }
            Some((object, matches!(form, 2 | 5) && object.holds_secret()))
        }
        _ => {
            complain(sheet, from, "a specification is of choice 1 to 5");
            None
        }
    }
}
