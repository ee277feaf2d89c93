//! A finding as every command tells it: for people, eighty columns wide, and as JSON. The rule: evidence before remedies,
//! and what a meter said in it drives no terminal.

use crate::cosem::data::printable;
use crate::diagnosis::Finding;
use serde_json::{Value, json};
use std::io::{self, Write};

const WIDTH: usize = 80;

pub(super) fn to_json(finding: &Finding) -> Value {
    let evidence: Vec<_> = finding.evidence.iter().map(ToString::to_string).collect();
    json!({
        "id": finding.id,
        "title": finding.title,
        "confidence": finding.confidence.name(),
        "evidence": evidence,
        "remedy": finding.remedy,
    })
}

pub(super) fn print(out: &mut dyn Write, finding: &Finding) -> io::Result<()> {
    block(out, None, finding)
}

/// What it is, what was seen, what to do; of which meter, where there are several.
pub(super) fn block(out: &mut dyn Write, meter: Option<&str>, finding: &Finding) -> io::Result<()> {
    let meter = match meter {
        Some(meter) if !meter.is_empty() => format!("{}: ", printable(meter)),
        _ => String::new(),
    };
    let times = match finding.count {
        0 | 1 => String::new(),
        count => format!(", {count} times"),
    };
    let sure = finding.confidence.name();
    let title = printable(&finding.title);
    wrapped(
        out,
        &format!("{:<4} ", finding.id),
        &format!("{meter}{title} ({sure}{times})"),
    )?;
    for evidence in &finding.evidence {
        wrapped(out, "     seen  ", &printable(&evidence.to_string()))?;
    }
    for remedy in &finding.remedy {
        wrapped(out, "     do    ", &printable(remedy))?;
    }
    Ok(())
}

/// Words after `lead`, further lines under the first word.
fn wrapped(out: &mut dyn Write, lead: &str, text: &str) -> io::Result<()> {
    let indent = lead.chars().count();
    let mut line = lead.to_owned();
    let mut width = indent;
    for word in text.split(' ') {
        let length = word.chars().count();
        if width > indent && width.saturating_add(length) >= WIDTH {
            writeln!(out, "{}", line.trim_end())?;
            line = " ".repeat(indent);
            width = indent;
        }
        line.push_str(word);
        line.push(' ');
        width = width.saturating_add(length).saturating_add(1);
    }
    writeln!(out, "{}", line.trim_end())
}
