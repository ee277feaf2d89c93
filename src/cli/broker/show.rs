//! `broker list` and `broker show`: a broker for people and as JSON; of a secret only that there is one.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use serde_json::{Value, json};

use crate::cli::saved::Error;
use crate::cli::table::Table;
use crate::cosem::data::printable;
use crate::publish::DEVICE_TYPE;
use crate::store::{BrokerDefinition, Dialect, Store};

fn span(span: Duration) -> String {
    humantime::format_duration(span).to_string()
}

/// Where the platform asks for one.
fn device_type(broker: &BrokerDefinition) -> Option<String> {
    let usual = (broker.dialect == Dialect::ThingsBoardGateway).then_some(DEVICE_TYPE);
    let kind = broker.device_type.as_deref().or(usual)?;
    Some(kind.to_owned())
}

fn allowed(broker: &BrokerDefinition) -> Option<String> {
    let nothing = broker.dialect.is_thingsboard().then_some("no change");
    match broker.allow.as_slice() {
        [] => nothing.map(str::to_owned),
        methods => Some(methods.join(", ")),
    }
}

/// `up to 2000000 messages, 1 GiB, however old`
fn limits(broker: &BrokerDefinition) -> String {
    let size = match broker.limits.bytes {
        bytes if bytes % (1 << 30) == 0 => format!("{} GiB", bytes >> 30),
        bytes if bytes % (1 << 20) == 0 => format!("{} MiB", bytes >> 20),
        bytes => format!("{bytes} bytes"),
    };
    let age = match broker.limits.age {
        Some(age) => format!("of the last {}", span(age)),
        None => "however old".to_owned(),
    };
    format!("up to {} messages, {size}, {age}", broker.limits.rows)
}

pub(super) async fn list(store: &Store, out: &mut dyn Write, json: bool) -> Result<(), Error> {
    let brokers = store.brokers().await?;
    if json {
        let mut shown = Vec::new();
        for broker in &brokers {
            shown.push(as_json(store, broker).await?);
        }
        writeln!(out, "{}", Value::from(shown))?;
        return Ok(());
    }
    if brokers.is_empty() {
        writeln!(
            out,
            "no brokers yet; for example: obiscope broker add lab --url mqtt://192.168.1.10 --dialect json"
        )?;
        return Ok(());
    }
    let mut table = Table::new([false, false, false, false, false, true, true]);
    let head = ["NAME", "URL", "DIALECT", "MQTT", "LOGIN", "WAITING", "DEAD"];
    table.add(head.map(str::to_owned));
    for broker in &brokers {
        let depth = store.depth(broker.id).await?;
        table.add([
            printable(&broker.name),
            printable(&broker.url()),
            broker.dialect.to_string(),
            broker.protocol.to_string(),
            login_of(broker),
            depth.waiting.to_string(),
            depth.dead.to_string(),
        ]);
    }
    table.print(out)?;
    Ok(())
}

fn login_of(broker: &BrokerDefinition) -> String {
    match (&broker.token, &broker.user, &broker.password) {
        (Some(_), _, _) => "token".to_owned(),
        (None, Some(user), Some(_)) => format!("{} with password", printable(user)),
        (None, Some(user), None) => printable(user),
        (None, None, _) if broker.cert.is_some() => "certificate".to_owned(),
        (None, None, _) => "none".to_owned(),
    }
}

async fn meters_of(store: &Store, broker: &BrokerDefinition) -> Result<Vec<String>, Error> {
    let meters = store.meters().await?.into_iter();
    Ok(meters
        .filter(|meter| meter.publish.as_deref() == Some(&broker.name))
        .map(|meter| meter.name)
        .collect())
}

async fn as_json(store: &Store, broker: &BrokerDefinition) -> Result<Value, Error> {
    let depth = store.depth(broker.id).await?;
    let set = |set: bool| if set { Value::from("set") } else { Value::Null };
    Ok(json!({
        "name": broker.name,
        "url": broker.url(),
        "dialect": broker.dialect.name(),
        "mqtt": broker.protocol.name(),
        "user": broker.user,
        "password": set(broker.password.is_some()),
        "token": set(broker.token.is_some()),
        "ca": broker.ca,
        "cert": broker.cert,
        "key": broker.key,
        "client_id": broker.client_id,
        "keep_alive": span(broker.keep_alive),
        "window": broker.window,
        "max_rows": broker.limits.rows,
        "max_bytes": broker.limits.bytes,
        "max_age": broker.limits.age.map(span),
        "topic": broker.topic,
        "payload": broker.payload,
        "status_topic": broker.status_topic,
        "device_type": broker.device_type.as_deref().unwrap_or(DEVICE_TYPE),
        "allow": broker.allow,
        "meters": meters_of(store, broker).await?,
        "waiting": depth.waiting,
        "bytes": depth.bytes,
        "oldest": depth.oldest.map(|at| at.to_string()),
        "rejected": depth.rejected,
        "dead": depth.dead,
        "dropped": depth.dropped,
    }))
}

pub(super) async fn show(
    store: &Store,
    out: &mut dyn Write,
    name: &str,
    json: bool,
) -> Result<(), Error> {
    let broker = store.broker_named(name).await?;
    if json {
        writeln!(out, "{}", as_json(store, &broker).await?)?;
        return Ok(());
    }
    let depth = store.depth(broker.id).await?;
    let waiting = match depth.oldest {
        Some(oldest) => format!("{}, the oldest since {oldest}", depth.waiting),
        None => "nothing".to_owned(),
    };
    let mut rows = vec![
        ("url", broker.url()),
        ("dialect", broker.dialect.to_string()),
        (
            "mqtt",
            format!(
                "{}, keep-alive {}, window {}",
                broker.protocol,
                span(broker.keep_alive),
                broker.window
            ),
        ),
        ("login", login_of(&broker)),
        ("client id", broker.client_id.clone()),
    ];
    let path = |path: &Path| path.display().to_string();
    let optional = [
        ("ca", broker.ca.as_deref().map(path)),
        ("cert", broker.cert.as_deref().map(path)),
        ("key", broker.key.as_deref().map(path)),
        ("topic", broker.topic.clone()),
        ("payload", broker.payload.clone()),
        ("status topic", broker.status_topic.clone()),
        ("device type", device_type(&broker)),
        ("allows", allowed(&broker)),
    ];
    rows.extend((optional.into_iter()).filter_map(|(label, text)| Some((label, text?))));
    rows.push(("meters", meters_of(store, &broker).await?.join(", ")));
    rows.push(("keeps", limits(&broker)));
    rows.push(("waiting", waiting));
    rows.push(("rejected", depth.rejected.to_string()));
    if depth.dead > 0 {
        rows.push(("set aside", depth.dead.to_string()));
    }
    if depth.dropped > 0 {
        rows.push(("dropped", depth.dropped.to_string()));
    }
    writeln!(out, "{}", printable(&broker.name))?;
    let mut table = Table::new([false; 2]);
    for (label, text) in rows {
        table.add([format!("  {label}"), printable(&text)]);
    }
    table.print(out)?;
    Ok(())
}
