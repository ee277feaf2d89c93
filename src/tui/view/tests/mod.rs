//! How pictures are painted and read in tests.
mod fleet;
mod pictures;
mod promises;

use super::draw;
use crate::tui::app::{Key, Model, Msg, update};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use std::fmt::Write;

/// Draws as the loop does, twice, so that what the first picture reports is in the second.
fn paint(model: &mut Model, (width, height): (u16, u16)) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    for _ in 0..2 {
        let mut shown = None;
        terminal
            .draw(|frame| shown = Some(draw(model, frame)))
            .unwrap();
        update(model, Msg::Shown(shown.unwrap()));
    }
    terminal.backend().buffer().clone()
}

/// The picture as text, then only the styled runs.
fn dump(buffer: &Buffer) -> String {
    let (mut text, mut runs) = (String::new(), String::new());
    for y in 0..buffer.area.height {
        let row: String = (0..buffer.area.width)
            .map(|x| buffer[(x, y)].symbol())
            .collect();
        writeln!(text, "{}", row.trim_end()).unwrap();
        let mut x = 0;
        while x < buffer.area.width {
            let style = |x: u16| {
                let cell = &buffer[(x, y)];
                (cell.fg, cell.bg, cell.modifier)
            };
            let (fg, bg, modifier) = style(x);
            let from = x;
            while x < buffer.area.width && style(x) == (fg, bg, modifier) {
                x += 1;
            }
            let mut line = String::new();
            if fg != Color::Reset {
                write!(line, " fg={fg}").unwrap();
            }
            if bg != Color::Reset {
                write!(line, " bg={bg}").unwrap();
            }
            for (name, _) in modifier.iter_names() {
                write!(line, " {}", name.to_lowercase()).unwrap();
            }
            if !line.is_empty() {
                writeln!(runs, "{y}:{from}-{}{line}", x - 1).unwrap();
            }
        }
    }
    format!("{text}-- styles\n{runs}")
}

fn press(model: &mut Model, keys: &str) {
    for key in keys.split_whitespace() {
        update(model, Msg::Key(Key::parse(key).unwrap()));
    }
}
