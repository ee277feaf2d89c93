//! `meter list` and `meter show`: a saved meter for people and as JSON; of a password only that there is one.

use std::io::Write;

use serde_json::{Value, json};

use super::argument::counted;
use super::meter::Error;
use super::table::Table;
use crate::cosem::data::printable;
use crate::meter::Definition;
use crate::meter::definition::{form_name, key_names, naming_name, protection_name};
use crate::store::{MeterNotes, Store};

pub(super) async fn list(store: &Store, out: &mut dyn Write, json: bool) -> Result<(), Error> {
    let meters = store.meters().await?;
    if json {
        let mut shown = Vec::new();
        for meter in &meters {
            shown.push(as_json(meter, &store.meter_notes(meter.id).await?));
        }
        writeln!(out, "{}", Value::from(shown))?;
        return Ok(());
    }
    if meters.is_empty() {
        writeln!(
            out,
            "no meters yet; for example: obiscope meter add feeder-7 --host 192.168.1.127:3333 --preset microstar --password-env METER_PASSWORD"
        )?;
        return Ok(());
    }
    let head = [
        "NAME",
        "HOST",
        "CLIENT",
        "SERVER",
        "ACCESS",
        "POLL",
        "READS",
        "PUBLISHES TO",
        "LAST SEEN",
    ];
    let mut table = Table::new([false, false, true, false, false, true, true, false, false]);
    table.add(head.map(str::to_owned));
    for meter in &meters {
        let seen = store.meter_notes(meter.id).await?.last_seen;
        table.add([
            printable(&meter.name),
            printable(&meter.endpoint()),
            meter.client.sap().to_string(),
            meter.server.to_string(),
            if meter.read_only { "read-only" } else { "full" }.to_owned(),
            humantime::format_duration(meter.poll).to_string(),
            meter.objects.len().to_string(),
            printable(meter.publish.as_deref().unwrap_or("-")),
            seen.map_or_else(|| "never".to_owned(), |at| at.to_string()),
        ]);
    }
    table.print(out)?;
    Ok(())
}

/// `authenticated and encrypted, general, security suite 0, title 4F42… (OBS …), keys ek ak`
fn security_words(meter: &Definition) -> String {
    let Some(security) = &meter.security else {
        return "none".to_owned();
    };
    let what = match security.protection {
        None => "in clear".to_owned(),
        Some(protection) => format!("{protection}, {}", form_name(security.form)),
    };
    let keys = match key_names(&security.keys) {
        names if names.is_empty() => "no keys".to_owned(),
        names => format!("keys {names} set"),
    };
    let counter = match meter.counter_object {
        Some(object) => format!("{object:#}"),
        None => "not asked for".to_owned(),
    };
    let (suite, title) = (security.suite, security.title);
    format!("{what}, {suite}, our title {title}, {keys}, counter {counter}")
}

/// `, 30ms before each frame`
fn pauses(meter: &Definition) -> String {
    let span = |span| humantime::format_duration(span).to_string();
    let mut words = String::new();
    if !meter.turn_round.is_zero() {
        words = format!(", {} before each frame", span(meter.turn_round));
    }
    if !meter.inter_octet.is_zero() {
        words = format!("{words}, {} within one", span(meter.inter_octet));
    }
    words
}

fn as_json(meter: &Definition, notes: &MeterNotes) -> Value {
    let span = |span| humantime::format_duration(span).to_string();
    let objects: Vec<_> = meter
        .objects
        .iter()
        .map(|object| {
            json!({
                "object": object.spec.to_string(),
                "key": object.key,
                "report": object.report.to_string(),
                "limits": (!object.limits.is_none()).then(|| object.limits.to_string()),
                "every": object.every.map(span),
            })
        })
        .collect();
    json!({
        "name": meter.name,
        "host": meter.host,
        "port": meter.port,
        "transport": meter.transport.name(),
        "client": meter.client.sap(),
        "server": {
            "upper": meter.server.upper(),
            "lower": meter.server.lower(),
            "bytes": meter.server.size(),
        },
        "line": meter.transport.serial().map(|line| json!({
            "path": line.path,
            "baud": line.baud,
            "data_bits": line.data_bits,
            "parity": line.parity.name(),
            "stop_bits": line.stop_bits,
        })),
        "mode_e": meter.mode_e,
        "naming": naming_name(meter.naming),
        "auth": meter.auth.name(),
        "password": meter.password.as_ref().map(|_| "set"),
        "security": meter.security.as_ref().map(|it| json!({
            "suite": it.suite.number(),
            "protection": protection_name(it.protection),
            "ciphering": form_name(it.form),
            "system_title": it.title.hex(),
            "keys": key_names(&it.keys),
        })),
        "counter_object": meter.counter_object.map(|it| it.to_string()),
        "read_only": meter.read_only,
        "timeout": span(meter.timeout),
        "turn_round": span(meter.turn_round),
        "inter_octet": span(meter.inter_octet),
        "retries": meter.retries,
        "poll": span(meter.poll),
        "inactivity": span(meter.inactivity),
        "max_info": meter.max_info,
        "window": meter.window,
        "objects": objects,
        "nominal_voltage": meter.nominal.voltage,
        "nominal_frequency": meter.nominal.frequency,
        "overdue": meter.overdue,
        "recovery": meter.recovery.entries().into_iter().collect::<std::collections::BTreeMap<_, _>>(),
        "publish": meter.publish,
        "device": meter.device_name(),
        "enabled": meter.enabled,
        "last_seen": notes.last_seen.map(|at| at.to_string()),
        "last_error": notes.last_error.as_ref().map(|(at, what)| json!({"at": at.to_string(), "what": what})),
        "last_good": notes.last_good.as_ref().map(|(at, link)| json!({
            "at": at.to_string(),
            "link": serde_json::from_str::<Value>(link).unwrap_or_else(|_| Value::from(link.as_str())),
        })),
    })
}

#[expect(clippy::too_many_lines, reason = "one line a field")]
pub(super) async fn show(
    store: &Store,
    out: &mut dyn Write,
    name: &str,
    json: bool,
) -> Result<(), Error> {
    let meter = store.meter_named(name).await?;
    let notes = store.meter_notes(meter.id).await?;
    if json {
        writeln!(out, "{}", as_json(&meter, &notes))?;
        return Ok(());
    }
    let span = |span| humantime::format_duration(span).to_string();
    let auth = match (meter.auth, &meter.password) {
        (auth, Some(_)) => format!("{}, password set", auth.name()),
        (auth, None) => auth.name().to_owned(),
    };
    let publish = match &meter.publish {
        Some(broker) => format!("{broker} as {}", meter.device_name()),
        None => "nowhere".to_owned(),
    };
    let recovery = match meter.recovery.changed() {
        changed if changed.is_empty() => "as usual".to_owned(),
        changed => changed.join(", "),
    };
    let nominal = match meter.nominal.words() {
        words if words.is_empty() => {
            "not given: values are judged by what is absurd anywhere".into()
        }
        words => words,
    };
    let dated = |note: Option<(jiff::Timestamp, String)>| match note {
        Some((at, text)) => format!("{at} {text}"),
        None => "never".to_owned(),
    };
    let rows = [
        (
            "host",
            format!("{} ({})", meter.endpoint(), meter.transport_words()),
        ),
        ("client", meter.client.sap().to_string()),
        (
            "server",
            format!(
                "{} in {}",
                meter.server,
                counted(meter.server.size().into(), "byte", "bytes")
            ),
        ),
        ("auth", auth),
        ("security", security_words(&meter)),
        (
            "writing",
            if meter.read_only {
                "refused: this meter is read-only"
            } else {
                "after asking"
            }
            .to_owned(),
        ),
        (
            "timeout",
            format!(
                "{}, {}{}",
                span(meter.timeout),
                counted(meter.retries.into(), "retry", "retries"),
                pauses(&meter)
            ),
        ),
        ("poll", format!("every {}", span(meter.poll))),
        ("inactivity", span(meter.inactivity)),
        (
            "frames",
            format!("up to {} bytes, window {}", meter.max_info, meter.window),
        ),
        ("nominal", nominal),
        ("recovery", recovery),
        ("publishes", publish),
        (
            "starts",
            if meter.enabled {
                "with the program"
            } else {
                "when told"
            }
            .to_owned(),
        ),
        (
            "last seen",
            notes
                .last_seen
                .map_or_else(|| "never".to_owned(), |at| at.to_string()),
        ),
        ("last error", dated(notes.last_error)),
        ("last good", dated(notes.last_good)),
    ];
    writeln!(out, "{}", printable(&meter.name))?;
    let mut table = Table::new([false; 2]);
    for (label, text) in rows {
        table.add([format!("  {label}"), printable(&text)]);
    }
    for (position, object) in meter.objects.iter().enumerate() {
        let label = if position == 0 { "  reads" } else { "" };
        let mut when = match object.every {
            Some(every) => format!("  every {}", span(every)),
            None => String::new(),
        };
        if !object.report.is_every() {
            when = format!("{when}  reported {}", object.report);
        }
        if !object.limits.is_none() {
            when = format!("{when}  alarm {}", object.limits);
        }
        let object = format!("{}  {}{when}", object.spec, printable(&object.key));
        table.add([label.to_owned(), object]);
    }
    table.print(out)?;
    Ok(())
}
