//! Object lists in the database: one for each way a meter was asked, as the meter sent it. Whether it still holds is for
//! the one who reads it to judge, by the identity kept with it.

use super::error::Fault;
use super::meters::timestamp;
use crate::meter::MeterId;
use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, params};

/// Which list of a meter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListKey {
    pub meter: MeterId,
    /// Client SAP.
    pub client: u16,
    /// The server address as it is written: another logical device has another list.
    pub server: String,
    /// `ln` or `sn`.
    pub naming: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptList {
    /// Device and firmware, as they called themselves.
    pub identity: String,
    /// A-XDR.
    pub list: Vec<u8>,
    pub read: Timestamp,
}

pub(super) fn get(connection: &Connection, key: &ListKey) -> Result<Option<KeptList>, Fault> {
    let found = connection
        .prepare_cached(
            "SELECT identity, list, read_ms FROM object_list
             WHERE meter = ? AND client = ? AND server = ? AND naming = ?",
        )?
        .query_row(
            params![key.meter.0, key.client, key.server, key.naming],
            |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
        )
        .optional()?;
    found
        .map(|(identity, list, read)| {
            Ok(KeptList {
                identity,
                list,
                read: timestamp(read)?,
            })
        })
        .transpose()
}

/// Takes the place of the one before.
pub(super) fn keep(connection: &Connection, key: &ListKey, list: &KeptList) -> Result<(), Fault> {
    connection
        .prepare_cached(
            "INSERT OR REPLACE INTO object_list (meter, client, server, naming, identity, list, read_ms)
             VALUES (?, ?, ?, ?, ?, ?, ?)",
        )?
        .execute(params![
            key.meter.0,
            key.client,
            key.server,
            key.naming,
            list.identity,
            list.list,
            list.read.as_millisecond()
        ])?;
    Ok(())
}

/// All lists of the meter kept under another identity; how many there were.
pub(super) fn forget_others(
    connection: &Connection,
    meter: MeterId,
    identity: &str,
) -> Result<usize, Fault> {
    let gone = connection
        .prepare_cached("DELETE FROM object_list WHERE meter = ? AND identity <> ?")?
        .execute(params![meter.0, identity])?;
    Ok(gone)
}
