//! What is left when there is little room: the selected meter, how it does, its first values
//! and its trouble. The rule: the state is the last thing to go.
use super::canvas::{Canvas, cut, wrap};
use super::{alarms, attention, footer, theme, values as values_view};
use crate::cosem::data::printable;
use crate::tui::app::action::Action;
use crate::tui::app::fleet::State;
use crate::tui::app::shown::{Target, Window};
use crate::tui::app::{Model, Pane, session, values, words};
use ratatui::layout::Rect;

/// About 40×12.
pub fn narrow(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let row = |y: u16| Rect::new(area.x, area.y + y, area.width, 1);
    head(canvas, row(0), model);
    let last = area.height.saturating_sub(1);
    footer::keys(canvas, row(last), model);
    let body = Rect::new(area.x, area.y + 1, area.width, last.saturating_sub(2));
    let line = row(last.saturating_sub(1));
    if model.focus != Pane::Meters {
        super::one_pane(canvas, body, model);
        return footer::notice(canvas, line, model);
    }
    canvas.hit(body, Target::Pane(Pane::Meters));
    let Some(view) = model.meter() else {
        super::meters::list(canvas, body, model, true);
        return footer::notice(canvas, line, model);
    };
    canvas.shown.meters = Window::around(0, model.meters.index(), 1, model.meters.len());
    let endpoint = printable(&view.definition.endpoint());
    let mut room = body.width - 1;
    if let Some((text, width)) = attention::chip(model, body.width / 2) {
        canvas.put_right(body.x, body.y, room, &text, theme::bad());
        canvas.hit(
            Rect::new(body.right().saturating_sub(width + 1), body.y, width, 1),
            Target::Run(Action::Overview),
        );
        room = room.saturating_sub(width + 2);
    }
    // Some of the address stays.
    if let Some((text, width, style)) = alarms::chip(model, room.saturating_sub(12)) {
        canvas.put_right(body.x, body.y, room, &text, style);
        canvas.hit(
            Rect::new(body.x + room.saturating_sub(width), body.y, width, 1),
            Target::Run(Action::Alarms),
        );
        room = room.saturating_sub(width + 2);
    }
    canvas.put(body.x + 1, body.y, room, &endpoint, theme::muted());
    let mut below = body.bottom();
    // The finding keeps two lines of its own.
    if let Some((what, advice)) = session::finding(view) {
        let text = format!("✗ {}", printable(&what));
        let mut lines = wrap(&text, usize::from(area.width.saturating_sub(2)));
        lines.truncate(2);
        for text in wrap(
            &format!("→ {}", printable(&advice)),
            usize::from(area.width - 2),
        ) {
            if lines.len() < 4 {
                lines.push(text);
            }
        }
        below = line.bottom() - u16::try_from(lines.len()).unwrap_or(0);
        for (y, text) in (below..).zip(&lines) {
            let style = if text.starts_with('→') {
                theme::accent()
            } else {
                theme::bad()
            };
            canvas.put(area.x + 1, y, area.width - 1, text, style);
        }
    } else {
        footer::notice(canvas, line, model);
    }
    let now = model.now.wall;
    let count = values::rows(view);
    for (y, index) in (body.y + 1..below).zip(0..count) {
        if let Some(row) = values::row(view, index, now, &model.zone) {
            values_view::compact(canvas, Rect::new(area.x, y, area.width, 1), &row);
        }
    }
}

fn head(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let Some(view) = model.meter() else {
        return canvas.put(area.x, area.y, area.width, " obiscope", theme::strong());
    };
    let state = State::of(&view.status.phase);
    let words = format!(
        "{} {}",
        state.sign(),
        words::state(&view.status, model.now.mono)
    );
    let place = format!("{}/{}", model.meters.index() + 1, model.meters.len());
    let right = super::canvas::cells(&words) + super::canvas::cells(&place) + 3;
    let name = printable(&view.definition.name);
    let room = area.width.saturating_sub(right + 2);
    canvas.put(area.x + 1, area.y, room, &name, theme::strong());
    let x = area.right().saturating_sub(right);
    let style = super::meters::state_style(state);
    canvas.put(x, area.y, super::canvas::cells(&words), &words, style);
    canvas.put_right(x, area.y, right - 1, &place, theme::muted());
}

/// Anything smaller, down to a single cell.
pub fn tiny(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let width = usize::from(area.width);
    let mut lines = Vec::new();
    if let Some(view) = model.meter() {
        let state = State::of(&view.status.phase);
        let words = words::state(&view.status, model.now.mono);
        let style = super::meters::state_style(state);
        lines.push((format!("{} {words}", state.sign()), style));
        lines.insert(
            usize::from(area.height < 2),
            (printable(&view.definition.name), theme::strong()),
        );
    } else {
        lines.push(("no meters".to_owned(), theme::muted()));
    }
    if let Some((text, _)) = attention::chip(model, area.width).filter(|_| area.height > 3) {
        lines.push((text, theme::bad()));
    }
    if let Some((text, _, style)) = alarms::chip(model, area.width).filter(|_| area.height > 4) {
        lines.push((text, style));
    }
    lines.push(("make me larger".to_owned(), theme::muted()));
    let count = u16::try_from(lines.len()).unwrap_or(1);
    let top = area.y + area.height.saturating_sub(count) / 2;
    for (y, (text, style)) in (top..area.bottom()).zip(lines) {
        let text = cut(&text, width);
        let x = area.x + area.width.saturating_sub(super::canvas::cells(&text)) / 2;
        canvas.put(x, y, area.width, &text, style);
    }
}
