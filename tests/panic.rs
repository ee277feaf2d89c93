//! A panic of the screen's thread gives the terminal back before it is reported. The test starts
//! itself again inside a pseudo-terminal, takes the terminal as the program does, and panics.
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a test may stop at what it did not expect"
)]

use obiscope::tui::term::screen::{Screen, restore_on_panic};
use obiscope::tui::term::theme::Abilities;
use portable_pty::{CommandBuilder, PtySize, native_pty_system};
use std::io::Read;

const CHILD: &str = "OBISCOPE_TEST_PANICS";

fn main() {
    if std::env::var_os(CHILD).is_some() {
        panics_on_the_screen();
    }
    a_panic_gives_the_terminal_back();
    // The closing line cargo's own harness would print.
    println_result();
}

fn panics_on_the_screen() {
    restore_on_panic();
    let abilities = Abilities::detect(&|name| std::env::var(name).ok());
    let mut screen = Screen::enter(abilities).unwrap();
    screen
        .draw(|frame| frame.render_widget("drawn", frame.area()))
        .unwrap();
    panic!("as planned");
}

fn a_panic_gives_the_terminal_back() {
    let size = PtySize {
        rows: 10,
        cols: 40,
        pixel_width: 0,
        pixel_height: 0,
    };
    let pair = native_pty_system().openpty(size).unwrap();
    let mut command = CommandBuilder::new(std::env::current_exe().unwrap());
    command.env(CHILD, "1");
    command.env("TERM", "xterm-256color");
    let mut child = pair.slave.spawn_command(command).unwrap();
    drop(pair.slave);
    let mut reader = pair.master.try_clone_reader().unwrap();
    let mut said = Vec::new();
    // The other end of a finished pseudo-terminal reads as an error on Linux.
    let _ = reader.read_to_end(&mut said);
    assert!(!child.wait().unwrap().success());

    let text = String::from_utf8_lossy(&said).into_owned();
    let left = text.find("\x1b[?1049l").expect("the screen was not left");
    let drawn = text.find("drawn").expect("nothing was drawn");
    let report = text.find("as planned").expect("the panic was not reported");
    assert!(drawn < left && left < report, "{text:?}");
    let mut parser = vt100::Parser::new(cells(10), cells(40), 0);
    parser.process(&said);
    assert!(!parser.screen().alternate_screen());
    assert!(!parser.screen().hide_cursor());
    assert!(!parser.screen().bracketed_paste());
}

#[expect(clippy::print_stdout, reason = "the test's own result line")]
fn println_result() {
    println!("test a_panic_gives_the_terminal_back ... ok\n\ntest result: ok. 1 passed; 0 failed");
}

fn cells(number: u16) -> std::num::NonZeroU16 {
    std::num::NonZeroU16::new(number).unwrap()
}
