//! How the steps look: within 80 columns, in plain text. The rule: what a meter said drives no terminal.

use crate::cosem::data::printable;
use crate::cosem::hex;
use crate::diagnosis::Finding;
use crate::dlms::explain::Explained;
use crate::meter::probe::{Mark, Stage, StepName};
use std::fmt::Write as _;
use std::io::{self, Write};

const COLUMNS: usize = 79;
/// Octets on a line.
const OCTETS: usize = 24;

pub(super) struct Sheet<'a> {
    out: &'a mut dyn Write,
    /// What was told already: findings by id and title, stages by their words.
    found: Vec<(&'static str, String)>,
    stages: Vec<(StepName, Mark, String)>,
    /// What is to go, as it stands above; that it went is then enough.
    shown: Option<Vec<u8>>,
}

impl<'a> Sheet<'a> {
    pub(super) fn new(out: &'a mut dyn Write) -> Self {
        Self {
            out,
            found: Vec::new(),
            stages: Vec::new(),
            shown: None,
        }
    }

    pub(super) fn out(&mut self) -> &mut dyn Write {
        self.out
    }

    pub(super) fn plain(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")
    }

    pub(super) fn words(&mut self, text: &str) -> io::Result<()> {
        self.wrapped(text, 0, 2)
    }

    /// `> SNRM` is next, `+ AARQ` done …
    pub(super) fn picture(&mut self, stages: &[Stage]) -> io::Result<()> {
        let mut line = String::new();
        for stage in stages {
            let sign = match stage.mark {
                Mark::Todo => ' ',
                Mark::Next => '>',
                Mark::Waiting => '~',
                Mark::Done => '+',
                Mark::Failed => '!',
                Mark::NotUsed => '-',
            };
            let _ = write!(line, "{sign}{} ", stage.step.name());
        }
        writeln!(self.out, "\n[{}]", line.trim_end())
    }

    /// What came of the steps since last time.
    pub(super) fn stages(&mut self, stages: &[Stage]) -> io::Result<()> {
        let now: Vec<_> = stages
            .iter()
            .filter(|it| matches!(it.mark, Mark::Done | Mark::Failed) && !it.words.is_empty())
            .map(|it| (it.step, it.mark, it.words.clone()))
            .collect();
        for one in &now {
            if self.stages.contains(one) {
                continue;
            }
            let (step, mark, words) = one;
            let sign = if *mark == Mark::Done { '+' } else { '!' };
            let words = format!("{sign} {}: {}", step.name(), printable(words));
            self.wrapped(&words, 0, 2)?;
        }
        self.stages = now;
        Ok(())
    }

    pub(super) fn said(
        &mut self,
        said: &[(bool, Vec<u8>)],
        frames: &[Vec<Explained>],
    ) -> io::Result<()> {
        for (at, (sent, bytes)) in said.iter().enumerate() {
            if at == 0 && *sent && self.shown.take().as_ref() == Some(bytes) {
                writeln!(self.out, "  sent")?;
                continue;
            }
            let frames = frames.get(at).map(Vec::as_slice).unwrap_or_default();
            self.bytes(*sent, bytes, frames)?;
        }
        Ok(())
    }

    /// What is to go if a person says so.
    pub(super) fn before_it_goes(&mut self, bytes: &[u8], frames: &[Explained]) -> io::Result<()> {
        self.shown = Some(bytes.to_vec());
        self.bytes(true, bytes, frames)
    }

    /// The octets, and what they say.
    fn bytes(&mut self, sent: bool, bytes: &[u8], frames: &[Explained]) -> io::Result<()> {
        let mut what = if sent { "TX" } else { "RX" };
        for line in bytes.chunks(OCTETS) {
            writeln!(self.out, "  {what} {}", hex::spaced(line))?;
            what = "  ";
        }
        for frame in frames {
            let mut words: Vec<&str> = Vec::new();
            for part in [&frame.kind, &frame.link, &frame.summary] {
                // `DISC`, `DISC  P` and `AARQ`, `AARQ LN …`: the longer one says both.
                words.retain(|it| part.split(' ').next() != Some(*it));
                words.push(part);
            }
            words.retain(|it| !it.is_empty());
            self.wrapped(&printable(&words.join("  ")), 5, 7)?;
            let wrong = frame.fields.iter().filter_map(|it| it.problem.as_ref());
            for problem in wrong {
                self.wrapped(&format!("! {}", printable(problem)), 5, 7)?;
            }
        }
        Ok(())
    }

    /// Those that were not told yet.
    pub(super) fn new_findings(&mut self, findings: &[Finding]) -> io::Result<()> {
        for finding in findings {
            let key = (finding.id, finding.title.clone());
            if !self.found.contains(&key) {
                self.found.push(key);
                self.finding(finding, 1)?;
            }
        }
        Ok(())
    }

    pub(super) fn all_findings(&mut self, findings: &[Finding]) -> io::Result<()> {
        for finding in findings {
            self.finding(finding, usize::MAX)?;
        }
        self.out.flush()
    }

    fn finding(&mut self, finding: &Finding, most: usize) -> io::Result<()> {
        let (id, title) = (finding.id, printable(&finding.title));
        let head = format!("{id}  {}: {title}", finding.confidence.name());
        self.wrapped(&head, 0, 6)?;
        for evidence in finding.evidence.iter().take(most) {
            let evidence = printable(&evidence.to_string());
            self.wrapped(&format!("seen: {evidence}"), 6, 12)?;
        }
        for remedy in finding.remedy.iter().take(most) {
            self.wrapped(&format!("try:  {}", printable(remedy)), 6, 12)?;
        }
        Ok(())
    }

    /// At spaces, where there are any.
    fn wrapped(&mut self, text: &str, first: usize, then: usize) -> io::Result<()> {
        let (mut indent, mut rest) = (first, text);
        while !rest.is_empty() {
            let room = COLUMNS - indent;
            let end = rest.char_indices().nth(room).map_or(rest.len(), |it| it.0);
            let cut = if end == rest.len() {
                end
            } else {
                rest[..end].rfind(' ').filter(|at| *at > 0).unwrap_or(end)
            };
            writeln!(self.out, "{:indent$}{}", "", &rest[..cut])?;
            rest = rest[cut..].trim_start();
            indent = then;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_wider_than_the_screen() {
        let mut out = Vec::new();
        let mut sheet = Sheet::new(&mut out);
        sheet.words(&"word ".repeat(60)).unwrap();
        sheet.words(&"é".repeat(200)).unwrap();
        sheet.bytes(true, &[0x7E; 100], &[]).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert!(
            text.lines().all(|line| line.chars().count() <= COLUMNS),
            "{text}"
        );
        assert_eq!(text.matches("word").count(), 60);
        assert_eq!(text.matches('é').count(), 200);
        assert_eq!(text.matches("7E").count(), 100);
    }
}
