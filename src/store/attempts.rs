//! Attempts to authenticate in the database: committed before anyone may send one.

use super::Store;
use super::error::Fault;
use crate::meter::attempts::{
    AttemptError, Attempts, Counted, Credential, Later, Outcome, Record, Row, Told, record,
};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

fn look(connection: &Connection, who: &Credential) -> Result<Record, Fault> {
    let mut query = connection.prepare_cached(
        "SELECT mark, total, refused, open, last_ms FROM attempt
         WHERE endpoint = ? AND server = ? AND client = ?",
    )?;
    let mut rows = query.query(params![who.endpoint, who.server, who.client])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let kept = Row {
            total: row.get(1)?,
            refused: row.get(2)?,
            open: row.get(3)?,
            last: row.get(4)?,
        };
        found.push((row.get(0)?, kept));
    }
    Ok(Record {
        told: told_of(connection, who)?,
        ..record(found, who.mark)
    })
}

fn told_of(connection: &Connection, who: &Credential) -> Result<Option<Told>, Fault> {
    let found = connection
        .prepare_cached(
            "SELECT maker, facts, at_ms FROM lock_fact WHERE endpoint = ? AND server = ?",
        )?
        .query_row(params![who.endpoint, who.server], |row| {
            let facts: String = row.get(1)?;
            Ok((row.get(0)?, facts, row.get(2)?))
        })
        .optional()?;
    let Some((maker, facts, at)) = found else {
        return Ok(None);
    };
    Ok(Some(Told {
        at: super::meters::timestamp(at)?,
        maker,
        facts: facts.lines().map(str::to_owned).collect(),
    }))
}

fn tell(connection: &mut Connection, who: &Credential, told: Told) -> Result<(), Fault> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let told = told.over(told_of(&transaction, who)?.as_ref());
    transaction
        .prepare_cached(
            "INSERT INTO lock_fact (endpoint, server, maker, facts, at_ms) VALUES (?, ?, ?, ?, ?)
             ON CONFLICT DO UPDATE SET maker = excluded.maker, facts = excluded.facts,
                 at_ms = excluded.at_ms",
        )?
        .execute(params![
            who.endpoint,
            who.server,
            told.maker,
            told.facts.join("\n"),
            told.at.as_millisecond()
        ])?;
    transaction.commit()?;
    Ok(())
}

fn count(
    connection: &mut Connection,
    who: &Credential,
    confirmed: bool,
    at: Timestamp,
) -> Result<Counted, Fault> {
    // Immediate: between the look and the count no other program gets in.
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let record = look(&transaction, who)?;
    if record.asks() && !confirmed {
        return Ok(Counted::Asks(record));
    }
    transaction
        .prepare_cached(
            "INSERT INTO attempt (endpoint, server, client, mark, total, refused, open, last_ms)
             VALUES (?, ?, ?, ?, 1, 0, 1, ?)
             ON CONFLICT DO UPDATE SET total = total + 1, open = open + 1, last_ms = excluded.last_ms",
        )?
        .execute(params![who.endpoint, who.server, who.client, who.mark, at.as_millisecond()])?;
    transaction.commit()?;
    Ok(Counted::Yes)
}

fn note(connection: &Connection, who: &Credential, outcome: Outcome) -> Result<(), Fault> {
    match outcome {
        Outcome::Accepted => connection
            .prepare_cached(
                "UPDATE attempt SET refused = 0, open = 0
                 WHERE endpoint = ? AND server = ? AND client = ? AND mark = ?",
            )?
            .execute(params![who.endpoint, who.server, who.client, who.mark])?,
        Outcome::Refused | Outcome::Unclear => connection
            .prepare_cached(
                "UPDATE attempt SET refused = refused + ?, open = max(open - 1, 0)
                 WHERE endpoint = ? AND server = ? AND client = ? AND mark = ?",
            )?
            .execute(params![
                outcome == Outcome::Refused,
                who.endpoint,
                who.server,
                who.client,
                who.mark
            ])?,
    };
    Ok(())
}

impl Attempts for Store {
    fn record(&self, who: Credential) -> Later<'_, Result<Record, AttemptError>> {
        Box::pin(async move {
            let found = self
                .worker
                .run(move |connection| look(connection, &who))
                .await;
            found.map_err(|error| AttemptError::Store(error.to_string()))
        })
    }

    fn count(
        &self,
        who: Credential,
        confirmed: bool,
        at: Timestamp,
    ) -> Later<'_, Result<Counted, AttemptError>> {
        Box::pin(async move {
            self.worker
                .run(move |connection| count(connection, &who, confirmed, at))
                .await
                .map_err(|error| AttemptError::Store(error.to_string()))
        })
    }

    fn note(&self, who: Credential, outcome: Outcome) -> Later<'_, ()> {
        Box::pin(async move {
            // Unnoted it stays open, which errs on the safe side.
            let noted = self
                .worker
                .run(move |connection| note(connection, &who, outcome))
                .await;
            drop(noted);
        })
    }

    fn told(&self, who: Credential, told: Told) -> Later<'_, ()> {
        Box::pin(async move {
            // Lost, it is asked again by the next probe.
            let kept = self
                .worker
                .run(move |connection| tell(connection, &who, told))
                .await;
            drop(kept);
        })
    }
}
