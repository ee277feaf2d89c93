//! Columns that line up, round after round: a column only ever grows.

use std::io::{self, Write};
use unicode_width::UnicodeWidthStr;

pub struct Table<const N: usize> {
    widths: [usize; N],
    right: [bool; N],
    rows: Vec<[String; N]>,
}

impl<const N: usize> Table<N> {
    /// `right` says which columns are flushed right: those of numbers.
    pub fn new(right: [bool; N]) -> Self {
        Self {
            widths: [0; N],
            right,
            rows: Vec::new(),
        }
    }

    pub fn add(&mut self, row: [String; N]) {
        for (width, cell) in self.widths.iter_mut().zip(&row) {
            *width = (*width).max(cell.width());
        }
        self.rows.push(row);
    }

    /// Prints what was added since the last time.
    pub fn print(&mut self, out: &mut dyn Write) -> io::Result<()> {
        for row in self.rows.drain(..) {
            let mut line = String::new();
            for ((cell, &width), &right) in row.iter().zip(&self.widths).zip(&self.right) {
                let gap = " ".repeat(width - cell.width());
                let (before, after) = if right { (&*gap, "") } else { ("", &*gap) };
                line.extend([before, cell, after, "  "]);
            }
            writeln!(out, "{}", line.trim_end())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_line_up_and_never_shrink() {
        let mut table = Table::new([false, true]);
        let mut out = Vec::new();
        table.add(["Spannung Ü".into(), "1.5".into()]);
        table.add(["x".into(), "230.10".into()]);
        table.print(&mut out).unwrap();
        table.add(["x".into(), "2".into()]);
        table.print(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "Spannung Ü     1.5\nx           230.10\nx                2\n"
        );
    }
}
