//! Hex as people paste it.
//!
//! The one rule: two digits a byte, whatever stands between bytes; the first thing that is neither is
//! named with its column.
use crate::cosem::data::printable;

/// What is wrong, at which column (from 1) of the text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {what}")]
pub struct HexError {
    pub column: usize,
    pub what: String,
}

/// Bytes of `text`; `column` is that of its first character.
pub fn bytes(text: &str, column: usize) -> Result<Vec<u8>, HexError> {
    let mut out = Vec::with_capacity(text.len() / 2);
    let mut half: Option<(u8, usize)> = None;
    let mut characters = text.chars().enumerate().peekable();
    while let Some((index, character)) = characters.next() {
        let here = column.saturating_add(index);
        let follows_x = matches!(characters.peek(), Some((_, 'x' | 'X')));
        if half.is_none() && follows_x && matches!(character, '0' | '\\') {
            characters.next();
            continue;
        }
        match (
            character
                .to_digit(16)
                .and_then(|digit| u8::try_from(digit).ok()),
            half,
        ) {
            (Some(digit), None) => half = Some((digit, here)),
            (Some(digit), Some((first, _))) => {
                out.push(first << 4 | digit);
                half = None;
            }
            (None, pending) if is_gap(character) => {
                if let Some((_, at)) = pending {
                    return Err(lone(at));
                }
            }
            (None, _) => {
                let shown = printable(&character.to_string());
                return Err(HexError {
                    column: here,
                    what: format!("'{shown}' is not a hex digit"),
                });
            }
        }
    }
    match half {
        Some((_, at)) => Err(lone(at)),
        None => Ok(out),
    }
}

fn is_gap(character: char) -> bool {
    character.is_whitespace() || ":-,;_.|[]\"'".contains(character)
}

fn lone(column: usize) -> HexError {
    HexError {
        column,
        what: "a lone hex digit: a byte has two".to_owned(),
    }
}
