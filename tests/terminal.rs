//! The real binary in a pseudo-terminal: it opens, draws, answers keys, and leaves the terminal as
//! it was, whichever way it ends.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at what it did not expect"
)]

use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use std::io::{Read, Write};
use std::sync::{Arc, Mutex, mpsc};
use std::time::{Duration, Instant};

struct Terminal {
    screen: vt100::Parser,
    bytes: mpsc::Receiver<Vec<u8>>,
    keys: Option<Box<dyn Write + Send>>,
    child: Box<dyn Child + Send + Sync>,
    master: Option<Box<dyn MasterPty + Send>>,
    received: Vec<u8>,
    /// Held by a test, nothing is taken from the program any more.
    line: Arc<Mutex<()>>,
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn size(cols: u16, rows: u16) -> PtySize {
    PtySize {
        rows,
        cols,
        pixel_width: 0,
        pixel_height: 0,
    }
}

impl Terminal {
    fn start(cols: u16, rows: u16, arguments: &[&str], environment: &[(&str, &str)]) -> Self {
        let pair = native_pty_system().openpty(size(cols, rows)).unwrap();
        let mut command = CommandBuilder::new(env!("CARGO_BIN_EXE_obiscope"));
        command.args(arguments);
        command.env_remove("NO_COLOR");
        command.env_remove("SSH_CONNECTION");
        command.env("TERM", "xterm-256color");
        command.env("LANG", "C.UTF-8");
        for (name, value) in environment {
            command.env(name, value);
        }
        let child = pair.slave.spawn_command(command).unwrap();
        drop(pair.slave);
        let mut reader = pair.master.try_clone_reader().unwrap();
        let (sender, bytes) = mpsc::channel();
        let line = Arc::new(Mutex::new(()));
        let open = Arc::clone(&line);
        std::thread::spawn(move || {
            let mut buffer = [0; 8192];
            while let Ok(read) = reader.read(&mut buffer) {
                drop(open.lock());
                if read == 0 || sender.send(buffer[..read].to_vec()).is_err() {
                    break;
                }
            }
        });
        Self {
            screen: vt100::Parser::new(cells(rows), cells(cols), 0),
            bytes,
            keys: Some(pair.master.take_writer().unwrap()),
            child,
            master: Some(pair.master),
            received: Vec::new(),
            line,
        }
    }

    fn until(&mut self, what: &str, wanted: impl Fn(&vt100::Screen) -> bool) {
        let end = Instant::now() + Duration::from_secs(20);
        while !wanted(self.screen.screen()) {
            match self
                .bytes
                .recv_timeout(end.saturating_duration_since(Instant::now()))
            {
                Ok(bytes) => {
                    self.received.extend(&bytes);
                    self.screen.process(&bytes);
                }
                Err(error) => panic!(
                    "{what} never came ({error}); {} bytes did:\n{}\n{:?}",
                    self.received.len(),
                    self.screen.screen().contents(),
                    String::from_utf8_lossy(&self.received[..self.received.len().min(600)])
                ),
            }
        }
    }

    fn shows(&mut self, text: &str) {
        self.until(text, |screen| screen.contents().contains(text));
    }

    fn send(&mut self, keys: &str) {
        let writer = self.keys.as_mut().unwrap();
        writer.write_all(keys.as_bytes()).unwrap();
        writer.flush().unwrap();
    }

    fn leaves(&mut self) {
        self.until("the end of the alternate screen", |screen| {
            !screen.alternate_screen() && !screen.hide_cursor() && !screen.bracketed_paste()
        });
        assert!(self.ends(), "the program did not succeed");
    }

    /// Whether the program ended well; a program that goes on for 20 s fails the test.
    fn ends(&mut self) -> bool {
        let end = Instant::now() + Duration::from_secs(20);
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status.success();
            }
            assert!(Instant::now() < end, "the program did not end");
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    fn signal(&self, name: &str) {
        let process = self.child.process_id().unwrap().to_string();
        let sent = std::process::Command::new("kill")
            .args(["-s", name, &process])
            .status()
            .unwrap();
        assert!(sent.success());
    }
}

fn demo(cols: u16, rows: u16) -> Terminal {
    Terminal::start(cols, rows, &["demo", "--seed", "1"], &[])
}

#[test]
fn the_demo_opens_draws_live_values_and_leaves_the_terminal_as_it_was() {
    let mut terminal = demo(140, 40);
    terminal.until("the alternate screen", |screen| {
        screen.alternate_screen() && screen.hide_cursor()
    });
    terminal.shows("microstar-001");
    terminal.shows("Voltage L1");
    terminal.shows("acknowledged");
    terminal.send("q");
    terminal.leaves();
}

#[test]
fn help_opens_and_closes_and_a_resize_repaints() {
    let mut terminal = demo(80, 24);
    terminal.shows("microstar-001");
    terminal.send("?");
    terminal.shows("open sessions are released first");
    terminal.send("\x1b");
    // Before the next key: Esc and a letter in one breath are Alt and the letter.
    terminal.until("the end of the help", |screen| {
        !screen.contents().contains("open sessions")
    });
    let master = terminal.master.as_ref().unwrap();
    master.resize(size(120, 36)).unwrap();
    terminal.screen.screen_mut().set_size(cells(36), cells(120));
    terminal.shows("workshop-1");
    terminal.send("q");
    terminal.leaves();
}

#[test]
fn a_terminate_signal_gives_the_terminal_back() {
    let mut terminal = demo(100, 30);
    terminal.shows("microstar-001");
    terminal.signal("TERM");
    terminal.leaves();
}

#[test]
fn a_hangup_signal_gives_the_terminal_back() {
    let mut terminal = demo(100, 30);
    terminal.shows("microstar-001");
    terminal.signal("HUP");
    terminal.leaves();
}

#[test]
fn a_terminal_that_vanishes_ends_the_program() {
    let mut terminal = demo(100, 30);
    terminal.shows("microstar-001");
    // Half an escape sequence: whoever reads keys now waits for the rest, which never comes.
    terminal.send("\x1b[");
    terminal.keys = None;
    terminal.master = None;
    // The reading thread holds the last handle; it lets go when nobody takes what it read.
    terminal.bytes = mpsc::channel().1;
    let end = Instant::now() + Duration::from_secs(20);
    while terminal.child.try_wait().unwrap().is_none() {
        assert!(
            Instant::now() < end,
            "the program goes on without a terminal"
        );
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn half_an_escape_sequence_holds_nothing_up() {
    let mut terminal = demo(100, 30);
    terminal.shows("microstar-001");
    terminal.send("\x1b[");
    // Readings still reach the screen: the demo's meters are read every two seconds.
    terminal.shows("100.0 % good");
    terminal.signal("TERM");
    terminal.leaves();
}

/// Ctrl-S, or a line that stalled: the program is held in its writing and ends all the same.
#[test]
fn a_terminal_that_takes_nothing_does_not_keep_the_program() {
    let mut terminal = demo(100, 30);
    terminal.shows("microstar-001");
    let line = Arc::clone(&terminal.line);
    let _stalled = line.lock().unwrap();
    // Every Ctrl-L paints all of it again; half a megabyte is more than any line holds.
    terminal.send(&"\x0c".repeat(3000));
    std::thread::sleep(Duration::from_millis(500));
    terminal.signal("TERM");
    // With failure where it was held, with success where it got away before the line was full.
    terminal.ends();
}

#[test]
fn without_colour_nothing_is_coloured() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let mut terminal = Terminal::start(80, 24, &["--data-dir", place], &[("NO_COLOR", "1")]);
    terminal.shows("Meters");
    let screen = terminal.screen.screen();
    for row in 0..24 {
        for column in 0..80 {
            let cell = screen.cell(row, column).unwrap();
            assert_eq!(cell.fgcolor(), vt100::Color::Default, "{row}:{column}");
            assert_eq!(cell.bgcolor(), vt100::Color::Default, "{row}:{column}");
        }
    }
    terminal.send("q");
    terminal.leaves();
}

#[test]
fn an_idle_screen_sends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().to_str().unwrap();
    let mut terminal = Terminal::start(120, 36, &["--data-dir", place], &[]);
    terminal.shows("Meters");
    // The first pictures settle; then three seconds in which nothing happens.
    let settle = Instant::now() + Duration::from_secs(1);
    while let Ok(bytes) = terminal
        .bytes
        .recv_timeout(settle.saturating_duration_since(Instant::now()))
    {
        terminal.screen.process(&bytes);
    }
    let mut idle = 0;
    let end = Instant::now() + Duration::from_secs(3);
    while let Ok(bytes) = terminal
        .bytes
        .recv_timeout(end.saturating_duration_since(Instant::now()))
    {
        idle += bytes.len();
    }
    // A clock that shows minutes may tick once.
    assert!(idle <= 120, "{idle} bytes while idle");
    terminal.send("q");
    terminal.leaves();
}

#[test]
fn without_a_terminal_there_is_a_hint_and_no_escape_codes() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_obiscope"))
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(output.stdout.is_empty());
    let words = String::from_utf8(output.stderr).unwrap();
    assert!(
        words.contains("needs a terminal") && !words.contains('\x1b'),
        "{words}"
    );
}

fn cells(number: u16) -> std::num::NonZeroU16 {
    std::num::NonZeroU16::new(number).unwrap()
}
