//! The list of meters: sign and word of the state, address, and why or how well. The rule:
//! only rows in sight are looked at, however many meters there are.
use super::canvas::{Canvas, cells, cut};
use super::{panel, theme};
use crate::cosem::data::printable;
use crate::headend::MeterView;
use crate::tui::app::fleet::State;
use crate::tui::app::meters::Row;
use crate::tui::app::order::Order;
use crate::tui::app::shown::{Target, Window};
use crate::tui::app::{Model, Pane, meters, words};
use ratatui::layout::Rect;
use ratatui::style::Style;

pub fn state_style(state: State) -> Style {
    match state {
        State::Ready => theme::good(),
        State::Busy | State::Bench => theme::accent(),
        State::Retry => theme::warn(),
        State::NeedsPerson => theme::bad(),
        State::Stopped => theme::muted(),
    }
}

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, focused: bool) {
    let inner = panel::pane(canvas, area, Pane::Meters, focused, &about(model));
    list(canvas, inner, model, focused);
    let window = canvas.shown.meters;
    if window.len > window.page {
        let text = format!("{} of {}", model.meters.index() + 1, window.len);
        panel::chip(canvas, area, &text, theme::muted());
    }
}

/// Filter, order and how many pass, where they are not as usual.
fn about(model: &Model) -> String {
    let filter = model.meters.filter();
    let ordering = model.meters.ordering();
    let mut about = Vec::new();
    if !filter.is_empty() {
        let passing = words::count(u64::try_from(model.meters.passing()).unwrap_or(0));
        about.push(format!("{passing} holding \"{filter}\""));
    }
    if ordering.order != Order::Name || ordering.reversed {
        let turned = if ordering.reversed { " turned" } else { "" };
        about.push(format!("{}{turned}", ordering.order.word()));
    }
    about.join(" · ")
}

pub fn list(canvas: &mut Canvas<'_>, inner: Rect, model: &Model, focused: bool) {
    if model.meters.is_empty() {
        return nothing(canvas, inner, model);
    }
    let rows = model.meters.len();
    let wide = inner.width >= 70;
    let room = usize::from(inner.height);
    // Two lines a meter where all of them fit so, else one.
    let grouped = model.meters.ordering().grouped;
    let tall = if !wide && !grouped && rows * 2 <= room {
        2
    } else {
        1
    };
    let page = room / tall;
    let window = Window::around(model.meters.top, model.meters.index(), page, rows);
    canvas.shown.meters = window;
    let mut y = inner.y;
    for index in window.rows() {
        let Some(row) = model.meters.row(index) else {
            continue;
        };
        let height = u16::try_from(tall).unwrap_or(1);
        let area = Rect::new(inner.x, y, inner.width, height);
        y += height;
        if index == model.meters.index() {
            canvas.style(area, theme::selected());
            let mark = if focused {
                theme::accent()
            } else {
                theme::muted()
            };
            for y in area.top()..area.bottom() {
                canvas.put(area.x, y, 1, "▌", mark);
            }
        }
        let id = match row {
            Row::Meter(id) => id,
            Row::Heading {
                state,
                meters,
                folded,
            } => {
                canvas.hit(area, Target::Group(state));
                heading(canvas, area, state, meters, folded);
                continue;
            }
        };
        let Some(view) = model.fleet.get(id) else {
            continue;
        };
        canvas.hit(area, Target::Meter(id));
        if wide {
            one_line(canvas, area, view, model);
        } else {
            two_lines(canvas, area, view, model);
        }
    }
}

fn heading(canvas: &mut Canvas<'_>, area: Rect, state: State, meters: usize, folded: bool) {
    let meters = words::count(u64::try_from(meters).unwrap_or(0));
    let mark = if folded { '+' } else { '-' };
    let text = format!("{mark} {} {} {meters}", state.sign(), state.word());
    let style = state_style(state).patch(theme::strong());
    canvas.put(
        area.x + 1,
        area.y,
        area.width.saturating_sub(1),
        &text,
        style,
    );
}

fn nothing(canvas: &mut Canvas<'_>, inner: Rect, model: &Model) {
    if model.fleet.is_empty() {
        let lines = [
            "",
            "No meters yet.",
            "",
            "a  add one: its name and HOST:PORT are enough to begin",
            "?  every key        q  leave",
            "",
            "obiscope demo  shows three simulated meters.",
        ];
        panel::empty(canvas, inner, &lines);
    } else {
        panel::empty(
            canvas,
            inner,
            &["", "No meter holds these words.", "Esc shows all."],
        );
    }
}

fn link(view: &MeterView) -> String {
    let d = &view.definition;
    format!("{}→{}", d.client.sap(), d.server)
}

fn one_line(canvas: &mut Canvas<'_>, area: Rect, view: &MeterView, model: &Model) {
    let (x, y) = (area.x + 1, area.y);
    let state = State::of(&view.status.phase);
    let style = state_style(state);
    canvas.put(x, y, 18, &printable(&view.definition.name), theme::strong());
    canvas.put(x + 19, y, 1, state.sign(), style);
    let words = words::state(&view.status, model.now.mono);
    canvas.put(x + 21, y, 17, &words, style);
    canvas.put(
        x + 39,
        y,
        21,
        &printable(&view.definition.endpoint()),
        theme::muted(),
    );
    let rest = area.width.saturating_sub(62);
    // The link stands only where there is room beside the remark.
    let (link_width, remark_width) = if rest >= 40 {
        (12, rest - 13)
    } else {
        (0, rest)
    };
    let remark = meters::remark(view, model.meters.ordering().order, model.now);
    if link_width == 0 && cells(&remark) > remark_width {
        // What is wrong needs the room more than an even column.
        let used = cells(&printable(&view.definition.endpoint())).min(21);
        let x = x + 41 + used;
        let room = area.right().saturating_sub(x);
        return canvas.put(x, y, room, &remark, remark_style(state));
    }
    canvas.put(x + 61, y, link_width, &link(view), theme::muted());
    let x = area.right() - remark_width;
    canvas.put(x, y, remark_width, &remark, remark_style(state));
}

fn two_lines(canvas: &mut Canvas<'_>, area: Rect, view: &MeterView, model: &Model) {
    let (x, y) = (area.x + 1, area.y);
    let state = State::of(&view.status.phase);
    let style = state_style(state);
    let name = (area.width.saturating_sub(1) * 9 / 20).max(8);
    canvas.put(
        x,
        y,
        name,
        &printable(&view.definition.name),
        theme::strong(),
    );
    let words = words::state(&view.status, model.now.mono);
    canvas.put(x + name + 1, y, 1, state.sign(), style);
    let rest = area.width.saturating_sub(name + 4);
    canvas.put(x + name + 3, y, rest, &words, style);
    if area.height < 2 {
        return;
    }
    let endpoint = printable(&view.definition.endpoint());
    let width = name.max(17).min(area.width.saturating_sub(2));
    canvas.put(
        x,
        y + 1,
        width,
        &cut(&endpoint, width.into()),
        theme::muted(),
    );
    let remark = meters::remark(view, model.meters.ordering().order, model.now);
    let rest = area.width.saturating_sub(width + 2);
    canvas.put(x + width + 1, y + 1, rest, &remark, remark_style(state));
}

fn remark_style(state: State) -> Style {
    match state {
        State::NeedsPerson => theme::bad(),
        _ => theme::muted(),
    }
}
