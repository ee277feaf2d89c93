//! What is wrong now, the worst first, and what is over, dimmed; all that is known of the chosen one stands below. The rule:
//! what a column has no room for is in those last lines.
use super::canvas::{Canvas, cells, cut, wrap};
use super::{layout, panel, theme};
use crate::cosem::data::printable;
use crate::headend::{Alarm, Severity};
use crate::tui::app::alarms::{List, MOST, Typing};
use crate::tui::app::input::Input;
use crate::tui::app::shown::{Target, Window};
use crate::tui::app::{Model, words};
use jiff::Timestamp;
use ratatui::layout::Rect;
use ratatui::style::Style;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

pub fn sign(severity: Severity) -> (&'static str, Style) {
    match severity {
        Severity::Critical => ("✗", theme::bad()),
        Severity::Warning => ("!", theme::warn()),
        Severity::Info => ("·", theme::accent()),
    }
}

/// `✗ 3 alarms`, its width and style, where that fits.
pub fn chip(model: &Model, room: u16) -> Option<(String, u16, Style)> {
    let (worst, count) = model.alarms.worst()?;
    let (sign, style) = sign(worst);
    let noun = if count == 1 { "alarm" } else { "alarms" };
    let count = words::short(u64::try_from(count).unwrap_or(0));
    let text = format!("{sign} {count} {noun}");
    let width = cells(&text);
    (width <= room).then_some((text, width, style))
}

pub fn draw(canvas: &mut Canvas<'_>, area: Rect, model: &Model, list: &List) {
    let rows = model.alarms.rows(&list.filter);
    let area = layout::middle(area, 150, height(rows.len()));
    canvas.clear(area);
    canvas.hit(area, Target::Overlay);
    let inner = panel::frame(canvas, area, &title(model, area.width), true);
    if !list.filter.is_open() {
        let text = printable(&format!("/ {}", list.filter.text()));
        panel::chip(canvas, area, &cut(&text, 24), theme::accent());
    }
    let chosen = list.row(&rows);
    let details = rows.get(chosen).map_or_else(Vec::new, |alarm| {
        details(model, alarm, usize::from(inner.width.saturating_sub(2)))
    });
    // A third of the room at most, and one line for what is typed or was just said.
    let most = usize::from(inner.height / 3).max(2);
    let below = u16::try_from(details.len().min(most)).unwrap_or(0) + 1;
    let table = Rect {
        height: inner.height.saturating_sub(below + 1),
        ..inner
    };
    if rows.is_empty() {
        let text = if model.alarms.is_empty() {
            "● Nothing is wrong."
        } else {
            "No alarm has all of these words."
        };
        canvas.put(inner.x + 1, inner.y, inner.width - 1, text, theme::muted());
    } else {
        self::rows(canvas, table, model, &rows, chosen);
    }
    let rule = "─".repeat(usize::from(inner.width));
    canvas.put(inner.x, table.bottom(), inner.width, &rule, theme::muted());
    let width = inner.width.saturating_sub(2);
    let lines = (table.bottom() + 1..inner.bottom().saturating_sub(1)).zip(details);
    for (y, (text, style)) in lines {
        canvas.put(inner.x + 1, y, width, &text, style);
    }
    let bottom = Rect::new(inner.x + 1, inner.bottom().saturating_sub(1), width, 1);
    foot(canvas, bottom, model, list, rows.len());
}

/// So high that few alarms leave some of the panes in sight, and that one more moves little.
fn height(rows: usize) -> u16 {
    u16::try_from(rows.saturating_add(10))
        .unwrap_or(u16::MAX)
        .clamp(18, 40)
}

fn title(model: &Model, width: u16) -> String {
    let count = |n: usize| words::count(u64::try_from(n).unwrap_or(0));
    let standing = model.alarms.standing();
    let unknown: usize = Severity::ALL
        .map(|it| model.alarms.unknown(it))
        .iter()
        .sum();
    let verb = if standing == 1 { "stands" } else { "stand" };
    if width < 60 && standing > 0 {
        return format!(
            "Alarms · {} of {} unacknowledged",
            count(unknown),
            count(standing)
        );
    }
    let mut title = format!("Alarms · {} {verb}", count(standing));
    if standing > 0 {
        let _ = write!(title, ", {} unacknowledged", count(unknown));
    }
    if standing > MOST {
        let _ = write!(title, " · the worst {} are shown", count(MOST));
    }
    title
}

/// The cells of each column; none has to be there but sign, meter and text.
#[derive(Clone, Copy, Default)]
struct Columns {
    word: u16,
    name: u16,
    key: u16,
    first: u16,
    seen: u16,
    count: u16,
    value: u16,
    by: u16,
}

impl Columns {
    fn of(width: u16) -> Self {
        match width {
            0..60 => Self {
                word: 1,
                name: 14,
                ..Self::default()
            },
            60..100 => Self {
                word: 10,
                name: 14,
                seen: 7,
                count: 6,
                by: 9,
                ..Self::default()
            },
            100..125 => Self {
                word: 10,
                name: 16,
                first: 8,
                seen: 7,
                count: 6,
                by: 10,
                ..Self::default()
            },
            _ => Self {
                word: 10,
                name: 18,
                key: 16,
                first: 8,
                seen: 7,
                count: 6,
                value: 11,
                by: 12,
            },
        }
    }
}

fn rows(canvas: &mut Canvas<'_>, table: Rect, model: &Model, rows: &[&Arc<Alarm>], chosen: usize) {
    let columns = Columns::of(table.width);
    let mut list = table;
    if columns.word > 1 && table.height > 3 {
        let head = [
            "", "meter", "object", "what", "first", "seen", "times", "value", "known to",
        ];
        let style = [theme::muted(); 9];
        line(canvas, table, columns, head, style);
        list.y += 1;
        list.height -= 1;
    }
    let window = Window::around(0, chosen, list.height.into(), rows.len());
    canvas.shown.overlay = window;
    for (y, index) in (list.y..list.bottom()).zip(window.rows()) {
        let Some(alarm) = rows.get(index) else {
            continue;
        };
        let row = Rect::new(list.x, y, list.width, 1);
        canvas.hit(row, Target::Alarm(alarm.id));
        if index == chosen {
            canvas.style(row, theme::selected());
            canvas.put(row.x, y, 1, "▌", theme::accent());
        }
        let (mut mark, mut bad) = sign(alarm.severity);
        let (mut plain, muted) = (Style::new(), theme::muted());
        if !alarm.stands() {
            mark = "✓";
            (bad, plain) = (muted, muted);
        }
        let severity = match columns.word {
            1 => mark.to_owned(),
            _ => format!("{mark} {}", alarm.severity.word()),
        };
        let first = moment(model, alarm.first, "%d %b");
        let seen = seen(model, alarm);
        let times = match alarm.count {
            1 => String::new(),
            10_000.. => format!("{} k×", (alarm.count / 1000).min(999)),
            count => format!("{}×", words::count(count)),
        };
        let by = alarm.acknowledged.as_ref();
        let by = by.map_or_else(String::new, |ack| printable(&ack.by));
        let texts = [
            severity.as_str(),
            &printable(&alarm.name),
            &printable(&alarm.key),
            &printable(&alarm.text),
            &first,
            &seen,
            &times,
            &printable(alarm.value.as_deref().unwrap_or("")),
            &by,
        ];
        let styles = [bad, plain, muted, plain, muted, muted, plain, plain, plain];
        line(canvas, row, columns, texts, styles);
    }
}

/// The texts in their columns; what is said takes what the others leave.
fn line(
    canvas: &mut Canvas<'_>,
    row: Rect,
    columns: Columns,
    texts: [&str; 9],
    styles: [Style; 9],
) {
    let c = columns;
    let fixed = [
        c.word, c.name, c.key, 0, c.first, c.seen, c.count, c.value, c.by,
    ];
    let used: u16 = fixed.iter().filter(|it| **it > 0).map(|it| it + 1).sum();
    let what = row.width.saturating_sub(used + 2);
    let mut x = row.x + 1;
    for (n, (text, style)) in texts.into_iter().zip(styles).enumerate() {
        let width = if n == 3 { what } else { fixed[n] };
        if width == 0 {
            continue;
        }
        if matches!(n, 5..=7) {
            canvas.put_right(x, row.y, width, text, style);
        } else {
            canvas.put(x, row.y, width, text, style);
        }
        x += width + 1;
    }
}

/// How long ago it was seen to hold, or ended.
fn seen(model: &Model, alarm: &Alarm) -> String {
    let at = alarm.cleared.unwrap_or(alarm.last);
    words::age(since(model, at))
}

fn since(model: &Model, at: Timestamp) -> Duration {
    Duration::try_from(model.now.wall.duration_since(at)).unwrap_or_default()
}

/// The time of today; of another day as that is written.
fn moment(model: &Model, at: Timestamp, before: &str) -> String {
    let zoned = |at: Timestamp| at.to_zoned(model.zone.clone());
    let today = zoned(at).date() == zoned(model.now.wall).date();
    let form = if today { "%H:%M:%S" } else { before };
    zoned(at).strftime(form).to_string()
}

/// All that is known of it, the most needed first.
fn details(model: &Model, alarm: &Alarm, width: usize) -> Vec<(String, Style)> {
    let at = |at: Timestamp| moment(model, at, "%m-%d %H:%M:%S");
    let (mark, style) = sign(alarm.severity);
    let head = match alarm.cleared {
        None => format!("{mark} {} ", alarm.severity.word()),
        Some(over) => format!("✓ over since {}, was {} ", at(over), alarm.severity.word()),
    };
    let what = format!(
        "{head}· {}: {}",
        printable(&alarm.name),
        printable(&alarm.text)
    );
    let style = if alarm.stands() {
        style
    } else {
        theme::muted()
    };
    let mut lines: Vec<_> = wrap(&what, width)
        .into_iter()
        .map(|it| (it, style))
        .collect();
    lines.truncate(2);
    let known = match &alarm.acknowledged {
        None => ("nobody acknowledged it yet: a".to_owned(), theme::accent()),
        Some(ack) => {
            let note = match printable(&ack.note) {
                note if note.is_empty() => note,
                note => format!(": {note}"),
            };
            let text = format!(
                "{} knows of it since {}{note}",
                printable(&ack.by),
                at(ack.at)
            );
            (text, theme::good())
        }
    };
    lines.push(known);
    let times = if alarm.count == 1 { "time" } else { "times" };
    let mut text = format!(
        "alarm {} ({}) · {} {times} · first {} · last {}",
        alarm.id,
        alarm.cause,
        words::count(alarm.count),
        at(alarm.first),
        at(alarm.last)
    );
    if !alarm.key.is_empty() {
        let _ = write!(text, " · {}", printable(&alarm.key));
    }
    if let Some(value) = &alarm.value {
        let _ = write!(text, " · value {}", printable(value));
    }
    lines.extend(
        wrap(&text, width)
            .into_iter()
            .map(|it| (it, theme::muted())),
    );
    lines
}

/// What is typed, else what just happened, else where one is in the list.
fn foot(canvas: &mut Canvas<'_>, area: Rect, model: &Model, list: &List, rows: usize) {
    match &list.typing {
        Some(Typing::Filter(input)) => entry(canvas, area, "/ ", input, ""),
        Some(Typing::Acknowledge(id, input)) => {
            let lead = format!("acknowledge {id}: ");
            entry(canvas, area, &lead, input, "your name: a note");
        }
        None => {
            // A box that does not reach so far leaves the notice its own line.
            let covers = area.y + 3 >= canvas.area().bottom();
            if let Some(notice) = model.notices.current().filter(|_| covers) {
                let (sign, style) = super::footer::level(notice.level);
                let text = format!("{sign} {}", printable(&notice.text));
                canvas.put(area.x, area.y, area.width, &text, style);
            } else if canvas.shown.overlay.len > canvas.shown.overlay.page {
                let end = canvas.shown.overlay.rows().end;
                let text = format!("{end} of {rows}");
                canvas.put_right(area.x, area.y, area.width, &text, theme::muted());
            }
        }
    }
}

fn entry(canvas: &mut Canvas<'_>, area: Rect, lead: &str, input: &Input, help: &str) {
    let needs = cells(lead) + cells(input.text()) + cells(help) + 4;
    let help = if needs <= area.width { help } else { "" };
    canvas.put_right(area.x, area.y, area.width, help, theme::muted());
    canvas.put(area.x, area.y, area.width, lead, theme::accent());
    let x = area.x + cells(lead);
    let room = area.width.saturating_sub(cells(lead) + cells(help) + 1);
    let cursor = input.before().chars().count();
    super::form::entry(canvas, x, area.y, room, input.text(), Some(cursor));
}
