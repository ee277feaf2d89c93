//! Readings of the table before this one, a row each with its key in words, taken over. The rule: every one of them, in its
//! order, says the same afterwards; it is part of the step that makes the new tables, so it is done whole or not at all.

use rusqlite::Connection;

use super::cycle::{self, Entry, SPAN_MS, Value};
use super::octets::Writer;
use super::record::{self, Grown};
use super::series::{self, Named};
use crate::cosem::Decimal;
use crate::meter::MeterId;
use crate::store::error::Fault;

struct Old {
    key: String,
    at: i64,
    class: u16,
    obis: String,
    attribute: i8,
    value: Option<String>,
    raw: Option<String>,
    unit: Option<u8>,
    error: Option<String>,
}

/// Values of one cycle stood one after the other; they share a row again.
struct Cycle {
    meter: MeterId,
    at: i64,
    numbers: Vec<u32>,
    body: Writer,
}

pub(in crate::store) fn adopt(connection: &Connection) -> Result<(), Fault> {
    let mut grown = Grown::default();
    let mut meters = connection.prepare("SELECT DISTINCT meter FROM reading ORDER BY meter")?;
    let meters = meters.query_map([], |row| row.get(0))?;
    for meter in meters.collect::<Result<Vec<i64>, _>>()? {
        of_meter(connection, MeterId(meter), &mut grown)?;
    }
    grown.settle(connection)?;
    connection.execute_batch("DROP TABLE reading")?;
    Ok(())
}

fn of_meter(connection: &Connection, meter: MeterId, grown: &mut Grown) -> Result<(), Fault> {
    let mut query = connection.prepare(
        "SELECT key, at_ms, class, obis, attribute, value, raw, unit, error FROM reading
         WHERE meter = ? ORDER BY id",
    )?;
    let mut rows = query.query([meter.0])?;
    let mut known = series::all(connection, meter)?;
    let mut open: Option<Cycle> = None;
    while let Some(row) = rows.next()? {
        let old = Old {
            key: row.get(0)?,
            at: row.get(1)?,
            class: row.get(2)?,
            obis: row.get(3)?,
            attribute: row.get(4)?,
            value: row.get(5)?,
            raw: row.get(6)?,
            unit: row.get(7)?,
            error: row.get(8)?,
        };
        let scaler = old.scaler();
        let wanted = Named {
            number: 0,
            key: old.key.clone(),
            class: old.class,
            obis: old.obis.clone(),
            attribute: old.attribute,
            scaler,
            unit: old.unit,
        };
        let number = series::number(connection, meter, &mut known, &wanted)?;
        let fits = |open: &Cycle| {
            (0..=SPAN_MS).contains(&(old.at - open.at)) && !open.numbers.contains(&number)
        };
        if !open.as_ref().is_some_and(fits)
            && let Some(done) = open.take()
        {
            done.store(connection, &known, grown)?;
        }
        let cycle = open.get_or_insert_with(|| Cycle {
            meter,
            at: old.at,
            numbers: Vec::new(),
            body: Writer(Vec::new()),
        });
        cycle.numbers.push(number);
        let entry = Entry {
            number,
            after: u32::try_from(old.at - cycle.at).unwrap_or(0),
            value: old.value(scaler),
        };
        cycle::write(&mut cycle.body, &entry);
    }
    match open {
        Some(done) => done.store(connection, &known, grown),
        None => Ok(()),
    }
}

impl Cycle {
    fn store(
        self,
        connection: &Connection,
        known: &[Named],
        grown: &mut Grown,
    ) -> Result<(), Fault> {
        record::row(connection, self.meter, self.at, &self.body.0, known, grown)
    }
}

impl Old {
    fn raw_number(&self) -> Option<i64> {
        let raw = self.raw.as_deref()?;
        // As it was written and no other way, or it would read differently.
        raw.parse().ok().filter(|it: &i64| it.to_string() == raw)
    }

    /// It was not kept; the decimal shows it.
    fn scaler(&self) -> Option<i8> {
        let (raw, value) = (self.raw_number()?, self.value.as_deref()?);
        let scaler = if let Some((_, decimals)) = value.split_once('.') {
            -i8::try_from(decimals.len()).ok()?
        } else {
            let zeros = value.len().checked_sub(raw.to_string().len())?;
            i8::try_from(zeros).ok()?
        };
        let told = Decimal::new(raw.into(), scaler).to_string();
        (told == value && (scaler != 0 || self.unit.is_some())).then_some(scaler)
    }

    fn value(&self, scaler: Option<i8>) -> Value<'_> {
        let (value, raw) = match (&self.value, &self.raw, &self.error) {
            (Some(value), Some(raw), _) => (value, raw),
            (Some(value), None, _) => return Value::Text(value),
            (None, _, error) => return Value::Error(error.as_deref().unwrap_or_default()),
        };
        if let Some(number) = self.raw_number()
            && Decimal::new(number.into(), scaler.unwrap_or(0)).to_string() == *value
        {
            return Value::Whole(number);
        }
        if serde_json::from_str::<&str>(raw).is_ok_and(|it| it == value) && !raw.contains('\\') {
            return Value::Text(value);
        }
        Value::Other { value, raw }
    }
}
