//! One line of a pasted log or a recorded trace.
//!
//! The one rule: what stands before TX or RX is a time stamp, what stands after is bytes; `#` begins a comment.
use super::hex::{self, HexError};
use crate::dlms::explain::Direction;

#[derive(Debug, PartialEq, Eq)]
pub enum Line {
    Blank,
    /// What stands behind `#` on a line of its own.
    Comment(String),
    Bytes(Bytes),
    /// A note in a recorded trace: the connection may be another from here on.
    Note {
        at: Option<String>,
        meter: String,
        text: String,
    },
}

#[derive(Debug, Default, PartialEq, Eq)]
pub struct Bytes {
    pub at: Option<String>,
    pub meter: Option<String>,
    pub direction: Option<Direction>,
    pub octets: Vec<u8>,
    /// A secret in these bytes stands as stars, and their checksum was made to fit.
    pub masked: bool,
}

/// A line of the trace file.
#[derive(serde::Deserialize)]
struct Recorded {
    #[serde(default)]
    at: Option<String>,
    #[serde(default)]
    meter: String,
    dir: Option<String>,
    hex: Option<String>,
    #[serde(default)]
    note: Option<serde_json::Value>,
    #[serde(default)]
    masked: bool,
}

/// `so_far` is how many bytes the lines above gave: an offset in front of a hex dump is known by it.
pub fn parse(text: &str, so_far: usize) -> Result<Line, HexError> {
    let trimmed = text.trim_start();
    if trimmed.starts_with('{') {
        return recorded(text);
    }
    if let Some(comment) = trimmed.strip_prefix('#').or(trimmed.strip_prefix("//")) {
        return Ok(Line::Comment(comment.trim().to_owned()));
    }
    let content = text.split('#').next().unwrap_or_default();
    if content.trim().is_empty() {
        return Ok(Line::Blank);
    }
    let Prefix {
        at,
        direction,
        from,
    } = prefix(content);
    let rest = content.get(from..).unwrap_or_default();
    let from = if direction.is_none() {
        skip_offset(content, from, so_far)
    } else {
        from
    };
    let octets = hex::bytes(content.get(from..).unwrap_or(rest), columns(content, from))?;
    Ok(Line::Bytes(Bytes {
        at,
        meter: None,
        direction,
        octets,
        masked: false,
    }))
}

/// Column, from 1, of the character at byte `at`.
fn columns(text: &str, at: usize) -> usize {
    text.get(..at)
        .map_or(0, |before| before.chars().count())
        .saturating_add(1)
}

#[derive(Default)]
struct Prefix {
    at: Option<String>,
    direction: Option<Direction>,
    /// Where the bytes begin.
    from: usize,
}

/// `[12:39:25] TX `, `TX`, `2026-11-04 10:52:01 RX: `, `[12:39:25] `.
fn prefix(content: &str) -> Prefix {
    const WORDS: usize = 8;
    let mut search = 0;
    for word in content.split_whitespace().take(WORDS) {
        let Some(start) = content
            .get(search..)
            .and_then(|rest| rest.find(word))
            .map(|found| search.saturating_add(found))
        else {
            break;
        };
        search = start.saturating_add(word.len());
        if let Some((direction, length)) = direction(word) {
            let at = content.get(..start).map(stamp).filter(|at| !at.is_empty());
            return Prefix {
                at,
                direction: Some(direction),
                from: start.saturating_add(length),
            };
        }
    }
    // A bracket with something behind it is a time; one alone is a list of bytes.
    let begin = content.len().saturating_sub(content.trim_start().len());
    if content
        .get(begin..)
        .is_some_and(|rest| rest.starts_with('['))
        && let Some(close) = content.find(']')
        && content.get(close..).is_some_and(|rest| {
            rest.trim_start_matches(']')
                .chars()
                .any(|c| c.is_ascii_hexdigit())
        })
    {
        let at = content
            .get(begin..close)
            .map(stamp)
            .filter(|at| !at.is_empty());
        return Prefix {
            at,
            direction: None,
            from: close.saturating_add(1),
        };
    }
    Prefix::default()
}

fn stamp(text: &str) -> String {
    let text = text.trim_matches(|c: char| c.is_whitespace() || "[]()→←<>-|".contains(c));
    crate::cosem::data::printable(text)
}

/// Direction a word states, and how much of it is that statement (`TX7EA0…` goes on with bytes).
fn direction(word: &str) -> Option<(Direction, usize)> {
    let bare = word.trim_start_matches(['[', '(', '<']);
    let skipped = word.len().saturating_sub(bare.len());
    let said = bare.to_ascii_lowercase();
    let names = [
        ("transmit", Direction::ToMeter),
        ("received", Direction::FromMeter),
        ("receive", Direction::FromMeter),
        ("sent", Direction::ToMeter),
        ("send", Direction::ToMeter),
        ("recv", Direction::FromMeter),
        ("tx", Direction::ToMeter),
        ("rx", Direction::FromMeter),
    ];
    names.into_iter().find_map(|(name, direction)| {
        let after = said.strip_prefix(name)?;
        let signs = after
            .len()
            .saturating_sub(after.trim_start_matches([':', '=', ']', ')', '>']).len());
        let rest = after.get(signs..)?;
        let bytes = rest
            .chars()
            .all(|c| c.is_ascii_hexdigit() || c == 'x' || c == ':');
        bytes.then(|| {
            (
                direction,
                skipped.saturating_add(name.len()).saturating_add(signs),
            )
        })
    })
}

/// `0010: 7E A0 …` as hex dumps print it: the offset is no data.
fn skip_offset(content: &str, from: usize, so_far: usize) -> usize {
    let rest = content.get(from..).unwrap_or_default();
    let lead = rest.len().saturating_sub(rest.trim_start().len());
    let word = rest.split_whitespace().next().unwrap_or_default();
    let digits = word.trim_end_matches(':');
    let is_offset = digits.len() != word.len()
        && (4..=8).contains(&digits.len())
        && usize::from_str_radix(digits, 16).is_ok_and(|offset| offset == so_far);
    if is_offset {
        from.saturating_add(lead).saturating_add(word.len())
    } else {
        from
    }
}

fn recorded(text: &str) -> Result<Line, HexError> {
    let recorded: Recorded = serde_json::from_str(text).map_err(|error| HexError {
        column: error.column(),
        what: format!("not a line of a trace file: {error}"),
    })?;
    let Some(hex) = recorded.hex else {
        return match recorded.note {
            Some(note) => Ok(Line::Note {
                at: recorded.at,
                meter: recorded.meter,
                text: match note {
                    serde_json::Value::String(text) => text,
                    other => other.to_string(),
                },
            }),
            None => Err(HexError {
                column: 1,
                what: "a trace line has \"hex\" or \"note\"".to_owned(),
            }),
        };
    };
    let column = text.find(hex.as_str()).map_or(1, |at| columns(text, at));
    let octets = hex::bytes(&hex, column)?;
    let direction = match recorded.dir.as_deref() {
        Some("tx") => Some(Direction::ToMeter),
        Some("rx") => Some(Direction::FromMeter),
        None => None,
        Some(other) => {
            let what = format!("\"dir\" is \"tx\" or \"rx\", not {other:?}");
            return Err(HexError {
                column: text.find("\"dir\"").map_or(1, |at| columns(text, at)),
                what,
            });
        }
    };
    Ok(Line::Bytes(Bytes {
        at: recorded.at,
        meter: Some(recorded.meter),
        direction,
        octets,
        masked: recorded.masked,
    }))
}
