//! Brokers in the database: one row each, secrets as blobs in a file only its owner reads.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::broker::{BrokerDefinition, new_client_id};
use super::error::{Fault, StoreError, is_duplicate};
use crate::dlms::security::Secret;

const COLUMNS: &str = "id, name, host, port, tls, ca, dialect, user, password, token, client_id";

pub(super) fn all(connection: &mut Connection) -> Result<Vec<BrokerDefinition>, Fault> {
    let mut query =
        connection.prepare_cached(&format!("SELECT {COLUMNS} FROM broker ORDER BY id"))?;
    let mut rows = query.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        found.push(from_row(row)?);
    }
    Ok(found)
}

fn from_row(row: &Row<'_>) -> Result<BrokerDefinition, Fault> {
    let name: String = row.get("name")?;
    let dialect: String = row.get("dialect")?;
    let dialect = dialect
        .parse()
        .map_err(|error| Fault::Row(format!("broker {name}: {error}")))?;
    let secret = |column: &str| -> rusqlite::Result<Option<Secret>> {
        Ok(row.get::<_, Option<Vec<u8>>>(column)?.map(Secret::new))
    };
    Ok(BrokerDefinition {
        id: row.get("id")?,
        host: row.get("host")?,
        port: row.get("port")?,
        tls: row.get("tls")?,
        ca: row
            .get::<_, Option<Vec<u8>>>("ca")?
            .map(|bytes| OsString::from_vec(bytes).into()),
        dialect,
        user: row.get("user")?,
        password: secret("password")?,
        token: secret("token")?,
        client_id: row.get("client_id")?,
        name,
    })
}

pub(super) fn save(
    connection: &mut Connection,
    mut broker: BrokerDefinition,
) -> Result<BrokerDefinition, Fault> {
    if broker.client_id.is_empty() {
        broker.client_id = new_client_id();
    }
    let sql = if broker.id == 0 {
        "INSERT INTO broker (id, name, host, port, tls, ca, dialect, user, password, token, client_id)
         VALUES (nullif(:id, 0), :name, :host, :port, :tls, :ca, :dialect, :user, :password, :token, :client_id)
         RETURNING id"
    } else {
        "UPDATE broker SET name = :name, host = :host, port = :port, tls = :tls, ca = :ca,
             dialect = :dialect, user = :user, password = :password, token = :token,
             client_id = :client_id
         WHERE id = :id RETURNING id"
    };
    let transaction = connection.transaction()?;
    let saved = transaction
        .query_row(
            sql,
            named_params! {
            ":id": broker.id,
            ":name": broker.name,
            ":host": broker.host,
            ":port": broker.port,
            ":tls": broker.tls,
            ":ca": broker.ca.as_ref().map(|path| path.as_os_str().as_bytes()),
            ":dialect": broker.dialect.name(),
            ":user": broker.user,
            ":password": broker.password.as_ref().map(Secret::expose),
            ":token": broker.token.as_ref().map(Secret::expose),
            ":client_id": broker.client_id,
            },
            |row| row.get(0),
        )
        .optional();
    let id = match saved {
        Ok(Some(id)) => id,
        Ok(None) => {
            return Err(Fault::not_found(format!(
                "broker {} is no longer saved",
                broker.name
            )));
        }
        Err(error) if is_duplicate(&error) => {
            return Err(Fault::Refused(StoreError::Duplicate(format!(
                "there is already a broker named {:?}; choose another name or edit that one",
                broker.name
            ))));
        }
        Err(error) => return Err(error.into()),
    };
    transaction.commit()?;
    broker.id = id;
    Ok(broker)
}

pub(super) fn delete(connection: &mut Connection, name: &str) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    let id = id_of(&transaction, name)?;
    let meters: Vec<String> = transaction
        .prepare("SELECT name FROM meter WHERE publish = ? ORDER BY name")?
        .query_map([id], |row| row.get(0))?
        .collect::<Result<_, _>>()?;
    if !meters.is_empty() {
        return Err(Fault::Refused(StoreError::InUse(format!(
            "broker {name} is still published to by {}; change them first",
            meters.join(", ")
        ))));
    }
    transaction.execute("DELETE FROM broker WHERE id = ?", params![id])?;
    transaction.commit()?;
    Ok(())
}

/// By name, or an error in words.
pub(super) fn id_of(connection: &Connection, name: &str) -> Result<i64, Fault> {
    connection
        .prepare_cached("SELECT id FROM broker WHERE name = ?")?
        .query_row([name], |row| row.get(0))
        .optional()?
        .ok_or_else(|| {
            Fault::not_found(format!(
                "there is no broker named {name:?}; `obiscope broker list` shows those there are"
            ))
        })
}
