//! Polls and the messages made of them: stored in one transaction, gone from the outbox only when acknowledged.
//!
//! Limits: readings and rejected messages are bounded below. The outbox is not: what was read waits for its broker
//! however long that takes, and only the disk ends it (a message is some 100 bytes a value; a full disk is said and
//! changes nothing). How many wait, and since when, stands in `broker show` and in the MQTT pane; `broker remove`
//! drops them.

use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::error::Fault;
use super::meters::timestamp;
use super::{Message, OutboxRow, QueueDepth, Render, StoredReading};
use crate::meter::{MeterId, Poll, Reading};

/// Readings kept over all meters; the oldest go first. Some 40 MB, checked at every start within a moment.
pub const READINGS_KEPT: i64 = 200_000;
/// Rejected messages kept for a person to look at; the count of them is kept apart.
const REJECTED_KEPT: i64 = 1_000;

pub(super) fn commit_poll(
    connection: &mut Connection,
    poll: &Poll,
    broker: Option<(i64, Render)>,
) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    let device: String = transaction
        .prepare_cached("SELECT coalesce(device, name) FROM meter WHERE id = ?")?
        .query_row([poll.meter.0], |row| row.get(0))
        .optional()?
        .ok_or_else(|| Fault::not_found("the meter was removed; its reading was not stored"))?;
    for reading in &poll.readings {
        insert_reading(&transaction, poll.meter, reading)?;
    }
    transaction
        .prepare_cached("DELETE FROM reading WHERE id <= (SELECT max(id) FROM reading) - ?")?
        .execute([READINGS_KEPT])?;
    if let Some((broker, render)) = broker {
        queue(&transaction, poll, broker, &device, render)?;
    }
    transaction.commit()?;
    Ok(())
}

fn insert_reading(
    transaction: &Transaction<'_>,
    meter: MeterId,
    reading: &Reading,
) -> Result<(), Fault> {
    let (value, raw, error) = match &reading.value {
        Ok(data) => (Some(reading.text()), Some(data.to_json().to_string()), None),
        Err(error) => (None, None, Some(error.to_string())),
    };
    transaction
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
    transaction: &Transaction<'_>,
    poll: &Poll,
    broker: i64,
    device: &str,
    render: Render,
) -> Result<(), Fault> {
    let known = transaction
        .prepare_cached("SELECT 1 FROM broker WHERE id = ?")?
        .exists([broker])?;
    if !known {
        return Err(Fault::not_found(
            "the broker was removed; the reading was not stored",
        ));
    }
    let number: i64 = transaction
        .prepare_cached("SELECT next FROM sequence WHERE broker = ? AND device = ?")?
        .query_row(params![broker, device], |row| row.get(0))
        .optional()?
        .unwrap_or(1);
    let messages: Vec<Message> = render(number.unsigned_abs());
    if messages.is_empty() {
        return Ok(());
    }
    let mut insert = transaction.prepare_cached(
        "INSERT INTO outbox (broker, meter, topic, payload, created_ms) VALUES (?, ?, ?, ?, ?)",
    )?;
    for Message { topic, payload } in messages {
        insert.execute(params![
            broker,
            poll.meter.0,
            topic,
            payload,
            poll.at.as_millisecond()
        ])?;
    }
    transaction
        .prepare_cached(
            "INSERT INTO sequence (broker, device, next) VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET next = excluded.next",
        )?
        .execute(params![broker, device, number + 1])?;
    Ok(())
}

pub(super) fn outbox(
    connection: &mut Connection,
    broker: i64,
    after: i64,
    limit: usize,
) -> Result<Vec<OutboxRow>, Fault> {
    let mut query = connection.prepare_cached(
        "SELECT id, topic, payload, created_ms FROM outbox
         WHERE broker = ? AND id > ? ORDER BY id LIMIT ?",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = query.query(params![broker, after, limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(OutboxRow {
            id: row.get("id")?,
            broker,
            topic: row.get("topic")?,
            payload: row.get("payload")?,
            created: timestamp(row.get("created_ms")?)?,
        });
    }
    Ok(found)
}

/// Rows already gone are no error: the acknowledgement may come twice.
pub(super) fn acknowledged(connection: &mut Connection, ids: &[i64]) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    {
        let mut delete = transaction.prepare_cached("DELETE FROM outbox WHERE id = ?")?;
        for id in ids {
            delete.execute([id])?;
        }
    }
    transaction.commit()?;
    Ok(())
}

/// Moves a message that can never be sent out of the way, and counts it.
pub(super) fn reject(connection: &mut Connection, id: i64, reason: &str) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    let moved = transaction.execute(
        "INSERT INTO rejected (id, broker, topic, payload, created_ms, reason)
         SELECT id, broker, topic, payload, created_ms, ? FROM outbox WHERE id = ?",
        params![reason, id],
    )?;
    if moved > 0 {
        transaction.execute(
            "UPDATE broker SET rejected = rejected + 1
             WHERE id = (SELECT broker FROM outbox WHERE id = ?)",
            [id],
        )?;
        transaction.execute("DELETE FROM outbox WHERE id = ?", [id])?;
        transaction.execute(
            "DELETE FROM rejected WHERE id NOT IN
                 (SELECT id FROM rejected ORDER BY id DESC LIMIT ?)",
            [REJECTED_KEPT],
        )?;
    }
    transaction.commit()?;
    Ok(())
}

pub(super) fn rejected(connection: &mut Connection, broker: i64) -> Result<u64, Fault> {
    let count: i64 = connection
        .prepare_cached("SELECT rejected FROM broker WHERE id = ?")?
        .query_row([broker], |row| row.get(0))
        .optional()?
        .unwrap_or(0);
    Ok(count.unsigned_abs())
}

pub(super) fn depth(connection: &mut Connection, broker: i64) -> Result<QueueDepth, Fault> {
    let (waiting, oldest): (i64, Option<i64>) = connection
        .prepare_cached(
            "SELECT count(*), (SELECT created_ms FROM outbox WHERE broker = ?1 ORDER BY id LIMIT 1)
             FROM outbox WHERE broker = ?1",
        )?
        .query_row([broker], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(QueueDepth {
        waiting: waiting.unsigned_abs(),
        oldest: oldest.map(timestamp).transpose()?,
    })
}

pub(super) fn unsent(connection: &mut Connection, meter: MeterId) -> Result<u64, Fault> {
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM outbox WHERE meter = ?")?
        .query_row([meter.0], |row| row.get(0))?;
    Ok(count.unsigned_abs())
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
