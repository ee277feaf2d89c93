//! The picture: `Model` to cells, read-only, and a note of what was put where. The rule: it
//! costs what is in sight, not what there is.
mod alarms;
mod attention;
mod bench;
mod broker;
mod canvas;
mod chart;
mod footer;
mod form;
mod header;
mod hex;
mod layout;
mod meters;
mod mqtt;
mod over;
mod overview;
mod panel;
mod session;
mod small;
#[cfg(test)]
mod tests;
pub mod theme;
mod trace;
mod values;

pub use super::app::Shown;
use super::app::model::Overlay;
use super::app::shown::{Class, Target};
use super::app::{Model, Pane};
use canvas::Canvas;
use ratatui::Frame;
use ratatui::layout::Rect;

/// Draws the whole picture. Hand the answer back as `Msg::Shown`.
pub fn draw(model: &Model, frame: &mut Frame<'_>) -> Shown {
    let area = frame.area();
    let mut canvas = Canvas {
        buffer: frame.buffer_mut(),
        shown: Shown::default(),
    };
    canvas.shown.class = layout::class(area);
    match canvas.shown.class {
        Class::Tiny => {
            small::tiny(&mut canvas, area, model);
            return canvas.shown;
        }
        Class::Narrow => small::narrow(&mut canvas, area, model),
        Class::Normal | Class::Wide => panes(&mut canvas, area, model),
    }
    overlay(&mut canvas, area, model);
    canvas.shown
}

fn panes(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let all = canvas.shown.class == Class::Wide && !model.zoom;
    let tabs = !all && !model.zoom;
    let parts = layout::parts(area, tabs);
    header::draw(canvas, parts.header, model);
    if tabs {
        header::tabs(canvas, parts.tabs, model);
    }
    if all {
        for (pane, area) in layout::wide(
            parts.body,
            model.meter().is_some_and(|view| view.bench.is_some()),
            model.fleet.len(),
        ) {
            draw_pane(canvas, area, model, pane, pane == model.focus);
        }
    } else if tabs && model.focus == Pane::Meters {
        // A short list leaves room for the values of the selected meter.
        let rows = u16::try_from(model.meters.len()).unwrap_or(u16::MAX);
        let list = rows.saturating_add(2).max(5);
        if model.fleet.is_empty() || list > parts.body.height / 2 {
            one_pane(canvas, parts.body, model);
        } else {
            let (upper, lower) = split(parts.body, list);
            draw_pane(canvas, upper, model, Pane::Meters, true);
            draw_pane(canvas, lower, model, Pane::Values, false);
        }
    } else {
        one_pane(canvas, parts.body, model);
    }
    attention::draw(canvas, parts.body, model);
    footer::notice(canvas, parts.notice, model);
    footer::keys(canvas, parts.footer, model);
}

fn split(area: Rect, height: u16) -> (Rect, Rect) {
    let height = height.min(area.height);
    let upper = Rect { height, ..area };
    let lower = Rect {
        y: area.y + height,
        height: area.height - height,
        ..area
    };
    (upper, lower)
}

/// The focused pane alone.
fn one_pane(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    draw_pane(canvas, area, model, model.focus, true);
}

fn draw_pane(canvas: &mut Canvas<'_>, area: Rect, model: &Model, pane: Pane, focused: bool) {
    match pane {
        Pane::Meters => meters::draw(canvas, area, model, focused),
        Pane::Values => values::draw(canvas, area, model, focused),
        Pane::Trace => trace::draw(canvas, area, model, focused),
        Pane::Session => session::draw(canvas, area, model, focused),
        Pane::Mqtt => mqtt::draw(canvas, area, model, focused),
    }
}

fn overlay(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    // The keys in the last line belong to what lies over the panes.
    let over = Rect {
        height: area.height.saturating_sub(1),
        ..area
    };
    if !matches!(
        model.overlay,
        None | Some(Overlay::Filter(..) | Overlay::Line(..))
    ) {
        canvas.hit(over, Target::Overlay);
    }
    match &model.overlay {
        None | Some(Overlay::Filter(..) | Overlay::Line(..)) => {}
        Some(Overlay::Help(help)) => over::help(canvas, over, model, help),
        Some(Overlay::Form(form)) => form::draw(canvas, over, form),
        Some(Overlay::Overview(overview)) => overview::draw(canvas, over, model, *overview),
        Some(Overlay::Alarms(list)) => alarms::draw(canvas, over, model, list),
        Some(Overlay::Chart(chart)) => chart::draw(canvas, over, model, chart),
        Some(Overlay::Confirm(confirm)) => over::confirm(canvas, over, confirm),
        Some(Overlay::Palette(palette)) => over::palette(canvas, over, model, palette),
    }
}
