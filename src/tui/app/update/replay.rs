//! A replay moves the screen as a live meter would. The rule: the same messages, only from a file.
use super::changes;
use crate::headend::{Changes, Level};
use crate::tui::app::replay::{Batch, End, Turn};
use crate::tui::app::{Effect, Model};
use std::time::Duration;

pub fn play(model: &mut Model, elapsed: Duration) -> Vec<Effect> {
    let (meter, now) = (model.trace.meter, model.now.mono);
    let turn = model.replay.as_mut().map(|r| r.play(elapsed, meter, now));
    turn.map_or_else(Vec::new, |turn| show(model, turn))
}

pub fn step(model: &mut Model) -> Vec<Effect> {
    let (meter, now) = (model.trace.meter, model.now.mono);
    let turn = model.replay.as_mut().map(|replay| replay.step(meter, now));
    turn.map_or_else(Vec::new, |turn| show(model, turn))
}

/// More of the trace was read.
pub fn feed(model: &mut Model, batch: Batch) -> Vec<Effect> {
    let broken = match &batch.end {
        Some(End::Broken(why)) => Some(crate::cosem::data::printable(why)),
        _ => None,
    };
    let now = model.now.mono;
    let Some(replay) = &mut model.replay else {
        return Vec::new();
    };
    let meters = replay.feed(batch, now);
    if let Some(why) = broken {
        super::say(model, Level::Error, why);
    }
    changes::apply(
        model,
        Changes {
            meters,
            ..Changes::default()
        },
    )
}

/// To an error that was not played yet, if there is more to play. True: it is sought.
pub fn seek(model: &mut Model) -> bool {
    if model.trace.trouble_ahead() {
        return false;
    }
    match &mut model.replay {
        Some(replay) if !replay.over() => {
            replay.seek();
            true
        }
        _ => false,
    }
}

fn show(model: &mut Model, turn: Turn) -> Vec<Effect> {
    if turn.missed {
        super::say(model, Level::Info, "no frame up to the end is wrong");
    }
    if turn.views.is_empty() && turn.rows.is_empty() {
        return Vec::new();
    }
    model.dirty = true;
    let effects = changes::apply(
        model,
        Changes {
            meters: turn.views,
            ..Changes::default()
        },
    );
    model.trace.push(turn.rows);
    match turn.found {
        Some(row) if model.trace.passes(row) => model.trace.choose(row),
        // The filter leaves it out: on to the next.
        Some(_) => {
            seek(model);
        }
        None => {
            model.trace.rest(model.now.mono);
        }
    }
    findings(model);
    effects
}

/// The trace of the meter now selected, up to this moment.
pub fn selected(model: &mut Model) {
    if let (Some(replay), Some(meter)) = (&mut model.replay, model.trace.meter) {
        let rows = replay.rows_of(meter);
        model.trace.push(rows);
        findings(model);
    }
}

fn findings(model: &mut Model) {
    let found = model.meter().map(|view| view.status.findings.to_vec());
    model.trace.find(found.unwrap_or_default());
}
