//! Terminal events as the core's own keys and messages; what the core has no word for is dropped.

use crate::tui::app::{Code, Key, Mouse, MouseKind, Msg};
use crossterm::event::{
    Event, KeyCode, KeyEvent, KeyEventKind, KeyModifiers, MouseButton, MouseEvent, MouseEventKind,
};
use std::io;
use tokio::sync::mpsc;

/// Events that may wait to be handled; the terminal keeps what comes beyond.
const WAITING: usize = 256;

/// Terminal events, read by a thread of their own. Not crossterm's `EventStream`: it reads on
/// the thread that awaits it too, and there its read loop never ends once the terminal has hung
/// up, nor while an escape sequence is half received. Here only this thread would be caught.
pub fn events() -> io::Result<mpsc::Receiver<io::Result<Event>>> {
    let (sender, events) = mpsc::channel(WAITING);
    let reader = std::thread::Builder::new().name("keys".into());
    reader.spawn(move || {
        loop {
            let event = crossterm::event::read();
            let last = event.is_err();
            if sender.blocking_send(event).is_err() || last {
                return;
            }
        }
    })?;
    Ok(events)
}

/// A message for the core, if the event means one. `size` is the screen's: mouse positions of
/// noisy lines are brought inside it.
pub fn message(event: Event, size: (u16, u16)) -> Option<Msg> {
    match event {
        Event::Key(key) => key_of(key).map(Msg::Key),
        Event::Mouse(mouse) => mouse_of(mouse, size).map(Msg::Mouse),
        Event::Paste(text) => Some(Msg::Paste(text)),
        Event::Resize(width, height) => Some(Msg::Resize { width, height }),
        Event::FocusGained | Event::FocusLost => None,
    }
}

fn key_of(event: KeyEvent) -> Option<Key> {
    // kitty and Windows also report releases.
    if event.kind == KeyEventKind::Release {
        return None;
    }
    let mut key = Key::new(match event.code {
        KeyCode::Char(c) => Code::Char(c),
        KeyCode::F(n) => Code::F(n),
        KeyCode::Enter => Code::Enter,
        KeyCode::Esc => Code::Esc,
        KeyCode::Tab | KeyCode::BackTab => Code::Tab,
        KeyCode::Backspace => Code::Backspace,
        KeyCode::Delete => Code::Delete,
        KeyCode::Up => Code::Up,
        KeyCode::Down => Code::Down,
        KeyCode::Left => Code::Left,
        KeyCode::Right => Code::Right,
        KeyCode::Home => Code::Home,
        KeyCode::End => Code::End,
        KeyCode::PageUp => Code::PageUp,
        KeyCode::PageDown => Code::PageDown,
        _ => return None,
    });
    key.ctrl = event.modifiers.contains(KeyModifiers::CONTROL);
    key.alt = event.modifiers.contains(KeyModifiers::ALT);
    key.shift = event.modifiers.contains(KeyModifiers::SHIFT) || event.code == KeyCode::BackTab;
    Some(key)
}

fn mouse_of(event: MouseEvent, (width, height): (u16, u16)) -> Option<Mouse> {
    let kind = match event.kind {
        MouseEventKind::Down(MouseButton::Left) => MouseKind::Click,
        MouseEventKind::Drag(MouseButton::Left) => MouseKind::Drag,
        MouseEventKind::ScrollUp => MouseKind::WheelUp,
        MouseEventKind::ScrollDown => MouseKind::WheelDown,
        _ => return None,
    };
    Some(Mouse {
        x: event.column.min(width.saturating_sub(1)),
        y: event.row.min(height.saturating_sub(1)),
        kind,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_back_tab_is_a_shifted_tab_and_a_release_is_nothing() {
        let back = KeyEvent::new(KeyCode::BackTab, KeyModifiers::NONE);
        assert_eq!(
            key_of(back),
            Some(Key {
                shift: true,
                ..Key::new(Code::Tab)
            })
        );
        let release = KeyEvent {
            kind: KeyEventKind::Release,
            ..KeyEvent::new(KeyCode::Char('q'), KeyModifiers::NONE)
        };
        assert_eq!(key_of(release), None);
    }

    #[test]
    fn a_mouse_beyond_the_screen_is_brought_inside() {
        let wild = MouseEvent {
            kind: MouseEventKind::Down(MouseButton::Left),
            column: u16::MAX,
            row: 7,
            modifiers: KeyModifiers::NONE,
        };
        let mouse = mouse_of(wild, (80, 24)).unwrap();
        assert_eq!((mouse.x, mouse.y), (79, 7));
    }
}
