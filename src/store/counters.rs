//! Invocation counters in the database: what is set aside is committed before anyone may use it.

use rusqlite::{Connection, OptionalExtension, params};

use super::Store;
use super::error::Fault;
use crate::meter::counters::{
    CounterError, CounterName, Counters, GivingBack, Reserving, reservation,
};

fn reserve(
    connection: &mut Connection,
    name: CounterName,
    least: u32,
    count: u32,
) -> Result<Result<std::ops::Range<u32>, CounterError>, Fault> {
    let transaction = connection.transaction()?;
    let stored = transaction
        .prepare_cached("SELECT next FROM invocation_counter WHERE title = ? AND key = ?")?
        .query_row(params![name.title.0, name.key], |row| row.get::<_, u32>(0))
        .optional()?;
    let reserved = match reservation(stored.unwrap_or(0), least, count) {
        Ok(reserved) => reserved,
        Err(error) => return Ok(Err(error)),
    };
    transaction
        .prepare_cached(
            "INSERT INTO invocation_counter (title, key, next) VALUES (?, ?, ?)
             ON CONFLICT DO UPDATE SET next = excluded.next",
        )?
        .execute(params![name.title.0, name.key, reserved.end])?;
    transaction.commit()?;
    Ok(Ok(reserved))
}

fn give_back(
    connection: &mut Connection,
    name: CounterName,
    end: u32,
    next: u32,
) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "UPDATE invocation_counter SET next = ? WHERE title = ? AND key = ? AND next = ?",
        )?
        .execute(params![next.min(end), name.title.0, name.key, end])?;
    Ok(())
}

impl Counters for Store {
    fn reserve(&self, name: CounterName, least: u32, count: u32) -> Reserving<'_> {
        Box::pin(async move {
            self.worker
                .run(move |connection| reserve(connection, name, least, count))
                .await
                .map_err(|error| CounterError::Store(error.to_string()))?
        })
    }

    fn give_back(&self, name: CounterName, end: u32, next: u32) -> GivingBack<'_> {
        Box::pin(async move {
            // What is not given back is lost, and nothing else.
            let given = self
                .worker
                .run(move |connection| give_back(connection, name, end, next))
                .await;
            drop(given);
        })
    }
}
