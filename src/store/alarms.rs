//! Alarms as they are kept: those that stand, and what is over until it is old. The rule: one row an alarm, written anew when
//! it changes; what a person said of it is never written over by who did not know of it.

use super::error::{Fault, StoreError};
use super::meters::timestamp;
use super::{MeterId, Store};
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use std::sync::Arc;
use std::time::Duration;

/// One thing that is wrong, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Alarm {
    /// Grows, and never comes back.
    pub id: i64,
    /// None: of no one meter.
    pub meter: Option<MeterId>,
    /// The meter's, when it was raised.
    pub name: String,
    /// Of the object it is about; empty where it is the meter as a whole.
    pub key: String,
    /// The id of a finding (`V7`), or a word such as `breaker` or `high`.
    pub cause: String,
    pub severity: Severity,
    /// What, with its evidence; control characters are visible.
    pub text: String,
    /// When it was raised, and when it was last seen to hold.
    pub first: Timestamp,
    pub last: Timestamp,
    /// How often it was raised: what comes and goes is one alarm.
    pub count: u64,
    /// The value it was last seen with, an exact decimal.
    pub value: Option<String>,
    pub acknowledged: Option<Ack>,
    pub cleared: Option<Timestamp>,
}

impl Alarm {
    pub const fn stands(&self) -> bool {
        self.cleared.is_none()
    }
}

/// Most urgent last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    Info,
    Warning,
    Critical,
}

impl Severity {
    pub const ALL: [Self; 3] = [Self::Info, Self::Warning, Self::Critical];

    pub const fn word(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }

    fn named(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|it| it.word() == word)
    }
}

/// Somebody knows of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ack {
    pub by: String,
    pub note: String,
    pub at: Timestamp,
}

/// Longest name and note, in characters.
const LONGEST: [usize; 2] = [100, 500];

impl Ack {
    /// The error says what is wrong with the name or the note.
    pub fn new(by: &str, note: &str, at: Timestamp) -> Result<Self, String> {
        let (by, note) = (by.trim(), note.trim());
        if by.is_empty() {
            return Err("say who acknowledges it".to_owned());
        }
        for (what, text, longest) in [("name", by, LONGEST[0]), ("note", note, LONGEST[1])] {
            if text.chars().any(char::is_control) {
                return Err(format!("the {what} holds control characters"));
            }
            if text.chars().count() > longest {
                return Err(format!("the {what} is longer than {longest} characters"));
            }
        }
        Ok(Self {
            by: by.to_owned(),
            note: note.to_owned(),
            at,
        })
    }
}

/// Which alarms are asked for.
#[derive(Clone, Debug, Default)]
pub struct AlarmQuery {
    /// Those that are over, too.
    pub cleared: bool,
    /// Of the meter of this name.
    pub meter: Option<String>,
    /// Last seen then or later.
    pub since: Option<Timestamp>,
    /// At most so many, the newest.
    pub limit: usize,
}

/// Alarms that are over and kept …
pub const CLEARED_KEPT: i64 = 10_000;
/// … and for how long at most.
pub const CLEARED_FOR: Duration = Duration::from_hours(366 * 24);

const COLUMNS: &str = "id, meter, name, key, cause, severity, text, first_ms, last_ms, count, value, \
                       ack_by, ack_note, ack_ms, cleared_ms";

impl Store {
    /// As asked for, the oldest first.
    pub async fn alarms(&self, query: AlarmQuery) -> Result<Vec<Alarm>, StoreError> {
        self.worker
            .run(move |connection| list(connection, &query))
            .await
    }

    /// The number of the newest alarm there ever was; 0 where there was none.
    pub async fn last_alarm(&self) -> Result<i64, StoreError> {
        self.worker.run(last).await
    }

    /// As they are now: new ones, and those that changed. What somebody else acknowledged meanwhile stays so.
    pub async fn save_alarms(&self, alarms: Vec<Arc<Alarm>>) -> Result<(), StoreError> {
        self.worker
            .run(move |connection| save(connection, &alarms))
            .await
    }

    /// Refused with words where there is no such alarm, or somebody was first.
    pub async fn acknowledge_alarm(&self, id: i64, ack: Ack) -> Result<Alarm, StoreError> {
        self.worker
            .run(move |connection| acknowledge(connection, id, &ack))
            .await
    }

    /// All that stand and nobody acknowledged; how many.
    pub async fn acknowledge_alarms(&self, ack: Ack) -> Result<u64, StoreError> {
        self.worker
            .run(move |connection| acknowledge_all(connection, &ack))
            .await
    }

    /// What is over and too old goes; how many.
    pub async fn trim_alarms(&self, now: Timestamp) -> Result<usize, StoreError> {
        self.worker
            .run(move |connection| trim(connection, now, CLEARED_KEPT))
            .await
    }
}

fn list(connection: &mut Connection, query: &AlarmQuery) -> Result<Vec<Alarm>, Fault> {
    let sql = format!(
        "SELECT {COLUMNS} FROM alarm
         WHERE (:cleared OR cleared_ms IS NULL)
           AND (:meter IS NULL OR name = :meter
                OR meter = (SELECT id FROM meter WHERE meter.name = :meter))
           AND (:since IS NULL OR last_ms >= :since)
         ORDER BY id DESC LIMIT :limit"
    );
    let mut statement = connection.prepare_cached(&sql)?;
    let mut rows = statement.query(named_params! {
        ":cleared": query.cleared,
        ":meter": query.meter,
        ":since": query.since.map(Timestamp::as_millisecond),
        ":limit": i64::try_from(query.limit).unwrap_or(i64::MAX),
    })?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(from_row(row)?);
    }
    found.reverse();
    Ok(found)
}

fn from_row(row: &Row<'_>) -> Result<Alarm, Fault> {
    let id: i64 = row.get("id")?;
    let severity: String = row.get("severity")?;
    let time = |column: &str| -> Result<Option<Timestamp>, Fault> {
        let at: Option<i64> = row.get(column)?;
        at.map(timestamp).transpose()
    };
    let missing = || Fault::Row(format!("alarm {id}: a time is missing"));
    let by: Option<String> = row.get("ack_by")?;
    let note: Option<String> = row.get("ack_note")?;
    let acknowledged = by.zip(time("ack_ms")?).map(|(by, at)| Ack {
        by,
        note: note.unwrap_or_default(),
        at,
    });
    Ok(Alarm {
        id,
        meter: row.get::<_, Option<i64>>("meter")?.map(MeterId),
        name: row.get("name")?,
        key: row.get("key")?,
        cause: row.get("cause")?,
        severity: Severity::named(&severity)
            .ok_or_else(|| Fault::Row(format!("alarm {id}: unknown severity {severity:?}")))?,
        text: row.get("text")?,
        first: time("first_ms")?.ok_or_else(missing)?,
        last: time("last_ms")?.ok_or_else(missing)?,
        count: row.get::<_, i64>("count")?.unsigned_abs(),
        value: row.get("value")?,
        acknowledged,
        cleared: time("cleared_ms")?,
    })
}

fn last(connection: &mut Connection) -> Result<i64, Fault> {
    let last = connection
        .query_row(
            "SELECT seq FROM sqlite_sequence WHERE name = 'alarm'",
            [],
            |row| row.get(0),
        )
        .optional()?;
    Ok(last.unwrap_or(0))
}

fn save(connection: &mut Connection, alarms: &[Arc<Alarm>]) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    {
        let mut statement = transaction.prepare_cached(
            "INSERT INTO alarm (id, meter, name, key, cause, severity, text, first_ms, last_ms,
                 count, value, ack_by, ack_note, ack_ms, cleared_ms)
             VALUES (:id, :meter, :name, :key, :cause, :severity, :text, :first, :last, :count,
                 :value, :by, :note, :at, :cleared)
             ON CONFLICT (id) DO UPDATE SET name = excluded.name, severity = excluded.severity,
                 text = excluded.text, last_ms = excluded.last_ms, count = excluded.count,
                 value = excluded.value, cleared_ms = excluded.cleared_ms,
                 ack_by = coalesce(ack_by, excluded.ack_by),
                 ack_note = coalesce(ack_note, excluded.ack_note),
                 ack_ms = coalesce(ack_ms, excluded.ack_ms)",
        )?;
        for alarm in alarms {
            let ack = alarm.acknowledged.as_ref();
            statement.execute(named_params! {
                ":id": alarm.id,
                ":meter": alarm.meter.map(|it| it.0),
                ":name": alarm.name,
                ":key": alarm.key,
                ":cause": alarm.cause,
                ":severity": alarm.severity.word(),
                ":text": alarm.text,
                ":first": alarm.first.as_millisecond(),
                ":last": alarm.last.as_millisecond(),
                ":count": i64::try_from(alarm.count).unwrap_or(i64::MAX),
                ":value": alarm.value,
                ":by": ack.map(|it| it.by.as_str()),
                ":note": ack.map(|it| it.note.as_str()),
                ":at": ack.map(|it| it.at.as_millisecond()),
                ":cleared": alarm.cleared.map(Timestamp::as_millisecond),
            })?;
        }
    }
    transaction.commit()?;
    Ok(())
}

fn acknowledge(connection: &mut Connection, id: i64, ack: &Ack) -> Result<Alarm, Fault> {
    let transaction = connection.transaction()?;
    let done = transaction.execute(
        "UPDATE alarm SET ack_by = ?, ack_note = ?, ack_ms = ? WHERE id = ? AND ack_by IS NULL",
        params![ack.by, ack.note, ack.at.as_millisecond(), id],
    )?;
    let sql = format!("SELECT {COLUMNS} FROM alarm WHERE id = ?");
    let found = transaction
        .query_row(&sql, [id], |row| Ok(from_row(row)))
        .optional()?;
    let alarm = found.ok_or_else(|| {
        Fault::not_found(format!(
            "there is no alarm {id}; `obiscope alarms --all` lists those there are"
        ))
    })??;
    if done == 0 {
        let by = alarm.acknowledged.map_or_else(String::new, |it| it.by);
        return Err(Fault::Refused(StoreError::InUse(format!(
            "alarm {id} was acknowledged by {by} already"
        ))));
    }
    transaction.commit()?;
    Ok(alarm)
}

fn acknowledge_all(connection: &mut Connection, ack: &Ack) -> Result<u64, Fault> {
    let done = connection.execute(
        "UPDATE alarm SET ack_by = ?, ack_note = ?, ack_ms = ?
         WHERE ack_by IS NULL AND cleared_ms IS NULL",
        params![ack.by, ack.note, ack.at.as_millisecond()],
    )?;
    Ok(done as u64)
}

fn trim(connection: &mut Connection, now: Timestamp, keep: i64) -> Result<usize, Fault> {
    let age = i64::try_from(CLEARED_FOR.as_millis()).unwrap_or(i64::MAX);
    let oldest = now.as_millisecond().saturating_sub(age);
    let gone = connection.execute(
        "DELETE FROM alarm WHERE cleared_ms IS NOT NULL AND (cleared_ms < ?1 OR cleared_ms <
             (SELECT cleared_ms FROM alarm WHERE cleared_ms IS NOT NULL
              ORDER BY cleared_ms DESC LIMIT 1 OFFSET ?2))",
        params![oldest, keep.saturating_sub(1)],
    )?;
    Ok(gone)
}

#[cfg(test)]
mod tests;
