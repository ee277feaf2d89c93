//! How far a long piece of work is, on stderr. In a terminal one line that overwrites itself; elsewhere nothing, or a
//! line now and then where the work is told to.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

/// A terminal is not written to more often.
const AT_MOST_EVERY: Duration = Duration::from_millis(100);

pub(super) struct Progress {
    terminal: bool,
    /// What stands on the line now, in characters.
    shown: usize,
    last: Option<Instant>,
}

impl Progress {
    pub fn new() -> Self {
        Self::of(io::stderr().is_terminal())
    }

    const fn of(terminal: bool) -> Self {
        Self {
            terminal,
            shown: 0,
            last: None,
        }
    }

    /// `text` holds no control characters.
    pub fn show(&mut self, err: &mut dyn Write, text: &str) -> io::Result<()> {
        let early = self.last.is_some_and(|at| at.elapsed() < AT_MOST_EVERY);
        if !self.terminal || early {
            return Ok(());
        }
        self.last = Some(Instant::now());
        self.write(err, text)
    }

    /// Takes the line away, so that other words can stand there.
    pub fn clear(&mut self, err: &mut dyn Write) -> io::Result<()> {
        if self.shown == 0 {
            return Ok(());
        }
        self.write(err, "")?;
        write!(err, "\r")?;
        err.flush()
    }

    /// Blanks instead of escape codes: any terminal knows them.
    fn write(&mut self, err: &mut dyn Write, text: &str) -> io::Result<()> {
        let length = text.chars().count();
        let blanks = " ".repeat(self.shown.saturating_sub(length));
        self.shown = length;
        write!(err, "\r{text}{blanks}")?;
        err.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_that_leaves_nothing_behind() {
        let mut out = Vec::new();
        let mut line = Progress::of(true);
        line.show(&mut out, "10 of 100").unwrap();
        line.show(&mut out, "too soon").unwrap();
        line.clear(&mut out).unwrap();
        line.clear(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text, "\r10 of 100\r         \r");

        let mut out = Vec::new();
        let mut line = Progress::of(false);
        line.show(&mut out, "10 of 100").unwrap();
        line.clear(&mut out).unwrap();
        assert_eq!(out, b"");
    }
}
