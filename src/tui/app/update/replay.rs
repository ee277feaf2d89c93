//! A replay moves the screen as a live meter would. The rule: the same messages, only from a file.
use super::changes;
use crate::headend::Changes;
use crate::tui::app::replay::Turn;
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

fn show(model: &mut Model, turn: Turn) -> Vec<Effect> {
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
    model.trace.rest(model.now.mono);
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
