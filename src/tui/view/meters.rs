//! The list of meters: sign and word of the state, address, and why or how well. The rule:
//! only rows in sight are looked at, however many meters there are.
use super::canvas::{Canvas, cells, cut};
use super::{panel, theme};
use crate::cosem::data::printable;
use crate::headend::MeterView;
use crate::tui::app::fleet::State;
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
    let filter = model.meters.filter();
    let about = if filter.is_empty() {
        String::new()
    } else {
        format!("holding \"{filter}\"")
    };
    let inner = panel::pane(canvas, area, Pane::Meters, focused, &about);
    list(canvas, inner, model, focused);
    let window = canvas.shown.meters;
    if window.len > window.page {
        let text = format!("{} of {}", model.meters.index() + 1, window.len);
        panel::chip(canvas, area, &text, theme::muted());
    }
}

pub fn list(canvas: &mut Canvas<'_>, inner: Rect, model: &Model, focused: bool) {
    let rows = model.meters.rows();
    if rows.is_empty() {
        return nothing(canvas, inner, model);
    }
    let wide = inner.width >= 70;
    let room = usize::from(inner.height);
    // Two lines a meter where all of them fit so, else one.
    let tall = if !wide && rows.len() * 2 <= room {
        2
    } else {
        1
    };
    let page = room / tall;
    let window = Window::around(model.meters.top, model.meters.index(), page, rows.len());
    canvas.shown.meters = window;
    let mut y = inner.y;
    for (index, id) in rows
        .iter()
        .enumerate()
        .take(window.rows().end)
        .skip(window.top)
    {
        let height = u16::try_from(tall).unwrap_or(1);
        let area = Rect::new(inner.x, y, inner.width, height);
        y += height;
        let Some(view) = model.fleet.get(*id) else {
            continue;
        };
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
        canvas.hit(area, Target::Meter(*id));
        if wide {
            one_line(canvas, area, view, model);
        } else {
            two_lines(canvas, area, view, model);
        }
    }
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
            &["", "No meter holds this text.", "Esc shows all."],
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
    let remark = meters::remark(view, model.now.mono);
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
    let remark = meters::remark(view, model.now.mono);
    let rest = area.width.saturating_sub(width + 2);
    canvas.put(x + width + 1, y + 1, rest, &remark, remark_style(state));
}

fn remark_style(state: State) -> Style {
    match state {
        State::NeedsPerson => theme::bad(),
        _ => theme::muted(),
    }
}
