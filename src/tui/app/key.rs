//! Keys and mouse events as the core knows them; the terminal room converts to these.
//! The rule: a key is written the same way in the action table, the help and the README.
use std::fmt;

/// Which key, without its modifiers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    Char(char),
    F(u8),
    Enter,
    Esc,
    Tab,
    Backspace,
    Delete,
    Up,
    Down,
    Left,
    Right,
    Home,
    End,
    PageUp,
    PageDown,
}

/// One key press. Presses (and repeats) only: releases never reach the core.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    pub code: Code,
    pub ctrl: bool,
    pub alt: bool,
    pub shift: bool,
}

impl Key {
    pub const fn new(code: Code) -> Self {
        Self {
            code,
            ctrl: false,
            alt: false,
            shift: false,
        }
    }

    pub const fn char(c: char) -> Self {
        Self::new(Code::Char(c))
    }

    pub const fn ctrl(c: char) -> Self {
        Self {
            ctrl: true,
            ..Self::char(c)
        }
    }

    /// A capital or a symbol already says shift; terminals disagree on whether to repeat it.
    /// Control letters come in either case. Shift-Tab stays apart from Tab.
    pub fn folded(self) -> Self {
        match self.code {
            Code::Char(c) if self.ctrl => Self {
                code: Code::Char(c.to_ascii_lowercase()),
                shift: false,
                ..self
            },
            Code::Char(_) => Self {
                shift: false,
                ..self
            },
            _ => self,
        }
    }

    /// The character this key types into a field, if it types one.
    pub fn typed(self) -> Option<char> {
        match self.code {
            Code::Char(c) if !self.ctrl && !self.alt && !c.is_control() => Some(c),
            _ => None,
        }
    }

    /// Reads `ctrl-p`, `shift-tab`, `f1`, `?`, `space`.
    pub fn parse(text: &str) -> Option<Self> {
        let (mut ctrl, mut alt, mut shift) = (false, false, false);
        let mut rest = text;
        while let Some((name, tail)) = rest.split_once('-') {
            if tail.is_empty() {
                break;
            }
            match name {
                "ctrl" => ctrl = true,
                "alt" => alt = true,
                "shift" => shift = true,
                _ => return None,
            }
            rest = tail;
        }
        let code = NAMES
            .iter()
            .find(|(_, name)| *name == rest)
            .map(|(code, _)| *code)
            .or_else(|| {
                let mut chars = rest.chars();
                match (chars.next(), chars.next()) {
                    (Some(c), None) => Some(Code::Char(c)),
                    (Some('f'), Some(_)) => rest.get(1..)?.parse().ok().map(Code::F),
                    _ => None,
                }
            })?;
        Some(Self {
            code,
            ctrl,
            alt,
            shift,
        })
    }
}

const NAMES: &[(Code, &str)] = &[
    (Code::Char(' '), "space"),
    (Code::Enter, "enter"),
    (Code::Esc, "esc"),
    (Code::Tab, "tab"),
    (Code::Backspace, "backspace"),
    (Code::Delete, "delete"),
    (Code::Up, "up"),
    (Code::Down, "down"),
    (Code::Left, "left"),
    (Code::Right, "right"),
    (Code::Home, "home"),
    (Code::End, "end"),
    (Code::PageUp, "pgup"),
    (Code::PageDown, "pgdn"),
];

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (on, name) in [
            (self.ctrl, "ctrl-"),
            (self.alt, "alt-"),
            (self.shift, "shift-"),
        ] {
            if on {
                f.write_str(name)?;
            }
        }
        match self.code {
            Code::F(n) => write!(f, "f{n}"),
            code => match NAMES.iter().find(|(c, _)| *c == code) {
                Some((_, name)) => f.write_str(name),
                None => match code {
                    Code::Char(c) => write!(f, "{c}"),
                    _ => Ok(()),
                },
            },
        }
    }
}

/// What the mouse did, in cells from the top left corner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mouse {
    pub x: u16,
    pub y: u16,
    pub kind: MouseKind,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MouseKind {
    /// Left button pressed.
    Click,
    /// Left button held and moved.
    Drag,
    WheelUp,
    WheelDown,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_print_as_they_are_written() {
        for text in [
            "ctrl-p",
            "shift-tab",
            "f1",
            "f12",
            "?",
            "space",
            "-",
            "pgdn",
            "G",
        ] {
            let key = Key::parse(text);
            assert_eq!(
                key.map(|k| k.to_string()),
                Some(text.to_owned()),
                "{text}: {key:?}"
            );
        }
        assert_eq!(Key::parse("hyper-x"), None);
        assert_eq!(Key::parse(""), None);
    }

    #[test]
    fn shift_is_folded_into_symbols_only() {
        let with_shift = Key {
            shift: true,
            ..Key::char('?')
        };
        assert_eq!(with_shift.folded(), Key::char('?'));
        let back_tab = Key {
            shift: true,
            ..Key::new(Code::Tab)
        };
        assert_ne!(back_tab.folded(), Key::new(Code::Tab));
        assert_eq!(Key::ctrl('P').folded(), Key::ctrl('p'));
    }

    #[test]
    fn control_letters_type_nothing() {
        assert_eq!(Key::char('a').typed(), Some('a'));
        assert_eq!(Key::ctrl('a').typed(), None);
        assert_eq!(Key::char('\u{1b}').typed(), None);
    }
}
