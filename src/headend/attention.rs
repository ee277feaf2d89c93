//! Which meter needs somebody, why, and what to do there, without anybody asking. The rule: it is said in words of what was seen,
//! and only where looking there changes something.

use super::Inner;
use super::changes::MeterView;
use super::health::PhaseGroup;
use crate::cosem::data::printable;
use crate::diagnosis::Confidence;
use crate::meter::MeterId;
use crate::meter::health::{Band, Share};
use std::sync::Arc;
use std::time::Duration;
use tokio::time::Instant;

/// The most urgent first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// Nothing goes on before a person says so: a refused password, a counter that leapt.
    NeedsPerson,
    /// No value for a long time, though it is tried on and on.
    Down,
    /// Less than half of the values come.
    Critical,
    /// Less than nine of ten.
    Degraded,
    /// It does well but for single objects that never answer.
    Object,
    /// It does well, and something about it is strange: its clock, its values, its link.
    Finding,
}

impl Urgency {
    pub const fn word(self) -> &'static str {
        match self {
            Self::NeedsPerson => "needs you",
            Self::Down => "down",
            Self::Critical => "critical",
            Self::Degraded => "degraded",
            Self::Object => "object silent",
            Self::Finding => "found",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attention {
    pub meter: MeterId,
    pub name: String,
    pub urgency: Urgency,
    /// A sentence or two; control characters are visible.
    pub why: String,
    /// Empty where nothing is known that helps.
    pub what_to_do: String,
    /// Of the share that is told, in tenths of a per cent; worse comes first among equals.
    success: Option<u16>,
}

/// A meter that brings nothing for so long is not just between two tries.
const LONG: Duration = Duration::from_mins(10);
/// Below so many points an hour's share says little.
const FEW: u64 = 5;
/// Objects that are named.
const NAMED: usize = 3;

impl Attention {
    /// None: nothing to do there.
    pub fn of(view: &MeterView, now: Instant) -> Option<Self> {
        let (urgency, why, what_to_do) = judge(view, now)?;
        Some(Self {
            meter: view.definition.id,
            name: view.definition.name.clone(),
            urgency,
            why: printable(&why),
            what_to_do: printable(&what_to_do),
            success: recent(view.health.hour, view.health.day).tenths(),
        })
    }

    fn order(&self) -> impl Ord + use<> {
        (self.urgency, self.success, self.name.clone())
    }
}

/// The most urgent of these, in order.
pub(super) fn ranked<'a>(
    views: impl IntoIterator<Item = &'a Arc<MeterView>>,
    now: Instant,
    most: usize,
) -> Vec<Attention> {
    in_order(judged(views, now).collect(), most)
}

fn judged<'a>(
    views: impl IntoIterator<Item = &'a Arc<MeterView>>,
    now: Instant,
) -> impl Iterator<Item = Attention> {
    let views = views.into_iter();
    views.filter_map(move |view| Attention::of(view, now))
}

fn in_order(mut all: Vec<Attention>, most: usize) -> Vec<Attention> {
    all.sort_by_cached_key(Attention::order);
    all.truncate(most);
    all
}

impl Inner {
    pub(super) fn attention(&self, most: usize) -> Vec<Attention> {
        let now = Instant::now();
        let mut all = Vec::new();
        self.by_lots(|state, lot| all.extend(judged(&state.views_of(lot), now)));
        in_order(all, most)
    }
}

fn judge(view: &MeterView, now: Instant) -> Option<(Urgency, String, String)> {
    let (status, health) = (&view.status, &view.health);
    let group = PhaseGroup::of(&status.phase);
    if group.is_off() {
        return None;
    }
    if group == PhaseGroup::NeedsPerson {
        return Some(needs_person(view));
    }
    let error = status.last_error.as_ref();
    let what = error.map_or("", |it| it.what.as_str());
    let advice = error.map_or("", |it| it.try_next.as_str());
    let silent = health.age(now).unwrap_or(health.watched);
    let overdue = view.definition.interval().saturating_mul(3).max(LONG);
    let polled = !view.definition.objects.is_empty();
    if polled && silent >= overdue && group != PhaseGroup::Ready {
        let since = match health.last_value {
            Some(_) => format!("no value for {}", span(silent)),
            None => format!("not one value in the {} it is tried", span(silent)),
        };
        return Some((Urgency::Down, said(&since, what), advice.to_owned()));
    }
    let remedy = || {
        let finding = view.findings().first();
        let remedy = finding.and_then(|it| it.remedy.first());
        remedy.map_or(advice, String::as_str).to_owned()
    };
    // Not the band, which is the hour's however little was due in it: the word must fit the figures.
    let share = recent(health.hour, health.day);
    let urgency = match Band::of(share) {
        Band::Down => Some(Urgency::Down),
        Band::Critical => Some(Urgency::Critical),
        Band::Degraded => Some(Urgency::Degraded),
        Band::Healthy | Band::Unknown => None,
    };
    if let Some(urgency) = urgency.filter(|_| share.of >= FEW) {
        let came = format!("{} of {} values due came ({share})", share.good, share.of);
        let what = if group == PhaseGroup::Ready {
            silent_objects(view).unwrap_or_else(|| what.to_owned())
        } else {
            what.to_owned()
        };
        return Some((urgency, said(&came, &what), remedy()));
    }
    if let Some(objects) = silent_objects(view) {
        let help = "read it by hand to see the meter's answer; if the meter does not have it, take it out of the poll";
        return Some((Urgency::Object, objects, help.to_owned()));
    }
    let sure = |it: &&crate::diagnosis::Finding| it.confidence >= Confidence::Likely;
    let finding = view.findings().iter().find(sure)?;
    let remedy = finding.remedy.first().cloned().unwrap_or_default();
    let title = format!("{} ({})", finding.title, finding.id);
    Some((Urgency::Finding, title, remedy))
}

fn needs_person(view: &MeterView) -> (Urgency, String, String) {
    let status = &view.status;
    let mut why = status.last_error.as_ref().map_or_else(
        || "it waits for a person to say go on".to_owned(),
        |it| it.what.clone(),
    );
    if let Some(ask) = status.asks.first() {
        why = said(&why, ask);
    }
    let help = status.last_error.as_ref().map(|it| it.try_next.clone());
    let help = help.filter(|it| !it.is_empty()).unwrap_or_else(|| {
        "correct the password or keys, then say go on: it is not tried again by itself".to_owned()
    });
    (Urgency::NeedsPerson, why, help)
}

/// The hour, or the day where the hour has next to nothing.
fn recent(hour: Share, day: Share) -> Share {
    if hour.of < FEW { day } else { hour }
}

/// Objects that bring nothing where others do.
fn silent_objects(view: &MeterView) -> Option<String> {
    let objects = (view.definition.objects.iter()).zip(&view.health.objects);
    let silent: Vec<&str> = objects
        .filter(|(_, health)| {
            let share = recent(health.hour, health.day);
            share.of >= FEW && share.good == 0
        })
        .map(|(object, _)| object.key.as_str())
        .collect();
    let all = view.definition.objects.len();
    if silent.is_empty() || silent.len() == all {
        return None;
    }
    let named = silent[..silent.len().min(NAMED)].join(", ");
    let more = match silent.len().saturating_sub(NAMED) {
        0 => String::new(),
        more => format!(" and {more} more"),
    };
    Some(format!(
        "{} of {all} objects bring nothing: {named}{more}",
        silent.len()
    ))
}

fn said(one: &str, two: &str) -> String {
    if two.is_empty() {
        one.to_owned()
    } else {
        format!("{one}: {two}")
    }
}

/// `4 min`, `2 h 14 min`, `3 d 4 h`.
fn span(time: Duration) -> String {
    let minutes = time.as_secs() / 60;
    match minutes {
        0..60 => format!("{minutes} min"),
        60..1_440 => format!("{} h {:02} min", minutes / 60, minutes % 60),
        _ => format!("{} d {} h", minutes / 1_440, minutes % 1_440 / 60),
    }
}

#[cfg(test)]
mod tests;
