//! What cycles call by a number: key, object, scale and unit. The rule: a number never means something else later; what
//! changes its scale gets another.

use rusqlite::{Connection, params};

use crate::cosem::ScalerUnit;
use crate::meter::{MeterId, Reading};
use crate::store::error::Fault;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub number: u32,
    pub key: String,
    pub class: u16,
    pub obis: String,
    pub attribute: i8,
    pub scaler: Option<i8>,
    pub unit: Option<u8>,
}

impl Named {
    pub fn scale(&self) -> i8 {
        self.scaler.unwrap_or(0)
    }

    fn same_as(&self, other: &Self) -> bool {
        (&self.key, self.class, &self.obis, self.attribute)
            == (&other.key, other.class, &other.obis, other.attribute)
            && (self.scaler, self.unit) == (other.scaler, other.unit)
    }
}

/// Of one meter, in order of their numbers.
pub(super) fn all(connection: &Connection, meter: MeterId) -> Result<Vec<Named>, Fault> {
    let mut query = connection.prepare_cached(
        "SELECT number, key, class, obis, attribute, scaler, unit FROM series WHERE meter = ? ORDER BY number",
    )?;
    let mut rows = query.query([meter.0])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(Named {
            number: row.get(0)?,
            key: row.get(1)?,
            class: row.get(2)?,
            obis: row.get(3)?,
            attribute: row.get(4)?,
            scaler: row.get(5)?,
            unit: row.get(6)?,
        });
    }
    Ok(found)
}

/// The number of what was read; a new one where it never was before.
pub(super) fn number(
    connection: &Connection,
    meter: MeterId,
    known: &mut Vec<Named>,
    wanted: &Named,
) -> Result<u32, Fault> {
    if let Some(found) = known.iter().find(|it| it.same_as(wanted)) {
        return Ok(found.number);
    }
    let number = known.last().map_or(0, |it| it.number.saturating_add(1));
    connection
        .prepare_cached(
            "INSERT INTO series (meter, number, key, class, obis, attribute, scaler, unit)
             VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            meter.0,
            number,
            wanted.key,
            wanted.class,
            wanted.obis,
            wanted.attribute,
            wanted.scaler,
            wanted.unit
        ])?;
    known.push(Named {
        number,
        ..wanted.clone()
    });
    Ok(number)
}

/// The same for a reading.
pub(super) fn of(
    connection: &Connection,
    meter: MeterId,
    known: &mut Vec<Named>,
    reading: &Reading,
) -> Result<u32, Fault> {
    let attribute = reading.attribute;
    let (scaler, unit) = split(reading.scaler_unit);
    let wanted = Named {
        number: 0,
        key: reading.key.clone(),
        class: attribute.class,
        obis: attribute.obis.to_string(),
        attribute: attribute.attribute,
        scaler,
        unit,
    };
    number(connection, meter, known, &wanted)
}

fn split(scaler_unit: Option<ScalerUnit>) -> (Option<i8>, Option<u8>) {
    (
        scaler_unit.map(|it| it.scaler),
        scaler_unit.map(|it| it.unit.0),
    )
}

/// Without them what is left of the meter says nothing any more.
pub(in crate::store) fn forget(connection: &Connection, meter: MeterId) -> Result<(), Fault> {
    connection.execute("DELETE FROM series WHERE meter = ?", [meter.0])?;
    Ok(())
}
