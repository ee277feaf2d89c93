//! Everything that can happen to the screen, as values. The rule: what is not here cannot
//! change the model.
use super::key::{Key, Mouse};
use super::shown::Shown;
use super::trace::TraceRow;
use crate::headend::{Changes, Notice};
use crate::meter::MeterId;
use crate::store::Series;
use std::time::Instant;

/// The moment a message belongs to. `mono` must come from the clock the head-end uses:
/// `tokio::time::Instant::now().into_std()`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    pub wall: jiff::Timestamp,
    pub mono: Instant,
}

#[derive(Clone, Debug)]
pub enum Msg {
    /// Time has passed. Send one before other messages when the last is old, and at the
    /// latest once a second.
    Tick(Now),
    Changes(Changes),
    /// Frames of the meter asked for by `Effect::FollowTrace`, oldest first; `lost` rows of
    /// it were dropped before the first.
    Trace {
        meter: MeterId,
        rows: Vec<TraceRow>,
        lost: u64,
        /// What all frames so far show, where that was looked at.
        findings: Option<Vec<crate::diagnosis::Finding>>,
    },
    /// More of the trace that is replayed.
    Recorded(super::replay::Batch),
    /// So much time passed for a replay.
    Play(std::time::Duration),
    Key(Key),
    Mouse(Mouse),
    /// Text pasted into the terminal: it goes into a field or nowhere, it never fires keys.
    Paste(String),
    Resize {
        width: u16,
        height: u16,
    },
    /// The answer to `Effect::Command` of the same number.
    CommandDone {
        ticket: u64,
        result: Result<(), String>,
    },
    Notice(Notice),
    /// The answer to `Effect::History` of the same number.
    History {
        ticket: u64,
        result: Result<Series, String>,
    },
    /// How the terminal's own line is doing.
    Line(Line),
    /// What the last `view::draw` put where.
    Shown(Shown),
}

/// The terminal's own line: what the screen costs and whether it keeps up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Line {
    /// Bytes written to the terminal in the last second.
    pub bytes_per_second: u64,
    /// The reduced frame rate when the line is slow.
    pub slow: Option<u16>,
}
