//! The fleet as a whole: how many are how well, and who needs a person first, why, and what to do. The rule: only what is
//! in sight is looked at.
use super::canvas::{Canvas, cells};
use super::meters::state_style;
use super::{layout, panel, theme};
use crate::cosem::data::printable;
use crate::headend::Urgency;
use crate::meter::health::Band;
use crate::tui::app::fleet::State;
use crate::tui::app::overview::Overview;
use crate::tui::app::shown::{Target, Window};
use crate::tui::app::{Model, attention, words};
use ratatui::layout::Rect;
use ratatui::style::Style;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, overview: Overview) {
    let area = layout::middle(area, 110, area.height.min(36));
    canvas.clear(area);
    canvas.hit(area, Target::Overlay);
    let meters = words::count(u64::try_from(model.fleet.len()).unwrap_or(0));
    let inner = panel::frame(canvas, area, &format!("Fleet · {meters} meters"), true);
    let below = states(canvas, inner, model);
    let below = bands(canvas, below, model);
    needy(canvas, below, model, overview);
}

/// A bar a state; gives what is left below.
fn states(canvas: &mut Canvas<'_>, inner: Rect, model: &Model) -> Rect {
    let total = model.fleet.len().max(1);
    let mut y = inner.y;
    for state in State::BY_URGENCY {
        let count = model.fleet.count(state);
        if count == 0 || y >= inner.bottom() {
            continue;
        }
        bar(
            canvas,
            Rect::new(inner.x, y, inner.width, 1),
            (state.sign(), state.word()),
            (count, total),
            state_style(state),
        );
        y += 1;
    }
    Rect::new(inner.x, y, inner.width, inner.bottom().saturating_sub(y))
}

/// A bar a band, and what all of them did; gives what is left below.
fn bands(canvas: &mut Canvas<'_>, inner: Rect, model: &Model) -> Rect {
    // Short of room, the states have to do.
    if inner.height < 12 {
        return inner;
    }
    let total = model.fleet.len().max(1);
    let sums = model.fleet.sums();
    let title = match sums.day.tenths() {
        Some(tenths) => format!(
            "Success of the last hour: bands   (24 h: {}.{} % of what was due)",
            tenths / 10,
            tenths % 10
        ),
        None => "Success of the last hour: bands".to_owned(),
    };
    let width = inner.width.saturating_sub(2);
    canvas.put(inner.x + 1, inner.y + 1, width, &title, theme::strong());
    let mut y = inner.y + 2;
    for band in Band::ALL {
        let count = model.fleet.in_band(band);
        if count == 0 {
            continue;
        }
        bar(
            canvas,
            Rect::new(inner.x, y, inner.width, 1),
            band_word(band),
            (count, total),
            band_style(band),
        );
        y += 1;
    }
    let text = format!(
        "since the start: {} values stored, {} messages published, {} acknowledged",
        words::count(sums.stored),
        words::count(sums.published),
        words::count(sums.acknowledged)
    );
    canvas.put(inner.x + 1, y, width, &text, theme::muted());
    Rect::new(
        inner.x,
        y + 1,
        inner.width,
        inner.bottom().saturating_sub(y + 1),
    )
}

fn band_word(band: Band) -> (&'static str, &'static str) {
    match band {
        Band::Healthy => ("●", "healthy"),
        Band::Degraded => ("◐", "degraded"),
        Band::Critical => ("!", "critical"),
        Band::Down => ("✗", "down"),
        Band::Unknown => ("·", "nothing due"),
    }
}

fn band_style(band: Band) -> Style {
    match band {
        Band::Healthy => theme::good(),
        Band::Degraded | Band::Critical => theme::warn(),
        Band::Down => theme::bad(),
        Band::Unknown => theme::muted(),
    }
}

/// `● ready  9 431  94.3 %  ████████`: the bar as long as its share, and never gone while there is one.
fn bar(
    canvas: &mut Canvas<'_>,
    area: Rect,
    (sign, word): (&str, &str),
    (count, total): (usize, usize),
    style: Style,
) {
    let (x, y) = (area.x + 1, area.y);
    canvas.put(x, y, 15, &format!("{sign} {word}"), style);
    let number = words::short(u64::try_from(count).unwrap_or(0));
    canvas.put_right(x + 15, y, 8, &number, theme::strong());
    let tenths = count * 1000 / total.max(1);
    let share = format!("{}.{} %", tenths / 10, tenths % 10);
    canvas.put_right(x + 23, y, 9, &share, theme::muted());
    let room = usize::from(area.width.saturating_sub(36));
    let long = (count * room / total.max(1)).max(1).min(room);
    canvas.put(
        x + 34,
        y,
        area.width.saturating_sub(35),
        &"█".repeat(long),
        style,
    );
}

fn needy(canvas: &mut Canvas<'_>, area: Rect, model: &Model, overview: Overview) {
    if area.height < 2 {
        return;
    }
    let len = attention::len(model);
    if len == 0 {
        let (y, width) = (area.y + 1, area.width.saturating_sub(2));
        canvas.put(area.x + 1, y, width, "● No meter needs you.", theme::good());
        return;
    }
    let title = "What needs you first";
    canvas.put(area.x + 1, area.y + 1, area.width, title, theme::strong());
    // What to do stands beside the cause where there is room, else below the chosen one.
    let wide = area.width >= 90;
    let list = Rect {
        y: area.y + 2,
        height: area.height.saturating_sub(if wide { 2 } else { 3 }),
        ..area
    };
    let chosen = overview.selected.min(len - 1);
    let window = Window::around(0, chosen, list.height.into(), len);
    canvas.shown.overlay = window;
    for (y, index) in (list.y..list.bottom()).zip(window.rows()) {
        let Some(view) = attention::nth(model, index).and_then(|id| model.fleet.get(id)) else {
            continue;
        };
        let row = Rect::new(area.x, y, area.width, 1);
        canvas.hit(row, Target::Needy(index));
        if index == chosen {
            canvas.style(row, theme::selected());
            canvas.put(row.x, y, 1, "▌", theme::accent());
        }
        let name = (row.width / 4).clamp(10, 24);
        let x = row.x + 1;
        let mine = printable(&view.definition.name);
        let (sign, style) = match view.attention.as_ref().map(|it| it.urgency) {
            Some(Urgency::NeedsPerson | Urgency::Down) => ("✗", theme::bad()),
            _ => ("!", theme::warn()),
        };
        canvas.put(x, y, name, &format!("{sign} {mine}"), style);
        let rest = row.width.saturating_sub(name + 3);
        let why = attention::why(view);
        let todo = format!("→ {}", attention::what_to_do(view));
        if wide {
            let half = rest * 2 / 5;
            canvas.put(x + name + 1, y, half, &why, Style::new());
            let (x, rest) = (x + name + 2 + half, rest.saturating_sub(half + 1));
            canvas.put(x, y, rest, &todo, theme::accent());
        } else {
            canvas.put(x + name + 1, y, rest, &why, Style::new());
            if index == chosen {
                let y = list.bottom();
                canvas.put(area.x + 1, y, area.width - 2, &todo, theme::accent());
            }
        }
    }
    if window.len > window.page {
        let text = format!(" {} of {len} ", chosen + 1);
        let x = area.right().saturating_sub(cells(&text) + 1);
        canvas.put(x, area.y + 1, cells(&text), &text, theme::muted());
    }
}
