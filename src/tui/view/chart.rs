//! The course of a value as columns of blocks, with its figures. The rule: a gap stays empty, and the scale says what it is.
use super::canvas::{Canvas, cells, wrap};
use super::{panel, theme};
use crate::cosem::Unit;
use crate::cosem::data::printable;
use crate::meter::definition::Limits;
use crate::tui::app::chart::{Chart, Column, Figures};
use crate::tui::app::shown::Target;
use crate::tui::app::{Model, values, words};
use jiff::Timestamp;
use ratatui::layout::Rect;
use ratatui::style::Style;

const EIGHTHS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
/// Cells of the scale at the left.
const SCALE: u16 = 11;

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, chart: &Chart) {
    canvas.clear(area);
    canvas.hit(area, Target::Overlay);
    let Some(view) = model.fleet.get(chart.meter) else {
        return;
    };
    let row = values::row(view, chart.object, model.now.wall, &model.zone);
    let value = row.map(|row| row.name).unwrap_or_default();
    let name = printable(&view.definition.name);
    let title = format!("{value} · {name} · {}", chart.span.word());
    let inner = panel::frame(canvas, area, &title, true);
    if inner.height < 4 || inner.width < 24 {
        return;
    }
    let shown = match (&chart.series, chart.until) {
        _ if chart.waiting && chart.points().is_empty() => "reading …",
        (_, None) => "up to now",
        _ => "→ later",
    };
    panel::chip(canvas, area, shown, theme::muted());
    let unit = unit(chart);
    let decimals = decimals(chart);
    let below = figures(canvas, inner, model, chart, (decimals, &unit));
    match &chart.series {
        Err(why) => {
            let lines = wrap(&printable(why), usize::from(below.width.saturating_sub(2)));
            for (y, line) in (below.y + 1..below.bottom()).zip(lines) {
                canvas.put(below.x + 1, y, below.width - 1, &line, theme::bad());
            }
        }
        Ok(series) if series.points.is_empty() && chart.waiting => {}
        Ok(series) if series.points.is_empty() => {
            let lines = [
                "",
                "Nothing was read in this time.",
                "← earlier   - a longer span",
            ];
            panel::empty(canvas, below, &lines);
        }
        Ok(_) => {
            let limits = view.definition.objects.get(chart.object);
            let limits = limits.map(|it| it.limits).unwrap_or_default();
            plot(canvas, below, chart, decimals, limits);
        }
    }
    times(canvas, inner, model, chart);
}

fn unit(chart: &Chart) -> String {
    let code = chart.series.as_ref().ok().and_then(|series| series.unit);
    code.map(|code| Unit(code).symbol().to_string())
        .unwrap_or_default()
}

/// As many as the meter gives.
fn decimals(chart: &Chart) -> usize {
    let last = chart.points().last().map_or("", |point| &point.last);
    last.split_once('.')
        .map_or(0, |(_, after)| after.len())
        .min(6)
}

/// One line where it fits, else two; gives what is left below.
fn figures(
    canvas: &mut Canvas<'_>,
    inner: Rect,
    model: &Model,
    chart: &Chart,
    (decimals, unit): (usize, &str),
) -> Rect {
    let skip = |rows: u16| Rect {
        y: inner.y + rows,
        height: inner.height.saturating_sub(rows),
        ..inner
    };
    let Some(Figures {
        min,
        mean,
        max,
        last,
        count,
    }) = chart.figures()
    else {
        return skip(1);
    };
    let at = |at: Timestamp| moment(model, chart, at);
    let texts = [
        format!("last {} {unit}", printable(&last)),
        format!("min {:.decimals$} at {}", min.0, at(min.1)),
        format!("max {:.decimals$} at {}", max.0, at(max.1)),
        format!("mean {mean:.decimals$}"),
        format!("{} readings", words::count(count)),
    ];
    let (mut x, mut y) = (inner.x + 1, inner.y);
    for (n, text) in texts.iter().enumerate() {
        let width = cells(text);
        if x + width > inner.right() {
            if y > inner.y || inner.height < 8 {
                break;
            }
            (x, y) = (inner.x + 1, y + 1);
        }
        let style = if n == 0 {
            theme::strong()
        } else {
            theme::muted()
        };
        canvas.put(x, y, inner.right().saturating_sub(x), text, style);
        x += width + 3;
    }
    skip(y - inner.y + 1)
}

fn moment(model: &Model, chart: &Chart, at: Timestamp) -> String {
    let zoned = at.to_zoned(model.zone.clone());
    zoned.strftime(chart.span.moment()).to_string()
}

/// Begin, middle and end, in the last line.
fn times(canvas: &mut Canvas<'_>, inner: Rect, model: &Model, chart: &Chart) {
    let y = inner.bottom() - 1;
    let room = inner.width.saturating_sub(SCALE + 1);
    let left = inner.x + SCALE;
    let (from, to) = (chart.from.as_millisecond(), chart.to.as_millisecond());
    let middle = Timestamp::from_millisecond(i64::midpoint(from, to)).unwrap_or(chart.from);
    let [from, middle, to] = [chart.from, middle, chart.to].map(|at| moment(model, chart, at));
    canvas.put(left, y, room, &from, theme::muted());
    if cells(&from) * 3 + 6 < room {
        let x = left + room / 2 - cells(&middle) / 2;
        canvas.put(x, y, cells(&middle), &middle, theme::muted());
    }
    canvas.put_right(left, y, room, &to, theme::muted());
}

fn plot(canvas: &mut Canvas<'_>, below: Rect, chart: &Chart, decimals: usize, limits: Limits) {
    let area = Rect::new(
        below.x + SCALE,
        below.y,
        below.width.saturating_sub(SCALE + 1),
        below.height.saturating_sub(1),
    );
    if area.height == 0 || area.width == 0 {
        return;
    }
    let columns = chart.columns(area.width.into());
    let Some((low, high)) = range(&columns) else {
        return;
    };
    let near = (high - low).max(high.abs() / 500.0);
    let bounds: Vec<_> = [("high", limits.high), ("low", limits.low)]
        .into_iter()
        .filter_map(|(word, bound)| Some((word, bound?)))
        .filter(|(_, bound)| (low - near..=high + near).contains(&bound.to_f64()))
        .collect();
    // A limit far off would press the course flat; a near one is part of the picture.
    let (low, high) = bounds.iter().fold((low, high), |(low, high), (_, bound)| {
        (low.min(bound.to_f64()), high.max(bound.to_f64()))
    });
    let scale = Scale::new(low, high, area.height);
    for row in [0, area.height / 2, area.height - 1] {
        let text = format!("{:.decimals$}", scale.value(row));
        canvas.put_right(below.x, area.y + row, SCALE - 1, &text, theme::muted());
    }
    for (x, column) in (area.left()..area.right()).zip(columns) {
        let Some(column) = column else {
            // Nothing was read: the ground is marked, the rest stays empty.
            canvas.put(x, area.bottom() - 1, 1, "·", theme::muted());
            continue;
        };
        let [min, mean, max] = [column.min, column.mean, column.max].map(|v| scale.eighths(v));
        for row in 0..area.height {
            let ground = u32::from(area.height - 1 - row) * 8;
            let (symbol, style) = if mean >= ground + 8 {
                ("█", Style::new().patch(theme::accent()))
            } else if mean > ground || (mean == 0 && ground == 0) {
                let eighth = mean.saturating_sub(ground).saturating_sub(1);
                let eighth = usize::try_from(eighth).unwrap_or(0).min(7);
                (EIGHTHS[eighth], theme::accent())
            } else if max > ground && max > min {
                ("│", theme::muted())
            } else {
                continue;
            };
            canvas.put(x, area.y + row, 1, symbol, style);
        }
    }
    for (word, bound) in bounds {
        let y = area.y + scale.row(bound.to_f64());
        for x in (area.left()..area.right()).step_by(2) {
            canvas.put(x, y, 1, "·", theme::warn());
        }
        let text = format!("{word} {bound}");
        canvas.put_right(below.x, y, SCALE - 1, &format!("{text:>10}"), theme::warn());
    }
}

fn range(columns: &[Option<Column>]) -> Option<(f64, f64)> {
    let columns = || columns.iter().flatten();
    let low = columns().map(|c| c.min).min_by(f64::total_cmp)?;
    let high = columns().map(|c| c.max).max_by(f64::total_cmp)?;
    (low.is_finite() && high.is_finite()).then_some((low, high))
}

/// Values to heights in eighths of a cell.
struct Scale {
    bottom: f64,
    span: f64,
    rows: u16,
}

impl Scale {
    /// A course that hardly moves is not blown up to look as if it did.
    fn new(low: f64, high: f64, rows: u16) -> Self {
        let middle = f64::midpoint(low, high);
        let least = (middle.abs() / 1000.0).max(1e-6);
        let span = ((high - low) * 1.1).max(least);
        let bottom = middle - span / 2.0;
        // What cannot be negative is not shown against a negative ground.
        let bottom = if low >= 0.0 { bottom.max(0.0) } else { bottom };
        Self { bottom, span, rows }
    }

    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the height of a screen"
    )]
    fn eighths(&self, value: f64) -> u32 {
        let most = f64::from(self.rows) * 8.0;
        ((value - self.bottom) / self.span * most)
            .clamp(0.0, most)
            .round() as u32
    }

    /// The row a value is in, counted from above.
    fn row(&self, value: f64) -> u16 {
        let filled = self.eighths(value).saturating_sub(1) / 8;
        let above = u32::from(self.rows).saturating_sub(filled + 1);
        u16::try_from(above).unwrap_or(0)
    }

    /// At the middle of a row, counted from above.
    fn value(&self, row: u16) -> f64 {
        let share = 1.0 - (f64::from(row) + 0.5) / f64::from(self.rows);
        self.bottom + self.span * share
    }
}
