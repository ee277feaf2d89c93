//! The selected frame: its bytes, those of the selected field marked, and its fields one by
//! one. The rule: the mark is an underline and reversed, so that it shows without colour; a
//! password shows as stars even where its field is not selected.
use super::canvas::Canvas;
use super::{panel, theme};
use crate::cosem::data::printable;
use crate::dlms::explain::Field;
use crate::meter::tap::Direction;
use crate::tui::app::Model;
use crate::tui::app::shown::{Target, Window};
use crate::tui::app::trace::{TraceRow, What};
use ratatui::layout::Rect;
use ratatui::style::Style;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, focused: bool) {
    let trace = &model.trace;
    let Some(row) = trace.selected() else {
        return;
    };
    if let What::Note(text) = &row.what {
        return panel::empty(canvas, area, &[text]);
    }
    let per_line = bytes_a_line(area.width);
    let lines = row.bytes().len().div_ceil(per_line);
    let fields = trace.explained().map_or(&[][..], |e| &e.fields);
    // Bytes get what the fields leave them, and at least a third.
    let third = (area.height / 3).max(1);
    let want = area
        .height
        .saturating_sub(u16::try_from(fields.len()).unwrap_or(u16::MAX));
    let height = u16::try_from(lines)
        .unwrap_or(u16::MAX)
        .min(want.max(third));
    bytes(
        canvas,
        Rect { height, ..area },
        row,
        fields,
        trace.field,
        per_line,
    );
    let rest = Rect {
        y: area.y + height,
        height: area.height - height,
        ..area
    };
    if fields.is_empty() {
        let text = "These bytes belong to no frame.";
        return panel::empty(canvas, rest, &[text]);
    }
    let window = Window::around(
        model.shown.fields.top,
        trace.field,
        rest.height.into(),
        fields.len(),
    );
    canvas.shown.fields = window;
    for (y, index) in (rest.y..).zip(window.rows()) {
        let area = Rect::new(rest.x, y, rest.width, 1);
        canvas.hit(area, Target::Field(index));
        if index == trace.field {
            canvas.style(area, theme::selected());
            let mark = if focused {
                theme::accent()
            } else {
                theme::muted()
            };
            canvas.put(area.x, y, 1, "▌", mark);
        }
        if let Some(field) = fields.get(index) {
            one(canvas, area, field);
        }
    }
}

/// A power of two, so that offsets are easy to count; 32 at most.
fn bytes_a_line(width: u16) -> usize {
    match width {
        0..28 => 4,
        28..52 => 8,
        52..100 => 16,
        _ => 32,
    }
}

fn bytes(
    canvas: &mut Canvas<'_>,
    area: Rect,
    row: &TraceRow,
    fields: &[Field],
    selected: usize,
    n: usize,
) {
    let all = row.bytes();
    let marked = fields.get(selected).map_or(0..0, range);
    let window = Window::around(
        0,
        marked.start / n,
        area.height.into(),
        all.len().div_ceil(n),
    );
    let base = match row.direction() {
        Some(Direction::Sent) => theme::tx(),
        _ => theme::rx(),
    };
    let secret = |at: &usize| fields.iter().any(|f| f.secret && range(f).contains(at));
    for (y, line) in (area.y..).zip(window.rows()) {
        let from = line * n;
        canvas.put(area.x + 1, y, 4, &format!("{from:03X}"), theme::muted());
        let mut x = area.x + 6;
        for (at, byte) in all.iter().enumerate().skip(from).take(n) {
            let inside = marked.contains(&at);
            let style = if inside { theme::marked() } else { base };
            let text = if secret(&at) {
                "**".to_owned()
            } else {
                format!("{byte:02X}")
            };
            canvas.put(x, y, 2, &text, style);
            // The gap belongs to the mark when the field goes on.
            if inside && marked.contains(&(at + 1)) && at + 1 < from + n {
                canvas.put(x + 2, y, 1, " ", style);
            }
            x += 3;
        }
    }
}

fn range(field: &Field) -> std::ops::Range<usize> {
    field.offset..field.offset.saturating_add(field.length)
}

fn one(canvas: &mut Canvas<'_>, area: Rect, field: &Field) {
    let y = area.y;
    let indent = u16::from(field.depth).saturating_mul(2).min(area.width / 4);
    let names = (area.width * 2 / 5).min(34);
    let x = area.x + 1;
    canvas.put(x, y, 3, &format!("{:03X}", field.offset), theme::muted());
    let width = names.saturating_sub(indent);
    canvas.put(
        x + 4 + indent,
        y,
        width,
        &printable(&field.name),
        Style::new(),
    );
    let x = x + 5 + names;
    let mut room = area.right().saturating_sub(x);
    if let Some(source) = field.source
        && room > 50
    {
        canvas.put_right(area.right() - 26, y, 26, source, theme::muted());
        room -= 28;
    }
    match &field.problem {
        Some(problem) => {
            let text = format!("✗ {}  {}", printable(&field.value), printable(problem));
            canvas.put(x, y, room, &text, theme::bad());
        }
        None => canvas.put(x, y, room, &printable(&field.value), theme::strong()),
    }
}
