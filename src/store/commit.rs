//! What was read, committed with the messages made of it: all of a poll or nothing. The rule: a poll that cannot be stored
//! takes no other with it, unless the database itself says no; then nothing of the lot was done.

use rusqlite::{Connection, OptionalExtension, params};

use super::error::{Fault, StoreError};
use super::meters::timestamp;
use super::outbox::{insert, trim};
use super::{Committed, Kind, Lot, Message, Render, StoredReading};
use crate::meter::{MeterId, Poll, Reading};

/// Readings kept over all meters; the oldest go first. Some 40 MB, checked at every start within a moment.
pub const READINGS_KEPT: i64 = 200_000;

/// One transaction; an answer for each poll.
pub(super) fn polls(
    connection: &mut Connection,
    lot: Vec<Lot>,
) -> Result<Vec<Result<Committed, StoreError>>, Fault> {
    let mut transaction = connection.transaction()?;
    let mut done = Vec::with_capacity(lot.len());
    for (poll, outlet) in lot {
        let savepoint = transaction.savepoint()?;
        match one(&savepoint, &poll, outlet) {
            Ok(committed) => {
                savepoint.commit()?;
                done.push(Ok(committed));
            }
            // Dropping the savepoint takes back what this one did.
            Err(Fault::Refused(refused)) => done.push(Err(refused)),
            Err(fault) => return Err(fault),
        }
    }
    transaction
        .prepare_cached("DELETE FROM reading WHERE id <= (SELECT max(id) FROM reading) - ?")?
        .execute([READINGS_KEPT])?;
    transaction.commit()?;
    Ok(done)
}

fn one(
    connection: &Connection,
    poll: &Poll,
    outlet: Option<(i64, Render)>,
) -> Result<Committed, Fault> {
    let device: String = connection
        .prepare_cached("SELECT coalesce(device, name) FROM meter WHERE id = ?")?
        .query_row([poll.meter.0], |row| row.get(0))
        .optional()?
        .ok_or_else(|| Fault::not_found("the meter was removed; its reading was not stored"))?;
    for reading in &poll.readings {
        insert_reading(connection, poll.meter, reading)?;
    }
    match outlet {
        Some((broker, render)) => queue(connection, poll, broker, &device, &render),
        None => Ok(Committed::default()),
    }
}

fn insert_reading(connection: &Connection, meter: MeterId, reading: &Reading) -> Result<(), Fault> {
    let (value, raw, error) = match &reading.value {
        Ok(data) => (Some(reading.text()), Some(data.to_json().to_string()), None),
        Err(error) => (None, None, Some(error.to_string())),
    };
    connection
        .prepare_cached(
            "INSERT INTO reading (meter, key, class, obis, attribute, at_ms, value, raw, unit, error)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            meter.0,
            reading.key,
            reading.attribute.class,
            reading.attribute.obis.to_string(),
            reading.attribute.attribute,
            reading.at.as_millisecond(),
            value,
            raw,
            reading.scaler_unit.map(|scaler_unit| scaler_unit.unit.0),
            error,
        ])?;
    Ok(())
}

/// Counts only when something was said, so that a receiver sees no gap.
fn queue(
    connection: &Connection,
    poll: &Poll,
    broker: i64,
    device: &str,
    render: &Render,
) -> Result<Committed, Fault> {
    let known = connection
        .prepare_cached("SELECT 1 FROM broker WHERE id = ?")?
        .exists([broker])?;
    if !known {
        return Err(Fault::not_found(
            "the broker was removed; the reading was not stored",
        ));
    }
    let number: i64 = connection
        .prepare_cached("SELECT next FROM sequence WHERE broker = ? AND device = ?")?
        .query_row(params![broker, device], |row| row.get(0))
        .optional()?
        .unwrap_or(1);
    let messages: Vec<Message> = render(number.unsigned_abs());
    if messages.is_empty() {
        return Ok(Committed::default());
    }
    insert(connection, broker, Some(poll.meter), poll.at, &messages)?;
    connection
        .prepare_cached(
            "INSERT INTO sequence (broker, device, next) VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET next = excluded.next",
        )?
        .execute(params![broker, device, number + 1])?;
    let dropped = trim(connection, broker, poll.at)?;
    Ok(Committed {
        messages: messages.len(),
        telemetry: (messages.iter())
            .filter(|message| message.kind == Kind::Telemetry)
            .count(),
        dropped,
    })
}

pub(super) fn readings(
    connection: &mut Connection,
    meter: MeterId,
    key: &str,
    limit: usize,
) -> Result<Vec<StoredReading>, Fault> {
    let mut query = connection.prepare_cached(
        "SELECT obis, at_ms, value, raw, unit, error FROM reading
         WHERE meter = ? AND key = ? ORDER BY id DESC LIMIT ?",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = query.query(params![meter.0, key, limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(StoredReading {
            obis: row.get("obis")?,
            at: timestamp(row.get("at_ms")?)?,
            value: row.get("value")?,
            raw: row.get("raw")?,
            unit: row.get("unit")?,
            error: row.get("error")?,
        });
    }
    found.reverse();
    Ok(found)
}
