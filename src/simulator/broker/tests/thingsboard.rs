//! The small ThingsBoard: each thing its server does, told to both versions.

use super::raw::{Raw, publish};
use super::*;
use crate::simulator::broker::thingsboard::{
    Account, Limits, Rates, RpcError, Settings, Stored, ThingsBoard,
};
use crate::simulator::broker::{Options, start_with};
use serde_json::{Value, json};

const PATIENCE: Duration = Duration::from_secs(5);

async fn platform(change: impl FnOnce(&mut Settings)) -> (Broker, ThingsBoard) {
    let mut settings = Settings {
        accounts: vec![
            Account::device("tok-d", "pump"),
            Account::gateway("tok-g", "gate"),
        ],
        provision: Some(("key".into(), "secret".into())),
        ..Settings::default()
    };
    change(&mut settings);
    let platform = ThingsBoard::new(settings);
    let options = Options {
        platform: Some(platform.clone()),
        ..Options::default()
    };
    let broker = start_with(ANY, options, CancellationToken::new())
        .await
        .unwrap();
    (broker, platform)
}

/// CONNECT with a user name; the client id is the user name too.
fn connect(five: bool, user: &str) -> Vec<u8> {
    let level = if five { 5 } else { 4 };
    let mut body = vec![0, 4, b'M', b'Q', b'T', b'T', level, 0x82, 0, 0];
    if five {
        body.push(0);
    }
    for text in [user, user] {
        body.extend([0, text.len() as u8]);
        body.extend(text.as_bytes());
    }
    let mut whole = vec![0x10, body.len() as u8];
    whole.extend(body);
    whole
}

async fn come(broker: &Broker, five: bool, user: &str) -> Raw {
    Raw::connected(broker, &connect(five, user)).await
}

impl Raw {
    async fn subscribe(&mut self, five: bool, filter: &str) -> u8 {
        let mut body = vec![0, 9];
        body.extend(five.then_some(0));
        body.extend([0, filter.len() as u8]);
        body.extend(filter.as_bytes());
        body.push(1);
        let mut whole = vec![0x82, body.len() as u8];
        whole.extend(body);
        self.send(&whole).await;
        *self.packet().await.last().unwrap()
    }

    /// The next PUBLISH: topic and payload.
    async fn said(&mut self, five: bool) -> (String, Value) {
        let mut packet = vec![0; 2];
        self.0.read_exact(&mut packet).await.unwrap();
        let mut length = usize::from(packet[1]);
        if length > 127 {
            length = length - 128 + 128 * usize::from(self.0.read_u8().await.unwrap());
        }
        let mut body = vec![0; length];
        self.0.read_exact(&mut body).await.unwrap();
        assert_eq!(packet[0], 0x32);
        let topic = 2 + usize::from(body[1]);
        let rest = topic + 2 + usize::from(five);
        let text = String::from_utf8(body[2..topic].to_vec()).unwrap();
        (text, serde_json::from_slice(&body[rest..]).unwrap())
    }

    async fn tell(&mut self, five: bool, topic: &str, payload: &str) -> Vec<u8> {
        self.send(&publish(five, topic, 3, payload)).await;
        self.packet().await
    }
}

const OK: [u8; 4] = [0x40, 2, 0, 3];

#[tokio::test]
async fn tokens_decide_who_comes_in() {
    let (broker, platform) = platform(|_| {}).await;
    for (user, four, five) in [("tok-x", 5, 0x87), ("", 4, 0x86)] {
        let mut raw = Raw::connecting(&broker, &connect(false, user)).await;
        assert_eq!(raw.rest().await.0, [0x20, 2, 0, four]);
        let mut raw = Raw::connecting(&broker, &connect(true, user)).await;
        assert_eq!(raw.rest().await.0, [0x20, 3, 0, five, 0]);
    }
    let mut older = come(&broker, true, "tok-d").await;
    assert!(platform.connected("pump"));
    let _newer = come(&broker, true, "tok-d").await;
    assert_eq!(older.rest().await.0, [0xE0, 2, 0x8E, 0]);
    let mut raw = come(&broker, true, "tok-g").await;
    assert_eq!(raw.subscribe(true, "v1/gateway/rpc").await, 1);
    assert_eq!(raw.subscribe(true, "#").await, 0x8F);
}

#[tokio::test]
async fn telemetry_is_kept_as_the_server_keeps_it() {
    let (broker, platform) = platform(|_| {}).await;
    let mut raw = come(&broker, true, "tok-d").await;
    let text =
        r#"[{"ts":5,"values":{"a":230.10,"b":"00012","c":99999999999999999999,"d":null}},{"x":1}]"#;
    assert_eq!(raw.tell(true, "v1/devices/me/telemetry", text).await, OK);
    let row = |key: &str| platform.telemetry("pump").get(&(5, key.into())).cloned();
    assert_eq!(row("a"), Some(Stored::Double("230.10".into())));
    assert_eq!(row("b"), Some(Stored::Long(12)));
    assert_eq!(row("c"), Some(Stored::Text("99999999999999999999".into())));
    assert_eq!(row("d"), None);
    assert_eq!(platform.telemetry("pump").len(), 4);
    let again = r#"{"ts":5,"values":{"a":1}}"#;
    raw.tell(true, "v1/devices/me/telemetry", again).await;
    assert_eq!(platform.copies("pump"), 1);
    assert_eq!(row("a"), Some(Stored::Long(1)));

    let mut raw = come(&broker, true, "tok-g").await;
    let text = r#"{"M-1":[{"ts":7,"values":{"f":0.30000000000000004}}],"M-2":{"f":1}}"#;
    assert_eq!(raw.tell(true, "v1/gateway/telemetry", text).await, OK);
    let stored = platform.telemetry("M-1").into_values().next();
    assert_eq!(stored, Some(Stored::Text("0.30000000000000004".into())));
    assert_eq!(
        platform.devices(),
        ["M-1", "gate", "pump"],
        "no array, no device"
    );
    let whole = r#""connector":"c","receivedTs":1,"publishedTs":2"#;
    let good = format!(r#"{{"M-1":[{{"ts":8,"values":{{"g":1}},"metadata":{{{whole}}}}}]}}"#);
    assert_eq!(raw.tell(true, "v1/gateway/telemetry", &good).await, OK);
    let bad = r#"{"M-1":[{"ts":9,"values":{"g":1},"metadata":{}}]}"#;
    let refused = raw.tell(true, "v1/gateway/telemetry", bad).await;
    assert_eq!(refused, [0x40, 3, 0, 3, 0x99]);
    assert_eq!(platform.telemetry("M-1").len(), 2);
}

#[tokio::test]
async fn what_is_wrong_is_told_to_5_and_hidden_from_4() {
    let (broker, platform) = platform(|it| it.most_devices = 3).await;
    for (topic, payload, five, four) in [
        ("v1/gateway/telemetry", "{", Some(0x99), None),
        ("v1/gateway/attributes", "[]", Some(0x99), None),
        ("v1/gateway/nonsense", "{}", Some(0x90), Some(())),
        ("v2/x", "{}", Some(0x90), Some(())),
    ] {
        let mut raw = come(&broker, true, "tok-g").await;
        let reason = raw.tell(true, topic, payload).await.last().copied();
        assert_eq!(reason, five);
        raw.quiet().await;
        let mut raw = come(&broker, false, "tok-g").await;
        raw.send(&publish(false, topic, 3, payload)).await;
        if four.is_some() {
            assert_eq!(raw.packet().await, OK);
            raw.quiet().await;
        } else {
            assert!(raw.rest().await.0.is_empty());
        }
    }
    let mut raw = come(&broker, true, "tok-g").await;
    raw.send(&publish(true, "v1/gateway/telemetry", 3, "{}"))
        .await;
    let rest = raw.rest().await.0;
    assert_eq!(rest, b"\x40\x03\0\x03\x83\xE0\x02\x83\0");
    // From a token that is no gateway: neither PUBACK nor close.
    let mut raw = come(&broker, true, "tok-d").await;
    raw.send(&publish(
        true,
        "v1/gateway/connect",
        3,
        r#"{"device":"M-1"}"#,
    ))
    .await;
    raw.quiet().await;
    assert_eq!(platform.device_type("M-1"), None);
    // Devices: pump, gate and one more.
    let mut raw = come(&broker, true, "tok-g").await;
    let made = r#"{"device":"M-1","type":"dlms"}"#;
    assert_eq!(raw.tell(true, "v1/gateway/connect", made).await, OK);
    assert_eq!(platform.device_type("M-1").as_deref(), Some("dlms"));
    let over = raw
        .tell(true, "v1/gateway/connect", r#"{"device":"M-2"}"#)
        .await;
    assert_eq!(over, [0x40, 3, 0, 3, 0x97]);
    raw.quiet().await;
}

#[tokio::test]
async fn limits_are_told_and_kept() {
    let rates = Rates {
        messages: "3:60".into(),
        telemetry_messages: "2:3600,".into(),
        telemetry_points: "10:1,300:60,".into(),
    };
    let (broker, platform) = platform(|it| {
        it.limits = Some(Limits {
            max_payload: 100,
            device: rates.clone(),
            gateway: rates.clone(),
            ..Limits::default()
        });
    })
    .await;
    let ask = r#"{"method":"getSessionLimits","params":{}}"#;
    let mut raw = come(&broker, false, "tok-g").await;
    raw.send(&publish(false, "v1/devices/me/rpc/request/1", 1, ask))
        .await;
    assert_eq!(raw.packet().await, [0x40, 2, 0, 1]);
    let (topic, limits) = raw.said(false).await;
    assert_eq!(topic, "v1/devices/me/rpc/response/1");
    assert_eq!(limits["maxPayloadSize"], 100);
    assert_eq!(
        limits["gatewayRateLimits"]["telemetryDataPoints"],
        "10:1,300:60,"
    );
    let row = r#"{"M-1":[{"ts":1,"values":{"a":1}}]}"#;
    for _ in 0..2 {
        assert_eq!(raw.tell(false, "v1/gateway/telemetry", row).await, OK);
    }
    // Over 3.1.1 the third looks delivered, and is not.
    raw.send(&publish(false, "v1/gateway/telemetry", 3, row))
        .await;
    assert_eq!(raw.rest().await.0, OK);
    assert_eq!(platform.copies("M-1"), 1);
    let mut raw = come(&broker, true, "tok-g").await;
    raw.send(&publish(true, "v1/gateway/telemetry", 3, row))
        .await;
    assert_eq!(raw.rest().await.0, b"\x40\x03\0\x03\x97\xE0\x02\x97\0");
    // The device API is safe: no PUBACK.
    let mut raw = come(&broker, false, "tok-d").await;
    for _ in 0..3 {
        raw.tell(false, "v1/devices/me/attributes", "{}").await;
    }
    raw.send(&publish(false, "v1/devices/me/attributes", 3, "{}"))
        .await;
    assert!(raw.rest().await.0.is_empty());
    let mut raw = come(&broker, true, "tok-d").await;
    let large = format!(r#"{{"a":"{}"}}"#, "x".repeat(93));
    raw.send(&publish(true, "t", 3, &large)).await;
    assert_eq!(raw.rest().await.0, [0xE0, 2, 0x95, 0]);
    platform.change(|it| it.limits = None);
    let mut raw = come(&broker, true, "tok-g").await;
    assert_eq!(raw.tell(true, "v1/devices/me/rpc/request/1", ask).await, OK);
    raw.quiet().await;
}

#[tokio::test]
async fn attributes_go_both_ways() {
    let (broker, platform) = platform(|_| {}).await;
    let mut own = come(&broker, true, "tok-d").await;
    own.subscribe(true, "v1/devices/me/attributes").await;
    own.tell(true, "v1/devices/me/attributes", r#"{"serial":"M 7"}"#)
        .await;
    assert_eq!(
        platform.attributes("pump")["serial"],
        Stored::Text("M 7".into())
    );
    platform.set_shared_attributes("pump", &json!({"interval": 5}));
    let update = own.said(true).await;
    assert_eq!(
        update,
        ("v1/devices/me/attributes".into(), json!({"interval": 5}))
    );
    let ask = r#"{"clientKeys":"serial,no","sharedKeys":"interval"}"#;
    own.tell(true, "v1/devices/me/attributes/request/4", ask)
        .await;
    let (topic, answer) = own.said(true).await;
    assert_eq!(topic, "v1/devices/me/attributes/response/4");
    assert_eq!(
        answer,
        json!({"client": {"serial": "M 7"}, "shared": {"interval": 5}})
    );
    platform.delete_shared_attributes("pump", &["interval"]);
    assert_eq!(own.said(true).await.1, json!({"deleted": ["interval"]}));

    let mut gate = come(&broker, false, "tok-g").await;
    gate.subscribe(false, "v1/gateway/attributes").await;
    gate.tell(false, "v1/gateway/connect", r#"{"device":"M-1"}"#)
        .await;
    gate.tell(false, "v1/gateway/attributes", r#"{"M-1":{"fw":"v2"}}"#)
        .await;
    platform.set_shared_attributes("M-1", &json!({"k": 1}));
    let update = gate.said(false).await;
    assert_eq!(update.1, json!({"device": "M-1", "data": {"k": 1}}));
    let ask = r#"{"id":1,"device":"M-1","client":true,"key":"fw"}"#;
    gate.tell(false, "v1/gateway/attributes/request", ask).await;
    let (topic, answer) = gate.said(false).await;
    assert_eq!(topic, "v1/gateway/attributes/response");
    assert_eq!(answer, json!({"id": 1, "device": "M-1", "value": "v2"}));
    let ask = r#"{"id":2,"device":"M-1","client":false,"keys":["k"]}"#;
    gate.tell(false, "v1/gateway/attributes/request", ask).await;
    assert_eq!(gate.said(false).await.1["values"], json!({"k": 1}));
}

#[tokio::test]
async fn rpc_reaches_the_device_and_its_reply_comes_back() {
    let (broker, platform) = platform(|_| {}).await;
    let nobody = platform.send_rpc("M-1", "read", json!({}), PATIENCE).await;
    assert_eq!(nobody, Err(RpcError::NotThere("M-1".into())));
    let mut gate = come(&broker, true, "tok-g").await;
    gate.subscribe(true, "v1/gateway/rpc").await;
    gate.subscribe(true, "v1/devices/me/rpc/request/+").await;
    gate.tell(true, "v1/gateway/connect", r#"{"device":"M-1"}"#)
        .await;
    let call = platform.send_rpc("M-1", "read", json!({"key": "a"}), PATIENCE);
    let answer = async {
        let (topic, call) = gate.said(true).await;
        assert_eq!(topic, "v1/gateway/rpc");
        assert_eq!(
            (&call["device"], &call["data"]["method"]),
            (&json!("M-1"), &json!("read"))
        );
        let id = &call["data"]["id"];
        let reply = json!({"device": "M-1", "id": id, "data": {"value": 7}}).to_string();
        assert_eq!(gate.tell(true, "v1/gateway/rpc", &reply).await, OK);
    };
    let (reply, ()) = tokio::join!(call, answer);
    assert_eq!(reply, Ok(json!({"value": 7})));
    let call = platform.send_rpc("gate", "stats", json!(null), PATIENCE);
    let answer = async {
        let (topic, call) = gate.said(true).await;
        assert_eq!(call["method"], "stats");
        let topic = topic.replace("request", "response");
        gate.tell(true, &topic, r#"{"up":1}"#).await;
    };
    assert_eq!(tokio::join!(call, answer).0, Ok(json!({"up": 1})));
    let short = Duration::from_millis(20);
    let silent = platform.send_rpc("gate", "stats", json!(null), short).await;
    assert_eq!(silent, Err(RpcError::NoReply(short)));
    gate.said(true).await;
    platform.rename("M-1", "M-9");
    let told = gate.said(true).await.1;
    assert_eq!(
        told,
        json!({"method": "gateway_device_renamed", "params": {"M-1": "M-9"}})
    );
    platform.disconnect_device("M-9");
    let told = gate.said(true).await;
    assert_eq!(told.1, json!({"device": "M-9", "reason": 150}));
    assert!(!platform.connected("M-9"));
}

#[tokio::test]
async fn a_device_provisions_itself_and_comes_back_with_its_token() {
    let (broker, platform) = platform(|_| {}).await;
    let mut raw = come(&broker, true, "provision").await;
    assert_eq!(raw.subscribe(true, "/provision/response").await, 1);
    for (secret, status) in [
        ("wrong", "NOT_FOUND"),
        ("secret", "SUCCESS"),
        ("secret", "FAILURE"),
    ] {
        let request = format!(
            r#"{{"deviceName":"new","provisionDeviceKey":"key","provisionDeviceSecret":"{secret}"}}"#
        );
        raw.send(&publish(true, "/provision/request", 3, &request))
            .await;
        assert_eq!(raw.packet().await, OK);
        assert_eq!(raw.said(true).await.1["status"], status);
    }
    let mut raw = come(&broker, true, "token-of-new").await;
    let claim = r#"{"secretKey":"s","durationMs":60000}"#;
    assert_eq!(raw.tell(true, "v1/devices/me/claim", claim).await, OK);
    assert_eq!(platform.claims()[0].0, "new");
}
