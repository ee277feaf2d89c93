//! The trace's filter: words that must all hold. `rx`, `tx`, `err`, `note`, `mark`, `obis:1.8.0`, a frame's name,
//! any text, or bytes in hex. The rule: nothing typed is an error.
use super::row::{TraceRow, What};
use crate::meter::tap::Direction;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Filter {
    terms: Vec<Term>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Term {
    Direction(Direction),
    Trouble,
    Note,
    Mark,
    /// Part of an OBIS code, of the request or what it was answered.
    Object(String),
    /// Text in lower case and, when it can be read so, bytes.
    Any(String, Option<Vec<u8>>),
}

impl Filter {
    pub fn parse(text: &str) -> Self {
        let terms = text
            .split_whitespace()
            .map(|word| match word.to_lowercase().as_str() {
                "rx" => Term::Direction(Direction::Received),
                "tx" => Term::Direction(Direction::Sent),
                "err" | "error" => Term::Trouble,
                "note" => Term::Note,
                "mark" | "marked" => Term::Mark,
                other => match other.strip_prefix("obis:") {
                    Some(code) => Term::Object(code.to_owned()),
                    None => Term::Any(other.to_owned(), hex(other)),
                },
            })
            .collect();
        Self { terms }
    }

    pub fn is_empty(&self) -> bool {
        self.terms.is_empty()
    }

    /// `marked`: a person marked it.
    pub fn passes(&self, row: &TraceRow, marked: bool) -> bool {
        self.terms.iter().all(|term| match term {
            Term::Direction(direction) => row.direction() == Some(*direction),
            Term::Trouble => row.trouble(),
            Term::Note => matches!(row.what, What::Note(_)),
            Term::Mark => marked,
            Term::Object(code) => row.about.as_deref().is_some_and(|about| names(about, code)),
            Term::Any(text, bytes) => {
                says(row, text) || bytes.as_ref().is_some_and(|bytes| holds(row, bytes))
            }
        })
    }
}

/// Whether `code` is this object or the end of its code: `1.8.0` of `1-1:1.8.0`, but not of `1-1:21.8.0`.
fn names(about: &str, code: &str) -> bool {
    let about = about.trim_end_matches(".255");
    let code = code.trim_end_matches(".255").trim_end_matches("*255");
    about == code
        || about
            .strip_suffix(code)
            .is_some_and(|before| before.ends_with([':', '.', '-']))
        || about
            .split_once(':')
            .is_some_and(|(_, rest)| rest.strip_prefix(code).is_some_and(|r| r.starts_with('.')))
}

fn says(row: &TraceRow, text: &str) -> bool {
    let has = |hay: &str| hay.to_lowercase().contains(text);
    match &row.what {
        What::Frame { explained, .. } => {
            has(&explained.kind) || has(&explained.link) || has(&explained.summary)
        }
        What::Junk { .. } => "junk".contains(text),
        What::Note(note) => has(note),
    }
}

fn holds(row: &TraceRow, bytes: &[u8]) -> bool {
    row.bytes()
        .windows(bytes.len())
        .any(|window| window == bytes)
}

/// Pairs of hex digits as bytes.
fn hex(word: &str) -> Option<Vec<u8>> {
    let digits = word.strip_prefix("0x").unwrap_or(word).as_bytes();
    if digits.is_empty() || digits.len() % 2 == 1 {
        return None;
    }
    digits
        .chunks(2)
        .map(|pair| {
            let text = std::str::from_utf8(pair).ok()?;
            u8::from_str_radix(text, 16).ok()
        })
        .collect()
}
