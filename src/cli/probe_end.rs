//! What stands at the end of a probe: what works, what is wrong, what is left to try.

use super::finding;
use crate::cosem::data::printable;
use crate::meter::Definition;
use crate::meter::probe::{Report, words};
use std::io::{self, Write};

pub fn conclude(
    out: &mut dyn Write,
    report: &Report,
    meter: &Definition,
    target: &str,
) -> io::Result<()> {
    writeln!(out)?;
    match &report.working {
        Some(working) => writeln!(out, "{}", words::works(working, meter))?,
        None => writeln!(out, "{}", words::in_vain(report))?,
    }
    if let Some(before) = &report.before {
        writeln!(out, "before: it answered {before}")?;
    }
    for fact in &report.facts {
        writeln!(out, "meter: {}", printable(fact))?;
    }
    for note in &report.beside {
        writeln!(out, "note: {}", printable(note))?;
    }
    if let Some(said) = words::no_finding(report) {
        writeln!(out, "{said}")?;
    }
    for one in &report.findings {
        finding::print(out, one)?;
    }
    if let Some(command) = words::command(report, meter, target) {
        writeln!(out, "next: {}", printable(&command))?;
    }
    let offers = words::offers(report, meter, target);
    if !offers.is_empty() {
        writeln!(out, "left to try:")?;
        for offer in offers {
            writeln!(out, "  - {}", printable(&offer))?;
        }
    }
    out.flush()
}
