//! A finding as every command tells it: for people, and as JSON. The rule: what a meter said in it drives no terminal.

use crate::cosem::data::printable;
use crate::diagnosis::Finding;
use serde_json::{Value, json};
use std::io::{self, Write};

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
    let title = printable(&finding.title);
    writeln!(
        out,
        "{}  {}: {title}",
        finding.id,
        finding.confidence.name()
    )?;
    for evidence in &finding.evidence {
        writeln!(out, "      seen: {}", printable(&evidence.to_string()))?;
    }
    for remedy in &finding.remedy {
        writeln!(out, "      try:  {}", printable(remedy))?;
    }
    Ok(())
}
