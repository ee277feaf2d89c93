//! The frames that prove what was found. The rule: a finding names frames by number, and the number is the row's own.
use super::{TracePane, TraceRow};
use crate::diagnosis::Finding;

impl TracePane {
    /// What the frames of this pane show, best first: what the bench says of them goes before.
    pub fn findings(&self) -> impl Iterator<Item = &Finding> {
        self.bench.iter().chain(&self.findings)
    }

    /// What the bench found; its frames count from the record `from` on, the rows' from the first that was held.
    pub fn find_at_bench(&mut self, from: u64, findings: &[Finding]) {
        let before = self.rows.iter().take_while(|row| row.seq < from);
        let last = before.filter_map(|row| row.frame).last();
        let first = self.rows.iter().find_map(|row| row.frame);
        let base = last.or(first.map(|first| first.saturating_sub(1)));
        let mut findings = findings.to_vec();
        for evidence in findings.iter_mut().flat_map(|it| &mut it.evidence) {
            evidence.frame = evidence.frame.map(|frame| frame + base.unwrap_or(0));
        }
        self.bench = findings;
    }

    pub fn find(&mut self, findings: Vec<Finding>) {
        self.findings = findings;
    }

    /// The id of the best finding this row proves.
    pub fn proves(&self, row: &TraceRow) -> Option<&'static str> {
        let number = row.frame?;
        let proves = |finding: &&Finding| finding.evidence.iter().any(|e| e.frame == Some(number));
        self.findings().find(proves).map(|finding| finding.id)
    }

    /// To the next frame that proves the finding `id` (the best one without), its octets marked. None: none is held.
    pub fn jump_proof(&mut self, id: Option<&str>) -> Option<&'static str> {
        let finding = match id {
            Some(id) => self.findings().find(|finding| finding.id == id)?,
            None => self.findings().next()?,
        };
        let id = finding.id;
        let mut proofs: Vec<(u64, Option<usize>)> = finding
            .evidence
            .iter()
            .filter_map(|evidence| {
                let row = self.frame(evidence.frame?)?;
                Some((row.seq, evidence.octets.as_ref().map(|octets| octets.start)))
            })
            .collect();
        proofs.sort_unstable();
        proofs.dedup_by_key(|(seq, _)| *seq);
        let here = if self.follow {
            None
        } else {
            self.selected_seq()
        };
        let next = proofs
            .iter()
            .find(|(seq, _)| here.is_none_or(|here| *seq > here))
            .or(proofs.first());
        let (seq, octet) = *next?;
        if !self.passes(seq) {
            self.set_filter("");
        }
        self.choose(seq);
        if let Some(octet) = octet
            && let Some(fields) = self.explained().map(|explained| &explained.fields)
        {
            let holds = |field: &&crate::dlms::explain::Field| {
                field.offset <= octet && octet < field.offset + field.length
            };
            // The smallest that holds it says most.
            let best = fields.iter().enumerate().filter(|(_, f)| holds(f));
            if let Some((at, _)) = best.min_by_key(|(_, field)| field.length) {
                self.field = at;
            }
        }
        Some(id)
    }

    fn frame(&self, number: u64) -> Option<&TraceRow> {
        self.rows.iter().find(|row| row.frame == Some(number))
    }
}
