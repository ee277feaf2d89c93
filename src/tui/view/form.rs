//! A form over the panes. The rule: what is wrong with a field stands beside that field.
use super::canvas::{Canvas, cells, wrap};
use super::{layout, panel, theme};
use crate::cosem::data::printable;
use crate::tui::app::form::{Field, Form, Kind, Saving};
use crate::tui::app::shown::{Target, Window};
use ratatui::layout::Rect;
use ratatui::style::Style;
use unicode_width::UnicodeWidthChar;

/// Where the entries begin.
const LABEL: u16 = 18;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, form: &Form) {
    let fields = u16::try_from(form.fields.len()).unwrap_or(u16::MAX);
    // One line a field, two for the hint, one for what concerns the whole.
    let area = layout::middle(area, 76, fields.saturating_add(6));
    canvas.clear(area);
    canvas.hit(area, Target::Overlay);
    let inner = panel::frame(canvas, area, &form.title, true);
    let foot = 3.min(inner.height / 2);
    let list = Rect {
        height: inner.height - foot,
        ..inner
    };
    let top = canvas.shown.overlay.top;
    let window = Window::around(top, form.focus, list.height.into(), form.fields.len());
    canvas.shown.overlay = window;
    for (y, index) in (list.y..).zip(window.rows()) {
        let area = Rect::new(list.x, y, list.width, 1);
        canvas.hit(area, Target::FormField(index));
        if let Some(field) = form.fields.get(index) {
            one(canvas, area, field, index == form.focus);
        }
    }
    let foot = Rect {
        y: list.bottom(),
        height: foot,
        ..inner
    };
    words(canvas, foot, form);
}

fn one(canvas: &mut Canvas<'_>, area: Rect, field: &Field, focused: bool) {
    let y = area.y;
    if focused {
        canvas.style(area, theme::selected());
        canvas.put(area.x, y, 1, "▌", theme::accent());
    }
    let (sign, style) = if field.error.is_some() {
        ("✗", theme::bad())
    } else {
        ("", Style::new())
    };
    canvas.put(area.x + 1, y, 1, sign, style);
    let label = if focused {
        theme::strong()
    } else {
        Style::new()
    };
    canvas.put(area.x + 3, y, LABEL - 4, field.label, label.patch(style));
    let x = area.x + LABEL;
    let mut room = area.right().saturating_sub(x + 1);
    if let Some(error) = field.error.as_ref().filter(|_| !focused && room > 40) {
        let taken = cells(&field.shown()).clamp(12, room / 2) + 2;
        canvas.put(x + taken, y, room - taken, &printable(error), theme::bad());
        room = taken.saturating_sub(2);
    }
    if let Kind::Choice(options) = &field.kind {
        let (left, right) = if focused && options.len() > 1 {
            ("← ", " →")
        } else {
            ("", "")
        };
        let text = format!("{left}{}{right}", printable(field.text()));
        canvas.put(x, y, room, &text, Style::new());
    } else {
        let text = printable(&field.shown());
        let cursor = field.cursor().filter(|_| focused);
        entry(canvas, x, y, room, &text, cursor);
        if text.is_empty() {
            let x = x + 2 * u16::from(focused);
            canvas.put(x, y, room.saturating_sub(2), field.empty, theme::muted());
        }
    }
}

/// Text with a cursor, scrolled so that the cursor is in sight.
pub fn entry(
    canvas: &mut Canvas<'_>,
    x: u16,
    y: u16,
    width: u16,
    text: &str,
    cursor: Option<usize>,
) {
    let Some(cursor) = cursor else {
        return canvas.put(x, y, width, text, Style::new());
    };
    let chars: Vec<char> = text.chars().chain([' ']).collect();
    let cell = |c: &char| c.width().unwrap_or(0);
    let mut from = 0;
    let until = (cursor + 1).min(chars.len());
    while from < until && chars[from..until].iter().map(cell).sum::<usize>() > width.into() {
        from += 1;
    }
    let mut at = x;
    for (index, c) in chars.iter().enumerate().skip(from) {
        let wide = u16::try_from(cell(c)).unwrap_or(1);
        if at + wide > x.saturating_add(width) {
            return;
        }
        let style = if index == cursor {
            theme::reversed()
        } else {
            Style::new()
        };
        canvas.put(at, y, wide, c.encode_utf8(&mut [0; 4]), style);
        at += wide;
    }
}

/// The hint or error of the field under the cursor, and what concerns the whole form.
fn words(canvas: &mut Canvas<'_>, foot: Rect, form: &Form) {
    if foot.height == 0 {
        return;
    }
    let width = foot.width.saturating_sub(2);
    let (text, style) = if form.leaving {
        let text = "Something was changed. Esc again throws it away; Enter saves.";
        (text.to_owned(), theme::warn())
    } else if matches!(form.saving, Saving::Asked(_)) {
        ("Saving …".to_owned(), theme::accent())
    } else if let Some(error) = &form.error {
        (format!("✗ {}", printable(error)), theme::bad())
    } else {
        match form.current() {
            Some(Field {
                error: Some(error), ..
            }) => (format!("✗ {}", printable(error)), theme::bad()),
            Some(field) => (field.hint.to_owned(), theme::muted()),
            None => return,
        }
    };
    let mut lines = wrap(&text, width.into());
    // Below an error there may be room left for the example.
    if let Some(field) = form.current()
        && field
            .error
            .as_ref()
            .is_some_and(|error| !error.contains("such as"))
        && !form.leaving
    {
        lines.push(field.hint.to_owned());
    }
    for (y, line) in (foot.y..foot.bottom()).zip(lines) {
        let style = if Some(line.as_str()) == form.current().map(|f| f.hint) {
            theme::muted()
        } else {
            style
        };
        canvas.put(foot.x + 1, y, width, &line, style);
    }
}
