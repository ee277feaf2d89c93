//! What is kept and how long. The rule: old rows go a few at a time, each time in a transaction of its own, so that a commit
//! never waits behind them for long; what is short of room gives its oldest, and of all steps the fullest gives first.

use std::collections::BTreeMap;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, params};

use super::{CYCLES, NETWORK, STEPS};
use crate::store::error::{Fault, StoreError};

/// Settings of a database.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Keep {
    /// Readings as they were read.
    pub age: Duration,
    /// Steps of a minute; those of a quarter of an hour. Longer ones stay while there is room.
    pub minute_age: Duration,
    pub quarter_age: Duration,
    /// What went over the wire.
    pub network_age: Duration,
    /// Over all meters and steps.
    pub rows: u64,
    pub bytes: u64,
}

/// What a step takes of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// Seconds; 0 for readings as they were read, -60 for what went over the wire.
    pub step: i64,
    pub rows: u64,
    /// About: rows, and their places in the tree.
    pub bytes: u64,
}

/// Rows that go in one transaction, and meters it looks at.
const ROWS: i64 = 2_000;
const LOOKS: usize = 512;
/// Passes of one tidying; each takes a sixteenth of what the fullest step spans.
const PASSES: usize = 64;
/// Time goes on by so much from one tidying to the next at most: a clock that is years ahead costs a day and not the history.
const LEAP_MS: i64 = 86_400_000;

impl Keep {
    /// Refused with the reason; in words.
    fn check(&self) -> Result<(), String> {
        let day = Duration::from_hours(24);
        let hour = Duration::from_hours(1);
        for (name, age, least, why) in [
            (
                "--age",
                self.age,
                hour,
                "the steps of a minute are made of it",
            ),
            (
                "--minute-age",
                self.minute_age,
                hour,
                "longer steps are made of it",
            ),
            (
                "--quarter-age",
                self.quarter_age,
                day,
                "longer steps are made of it",
            ),
            (
                "--network-age",
                self.network_age,
                hour,
                "a row stands for a minute",
            ),
        ] {
            if age < least {
                return Err(format!(
                    "{name} {} is too short: {why}; the least is {}",
                    humantime::format_duration(age),
                    humantime::format_duration(least)
                ));
            }
            if age > Duration::from_hours(24 * 365 * 200) {
                return Err(format!("{name}: more than 200 years is more than there is"));
            }
        }
        if self.rows < 10_000 {
            return Err(format!(
                "--rows {} would keep next to nothing: a meter read every 5 seconds makes 17280 a day; the least is 10000",
                self.rows
            ));
        }
        if self.bytes < 1 << 20 {
            return Err(format!(
                "--bytes {} would keep next to nothing; the least is 1MB",
                self.bytes
            ));
        }
        if i64::try_from(self.rows.max(self.bytes)).is_err() {
            return Err("--rows and --bytes: so much no disk holds".to_owned());
        }
        Ok(())
    }

    /// What is older goes; none: it stays.
    fn age_of(&self, step: i64) -> Option<Duration> {
        match step {
            CYCLES => Some(self.age),
            60 => Some(self.minute_age),
            900 => Some(self.quarter_age),
            NETWORK => Some(self.network_age),
            _ => None,
        }
    }
}

pub(super) fn get(connection: &Connection) -> Result<Keep, Fault> {
    let mut query = connection.prepare_cached(
        "SELECT age_ms, minute_age_ms, quarter_age_ms, network_age_ms, rows, bytes FROM history_keep",
    )?;
    Ok(query.query_row([], |row| {
        let number = |at: usize| Ok::<_, rusqlite::Error>(row.get::<_, i64>(at)?.unsigned_abs());
        let age = |at: usize| Ok::<_, rusqlite::Error>(Duration::from_millis(number(at)?));
        Ok(Keep {
            age: age(0)?,
            minute_age: age(1)?,
            quarter_age: age(2)?,
            network_age: age(3)?,
            rows: number(4)?,
            bytes: number(5)?,
        })
    })?)
}

pub(super) fn set(connection: &Connection, keep: &Keep) -> Result<(), Fault> {
    keep.check()
        .map_err(|why| Fault::Refused(StoreError::Unfit(why)))?;
    let number = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let age = |age: Duration| i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
    connection.execute(
        "UPDATE history_keep SET age_ms = ?, minute_age_ms = ?, quarter_age_ms = ?,
             network_age_ms = ?, rows = ?, bytes = ?",
        params![
            age(keep.age),
            age(keep.minute_age),
            age(keep.quarter_age),
            age(keep.network_age),
            number(keep.rows),
            number(keep.bytes)
        ],
    )?;
    Ok(())
}

pub(super) fn held(connection: &Connection) -> Result<Vec<Held>, Fault> {
    let mut query =
        connection.prepare_cached("SELECT step, rows, bytes FROM history_step ORDER BY step")?;
    let rows = query.query_map([], |row| {
        Ok(Held {
            step: row.get(0)?,
            rows: row.get::<_, i64>(1)?.max(0).unsigned_abs(),
            bytes: row.get::<_, i64>(2)?.max(0).unsigned_abs(),
        })
    })?;
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A pass over all meters, how far it came, and what it saw.
#[derive(Debug)]
pub(super) struct Tidying {
    now: i64,
    meter: i64,
    step: i64,
    /// The oldest that stays, by step.
    oldest: BTreeMap<i64, i64>,
    passes: usize,
    begun: bool,
    pub removed: u64,
    pub done: bool,
}

impl Tidying {
    pub fn new(now: i64) -> Self {
        Self {
            now,
            meter: i64::MIN,
            step: i64::MIN,
            oldest: BTreeMap::new(),
            passes: 0,
            begun: false,
            removed: 0,
            done: false,
        }
    }

    /// A little of it, in one transaction.
    pub fn on(mut self, connection: &mut Connection) -> Result<Self, Fault> {
        let transaction = connection.transaction()?;
        if !self.begun {
            self.begin(&transaction)?;
        }
        let keep = get(&transaction)?;
        let mut room = ROWS;
        for _ in 0..LOOKS {
            let next = transaction
                .prepare_cached(
                    "SELECT meter, step, at_ms FROM history WHERE (meter, step) > (?, ?)
                     ORDER BY meter, step, at_ms LIMIT 1",
                )?
                .query_row(params![self.meter, self.step], |row| {
                    Ok((row.get(0)?, row.get(1)?, row.get(2)?))
                })
                .optional()?;
            let Some((meter, step, oldest)) = next else {
                self.turn(&transaction, &keep)?;
                break;
            };
            let cut = self.cut(&transaction, &keep, meter, step)?;
            let mut oldest: Option<i64> = Some(oldest);
            if oldest.is_some_and(|it| it < cut) {
                room -= remove(&transaction, meter, step, cut, room, &mut self.removed)?;
                oldest = transaction
                    .prepare_cached("SELECT min(at_ms) FROM history WHERE meter = ? AND step = ?")?
                    .query_row(params![meter, step], |row| row.get(0))?;
            }
            if room <= 0 {
                // Not past it: there may be more.
                break;
            }
            (self.meter, self.step) = (meter, step);
            if let Some(oldest) = oldest {
                let seen = self.oldest.entry(step).or_insert(oldest);
                *seen = oldest.min(*seen);
            }
        }
        transaction.commit()?;
        Ok(self)
    }

    /// What the clock says is believed a day at a time; one that was set back is believed at once.
    fn begin(&mut self, connection: &Connection) -> Result<(), Fault> {
        let before: Option<i64> = connection
            .prepare_cached("SELECT tidied_ms FROM history_keep")?
            .query_row([], |row| row.get(0))?;
        self.now = before.map_or(self.now, |before| {
            self.now.min(before.saturating_add(LEAP_MS))
        });
        connection.execute("UPDATE history_keep SET tidied_ms = ?", [self.now])?;
        self.begun = true;
        Ok(())
    }

    /// What is older than this goes.
    fn cut(
        &self,
        connection: &Connection,
        keep: &Keep,
        meter: i64,
        step: i64,
    ) -> Result<i64, Fault> {
        let known = connection
            .prepare_cached("SELECT 1 FROM meter WHERE id = ?")?
            .exists([meter])?;
        if !known {
            return Ok(i64::MAX);
        }
        let horizon: i64 = connection
            .prepare_cached("SELECT coalesce(max(horizon_ms), 0) FROM history_step WHERE step = ?")?
            .query_row([step], |row| row.get(0))?;
        let age = keep.age_of(step).map_or(i64::MIN, |age| {
            let age = i64::try_from(age.as_millis()).unwrap_or(i64::MAX);
            self.now.saturating_sub(age)
        });
        // Where a longer step begins, or what is left of this one would be half of that.
        let above = STEPS.into_iter().find(|it| *it > step).unwrap_or(86_400) * 1_000;
        Ok(horizon.max(age).div_euclid(above) * above)
    }

    /// All meters were seen. Where there is still too much, the fullest step gives up its oldest.
    fn turn(&mut self, connection: &Connection, keep: &Keep) -> Result<(), Fault> {
        (self.meter, self.step) = (i64::MIN, i64::MIN);
        self.passes += 1;
        let held = held(connection)?;
        let rows: u64 = held.iter().map(|it| it.rows).sum();
        let bytes: u64 = held.iter().map(|it| it.bytes).sum();
        let too_much = rows > keep.rows || bytes > keep.bytes;
        let oldest = std::mem::take(&mut self.oldest);
        let fullest = held.iter().max_by_key(|it| it.bytes).map(|it| it.step);
        let oldest = fullest.and_then(|step| Some((step, *oldest.get(&step)?)));
        let Some((step, oldest)) = oldest.filter(|_| too_much && self.passes < PASSES) else {
            self.done = true;
            return Ok(());
        };
        let above = STEPS.into_iter().find(|it| *it > step).unwrap_or(86_400) * 1_000;
        let horizon = oldest
            .saturating_add((self.now.saturating_sub(oldest) / 16).max(above))
            .saturating_add(above - 1);
        connection.execute(
            "UPDATE history_step SET horizon_ms = max(horizon_ms, ?) WHERE step = ?",
            params![horizon, step],
        )?;
        Ok(())
    }
}

/// How many went; at most `room`.
fn remove(
    connection: &Connection,
    meter: i64,
    step: i64,
    cut: i64,
    room: i64,
    removed: &mut u64,
) -> Result<i64, Fault> {
    let mut select = connection.prepare_cached(
        "DELETE FROM history WHERE (meter, step, at_ms, again) IN
             (SELECT meter, step, at_ms, again FROM history
              WHERE meter = ? AND step = ? AND at_ms < ? ORDER BY at_ms, again LIMIT ?)
         RETURNING length(body)",
    )?;
    let (mut rows, mut bytes) = (0_i64, 0_i64);
    let mut gone = select.query(params![meter, step, cut, room])?;
    while let Some(row) = gone.next()? {
        rows += 1;
        bytes += row.get::<_, i64>(0)? + super::record::ROW_BYTES;
    }
    connection
        .prepare_cached(
            "UPDATE history_step SET rows = rows - ?, bytes = bytes - ? WHERE step = ?",
        )?
        .execute(params![rows, bytes, step])?;
    *removed += rows.unsigned_abs();
    Ok(rows)
}
