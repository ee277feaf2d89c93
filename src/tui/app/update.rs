//! One message at a time: the only place the model changes. The rule: it never waits and
//! never asks; what it needs from outside it returns as effects.
mod alarms;
mod bench;
mod brokers;
mod changes;
mod chart;
mod list;
mod overlay;
mod perform;
mod pointer;
mod replay;
#[cfg(test)]
mod tests;

pub use perform::enabled;

use super::action;
use super::effect::Effect;
use super::key::Key;
use super::model::{Model, Overlay};
use super::msg::Msg;
use crate::headend::{Command, Level, Notice};

pub fn update(model: &mut Model, msg: Msg) -> Vec<Effect> {
    // A tick, changes and the report of the last picture decide by themselves whether to draw.
    model.dirty |= !matches!(
        msg,
        Msg::Tick(_) | Msg::Changes(_) | Msg::Shown(_) | Msg::Play(_) | Msg::Recorded(_)
    );
    match msg {
        Msg::Tick(now) => return tick(model, now),
        Msg::Changes(changes) => return changes::apply(model, changes),
        Msg::Trace {
            meter,
            rows,
            lost,
            findings,
        } => {
            if model.trace.meter == Some(meter) {
                model.trace.lost += lost;
                model.trace.push(rows);
                if let Some(findings) = findings {
                    model.trace.find(findings);
                }
                model.trace.rest(model.now.mono);
                changes::bench_findings(model);
            }
        }
        Msg::Play(elapsed) => return replay::play(model, elapsed),
        Msg::Recorded(batch) => return replay::feed(model, batch),
        Msg::Key(pressed) => return key(model, pressed),
        Msg::Mouse(mouse) => return pointer::mouse(model, mouse),
        Msg::Paste(text) => overlay::paste(model, &text),
        Msg::Resize { width, height } => model.size = (width, height),
        Msg::CommandDone { ticket, result } => command_done(model, ticket, result),
        Msg::Notice(notice) => model.notices.add(notice, model.now.mono),
        Msg::History { ticket, result } => chart::came(model, ticket, result),
        Msg::Line(line) => {
            // The byte count alone is only seen in the help; it must not cause a picture.
            model.dirty =
                model.line.slow != line.slow || matches!(model.overlay, Some(Overlay::Help(_)));
            model.line = line;
        }
        Msg::Shown(shown) => {
            model.meters.top = shown.meters.top;
            model.values.top = shown.values.top;
            model.trace.top = shown.trace_top;
            model.dirty |= model.trace.rest(model.now.mono);
            model.session.top = shown.session.top;
            model.mqtt.top = shown.brokers.top;
            model.mqtt.details_top = shown.broker.top;
            model.shown = shown;
        }
    }
    Vec::new()
}

/// Ages and countdowns are told in whole seconds, so a picture is due when a second passed.
fn tick(model: &mut Model, now: super::Now) -> Vec<Effect> {
    let second = |at: super::Now| at.wall.as_second();
    if second(now) != second(model.now) {
        model.dirty = true;
    }
    model.now = now;
    model.dirty |= model.notices.expire(now.mono);
    model.stale |= model.meters.settle(&model.fleet, now.mono);
    let mut effects = changes::after_selection(model);
    effects.extend(chart::renew(model));
    effects
}

fn key(model: &mut Model, pressed: Key) -> Vec<Effect> {
    let place = model.place();
    if let Some(entry) = action::find(pressed, place) {
        return perform::perform(model, entry.action);
    }
    if model.overlay.is_some() {
        overlay::typed(model, pressed);
    }
    Vec::new()
}

fn say(model: &mut Model, level: Level, text: impl Into<String>) {
    let text = text.into();
    model.notices.add(Notice { level, text }, model.now.mono);
}

/// Sends a command; `done` is said when it was carried out.
fn send(model: &mut Model, command: Command, done: String) -> Effect {
    model.tickets += 1;
    let ticket = model.tickets;
    model.pending.push(super::model::Pending { ticket, done });
    Effect::Command { ticket, command }
}

fn command_done(model: &mut Model, ticket: u64, result: Result<(), String>) {
    let Some(at) = model.pending.iter().position(|p| p.ticket == ticket) else {
        return;
    };
    let pending = model.pending.swap_remove(at);
    let saved = matches!(&model.overlay, Some(Overlay::Form(form))
        if form.saving == super::form::Saving::Asked(ticket));
    match result {
        Ok(()) => {
            if saved {
                model.overlay = None;
            }
            if !pending.done.is_empty() {
                say(model, Level::Info, pending.done);
            }
        }
        Err(why) => {
            let why = crate::cosem::data::printable(&why);
            match &mut model.overlay {
                Some(Overlay::Form(form)) if saved => {
                    form.saving = super::form::Saving::Editing;
                    form.error = Some(why);
                }
                _ => say(model, Level::Error, why),
            }
        }
    }
}
