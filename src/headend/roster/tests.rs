//! What is learned of a meter by reading it.

use super::*;
use crate::cosem::{AttributeRef, Data, ScalerUnit};
use crate::meter::Reading;
use crate::publish::Device;

fn reading(key: &str, obis: &str, value: Data, unit: Option<u8>) -> Reading {
    let obis: Obis = obis.parse().unwrap();
    Reading {
        spec: ObjectSpec::Value(obis),
        key: key.into(),
        attribute: AttributeRef {
            class: 1,
            obis,
            attribute: 2,
        },
        scaler_unit: unit.map(|unit| ScalerUnit {
            scaler: 0,
            unit: Unit(unit),
        }),
        at: jiff::Timestamp::UNIX_EPOCH,
        value: Ok(value),
    }
}

#[test]
fn what_polls_say_is_told_at_most_once_a_second() {
    let now = Instant::now();
    let mut roster = Roster::default();
    assert!(!roster.is_due(now), "nothing to tell");
    roster.behind = true;
    assert!(roster.is_due(now));
    roster.told_at = Some(now);
    let after = |millis| now + Duration::from_millis(millis);
    assert!(!roster.is_due(after(999)));
    assert!(roster.is_due(after(1_000)));
    // It could not be told: again at once.
    roster.told_at = None;
    assert!(roster.is_due(now));
}

fn attribute(device: &Device, name: &str) -> Option<String> {
    let found = device.attributes.iter().find(|(it, _)| it == name);
    found.map(|(_, literal)| serde_json::from_str(literal).unwrap())
}

#[test]
fn a_poll_says_who_the_meter_is() {
    let text = |text: &str| Data::OctetString(text.as_bytes().to_vec());
    let mut meter = Definition::new("feeder 7", "10.0.4.7", 3333);
    meter.id = MeterId(7);
    let voltage = "1-1:32.7.0".parse().unwrap();
    meter.objects = vec![PolledObject::new(ObjectSpec::Value(voltage), "voltage_l1")];
    let poll = Poll {
        meter: meter.id,
        at: jiff::Timestamp::UNIX_EPOCH,
        readings: vec![
            reading("serial", "0-0:96.1.0", text("00012345"), None),
            reading("name", "0-0:42.0.0", text("MIC00012345"), None),
            reading("firmware", "1-0:0.2.0", text("1.20"), None),
            reading("voltage_l1", "1-1:32.7.0", Data::Long(230), Some(35)),
        ],
    };
    let mut roster = Roster::default();
    let broker = BrokerDefinition::new("lab", "mqtt://h", Dialect::HomeAssistant).unwrap();
    let before = roster.device(&meter, &broker);
    assert_eq!(before.kind, DEVICE_TYPE);
    assert_eq!((before.objects[0].class, before.objects[0].unit), (3, None));
    assert_eq!(attribute(&before, "serial"), None);
    assert_eq!(attribute(&before, "address").unwrap(), "10.0.4.7:3333");
    assert_eq!(attribute(&before, "transport").unwrap(), "hdlc-tcp");

    let known = roster.known.entry(meter.id).or_default();
    assert!(known.learn(&poll));
    assert!(!known.learn(&poll), "nothing new");
    let after = roster.device(&meter, &broker);
    assert_eq!(after.objects[0].unit, Some(Unit(35)));
    for (name, value) in [
        ("serial", "00012345"),
        ("logical_device_name", "MIC00012345"),
        ("manufacturer", "MIC"),
        ("firmware", "1.20"),
        ("meter", "feeder 7"),
    ] {
        assert_eq!(attribute(&after, name).as_deref(), Some(value));
    }
    roster.forget(meter.id);
    assert_eq!(roster.device(&meter, &broker), before);
}
