//! Findings as people read them, eighty columns wide, and as JSON; the same wherever they are shown.
//! The rule: best first, evidence before remedies, and nothing from the line drives a terminal.

use super::finding::to_json;
use crate::cosem::data::printable;
use crate::diagnosis::{self, Engine, Finding, Millis, Observation, guess_direction};
use crate::dlms::explain::{self, What, split};
use serde_json::Value;
use std::io::{Result, Write};

const WIDTH: usize = 80;

pub(super) const fn direction(way: explain::Direction) -> diagnosis::Direction {
    match way {
        explain::Direction::ToMeter => diagnosis::Direction::Sent,
        explain::Direction::FromMeter => diagnosis::Direction::Received,
    }
}

/// Bytes of both ways mixed: each frame says itself which way it went, or the other way than the one before.
pub(super) fn undirected(bytes: &[u8], at: Millis, engine: &mut Engine) {
    let mut last = diagnosis::Direction::Received;
    for piece in split(bytes) {
        let octets = bytes.get(piece.range.clone()).unwrap_or_default();
        let guess = match piece.what {
            What::Frame | What::Wrapper | What::Apdu => {
                Some(guess_direction(octets).unwrap_or(match last {
                    diagnosis::Direction::Sent => diagnosis::Direction::Received,
                    diagnosis::Direction::Received => diagnosis::Direction::Sent,
                }))
            }
            // Whose these are nobody can tell.
            What::Mbus | What::Junk | What::Rest => None,
        };
        if let Some(way) = guess {
            last = way;
            engine.observe(at, &Observation::Bytes(way, octets));
        }
    }
}

pub(super) fn json(findings: &[(Option<String>, Finding)]) -> Value {
    findings
        .iter()
        .map(|(meter, finding)| {
            let mut object = to_json(finding);
            object["count"] = Value::from(finding.count);
            if let Some(meter) = meter.as_ref().filter(|meter| !meter.is_empty()) {
                object["meter"] = Value::from(meter.as_str());
            }
            object
        })
        .collect()
}

/// A block a finding.
pub(super) fn people(findings: &[(Option<String>, Finding)], out: &mut dyn Write) -> Result<()> {
    for (index, (meter, finding)) in findings.iter().enumerate() {
        if index > 0 {
            writeln!(out)?;
        }
        let meter = match meter {
            Some(meter) if !meter.is_empty() => format!("{}: ", printable(meter)),
            _ => String::new(),
        };
        let times = match finding.count {
            0 | 1 => String::new(),
            count => format!(", {count} times"),
        };
        let sure = finding.confidence.name();
        wrapped(
            out,
            &format!("{:<4} ", finding.id),
            &format!("{meter}{} ({sure}{times})", finding.title),
        )?;
        for evidence in &finding.evidence {
            wrapped(out, "     seen  ", &printable(&evidence.to_string()))?;
        }
        for remedy in &finding.remedy {
            wrapped(out, "     do    ", remedy)?;
        }
    }
    Ok(())
}

/// Words after `lead`, further lines under the first word.
fn wrapped(out: &mut dyn Write, lead: &str, text: &str) -> Result<()> {
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
