//! A cycle on its way into the history, and the steps it closes. The rule: all of it is part of the transaction that commits
//! the cycle; a step is summed up when the first cycle after it comes, from the rows of the step below.

use std::collections::BTreeMap;

use rusqlite::{Connection, OptionalExtension, params};

use super::cycle::{self, Entry, Owned, SPAN_MS};
use super::octets::Writer;
use super::series::{self, Named};
use super::summary::{self, Summary};
use super::{CYCLES, STEPS};
use crate::meter::{MeterId, Reading};
use crate::store::error::Fault;

/// What a row takes beside its body, about: its place and key, and that pages are not full.
pub(super) const ROW_BYTES: i64 = 28;

/// Rows and octets that came, by step; written down once a transaction.
#[derive(Default)]
pub(in crate::store) struct Grown(BTreeMap<i64, (i64, i64)>);

impl Grown {
    pub fn add(&mut self, step: i64, rows: i64, body: i64) {
        let (all, bytes) = self.0.entry(step).or_default();
        *all += rows;
        *bytes += rows * ROW_BYTES + body;
    }

    pub fn settle(self, connection: &Connection) -> Result<(), Fault> {
        for (step, (rows, bytes)) in self.0 {
            connection
                .prepare_cached(
                    "UPDATE history_step SET rows = rows + ?, bytes = bytes + ? WHERE step = ?",
                )?
                .execute(params![rows, bytes, step])?;
        }
        Ok(())
    }

    /// What else came in the same transaction.
    pub fn merge(&mut self, other: Self) {
        for (step, (rows, bytes)) in other.0 {
            let (all, sum) = self.0.entry(step).or_default();
            *all += rows;
            *sum += bytes;
        }
    }
}

/// Stores what one cycle read.
pub(in crate::store) fn cycle(
    connection: &Connection,
    meter: MeterId,
    readings: &[Reading],
) -> Result<Grown, Fault> {
    let mut grown = Grown::default();
    let mut known = series::all(connection, meter)?;
    let mut rest = readings;
    while let Some(first) = rest.first() {
        let at = first.at.as_millisecond();
        let mut body = Writer(Vec::with_capacity(rest.len() * 8));
        let mut took = 0;
        for reading in rest {
            let after = reading.at.as_millisecond() - at;
            let Some(after) = u32::try_from(after)
                .ok()
                .filter(|it| i64::from(*it) <= SPAN_MS)
            else {
                break;
            };
            let number = series::of(connection, meter, &mut known, reading)?;
            let value = Owned::of(reading);
            let value = value.borrow();
            let entry = Entry {
                number,
                after,
                value,
            };
            cycle::write(&mut body, &entry);
            took += 1;
        }
        row(connection, meter, at, &body.0, &known, &mut grown)?;
        rest = rest.get(took..).unwrap_or_default();
    }
    Ok(grown)
}

/// One row of values, and the steps that are over with it.
pub(super) fn row(
    connection: &Connection,
    meter: MeterId,
    at: i64,
    body: &[u8],
    known: &[Named],
    grown: &mut Grown,
) -> Result<(), Fault> {
    let newest: Option<i64> = connection
        .prepare_cached(
            "SELECT at_ms FROM history WHERE meter = ? AND step = 0 ORDER BY at_ms DESC LIMIT 1",
        )?
        .query_row([meter.0], |row| row.get(0))
        .optional()?;
    if !insert(connection, meter, CYCLES, at, body)? {
        return Ok(());
    }
    grown.add(CYCLES, 1, length(body));
    match newest {
        Some(newest) if newest <= at => close(connection, meter, newest, at, known, grown),
        // The clock was put back: what is over already is summed up anew.
        Some(newest) => close(connection, meter, at, newest, known, grown),
        None => Ok(()),
    }
}

pub(super) fn length(body: &[u8]) -> i64 {
    i64::try_from(body.len()).unwrap_or(i64::MAX)
}

/// False where the very same is there already. Another row of the same millisecond is another row.
pub(super) fn insert(
    connection: &Connection,
    meter: MeterId,
    step: i64,
    at: i64,
    body: &[u8],
) -> Result<bool, Fault> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO history (meter, step, at_ms, again, body) VALUES (?, ?, ?, ?, ?)
         ON CONFLICT DO NOTHING",
    )?;
    if insert.execute(params![meter.0, step, at, 0, body])? == 1 {
        return Ok(true);
    }
    let same = connection
        .prepare_cached(
            "SELECT 1 FROM history WHERE meter = ? AND step = ? AND at_ms = ? AND body = ?",
        )?
        .exists(params![meter.0, step, at, body])?;
    if same {
        return Ok(false);
    }
    let again: i64 = connection
        .prepare_cached(
            "SELECT max(again) + 1 FROM history WHERE meter = ? AND step = ? AND at_ms = ?",
        )?
        .query_row(params![meter.0, step, at], |row| row.get(0))?;
    insert.execute(params![meter.0, step, at, again, body])?;
    Ok(true)
}

/// The steps that hold `at` and are over, because `newest` is in a later one.
fn close(
    connection: &Connection,
    meter: MeterId,
    at: i64,
    newest: i64,
    known: &[Named],
    grown: &mut Grown,
) -> Result<(), Fault> {
    let mut below = CYCLES;
    for step in STEPS {
        let width = step * 1_000;
        let begin = at.div_euclid(width) * width;
        if begin == newest.div_euclid(width) * width {
            break;
        }
        let sums = sum_up(connection, meter, below, begin..begin + width, known)?;
        keep(connection, meter, step, begin, sums, grown)?;
        below = step;
    }
    Ok(())
}

type Sums = BTreeMap<u32, Summary>;

fn sum_up(
    connection: &Connection,
    meter: MeterId,
    below: i64,
    span: std::ops::Range<i64>,
    known: &[Named],
) -> Result<Sums, Fault> {
    let scale = |number: u32| {
        let found = known.binary_search_by_key(&number, |it| it.number).ok();
        found.and_then(|at| known.get(at)).map_or(0, Named::scale)
    };
    let mut sums = Sums::new();
    let mut add = |number: u32, later: Summary| match sums.entry(number) {
        std::collections::btree_map::Entry::Vacant(free) => {
            free.insert(later);
        }
        std::collections::btree_map::Entry::Occupied(mut held) => {
            held.get_mut().add(&later, scale(number));
        }
    };
    let mut query = connection.prepare_cached(
        "SELECT body FROM history WHERE meter = ? AND step = ? AND at_ms >= ? AND at_ms < ?
         ORDER BY at_ms, again",
    )?;
    let mut rows = query.query(params![meter.0, below, span.start, span.end])?;
    while let Some(row) = rows.next()? {
        let body = row.get_ref(0)?.as_blob().unwrap_or_default();
        if below == CYCLES {
            for entry in cycle::entries(body) {
                if let Some(number) = entry.value.decimal(scale(entry.number)) {
                    add(entry.number, Summary::of(number));
                }
            }
        } else {
            for (number, later) in summary::entries(body) {
                add(number, later);
            }
        }
    }
    Ok(sums)
}

fn keep(
    connection: &Connection,
    meter: MeterId,
    step: i64,
    begin: i64,
    mut sums: Sums,
    grown: &mut Grown,
) -> Result<(), Fault> {
    let before: Option<Vec<u8>> = connection
        .prepare_cached(
            "SELECT body FROM history WHERE meter = ? AND step = ? AND at_ms = ? AND again = 0",
        )?
        .query_row(params![meter.0, step, begin], |row| row.get(0))
        .optional()?;
    if let Some(before) = &before {
        // What stands for more is right: some of what it was made of may be too old to be there still.
        for (number, old) in summary::entries(before) {
            if sums.get(&number).is_none_or(|new| new.count < old.count) {
                sums.insert(number, old);
            }
        }
    }
    if sums.is_empty() {
        return Ok(());
    }
    let mut body = Writer(Vec::with_capacity(sums.len() * 16));
    for (number, sum) in &sums {
        summary::write(&mut body, *number, sum);
    }
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO history (meter, step, at_ms, again, body) VALUES (?, ?, ?, 0, ?)",
        )?
        .execute(params![meter.0, step, begin, body.0])?;
    let new = i64::from(before.is_none());
    let freed = before.map_or(0, |before| length(&before));
    grown.add(step, new, length(&body.0) - freed);
    Ok(())
}
