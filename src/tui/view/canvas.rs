//! Where everything is painted, and the note of what lies where. The rule: nothing is ever
//! painted outside the screen, and all text is cut on character cells.
use crate::tui::app::shown::{Area, Shown, Target};
use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use ratatui::style::Style;
use ratatui::text::{Line, Span};
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub struct Canvas<'a> {
    pub buffer: &'a mut Buffer,
    pub shown: Shown,
}

impl Canvas<'_> {
    pub fn area(&self) -> Rect {
        self.buffer.area
    }

    /// Notes that this place means something to the mouse.
    pub fn hit(&mut self, area: Rect, target: Target) {
        let area = area.intersection(self.buffer.area);
        if !area.is_empty() {
            let area = Area {
                x: area.x,
                y: area.y,
                width: area.width,
                height: area.height,
            };
            self.shown.hits.push((area, target));
        }
    }

    /// Writes text from a cell on, at most `width` cells, cut with an ellipsis.
    pub fn put(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) {
        let area = Rect::new(x, y, width, 1).intersection(self.buffer.area);
        if area.is_empty() {
            return;
        }
        let text = cut(text, area.width.into());
        self.buffer
            .set_stringn(area.x, area.y, text, area.width.into(), style);
    }

    /// The same, against the right edge of the `width` cells.
    pub fn put_right(&mut self, x: u16, y: u16, width: u16, text: &str, style: Style) {
        let text = cut(text, width.into());
        let room = width.saturating_sub(cells(&text));
        self.put(x.saturating_add(room), y, width - room, &text, style);
    }

    /// Writes styled text; what does not fit is left out.
    pub fn line(&mut self, x: u16, y: u16, width: u16, line: &Line<'_>) {
        let area = Rect::new(x, y, width, 1).intersection(self.buffer.area);
        if !area.is_empty() {
            self.buffer.set_line(area.x, area.y, line, area.width);
        }
    }

    pub fn style(&mut self, area: Rect, style: Style) {
        self.buffer
            .set_style(area.intersection(self.buffer.area), style);
    }

    /// What stands in a cell; nothing outside the screen.
    pub fn symbol(&self, x: u16, y: u16) -> &str {
        self.buffer.cell((x, y)).map_or("", |cell| cell.symbol())
    }

    /// Makes a place blank, for what lies over others.
    pub fn clear(&mut self, area: Rect) {
        let area = area.intersection(self.buffer.area);
        for y in area.top()..area.bottom() {
            for x in area.left()..area.right() {
                self.buffer[(x, y)].reset();
            }
        }
    }
}

/// Width in cells, capped at what a screen can have.
pub fn cells(text: &str) -> u16 {
    u16::try_from(text.width()).unwrap_or(u16::MAX)
}

/// Text in at most `width` cells; an ellipsis says that there was more.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut out = String::new();
    let mut used = 0;
    for c in text.chars() {
        let w = c.width().unwrap_or(0);
        if used + w + 1 > width {
            break;
        }
        used += w;
        out.push(c);
    }
    if width > 0 {
        out.push('…');
    }
    out
}

/// Text over lines of at most `width` cells, broken at spaces where there are any.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines = Vec::new();
    let mut line = String::new();
    for word in text.split_whitespace() {
        let mut word = word;
        if !line.is_empty() && line.width() + 1 + word.width() > width {
            lines.push(std::mem::take(&mut line));
        }
        while word.width() > width {
            let mut used = 0;
            let end = word
                .char_indices()
                .find(|(_, c)| {
                    used += c.width().unwrap_or(0);
                    used > width
                })
                .map_or(word.len(), |(at, _)| at)
                .max(word.chars().next().map_or(1, char::len_utf8));
            let (head, tail) = word.split_at(end);
            lines.push(head.to_owned());
            word = tail;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    if !line.is_empty() {
        lines.push(line);
    }
    lines
}

/// A piece of a line that may be left out: the higher its rank, the sooner.
pub struct Piece<'a> {
    pub rank: u8,
    pub spans: Vec<Span<'a>>,
}

impl<'a> Piece<'a> {
    pub fn new(rank: u8, spans: Vec<Span<'a>>) -> Self {
        Self { rank, spans }
    }

    pub fn width(&self) -> usize {
        self.spans.iter().map(|span| span.content.width()).sum()
    }
}

/// Leaves out pieces until the rest fits `width` cells with `gap` between them.
pub fn fit(pieces: &mut Vec<Piece<'_>>, width: usize, gap: usize) {
    loop {
        let need: usize = pieces.iter().map(|piece| piece.width() + gap).sum();
        if need.saturating_sub(gap) <= width {
            return;
        }
        let least = pieces
            .iter()
            .enumerate()
            .max_by_key(|(at, piece)| (piece.rank, *at))
            .map(|(at, _)| at);
        match least {
            Some(at) => pieces.remove(at),
            None => return,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_cut_and_wrapped_on_cells() {
        assert_eq!(cut("microstar-001", 8), "microst…");
        assert_eq!(cut("日本語", 4), "日…");
        assert_eq!(cut("abc", 0), "");
        assert_eq!(wrap("no answer to SNRM", 9), ["no answer", "to SNRM"]);
        assert_eq!(wrap("abcdefgh ij", 3), ["abc", "def", "gh", "ij"]);
        assert_eq!(wrap("日本", 1), ["日", "本"]);
        assert!(wrap("", 4).is_empty());
    }

    #[test]
    fn the_least_important_goes_first() {
        let piece = |rank, text: &'static str| Piece::new(rank, vec![Span::raw(text)]);
        let mut pieces = vec![piece(1, "aaaa"), piece(9, "bbbb"), piece(2, "cccc")];
        fit(&mut pieces, 10, 1);
        let left: Vec<_> = pieces.iter().map(|p| p.spans[0].content.clone()).collect();
        assert_eq!(left, ["aaaa", "cccc"]);
        fit(&mut pieces, 0, 1);
        assert!(pieces.is_empty());
    }
}
