//! One line of text being typed. The rule: what it holds is never printed by `Debug` and is
//! wiped when it goes, since it may be a password.
use super::key::{Code, Key};
use std::fmt;
use zeroize::Zeroizing;

/// Longest line taken; more is cut off.
const LONGEST: usize = 4096;

#[derive(Clone, Default, PartialEq, Eq)]
pub struct Input {
    text: Zeroizing<String>,
    /// Byte position, always on a character boundary.
    cursor: usize,
}

impl Input {
    pub fn new(text: impl Into<String>) -> Self {
        let text = Zeroizing::new(text.into());
        Self {
            cursor: text.len(),
            text,
        }
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// What stands before the cursor.
    pub fn before(&self) -> &str {
        self.text.get(..self.cursor).unwrap_or("")
    }

    pub fn set(&mut self, text: &str) {
        self.clear();
        self.insert(text);
    }

    pub fn clear(&mut self) {
        *self = Self::default();
    }

    /// Puts text in at the cursor; control characters and line ends are left out.
    pub fn insert(&mut self, text: &str) {
        for c in text.chars().filter(|c| !c.is_control()) {
            if self.text.len() + c.len_utf8() > LONGEST {
                return;
            }
            self.text.insert(self.cursor, c);
            self.cursor += c.len_utf8();
        }
    }

    /// Takes a key that edits; false when it is none.
    pub fn key(&mut self, key: Key) -> bool {
        if let Some(c) = key.typed() {
            self.insert(c.encode_utf8(&mut [0; 4]));
            return true;
        }
        match (key.code, key.ctrl) {
            (Code::Backspace, false) | (Code::Char('h'), true) => {
                if let Some(c) = self.before().chars().next_back() {
                    self.cursor -= c.len_utf8();
                    self.text.remove(self.cursor);
                }
            }
            (Code::Delete, false) | (Code::Char('d'), true) => {
                if self.cursor < self.text.len() {
                    self.text.remove(self.cursor);
                }
            }
            (Code::Left, false) => {
                let back = self.before().chars().next_back().map_or(0, char::len_utf8);
                self.cursor -= back;
            }
            (Code::Right, false) => {
                let on = self
                    .text
                    .get(self.cursor..)
                    .and_then(|after| after.chars().next());
                self.cursor += on.map_or(0, char::len_utf8);
            }
            (Code::Home, _) | (Code::Char('a'), true) => self.cursor = 0,
            (Code::End, _) | (Code::Char('e'), true) => self.cursor = self.text.len(),
            (Code::Char('u'), true) => self.clear(),
            (Code::Char('w'), true) => {
                let kept = self.before().trim_end();
                let from = kept.rfind([' ', ',', '/', ':', '.']).map_or(0, |at| at + 1);
                let from = if from == kept.len() {
                    kept.len().saturating_sub(1)
                } else {
                    from
                };
                self.text.replace_range(from..self.cursor, "");
                self.cursor = from;
            }
            _ => return false,
        }
        true
    }
}

impl fmt::Debug for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Input({} bytes)", self.text.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn typing_moving_and_deleting() {
        let mut input = Input::new("abc");
        input.key(Key::new(Code::Left));
        input.key(Key::char('é'));
        assert_eq!(input.text(), "abéc");
        input.key(Key::new(Code::Backspace));
        input.key(Key::new(Code::Delete));
        assert_eq!(input.text(), "ab");
        input.insert("x\r\ny\u{1b}[2J");
        assert_eq!(input.text(), "abxy[2J");
        assert!(!format!("{input:?}").contains("ab"));
        input.set("1-1:32.7.0, 1-1:31.7.0");
        input.key(Key::ctrl('w'));
        assert_eq!(input.text(), "1-1:32.7.0, 1-1:31.7.");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn the_cursor_never_leaves_the_text(keys in proptest::collection::vec(0_u8..12, 0..60)) {
            let mut input = Input::new("Zähler µ×→ 1/2");
            for key in keys {
                input.key(match key {
                    0 => Key::new(Code::Left),
                    1 => Key::new(Code::Right),
                    2 => Key::new(Code::Backspace),
                    3 => Key::new(Code::Delete),
                    4 => Key::new(Code::Home),
                    5 => Key::new(Code::End),
                    6 => Key::ctrl('w'),
                    7 => Key::char('→'),
                    8 => Key::char(' '),
                    9 => Key::ctrl('u'),
                    _ => Key::char('ß'),
                });
                prop_assert!(input.text().is_char_boundary(input.cursor));
            }
        }
    }
}
