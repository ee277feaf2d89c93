//! What the head-end says changed. The rule: the selection stays on its meter.
use super::say;
use crate::headend::{Alarm, Changes, Urgency};
use crate::meter::MeterId;
use crate::tui::app::fleet::State;
use crate::tui::app::{Effect, Model, attention};
use std::sync::Arc;

pub fn apply(model: &mut Model, changes: Changes) -> Vec<Effect> {
    let selected = model.meters.selected();
    for view in &changes.meters {
        let id = view.definition.id;
        model.trends.take(id, &view.status, selected == Some(id));
        if let Some(frozen) = &mut model.frozen
            && let Some(meter) = &frozen.meter
            && meter.definition.id == id
        {
            let newest = |m: &crate::headend::MeterView| {
                m.status.values.iter().flatten().map(|r| r.at).max()
            };
            frozen.newer += u64::from(
                newest(view) > newest(meter)
                    && model.fleet.get(id).map(|old| newest(old)) != Some(newest(view)),
            );
        }
    }
    for id in &changes.removed {
        model.trends.remove(*id);
        model.published.remove(id);
    }
    let ids: Vec<_> = changes
        .meters
        .iter()
        .map(|view| view.definition.id)
        .collect();
    let beside = !ids.is_empty() && !ids.iter().any(|id| selected == Some(*id));
    let needy = model.fleet.count(State::NeedsPerson);
    let moved = model.fleet.apply(changes.meters, &changes.removed);
    if moved {
        model.meters.refresh(&model.fleet);
    } else {
        let mut scratch = String::new();
        for id in &ids {
            model.meters.note(*id, &model.fleet, &mut scratch);
        }
    }
    // Meters nobody looks at may wait for their picture; all else is news.
    let news = moved
        || !changes.brokers.is_empty()
        || !changes.removed_brokers.is_empty()
        || !changes.notices.is_empty()
        || changes
            .published
            .iter()
            .any(|(id, _)| selected == Some(*id))
        || ids.iter().any(|id| selected == Some(*id));
    model.dirty |= news;
    model.stale |= beside || !changes.published.is_empty();
    let mut effects = Vec::new();
    if model.fleet.count(State::NeedsPerson) > needy {
        effects.extend(herald(model, &ids));
    }
    let news = model.alarms.apply(changes.alarms);
    model.stale |= news.moved;
    if let Some(alarm) = news.critical {
        effects.extend(herald_alarm(model, &alarm));
    }
    model.mqtt.apply(changes.brokers, &changes.removed_brokers);
    model.published.extend(changes.published);
    for notice in changes.notices {
        let text = crate::cosem::data::printable(&notice.text);
        say(model, notice.level, text);
    }
    bench_findings(model);
    super::bench::told(model);
    effects.extend(after_selection(model));
    effects
}

/// Tells a person who does not look which of these meters needs one.
fn herald(model: &mut Model, changed: &[MeterId]) -> Option<Effect> {
    let needs = |id: &&MeterId| model.fleet.needy().contains(&(Urgency::NeedsPerson, **id));
    let fallen = changed.iter().find(needs)?;
    let text = attention::line(model.fleet.get(*fallen)?);
    let bytes = model.herald.bytes(&text, model.now.mono)?;
    Some(Effect::Herald(bytes))
}

/// Tells the same person of an alarm nobody knows of.
fn herald_alarm(model: &mut Model, alarm: &Alarm) -> Option<Effect> {
    let name = crate::cosem::data::printable(&alarm.name);
    let text = format!("{} alarm: {name}: {}", alarm.severity.word(), alarm.text);
    let bytes = model.herald.bytes(&text, model.now.mono)?;
    Some(Effect::Herald(bytes))
}

/// What the bench found is proven by rows of the trace.
pub fn bench_findings(model: &mut Model) {
    let bench = model.meter().and_then(|view| view.bench.clone());
    match bench {
        Some(bench) => model.trace.find_at_bench(bench.from, &bench.findings),
        None => model.trace.find_at_bench(0, &[]),
    }
}

/// Brings everything that is about the selected meter in line with the selection.
pub fn after_selection(model: &mut Model) -> Vec<Effect> {
    let selected = model.meters.selected();
    let rows = model
        .meter()
        .map_or(0, |view| view.definition.objects.len());
    model.values.step(0, rows);
    if model.trace.meter == selected {
        return Vec::new();
    }
    model.trace.switch(selected);
    model.values = crate::tui::app::values::ValuesPane::default();
    model.session.top = 0;
    // A frozen picture is of one meter; looking at another ends it.
    model.frozen = None;
    if let Some(broker) = model
        .meter()
        .and_then(|view| view.definition.publish.clone())
        && let Some(at) = model.mqtt.names().iter().position(|name| *name == broker)
    {
        model.mqtt.selected = at;
    }
    super::replay::selected(model);
    vec![Effect::FollowTrace(selected)]
}

/// Holds the values and frames of the selected meter still, or lets them go on.
pub fn toggle_freeze(model: &mut Model) {
    if model.frozen.take().is_some() {
        model.trace.thaw();
        return;
    }
    let meter = model.meter().map(Arc::clone);
    let trends = meter
        .as_ref()
        .map(|view| model.trends.only(view.definition.id))
        .unwrap_or_default();
    model.trace.freeze();
    model.frozen = Some(Box::new(crate::tui::app::model::Frozen {
        now: model.now,
        meter,
        trends,
        newer: 0,
    }));
}
