//! Meters as a TOML file: what `meter export` writes and `meter import` reads. Never holds a password.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::meter::{auth_name, begin, polled_object, transport_name};
use super::saved::{Error, secret};
use crate::dlms::hdlc::{ClientAddress, ServerAddress};
use crate::meter::Definition;
use crate::meter::definition::{Auth, TransportKind};

const HEAD: &str = "\
# Meters of obiscope; read with `obiscope meter import FILE`.
# Passwords are not in here. Give one with password_env = \"VARIABLE\" or password_file = \"FILE\";
# without either, a meter that is already saved keeps its own.
";

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default)]
    meter: Vec<Entry>,
}

/// What is left out takes the default of `preset`, or of the program.
#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Entry {
    name: String,
    /// `HOST:PORT`.
    host: String,
    preset: Option<String>,
    transport: Option<String>,
    client: Option<u8>,
    /// `UPPER[/LOWER]`.
    server: Option<String>,
    address_size: Option<u8>,
    auth: Option<String>,
    password_env: Option<String>,
    password_file: Option<PathBuf>,
    timeout: Option<String>,
    retries: Option<u8>,
    poll: Option<String>,
    inactivity: Option<String>,
    max_info: Option<u16>,
    window: Option<u8>,
    publish: Option<String>,
    device: Option<String>,
    enabled: Option<bool>,
    /// `OBJECT[=KEY]`.
    objects: Option<Vec<String>>,
}

pub(super) fn write(meters: &[Definition]) -> Result<String, Error> {
    let file = File {
        meter: meters.iter().map(entry).collect(),
    };
    let text = toml::to_string(&file)
        .map_err(|error| Error::Input(format!("the meters cannot be written as TOML: {error}")))?;
    Ok(format!("{HEAD}\n{text}"))
}

fn entry(meter: &Definition) -> Entry {
    let span = |span| Some(humantime::format_duration(span).to_string());
    let server = match (meter.server.upper(), meter.server.lower()) {
        (upper, Some(lower)) => format!("{upper}/{lower}"),
        (upper, None) => upper.to_string(),
    };
    let object = |object: &crate::meter::PolledObject| format!("{}={}", object.spec, object.key);
    Entry {
        name: meter.name.clone(),
        host: meter.endpoint(),
        preset: None,
        transport: Some(transport_name(meter.transport).to_owned()),
        client: Some(meter.client.sap()),
        server: Some(server),
        address_size: Some(meter.server.size()),
        auth: Some(auth_name(meter.auth).to_owned()),
        password_env: None,
        password_file: None,
        timeout: span(meter.timeout),
        retries: Some(meter.retries),
        poll: span(meter.poll),
        inactivity: span(meter.inactivity),
        max_info: Some(meter.max_info),
        window: Some(meter.window),
        publish: meter.publish.clone(),
        device: meter.device.clone(),
        enabled: Some(meter.enabled),
        objects: Some(meter.objects.iter().map(object).collect()),
    }
}

/// Every meter of the file, checked; one whose name is in `before` takes its id, and its password unless
/// the file gives one. The error names every meter and field that is wrong.
pub(super) fn read(text: &str, before: &[Definition]) -> Result<Vec<Definition>, String> {
    let file: File = toml::from_str(text).map_err(|error| {
        // Not the error's own picture of the line: someone may have written a password there.
        let line = error
            .span()
            .and_then(|span| text.get(..span.start))
            .map_or(1, |above| above.matches('\n').count() + 1);
        format!("line {line}: {}", error.message())
    })?;
    let mut meters = Vec::new();
    let mut wrong = Vec::new();
    let mut names = HashSet::new();
    for (number, entry) in (1..).zip(file.meter) {
        let name = entry.name.clone();
        let place = format!("meter {number} ({name})");
        if !names.insert(name) {
            wrong.push(format!("{place}: the name comes twice"));
        }
        match definition(entry, before) {
            Ok(meter) => match meter.check() {
                Ok(()) => meters.push(meter),
                Err(fields) => {
                    wrong.extend(fields.iter().map(|field| format!("{place}: {field}")));
                }
            },
            Err(error) => wrong.push(format!("{place}: {error}")),
        }
    }
    if wrong.is_empty() {
        Ok(meters)
    } else {
        Err(format!("nothing was imported\n{}", wrong.join("\n")))
    }
}

fn definition(entry: Entry, before: &[Definition]) -> Result<Definition, Error> {
    let mut meter = begin(&entry.name, &entry.host, entry.preset.as_deref())?;
    if let Some(known) = before.iter().find(|known| known.name == meter.name) {
        meter.id = known.id;
        meter.password.clone_from(&known.password);
    }
    if let Some(transport) = entry.transport
        && transport != transport_name(TransportKind::HdlcTcp)
    {
        return Err(wrong("transport", &transport, "hdlc-tcp"));
    }
    if let Some(sap) = entry.client {
        meter.client =
            ClientAddress::new(sap).map_err(|error| Error::Input(format!("client: {error}")))?;
    }
    if entry.server.is_some() || entry.address_size.is_some() {
        let server = match entry.server {
            Some(server) => server.parse::<ServerAddress>(),
            None => Ok(meter.server),
        };
        meter.server = server
            .and_then(|it| {
                let size = entry.address_size.unwrap_or(it.size());
                ServerAddress::new(it.upper(), it.lower(), Some(size))
            })
            .map_err(|error| Error::Input(format!("server: {error}")))?;
    }
    if let Some(auth) = entry.auth {
        meter.auth = [Auth::None, Auth::Lls]
            .into_iter()
            .find(|it| auth_name(*it) == auth)
            .ok_or_else(|| wrong("auth", &auth, "none or lls"))?;
    }
    let password = secret(
        "password",
        entry.password_env.as_deref(),
        entry.password_file.as_deref(),
    )?;
    meter.password = password.or(meter.password);
    meter.timeout = span("timeout", entry.timeout, meter.timeout)?;
    meter.poll = span("poll", entry.poll, meter.poll)?;
    meter.inactivity = span("inactivity", entry.inactivity, meter.inactivity)?;
    meter.retries = entry.retries.unwrap_or(meter.retries);
    meter.max_info = entry.max_info.unwrap_or(meter.max_info);
    meter.window = entry.window.unwrap_or(meter.window);
    meter.enabled = entry.enabled.unwrap_or(meter.enabled);
    meter.publish = entry.publish;
    meter.device = entry.device;
    if let Some(objects) = entry.objects {
        let objects = objects.iter().map(|text| polled_object(text));
        meter.objects = objects.collect::<Result<_, _>>()?;
    }
    Ok(meter)
}

fn span(field: &str, text: Option<String>, usual: Duration) -> Result<Duration, Error> {
    match text {
        None => Ok(usual),
        Some(text) => humantime::parse_duration(&text)
            .map_err(|_| wrong(field, &text, "a duration such as 7s or 3m")),
    }
}

fn wrong(field: &str, found: &str, right: &str) -> Error {
    Error::Input(format!("{field}: {found:?} is not known; write {right}"))
}
