//! What a gateway of ThingsBoard sends, byte for byte, and what packing keeps.

use super::*;
use crate::store::OutboxRow;
use serde_json::Value as Json;
use std::collections::BTreeMap;

fn said(messages: &[Message]) -> Vec<(&str, &str)> {
    let each = messages.iter().map(|message| {
        let payload = std::str::from_utf8(&message.payload).unwrap();
        serde_json::from_str::<Json>(payload).unwrap();
        (message.topic.as_str(), payload)
    });
    each.collect()
}

#[test]
fn telemetry_is_an_array_under_the_name() {
    let messages = render(Dialect::ThingsBoardGateway, "M \"1\"", 1, &poll(field()));
    assert_eq!(
        said(&messages),
        [(
            "v1/gateway/telemetry",
            r#"{"M \"1\"":[{"ts":1728564123456,"values":{"voltage_l1":135.40,"current_l1":1.302}}]}"#
        )]
    );
    assert_eq!(messages[0].device.as_deref(), Some("M \"1\""));
    // An empty object would close the session.
    let failed = poll(vec![reading(32, "a", gone(), None)]);
    assert!(render(Dialect::ThingsBoardGateway, "M-1", 1, &failed).is_empty());
}

#[test]
fn a_connection_begins_with_its_devices() {
    let lab = broker(Dialect::ThingsBoardGateway);
    let mut quiet = device(2, "M-2");
    quiet.attributes.truncate(1);
    let messages = greeting(&lab, &[device(1, "M-1"), quiet]);
    assert_eq!(
        said(&messages),
        [
            ("v1/gateway/connect", r#"{"device":"M-1","type":"dlms"}"#),
            ("v1/gateway/connect", r#"{"device":"M-2","type":"dlms"}"#),
            (
                "v1/gateway/attributes",
                r##"{"M-1":{"meter":"feeder 7","serial":"#00012345","logical_device_name":"MIC00012345","manufacturer":"MIC","firmware":"#1.20"},"M-2":{"meter":"feeder 7"}}"##
            ),
        ]
    );
}

#[test]
fn attributes_of_many_meters_come_in_several_messages() {
    let devices: Vec<_> = (0..1_000).map(|n| device(n, &format!("M-{n}"))).collect();
    let mut told = 0;
    for message in greeting(&broker(Dialect::ThingsBoardGateway), &devices) {
        assert!(message.payload.len() < 17_000);
        if message.kind == Kind::Attributes {
            let json: Json = serde_json::from_slice(&message.payload).unwrap();
            told += json.as_object().unwrap().len();
        }
    }
    assert_eq!(told, 1_000);
    // Two meters under one name: a key twice in one object would lose one.
    let twice = [device(1, "M"), device(2, "M")];
    let messages = greeting(&broker(Dialect::ThingsBoardGateway), &twice);
    assert_eq!(messages.len(), 4);
}

/// Where the platform may set the interval, what it holds is asked for: it says itself only what changes.
#[test]
fn the_interval_is_asked_for_where_it_is_followed() {
    let mut lab = broker(Dialect::ThingsBoardGateway);
    lab.allow = vec!["set_interval".to_owned()];
    let (one, two) = (device(1, "M-1"), device(2, "M \"2\""));
    let topic = "v1/gateway/attributes/request";
    let questions = [
        (
            topic,
            r#"{"id":1,"device":"M-1","client":false,"keys":["poll_interval"]}"#,
        ),
        (
            topic,
            r#"{"id":2,"device":"M \"2\"","client":false,"keys":["poll_interval"]}"#,
        ),
    ];
    let both = [one.clone(), two.clone()];
    assert!(said(&greeting(&lab, &both)).ends_with(&questions));
    // Who comes is asked about; who was there, under whatever name, has been.
    let came = changes(&lab, std::slice::from_ref(&one), &[device(1, "M-7"), two]);
    assert_eq!(said(&came).last(), Some(&questions[1]));
    let asked = came.iter().filter(|message| message.topic == topic);
    assert_eq!(asked.count(), 1);
    let mut own = broker(Dialect::ThingsBoard);
    own.allow = lab.allow;
    assert_eq!(
        said(&greeting(&own, &[one])).last(),
        Some(&(
            "v1/devices/me/attributes/request/1",
            r#"{"sharedKeys":"poll_interval"}"#
        ))
    );
}

#[test]
fn who_goes_is_disconnected_and_who_is_renamed_too() {
    let lab = broker(Dialect::ThingsBoardGateway);
    let (one, two) = (device(1, "M-1"), device(2, "M-2"));
    let both = [one.clone(), two.clone()];
    let gone = ("v1/gateway/disconnect", r#"{"device":"M-2"}"#);
    let messages = changes(&lab, &both, std::slice::from_ref(&one));
    assert_eq!(said(&messages), [gone]);
    let renamed = [one.clone(), device(2, "M-3")];
    let messages = changes(&lab, &both, &renamed);
    let topics: Vec<_> = said(&messages);
    assert_eq!(topics[0], gone);
    assert_eq!(topics[1].1, r#"{"device":"M-3","type":"dlms"}"#);
    assert!(topics[2].0 == "v1/gateway/attributes" && topics[2].1.starts_with(r#"{"M-3":"#));
    // Another meter still goes by that name.
    let twins = [one.clone(), device(2, "M-1")];
    assert!(changes(&lab, &twins, std::slice::from_ref(&one)).is_empty());
    // A unit that became known is nobody's business here.
    let mut known = both.clone();
    known[0].objects[0].unit = None;
    assert!(changes(&lab, &both, &known).is_empty());
    let mut typed = both.clone();
    typed[1].kind = "three-phase".into();
    let messages = changes(&lab, &both, &typed);
    assert_eq!(
        said(&messages),
        [(
            "v1/gateway/connect",
            r#"{"device":"M-2","type":"three-phase"}"#
        )]
    );
}

fn row(id: i64, message: Message) -> OutboxRow {
    OutboxRow {
        id,
        broker: 1,
        topic: message.topic,
        payload: message.payload,
        created: jiff::Timestamp::UNIX_EPOCH,
        kind: message.kind,
        device: message.device,
        retain: message.retain,
        attempts: 0,
    }
}

fn rows(names: &[&str]) -> Vec<OutboxRow> {
    let each = (0..).zip(names).map(|(id, name)| {
        let mut poll = poll(field());
        poll.at = jiff::Timestamp::from_millisecond(1_000 + id).unwrap();
        let mut messages = render(Dialect::ThingsBoardGateway, name, 1, &poll);
        row(id, messages.pop().unwrap())
    });
    each.collect()
}

#[test]
fn rows_are_merged_by_device_in_order() {
    let (message, taken) = pack(&rows(&["M-1", "M-2", "M-1"]), 10_000);
    assert_eq!(taken, 3);
    assert_eq!(
        said(&[message])[0].1,
        concat!(
            r#"{"M-1":[{"ts":1000,"values":{"voltage_l1":135.40,"current_l1":1.302}},"#,
            r#"{"ts":1002,"values":{"voltage_l1":135.40,"current_l1":1.302}}],"#,
            r#""M-2":[{"ts":1001,"values":{"voltage_l1":135.40,"current_l1":1.302}}]}"#
        )
    );
}

/// What comes or goes stays where it stands among the readings.
#[test]
fn only_telemetry_is_merged() {
    let lab = broker(Dialect::ThingsBoardGateway);
    let mut all = rows(&["M-1", "M-1", "M-1"]);
    let gone = changes(&lab, &[device(1, "M-1")], &[]).pop().unwrap();
    all[2] = row(2, gone.clone());
    assert_eq!(pack(&all, 10_000).1, 2);
    all.remove(0);
    let (alone, taken) = pack(&all, 10_000);
    assert_eq!((taken, alone.device.as_deref()), (1, Some("M-1")));
    assert_eq!(pack(&all[1..], 10_000), (gone, 1));
    // Foreign rows are not taken apart.
    let mut strange = rows(&["M-1", "M-1"]);
    strange[1].payload = br#"{"M-1":{"ts":1}}"#.to_vec();
    assert_eq!(pack(&strange, 10_000).1, 1);
    assert_eq!(pack(&[], 10_000).1, 0);
    // What does not fit goes alone, for the pump to judge.
    assert_eq!(pack(&rows(&["M-1", "M-1"]), 10).1, 1);
}

fn samples(payload: &[u8]) -> BTreeMap<String, Vec<Json>> {
    serde_json::from_slice(payload).unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Unpacked, the messages hold what the rows held, each device's in order, and no message is too large.
    #[test]
    fn packing_loses_nothing(
        names in proptest::collection::vec(prop_oneof!["[ab\"]{1,2}", ".{1,12}"], 1..250),
        most in 200_usize..20_000,
    ) {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let all = rows(&names);
        let mut expected = BTreeMap::<String, Vec<Json>>::new();
        for row in &all {
            for (device, values) in samples(&row.payload) {
                expected.entry(device).or_default().extend(values);
            }
        }
        let mut found = BTreeMap::<String, Vec<Json>>::new();
        let mut left = all.as_slice();
        while !left.is_empty() {
            let (message, taken) = pack(left, most);
            prop_assert!((1..=100).contains(&taken));
            prop_assert!(taken == 1 || message.payload.len() + message.topic.len() + 8 <= most);
            for (device, values) in samples(&message.payload) {
                found.entry(device).or_default().extend(values);
            }
            left = &left[taken..];
        }
        prop_assert_eq!(found, expected);
    }
}
