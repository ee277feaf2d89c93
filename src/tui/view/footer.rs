//! The last two lines: what just happened or what is wrong, and the keys that work now. The
//! rule: a key shown here works here.
use super::canvas::{Canvas, Piece, cells, fit};
use super::theme;
use crate::cosem::data::printable;
use crate::headend::Level;
use crate::tui::app::action::{Entry, TABLE, works_at};
use crate::tui::app::input::Input;
use crate::tui::app::model::{Asked, Overlay};
use crate::tui::app::shown::Target;
use crate::tui::app::{Model, Pane, session, update, words};
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};

/// The line that always keeps its place: a filter being typed, a notice, or what is wrong
/// with the selected meter.
pub fn notice(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    if let Some(Overlay::Filter(pane, input)) = &model.overlay {
        return filter(canvas, area, model, *pane, input);
    }
    if let Some(Overlay::Line(asked, input)) = &model.overlay {
        return line(canvas, area, *asked, input);
    }
    let width = area.width.saturating_sub(2);
    if let Some(notice) = model.notices.current() {
        let (sign, style) = level(notice.level);
        let text = format!("{sign} {}", printable(&notice.text));
        canvas.put(area.x + 1, area.y, width, &text, style);
        return;
    }
    let Some(view) = model.meter() else {
        return;
    };
    if let Some((what, advice)) = session::finding(view) {
        let what = format!(
            "✗ {}: {}",
            printable(&view.definition.name),
            printable(words::first_sentence(&what))
        );
        let advice = format!("  → {}", printable(words::first_sentence(&advice)));
        canvas.put(area.x + 1, area.y, width, &what, theme::bad());
        let used = cells(&what);
        if width > used + 12 && advice.len() > 6 {
            let x = area.x + 1 + used;
            canvas.put(x, area.y, width - used, &advice, Style::new());
        }
    }
}

pub fn level(level: Level) -> (&'static str, Style) {
    match level {
        Level::Info => ("·", theme::accent()),
        Level::Warning => ("!", theme::warn()),
        Level::Error => ("✗", theme::bad()),
    }
}

/// A note or a file name being typed.
fn line(canvas: &mut Canvas<'_>, area: Rect, asked: Asked, input: &Input) {
    let (lead, help) = match asked {
        Asked::Note => ("note: ", ""),
        Asked::Hand(_) => ("bytes: ", "hex; Enter asks before they go"),
        Asked::File => ("write to: ", ".jsonl .txt .hex .pcapng; no secrets"),
    };
    let width = area.width.saturating_sub(2);
    let needs = cells(lead) + cells(input.text()) + cells(help) + 6;
    let help = if needs <= width { help } else { "" };
    canvas.put_right(area.x + 1, area.y, width, help, theme::muted());
    canvas.put(area.x + 1, area.y, width, lead, theme::accent());
    let room = width.saturating_sub(cells(lead) + cells(help) + 2);
    let cursor = input.before().chars().count();
    let x = area.x + 1 + cells(lead);
    super::form::entry(canvas, x, area.y, room, input.text(), Some(cursor));
}

fn filter(canvas: &mut Canvas<'_>, area: Rect, model: &Model, pane: Pane, input: &Input) {
    let (shown, of, what) = match pane {
        Pane::Trace => (model.trace.len(), model.trace.held(), "frames"),
        _ => (model.meters.passing(), model.fleet.len(), "meters"),
    };
    let count = format!("{shown} of {of} {what}");
    let style = if shown == 0 {
        theme::warn()
    } else {
        theme::muted()
    };
    let width = area.width.saturating_sub(2);
    canvas.put_right(area.x + 1, area.y, width, &count, style);
    let room = width.saturating_sub(cells(&count) + 2);
    canvas.put(area.x + 1, area.y, 2, "/ ", theme::accent());
    let cursor = input.before().chars().count();
    super::form::entry(
        canvas,
        area.x + 3,
        area.y,
        room.saturating_sub(2),
        input.text(),
        Some(cursor),
    );
}

/// Keys and their words, the most needed first, as many as fit.
pub fn keys(canvas: &mut Canvas<'_>, area: Rect, model: &Model) {
    let here = model.place();
    let mut entries: Vec<&Entry> = TABLE
        .iter()
        .filter(|entry| entry.rank > 0 && works_at(entry, here))
        .filter(|entry| model.overlay.is_some() || update::enabled(model, entry.action).is_ok())
        .collect();
    entries.sort_by_key(|entry| entry.rank);
    let mut pieces: Vec<Piece<'_>> = entries
        .iter()
        .map(|entry| {
            let key = entry.keys.first().copied().unwrap_or("");
            Piece::new(
                entry.rank,
                vec![
                    Span::styled(key, theme::accent().patch(theme::strong())),
                    Span::styled(format!(" {}", entry.short), theme::muted()),
                ],
            )
        })
        .collect();
    let gap = if area.width < 100 { 2 } else { 3 };
    fit(
        &mut pieces,
        usize::from(area.width.saturating_sub(2)),
        gap.into(),
    );
    let mut x = area.x + 1;
    for (piece, entry) in pieces.into_iter().zip(entries) {
        let line = Line::from(piece.spans);
        let width = u16::try_from(line.width()).unwrap_or(0);
        canvas.line(x, area.y, width, &line);
        canvas.hit(Rect::new(x, area.y, width, 1), Target::Run(entry.action));
        x += width + gap;
    }
}
