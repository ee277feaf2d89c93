//! What was read, committed with the messages made of it: all of a poll or nothing. The rule: a poll that cannot be stored
//! takes no other with it, unless the database itself says no; then nothing of the lot was done.

use rusqlite::{Connection, OptionalExtension, params};

use super::error::{Fault, StoreError};
use super::history::record::{self, Grown};
use super::outbox::{insert, trim};
use super::{Committed, Kind, Lot, Message, Render};
use crate::meter::Poll;

/// One transaction; an answer for each poll.
pub(super) fn polls(
    connection: &mut Connection,
    lot: Vec<Lot>,
) -> Result<Vec<Result<Committed, StoreError>>, Fault> {
    let mut transaction = connection.transaction()?;
    let mut done = Vec::with_capacity(lot.len());
    let mut all = Grown::default();
    for (poll, outlet) in lot {
        let savepoint = transaction.savepoint()?;
        match one(&savepoint, &poll, outlet) {
            Ok((committed, grown)) => {
                savepoint.commit()?;
                all.merge(grown);
                done.push(Ok(committed));
            }
            // Dropping the savepoint takes back what this one did.
            Err(Fault::Refused(refused)) => done.push(Err(refused)),
            Err(fault) => return Err(fault),
        }
    }
    all.settle(&transaction)?;
    transaction.commit()?;
    Ok(done)
}

fn one(
    connection: &Connection,
    poll: &Poll,
    outlet: Option<(i64, Render)>,
) -> Result<(Committed, Grown), Fault> {
    let device: String = connection
        .prepare_cached("SELECT coalesce(device, name) FROM meter WHERE id = ?")?
        .query_row([poll.meter.0], |row| row.get(0))
        .optional()?
        .ok_or_else(|| Fault::not_found("the meter was removed; its reading was not stored"))?;
    let grown = record::cycle(connection, poll.meter, &poll.readings)?;
    let committed = match outlet {
        Some((broker, render)) => queue(connection, poll, broker, &device, &render)?,
        None => Committed::default(),
    };
    Ok((committed, grown))
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
