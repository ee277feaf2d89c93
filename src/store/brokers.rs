//! Brokers in the database: one row each, secrets as blobs in a file only its owner reads.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;
use std::time::Duration;

use rusqlite::{Connection, OptionalExtension, Row, named_params, params};

use super::broker::{BrokerDefinition, Limits, new_client_id};
use super::error::{Fault, StoreError, is_duplicate};
use crate::dlms::security::Secret;

/// All but the id, in the order of the values below.
const FIELDS: [&str; 23] = [
    "name",
    "host",
    "port",
    "tls",
    "ca",
    "cert",
    "key",
    "dialect",
    "protocol",
    "user",
    "password",
    "token",
    "client_id",
    "keep_alive_ms",
    "window",
    "max_rows",
    "max_bytes",
    "max_age_ms",
    "topic",
    "payload",
    "status_topic",
    "device_type",
    "allow",
];

pub(super) fn all(connection: &mut Connection) -> Result<Vec<BrokerDefinition>, Fault> {
    let fields = FIELDS.join(", ");
    let mut query =
        connection.prepare_cached(&format!("SELECT id, {fields} FROM broker ORDER BY id"))?;
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
    let protocol: String = row.get("protocol")?;
    let protocol = protocol
        .parse()
        .map_err(|error| Fault::Row(format!("broker {name}: {error}")))?;
    let secret = |column: &str| -> rusqlite::Result<Option<Secret>> {
        Ok(row.get::<_, Option<Vec<u8>>>(column)?.map(Secret::new))
    };
    let path = |column: &str| -> rusqlite::Result<Option<PathBuf>> {
        let bytes: Option<Vec<u8>> = row.get(column)?;
        Ok(bytes.map(|bytes| OsString::from_vec(bytes).into()))
    };
    let count =
        |column: &str| -> rusqlite::Result<u64> { Ok(row.get::<_, i64>(column)?.unsigned_abs()) };
    let age: Option<i64> = row.get("max_age_ms")?;
    let allow: String = row.get("allow")?;
    Ok(BrokerDefinition {
        id: row.get("id")?,
        host: row.get("host")?,
        port: row.get("port")?,
        tls: row.get("tls")?,
        ca: path("ca")?,
        cert: path("cert")?,
        key: path("key")?,
        dialect,
        protocol,
        user: row.get("user")?,
        password: secret("password")?,
        token: secret("token")?,
        client_id: row.get("client_id")?,
        keep_alive: Duration::from_millis(count("keep_alive_ms")?),
        window: row.get("window")?,
        limits: Limits {
            rows: count("max_rows")?,
            bytes: count("max_bytes")?,
            age: age.map(|age| Duration::from_millis(age.unsigned_abs())),
        },
        topic: row.get("topic")?,
        payload: row.get("payload")?,
        status_topic: row.get("status_topic")?,
        device_type: row.get("device_type")?,
        allow: allow.split_whitespace().map(str::to_owned).collect(),
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
    let named = FIELDS.map(|field| format!(":{field}")).join(", ");
    let fields = FIELDS.join(", ");
    let sql = if broker.id == 0 {
        format!("INSERT INTO broker (id, {fields}) VALUES (nullif(:id, 0), {named}) RETURNING id")
    } else {
        format!("UPDATE broker SET ({fields}) = ({named}) WHERE id = :id RETURNING id")
    };
    let path = |path: &Option<PathBuf>| path.as_ref().map(|it| it.as_os_str().as_bytes().to_vec());
    let transaction = connection.transaction()?;
    let saved = transaction
        .query_row(
            &sql,
            named_params! {
            ":id": broker.id,
            ":name": broker.name,
            ":host": broker.host,
            ":port": broker.port,
            ":tls": broker.tls,
            ":ca": path(&broker.ca),
            ":cert": path(&broker.cert),
            ":key": path(&broker.key),
            ":dialect": broker.dialect.name(),
            ":protocol": broker.protocol.name(),
            ":user": broker.user,
            ":password": broker.password.as_ref().map(Secret::expose),
            ":token": broker.token.as_ref().map(Secret::expose),
            ":client_id": broker.client_id,
            ":keep_alive_ms": integer(broker.keep_alive.as_millis()),
            ":window": broker.window,
            ":max_rows": integer(broker.limits.rows.into()),
            ":max_bytes": integer(broker.limits.bytes.into()),
            ":max_age_ms": broker.limits.age.map(|age| integer(age.as_millis())),
            ":topic": broker.topic,
            ":payload": broker.payload,
            ":status_topic": broker.status_topic,
            ":device_type": broker.device_type,
            ":allow": broker.allow.join(" "),
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

/// As large as SQLite counts; nobody waits longer.
fn integer(number: u128) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
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
