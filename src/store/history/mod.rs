//! What was read, kept for long: every reading as it came, and its steps (a minute, a quarter of an hour, three hours, a day)
//! for charts; and what went over the wire for it.
//!
//! The rule: a value that came from a meter is never altered. A reading is raw and scaler, exact, until it is too old to be
//! kept; only what stands for many readings (lowest, mean, highest) may be a float.

mod adopt;
mod cycle;
mod keep;
mod network;
mod octets;
mod query;
pub(super) mod record;
mod series;
mod summary;
#[cfg(test)]
mod tests;

use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;

use super::error::{Fault, StoreError};
use super::worker::Worker;
use super::{Store, open};
use crate::meter::MeterId;
pub(super) use adopt::adopt;
pub use keep::{Held, Keep};
pub(super) use network::Acknowledged;
pub use network::Traffic;
pub(super) use query::readings;
pub(super) use series::forget;

/// Cycles as they were read.
const CYCLES: i64 = 0;
/// Seconds of each step; a step is made of the one before.
const STEPS: [i64; 4] = [60, 900, 10_800, 86_400];
const NETWORK: i64 = -60;

/// One curve of a chart.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    pub meter: MeterId,
    /// As the polled object's, `voltage_l1`.
    pub key: String,
    /// Itself included.
    pub from: Timestamp,
    /// Itself not.
    pub to: Timestamp,
    /// Wanted at most, evenly over the time; [`MOST_POINTS`] are the most there are. One more may come, where the time does
    /// not begin with a step.
    pub points: usize,
}

/// Numbers of one key, oldest first; there is no point where nothing was read.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Series {
    /// What a point stands for; zero where each is one reading. Where finer ones are gone, points are further apart.
    pub step: Duration,
    /// Code of the unit (`cosem::Unit`), the newest if it ever changed.
    pub unit: Option<u8>,
    pub points: Vec<Point>,
}

/// One reading, or all of a step.
#[derive(Clone, Debug, PartialEq)]
pub struct Point {
    /// When it was read, or when the step begins; steps begin at whole multiples since 1970 UTC.
    pub at: Timestamp,
    pub min: f64,
    pub mean: f64,
    pub max: f64,
    /// Exact decimals of the first and the last reading: a register that counts has gone from one to the other.
    pub first: String,
    pub last: String,
    pub count: u64,
}

/// A screen has no more columns, and a query stays quick.
pub const MOST_POINTS: usize = 2_000;

/// One reading as it is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    pub at: Timestamp,
    pub key: String,
    pub class: u16,
    pub obis: String,
    pub attribute: i8,
    /// Exact decimal or text.
    pub value: Option<String>,
    /// As the meter sent it, JSON.
    pub raw: Option<String>,
    /// Of numbers.
    pub scaler: Option<i8>,
    pub unit: Option<u8>,
    pub error: Option<String>,
}

/// What there are readings of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Track {
    pub key: String,
    pub class: u16,
    pub obis: String,
    pub attribute: i8,
    pub unit: Option<u8>,
}

/// Where a page ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    at: i64,
    again: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Page {
    pub readings: Vec<Recorded>,
    /// Ask again from here; none: that was all.
    pub next: Option<Place>,
}

/// Of a page.
const PAGE_ROWS: usize = 4_000;
/// Network figures committed together.
const NETWORK_ROWS: usize = 500;

impl Store {
    /// Numbers of one key for a chart, from the coarsest step that is fine enough. Bounded work; the writer does not wait.
    pub async fn history(&self, query: Query) -> Result<Series, StoreError> {
        self.reader()?
            .run(move |connection| {
                let snapshot = snapshot(connection)?;
                query::chart(&snapshot, &query)
            })
            .await
    }

    /// Steps of exactly this width (a millisecond at least), from whole multiples of it; as many as the time has.
    pub async fn history_steps(
        &self,
        meter: MeterId,
        key: &str,
        from: Timestamp,
        to: Timestamp,
        width: Duration,
    ) -> Result<Series, StoreError> {
        let key = key.to_owned();
        let span = (from.as_millisecond(), to.as_millisecond());
        let width = i64::try_from(width.as_millis()).unwrap_or(i64::MAX).max(1);
        self.reader()?
            .run(move |connection| {
                let snapshot = snapshot(connection)?;
                query::steps(&snapshot, meter, &key, span, width)
            })
            .await
    }

    /// Readings as they came, oldest first, a page at a time.
    pub async fn recorded(
        &self,
        meter: MeterId,
        keys: Vec<String>,
        from: Timestamp,
        to: Timestamp,
        after: Option<Place>,
    ) -> Result<Page, StoreError> {
        self.reader()?
            .run(move |connection| {
                let snapshot = snapshot(connection)?;
                query::page(&snapshot, meter, &keys, (from, to), after, PAGE_ROWS)
            })
            .await
    }

    /// What there are readings of, in the order they were first read.
    pub async fn tracks(&self, meter: MeterId) -> Result<Vec<Track>, StoreError> {
        self.reader()?
            .run(move |connection| query::tracks(connection, meter))
            .await
    }

    /// What went over the wire, oldest first.
    pub async fn network(
        &self,
        meter: MeterId,
        from: Timestamp,
        to: Timestamp,
        limit: usize,
    ) -> Result<Vec<Traffic>, StoreError> {
        self.reader()?
            .run(move |connection| network::rows(connection, meter, (from, to), limit))
            .await
    }

    /// A row each.
    pub async fn keep_network(&self, rows: Vec<(MeterId, Traffic)>) -> Result<(), StoreError> {
        let mut rows = rows;
        while !rows.is_empty() {
            let rest = rows.split_off(rows.len().min(NETWORK_ROWS));
            self.worker
                .run(move |connection| network::keep(connection, &rows))
                .await?;
            rows = rest;
        }
        Ok(())
    }

    /// Messages that brokers acknowledged since this was last asked, and their octets, by meter.
    pub fn take_acknowledged(&self) -> BTreeMap<MeterId, (u64, u64)> {
        super::locked(&self.acknowledged).take()
    }

    pub async fn keep(&self) -> Result<Keep, StoreError> {
        self.worker.run(|connection| keep::get(connection)).await
    }

    /// Refused with the reason where next to nothing would be kept. What is too much then goes with [`Self::tidy`].
    pub async fn set_keep(&self, keep: Keep) -> Result<(), StoreError> {
        self.worker
            .run(move |connection| keep::set(connection, &keep))
            .await
    }

    /// What is held, by step.
    pub async fn held(&self) -> Result<Vec<Held>, StoreError> {
        self.worker.run(|connection| keep::held(connection)).await
    }

    /// Removes what is too old or too much, and what is left of deleted meters; how many rows. Commits go on in between.
    pub async fn tidy(&self, now: Timestamp) -> Result<u64, StoreError> {
        let mut tidying = keep::Tidying::new(now.as_millisecond());
        while !tidying.done {
            tidying = self
                .worker
                .run(move |connection| tidying.on(connection))
                .await?;
        }
        Ok(tidying.removed)
    }

    /// Looks without waiting for the writer, on a thread and connection of its own; the same one where all runs inline.
    pub(super) fn reader(&self) -> Result<Worker, StoreError> {
        if self.worker.is_inline() {
            return Ok(self.worker.clone());
        }
        let mut reader = super::locked(&self.reader);
        if let Some(reader) = &*reader {
            return Ok(reader.clone());
        }
        let made = Worker::thread(self.path(), open::reader(self.path())?)?;
        *reader = Some(made.clone());
        Ok(made)
    }
}

/// All rows of one look are of one moment.
fn snapshot(connection: &mut rusqlite::Connection) -> Result<rusqlite::Transaction<'_>, Fault> {
    Ok(connection.transaction_with_behavior(rusqlite::TransactionBehavior::Deferred)?)
}
