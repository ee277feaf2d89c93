//! What Home Assistant is told: sensors it finds, states they show, and what disappears.

use super::*;
use serde_json::{Value as Json, json};

fn object(key: &str, obis: [u8; 6], class: u16, unit: Option<u8>) -> DeviceObject {
    DeviceObject {
        key: key.into(),
        obis: Obis(obis),
        class,
        unit: unit.map(Unit),
    }
}

fn config(message: &Message) -> Json {
    assert!(message.retain && message.kind == Kind::Discovery);
    serde_json::from_slice(&message.payload).unwrap()
}

#[test]
fn a_sensor_is_announced_whole() {
    let mut lab = broker(Dialect::HomeAssistant);
    lab.status_topic = Some("obiscope/status".into());
    let messages = greeting(&lab, &[device(7, "Zähler/7")]);
    let [message] = messages.as_slice() else {
        panic!("{messages:?}")
    };
    assert_eq!(
        message.topic,
        "homeassistant/sensor/obiscope-0123456789ab_7/voltage_l1/config"
    );
    assert_eq!(
        config(message),
        json!({
            "name": "Voltage L1",
            "unique_id": "obiscope-0123456789ab_7_voltage_l1",
            "state_topic": "obiscope/Zähler_7/voltage_l1",
            "value_template": "{{ value_json.value }}",
            "json_attributes_topic": "obiscope/Zähler_7/voltage_l1",
            "json_attributes_template": "{{ {'read_at': value_json.at} | tojson }}",
            "unit_of_measurement": "V",
            "device_class": "voltage",
            "state_class": "measurement",
            "availability_topic": "obiscope/status",
            "device": {
                "identifiers": ["obiscope-0123456789ab_7"],
                "name": "Zähler/7",
                "manufacturer": "MIC",
                "model": "MIC00012345",
                "serial_number": "00012345",
                "sw_version": "1.20",
            },
            "origin": {"name": "obiscope", "sw_version": env!("CARGO_PKG_VERSION")},
        })
    );
}

#[test]
fn states_are_one_topic_a_key() {
    let mut readings = field();
    readings.push(reading(52, "gone", gone(), None));
    let messages = render(Dialect::HomeAssistant, "m", 1, &poll(readings));
    assert_eq!(messages.len(), 2);
    assert!(messages.iter().all(|it| it.retain));
    assert_eq!(messages[0].topic, "obiscope/m/voltage_l1");
    assert_eq!(
        std::str::from_utf8(&messages[0].payload).unwrap(),
        r#"{"value":135.40,"at":"2024-10-10T12:42:03.400Z"}"#
    );
}

#[test]
fn classes_follow_code_and_unit() {
    let kind = |obis: [u8; 6], unit| {
        let mut device = device(1, "m");
        device.objects = vec![object("k", obis, 3, Some(unit))];
        let config = config(&greeting(&broker(Dialect::HomeAssistant), &[device])[0]);
        let word = |name: &str| config[name].as_str().unwrap_or("-").to_owned();
        [
            word("device_class"),
            word("state_class"),
            word("unit_of_measurement"),
        ]
        .join(" ")
    };
    for (obis, unit, expected) in [
        ([1, 1, 31, 7, 0, 255], 33, "current measurement A"),
        ([1, 1, 1, 7, 0, 255], 27, "power measurement W"),
        ([1, 1, 1, 8, 0, 255], 30, "energy total_increasing Wh"),
        ([1, 1, 1, 8, 0, 1], 30, "energy - Wh"),
        ([1, 0, 1, 29, 0, 255], 30, "energy total Wh"),
        ([1, 0, 1, 6, 0, 255], 27, "power measurement W"),
        ([1, 0, 3, 8, 0, 255], 32, "- total_increasing varh"),
        ([1, 0, 13, 7, 0, 255], 255, "power_factor measurement -"),
        ([1, 0, 14, 7, 0, 255], 44, "frequency measurement Hz"),
        ([7, 0, 3, 0, 0, 255], 13, "gas total_increasing m³"),
        ([8, 0, 1, 0, 0, 255], 13, "water total_increasing m³"),
        ([0, 0, 96, 9, 0, 255], 9, "temperature measurement °C"),
    ] {
        assert_eq!(kind(obis, unit), expected, "{obis:?}");
    }
}

/// A register waits for its unit; text never has one.
#[test]
fn units_are_waited_for() {
    let lab = broker(Dialect::HomeAssistant);
    let mut waiting = device(1, "m");
    waiting.objects = vec![
        object("voltage_l1", [1, 1, 32, 7, 0, 255], 3, None),
        object("serial", [0, 0, 96, 1, 0, 255], 1, None),
    ];
    let messages = greeting(&lab, &[waiting.clone()]);
    assert_eq!(messages.len(), 1);
    let serial = config(&messages[0]);
    assert_eq!(serial.get("state_class"), None);
    let mut known = waiting.clone();
    known.objects[0].unit = Some(Unit(35));
    let messages = changes(&lab, &[waiting], &[known]);
    assert_eq!(messages.len(), 1);
    assert_eq!(config(&messages[0])["device_class"], "voltage");
}

#[test]
fn what_is_taken_away_disappears() {
    let lab = broker(Dialect::HomeAssistant);
    let before = [device(1, "m")];
    let messages = changes(&lab, &before, &[]);
    let topics: Vec<_> = messages.iter().map(|it| it.topic.as_str()).collect();
    assert_eq!(
        topics,
        [
            "homeassistant/sensor/obiscope-0123456789ab_1/voltage_l1/config",
            "obiscope/m/voltage_l1"
        ]
    );
    assert!(messages.iter().all(|it| it.retain && it.payload.is_empty()));
    // Renamed: the same sensor with another state topic, and the old state is cleared.
    let messages = changes(&lab, &before, &[device(1, "n")]);
    assert_eq!(messages[0].topic, "obiscope/m/voltage_l1");
    let told = config(&messages[1]);
    assert_eq!(told["unique_id"], "obiscope-0123456789ab_1_voltage_l1");
    assert_eq!(told["state_topic"], "obiscope/n/voltage_l1");
    assert!(changes(&lab, &before, &before).is_empty());
}

/// Keys that differ only in what a topic of Home Assistant may not hold stay apart.
#[test]
fn keys_stay_apart() {
    let mut both = device(1, "m");
    both.objects = vec![
        object("spannung_ä", [1, 1, 32, 7, 0, 255], 3, Some(35)),
        object("spannung_ö", [1, 1, 52, 7, 0, 255], 3, Some(35)),
    ];
    let messages = greeting(&broker(Dialect::HomeAssistant), &[both]);
    assert_ne!(messages[0].topic, messages[1].topic);
    assert_ne!(
        config(&messages[0])["unique_id"],
        config(&messages[1])["unique_id"]
    );
    assert!(messages[0].topic.is_ascii());
}
