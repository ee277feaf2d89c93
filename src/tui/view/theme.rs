//! Colour by role, in RGB; the terminal room brings it down to what the terminal can show.
//! The rule: no colour says anything that a sign or a word does not say too.
use ratatui::style::{Color, Modifier, Style};

const GOOD: Color = Color::Rgb(110, 200, 120);
const WARN: Color = Color::Rgb(230, 190, 80);
const BAD: Color = Color::Rgb(240, 100, 95);
const TX: Color = Color::Rgb(110, 170, 250);
const RX: Color = Color::Rgb(200, 150, 240);
const ACCENT: Color = Color::Rgb(95, 200, 215);
const MUTED: Color = Color::Rgb(130, 130, 130);
const SELECTED: Color = Color::Rgb(45, 60, 85);

/// Every symbol beyond ASCII that the picture uses, with what an ASCII terminal shows
/// instead. All are one cell wide.
pub const SYMBOLS: &[(&str, &str)] = &[
    ("─", "-"),
    ("│", "|"),
    ("╭", "+"),
    ("╮", "+"),
    ("╰", "+"),
    ("╯", "+"),
    ("├", "+"),
    ("┤", "+"),
    ("●", "#"),
    ("◐", "o"),
    ("✗", "x"),
    ("✓", "+"),
    ("·", "."),
    ("▌", ">"),
    ("→", ">"),
    ("←", "<"),
    ("↑", "^"),
    ("↓", "v"),
    ("▁", "_"),
    ("▂", "_"),
    ("▃", "_"),
    ("▄", "-"),
    ("▅", "-"),
    ("▆", "="),
    ("▇", "="),
    ("█", "#"),
    ("▏", "|"),
    ("▕", "|"),
    ("…", "~"),
    ("×", "x"),
    ("°", "o"),
    ("µ", "u"),
    ("Ω", "O"),
    ("⁰", "0"),
    ("¹", "1"),
    ("²", "2"),
    ("³", "3"),
    ("⁴", "4"),
    ("⁵", "5"),
    ("⁶", "6"),
    ("⁷", "7"),
    ("⁸", "8"),
    ("⁹", "9"),
    ("⁻", "-"),
];

pub fn good() -> Style {
    Style::new().fg(GOOD)
}
pub fn warn() -> Style {
    Style::new().fg(WARN)
}
pub fn bad() -> Style {
    Style::new().fg(BAD)
}
pub fn tx() -> Style {
    Style::new().fg(TX)
}
pub fn rx() -> Style {
    Style::new().fg(RX)
}
pub fn accent() -> Style {
    Style::new().fg(ACCENT)
}
pub fn muted() -> Style {
    Style::new().fg(MUTED)
}
pub fn strong() -> Style {
    Style::new().add_modifier(Modifier::BOLD)
}
pub fn reversed() -> Style {
    Style::new().add_modifier(Modifier::REVERSED)
}
/// The row under the cursor; on a terminal without colours it becomes reversed.
pub fn selected() -> Style {
    Style::new().bg(SELECTED)
}
/// Bytes of the selected field.
pub fn marked() -> Style {
    Style::new()
        .fg(ACCENT)
        .add_modifier(Modifier::UNDERLINED | Modifier::REVERSED)
}
