//! The frame around a pane. The rule: the focused one is told by a bold title as well as by
//! colour.
use super::canvas::{Canvas, cells};
use super::theme;
use crate::tui::app::Pane;
use crate::tui::app::shown::{Class, Target};
use ratatui::layout::Rect;
use ratatui::style::Style;

/// Draws the frame and gives back what is inside. Too small for a frame: all of it.
pub fn pane(canvas: &mut Canvas<'_>, area: Rect, pane: Pane, focused: bool, about: &str) -> Rect {
    canvas.hit(area, Target::Pane(pane));
    if canvas.shown.class == Class::Narrow {
        // A frame would cost a fifth of so small a screen: the title alone has to do.
        let title = format!(" {} {}", pane.number(), pane.title());
        canvas.put(
            area.x,
            area.y,
            area.width,
            &title,
            theme::accent().patch(theme::strong()),
        );
        let skip = 1.min(area.height);
        return Rect {
            y: area.y + skip,
            height: area.height - skip,
            ..area
        };
    }
    let mut title = format!("{} {}", pane.number(), pane.title());
    if !about.is_empty() {
        title.push_str(" · ");
        title.push_str(about);
    }
    frame(canvas, area, &title, focused)
}

/// A frame with a title.
pub fn frame(canvas: &mut Canvas<'_>, area: Rect, title: &str, focused: bool) -> Rect {
    let area = area.intersection(canvas.area());
    if area.width < 4 || area.height < 3 {
        return area;
    }
    let (style, bold) = if focused {
        (theme::accent(), theme::accent().patch(theme::strong()))
    } else {
        (theme::muted(), Style::new())
    };
    let (right, bottom) = (area.right() - 1, area.bottom() - 1);
    let across = "─".repeat(usize::from(area.width - 2));
    for (y, from, to) in [(area.y, "╭", "╮"), (bottom, "╰", "╯")] {
        canvas.put(area.x, y, 1, from, style);
        canvas.put(area.x + 1, y, area.width - 2, &across, style);
        canvas.put(right, y, 1, to, style);
    }
    for y in area.y + 1..bottom {
        canvas.put(area.x, y, 1, "│", style);
        canvas.put(right, y, 1, "│", style);
    }
    let room = area.width - 4;
    let title = super::canvas::cut(title, usize::from(room.saturating_sub(2)));
    canvas.put(
        area.x + 1,
        area.y,
        cells(&title) + 2,
        &format!(" {title} "),
        bold,
    );
    Rect::new(area.x + 1, area.y + 1, area.width - 2, area.height - 2)
}

/// A word at the right end of a frame's upper edge.
pub fn chip(canvas: &mut Canvas<'_>, area: Rect, text: &str, style: Style) {
    let width = cells(text) + 2;
    if !text.is_empty() && area.width > width + 8 && area.height >= 3 {
        let x = area.right() - 2 - width;
        // The title has the older right.
        let edge = area.intersection(canvas.area());
        if edge != area || (x - 1..area.right() - 2).any(|x| canvas.symbol(x, area.y) != "─") {
            return;
        }
        canvas.put(x, area.y, width, &format!(" {text} "), style);
    }
}

/// A word where there is nothing to show, each line on its own.
pub fn empty(canvas: &mut Canvas<'_>, inner: Rect, lines: &[&str]) {
    for (y, line) in (inner.y..inner.bottom()).zip(lines) {
        let x = inner.x + 1.min(inner.width);
        canvas.put(x, y, inner.width.saturating_sub(1), line, theme::muted());
    }
}
