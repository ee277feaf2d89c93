//! The terminal, taken and given back: one write a frame, nothing for an unchanged frame, and
//! everything undone in reverse order whatever ends the program.

use super::theme::{Abilities, settle};
use crossterm::terminal::{disable_raw_mode, enable_raw_mode};
use ratatui::backend::CrosstermBackend;
use ratatui::layout::Rect;
use ratatui::{Frame, Terminal, TerminalOptions, Viewport};
use std::cell::RefCell;
use std::io::{self, Write};
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Alternate screen, pasted text marked, mouse presses (1000) in SGR form (1006) but not motion,
/// which floods a slow line; the window's title put aside; cursor hidden.
const ENTER: &[u8] =
    b"\x1b[?1049h\x1b[?2004h\x1b[?1000h\x1b[?1006h\x1b[22;2t\x1b]2;obiscope\x07\x1b[?25l";
/// The same undone in reverse, and any unfinished picture and style ended first.
const LEAVE: &[u8] =
    b"\x1b[?2026l\x1b[0m\x1b[?25h\x1b[23;2t\x1b[?1006l\x1b[?1000l\x1b[?2004l\x1b[?1049l";

static ENTERED: AtomicBool = AtomicBool::new(false);

fn take() -> io::Result<()> {
    enable_raw_mode()?;
    ENTERED.store(true, Ordering::SeqCst);
    let mut out = io::stdout();
    out.write_all(ENTER).and_then(|()| out.flush())
}

/// Gives the terminal back, once; safe to call from a panic hook and when nothing was taken.
pub fn restore() {
    if ENTERED.swap(false, Ordering::SeqCst) {
        // A dead terminal cannot be restored and need not be.
        let mut out = io::stdout();
        let _ = out.write_all(LEAVE).and_then(|()| out.flush());
        let _ = disable_raw_mode();
    }
}

/// From here on a panic of this thread restores the terminal before it is reported. A panic of a
/// background task is logged and leaves the picture alone.
pub fn restore_on_panic() {
    let screen = std::thread::current().id();
    let report = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        tracing::error!("{panic}");
        if std::thread::current().id() == screen {
            restore();
            report(panic);
        }
    }));
}

/// Collects a frame's bytes; nothing reaches the terminal before `commit`.
#[derive(Clone, Default)]
struct FrameWriter(Rc<RefCell<Vec<u8>>>);

impl Write for FrameWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// What ratatui writes for a frame in which nothing changed (with and without underline colour).
const QUIET: [&[u8]; 2] = [
    b"\x1b[39m\x1b[49m\x1b[0m\x1b[?25l",
    b"\x1b[39m\x1b[49m\x1b[59m\x1b[0m\x1b[?25l",
];

impl FrameWriter {
    /// Sends the frame bracketed as one picture; gives the bytes sent, 0 for an unchanged frame.
    fn commit(&self, out: &mut impl Write) -> io::Result<usize> {
        let mut frame = self.0.borrow_mut();
        if frame.is_empty() || QUIET.contains(&frame.as_slice()) {
            frame.clear();
            return Ok(0);
        }
        frame.splice(0..0, *b"\x1b[?2026h");
        frame.extend_from_slice(b"\x1b[?2026l");
        let sent = frame.len();
        let done = out.write_all(&frame).and_then(|()| out.flush());
        frame.clear();
        done.map(|()| sent)
    }
}

/// A terminal one can draw on.
pub struct Screen<W: Write> {
    terminal: Terminal<CrosstermBackend<FrameWriter>>,
    frame: FrameWriter,
    out: W,
    abilities: Abilities,
    sent: u64,
    writing: Duration,
}

impl Screen<io::Stdout> {
    /// Takes the terminal: raw mode and all of `ENTER`. Undone by `restore`.
    pub fn enter(abilities: Abilities) -> io::Result<Self> {
        // crossterm under NO_COLOR would also drop bold and reverse; `settle` does it right.
        crossterm::style::force_color_output(true);
        let (width, height) = crossterm::terminal::size()?;
        take()?;
        Self::new(io::stdout(), width, height, abilities)
    }

    /// Gives the terminal to the shell until it says go on, then takes it again. The caller asks
    /// for the size afterwards: the window may have changed meanwhile.
    pub fn suspend(&mut self) -> io::Result<()> {
        restore();
        rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::TSTP)?;
        take()
    }
}

impl<W: Write> Screen<W> {
    /// A screen of a given size on any writer (tests count what arrives there).
    pub fn new(out: W, width: u16, height: u16, abilities: Abilities) -> io::Result<Self> {
        let frame = FrameWriter::default();
        let options = TerminalOptions {
            viewport: Viewport::Fixed(Rect::new(0, 0, width, height)),
        };
        let terminal = Terminal::with_options(CrosstermBackend::new(frame.clone()), options)?;
        Ok(Self {
            terminal,
            frame,
            out,
            abilities,
            sent: 0,
            writing: Duration::ZERO,
        })
    }

    /// The next frame repaints everything. Never `Terminal::clear`: it asks the terminal for its
    /// cursor and the answer is swallowed by the event stream (ratatui#2691).
    pub fn resize(&mut self, width: u16, height: u16) -> io::Result<()> {
        self.terminal.resize(Rect::new(0, 0, width, height))
    }

    /// Draws one frame in one write; gives the bytes it cost.
    pub fn draw(&mut self, picture: impl FnOnce(&mut Frame)) -> io::Result<usize> {
        let abilities = self.abilities;
        self.terminal.draw(|frame| {
            picture(frame);
            settle(frame.buffer_mut(), abilities);
        })?;
        let begun = Instant::now();
        let sent = self.frame.commit(&mut self.out)?;
        self.writing = begun.elapsed();
        self.sent = self.sent.saturating_add(sent as u64);
        Ok(sent)
    }

    /// Writes a control sequence that is no picture (the clipboard, the bell).
    pub fn sequence(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.out.flush()
    }

    /// Mouse presses on or off; off leaves the terminal's own selection alone.
    pub fn mouse(&mut self, on: bool) -> io::Result<()> {
        self.sequence(if on {
            b"\x1b[?1000h\x1b[?1006h"
        } else {
            b"\x1b[?1006l\x1b[?1000l"
        })
    }

    /// How long the terminal took to accept the last frame.
    pub fn writing(&self) -> Duration {
        self.writing
    }

    /// Bytes of all frames so far.
    pub fn sent(&self) -> u64 {
        self.sent
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tui::term::theme::Depth;

    const RGB: Abilities = Abilities {
        depth: Depth::Rgb,
        ascii: false,
    };

    #[test]
    fn an_unchanged_frame_costs_nothing_and_a_resize_repaints_without_a_question() {
        let mut screen = Screen::new(Vec::new(), 20, 2, RGB).unwrap();
        let hello = |frame: &mut Frame| frame.render_widget("hello", frame.area());
        assert!(screen.draw(hello).unwrap() > 0);
        assert_eq!(screen.draw(hello).unwrap(), 0);
        screen.out.clear();
        screen.resize(20, 2).unwrap();
        screen.draw(hello).unwrap();
        let text = String::from_utf8(screen.out.clone()).unwrap();
        assert!(
            text.contains("hello") && !text.contains("\x1b[6n"),
            "{text:?}"
        );
        assert!(text.starts_with("\x1b[?2026h") && text.ends_with("\x1b[?2026l"));
    }

    #[test]
    fn what_was_done_is_undone_in_reverse() {
        for mode in ["?1049", "?2004", "?1000", "?1006"] {
            let on = format!("\x1b[{mode}h");
            let off = format!("\x1b[{mode}l");
            assert!(String::from_utf8_lossy(ENTER).contains(&on));
            assert!(String::from_utf8_lossy(LEAVE).contains(&off));
        }
        assert!(LEAVE.ends_with(b"\x1b[?1049l"));
    }
}
