//! Who needs a person, and why, in few words. The rule: it is said without being asked, the most urgent first.
use super::fleet::State;
use super::{Model, words};
use crate::cosem::data::printable;
use crate::headend::{MeterView, Urgency};
use crate::meter::MeterId;
use std::ops::Bound;

/// Names told in one line.
const NAMED: usize = 3;

/// `3 need you: feeder-7 association refused; pump-house …`; nothing when nobody does.
pub fn summary(model: &Model) -> Option<String> {
    let count = model.fleet.count(State::NeedsPerson);
    let need = match count {
        0 => return None,
        1 => "1 needs you: ".to_owned(),
        n => format!("{n} need you: "),
    };
    let needy = model.fleet.needy().iter();
    let named: Vec<String> = (needy.take(NAMED.min(count)))
        .filter_map(|(_, id)| model.fleet.get(*id))
        .map(|view| line(view))
        .collect();
    Some(need + &named.join("; "))
}

/// The meter, and why it needs a person.
pub fn line(view: &MeterView) -> String {
    let name = printable(&view.definition.name);
    format!("{name} {}", why(view))
}

/// Why it needs a person, as short as it can be said.
pub fn why(view: &MeterView) -> String {
    let Some(attention) = &view.attention else {
        return String::new();
    };
    let waits = attention.urgency == Urgency::NeedsPerson;
    match view.status.last_error.as_ref().filter(|_| waits) {
        Some(error) if error.what.contains("authentication-failure") => {
            "password refused".to_owned()
        }
        Some(error) => printable(words::brief(&error.what, &view.definition.endpoint())),
        None => attention.why.clone(),
    }
}

/// What to do about it.
pub fn what_to_do(view: &MeterView) -> String {
    match &view.attention {
        Some(it) if !it.what_to_do.is_empty() => words::first_sentence(&it.what_to_do).to_owned(),
        _ => "Probe it (p): it tells where the answers are lost".to_owned(),
    }
}

/// The one in this line of the list.
pub fn nth(model: &Model, row: usize) -> Option<MeterId> {
    model.fleet.needy().iter().nth(row).map(|(_, id)| *id)
}

pub fn len(model: &Model) -> usize {
    model.fleet.needy().len()
}

/// The next one after the selected meter, round and round.
pub fn after(model: &Model, id: Option<MeterId>) -> Option<MeterId> {
    let needy = model.fleet.needy();
    let here = id.and_then(|id| Some((model.fleet.get(id)?.attention.as_ref()?.urgency, id)));
    let next = here.and_then(|here| {
        needy
            .range((Bound::Excluded(here), Bound::Unbounded))
            .next()
    });
    next.or_else(|| needy.first()).map(|(_, id)| *id)
}
