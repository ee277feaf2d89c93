//! Opens, moves and renews a chart. The rule: the store is asked as an effect; the screen goes on meanwhile.
use crate::store::Series;
use crate::tui::app::action::Action;
use crate::tui::app::chart::Chart;
use crate::tui::app::model::Overlay;
use crate::tui::app::{Effect, Model, values};

/// Cells beside the chart.
const MARGIN: u16 = 14;

pub fn open(model: &mut Model) -> Vec<Effect> {
    let Some(view) = model.meter() else {
        return Vec::new();
    };
    let object = model
        .values
        .selected
        .min(values::rows(view).saturating_sub(1));
    let chart = Chart::new(view.definition.id, object, model.now.wall);
    ask(model, chart)
}

pub fn perform(model: &mut Model, mut chart: Chart, action: Action) -> Vec<Effect> {
    let now = model.now.wall;
    let view = model.fleet.get(chart.meter);
    let objects = view.map_or(0, |view| values::rows(view));
    match action {
        Action::Left | Action::Right => chart.shift(action == Action::Left, now),
        Action::Nearer | Action::Farther => chart.zoom(action == Action::Farther),
        Action::Up | Action::Down => chart.choose(action == Action::Up, objects),
        Action::Bottom => chart.follow(),
        _ => return Vec::new(),
    }
    ask(model, chart)
}

/// A chart that follows the time, when time has passed.
pub fn renew(model: &mut Model) -> Vec<Effect> {
    let old = matches!(&model.overlay, Some(Overlay::Chart(chart)) if chart.is_old(model.now.mono));
    match model.overlay.take_if(|_| old) {
        Some(Overlay::Chart(chart)) => ask(model, *chart),
        _ => Vec::new(),
    }
}

fn ask(model: &mut Model, mut chart: Chart) -> Vec<Effect> {
    model.tickets += 1;
    let ticket = model.tickets;
    let columns = usize::from(model.size.0.saturating_sub(MARGIN).max(10));
    let query = (model.fleet.get(chart.meter))
        .and_then(|view| chart.ask(&view.definition, ticket, columns, model.now));
    // A meter that was deleted meanwhile has no chart.
    let Some(query) = query else {
        return Vec::new();
    };
    model.overlay = Some(Overlay::Chart(Box::new(chart)));
    vec![Effect::History { ticket, query }]
}

pub fn came(model: &mut Model, ticket: u64, result: Result<Series, String>) {
    if let Some(Overlay::Chart(chart)) = &mut model.overlay {
        chart.take(ticket, result);
    }
}
