//! `homeassistant`: each value a sensor that Home Assistant finds by itself (MQTT discovery). The rule: a sensor's
//! `unique_id` is made of this installation, the meter's number and the key, so that a device that is renamed keeps its
//! history; and what is taken away here disappears there.
//!
//! State topic `obiscope/{device}/{key}`, retained, `{"value":135.40,"at":"2026-11-20T14:32:07.250Z"}`: Home Assistant stamps
//! states with the time they arrive, so when it was read goes along as an attribute. One topic a key, since a report
//! strategy may leave a key out. A register is announced once its unit is known, since a sensor that changes its unit loses
//! its statistics.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Map, Value as Json, json};

use super::value::{Value, quoted, topic_level};
use super::{Changed, Device, of_device};
use crate::cosem::{Obis, Unit};
use crate::meter::Poll;
use crate::publish::DeviceObject;
use crate::store::{BrokerDefinition, Kind, Message};

pub(super) fn render(device: &Device, poll: &Poll) -> Vec<Message> {
    let message = |reading: &crate::meter::Reading| {
        let value = match Value::of(reading, reading.value.as_ref().ok()?) {
            Value::Literal(literal) => literal,
            Value::Text(text) => quoted(&text),
            Value::NotANumber | Value::Secret => return None,
        };
        let payload = format!(r#"{{"value":{value},"at":"{:.3}"}}"#, reading.at);
        let topic = state_topic(device, &reading.key);
        Some(Message {
            retain: true,
            ..of_device(Kind::Telemetry, device, topic, payload)
        })
    };
    poll.readings.iter().filter_map(message).collect()
}

fn state_topic(device: &Device, key: &str) -> String {
    format!(
        "obiscope/{}/{}",
        topic_level(&device.name),
        topic_level(key)
    )
}

pub(super) fn greeting(broker: &BrokerDefinition, devices: &[Device]) -> Vec<Message> {
    announcements(broker, devices.iter())
}

fn announcements<'a>(
    broker: &BrokerDefinition,
    devices: impl Iterator<Item = &'a Device>,
) -> Vec<Message> {
    let all = devices.flat_map(|device| device.objects.iter().map(move |it| (device, it)));
    all.filter_map(|(device, object)| announcement(broker, device, object))
        .collect()
}

/// What is gone or stands elsewhere is taken back with an empty retained message; what is new or other is announced.
pub(super) fn changes(broker: &BrokerDefinition, changed: &Changed<'_>) -> Vec<Message> {
    let was = announcements(broker, changed.old.iter().copied());
    let announced = announcements(broker, changed.new.iter().copied());
    let said: BTreeMap<&str, &Message> = was.iter().map(|it| (it.topic.as_str(), it)).collect();
    let topics: BTreeSet<&str> = announced.iter().map(|it| it.topic.as_str()).collect();
    let gone = was.iter().filter(|it| !topics.contains(it.topic.as_str()));
    let mut messages: Vec<_> = gone
        .map(|old| Message {
            payload: Vec::new(),
            ..old.clone()
        })
        .collect();
    for old in &changed.old {
        let named = changed.all.iter().filter(|it| it.name == old.name);
        let kept: BTreeSet<&str> = named
            .flat_map(|it| it.objects.iter().map(|object| object.key.as_str()))
            .collect();
        let gone = (old.objects.iter()).filter(|object| !kept.contains(object.key.as_str()));
        messages.extend(gone.map(|object| Message {
            retain: true,
            ..of_device(
                Kind::Discovery,
                old,
                state_topic(old, &object.key),
                String::new(),
            )
        }));
    }
    let news = (announced.iter()).filter(|it| said.get(it.topic.as_str()) != Some(it));
    messages.extend(news.cloned());
    messages
}

fn announcement(
    broker: &BrokerDefinition,
    device: &Device,
    object: &DeviceObject,
) -> Option<Message> {
    if object.unit.is_none() && matches!(object.class, 3..=5) {
        return None;
    }
    let place = format!("{}_{}", slug(&broker.client_id), device.meter.0);
    let key = slug(&object.key);
    let state = state_topic(device, &object.key);
    let mut config = Map::new();
    let mut set = |name: &str, value: Json| drop(config.insert(name.to_owned(), value));
    set("name", object.obis.describe().into());
    set("unique_id", format!("{place}_{key}").into());
    set("state_topic", state.as_str().into());
    set("value_template", "{{ value_json.value }}".into());
    set("json_attributes_topic", state.as_str().into());
    set(
        "json_attributes_template",
        "{{ {'read_at': value_json.at} | tojson }}".into(),
    );
    let kind = Sensor::of(object);
    for (name, word) in [
        ("unit_of_measurement", kind.unit),
        ("device_class", kind.device_class),
        ("state_class", kind.state_class),
    ] {
        if let Some(word) = word {
            set(name, word.into());
        }
    }
    if let Some(topic) = &broker.status_topic {
        set("availability_topic", topic.as_str().into());
    }
    set("device", described(device, &place));
    set(
        "origin",
        json!({"name": "obiscope", "sw_version": env!("CARGO_PKG_VERSION")}),
    );
    Some(Message {
        retain: true,
        ..of_device(
            Kind::Discovery,
            device,
            format!("homeassistant/sensor/{place}/{key}/config"),
            Json::Object(config).to_string(),
        )
    })
}

fn described(device: &Device, place: &str) -> Json {
    let known = |name: &str| {
        let (_, literal) = device.attributes.iter().find(|(it, _)| it == name)?;
        serde_json::from_str::<Json>(literal).ok()
    };
    let mut block = Map::new();
    block.insert("identifiers".to_owned(), json!([place]));
    block.insert("name".to_owned(), device.name.as_str().into());
    let model = known("logical_device_name");
    block.insert(
        "model".to_owned(),
        model.unwrap_or_else(|| "DLMS/COSEM meter".into()),
    );
    for (ours, theirs) in [
        ("manufacturer", "manufacturer"),
        ("serial", "serial_number"),
        ("firmware", "sw_version"),
    ] {
        if let Some(text) = known(ours) {
            block.insert(theirs.to_owned(), text);
        }
    }
    Json::Object(block)
}

/// What kind of sensor a value is, in Home Assistant's words.
#[derive(Default)]
struct Sensor {
    unit: Option<&'static str>,
    device_class: Option<&'static str>,
    state_class: Option<&'static str>,
}

impl Sensor {
    fn of(object: &DeviceObject) -> Self {
        // Without a unit it may be text, which has no statistics.
        let Some(unit) = object.unit else {
            return Self::default();
        };
        let device_class = device_class(object.obis, unit);
        Self {
            unit: Some(unit.symbol()).filter(|symbol| !symbol.is_empty()),
            device_class,
            state_class: state_class(object.obis, unit, device_class),
        }
    }
}

fn device_class(obis: Obis, unit: Unit) -> Option<&'static str> {
    let [medium, _, c, d, ..] = obis.0;
    Some(match unit.symbol() {
        "V" => "voltage",
        "A" => "current",
        "W" => "power",
        "VA" => "apparent_power",
        "var" => "reactive_power",
        "Wh" | "J" => "energy",
        "Hz" => "frequency",
        "°C" | "°F" | "K" => "temperature",
        "bar" | "Pa" | "psi" => "pressure",
        "dBm" | "dB" => "signal_strength",
        "s" | "min" | "h" | "d" => "duration",
        "m³/h" => "volume_flow_rate",
        "m³" | "l" if medium == 7 => "gas",
        "m³" | "l" if matches!(medium, 8 | 9) => "water",
        "" if medium == 1 && matches!(c, 13 | 33 | 53 | 73) && d == 7 => "power_factor",
        _ => return None,
    })
}

/// Counters go up, or begin again at a new billing period; what was frozen at the end of one does neither. Home Assistant
/// takes `measurement` for no energy and no volume of gas or water.
fn state_class(obis: Obis, unit: Unit, device_class: Option<&str>) -> Option<&'static str> {
    let [medium, _, _, d, _, f] = obis.0;
    let counted = matches!(device_class, Some("energy" | "gas" | "water"))
        || matches!(unit.symbol(), "varh" | "VAh" | "Ah" | "m³");
    if !counted {
        return Some("measurement");
    }
    match (medium, d, f) {
        (_, _, ..=254) => None,
        // Time integrals 1, 2 and 5 of electricity (IEC 62056-61, table 8).
        (1, 8 | 9, _) => Some("total_increasing"),
        (1, 29, _) => Some("total"),
        (1, ..) => None,
        _ => Some("total_increasing"),
    }
}

/// Letters, digits, `-` and `_`, as Home Assistant takes them; names that only differ in others stay apart.
fn slug(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    let slug: String = (text.chars())
        .map(|c| if plain(c) { c } else { '_' })
        .collect();
    if slug == text {
        return slug;
    }
    let mark = crc::Crc::<u16>::new(&crc::CRC_16_IBM_SDLC).checksum(text.as_bytes());
    format!("{slug}_{mark:04x}")
}
