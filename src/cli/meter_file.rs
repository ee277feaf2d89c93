//! Meters as a TOML file: what `meter export` writes and `meter import` reads. Never holds a password or key.

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::link_line::set_transport;
use super::link_security::{CounterObject, counter_object, keys, own_title};
use super::meter::{begin, polled_object, set_limits, set_recovery, set_report};
use super::saved::{Error, secret};
use crate::dlms::association::Naming;
use crate::dlms::hdlc::{ClientAddress, ServerAddress};
use crate::dlms::security::{Form, Keys, Security, Suite};
use crate::meter::Definition;
use crate::meter::definition::{
    COUNTER_OBJECT, FORMS, Nominal, OVERDUE, PROTECTIONS, TIMEOUT_FLOOR, TransportKind, form_name,
    form_named, naming_name, naming_named, protection_name, protection_named,
};

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
    baud: Option<u32>,
    parity: Option<String>,
    stop_bits: Option<u8>,
    mode_e: Option<bool>,
    client: Option<u8>,
    /// `UPPER[/LOWER]`.
    server: Option<String>,
    address_size: Option<u8>,
    /// `ln` or `sn`.
    naming: Option<String>,
    auth: Option<String>,
    password_env: Option<String>,
    password_file: Option<PathBuf>,
    security: Option<String>,
    ciphering: Option<String>,
    suite: Option<u8>,
    system_title: Option<String>,
    keys_env: Option<String>,
    keys_file: Option<PathBuf>,
    /// An OBIS code, or `none`.
    counter_object: Option<String>,
    read_only: Option<bool>,
    timeout: Option<String>,
    timeout_floor: Option<String>,
    turn_round: Option<String>,
    inter_octet: Option<String>,
    retries: Option<u8>,
    poll: Option<String>,
    identify: Option<bool>,
    inactivity: Option<String>,
    max_info: Option<u16>,
    window: Option<u8>,
    nominal_voltage: Option<f64>,
    nominal_frequency: Option<f64>,
    publish: Option<String>,
    device: Option<String>,
    enabled: Option<bool>,
    /// `OBJECT[=KEY][@EVERY]`.
    objects: Option<Vec<String>>,
    /// `[KEY=]WHEN`.
    report: Option<Vec<String>>,
    /// `[KEY=]LIMITS`.
    limits: Option<Vec<String>>,
    overdue: Option<u16>,
    /// `KEY=VALUE`.
    recovery: Option<Vec<String>>,
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
    let pause = |pause: Duration| if pause.is_zero() { None } else { span(pause) };
    let (line, security) = (meter.transport.serial(), meter.security.as_ref());
    let object = |object: &crate::meter::PolledObject| {
        let every = object.every_text();
        format!("{}={}{every}", object.spec, object.key)
    };
    let thinned = meter.objects.iter().filter(|it| !it.report.is_every());
    let reports: Vec<_> = thinned
        .map(|it| format!("{}={}", it.key, it.report))
        .collect();
    let limited = meter.objects.iter().filter(|it| !it.limits.is_none());
    let limits: Vec<_> = limited
        .map(|it| format!("{}={}", it.key, it.limits))
        .collect();
    Entry {
        name: meter.name.clone(),
        host: meter.endpoint(),
        preset: None,
        transport: Some(meter.transport.name().to_owned()),
        baud: line.map(|line| line.baud),
        parity: line.map(|line| line.parity.name().to_owned()),
        stop_bits: line.map(|line| line.stop_bits),
        mode_e: meter.mode_e.then_some(true),
        client: Some(meter.client.sap()),
        server: Some(server),
        address_size: Some(meter.server.size()),
        naming: (meter.naming != Naming::LogicalName).then(|| naming_name(meter.naming).to_owned()),
        auth: Some(meter.auth.name().to_owned()),
        password_env: None,
        password_file: None,
        security: security.map(|it| protection_name(it.protection).to_owned()),
        ciphering: security.map(|it| form_name(it.form).to_owned()),
        suite: security.map(|it| it.suite.number()),
        system_title: security.map(|it| it.title.hex()),
        keys_env: None,
        keys_file: None,
        counter_object: (meter.counter_object != Some(COUNTER_OBJECT)).then(|| {
            (meter.counter_object).map_or_else(|| "none".to_owned(), |object| object.to_string())
        }),
        read_only: meter.read_only.then_some(true),
        timeout: span(meter.timeout),
        timeout_floor: span(meter.timeout_floor).filter(|_| meter.timeout_floor != TIMEOUT_FLOOR),
        turn_round: pause(meter.turn_round),
        inter_octet: pause(meter.inter_octet),
        retries: Some(meter.retries),
        poll: span(meter.poll),
        identify: (!meter.identify).then_some(false),
        inactivity: span(meter.inactivity),
        max_info: Some(meter.max_info),
        window: Some(meter.window),
        nominal_voltage: meter.nominal.voltage,
        nominal_frequency: meter.nominal.frequency,
        publish: meter.publish.clone(),
        device: meter.device.clone(),
        enabled: Some(meter.enabled),
        objects: Some(meter.objects.iter().map(object).collect()),
        report: Some(reports).filter(|reports| !reports.is_empty()),
        limits: Some(limits).filter(|limits| !limits.is_empty()),
        overdue: (meter.overdue != OVERDUE).then_some(meter.overdue),
        recovery: Some(meter.recovery.changed()).filter(|changed| !changed.is_empty()),
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
        meter.security.clone_from(&known.security);
    }
    apply_line(&entry, &mut meter)?;
    if let Some(sap) = entry.client {
        meter.client =
            ClientAddress::new(sap).map_err(|error| Error::Input(format!("client: {error}")))?;
    }
    if entry.server.is_some() || entry.address_size.is_some() {
        let server = match &entry.server {
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
    if let Some(naming) = &entry.naming {
        meter.naming = naming_named(naming)
            .ok_or_else(|| Error::Input(format!("naming: {naming:?} is neither ln nor sn")))?;
    }
    if let Some(auth) = &entry.auth {
        let auth = auth.parse();
        meter.auth = auth.map_err(|error| Error::Input(format!("auth: {error}")))?;
    }
    apply_security(&entry, &mut meter)?;
    if let Some(object) = &entry.counter_object {
        let CounterObject(object) = counter_object(object)
            .map_err(|error| Error::Input(format!("counter_object: {error}")))?;
        meter.counter_object = object;
    }
    meter.read_only = entry.read_only.unwrap_or(meter.read_only);
    let password = secret(
        "password",
        entry.password_env.as_deref(),
        entry.password_file.as_deref(),
    )?;
    meter.password = password.or(meter.password);
    meter.timeout = span("timeout", entry.timeout, meter.timeout)?;
    meter.timeout_floor = span("timeout_floor", entry.timeout_floor, meter.timeout_floor)?;
    meter.turn_round = span("turn_round", entry.turn_round, meter.turn_round)?;
    meter.inter_octet = span("inter_octet", entry.inter_octet, meter.inter_octet)?;
    meter.poll = span("poll", entry.poll, meter.poll)?;
    meter.inactivity = span("inactivity", entry.inactivity, meter.inactivity)?;
    meter.identify = entry.identify.unwrap_or(meter.identify);
    meter.retries = entry.retries.unwrap_or(meter.retries);
    meter.max_info = entry.max_info.unwrap_or(meter.max_info);
    meter.window = entry.window.unwrap_or(meter.window);
    meter.nominal = Nominal {
        voltage: entry.nominal_voltage,
        frequency: entry.nominal_frequency,
    };
    meter.enabled = entry.enabled.unwrap_or(meter.enabled);
    meter.publish = entry.publish;
    meter.device = entry.device;
    if let Some(objects) = entry.objects {
        let objects = objects.iter().map(|text| polled_object(text));
        meter.objects = objects.collect::<Result<_, _>>()?;
    }
    for text in entry.report.iter().flatten() {
        set_report(&mut meter.objects, text)?;
    }
    for text in entry.limits.iter().flatten() {
        set_limits(&mut meter.objects, text)?;
    }
    meter.overdue = entry.overdue.unwrap_or(meter.overdue);
    set_recovery(&mut meter, entry.recovery.as_deref().unwrap_or_default())?;
    Ok(meter)
}

fn apply_line(entry: &Entry, meter: &mut Definition) -> Result<(), Error> {
    if let Some(transport) = &entry.transport {
        if !TransportKind::NAMES.contains(&transport.as_str()) {
            return Err(wrong(
                "transport",
                transport,
                &TransportKind::NAMES.join(", "),
            ));
        }
        set_transport(meter, transport);
    }
    meter.mode_e = entry.mode_e.unwrap_or(meter.mode_e);
    let TransportKind::Serial(line) = &mut meter.transport else {
        return Ok(());
    };
    line.baud = entry.baud.unwrap_or(line.baud);
    line.stop_bits = entry.stop_bits.unwrap_or(line.stop_bits);
    if let Some(parity) = &entry.parity {
        line.parity = parity
            .parse()
            .map_err(|error| Error::Input(format!("parity: {error}")))?;
    }
    Ok(())
}

/// A file that says nothing of security means a meter without.
fn apply_security(entry: &Entry, meter: &mut Definition) -> Result<(), Error> {
    let given = keys(entry.keys_env.as_deref(), entry.keys_file.as_deref())
        .map_err(|error| Error::Input(error.to_string()))?;
    let before = meter.security.take();
    let Some(protection) = &entry.security else {
        return Ok(());
    };
    let (title_before, keys_before) = match before {
        Some(before) => (Some(before.title), before.keys),
        None => (None, Keys::default()),
    };
    let title = match (&entry.system_title, title_before) {
        (Some(text), _) => text
            .parse()
            .map_err(|error| Error::Input(format!("system_title: {error}")))?,
        (None, Some(title)) => title,
        (None, None) => own_title().map_err(|error| Error::Input(error.to_string()))?,
    };
    let suite = entry.suite.unwrap_or(0);
    let form = match &entry.ciphering {
        Some(name) => {
            form_named(name).ok_or_else(|| wrong("ciphering", name, &FORMS.join(", ")))?
        }
        None => Form::default(),
    };
    meter.security = Some(Security {
        suite: Suite::from_number(suite)
            .ok_or_else(|| wrong("suite", &suite.to_string(), "0, 1 or 2"))?,
        protection: protection_named(protection)
            .ok_or_else(|| wrong("security", protection, &PROTECTIONS.join(", ")))?,
        form,
        title,
        keys: given.unwrap_or(keys_before),
    });
    Ok(())
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
