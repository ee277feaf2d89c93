//! What a screen looks at again and again, so that it costs little: no payload is loaded, no table is counted.

use jiff::Timestamp;
use rusqlite::{Connection, params};

use super::error::Fault;
use super::meters::timestamp;

/// A message that was given up on, without its payload.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetter {
    pub id: i64,
    pub topic: String,
    pub bytes: u64,
    /// When its values were read.
    pub created: Timestamp,
    pub reason: String,
    /// When it was given up on.
    pub at: Timestamp,
}

pub(super) fn dead_letters(
    connection: &mut Connection,
    broker: i64,
    limit: usize,
) -> Result<Vec<DeadLetter>, Fault> {
    let mut query = connection.prepare_cached(
        "SELECT id, topic, length(payload) AS bytes, created_ms, reason, at_ms
         FROM rejected WHERE broker = ? ORDER BY at_ms DESC, id DESC LIMIT ?",
    )?;
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let mut rows = query.query(params![broker, limit])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(DeadLetter {
            id: row.get("id")?,
            topic: row.get("topic")?,
            bytes: row.get::<_, i64>("bytes")?.unsigned_abs(),
            created: timestamp(row.get("created_ms")?)?,
            reason: row.get("reason")?,
            at: timestamp(row.get("at_ms")?)?,
        });
    }
    Ok(found)
}

/// SQLite's own count of other connections' commits.
pub(super) fn data_version(connection: &mut Connection) -> Result<i64, Fault> {
    Ok(connection.query_row("PRAGMA data_version", [], |row| row.get(0))?)
}
