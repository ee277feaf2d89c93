//! Every message a platform sends, hostile ones, and our own come back.

use super::*;
use proptest::prelude::*;

fn broker(dialect: Dialect) -> BrokerDefinition {
    BrokerDefinition::new("b", "mqtt://h", dialect).unwrap()
}

fn heard(dialect: Dialect, topic: &str, payload: &str) -> Incoming {
    parse(&broker(dialect), topic, payload.as_bytes())
}

fn asked(heard: Incoming) -> Asked {
    match heard {
        Incoming::Asked(asked) => asked,
        other => panic!("{other:?}"),
    }
}

#[test]
fn calls_are_answered_where_they_came_from() {
    let gateway = Dialect::ThingsBoardGateway;
    for (dialect, topic, payload, device, answer) in [
        (
            Dialect::ThingsBoard,
            "v1/devices/me/rpc/request/17",
            r#"{"method":"read","params":{"obis":"1-1:32.7.0"}}"#,
            None,
            ("v1/devices/me/rpc/response/17", r#"{"a":1}"#),
        ),
        (
            gateway,
            "v1/devices/me/rpc/request/0",
            r#"{"method":"gateway_read","params":"{\"obis\":\"1-1:32.7.0\"}"}"#,
            None,
            ("v1/devices/me/rpc/response/0", r#"{"a":1}"#),
        ),
        (
            gateway,
            "v1/gateway/rpc",
            r#"{"device":"M 1/α","data":{"id":7,"method":"read","params":{"obis":"1-1:32.7.0"}}}"#,
            Some("M 1/α"),
            (
                "v1/gateway/rpc",
                r#"{"data":{"a":1},"device":"M 1/α","id":7}"#,
            ),
        ),
        (
            Dialect::Json,
            "meters/M-1/rpc/request/ab_2-C",
            r#"{"method":"read","params":{"obis":"1-1:32.7.0"}}"#,
            Some("M-1"),
            ("meters/M-1/rpc/response/ab_2-C", r#"{"a":1}"#),
        ),
    ] {
        let asked = asked(heard(dialect, topic, payload));
        assert_eq!(asked.device.as_deref(), device);
        assert_eq!((asked.method.as_str(), asked.notice), ("read", false));
        assert_eq!(asked.params, json!({"obis": "1-1:32.7.0"}), "{topic}");
        let place = asked.place.unwrap();
        let message = place.message(&json!({"a": 1}), 4096);
        assert_eq!(message.topic, answer.0);
        assert_eq!(String::from_utf8(message.payload).unwrap(), answer.1);
        let large = place.message(&json!("x".repeat(5000)), 4096);
        assert!(large.payload.len() < 300);
        assert!(String::from_utf8(large.payload).unwrap().contains("413"));
    }
}

#[test]
fn what_the_platform_tells_is_told() {
    let gateway = Dialect::ThingsBoardGateway;
    for (dialect, topic, payload, device, method, params) in [
        (
            Dialect::ThingsBoard,
            "v1/devices/me/attributes",
            r#"{"poll_interval":60}"#,
            None,
            "attributes",
            json!({"poll_interval": 60}),
        ),
        (
            gateway,
            "v1/gateway/attributes",
            r#"{"device":"M-1","data":{"k":[1]}}"#,
            Some("M-1"),
            "attributes",
            json!({"k": [1]}),
        ),
        (
            gateway,
            "v1/gateway/attributes",
            r#"{"device":"M-1","data":{"deleted":["k","l"]}}"#,
            Some("M-1"),
            "attributes_deleted",
            json!(["k", "l"]),
        ),
        (
            Dialect::ThingsBoard,
            "v1/devices/me/attributes",
            r#"{"deleted":["k"]}"#,
            None,
            "attributes_deleted",
            json!(["k"]),
        ),
        (
            Dialect::ThingsBoard,
            "v1/devices/me/attributes/response/3",
            r#"{"client":{"a":1},"shared":{"b":2}}"#,
            None,
            "attributes",
            json!({"b": 2}),
        ),
        (
            gateway,
            "v1/gateway/attributes/response",
            r#"{"id":1,"device":"M-1","values":{"b":2}}"#,
            Some("M-1"),
            "attributes",
            json!({"b": 2}),
        ),
        // One key was asked for, and the answer does not name it.
        (
            gateway,
            "v1/gateway/attributes/response",
            r#"{"id":1,"device":"M-1","value":20}"#,
            Some("M-1"),
            "attributes",
            json!({"poll_interval": 20}),
        ),
        (
            gateway,
            "v1/gateway/disconnect",
            r#"{"device":"M-1","reason":150}"#,
            Some("M-1"),
            "device_disconnected",
            json!({"reason": 150}),
        ),
    ] {
        let asked = asked(heard(dialect, topic, payload));
        assert_eq!(asked.device.as_deref(), device, "{topic}");
        assert_eq!((asked.method.as_str(), asked.params), (method, params));
        assert!(asked.notice && asked.place.is_none());
    }
    let renamed = r#"{"method":"gateway_device_renamed","params":{"M-1":"M-2"}}"#;
    let asked = asked(heard(gateway, "v1/devices/me/rpc/request/4", renamed));
    assert_eq!(asked.method, "device_renamed");
    assert!(
        asked.notice && asked.place.is_some(),
        "told by a call, so answered"
    );
}

#[test]
fn limits_are_known_by_the_question_s_number() {
    let topic = format!("v1/devices/me/rpc/response/{OWN_QUESTION}");
    let limits = heard(Dialect::ThingsBoard, &topic, r#"{"maxPayloadSize":1}"#);
    assert_eq!(limits, Incoming::Limits(json!({"maxPayloadSize": 1})));
    let other = heard(Dialect::ThingsBoard, "v1/devices/me/rpc/response/1", "{}");
    assert_eq!(other, Incoming::Echo);
}

#[test]
fn our_own_words_come_back_from_a_plain_broker_and_ask_nothing() {
    let mut three = broker(Dialect::ThingsBoardGateway);
    three.protocol = Protocol::V311;
    for (topic, payload) in [
        (
            "v1/gateway/rpc",
            r#"{"device":"M-1","id":7,"data":{"value":1}}"#,
        ),
        (
            "v1/gateway/attributes",
            r#"{"M-1":{"serial":"x"},"M-2":{"data":1}}"#,
        ),
        ("v1/gateway/disconnect", r#"{"device":"M-1"}"#),
        (
            "v1/devices/me/rpc/request/1850531007",
            r#"{"method":"getSessionLimits","params":{}}"#,
        ),
        ("v1/devices/me/rpc/response/9", r#"{"value":1}"#),
    ] {
        assert_eq!(
            parse(&three, topic, payload.as_bytes()),
            Incoming::Echo,
            "{topic}"
        );
    }
}

#[test]
fn hostile_words_ask_nothing() {
    let long = "x".repeat(300);
    let deep = format!("{}1{}", "[".repeat(5_000), "]".repeat(5_000));
    let call = r#"{"method":"read"}"#;
    for (dialect, topic, payload) in [
        (
            Dialect::ThingsBoard,
            "v1/devices/me/rpc/request/1",
            "no json",
        ),
        (
            Dialect::ThingsBoard,
            "v1/devices/me/rpc/request/1",
            deep.as_str(),
        ),
        (
            Dialect::ThingsBoard,
            "v1/devices/me/rpc/request/1",
            r#"{"method":7}"#,
        ),
        (
            Dialect::ThingsBoard,
            "v1/devices/me/rpc/request/1",
            r#"{"method":""}"#,
        ),
        (Dialect::ThingsBoard, "v1/devices/me/rpc/request/", call),
        (Dialect::ThingsBoard, "v1/devices/me/rpc/request/a/b", call),
        (Dialect::ThingsBoard, "v1/devices/me/rpc/request/+", call),
        (Dialect::ThingsBoard, "v1/devices/me/attributes", "[1]"),
        (Dialect::ThingsBoard, "v1/devices/me/attributes", "{}"),
        (Dialect::ThingsBoard, "v1/gateway/rpc", call),
        (
            Dialect::ThingsBoardGateway,
            "v1/gateway/rpc",
            r#"{"data":{"id":1,"method":"m"}}"#,
        ),
        (
            Dialect::ThingsBoardGateway,
            "v1/gateway/rpc",
            r#"{"device":"d","data":{"id":{},"method":"m"}}"#,
        ),
        (
            Dialect::ThingsBoardGateway,
            "v1/gateway/rpc",
            r#"{"device":"d","data":{"method":"m"}}"#,
        ),
        (Dialect::ThingsBoardGateway, "v1/gateway/telemetry", "{}"),
        (Dialect::Json, "meters/a/b/rpc/request/1", call),
        (Dialect::Json, "meters/a/rpc/request/1/2", call),
        (Dialect::Json, "meters//rpc/request/1", call),
        (Dialect::Json, "meters/a/rpc/response/1", call),
        (Dialect::HomeAssistant, "meters/a/rpc/request/1", call),
    ] {
        assert_eq!(
            heard(dialect, topic, payload),
            Incoming::Unclear,
            "{topic} {payload:.40}"
        );
    }
    let topic = format!("v1/devices/me/rpc/request/{long}");
    assert_eq!(heard(Dialect::ThingsBoard, &topic, call), Incoming::Unclear);
    let method = format!(r#"{{"method":"{long}"}}"#);
    let topic = "v1/devices/me/rpc/request/1";
    assert_eq!(
        heard(Dialect::ThingsBoard, topic, &method),
        Incoming::Unclear
    );
}

#[test]
fn commands_are_heard_on_a_plain_broker_only_where_one_is_allowed() {
    let mut plain = broker(Dialect::Json);
    assert!(subscriptions(&plain).is_empty());
    plain.allow = vec!["clock_sync".to_owned()];
    assert_eq!(subscriptions(&plain), ["meters/+/rpc/request/+"]);
    assert_eq!(subscriptions(&broker(Dialect::ThingsBoard)).len(), 4);
    assert_eq!(
        subscriptions(&broker(Dialect::ThingsBoardGateway)),
        [
            "v1/gateway/attributes",
            "v1/gateway/attributes/response",
            "v1/gateway/rpc",
            "v1/devices/me/attributes",
            "v1/devices/me/attributes/response/+",
            "v1/devices/me/rpc/request/+",
            "v1/devices/me/rpc/response/+",
        ]
    );
    assert!(subscriptions(&broker(Dialect::HomeAssistant)).is_empty());
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_panics_and_answers_go_to_topics_that_fit(
        dialect in 0_usize..5,
        topic in "(v1/devices/me/(rpc/request/|attributes)|v1/gateway/(rpc|attributes|disconnect)|meters/)?[ -~\u{0}é+#/]{0,20}",
        payload in prop_oneof![
            "\\PC{0,60}",
            "\\{\"(device|method|data|id)\":(\"[a-z]{0,3}\"|1|\\{\"id\":1,\"method\":\"m\"\\})(,\"method\":\"m\")?\\}",
        ],
    ) {
        let heard = parse(&broker(Dialect::ALL[dialect]), &topic, payload.as_bytes());
        if let Incoming::Asked(Asked { place: Some(place), .. }) = heard {
            let message = place.message(&Value::Null, 4096);
            prop_assert!(crate::store::fit_topic(&message.topic).is_ok());
        }
    }
}
