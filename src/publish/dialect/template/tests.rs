//! Templates as people write them, and what meters must not be able to do to them.

use super::super::tests::{broker, device, field, gone, poll, reading};
use super::*;
use crate::cosem::Data;
use proptest::prelude::*;
use serde_json::Value as Json;

fn made(topic: &str, payload: &str) -> BrokerDefinition {
    let mut broker = broker(Dialect::Template);
    broker.topic = Some(topic.into());
    broker.payload = Some(payload.into());
    broker
}

fn told(topic: &str, payload: &str, readings: Vec<crate::meter::Reading>) -> Vec<(String, String)> {
    let broker = made(topic, payload);
    assert_eq!(check(&broker), []);
    let messages = render(&broker, &device(1, "M 1"), 42, &poll(readings));
    messages
        .into_iter()
        .map(|it| (it.topic, String::from_utf8(it.payload).unwrap()))
        .collect()
}

#[test]
fn one_message_a_reading() {
    let messages = told(
        "site/{device}/{key}",
        r#"{{"obis":"{obis}","v":{value},"raw":{raw},"unit":{unit},"code":{unit_code},"scaler":{scaler},"ts":{ts},"s":{ts_s},"time":"{time}","n":{seq},"of":"{meter} {type}","what":"{class}/{attribute}","name":{name}}}"#,
        field(),
    );
    assert_eq!(messages.len(), 2);
    assert_eq!(messages[0].0, "site/M 1/voltage_l1");
    assert_eq!(
        messages[0].1,
        r#"{"obis":"1-1:32.7.0","v":135.40,"raw":13540,"unit":"V","code":35,"scaler":-2,"ts":1728564123400,"s":1728564123,"time":"2024-10-10T12:42:03.400Z","n":42,"of":"feeder 7 dlms","what":"3/2","name":"Phase A instantaneous voltage"}"#
    );
}

#[test]
fn one_message_a_poll_where_nothing_is_of_a_reading() {
    let mut readings = field();
    readings.push(reading(52, "gone", gone(), None));
    assert_eq!(
        told(
            "site/{device}",
            r#"{{"at":{ts},"values":{values}}}"#,
            readings
        ),
        [(
            "site/M 1".to_owned(),
            r#"{"at":1728564123456,"values":{"voltage_l1":135.40,"current_l1":1.302,"gone":null}}"#
                .to_owned()
        )]
    );
    let whole = told("t", "{json}", field());
    assert!(
        whole[0]
            .1
            .starts_with(r#"{"device_id":"M 1","ts":1728564123456,"seq":42,"#)
    );
    // The same of one reading, since the topic is one's.
    let single = told("t/{key}", "{json}", field());
    assert!(
        single[0]
            .1
            .starts_with(r#"{"obis":"1-1:32.7.0","value":135.40,"#)
    );
}

#[test]
fn what_failed_is_told_where_there_is_a_place_for_it() {
    let readings = || vec![reading(52, "gone", gone(), None)];
    assert_eq!(told("t/{key}", "{value}", readings()), []);
    let messages = told("t/{key}", r#"{{"v":{value},"e":"{error}"}}"#, readings());
    let json: Json = serde_json::from_str(&messages[0].1).unwrap();
    assert!(json["v"].is_null());
    assert!(json["e"].as_str().unwrap().contains("the \"link\"\n"));
}

#[test]
fn plain_text_stays_plain() {
    let messages = told("t", "{device};{key};{value};{unit}", field());
    assert_eq!(messages[1].1, "M 1;current_l1;1.302;A");
}

#[test]
fn a_topic_keeps_its_levels() {
    let mut strange = field();
    strange.truncate(1);
    strange[0].key = "a/+#\0b".into();
    strange[0].scaler_unit = None;
    let messages = told("s/{key}/{unit}/x", "{value}", strange);
    assert_eq!(messages[0].0, "s/a____b/_/x");
}

#[test]
fn what_cannot_be_is_refused_with_what_can() {
    for (topic, payload, field, words) in [
        (
            "t/{volt}",
            "{value}",
            "topic",
            "{volt} is not known; there are {device}, {meter}, ",
        ),
        ("t", "{value", "payload", "not closed"),
        ("t", "}", "payload", "not opened"),
        ("t/#", "{value}", "topic", "for subscribing"),
        ("t/+/{key}", "{value}", "topic", "for subscribing"),
        ("t\0", "{value}", "topic", "NUL"),
        (
            "t/{value}",
            "{value}",
            "topic",
            "changes with every message",
        ),
        ("", "{value}", "topic", "empty"),
        ("t", "", "payload", "empty"),
        (
            "t",
            r#"{{"v":{value}"#,
            "payload",
            "begins as JSON and is none",
        ),
        ("t", "{\u{1b}[2J}", "payload", "is not known"),
    ] {
        let problems = check(&made(topic, payload));
        assert_eq!(problems.len(), 1, "{topic} {payload}: {problems:?}");
        assert_eq!(problems[0].field, field);
        assert!(problems[0].problem.contains(words), "{}", problems[0]);
        assert!(!problems[0].problem.contains('\u{1b}'));
    }
    let mut bare = broker(Dialect::Template);
    assert!(check(&bare)[0].problem.contains("--topic"));
    bare.dialect = Dialect::Json;
    assert_eq!(check(&bare), []);
    bare.payload = Some("x".into());
    assert!(check(&bare)[0].problem.contains("--dialect template"));
    // One that got into the database all the same sends nothing.
    let broker = made("t/{volt}", "{value}");
    assert_eq!(render(&broker, &device(1, "m"), 1, &poll(field())), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn always_the_json_it_was_meant_to_be(
        bytes in proptest::collection::vec(any::<u8>(), 0..40), key in ".{1,10}", name in ".{1,10}", scaler in any::<i8>(),
    ) {
        let readings = vec![
            reading(1, &key, Ok(Data::OctetString(bytes)), Some((scaler, 30))),
            reading(2, &key, Ok(Data::Float32(f32::NAN)), None),
        ];
        let broker = made("s/{device}/{key}", r#"{{"k":"<{key} {value}>","v":{value},"d":{device},"j":"{json}","e":{error}}}"#);
        for message in render(&broker, &device(1, &name), 1, &poll(readings)) {
            let json: Json = serde_json::from_slice(&message.payload).unwrap();
            prop_assert_eq!(json["d"].as_str(), Some(name.as_str()));
            let inner = json["j"].as_str().unwrap();
            prop_assert!(serde_json::from_str::<Json>(inner).is_ok());
            prop_assert!(fit_topic(&message.topic).is_ok());
            prop_assert_eq!(message.topic.split('/').count(), 3);
        }
    }

    #[test]
    fn any_template_is_taken_or_refused(text in "[{}a-z\"\\\\ ]{0,40}|.{0,40}") {
        drop(check(&made(&text, &text)));
    }
}
