//! The values of one meter. The rule: every column keeps its place, so that a new reading
//! touches only the digits that changed.
use super::canvas::{Canvas, cells};
use super::{panel, theme};
use crate::cosem::data::printable;
use crate::headend::MeterView;
use crate::tui::app::shown::{Target, Window};
use crate::tui::app::trend::{Direction, Trend};
use crate::tui::app::values::{self, Quality, Row};
use crate::tui::app::{Model, Pane, journey, words};
use ratatui::layout::Rect;
use ratatui::style::Style;

const BARS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];

/// Where the columns stand; a width of 0 leaves one out.
#[derive(Clone, Copy)]
struct Columns {
    name: u16,
    code: u16,
    value: u16,
    unit: u16,
    trend: u16,
    arrow: u16,
    age: u16,
    quality: u16,
}

impl Columns {
    /// The last named goes first as the room shrinks.
    fn of(width: u16) -> Self {
        let mut c = Self {
            name: 12,
            code: 0,
            value: 10,
            unit: 0,
            trend: 0,
            arrow: 0,
            age: 0,
            quality: 0,
        };
        let mut left = width.saturating_sub(c.name + c.value + 2);
        let mut take = |place: &mut u16, want: u16| {
            if left > want {
                *place = want;
                left -= want + 1;
            }
        };
        take(&mut c.unit, 4);
        take(&mut c.quality, 8);
        take(&mut c.code, 11);
        take(&mut c.trend, 8);
        take(&mut c.age, 6);
        take(&mut c.arrow, 1);
        let more = left.min(2);
        c.value += more;
        left -= more;
        let more = left.min(16);
        c.name += more;
        left -= more;
        if c.trend > 0 && left >= 10 {
            c.trend = 16;
            left -= 8;
        }
        if c.code > 0 && left >= 8 {
            c.code = 17;
        }
        c
    }
}

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, focused: bool) {
    let about = model
        .pictured()
        .map(|view| printable(&view.definition.name))
        .unwrap_or_default();
    let inner = panel::pane(canvas, area, Pane::Values, focused, &about);
    let Some(view) = model.pictured() else {
        return panel::empty(canvas, inner, &["", "Select a meter to see its values."]);
    };
    if view.definition.objects.is_empty() {
        let lines = if model.replay.is_some() {
            [
                "",
                "A recorded trace has frames, no values.",
                "3  the frames",
            ]
        } else {
            [
                "",
                "This meter has no objects to read.",
                "E  edit it and name some",
            ]
        };
        return panel::empty(canvas, inner, &lines);
    }
    // The line about the selected row keeps its place where there is room for it.
    let published = view.definition.publish.is_some();
    let about_row = u16::from(inner.height >= 6)
        + u16::from(
            published && usize::from(inner.height) >= view.definition.objects.len().max(7) + 2,
        );
    let list = Rect {
        height: inner.height - about_row,
        ..inner
    };
    rows(canvas, list, model, view, focused);
    if let Some(frozen) = &model.frozen {
        let at = frozen.now.wall.to_zoned(model.zone.clone());
        let text = at.strftime("FROZEN at %H:%M:%S").to_string();
        panel::chip(canvas, area, &text, theme::warn());
    } else if canvas.shown.values.len > canvas.shown.values.page {
        let window = canvas.shown.values;
        let shown = window.rows();
        let text = format!("{}-{} of {}", shown.start + 1, shown.end, window.len);
        panel::chip(canvas, area, &text, theme::muted());
    }
    if about_row > 0 && focused {
        let trends = model.pictured_trends();
        let text = values::detail(view, model.values.selected, trends, &model.zone);
        let (x, width) = (inner.x + 1, inner.width.saturating_sub(2));
        let y = inner.bottom() - about_row;
        canvas.put(x, y, width, &text, theme::muted());
        if about_row > 1 {
            let text = way(model, view);
            canvas.put(x, y + 1, width, &text, theme::muted());
        }
    }
}

/// The selected value on its way to the broker.
fn way(model: &Model, view: &MeterView) -> String {
    let published = model.published.get(&view.definition.id);
    let reading = view.status.values.get(model.values.selected);
    let read = reading.and_then(Option::as_ref).map(|it| it.at);
    match (read, published) {
        (Some(read), Some(published)) if read > published.stored => {
            "its poll is not stored yet".to_owned()
        }
        (Some(read), Some(published)) if !journey::is_of(published, read) => {
            "not of the poll that is followed here".to_owned()
        }
        (_, published) => {
            let published = published.map(AsRef::as_ref);
            journey::words(view, published, &model.zone).unwrap_or_default()
        }
    }
}

fn rows(canvas: &mut Canvas<'_>, list: Rect, model: &Model, view: &MeterView, focused: bool) {
    let count = values::rows(view);
    let page = usize::from(list.height);
    let window = Window::around(model.values.top, model.values.selected, page, count);
    canvas.shown.values = window;
    let columns = Columns::of(list.width.saturating_sub(1));
    let now = model.pictured_now().wall;
    for (y, index) in (list.y..).zip(window.rows()) {
        let Some(row) = values::row(view, index, now, &model.zone) else {
            continue;
        };
        let area = Rect::new(list.x, y, list.width, 1);
        if focused && index == model.values.selected {
            canvas.style(area, theme::selected());
            canvas.put(area.x, y, 1, "▌", theme::accent());
        }
        canvas.hit(area, Target::Value(index));
        let key = view.definition.objects.get(index).map(|o| o.key.as_str());
        let trend = key.and_then(|key| model.pictured_trends().get(view.definition.id, key));
        one(canvas, area, &row, trend, columns);
    }
}

/// One row; also for the narrow layout.
pub fn compact(canvas: &mut Canvas<'_>, area: Rect, row: &Row) {
    one(
        canvas,
        area,
        row,
        None,
        Columns::of(area.width.saturating_sub(1)),
    );
}

fn one(canvas: &mut Canvas<'_>, area: Rect, row: &Row, trend: Option<&Trend>, c: Columns) {
    let y = area.y;
    let mut x = area.x + 1;
    let old = match row.quality {
        Quality::Good | Quality::Drift | Quality::Doubtful => Style::new(),
        _ => theme::muted(),
    };
    let mut column = |width: u16| {
        let at = x;
        x += if width > 0 { width + 1 } else { 0 };
        at
    };
    let (name, code, value) = (column(c.name), column(c.code), column(c.value));
    let (unit, trend_at, arrow) = (column(c.unit), column(c.trend), column(c.arrow));
    let (age, quality) = (column(c.age), column(c.quality));
    canvas.put(name, y, c.name, &row.name, Style::new());
    canvas.put(code, y, c.code, &row.code, theme::muted());
    let strong = old.patch(theme::strong());
    if row.number && row.remark.is_none() {
        canvas.put_right(value, y, c.value, &row.value, strong);
        canvas.put(unit, y, c.unit, &row.unit, old);
        if let Some(trend) = trend {
            course(canvas, trend_at, y, c.trend, trend);
            let sign = match trend.direction() {
                Some(Direction::Up) => "↑",
                Some(Direction::Down) => "↓",
                Some(Direction::Level) => "→",
                None => "",
            };
            canvas.put(arrow, y, c.arrow, sign, theme::muted());
        }
    } else {
        // Text has no course: it may use the room of unit, trend and arrow, and of the age
        // when there is a remark to make.
        let end = if row.remark.is_some() { quality } else { age };
        words_of(canvas, value, y, end.saturating_sub(value + 1), row, strong);
    }
    if row.remark.is_none()
        && let Some(old) = row.age
    {
        canvas.put_right(age, y, c.age, &words::age(old), theme::muted());
    }
    let style = match row.quality {
        Quality::Good => theme::good(),
        Quality::Old | Quality::Drift | Quality::Doubtful => theme::warn(),
        Quality::Failed => theme::bad(),
        Quality::Waiting => theme::muted(),
    };
    let text = format!("{} {}", row.quality.sign(), row.quality.word());
    canvas.put(quality, y, c.quality, &text, style);
}

/// A value that is text, and what is to be said of it.
fn words_of(canvas: &mut Canvas<'_>, x: u16, y: u16, width: u16, row: &Row, style: Style) {
    let failed = row.quality == Quality::Failed;
    let remark = row.remark.as_deref().unwrap_or("");
    if failed {
        return canvas.put(x, y, width, remark, theme::bad());
    }
    canvas.put(x, y, width, &row.value, style);
    let used = cells(&row.value) + 2;
    if width > used + 8 {
        let style = match row.quality {
            Quality::Drift => theme::warn(),
            _ => theme::muted(),
        };
        let room = width - used;
        let remark = match &row.brief {
            Some(brief) if cells(remark) > room => brief,
            _ => remark,
        };
        canvas.put(x + used, y, room, remark, style);
    }
}

/// The course of a value, newest at the right; a gap where readings failed.
fn course(canvas: &mut Canvas<'_>, x: u16, y: u16, width: u16, trend: &Trend) {
    let levels = trend.levels(width.into());
    let from = width.saturating_sub(u16::try_from(levels.len()).unwrap_or(width));
    for (at, level) in (x + from..).zip(levels) {
        let bar = level
            .and_then(|level| BARS.get(usize::from(level)).copied())
            .unwrap_or(" ");
        canvas.put(at, y, 1, bar, theme::accent());
    }
}
