//! Help, question and command line over the panes. The rule: what lies under them is not
//! clickable.
use super::canvas::{Canvas, cells, wrap};
use super::{layout, panel, theme};
use crate::cosem::data::printable;
use crate::tui::app::confirm::Confirm;
use crate::tui::app::help::{Help, Line as HelpLine};
use crate::tui::app::palette::Palette;
use crate::tui::app::shown::{Target, Window};
use crate::tui::app::{Model, update, words};
use ratatui::layout::Rect;
use ratatui::style::Style;

/// A blank box with a frame, over everything.
fn open(canvas: &mut Canvas<'_>, area: Rect, width: u16, height: u16, title: &str) -> Rect {
    let area = layout::middle(area, width, height);
    canvas.clear(area);
    canvas.hit(area, Target::Overlay);
    panel::frame(canvas, area, title, true)
}

pub fn help(canvas: &mut Canvas<'_>, area: Rect, model: &Model, help: &Help) {
    let lines = help.lines();
    let about = about(model);
    let len = lines.len() + about.len();
    let height = u16::try_from(len + 2).unwrap_or(u16::MAX);
    let title = format!("Keys · obiscope {}", env!("CARGO_PKG_VERSION"));
    let inner = open(canvas, area, 96, height, &title);
    let window = Window::at(help.top, inner.height.into(), len);
    canvas.shown.overlay = window;
    for (y, index) in (inner.y..).zip(window.rows()) {
        let (x, width) = (inner.x + 1, inner.width.saturating_sub(2));
        match lines.get(index) {
            Some(HelpLine::Blank) => {}
            Some(HelpLine::Heading(title)) => {
                canvas.put(x, y, width, title, theme::accent().patch(theme::strong()));
            }
            Some(HelpLine::Entry(entry)) => {
                let keys = entry.keys.join(" ");
                let column = 20.min(width / 3);
                canvas.put(x, y, column, &keys, theme::strong());
                let rest = width.saturating_sub(column + 1);
                canvas.put(x + column + 1, y, rest, entry.help, Style::new());
            }
            None => {
                if let Some(text) = about.get(index - lines.len()) {
                    canvas.put(x, y, width, text, theme::muted());
                }
            }
        }
    }
    if window.len > window.page {
        let text = format!("{} of {}", window.rows().end, window.len);
        let width = cells(&text) + 2;
        let y = inner.bottom();
        let x = inner.right().saturating_sub(width + 1);
        canvas.put(x, y, width, &format!(" {text} "), theme::muted());
    }
}

/// What else one looks up in a help: where things are, what the screen costs.
fn about(model: &Model) -> Vec<String> {
    let mut lines = vec![String::new()];
    for (name, value) in &model.about {
        lines.push(format!("{name}: {}", printable(value)));
    }
    let rate = words::count(model.line.bytes_per_second);
    lines.push(format!("this screen: {rate} bytes/s"));
    lines
}

pub fn confirm(canvas: &mut Canvas<'_>, area: Rect, confirm: &Confirm) {
    let width = 64.min(area.width);
    let room = usize::from(width.saturating_sub(6));
    let question = wrap(&printable(&confirm.question), room);
    let consequence: Vec<String> = confirm
        .consequence
        .iter()
        .flat_map(|text| wrap(&printable(text), room))
        .collect();
    let height = question.len() + consequence.len() + 6;
    let height = u16::try_from(height).unwrap_or(u16::MAX);
    let inner = open(canvas, area, width, height, "Are you sure?");
    let (x, width) = (inner.x + 2, inner.width.saturating_sub(3));
    let lines = [String::new()]
        .into_iter()
        .chain(question)
        .map(|line| (line, theme::strong()))
        .chain(consequence.into_iter().map(|line| (line, Style::new())));
    // The answers keep the last line but one, whatever has to give.
    let answers = inner
        .bottom()
        .saturating_sub(if inner.height > 3 { 2 } else { 1 });
    for (y, (line, style)) in (inner.y..answers).zip(lines) {
        canvas.put(x, y, width, &line, style);
    }
    let mut x = x;
    for (yes, text) in [(false, confirm.no), (true, confirm.yes)] {
        let marked = yes == confirm.marked_yes;
        let key = if yes { "y" } else { "n" };
        let text = if marked {
            format!("▌{key}  {text} ")
        } else {
            format!(" {key}  {text} ")
        };
        let style = if marked {
            theme::strong().patch(theme::reversed())
        } else if yes {
            theme::bad()
        } else {
            Style::new()
        };
        let width = cells(&text);
        canvas.put(x, answers, width, &text, style);
        canvas.hit(Rect::new(x, answers, width, 1), Target::Answer(yes));
        x += width + 3;
    }
}

pub fn palette(canvas: &mut Canvas<'_>, area: Rect, model: &Model, palette: &Palette) {
    let found = palette.found();
    let inner = open(canvas, area, 76, 18, "Command");
    if inner.height < 2 {
        return;
    }
    canvas.put(inner.x + 1, inner.y, 2, ": ", theme::accent());
    let input = &palette.input;
    let cursor = input.before().chars().count();
    let room = inner.width.saturating_sub(5);
    super::form::entry(
        canvas,
        inner.x + 3,
        inner.y,
        room,
        input.text(),
        Some(cursor),
    );
    let page = usize::from(inner.height - 1);
    let window = Window::around(0, palette.selected, page, found.len());
    canvas.shown.overlay = window;
    if found.is_empty() {
        let text = "No command of that name.";
        canvas.put(inner.x + 3, inner.y + 1, room, text, theme::warn());
    }
    for (y, index) in (inner.y + 1..).zip(window.rows()) {
        let Some(entry) = found.get(index) else {
            continue;
        };
        let area = Rect::new(inner.x, y, inner.width, 1);
        canvas.hit(area, Target::PaletteRow(index));
        if index == palette.selected {
            canvas.style(area, theme::selected());
            canvas.put(area.x, y, 1, "▌", theme::accent());
        }
        let works = update::enabled(model, entry.action);
        let (style, says) = match works {
            Ok(()) => (Style::new(), entry.help),
            Err(why) => (theme::muted(), why),
        };
        canvas.put(area.x + 1, y, 18, entry.name, style.patch(theme::strong()));
        canvas.put(
            area.x + 20,
            y,
            area.width.saturating_sub(31),
            says,
            theme::muted(),
        );
        let key = entry.keys.first().copied().unwrap_or("");
        canvas.put_right(area.right() - 11, y, 10, key, theme::accent());
    }
}
