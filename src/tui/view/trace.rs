//! The frames of one meter, and the selected one taken apart. The rule: while following, the
//! pane fills and then jumps up by half, so that lines stand still to be read and a slow
//! terminal is not flooded.
use super::canvas::Canvas;
use super::{hex, panel, theme};
use crate::cosem::data::printable;
use crate::meter::tap::Direction;
use crate::tui::app::shown::{Target, Window};
use crate::tui::app::trace::{TracePane, TraceRow, What};
use crate::tui::app::{Model, Pane, words};
use ratatui::layout::Rect;
use ratatui::style::Style;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, focused: bool) {
    let trace = &model.trace;
    let name = model
        .meter()
        .map(|view| printable(&view.definition.name))
        .unwrap_or_default();
    let about = match trace.filter_text() {
        "" => name,
        filter => format!("{name} · only {filter}"),
    };
    let inner = panel::pane(canvas, area, Pane::Trace, focused, &about);
    let (chip, style) = if model.frozen.is_some() {
        ("FROZEN", theme::warn())
    } else if trace.follow {
        ("following: Up looks closer", theme::muted())
    } else {
        ("held: F follows", theme::accent())
    };
    panel::chip(canvas, area, chip, style);
    if trace.is_empty() {
        let why = if trace.held() > 0 {
            "No frame passes the filter; / changes it, Esc clears it."
        } else if model.meter().is_some() {
            "No frames yet."
        } else {
            "Select a meter to see its frames."
        };
        return panel::empty(canvas, inner, &["", why]);
    }
    // While following, the list needs the room more, and mere notes need no explanation. Else
    // the lower part keeps its size, whatever is selected.
    let below = match inner.height {
        0..9 => 0,
        9..12 if trace.follow => 0,
        _ if trace.follow && trace.explained().is_none() => 0,
        h => (h * 9 / 20).clamp(5, 22),
    };
    let list = Rect {
        height: inner.height - below,
        ..inner
    };
    rows(canvas, list, model, focused, below > 0);
    if below > 0 {
        let line = Rect::new(area.x, list.bottom(), area.width, 1);
        rule(canvas, line, focused);
        if let Some(row) = trace.selected() {
            title(canvas, line, row, model);
        }
        let detail = Rect {
            y: list.bottom() + 1,
            height: below - 1,
            ..inner
        };
        hex::draw(canvas, detail, model, focused);
    } else if trace.walking {
        canvas.clear(list);
        hex::draw(canvas, list, model, focused);
    }
}

fn rule(canvas: &mut Canvas<'_>, area: Rect, focused: bool) {
    let style = if focused {
        theme::accent()
    } else {
        theme::muted()
    };
    let across = "─".repeat(usize::from(area.width.saturating_sub(2)));
    canvas.put(area.x, area.y, 1, "├", style);
    canvas.put(
        area.x + 1,
        area.y,
        area.width.saturating_sub(2),
        &across,
        style,
    );
    canvas.put(area.right().saturating_sub(1), area.y, 1, "┤", style);
}

/// Which frame is taken apart below: it may have left the list.
fn title(canvas: &mut Canvas<'_>, line: Rect, row: &TraceRow, model: &Model) {
    let at = row.at.to_zoned(model.zone.clone());
    let way = match row.direction() {
        Some(Direction::Sent) => "→ TX",
        Some(Direction::Received) => "← RX",
        None => "",
    };
    let text = format!(" {} {way} ", at.strftime("%H:%M:%S%.3f"));
    let width = super::canvas::cells(&text).min(line.width.saturating_sub(4));
    canvas.put(line.x + 2, line.y, width, &text, theme::muted());
}

/// Which rows to show, as positions among those that pass.
fn window(trace: &TracePane, page: usize) -> Window {
    let len = trace.len();
    let before = trace.top.map(|seq| trace.position(seq));
    let top = match before {
        None => len.saturating_sub(page),
        Some(top) if trace.follow && len > top + page => len.saturating_sub(page.div_ceil(2)),
        Some(top) if trace.follow => top,
        Some(top) => {
            let at = trace.selected_seq().map_or(0, |seq| trace.position(seq));
            top.clamp((at + 1).saturating_sub(page.max(1)), at)
        }
    };
    Window { top, page, len }
}

fn rows(canvas: &mut Canvas<'_>, list: Rect, model: &Model, focused: bool, explained: bool) {
    let trace = &model.trace;
    let window = window(trace, list.height.into());
    canvas.shown.trace = window;
    for (y, row) in (list.y..).zip(trace.visible(window.top).take(window.page)) {
        if canvas.shown.trace_top.is_none() {
            canvas.shown.trace_top = Some(row.seq);
        }
        let area = Rect::new(list.x, y, list.width, 1);
        if Some(row.seq) == trace.selected_seq() && (explained || !trace.follow) {
            canvas.style(area, theme::selected());
            let mark = if focused {
                theme::accent()
            } else {
                theme::muted()
            };
            canvas.put(area.x, y, 1, "▌", mark);
        }
        canvas.hit(area, Target::Frame(row.seq));
        one(canvas, area, row, model);
    }
}

fn one(canvas: &mut Canvas<'_>, area: Rect, row: &TraceRow, model: &Model) {
    let y = area.y;
    let wide = area.width >= 60;
    let at = row.at.to_zoned(model.zone.clone());
    let (time, form) = if wide {
        (12, "%H:%M:%S%.3f")
    } else {
        (5, "%M:%S")
    };
    let mut x = area.x + 1;
    canvas.put(x, y, time, &at.strftime(form).to_string(), theme::muted());
    x += time + 1;
    let (way, style) = match row.direction() {
        Some(Direction::Sent) => ("→ TX", theme::tx()),
        Some(Direction::Received) => ("← RX", theme::rx()),
        None => ("· --", theme::muted()),
    };
    canvas.put(x, y, 4, way, style);
    x += 5;
    let trouble = row.trouble();
    let mark = model.trace.marks.of(row.seq);
    if mark.is_some() {
        canvas.put(x, y, 1, "◆", theme::accent());
    } else if trouble {
        canvas.put(x, y, 1, "✗", theme::bad());
    }
    let proves = model.trace.proves(row);
    x += 2;
    let link_width = if area.width >= 75 { 17 } else { 0 };
    let numbers = if wide { 15 } else { 0 };
    let checks = if area.width >= 92 { 6 } else { 0 };
    let rest = area.right().saturating_sub(x + numbers + checks);
    let said = if trouble { theme::bad() } else { Style::new() };
    match &row.what {
        What::Note(text) => return canvas.put(x, y, rest, text, theme::muted()),
        What::Junk { bytes, .. } => {
            let text = format!("{} bytes that belong to no frame", bytes.len());
            canvas.put(x, y, rest, &text, said);
        }
        What::Frame { explained, .. } => {
            let mut rest = rest;
            if link_width > 0 {
                canvas.put(x, y, link_width, &explained.link, theme::muted());
                x += link_width + 1;
                rest = rest.saturating_sub(link_width + 1);
            }
            let text = if explained.summary.is_empty() {
                printable(&explained.kind)
            } else {
                printable(&explained.summary)
            };
            if let Some(id) = proves {
                let chip = format!(" {id} ");
                let width = super::canvas::cells(&chip).min(rest);
                canvas.put(x, y, width, &chip, theme::bad().patch(theme::reversed()));
                x += width + 1;
                rest = rest.saturating_sub(width + 1);
            }
            let text = match mark {
                Some(note) if !note.is_empty() => format!("◆ {}  {text}", printable(note)),
                _ => text,
            };
            canvas.put(x, y, rest, &text, said);
            if checks > 0 {
                let (text, style) = if explained.fcs_ok {
                    ("FCS ✓", theme::muted())
                } else {
                    ("FCS ✗", theme::bad())
                };
                canvas.put(area.right() - 5, y, 5, text, style);
            }
        }
    }
    if numbers > 0 {
        let x = area.right() - numbers - checks;
        let length = format!("{} B", row.bytes().len());
        canvas.put_right(x, y, 6, &length, theme::muted());
        let took = row.took.map(words::took).unwrap_or_default();
        canvas.put_right(x + 7, y, 7, &took, theme::muted());
    }
}
