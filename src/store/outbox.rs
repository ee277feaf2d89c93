//! Messages that wait for their PUBACK: gone from the table when acknowledged, or when their broker's limits are reached,
//! the oldest first, counted. How many wait, and since when, stands in `mqtt queue` and in the MQTT pane.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, params};

use super::error::Fault;
use super::meters::timestamp;
use super::{Kind, Message, OutboxRow, QueueDepth};
use crate::meter::MeterId;

/// Octets of waiting messages that are fetched at once; the one that goes beyond still comes.
pub const LOT_BYTES: usize = 4 * 1024 * 1024;
/// Rows taken out at a time while there are too many bytes.
const FEW: i64 = 16;

pub(super) fn insert(
    connection: &Connection,
    broker: i64,
    meter: Option<MeterId>,
    at: Timestamp,
    messages: &[Message],
) -> Result<(), Fault> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO outbox (broker, meter, topic, payload, created_ms, kind, device, retain)
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )?;
    for message in messages {
        insert.execute(params![
            broker,
            meter.map(|meter| meter.0),
            message.topic,
            message.payload,
            at.as_millisecond(),
            message.kind.name(),
            message.device,
            message.retain,
        ])?;
    }
    Ok(())
}

/// What comes of no poll.
pub(super) fn enqueue(
    connection: &mut Connection,
    broker: i64,
    at: Timestamp,
    messages: &[Message],
) -> Result<u64, Fault> {
    let transaction = connection.transaction()?;
    insert(&transaction, broker, None, at, messages)?;
    let dropped = trim(&transaction, broker, at)?;
    transaction.commit()?;
    Ok(dropped)
}

/// Keeps a queue within its broker's limits; how many went, unsent.
pub(super) fn trim(connection: &Connection, broker: i64, now: Timestamp) -> Result<u64, Fault> {
    let mut dropped = 0;
    let (rows, bytes, age): (i64, i64, Option<i64>) = connection
        .prepare_cached("SELECT max_rows, max_bytes, max_age_ms FROM broker WHERE id = ?")?
        .query_row([broker], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
    if let Some(age) = age {
        // From the oldest on, up to the first that is young enough.
        dropped += connection
            .prepare_cached(
                "DELETE FROM outbox WHERE broker = ?1 AND created_ms < ?2 AND id <
                     coalesce((SELECT min(id) FROM outbox WHERE broker = ?1 AND created_ms >= ?2), 1 << 62)",
            )?
            .execute(params![broker, now.as_millisecond().saturating_sub(age)])?;
    }
    loop {
        let (waiting, held): (i64, i64) = connection
            .prepare_cached("SELECT waiting, waiting_bytes FROM broker WHERE id = ?")?
            .query_row([broker], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let excess = match waiting - rows {
            over if over > 0 => over,
            _ if held > bytes && waiting > 1 => FEW.min(waiting - 1),
            _ => break,
        };
        let gone = connection
            .prepare_cached(
                "DELETE FROM outbox WHERE id IN
                     (SELECT id FROM outbox WHERE broker = ? ORDER BY id LIMIT ?)",
            )?
            .execute(params![broker, excess])?;
        if gone == 0 {
            break;
        }
        dropped += gone;
    }
    let dropped = u64::try_from(dropped).unwrap_or(0);
    count_dropped(connection, broker, dropped)?;
    Ok(dropped)
}

fn count_dropped(connection: &Connection, broker: i64, dropped: u64) -> Result<(), Fault> {
    if dropped > 0 {
        connection
            .prepare_cached("UPDATE broker SET dropped = dropped + ? WHERE id = ?")?
            .execute(params![i64::try_from(dropped).unwrap_or(i64::MAX), broker])?;
    }
    Ok(())
}

/// All of it, because a person said so.
pub(super) fn drop_waiting(connection: &mut Connection, broker: i64) -> Result<u64, Fault> {
    let transaction = connection.transaction()?;
    let gone = transaction.execute("DELETE FROM outbox WHERE broker = ?", [broker])?;
    let gone = u64::try_from(gone).unwrap_or(u64::MAX);
    count_dropped(&transaction, broker, gone)?;
    transaction.commit()?;
    Ok(gone)
}

pub(super) fn rows(
    connection: &mut Connection,
    broker: i64,
    after: i64,
    limit: usize,
) -> Result<Vec<OutboxRow>, Fault> {
    let mut query = connection.prepare_cached(
        "SELECT id, broker, topic, payload, created_ms, kind, device, retain, attempts FROM outbox
         WHERE broker = ? AND id > ? ORDER BY id LIMIT ?",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = query.query(params![broker, after, limit])?;
    let mut found = Vec::new();
    let mut octets = 0;
    while octets < LOT_BYTES
        && let Some(row) = rows.next()?
    {
        let row = from_row(row)?;
        octets += row.octets();
        found.push(row);
    }
    Ok(found)
}

pub(super) fn from_row(row: &rusqlite::Row<'_>) -> Result<OutboxRow, Fault> {
    let kind: String = row.get("kind")?;
    Ok(OutboxRow {
        id: row.get("id")?,
        broker: row.get("broker")?,
        topic: row.get("topic")?,
        payload: row.get("payload")?,
        created: timestamp(row.get("created_ms")?)?,
        kind: Kind::named(&kind).ok_or_else(|| Fault::Row(format!("no message is a {kind:?}")))?,
        device: row.get("device")?,
        retain: row.get("retain")?,
        attempts: row.get("attempts")?,
    })
}

/// Rows already gone are no error: the acknowledgement may come twice.
pub(super) fn acknowledged(connection: &mut Connection, ids: &[i64]) -> Result<Vec<Sent>, Fault> {
    // Should the power fail before this reaches the disk, a message comes twice. That is what at-least-once means, and
    // waiting for the disk after each would cost most of the throughput.
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    let done = delete(connection, ids);
    connection.pragma_update(None, "synchronous", "FULL")?;
    done
}

/// What the broker has of a meter: octets of topic and payload.
pub(super) struct Sent {
    pub meter: MeterId,
    pub bytes: u64,
}

fn delete(connection: &mut Connection, ids: &[i64]) -> Result<Vec<Sent>, Fault> {
    let transaction = connection.transaction()?;
    let mut sent = Vec::with_capacity(ids.len());
    {
        let mut statement = transaction.prepare_cached(
            "DELETE FROM outbox WHERE id = ?
             RETURNING meter, length(CAST(topic AS BLOB)) + length(payload)",
        )?;
        for id in ids {
            let gone = statement
                .query_row([id], |row| {
                    Ok((row.get::<_, Option<i64>>(0)?, row.get::<_, i64>(1)?))
                })
                .optional()?;
            if let Some((Some(meter), bytes)) = gone {
                sent.push(Sent {
                    meter: MeterId(meter),
                    bytes: bytes.unsigned_abs(),
                });
            }
        }
    }
    transaction.commit()?;
    Ok(sent)
}

/// They were under way when a connection ended.
pub(super) fn attempted(connection: &mut Connection, ids: &[i64]) -> Result<(), Fault> {
    each(
        connection,
        "UPDATE outbox SET attempts = attempts + 1 WHERE id = ?",
        ids,
    )
}

fn each(connection: &mut Connection, sql: &str, ids: &[i64]) -> Result<(), Fault> {
    let transaction: Transaction<'_> = connection.transaction()?;
    {
        let mut statement = transaction.prepare_cached(sql)?;
        for id in ids {
            statement.execute([id])?;
        }
    }
    transaction.commit()?;
    Ok(())
}

pub(super) fn depth(connection: &mut Connection, broker: i64) -> Result<QueueDepth, Fault> {
    let found = connection
        .prepare_cached(
            "SELECT waiting, waiting_bytes, dropped, dead, rejected,
                 (SELECT created_ms FROM outbox WHERE broker = ?1 ORDER BY id LIMIT 1)
             FROM broker WHERE id = ?1",
        )?
        .query_row([broker], |row| {
            let count = |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, i64>(at)?.unsigned_abs());
            let oldest: Option<i64> = row.get(5)?;
            let depth = QueueDepth {
                waiting: count(0)?,
                bytes: count(1)?,
                dropped: count(2)?,
                dead: count(3)?,
                rejected: count(4)?,
                oldest: None,
            };
            Ok::<_, rusqlite::Error>((depth, oldest))
        })
        .optional()?;
    let Some((depth, oldest)) = found else {
        return Ok(QueueDepth::default());
    };
    Ok(QueueDepth {
        oldest: oldest.map(timestamp).transpose()?,
        ..depth
    })
}

pub(super) fn unsent(connection: &mut Connection, meter: MeterId) -> Result<u64, Fault> {
    let count: i64 = connection
        .prepare_cached("SELECT count(*) FROM outbox WHERE meter = ?")?
        .query_row([meter.0], |row| row.get(0))?;
    Ok(count.unsigned_abs())
}
