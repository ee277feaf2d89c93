//! Colour and line drawing, brought down at the last moment to what the terminal can show:
//! widgets draw as if everything were possible, one pass over the finished frame settles it.

use crate::tui::view::theme::SYMBOLS;
use ratatui::buffer::Buffer;
use ratatui::style::{Color, Modifier};

/// How much colour a terminal has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Depth {
    Mono,
    Ansi16,
    Ansi256,
    Rgb,
}

/// What the terminal can show, read once from the environment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Abilities {
    pub depth: Depth,
    pub ascii: bool,
}

impl Abilities {
    /// `env` looks a variable up. `NO_COLOR` (any value but empty) and `TERM=dumb` mean no colour;
    /// a locale that is not UTF-8, `TERM=linux` or `OBISCOPE_ASCII` mean plain ASCII.
    pub fn detect(env: &impl Fn(&str) -> Option<String>) -> Self {
        let set = |name: &str| env(name).filter(|value| !value.is_empty());
        let term = set("TERM").unwrap_or_default();
        let depth = if set("NO_COLOR").is_some() || term == "dumb" {
            Depth::Mono
        } else if set("COLORTERM").is_some_and(|v| v == "truecolor" || v == "24bit")
            || term.ends_with("-direct")
        {
            Depth::Rgb
        } else if term.contains("256color") {
            Depth::Ansi256
        } else {
            Depth::Ansi16
        };
        let locale = set("LC_ALL")
            .or_else(|| set("LC_CTYPE"))
            .or_else(|| set("LANG"))
            .unwrap_or_default()
            .to_ascii_lowercase();
        let utf8 = locale.is_empty() || locale.contains("utf-8") || locale.contains("utf8");
        let ascii = set("OBISCOPE_ASCII").is_some() || !utf8 || term == "linux";
        Self { depth, ascii }
    }
}

/// Lowers every cell of a finished frame to what `abilities` allow. Selections that were only a
/// background colour become reverse video, so that they stay visible without colour.
pub fn settle(buffer: &mut Buffer, abilities: Abilities) {
    for cell in &mut buffer.content {
        if abilities.depth < Depth::Rgb {
            if abilities.depth == Depth::Mono && cell.bg != Color::Reset {
                cell.modifier |= Modifier::REVERSED;
            }
            cell.fg = lower(cell.fg, abilities.depth);
            cell.bg = lower(cell.bg, abilities.depth);
        }
        if abilities.ascii
            && let Some(plain) = ascii(cell.symbol())
        {
            cell.set_symbol(plain);
        }
    }
}

fn lower(colour: Color, depth: Depth) -> Color {
    match (colour, depth) {
        (_, Depth::Mono) => Color::Reset,
        (Color::Rgb(r, g, b), Depth::Ansi256) => indexed(r, g, b),
        (Color::Rgb(r, g, b), Depth::Ansi16) => named(r, g, b),
        (other, _) => other,
    }
}

/// The nearest of the 6×6×6 cube or, for near-greys, of the 24 grey steps.
fn indexed(r: u8, g: u8, b: u8) -> Color {
    let spread = r.max(g).max(b).abs_diff(r.min(g).min(b));
    if spread < 10 {
        return Color::Indexed(232 + (r.saturating_sub(8) / 10).min(23));
    }
    let step = |v: u8| match v {
        0..48 => 0,
        48..115 => 1,
        _ => (v - 35) / 40,
    };
    Color::Indexed(16 + 36 * step(r) + 6 * step(g) + step(b))
}

/// The nearest of the sixteen: which channels are near the strongest, and how bright that is.
fn named(r: u8, g: u8, b: u8) -> Color {
    let high = r.max(g).max(b);
    let strong = |v: u8| u16::from(v) * 10 > u16::from(high) * 7;
    match (strong(r), strong(g), strong(b), high) {
        (true, true, true, 0..=50) => Color::Black,
        (true, true, true, 51..=140) => Color::DarkGray,
        (true, true, true, 141..=220) => Color::Gray,
        (true, true, true, _) => Color::White,
        (true, false, false, _) => Color::Red,
        (false, true, false, _) => Color::Green,
        (true, true, false, _) => Color::Yellow,
        (false, false, true, _) => Color::Blue,
        (true, false, true, _) => Color::Magenta,
        _ => Color::Cyan,
    }
}

/// A plain stand-in for a symbol; `None` keeps what is ASCII already.
fn ascii(symbol: &str) -> Option<&'static str> {
    if symbol.is_ascii() {
        return None;
    }
    let known = SYMBOLS.iter().find(|(drawn, _)| *drawn == symbol);
    Some(known.map_or("?", |(_, plain)| plain))
}

#[cfg(test)]
mod tests {
    use super::*;
    use ratatui::layout::Rect;
    use ratatui::style::Style;

    fn detect(pairs: &'static [(&str, &str)]) -> Abilities {
        Abilities::detect(&|name: &str| {
            pairs
                .iter()
                .find(|(known, _)| *known == name)
                .map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_decides() {
        let depth = |pairs| detect(pairs).depth;
        assert_eq!(
            depth(&[("TERM", "xterm-256color"), ("COLORTERM", "truecolor")]),
            Depth::Rgb
        );
        assert_eq!(depth(&[("TERM", "screen-256color")]), Depth::Ansi256);
        assert_eq!(depth(&[("TERM", "linux")]), Depth::Ansi16);
        assert_eq!(
            depth(&[("TERM", "xterm-256color"), ("NO_COLOR", "1")]),
            Depth::Mono
        );
        assert_eq!(
            depth(&[("TERM", "xterm-256color"), ("NO_COLOR", "")]),
            Depth::Ansi256
        );
        assert!(!detect(&[("TERM", "xterm"), ("LANG", "de_DE.UTF-8")]).ascii);
        assert!(detect(&[("TERM", "xterm"), ("LANG", "C")]).ascii);
        assert!(detect(&[("TERM", "xterm"), ("OBISCOPE_ASCII", "1")]).ascii);
    }

    #[test]
    fn a_selection_survives_without_colour_and_lines_without_unicode() {
        let mut buffer = Buffer::empty(Rect::new(0, 0, 8, 1));
        buffer.set_string(0, 0, "╭─● 5 V", Style::new().fg(Color::Rgb(1, 200, 1)));
        buffer.set_style(
            Rect::new(4, 0, 1, 1),
            Style::new().bg(Color::Rgb(40, 60, 120)),
        );
        settle(
            &mut buffer,
            Abilities {
                depth: Depth::Mono,
                ascii: true,
            },
        );
        let text: String = buffer
            .content
            .iter()
            .map(ratatui::buffer::Cell::symbol)
            .collect();
        assert_eq!(text, "+-# 5 V ");
        assert!(buffer[(4, 0)].modifier.contains(Modifier::REVERSED));
        assert!(buffer.content.iter().all(|c| c.fg == Color::Reset));
    }

    #[test]
    fn colours_come_down_to_their_neighbours() {
        assert_eq!(lower(Color::Rgb(250, 60, 50), Depth::Ansi16), Color::Red);
        assert_eq!(
            lower(Color::Rgb(255, 255, 255), Depth::Ansi256),
            Color::Indexed(255)
        );
        assert_eq!(
            lower(Color::Rgb(255, 0, 0), Depth::Ansi256),
            Color::Indexed(196)
        );
        assert_eq!(lower(Color::Red, Depth::Rgb), Color::Red);
    }
}
