//! Findings as people read them, eighty columns wide, and as JSON; the same wherever they are shown.
//! The rule: best first, evidence before remedies, and nothing from the line drives a terminal.

use super::finding::{self, to_json};
use crate::diagnosis::{self, Engine, Finding, Guess, Millis, Observation};
use crate::dlms::explain::{self, What, split};
use serde_json::Value;
use std::io::{Result, Write};

pub(super) const fn direction(way: explain::Direction) -> diagnosis::Direction {
    match way {
        explain::Direction::ToMeter => diagnosis::Direction::Sent,
        explain::Direction::FromMeter => diagnosis::Direction::Received,
    }
}

/// Bytes of both ways mixed: which way each went is guessed.
pub(super) fn undirected(bytes: &[u8], at: Millis, engine: &mut Engine) {
    let mut guess = Guess::default();
    for piece in split(bytes) {
        // Whose other octets are nobody can tell.
        if let What::Frame | What::Wrapper | What::Apdu = piece.what {
            let octets = bytes.get(piece.range).unwrap_or_default();
            engine.observe(at, &Observation::Bytes(guess.of(octets), octets));
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
        finding::block(out, meter.as_deref(), finding)?;
    }
    Ok(())
}
