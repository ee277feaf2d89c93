//! Copying over SSH: OSC 52, which the terminal at the other end may honour. It never answers, so
//! the screen can only say that the text was sent.

use crossterm::Command;
use crossterm::clipboard::CopyToClipboard;

/// Terminals drop longer sequences; 74,000 bytes of text stay under 100,000 encoded.
pub const LIMIT: usize = 74_000;

/// The bytes that ask the terminal to put `text` on the clipboard; `None` when it is too long.
pub fn sequence(text: &str) -> Option<Vec<u8>> {
    if text.len() > LIMIT {
        return None;
    }
    let mut ansi = String::new();
    CopyToClipboard::to_clipboard_from(text)
        .write_ansi(&mut ansi)
        .ok()?;
    Some(ansi.into_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_wrapped_and_a_book_is_refused() {
        assert_eq!(
            sequence("7EA0").as_deref(),
            Some(b"\x1b]52;c;N0VBMA==\x1b\\".as_slice())
        );
        assert_eq!(sequence(&"x".repeat(LIMIT + 1)), None);
    }
}
