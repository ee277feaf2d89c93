//! Meters in the database: one row each, their objects as rows in order, and what was noted about them.

use std::time::Duration;

use jiff::Timestamp;
use rusqlite::{
    Connection, OptionalExtension, Row, Transaction, TransactionBehavior, named_params, params,
};

use super::brokers;
use super::error::{Fault, StoreError, is_duplicate};
use super::history;
use super::line::{self, Columns};
use crate::dlms::hdlc::{ClientAddress, ServerAddress};
use crate::dlms::security::Secret;
use crate::meter::definition::{Limits, Nominal, RecoverySettings, Report};
use crate::meter::{Definition, MeterId, PolledObject};

#[derive(Clone, Debug, PartialEq)]
pub enum MeterNote {
    Seen(Timestamp),
    Error {
        at: Timestamp,
        what: String,
    },
    /// Link parameters that worked, as JSON.
    Good {
        at: Timestamp,
        link: String,
    },
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct MeterNotes {
    pub last_seen: Option<Timestamp>,
    pub last_error: Option<(Timestamp, String)>,
    pub last_good: Option<(Timestamp, String)>,
}

pub(super) fn all(connection: &mut Connection) -> Result<Vec<Definition>, Fault> {
    // One snapshot for both tables.
    let snapshot = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
    let mut query = snapshot.prepare_cached(
        "SELECT meter.*, broker.name AS publish_to
         FROM meter LEFT JOIN broker ON broker.id = meter.publish ORDER BY meter.id",
    )?;
    let mut rows = query.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let mut meter = from_row(row)?;
        meter.objects = objects(&snapshot, &meter)?;
        found.push(meter);
    }
    Ok(found)
}

pub(super) fn one(connection: &mut Connection, id: MeterId) -> Result<Option<Definition>, Fault> {
    let snapshot = connection.transaction_with_behavior(TransactionBehavior::Deferred)?;
    let mut query = snapshot.prepare_cached(
        "SELECT meter.*, broker.name AS publish_to
         FROM meter LEFT JOIN broker ON broker.id = meter.publish WHERE meter.id = ?",
    )?;
    let mut rows = query.query([id.0])?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let mut meter = from_row(row)?;
    meter.objects = objects(&snapshot, &meter)?;
    Ok(Some(meter))
}

fn from_row(row: &Row<'_>) -> Result<Definition, Fault> {
    let name: String = row.get("name")?;
    let strange = |what: String| Fault::Row(format!("meter {name}: {what}"));
    let of_meter = |fault| match fault {
        Fault::Row(what) => Fault::Row(format!("meter {name}: {what}")),
        other => other,
    };
    let span = |column: &str| -> Result<Duration, Fault> {
        let milliseconds = u64::try_from(row.get::<_, i64>(column)?)
            .map_err(|_| strange(format!("{column} is negative")))?;
        Ok(Duration::from_millis(milliseconds))
    };
    Ok(Definition {
        id: MeterId(row.get("id")?),
        host: row.get("host")?,
        port: row.get("port")?,
        transport: line::transport(row).map_err(of_meter)?,
        mode_e: row.get("mode_e")?,
        client: ClientAddress::new(row.get("client")?)
            .map_err(|error| strange(error.to_string()))?,
        server: ServerAddress::new(
            row.get("server_upper")?,
            row.get("server_lower")?,
            Some(row.get("server_size")?),
        )
        .map_err(|error| strange(error.to_string()))?,
        naming: crate::meter::definition::naming_named(&row.get::<_, String>("naming")?)
            .ok_or_else(|| strange("unknown naming".to_owned()))?,
        auth: row.get::<_, String>("auth")?.parse().map_err(strange)?,
        password: row.get::<_, Option<Vec<u8>>>("password")?.map(Secret::new),
        security: line::security(row).map_err(of_meter)?,
        counter_object: row
            .get::<_, Option<String>>("counter_object")?
            .map(|text| text.parse())
            .transpose()
            .map_err(|error| strange(format!("counter object: {error}")))?,
        read_only: row.get("read_only")?,
        timeout: span("timeout_ms")?,
        timeout_floor: span("timeout_floor_ms")?,
        turn_round: span("turn_round_ms")?,
        inter_octet: span("inter_octet_ms")?,
        retries: row.get("retries")?,
        poll: span("poll_ms")?,
        identify: row.get("identify")?,
        overdue: row.get("overdue")?,
        inactivity: span("inactivity_ms")?,
        max_info: row.get("max_info")?,
        window: row.get("window")?,
        objects: Vec::new(),
        nominal: Nominal {
            voltage: row.get("nominal_voltage")?,
            frequency: row.get("nominal_frequency")?,
        },
        recovery: row
            .get::<_, Option<String>>("recovery")?
            .map_or(Ok(RecoverySettings::default()), |text| text.parse())
            .map_err(|error| strange(format!("recovery: {error}")))?,
        publish: row.get("publish_to")?,
        device: row.get("device")?,
        enabled: row.get("enabled")?,
        name,
    })
}

fn objects(connection: &Connection, meter: &Definition) -> Result<Vec<PolledObject>, Fault> {
    let mut query = connection.prepare_cached(
        "SELECT spec, key, report, every_ms, limits FROM meter_object WHERE meter = ? ORDER BY position",
    )?;
    let mut rows = query.query([meter.id.0])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let spec: String = row.get("spec")?;
        let report: Option<String> = row.get("report")?;
        let limits: Option<String> = row.get("limits")?;
        found.push(PolledObject {
            spec: spec
                .parse()
                .map_err(|error| Fault::Row(format!("meter {}: {error}", meter.name)))?,
            key: row.get("key")?,
            every: row
                .get::<_, Option<i64>>("every_ms")?
                .map(u64::try_from)
                .transpose()
                .map_err(|_| Fault::Row(format!("meter {}: every_ms is negative", meter.name)))?
                .map(Duration::from_millis),
            report: report
                .map_or(Ok(Report::default()), |text| text.parse())
                .map_err(|error| Fault::Row(format!("meter {}: {error}", meter.name)))?,
            limits: limits
                .map_or(Ok(Limits::default()), |text| text.parse())
                .map_err(|error| Fault::Row(format!("meter {}: {error}", meter.name)))?,
        });
    }
    Ok(found)
}

/// All of them or none.
pub(super) fn save(
    connection: &mut Connection,
    mut meters: Vec<Definition>,
) -> Result<Vec<Definition>, Fault> {
    let transaction = connection.transaction()?;
    let mut moved = Vec::new();
    for meter in &mut meters {
        let new = is_new_there(&transaction, meter)?;
        meter.id = save_one(&transaction, meter)?;
        moved.push(new);
    }
    // Only when all are where they shall be: two may have changed places.
    for (meter, _) in meters.iter().zip(moved).filter(|(_, moved)| *moved) {
        is_alone_there(&transaction, meter)?;
    }
    transaction.commit()?;
    Ok(meters)
}

/// Its place and server address are not those it has in the database.
fn is_new_there(transaction: &Transaction<'_>, meter: &Definition) -> Result<bool, Fault> {
    let known: i64 = transaction
        .prepare_cached(
            "SELECT count(*) FROM meter WHERE id = ? AND host = ? COLLATE NOCASE AND port = ? AND line_path IS ?
                 AND server_upper = ? AND server_lower IS ?",
        )?
        .query_row(
            params![
                meter.id.0,
                meter.host,
                meter.port,
                meter.transport.serial().map(|line| &line.path),
                meter.server.upper(),
                meter.server.lower(),
            ],
            |row| row.get(0),
        )?;
    Ok(known == 0)
}

/// A meter serves one client: the same one under two names would be fought over.
fn is_alone_there(transaction: &Transaction<'_>, meter: &Definition) -> Result<(), Fault> {
    let other: Option<String> = transaction
        .prepare_cached(
            "SELECT name FROM meter WHERE host = ? COLLATE NOCASE AND port = ? AND id <> ? AND line_path IS ?
                 AND server_upper = ? AND server_lower IS ? LIMIT 1",
        )?
        .query_row(
            params![
                meter.host,
                meter.port,
                meter.id.0,
                meter.transport.serial().map(|line| &line.path),
                meter.server.upper(),
                meter.server.lower(),
            ],
            |row| row.get(0),
        )
        .optional()?;
    match other {
        None => Ok(()),
        Some(other) => Err(Fault::Refused(StoreError::Duplicate(format!(
            "meter {} is already saved at {} with server {}: a meter serves one client, so it is read under one name; \
             edit that one, or give the other server address of a second meter on the same line",
            other,
            meter.endpoint(),
            meter.server
        )))),
    }
}

#[expect(clippy::too_many_lines, reason = "one column a line")]
fn save_one(transaction: &Transaction<'_>, meter: &Definition) -> Result<MeterId, Fault> {
    let publish = match &meter.publish {
        Some(name) => Some(brokers::id_of(transaction, name)?),
        None => None,
    };
    let sql = if meter.id == MeterId(0) {
        "INSERT INTO meter (id, name, host, port, transport, client, server_upper, server_lower,
             server_size, auth, password, timeout_ms, retries, poll_ms, inactivity_ms, max_info,
             window, publish, device, enabled, line_path, line_baud, line_data_bits, line_parity,
             line_stop_bits, mode_e, turn_round_ms, inter_octet_ms, suite, protection, ciphering,
             system_title, keys, counter_object, read_only, naming, nominal_voltage,
             nominal_frequency, timeout_floor_ms, identify, recovery, overdue)
         VALUES (nullif(:id, 0), :name, :host, :port, :transport, :client, :server_upper,
             :server_lower, :server_size, :auth, :password, :timeout_ms, :retries, :poll_ms,
             :inactivity_ms, :max_info, :window, :publish, :device, :enabled, :line_path,
             :line_baud, :line_data_bits, :line_parity, :line_stop_bits, :mode_e, :turn_round_ms,
             :inter_octet_ms, :suite, :protection, :ciphering, :system_title, :keys,
             :counter_object, :read_only, :naming, :nominal_voltage, :nominal_frequency,
             :timeout_floor_ms, :identify, :recovery, :overdue)
         RETURNING id"
    } else {
        "UPDATE meter SET name = :name, host = :host, port = :port, transport = :transport,
             client = :client, server_upper = :server_upper, server_lower = :server_lower,
             server_size = :server_size, auth = :auth, password = :password,
             timeout_ms = :timeout_ms, retries = :retries, poll_ms = :poll_ms,
             inactivity_ms = :inactivity_ms, max_info = :max_info, window = :window,
             publish = :publish, device = :device, enabled = :enabled, line_path = :line_path,
             line_baud = :line_baud, line_data_bits = :line_data_bits, line_parity = :line_parity,
             line_stop_bits = :line_stop_bits, mode_e = :mode_e, turn_round_ms = :turn_round_ms,
             inter_octet_ms = :inter_octet_ms, suite = :suite, protection = :protection,
             ciphering = :ciphering, system_title = :system_title, keys = :keys,
             counter_object = :counter_object, read_only = :read_only, naming = :naming,
             nominal_voltage = :nominal_voltage, nominal_frequency = :nominal_frequency,
             timeout_floor_ms = :timeout_floor_ms, identify = :identify, recovery = :recovery,
             overdue = :overdue,
             -- What was learned of another device does not hold for this one.
             good_link = CASE WHEN host = :host AND port = :port AND client = :client
                 AND transport = :transport AND line_path IS :line_path
                 AND server_upper = :server_upper AND server_lower IS :server_lower
                 AND server_size = :server_size THEN good_link END
         WHERE id = :id RETURNING id"
    };
    let [timeout, poll, inactivity] =
        [meter.timeout, meter.poll, meter.inactivity].map(milliseconds);
    let more = Columns::of(meter);
    let (client, upper) = (meter.client.sap(), meter.server.upper());
    let (lower, size) = (meter.server.lower(), meter.server.size());
    let saved = transaction
        .query_row(
            sql,
            named_params! {
            ":id": meter.id.0,
            ":name": meter.name,
            ":host": meter.host,
            ":port": meter.port,
            ":transport": meter.transport.name(),
            ":client": client,
            ":server_upper": upper,
            ":server_lower": lower,
            ":server_size": size,
            ":auth": meter.auth.name(),
            ":password": meter.password.as_ref().map(Secret::expose),
            ":timeout_ms": timeout,
            ":retries": meter.retries,
            ":poll_ms": poll,
            ":inactivity_ms": inactivity,
            ":max_info": meter.max_info,
            ":window": meter.window,
            ":publish": publish,
            ":device": meter.device,
            ":enabled": meter.enabled,
            ":line_path": more.line.map(|it| it.path.as_str()),
            ":line_baud": more.line.map(|it| it.baud),
            ":line_data_bits": more.line.map(|it| it.data_bits),
            ":line_parity": more.parity,
            ":line_stop_bits": more.line.map(|it| it.stop_bits),
            ":mode_e": meter.mode_e,
            ":turn_round_ms": milliseconds(meter.turn_round),
            ":inter_octet_ms": milliseconds(meter.inter_octet),
            ":suite": more.suite,
            ":protection": more.protection,
            ":ciphering": more.ciphering,
            ":system_title": more.title,
            ":keys": more.keys.as_ref().map(Secret::expose),
            ":counter_object": more.counter_object,
            ":read_only": meter.read_only,
            ":naming": crate::meter::definition::naming_name(meter.naming),
            ":nominal_voltage": meter.nominal.voltage,
            ":nominal_frequency": meter.nominal.frequency,
            ":timeout_floor_ms": milliseconds(meter.timeout_floor),
            ":identify": meter.identify,
            ":overdue": meter.overdue,
            ":recovery": (!meter.recovery.is_default()).then(|| meter.recovery.to_string()),
                },
            |row| row.get(0),
        )
        .optional();
    let id: i64 = match saved {
        Ok(Some(id)) => id,
        Ok(None) => return Err(gone(&meter.name)),
        Err(error) if is_duplicate(&error) => {
            return Err(Fault::Refused(StoreError::Duplicate(format!(
                "there is already a meter named {:?}; choose another name or edit that one",
                meter.name
            ))));
        }
        Err(error) => return Err(error.into()),
    };
    transaction.execute("DELETE FROM meter_object WHERE meter = ?", [id])?;
    let mut insert = transaction.prepare_cached(
        "INSERT INTO meter_object (meter, position, spec, key, report, every_ms, limits)
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )?;
    for (position, object) in (0_i64..).zip(&meter.objects) {
        let report = (!object.report.is_every()).then(|| object.report.to_string());
        insert.execute(params![
            id,
            position,
            object.spec.to_string(),
            object.key,
            report,
            object.every.map(milliseconds),
            (!object.limits.is_none()).then(|| object.limits.to_string()),
        ])?;
    }
    Ok(MeterId(id))
}

pub(super) fn delete(connection: &mut Connection, id: MeterId) -> Result<(), Fault> {
    // Its unsent messages stay: outbox.meter becomes NULL and they are still published.
    match connection.execute("DELETE FROM meter WHERE id = ?", [id.0])? {
        0 => Err(gone("with this number")),
        // The rows of its history go later, a few at a time; nothing finds them any more.
        _ => history::forget(connection, id),
    }
}

/// All or none; those of meters that are gone are nobody's.
pub(super) fn note_all(
    connection: &mut Connection,
    notes: &[(MeterId, MeterNote)],
) -> Result<(), Fault> {
    let transaction = connection.transaction()?;
    for (id, it) in notes {
        match note(&transaction, *id, it) {
            Ok(()) | Err(Fault::Refused(StoreError::NotFound(_))) => {}
            Err(fault) => return Err(fault),
        }
    }
    Ok(transaction.commit()?)
}

pub(super) fn note(connection: &Connection, id: MeterId, note: &MeterNote) -> Result<(), Fault> {
    let changed = match note {
        MeterNote::Seen(at) => connection
            .prepare_cached("UPDATE meter SET seen_ms = ? WHERE id = ?")?
            .execute(params![at.as_millisecond(), id.0])?,
        MeterNote::Error { at, what } => connection
            .prepare_cached("UPDATE meter SET error_ms = ?, error = ? WHERE id = ?")?
            .execute(params![at.as_millisecond(), what, id.0])?,
        MeterNote::Good { at, link } => connection
            .prepare_cached("UPDATE meter SET good_ms = ?, good_link = ? WHERE id = ?")?
            .execute(params![at.as_millisecond(), link, id.0])?,
    };
    match changed {
        0 => Err(gone("with this number")),
        _ => Ok(()),
    }
}

pub(super) fn notes(connection: &mut Connection, id: MeterId) -> Result<MeterNotes, Fault> {
    let mut query = connection.prepare_cached(
        "SELECT seen_ms, error_ms, error, good_ms, good_link FROM meter WHERE id = ?",
    )?;
    let mut rows = query.query([id.0])?;
    let row = rows.next()?.ok_or_else(|| gone("with this number"))?;
    let pair = |at: &str, what: &str| -> Result<Option<(Timestamp, String)>, Fault> {
        let at = row.get::<_, Option<i64>>(at)?.map(timestamp).transpose()?;
        Ok(at.zip(row.get::<_, Option<String>>(what)?))
    };
    Ok(MeterNotes {
        last_seen: row
            .get::<_, Option<i64>>("seen_ms")?
            .map(timestamp)
            .transpose()?,
        last_error: pair("error_ms", "error")?,
        last_good: pair("good_ms", "good_link")?,
    })
}

pub(super) fn timestamp(milliseconds: i64) -> Result<Timestamp, Fault> {
    Timestamp::from_millisecond(milliseconds)
        .map_err(|error| Fault::Row(format!("a time out of range: {error}")))
}

fn milliseconds(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}

fn gone(name: &str) -> Fault {
    Fault::not_found(format!("the meter {name} is no longer saved"))
}
