//! What the head-end says changed. The rule: the selection stays on its meter.
use super::say;
use crate::headend::Changes;
use crate::tui::app::{Effect, Model};
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
    let any = !changes.meters.is_empty() || !changes.removed.is_empty();
    let moved = model.fleet.apply(changes.meters, &changes.removed);
    if moved || (any && !model.meters.filter().is_empty()) {
        model.meters.refresh(&model.fleet);
    }
    model.mqtt.apply(changes.brokers, &changes.removed_brokers);
    model.published.extend(changes.published);
    for notice in changes.notices {
        let text = crate::cosem::data::printable(&notice.text);
        say(model, notice.level, text);
    }
    bench_findings(model);
    super::bench::told(model);
    after_selection(model)
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
