//! Payloads, byte for byte.

mod gateway;
mod homeassistant;

use super::*;
use crate::cosem::{AttributeRef, Data, Obis, ObjectSpec, ScalerUnit, Unit};
use crate::meter::{MeterId, Reading, ReadingError};
use crate::publish::DeviceObject;
use proptest::prelude::*;

pub(super) fn broker(dialect: Dialect) -> BrokerDefinition {
    let mut broker = BrokerDefinition::new("lab", "mqtt://h", dialect).unwrap();
    broker.client_id = "obiscope-0123456789ab".into();
    broker
}

pub(super) fn device(number: i64, name: &str) -> Device {
    Device {
        meter: MeterId(number),
        name: name.into(),
        kind: "dlms".into(),
        attributes: vec![
            ("meter".into(), r#""feeder 7""#.into()),
            ("serial".into(), r#""00012345""#.into()),
            ("logical_device_name".into(), r#""MIC00012345""#.into()),
            ("manufacturer".into(), r#""MIC""#.into()),
            ("firmware".into(), r#""1.20""#.into()),
        ],
        objects: vec![DeviceObject {
            key: "voltage_l1".into(),
            obis: Obis::new(1, 1, 32, 7, 0, 255),
            class: 3,
            unit: Some(Unit(35)),
        }],
    }
}

fn render(dialect: Dialect, name: &str, seq: u64, poll: &Poll) -> Vec<Message> {
    super::render(&broker(dialect), &device(1, name), seq, poll)
}

pub(super) fn reading(
    c: u8,
    key: &str,
    value: Result<Data, ReadingError>,
    unit: Option<(i8, u8)>,
) -> Reading {
    let obis = Obis::new(1, 1, c, 7, 0, 255);
    Reading {
        spec: ObjectSpec::Value(obis),
        key: key.into(),
        attribute: AttributeRef {
            class: 3,
            obis,
            attribute: 2,
        },
        scaler_unit: unit.map(|(scaler, unit)| ScalerUnit {
            scaler,
            unit: Unit(unit),
        }),
        at: jiff::Timestamp::from_millisecond(1_728_564_123_400).unwrap(),
        value,
    }
}

pub(super) fn poll(readings: Vec<Reading>) -> Poll {
    Poll {
        meter: MeterId(1),
        at: jiff::Timestamp::from_millisecond(1_728_564_123_456).unwrap(),
        readings,
    }
}

pub(super) fn field() -> Vec<Reading> {
    vec![
        reading(
            32,
            "voltage_l1",
            Ok(Data::DoubleLong(13540)),
            Some((-2, 35)),
        ),
        reading(31, "current_l1", Ok(Data::DoubleLong(1302)), Some((-3, 33))),
    ]
}

pub(super) fn gone() -> Result<Data, ReadingError> {
    Err(ReadingError::Link("the \"link\"\n".into()))
}

pub(super) fn text(messages: &[Message]) -> (&str, &str) {
    let [message] = messages else {
        panic!("{messages:?}")
    };
    let payload = std::str::from_utf8(&message.payload).unwrap();
    serde_json::from_str::<serde_json::Value>(payload).unwrap();
    (&message.topic, payload)
}

/// The single-meter bridge's payload, with the unit codes the meter sends and the decimals its scaler implies.
#[test]
fn json_is_the_single_meter_bridges() {
    let messages = render(Dialect::Json, "microstar-001", 42, &poll(field()));
    let (topic, payload) = text(&messages);
    assert_eq!(topic, "meters/microstar-001/telemetry");
    assert_eq!(
        payload,
        concat!(
            r#"{"device_id":"microstar-001","ts":1728564123456,"seq":42,"measurements":{"#,
            r#""voltage_l1":{"obis":"1-1:32.7.0","value":135.40,"unit_code":35,"raw_value":13540,"description":"Phase A instantaneous voltage"},"#,
            r#""current_l1":{"obis":"1-1:31.7.0","value":1.302,"unit_code":33,"raw_value":1302,"description":"Phase A instantaneous current"}}}"#,
        )
    );
}

#[test]
fn json_says_what_failed_and_what_is_no_number() {
    let readings = vec![
        reading(32, "a", gone(), Some((-2, 35))),
        reading(31, "b", Ok(Data::VisibleString(b"00012345".to_vec())), None),
        reading(33, "c", Ok(Data::Float32(f32::NAN)), None),
        reading(34, "d", Ok(Data::Boolean(true)), None),
        reading(35, "a", Ok(Data::Enum(3)), None),
    ];
    let messages = render(Dialect::Json, "m", 1, &poll(readings));
    let (_, payload) = text(&messages);
    let json: serde_json::Value = serde_json::from_str(payload).unwrap();
    let found = &json["measurements"];
    assert!(payload.contains(r#""a":{"obis":"1-1:32.7.0","error":""#));
    assert!(
        found["a"]["error"]
            .as_str()
            .unwrap()
            .contains("the \"link\"")
    );
    assert_eq!(found["b"]["value"], "00012345");
    assert!(found["b"]["unit_code"].is_null());
    assert!(found["c"]["value"].is_null());
    assert_eq!(found["d"]["value"], true);
    assert_eq!(found["a_2"]["value"], 3);
}

#[test]
fn things_board_gets_values_only() {
    let mut readings = field();
    readings.push(reading(52, "voltage_l2", gone(), None));
    readings.push(reading(53, "nan", Ok(Data::Float64(f64::INFINITY)), None));
    let messages = render(Dialect::ThingsBoard, "m", 1, &poll(readings));
    assert_eq!(
        text(&messages),
        (
            "v1/devices/me/telemetry",
            r#"{"ts":1728564123456,"values":{"voltage_l1":135.40,"current_l1":1.302}}"#
        )
    );
}

#[test]
fn nothing_read_is_nothing_sent() {
    let failed = poll(vec![reading(32, "a", gone(), None)]);
    assert!(render(Dialect::ThingsBoard, "m", 1, &failed).is_empty());
    assert_eq!(render(Dialect::Json, "m", 1, &failed).len(), 1);
    for dialect in [Dialect::Json, Dialect::ThingsBoard] {
        assert!(render(dialect, "m", 1, &poll(Vec::new())).is_empty());
    }
}

/// ThingsBoard stores a string that parses as a number as that number.
#[test]
fn identifiers_stay_text_on_things_board() {
    for (sent, expected) in [
        ("00012345", "#00012345"),
        ("-1.5e3", "#-1.5e3"),
        ("0x1F", "#0x1F"),
        ("12L", "#12L"),
        (".5", "#.5"),
        ("MS00012345", "MS00012345"),
        ("2024-10-09 12:00", "2024-10-09 12:00"),
    ] {
        let value = Ok(Data::OctetString(sent.as_bytes().to_vec()));
        let messages = render(
            Dialect::ThingsBoard,
            "m",
            1,
            &poll(vec![reading(1, "k", value, None)]),
        );
        let (_, payload) = text(&messages);
        let json: serde_json::Value = serde_json::from_str(payload).unwrap();
        assert_eq!(json["values"]["k"], expected);
    }
}

/// `230` is LONG to ThingsBoard and `230.1` DOUBLE; a key must not be now the one and now the other.
#[test]
fn the_type_of_a_number_does_not_flip() {
    let as_written = |value| {
        let readings = vec![reading(32, "k", Ok(value), Some((-1, 35)))];
        let messages = render(Dialect::ThingsBoard, "m", 1, &poll(readings));
        let (_, payload) = text(&messages);
        payload
            .strip_prefix(r#"{"ts":1728564123456,"values":{"k":"#)
            .unwrap()
            .strip_suffix("}}")
            .unwrap()
            .to_owned()
    };
    assert_eq!(as_written(Data::DoubleLong(2300)), "230.0");
    assert_eq!(as_written(Data::DoubleLong(0)), "0.0");
    assert_eq!(as_written(Data::DoubleLong(-5)), "-0.5");
    for whole in [230.0, 1000.0, 0.0] {
        let readings = vec![reading(32, "k", Ok(Data::Float32(whole)), None)];
        let messages = render(Dialect::ThingsBoard, "m", 1, &poll(readings));
        assert!(text(&messages).1.contains(".0}"), "{messages:?}");
    }
}

/// A password that is read by its attribute goes to no broker.
#[test]
fn secrets_stay_here() {
    let mut secret = reading(1, "k", Ok(Data::OctetString(b"hunter2".to_vec())), None);
    secret.attribute = AttributeRef {
        class: 15,
        obis: Obis::new(0, 0, 40, 0, 0, 255),
        attribute: 7,
    };
    secret.spec = ObjectSpec::Attribute(secret.attribute);
    let mut readings = field();
    readings.push(secret);
    for dialect in Dialect::ALL {
        let mut broker = broker(dialect);
        broker.topic = Some("t/{key}".into());
        broker.payload = Some("{raw} {value} {json}".into());
        for message in super::render(&broker, &device(1, "m"), 1, &poll(readings.clone())) {
            let payload = String::from_utf8(message.payload).unwrap();
            assert!(
                !payload.contains("hunter2") && !payload.contains("68756e74"),
                "{payload}"
            );
        }
    }
}

#[test]
fn a_thingsboard_device_says_what_it_is() {
    let lab = broker(Dialect::ThingsBoard);
    let messages = greeting(&lab, &[device(1, "M-1")]);
    assert_eq!(
        text(&messages),
        (
            "v1/devices/me/attributes",
            r##"{"meter":"feeder 7","serial":"#00012345","logical_device_name":"MIC00012345","manufacturer":"MIC","firmware":"#1.20"}"##
        )
    );
    // Two behind one token would overwrite each other.
    assert!(greeting(&lab, &[device(1, "M-1"), device(2, "M-2")]).is_empty());
    let mut other = device(1, "M-1");
    other.attributes.pop();
    assert_eq!(changes(&lab, &[device(1, "M-1")], &[other]).len(), 1);
    assert!(changes(&lab, &[device(1, "M-1")], &[device(1, "M-1")]).is_empty());
}

#[test]
fn large_numbers_keep_every_digit() {
    let readings = vec![
        reading(1, "a", Ok(Data::Long64Unsigned(u64::MAX)), Some((-3, 30))),
        reading(2, "b", Ok(Data::Long64(i64::MIN)), Some((2, 30))),
    ];
    let messages = render(Dialect::ThingsBoard, "m", 1, &poll(readings));
    let (_, payload) = text(&messages);
    assert!(payload.contains(r#""a":18446744073709551.615"#));
    assert!(payload.contains(r#""b":-922337203685477580800"#));
}

#[test]
fn a_device_name_cannot_leave_its_level() {
    for (device, topic) in [
        ("a/b", "meters/a_b/telemetry"),
        ("+", "meters/_/telemetry"),
        ("x#\0", "meters/x__/telemetry"),
        ("Zähler 7", "meters/Zähler 7/telemetry"),
    ] {
        let messages = render(Dialect::Json, device, 1, &poll(field()));
        assert_eq!(text(&messages).0, topic);
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever the meter sends and the person calls it: JSON that reads back to the same names.
    #[test]
    fn always_json(bytes in proptest::collection::vec(any::<u8>(), 0..40), key in ".{1,10}", device in ".{1,10}", scaler in any::<i8>(), float in any::<f32>()) {
        let readings = vec![
            reading(1, &key, Ok(Data::OctetString(bytes.clone())), Some((scaler, 30))),
            reading(2, "float_x", Ok(Data::Float32(float)), Some((scaler, 30))),
        ];
        for dialect in [Dialect::Json, Dialect::ThingsBoard] {
            for message in render(dialect, &device, 1, &poll(readings.clone())) {
                let json: serde_json::Value = serde_json::from_slice(&message.payload).unwrap();
                let values = json.get("values").unwrap_or(&json["measurements"]);
                prop_assert!(values.get(&key).is_some());
                prop_assert!(!message.topic.contains(['#', '+', '\0']));
            }
        }
    }
}
