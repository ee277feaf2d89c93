//! Where a recorded session stands: the ladder, the counters and the findings, from its frames. The rule: nothing is
//! assumed; a rung is done when its frame was seen.
use crate::diagnosis::{Engine, Observation, Settings, of_note};
use crate::meter::document::{Entry, said};
use crate::meter::status::{LastError, Rung, RungState};
use crate::meter::tap::{Chunk, Direction, Note};
use crate::meter::{MeterStatus, Phase};
use crate::tui::app::trace::{TraceRow, What};
use std::time::{Duration, Instant};

#[derive(Debug)]
pub(super) struct Course {
    engine: Engine,
    status: MeterStatus,
    now: tokio::time::Instant,
    last: i64,
}

impl Course {
    pub(super) fn new(now: Instant) -> Self {
        let now = tokio::time::Instant::from_std(now);
        Self {
            engine: Engine::new(Settings::default()),
            status: MeterStatus::new(now, 0),
            now,
            last: 0,
        }
    }

    pub(super) fn status(&self) -> MeterStatus {
        let mut status = self.status.clone();
        status.findings = self.engine.findings().into();
        status
    }

    pub(super) fn take(&mut self, entry: &Entry, rows: &[TraceRow], now: Instant) {
        self.now = tokio::time::Instant::from_std(now);
        self.last = entry.at.as_millisecond();
        observe(&mut self.engine, self.last, &entry.what);
        match &entry.what {
            Chunk::Note(Note::Connected) => {
                self.status.rungs = Default::default();
                self.done(Rung::Tcp, None, "");
                self.phase(Phase::Associating);
                self.status.counters.connects += 1;
            }
            Chunk::Note(Note::Closed) => self.phase(Phase::Stopped),
            Chunk::Note(Note::Text(_)) => {}
            Chunk::Bytes { direction, bytes } => {
                let count = bytes.len() as u64;
                match direction {
                    Direction::Sent => self.status.counters.bytes_sent += count,
                    Direction::Received => {
                        self.status.counters.bytes_received += count;
                        self.status.last_received = Some(self.now);
                    }
                }
            }
        }
        for row in rows {
            self.row(row);
        }
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self) {
        self.engine.observe(self.last, &Observation::Quiet);
    }

    fn row(&mut self, row: &TraceRow) {
        let What::Frame {
            direction,
            explained,
            ..
        } = &row.what
        else {
            return;
        };
        match direction {
            Direction::Sent => self.status.link.frames_sent += 1,
            Direction::Received => self.status.link.frames_received += 1,
        }
        let said = explained.summary.as_str();
        match explained.kind.as_str() {
            "SNRM" => {
                self.done(Rung::Snrm, None, "sent");
                self.set(Rung::Ua, RungState::Active);
                self.phase(Phase::Associating);
            }
            "UA" if self.status.phase == Phase::Associating => self.done(Rung::Ua, row.took, ""),
            "AARQ" => {
                self.done(Rung::Aarq, None, "sent");
                self.set(Rung::Aare, RungState::Active);
                self.phase(Phase::Associating);
            }
            "AARE" if explained.trouble => {
                let why = if said.is_empty() { "refused" } else { said }.to_owned();
                let what = format!("the meter refused the association: {why}");
                self.refused(row, Rung::Aare, why, what);
            }
            "AARE" => {
                self.done(Rung::Aare, row.took, said);
                self.done(Rung::Ready, None, "");
                self.status.ready_since = Some(self.now);
                self.phase(Phase::Ready);
            }
            "DISC" => self.phase(Phase::Releasing),
            "DM" if self.status.phase == Phase::Associating => {
                let what = "the meter is disconnected (DM)";
                self.refused(row, Rung::Ua, what.to_owned(), what.to_owned());
            }
            "FRMR" => {
                let what = "the meter rejected a frame (FRMR)";
                self.refused(row, Rung::Ua, what.to_owned(), what.to_owned());
            }
            kind if kind.starts_with("GET.request") => self.status.counters.gets += 1,
            kind if kind.starts_with("GET.response") && explained.trouble => {
                self.status.counters.get_errors += 1;
            }
            _ => {}
        }
    }

    /// Nothing goes on from here by itself.
    fn refused(&mut self, row: &TraceRow, rung: Rung, why: String, what: String) {
        self.set(rung, RungState::Failed { why });
        self.phase(Phase::NeedsPerson);
        let findings = self.engine.findings();
        let remedy = findings.first().and_then(|finding| finding.remedy.first());
        self.status.last_error = Some(LastError {
            at: row.at,
            what,
            try_next: remedy.cloned().unwrap_or_default(),
        });
    }

    fn phase(&mut self, phase: Phase) {
        self.status.phase = phase;
        self.status.since = self.now;
    }

    fn set(&mut self, rung: Rung, state: RungState) {
        if let Some(slot) = self.status.rungs.get_mut(rung as usize) {
            *slot = state;
        }
    }

    fn done(&mut self, rung: Rung, took: Option<Duration>, detail: &str) {
        let state = RungState::Done {
            took: took.unwrap_or_default(),
            detail: detail.to_owned(),
        };
        self.set(rung, state);
    }
}

/// Tells the engine what a record says.
pub fn observe(engine: &mut Engine, at: i64, what: &Chunk) {
    let seen = match what {
        Chunk::Bytes { direction, bytes } => Some(Observation::Bytes((*direction).into(), bytes)),
        Chunk::Note(note) => of_note(said(note)),
    };
    if let Some(seen) = seen {
        engine.observe(at, &seen);
    }
}
