//! What waits and what was given up on, for people and as JSON. The rule: text from outside has its control characters made
//! visible and is cut.

use std::fmt::Write as _;
use std::time::Duration;

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::cli::argument::{counted, shell};
use crate::cosem::data::printable;
use crate::store::{BrokerDefinition, DeadRow, OutboxRow, QueueDepth};

/// Of a payload, in JSON.
const LONG: usize = 4096;

pub(super) fn summary(broker: &BrokerDefinition, depth: QueueDepth, now: Timestamp) -> String {
    let mut said = match depth.oldest.filter(|_| depth.waiting > 0) {
        None => "nothing waits".to_owned(),
        Some(oldest) => format!(
            "{}, {} bytes, the oldest read {} ago",
            counted(depth.waiting, "message waits", "messages wait"),
            depth.bytes,
            age(oldest, now)
        ),
    };
    if depth.dropped > 0 {
        let _ = write!(said, ", {} ever dropped unsent", depth.dropped);
    }
    if depth.dead > 0 {
        let name = shell(&broker.name);
        let _ = write!(
            said,
            ", {} given up on (obiscope mqtt dead {name})",
            depth.dead
        );
    }
    format!("{}: {said}", printable(&broker.name))
}

pub(super) fn queue_json(
    broker: &BrokerDefinition,
    depth: QueueDepth,
    first: &[OutboxRow],
) -> Value {
    let rows: Vec<Value> = first.iter().map(row_json).collect();
    json!({
        "broker": broker.name,
        "waiting": depth.waiting,
        "bytes": depth.bytes,
        "oldest": depth.oldest.map(|at| at.to_string()),
        "dropped": depth.dropped,
        "dead": depth.dead,
        "rejected": depth.rejected,
        "limit_rows": broker.limits.rows,
        "limit_bytes": broker.limits.bytes,
        "first": rows,
    })
}

fn row_json(row: &OutboxRow) -> Value {
    json!({
        "id": row.id,
        "kind": row.kind.name(),
        "device": row.device,
        "topic": row.topic,
        "created": row.created.to_string(),
        "attempts": row.attempts,
        "bytes": row.payload.len(),
        "payload": text(&row.payload, LONG),
    })
}

pub(super) fn dead_json(broker: &BrokerDefinition, dead: &DeadRow) -> Value {
    let mut told = row_json(&dead.row);
    if let Some(told) = told.as_object_mut() {
        told.insert("broker".to_owned(), broker.name.clone().into());
        told.insert("reason".to_owned(), dead.reason.clone().into());
        told.insert("at".to_owned(), dead.at.to_string().into());
    }
    told
}

pub(super) fn age(at: Timestamp, now: Timestamp) -> String {
    let since: Duration = now.duration_since(at).try_into().unwrap_or_default();
    humantime::format_duration(Duration::from_secs(since.as_secs())).to_string()
}

/// Bytes as text, control characters made visible, at most so many characters.
pub(super) fn text(bytes: &[u8], most: usize) -> String {
    let part = bytes.get(..most * 4).unwrap_or(bytes);
    let all = printable(&String::from_utf8_lossy(part));
    let mut text: String = all.chars().take(most).collect();
    if text.len() < all.len() || part.len() < bytes.len() {
        text.push('…');
    }
    text
}
