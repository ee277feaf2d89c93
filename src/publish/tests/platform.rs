//! The drain against the small ThingsBoard: limits kept, requests answered, twins and missing ticks named.

use super::*;
use crate::diagnosis::Confidence;
use crate::dlms::security::Secret;
use crate::publish::Request;
use crate::simulator::broker::thingsboard::{Account, Limits, Rates, Settings, ThingsBoard};
use crate::simulator::broker::{Options, start_with};
use serde_json::{Value, json};
use tokio::sync::mpsc;

const PATIENCE: Duration = Duration::from_secs(10);

async fn platform(change: impl FnOnce(&mut Settings)) -> (Broker, ThingsBoard) {
    let mut settings = Settings {
        accounts: vec![
            Account::device("tok-hunter2", "pump"),
            Account::gateway("tok-g", "gate"),
        ],
        ..Settings::default()
    };
    change(&mut settings);
    let platform = ThingsBoard::new(settings);
    let options = Options {
        platform: Some(platform.clone()),
        ..Options::default()
    };
    let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let broker = start_with(any, options, CancellationToken::new());
    (broker.await.unwrap(), platform)
}

async fn bench(broker: &Broker, dialect: Dialect, token: &str) -> Bench {
    let mut bench = Bench::new(broker.address.port()).await;
    let url = format!("mqtt://{}", broker.address);
    let mut definition = BrokerDefinition::new("tb", &url, dialect).unwrap();
    definition.token = Some(Secret::new(token));
    bench.broker = bench.store.save_broker(definition).await.unwrap();
    bench
}

impl Bench {
    async fn telemetry(&self, numbers: std::ops::Range<u32>) {
        let messages: Vec<_> = numbers
            .map(|number| {
                let payload = json!({"ts": number + 1, "values": {"n": number}}).to_string();
                Message::new(Kind::Telemetry, "v1/devices/me/telemetry", payload)
            })
            .collect();
        let now = jiff::Timestamp::now();
        let queued = self.store.enqueue(self.broker.id, now, messages);
        queued.await.unwrap();
    }

    fn serving(&self) -> (PublisherHandle, mpsc::Receiver<Request>) {
        let (requests, asked) = mpsc::channel(4);
        let handle = drain::spawn(Spawn {
            broker: self.broker.clone(),
            store: self.store.clone(),
            clock: Clock::System,
            flush: Duration::ZERO,
            seed: 7,
            roster: watch::channel(Arc::default()).1,
            requests: Some(requests),
        });
        (handle, asked)
    }
}

async fn heard(broker: &mut Broker) -> (String, Value) {
    let message = timeout(LIMIT, broker.received.recv())
        .await
        .unwrap()
        .unwrap();
    (
        message.topic,
        serde_json::from_slice(&message.payload).unwrap(),
    )
}

#[tokio::test]
async fn no_more_goes_out_than_four_fifths_of_what_the_platform_takes() {
    let limits = Limits {
        device: Rates {
            telemetry_messages: "10:3600".into(),
            ..Rates::default()
        },
        ..Limits::default()
    };
    let (lab, platform) = platform(|it| it.limits = Some(limits)).await;
    let bench = bench(&lab, Dialect::ThingsBoard, "tok-hunter2").await;
    bench.telemetry(0..20).await;
    let (mut handle, _asked) = bench.serving();
    let status = until(&mut handle.status, |it| it.acknowledged == 8).await;
    assert_eq!(status.reconnects, 0);
    // Whoever comes again has not got a new budget.
    handle
        .control
        .send(crate::publish::Control::Reconnect)
        .await
        .unwrap();
    let status = until(&mut handle.status, |it| {
        it.reconnects == 1 && it.phase == BrokerPhase::Connected && it.depth.waiting == 12
    })
    .await;
    assert_eq!(
        (status.acknowledged, platform.telemetry("pump").len()),
        (8, 8)
    );
    handle.stop.cancel();
    timeout(LIMIT, handle.task).await.unwrap().unwrap();
    assert_eq!(bench.waiting().await, 12);
}

/// Introductions and attributes of many meters count against another limit than their readings. Only who was never introduced
/// waits for that, lest the platform takes it for a device of another type.
#[tokio::test]
async fn readings_do_not_wait_for_a_long_greeting() {
    let limits = Limits {
        gateway: Rates {
            messages: "5:3600".into(),
            telemetry_messages: "1000:1".into(),
            ..Rates::default()
        },
        ..Limits::default()
    };
    let (mut lab, _platform) = platform(|it| it.limits = Some(limits)).await;
    let bench = bench(&lab, Dialect::ThingsBoardGateway, "tok-g").await;
    let device = |number: i64| crate::publish::Device {
        meter: MeterId(number),
        name: format!("M-{number}"),
        kind: "dlms".into(),
        attributes: Vec::new(),
        objects: Vec::new(),
    };
    let devices: Vec<_> = (1..=20).map(device).collect();
    let (roster, look) = watch::channel(Arc::from(devices));
    let queue = async |number: i64, ts: i64| {
        let payload = format!(r#"{{"M-{number}":[{{"ts":{ts},"values":{{"a":1}}}}]}}"#);
        let mut message = Message::new(Kind::Telemetry, "v1/gateway/telemetry", payload);
        message.device = Some(format!("M-{number}"));
        let now = jiff::Timestamp::now();
        let queued = bench.store.enqueue(bench.broker.id, now, vec![message]);
        queued.await.unwrap();
    };
    // Far behind in the greeting, and so brought forward.
    queue(1, 1).await;
    queue(20, 2).await;
    let mut handle = drain::spawn(Spawn {
        broker: bench.broker.clone(),
        store: bench.store.clone(),
        clock: Clock::System,
        flush: Duration::ZERO,
        seed: 7,
        roster: look,
        requests: None,
    });
    let known = |it: &BrokerStatus| (it.acknowledged, it.depth.waiting) == (1, 1);
    until(&mut handle.status, known).await;
    let mut introduced = Vec::new();
    while let Ok(message) = lab.received.try_recv() {
        if message.topic == "v1/gateway/connect" {
            let said: Value = serde_json::from_slice(&message.payload).unwrap();
            introduced.push(said["device"].clone());
        }
    }
    assert_eq!(introduced, ["M-1", "M-2", "M-3", "M-4"]);
    // All are known after a whole greeting; then nothing waits for one.
    let four: Vec<_> = (1..=4).map(device).collect();
    roster.send_replace(Arc::from(four));
    let again = crate::publish::Control::Reconnect;
    handle.control.send(again).await.unwrap();
    until(&mut handle.status, |it| it.acknowledged == 2).await;
    ended(handle).await;
}

/// Virtual time runs only once the question is out.
#[tokio::test]
async fn a_platform_that_never_answers_is_served_after_two_seconds() {
    let (mut broker, _platform) = platform(|it| it.limits = None).await;
    let bench = bench(&broker, Dialect::ThingsBoard, "tok-hunter2").await;
    bench.telemetry(0..1).await;
    let (mut handle, _asked) = bench.serving();
    let (topic, question) = heard(&mut broker).await;
    assert!(topic.starts_with("v1/devices/me/rpc/request/"), "{topic}");
    assert_eq!(question["method"], "getSessionLimits");
    until(&mut handle.status, |it| it.phase == BrokerPhase::Connected).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(2)).await;
    tokio::time::resume();
    assert_eq!(heard(&mut broker).await.0, "v1/devices/me/telemetry");
    until(&mut handle.status, |it| it.acknowledged == 1).await;
    ended(handle).await;
}

#[tokio::test]
async fn every_request_is_answered() {
    let (lab, platform) = platform(|_| {}).await;
    let bench = bench(&lab, Dialect::ThingsBoard, "tok-hunter2").await;
    let (mut handle, mut asked) = bench.serving();
    until(&mut handle.status, |it| it.phase == BrokerPhase::Connected).await;
    let call = |params: Value| platform.send_rpc("pump", "read", params, PATIENCE);

    let serve = async {
        let request = asked.recv().await.unwrap();
        assert_eq!((request.device, request.method.as_str()), (None, "read"));
        request.reply.send(json!({"value": "230.1"})).unwrap();
        // Taken, but nobody says a word.
        let late = asked.recv().await.unwrap();
        let given_up = asked.recv().await.unwrap();
        drop(given_up.reply);
        late
    };
    let calls = async {
        let good = call(json!({"obis": "1-1:32.7.0"})).await.unwrap();
        let (late, lost) = tokio::join!(call(json!({"timeout": 0.1})), async {
            call(json!({"timeout": 5})).await
        });
        (good, late.unwrap(), lost.unwrap())
    };
    let (late, (good, timed_out, lost)) = tokio::join!(serve, calls);
    assert_eq!(good, json!({"value": "230.1"}));
    assert_eq!(timed_out, json!({"error": "Request timeout", "code": 408}));
    assert_eq!(lost["code"], 500);
    assert!(late.reply.is_closed(), "nobody waits for it any more");

    // More than the head-end takes in are told so, and polls of the queue go on.
    let flood = (0..8).map(|_| call(json!({"timeout": 0.2})));
    let answers = futures_util::future::join_all(flood).await;
    let code = |code: u16| {
        answers
            .iter()
            .filter(|it| it.as_ref().unwrap()["code"] == code)
            .count()
    };
    assert_eq!((code(408), code(429)), (4, 4), "{answers:?}");
    bench.telemetry(0..3).await;
    handle.wake.notify_one();
    until(&mut handle.status, |it| it.acknowledged == 3).await;

    drop(asked);
    let ended_too = call(Value::Null).await.unwrap();
    assert_eq!(ended_too["code"], 503);
    ended(handle).await;
}

#[tokio::test]
async fn a_twin_is_named_and_not_fought() {
    let (lab, _platform) = platform(|_| {}).await;
    let bench = bench(&lab, Dialect::ThingsBoard, "tok-hunter2").await;
    let (mut one, _asked) = bench.serving();
    until(&mut one.status, |it| it.phase == BrokerPhase::Connected).await;
    let mut twin = bench.broker.clone();
    (twin.id, twin.name, twin.client_id) = (0, "twin".into(), "another".into());
    drain::test(&twin, LIMIT).await.unwrap();
    let status = until(&mut one.status, |it| !it.findings.is_empty()).await;
    let finding = &status.findings[0];
    assert_eq!(
        (finding.id, finding.confidence),
        ("P1", Confidence::Certain)
    );
    let BrokerPhase::Waiting { until: later } = status.phase else {
        panic!("{:?}", status.phase)
    };
    let pause = later - status.since;
    assert!(pause >= Duration::from_secs(30), "{pause:?}");
    assert!(!format!("{status:?}").contains("hunter2"));

    // Saved beside it, the twin is known by name.
    bench.store.save_broker(twin).await.unwrap();
    one.control
        .send(crate::publish::Control::Reconnect)
        .await
        .unwrap();
    until(&mut one.status, |it| {
        let evidence = it.findings.first().map(|it| format!("{:?}", it.evidence));
        evidence.is_some_and(|it| it.contains("broker twin in our own database"))
    })
    .await;
    ended(one).await;
}

#[tokio::test]
async fn a_token_that_is_no_gateway_is_named() {
    let (mut broker, _platform) = platform(|_| {}).await;
    let bench = bench(&broker, Dialect::ThingsBoardGateway, "tok-hunter2").await;
    let message = Message::new(
        Kind::Telemetry,
        "v1/gateway/telemetry",
        r#"{"M-1":[{"ts":1,"values":{"a":1}}]}"#,
    );
    let now = jiff::Timestamp::now();
    bench
        .store
        .enqueue(bench.broker.id, now, vec![message])
        .await
        .unwrap();
    let (mut handle, _asked) = bench.serving();
    while heard(&mut broker).await.0 != "v1/gateway/telemetry" {}
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(21)).await;
    tokio::time::resume();
    let status = until(&mut handle.status, |it| !it.findings.is_empty()).await;
    assert_eq!(status.findings[0].id, "P3");
    assert!(status.findings[0].remedy[0].contains("Is gateway"));
    handle.stop.cancel();
}
