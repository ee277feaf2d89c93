//! The YAML we write, and no more: maps and lists of scalars by indentation, plain and double-quoted scalars, comments on
//! lines of their own. The rule: what it does not know is an error, so a file it reads means the same to every reader.
//!
//! A crate for YAML only for one file of ours would be out of proportion, and a compose file in JSON is no joy to read.

use serde_json::{Map, Value};

struct Line<'a> {
    number: usize,
    indent: usize,
    text: &'a str,
}

/// Scalars come out as strings, whatever they look like.
pub fn parse(text: &str) -> Result<Value, String> {
    let mut lines = Vec::new();
    for (number, raw) in (1..).zip(text.lines()) {
        let text = raw.trim_start_matches(' ');
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        if raw.contains('\t') || raw != raw.trim_end() {
            return Err(format!("line {number}: a tab, or blanks at the end"));
        }
        lines.push(Line {
            number,
            indent: raw.len() - text.len(),
            text,
        });
    }
    let mut rest = lines.as_slice();
    let value = block(&mut rest, 0)?;
    match rest.first() {
        None => Ok(value),
        Some(line) => Err(format!("line {}: indentation", line.number)),
    }
}

fn block(rest: &mut &[Line<'_>], indent: usize) -> Result<Value, String> {
    let mut map = Map::new();
    let mut list = Vec::new();
    while let Some((line, after)) = rest.split_first() {
        if line.indent != indent {
            break;
        }
        let at = |what: &str| format!("line {}: {what}", line.number);
        *rest = after;
        if let Some(item) = line.text.strip_prefix("- ") {
            if !map.is_empty() || (item.contains(": ") && !item.starts_with('"')) {
                return Err(at("a list of scalars and nothing else"));
            }
            list.push(scalar(item).ok_or_else(|| at("no scalar we write"))?);
            continue;
        }
        let (key, value) = if let Some((key, value)) = line.text.split_once(": ") {
            let value = scalar(value).ok_or_else(|| at("no scalar we write"))?;
            (key, value)
        } else {
            let key = line.text.strip_suffix(':').ok_or_else(|| at("no key"))?;
            let deeper = rest.first().map(|next| next.indent);
            let deeper = deeper.filter(|it| *it > indent);
            let below = block(rest, deeper.ok_or_else(|| at("nothing below"))?)?;
            (key, below)
        };
        let plain = |c: char| c.is_ascii_alphanumeric() || "_-.".contains(c);
        if key.is_empty() || !key.chars().all(plain) || !list.is_empty() {
            return Err(at("a key we do not write"));
        }
        if map.insert(key.to_owned(), value).is_some() {
            return Err(at("a key that came before"));
        }
    }
    Ok(if list.is_empty() {
        map.into()
    } else {
        list.into()
    })
}

fn scalar(text: &str) -> Option<Value> {
    if let Some(quoted) = text.strip_prefix('"') {
        let inner = quoted.strip_suffix('"')?;
        return (!inner.contains(['"', '\\'])).then(|| inner.into());
    }
    let first = text.chars().next()?;
    let odd = "[]{}&*!|>'%@`#,?-".contains(first) || text.contains(": ") || text.contains(" #");
    (!odd && !text.ends_with(':')).then(|| text.into())
}
