//! The form of a meter: fields from a definition, and a definition from fields. The rule:
//! what a field says is judged by the room that owns its meaning; here it is only passed on.
use super::{Field, Form, Saving, access};
use crate::cosem::ObjectSpec;
use crate::dlms::hdlc::{ClientAddress, ServerAddress};
use crate::meter::definition::nominal;
use crate::meter::{Definition, PolledObject};
use std::time::Duration;

/// What the form began with.
#[derive(Clone, Debug)]
pub struct Base {
    pub definition: Definition,
    pub adding: bool,
}

const GENERIC: &str = "generic";
const MICROSTAR: &str = "microstar";
const SMALLEST: &str = "smallest";

pub fn add(brokers: &[String]) -> Form {
    let definition = Definition::new("", "", 0);
    let mut form = build(
        "Add a meter".to_owned(),
        Base {
            definition,
            adding: true,
        },
        brokers,
    );
    let preset = Field::choice(
        "preset",
        "Preset",
        "left/right: generic, or microstar with its field settings",
        vec![GENERIC.to_owned(), MICROSTAR.to_owned()],
        GENERIC,
    );
    form.fields.insert(2, preset);
    form
}

pub fn edit(definition: &Definition, brokers: &[String]) -> Form {
    build(
        format!("Edit {}", definition.name),
        Base {
            definition: definition.clone(),
            adding: false,
        },
        brokers,
    )
}

fn build(title: String, base: Base, brokers: &[String]) -> Form {
    let d = &base.definition;
    let mut fields = link(d);
    fields.extend(access::fields(d));
    fields.extend(times(d));
    fields.extend(readings(d, brokers));
    Form {
        title,
        fields,
        focus: 0,
        error: None,
        saving: Saving::Editing,
        leaving: false,
        of: super::Of::Meter(base),
    }
}

/// Which meter, and where.
fn link(d: &Definition) -> Vec<Field> {
    let address = if d.host.is_empty() && d.transport.serial().is_none() {
        String::new()
    } else {
        d.endpoint()
    };
    let size = d.server.size().to_string();
    let size = if size == smallest(d.server) {
        SMALLEST
    } else {
        &size
    };
    vec![
        Field::new("name", "Name", "such as feeder-7", d.name.clone()),
        Field::new(
            "host",
            "Address",
            "HOST:PORT, such as 192.168.1.40:3333, or a serial device",
            address,
        ),
        access::line(d),
        Field::new(
            "client",
            "Client",
            "0 to 127; 16 is the public client",
            d.client.sap().to_string(),
        ),
        Field::new(
            "server",
            "Server",
            "UPPER or UPPER/LOWER, such as 1 or 1/17",
            server_text(d.server),
        ),
        Field::choice(
            "address-size",
            "Address bytes",
            "left/right: bytes the server address travels in",
            [SMALLEST, "1", "2", "4"].map(str::to_owned).to_vec(),
            size,
        ),
    ]
}

fn times(d: &Definition) -> Vec<Field> {
    vec![
        Field::new(
            "timeout",
            "Timeout",
            "how long to wait for an answer, such as 7s",
            time(d.timeout),
        ),
        Field::new("poll", "Poll every", "such as 5s or 1m", time(d.poll)),
        Field::new(
            "inactivity",
            "Inactivity",
            "after which the meter hangs up, such as 180s; 0s for never",
            time(d.inactivity),
        ),
    ]
}

/// What is read, and where it goes.
fn readings(d: &Definition, brokers: &[String]) -> Vec<Field> {
    let mut publish = vec!["none".to_owned()];
    publish.extend(brokers.iter().cloned());
    if let Some(broker) = &d.publish
        && !publish.contains(broker)
    {
        publish.push(broker.clone());
    }
    vec![
        Field::new(
            "objects",
            "Objects",
            "OBJECT[=KEY], with commas: 1-1:32.7.0=voltage_l1, 8/0-0:1.0.0/2",
            objects_text(&d.objects),
        ),
        Field::new(
            "nominal-voltage",
            "Nominal V",
            "phase to neutral, such as 120: values are judged by it; or empty",
            number(d.nominal.voltage),
        ),
        Field::new(
            "nominal-frequency",
            "Nominal Hz",
            "such as 60: values are judged by it; or empty",
            number(d.nominal.frequency),
        ),
        Field::choice(
            "publish",
            "Publish to",
            "left/right: a saved broker, or none (obiscope broker add)",
            publish,
            d.publish.as_deref().unwrap_or("none"),
        ),
        Field::new(
            "device",
            "Device",
            "its name on the broker; empty: the meter's name",
            d.device.clone().unwrap_or_default(),
        ),
    ]
}

fn number(value: Option<f64>) -> String {
    value.map_or_else(String::new, |value| value.to_string())
}

pub(super) fn server_text(server: ServerAddress) -> String {
    match server.lower() {
        Some(lower) => format!("{}/{lower}", server.upper()),
        None => server.upper().to_string(),
    }
}

/// The size its numbers would get by themselves.
fn smallest(server: ServerAddress) -> String {
    ServerAddress::new(server.upper(), server.lower(), None)
        .map_or_else(|_| String::new(), |address| address.size().to_string())
}

fn time(duration: Duration) -> String {
    humantime::format_duration(duration).to_string()
}

fn objects_text(objects: &[PolledObject]) -> String {
    let all: Vec<String> = objects
        .iter()
        .map(|object| {
            let spec = object.spec.to_string();
            let every = object.every_text();
            if object.key == default_key(object.spec) {
                format!("{spec}{every}")
            } else {
                format!("{spec}={}{every}", object.key)
            }
        })
        .collect();
    all.join(", ")
}

fn default_key(spec: ObjectSpec) -> String {
    match spec {
        ObjectSpec::Value(obis) => obis.key(),
        ObjectSpec::Attribute(attribute) => attribute.obis.key(),
    }
}

/// Another preset fills every field that nobody has typed into.
pub(super) fn apply_preset(form: &mut Form) {
    let definition = if form.field("preset") == MICROSTAR {
        Definition::microstar("", "", 0)
    } else {
        Definition::new("", "", 0)
    };
    let fresh = build(
        String::new(),
        Base {
            definition: definition.clone(),
            adding: true,
        },
        &[],
    );
    for field in &mut form.fields {
        if field.touched
            || matches!(
                field.name,
                "name" | "host" | "preset" | "publish" | "device"
            )
        {
            continue;
        }
        if let Some(other) = fresh.fields.iter().find(|other| other.name == field.name) {
            field.input = other.input.clone();
            field.error = None;
        }
    }
    if let super::Of::Meter(base) = &mut form.of {
        base.definition = definition;
    }
}

/// The definition the fields describe, or every field that is wrong.
pub fn read(form: &Form, base: &Base) -> Result<Definition, super::Wrong> {
    let mut wrong: Vec<(&'static str, String)> = Vec::new();
    let mut d = base.definition.clone();
    form.field("name").trim().clone_into(&mut d.name);
    if let Err(problem) = access::place(form, &mut d) {
        wrong.push(("host", problem));
    }
    match form.field("client").trim().parse::<u8>() {
        Ok(sap) => match ClientAddress::new(sap) {
            Ok(client) => d.client = client,
            Err(error) => wrong.push(("client", error.to_string())),
        },
        Err(_) => wrong.push((
            "client",
            "write a number from 0 to 127, such as 16".to_owned(),
        )),
    }
    match server(form.field("server").trim(), form.field("address-size")) {
        Ok(server) => d.server = server,
        Err(problem) => wrong.push(("server", problem)),
    }
    access::read(form, &mut d, &mut wrong);
    for (name, place) in [
        ("timeout", &mut d.timeout),
        ("poll", &mut d.poll),
        ("inactivity", &mut d.inactivity),
    ] {
        match humantime::parse_duration(form.field(name).trim()) {
            Ok(duration) => *place = duration,
            Err(_) => wrong.push((name, "write a time such as 7s, 500ms or 3m".to_owned())),
        }
    }
    for (name, place) in [
        ("nominal-voltage", &mut d.nominal.voltage),
        ("nominal-frequency", &mut d.nominal.frequency),
    ] {
        match nominal(form.field(name)) {
            Ok(value) => *place = value,
            Err(problem) => wrong.push((name, problem)),
        }
    }
    match objects(form.field("objects")) {
        Ok(objects) => d.set_objects(objects),
        Err(problem) => wrong.push(("objects", problem)),
    }
    let some = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    d.publish = some(form.field("publish")).filter(|broker| broker != "none");
    d.device = some(form.field("device"));
    if let Err(errors) = d.check() {
        for error in errors {
            let field = match error.field {
                "port" | "address" => "host",
                "object" => "objects",
                "broker" => "publish",
                other => other,
            };
            if !wrong.iter().any(|(name, _)| *name == field) {
                wrong.push((field, error.problem));
            }
        }
    }
    if wrong.is_empty() { Ok(d) } else { Err(wrong) }
}

pub(super) fn endpoint(text: &str) -> Result<(String, u16), String> {
    let example = "write HOST:PORT, such as 192.168.1.40:3333 or [::1]:4059";
    let (host, port) = text.rsplit_once(':').ok_or_else(|| {
        if text.is_empty() {
            example.to_owned()
        } else {
            format!("the port is missing: {example}")
        }
    })?;
    let inner = host.strip_prefix('[').and_then(|h| h.strip_suffix(']'));
    if host.contains(':') && inner.is_none() {
        return Err(format!("an IPv6 address goes in brackets: {example}"));
    }
    let host = inner.unwrap_or(host);
    if host.is_empty() {
        return Err(example.to_owned());
    }
    match port.parse::<u16>() {
        Ok(port) if port > 0 => Ok((host.to_owned(), port)),
        _ => Err(format!("{port:?} is not a port (1 to 65535): {example}")),
    }
}

fn server(text: &str, size: &str) -> Result<ServerAddress, String> {
    let address: ServerAddress = text
        .parse()
        .map_err(|error: crate::dlms::hdlc::address::AddressError| error.to_string())?;
    match size.parse::<u8>() {
        Err(_) => ServerAddress::new(address.upper(), address.lower(), None),
        Ok(size) => ServerAddress::new(address.upper(), address.lower(), Some(size)),
    }
    .map_err(|error| error.to_string())
}

fn objects(text: &str) -> Result<Vec<PolledObject>, String> {
    text.split(',')
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(|part| {
            let (part, every) = PolledObject::split_every(part)?;
            let (spec, key) = match part.split_once('=') {
                Some((spec, key)) => (spec.trim(), Some(key.trim())),
                None => (part, None),
            };
            let spec: ObjectSpec = spec
                .parse()
                .map_err(|error: crate::cosem::attribute::ObjectSpecError| error.to_string())?;
            let key = match key {
                Some("") => return Err(format!("{part}: a key is missing after =")),
                Some(key) => key.to_owned(),
                None => default_key(spec),
            };
            Ok(PolledObject {
                every,
                ..PolledObject::new(spec, key)
            })
        })
        .collect()
}
