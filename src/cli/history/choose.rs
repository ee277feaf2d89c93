//! Which meter, objects and time are meant. What is not there is told with what is.

use super::super::Failure;
use super::super::argument::shell;
use crate::cosem::data::printable;
use crate::cosem::{Obis, ObjectSpec};
use crate::meter::Definition;
use crate::store::{Store, Track};
use jiff::Timestamp;
use std::time::Duration;

/// A time, or so long before now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    At(Timestamp),
    Ago(Duration),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Every {
    Raw,
    Step(Duration),
}

#[derive(Clone, Copy, Debug)]
pub(super) struct Span {
    pub from: Timestamp,
    pub to: Timestamp,
}

pub(in crate::cli) fn moment(text: &str) -> Result<Moment, String> {
    if let Ok(at) = text.parse() {
        return Ok(Moment::At(at));
    }
    humantime::parse_duration(text)
        .map(Moment::Ago)
        .map_err(|_| {
            format!("{text:?} is no time; write 2026-11-20T14:30:00+01:00, or 24h for so long ago")
        })
}

pub(super) fn every(text: &str) -> Result<Every, String> {
    if text == "raw" {
        return Ok(Every::Raw);
    }
    match humantime::parse_duration(text) {
        Ok(width) if width >= Duration::from_secs(1) => Ok(Every::Step(width)),
        _ => Err(format!(
            "{text:?} is no step; write 1m, 15m, 3h or 1d (a second is the least), or raw for each reading"
        )),
    }
}

pub(super) fn span(from: Moment, to: Moment, now: Timestamp) -> Result<Span, Failure> {
    let at = |moment| match moment {
        Moment::At(at) => Ok(at),
        Moment::Ago(ago) => now
            .checked_sub(ago)
            .map_err(|_| Failure::usage("that is before any time there is")),
    };
    let (from, to) = (at(from)?, at(to)?);
    if from >= to {
        return Err(Failure::usage(&format!(
            "--from {from} is not before --to {to}"
        )));
    }
    Ok(Span { from, to })
}

/// Where the step begins.
pub(super) fn floor(at: Timestamp, width: Duration) -> Timestamp {
    let width = i64::try_from(width.as_millis()).unwrap_or(i64::MAX).max(1);
    let ms = at.as_millisecond();
    Timestamp::from_millisecond(ms.div_euclid(width) * width).unwrap_or(at)
}

pub(super) async fn meter(store: &Store, name: &str) -> Result<Definition, Failure> {
    let mut meters = store.meters().await?;
    if let Some(at) = meters.iter().position(|it| it.name == name) {
        return Ok(meters.swap_remove(at));
    }
    let names: Vec<&str> = meters.iter().map(|it| it.name.as_str()).collect();
    let meant = nearest(name, &names);
    let hint = match meant.as_slice() {
        [] => "`obiscope meter list` shows those there are".to_owned(),
        some => format!(
            "did you mean {}? `obiscope meter list` shows them all",
            some.iter()
                .map(|it| shell(it))
                .collect::<Vec<_>>()
                .join(" or ")
        ),
    };
    Err(Failure::usage(&format!(
        "there is no meter named {name:?}; {hint}"
    )))
}

/// Those of these keys or OBIS codes; without any, all.
pub(super) fn tracks(
    meter: &str,
    all: Vec<Track>,
    wanted: &[String],
) -> Result<Vec<Track>, Failure> {
    if all.is_empty() {
        let words = format!(
            "nothing was read of {} yet; `obiscope bridge` reads",
            shell(meter)
        );
        return Err(Failure::usage(&words));
    }
    let mut found: Vec<Track> = Vec::new();
    for text in wanted {
        let obis = text.parse::<Obis>().ok().map(|obis| obis.to_string());
        let spec = |it: &Track| format!("{}/{}/{}", it.class, it.obis, it.attribute);
        let asked = match text.parse() {
            Ok(ObjectSpec::Attribute(asked)) => Some(asked.to_string()),
            _ => None,
        };
        let is_meant = |it: &&Track| {
            it.key == *text || obis.as_ref() == Some(&it.obis) || asked.as_ref() == Some(&spec(it))
        };
        let before = found.len();
        for track in all.iter().filter(is_meant) {
            if !found.contains(track) {
                found.push(track.clone());
            }
        }
        let known = found.len() > before || found.iter().any(|it| is_meant(&it));
        if !known {
            return Err(Failure::usage(&unknown(meter, text, &all)));
        }
    }
    Ok(if wanted.is_empty() { all } else { found })
}

fn unknown(meter: &str, text: &str, all: &[Track]) -> String {
    let keys: Vec<&str> = all.iter().map(|it| it.key.as_str()).collect();
    let near = nearest(text, &keys);
    let near = if near.is_empty() {
        String::new()
    } else {
        format!("did you mean {}? ", near.join(" or "))
    };
    let all: Vec<_> = (all.iter())
        .map(|it| format!("{} ({})", printable(&it.key), it.obis))
        .collect();
    format!(
        "nothing named {text:?} was read of {}; {near}there is {}",
        shell(meter),
        all.join(", ")
    )
}

/// At most two letters away, and less than half of it; or it begins so.
fn nearest<'a>(text: &str, names: &[&'a str]) -> Vec<&'a str> {
    let limit = (text.chars().count() / 2).min(2);
    let mut near: Vec<(usize, &str)> = (names.iter())
        .map(|name| (distance(text, name), *name))
        .filter(|(away, name)| *away <= limit || (text.len() > 1 && name.starts_with(text)))
        .collect();
    near.sort_unstable();
    near.dedup();
    near.into_iter().take(3).map(|(_, name)| name).collect()
}

/// Letters to change, add or leave out.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (down, a) in one.chars().enumerate() {
        let mut before = down;
        let mut left = down + 1;
        for (at, b) in other.iter().enumerate() {
            let above = row.get(at + 1).copied().unwrap_or(usize::MAX);
            let here = (before + usize::from(a != *b)).min(left + 1).min(above + 1);
            before = above;
            if let Some(cell) = row.get_mut(at) {
                *cell = left;
            }
            left = here;
        }
        if let Some(last) = row.last_mut() {
            *last = left;
        }
    }
    row.last().copied().unwrap_or(0)
}
