//! Messages set aside because no broker would ever take them: looked at, tried again or thrown away by a person. The rule:
//! none is thrown away by itself; when there is no more room for them, the queue stops instead.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

use super::DeadRow;
use super::error::Fault;
use super::meters::timestamp;
use super::outbox::from_row;

/// Of one broker.
pub(super) const KEPT: i64 = 1_000;

/// Moves a message that can never be sent out of the way, and counts it. False where there is no more room: nothing
/// was changed.
pub(super) fn reject(
    connection: &mut Connection,
    id: i64,
    reason: &str,
    at: Timestamp,
) -> Result<bool, Fault> {
    let transaction = connection.transaction()?;
    let dead: Option<i64> = transaction
        .query_row(
            "SELECT dead FROM broker WHERE id = (SELECT broker FROM outbox WHERE id = ?)",
            [id],
            |row| row.get(0),
        )
        .optional()?;
    if dead.is_some_and(|dead| dead >= KEPT) {
        return Ok(false);
    }
    let moved = transaction.execute(
        "INSERT INTO rejected (id, broker, topic, payload, created_ms, reason, meter, kind, device, retain, attempts, at_ms)
         SELECT id, broker, topic, payload, created_ms, ?, meter, kind, device, retain, attempts, ?
         FROM outbox WHERE id = ?",
        params![reason, at.as_millisecond(), id],
    )?;
    if moved > 0 {
        transaction.execute(
            "UPDATE broker SET rejected = rejected + 1
             WHERE id = (SELECT broker FROM outbox WHERE id = ?)",
            [id],
        )?;
        transaction.execute("DELETE FROM outbox WHERE id = ?", [id])?;
    }
    transaction.commit()?;
    Ok(true)
}

/// Oldest first, ids greater than `after`.
pub(super) fn rows(
    connection: &mut Connection,
    broker: i64,
    after: i64,
    limit: usize,
) -> Result<Vec<DeadRow>, Fault> {
    let mut query = connection.prepare_cached(
        "SELECT id, broker, topic, payload, created_ms, kind, device, retain, attempts, reason, at_ms
         FROM rejected WHERE broker = ? AND id > ? ORDER BY id LIMIT ?",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = query.query(params![broker, after, limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(DeadRow {
            row: from_row(row)?,
            reason: row.get("reason")?,
            at: timestamp(row.get("at_ms")?)?,
        });
    }
    Ok(found)
}

/// Back into the queue, as if just read, in their order; how many. `None`: all of them.
pub(super) fn retry(
    connection: &mut Connection,
    broker: i64,
    ids: Option<&[i64]>,
) -> Result<u64, Fault> {
    const BACK: &str =
        "INSERT INTO outbox (broker, meter, topic, payload, created_ms, kind, device, retain)
         SELECT broker, meter, topic, payload, created_ms, kind, device, retain FROM rejected
         WHERE broker = ?";
    let transaction = connection.transaction()?;
    let moved = match ids {
        None => transaction.execute(&format!("{BACK} ORDER BY id"), [broker])?,
        Some(ids) => {
            let mut statement = transaction.prepare_cached(&format!("{BACK} AND id = ?"))?;
            let mut moved = 0;
            for id in ids {
                moved += statement.execute(params![broker, id])?;
            }
            moved
        }
    };
    remove(&transaction, broker, ids)?;
    transaction.commit()?;
    Ok(u64::try_from(moved).unwrap_or(0))
}

/// Thrown away for good; how many. `None`: all of them.
pub(super) fn empty(
    connection: &mut Connection,
    broker: i64,
    ids: Option<&[i64]>,
) -> Result<u64, Fault> {
    let transaction = connection.transaction()?;
    let gone = remove(&transaction, broker, ids)?;
    transaction.commit()?;
    Ok(gone)
}

fn remove(connection: &Connection, broker: i64, ids: Option<&[i64]>) -> Result<u64, Fault> {
    let gone = match ids {
        None => connection.execute("DELETE FROM rejected WHERE broker = ?", [broker])?,
        Some(ids) => {
            let mut statement =
                connection.prepare_cached("DELETE FROM rejected WHERE broker = ? AND id = ?")?;
            let mut gone = 0;
            for id in ids {
                gone += statement.execute(params![broker, id])?;
            }
            gone
        }
    };
    Ok(u64::try_from(gone).unwrap_or(0))
}
