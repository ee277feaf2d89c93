//! The whole way: from the small ThingsBoard, or a plain broker, to a simulated meter and back.

use crate::dlms::security::Secret;
use crate::headend::{Headend, Level, Options};
use crate::meter::fake::World;
use crate::meter::{Clock, Definition, Phase};
use crate::simulator::broker::thingsboard::{Account, Settings, ThingsBoard};
use crate::simulator::broker::{Broker, Options as BrokerOptions, start_with};
use crate::simulator::profile::Profile;
use crate::simulator::server::shared;
use crate::store::{BrokerDefinition, CHANGING, Dialect, Kind, Message, Store};
use serde_json::{Value, json};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const PATIENCE: Duration = Duration::from_secs(10);

struct Site {
    headend: Headend,
    platform: ThingsBoard,
    broker: Broker,
    store: Store,
}

async fn site(
    dialect: Dialect,
    change: impl FnOnce(&mut BrokerDefinition, &mut Definition),
) -> Site {
    let token = if dialect == Dialect::ThingsBoard {
        "tok-d"
    } else {
        "tok-g"
    };
    let platform = ThingsBoard::new(Settings {
        accounts: vec![
            Account::gateway("tok-g", "gate"),
            Account::device("tok-d", "M-1"),
        ],
        ..Settings::default()
    });
    let options = BrokerOptions {
        platform: dialect.is_thingsboard().then(|| platform.clone()),
        ..BrokerOptions::default()
    };
    let any = "127.0.0.1:0".parse().unwrap();
    let broker = start_with(any, options, CancellationToken::new())
        .await
        .unwrap();
    let store = Store::in_memory().unwrap();
    let url = format!("mqtt://{}", broker.address);
    let mut definition = BrokerDefinition::new("tb", &url, dialect).unwrap();
    definition.allow = CHANGING.map(str::to_owned).into();
    definition.token = dialect.is_thingsboard().then(|| Secret::new(token));
    let mut meter = Definition::microstar("m", "meter", 1);
    meter.password = Some(Secret::new("22222222"));
    meter.publish = Some("tb".into());
    meter.device = Some("M-1".into());
    change(&mut definition, &mut meter);
    let saved = store.save_broker(definition).await.unwrap();
    store.save_meter(meter).await.unwrap();
    // A gateway's devices are behind it once it named them.
    if dialect == Dialect::ThingsBoardGateway {
        let connect = Message::new(Kind::Lifecycle, "v1/gateway/connect", r#"{"device":"M-1"}"#);
        let now = jiff::Timestamp::now();
        store.enqueue(saved.id, now, vec![connect]).await.unwrap();
    }
    let world = World::default();
    world.meter(
        "meter",
        &shared(Profile::microstar(1), jiff::Timestamp::now()),
    );
    let headend = Headend::start(Options {
        store: store.clone(),
        connector: world.connector(),
        clock: Clock::System,
        seed: 7,
        trace_bytes: 64 * 1024,
    })
    .await
    .unwrap();
    let site = Site {
        headend,
        platform,
        broker,
        store,
    };
    let up = || {
        let ready = site.headend.meters()[0].status.phase == Phase::Ready;
        ready && (!dialect.is_thingsboard() || site.platform.connected("M-1"))
    };
    site.until(up).await;
    site
}

impl Site {
    async fn until(&self, fits: impl Fn() -> bool) {
        let seen = async {
            while !fits() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, seen).await.unwrap();
    }

    async fn call(&self, device: &str, method: &str, params: Value) -> Value {
        let mut tries = 0;
        loop {
            match self
                .platform
                .send_rpc(device, method, params.clone(), PATIENCE)
                .await
            {
                Ok(answer) => return answer,
                // Its subscriptions may not be there yet.
                Err(error) if tries < 100 => {
                    tries += 1;
                    drop(error);
                    tokio::time::sleep(Duration::from_millis(10)).await;
                }
                Err(error) => panic!("{error}"),
            }
        }
    }
}

#[tokio::test]
async fn a_device_behind_the_gateway_is_read_and_changed_by_its_owner() {
    let site = site(Dialect::ThingsBoardGateway, |_, _| {}).await;
    let m1 = async |method: &str, params: Value| site.call("M-1", method, params).await;
    let voltage = m1("read", json!({"obis": "1-1:32.7.0"})).await;
    assert_eq!(
        (&voltage["unit"], &voltage["obis"]),
        (&json!("V"), &json!("1-1:32.7.0.255"))
    );
    assert!(voltage["value"].is_string());
    let all = m1("read", json!({})).await;
    assert_eq!(all.as_array().unwrap().len(), 9);
    let both = m1("read", json!({"objects": ["1-1:32.7.0", "8/0-0:1.0.0/2"]})).await;
    assert_eq!(both[1]["class"], 8);
    let raw = m1(
        "get",
        json!({"class": 3, "obis": "1.1.32.7.0.255", "attr": 2}),
    )
    .await;
    assert!(raw["raw"].is_i64() && raw["unit"].is_null(), "{raw}");
    let synced = m1("clock_sync", Value::Null).await;
    assert!(
        synced["after"]["drift_seconds"].as_i64().unwrap().abs() <= 1,
        "{synced}"
    );
    let now = "2026-11-20 10:00:00";
    let written = m1("write", json!({"object": "8/0-0:1.0.0/2", "value": now})).await;
    assert_eq!(
        (&written["class"], &written["error"]),
        (&json!(8), &Value::Null),
        "{written}"
    );
    assert_eq!(m1("poll_now", Value::Null).await, json!({"success": true}));
    assert_eq!(
        m1("set_interval", json!({"seconds": 60})).await["seconds"],
        60.0
    );
    assert_eq!(
        site.store.meters().await.unwrap()[0].poll,
        Duration::from_mins(1)
    );
    assert_eq!(m1("ping", Value::Null).await["resp"], "pong");
    assert!(m1("stats", Value::Null).await["polls"].as_u64().unwrap() >= 1);
    for (method, params, code) in [
        ("send_raw", json!({"hex": "7EA0"}), 404),
        ("devices", Value::Null, 404),
        ("read", json!({"obis": "nonsense"}), 400),
        ("read", json!({"objects": []}), 400),
        ("get", json!({"class": 0, "obis": "1.1.32.7.0.255"}), 400),
        ("write", json!({"object": "1-1:32.7.0", "value": 1}), 400),
        ("write", json!({"object": "8/0-0:1.0.0/2"}), 400),
        (
            "write",
            json!({"object": "15/0-0:40.0.0/7", "value": "12345678"}),
            502,
        ),
        ("set_interval", json!({"seconds": -1}), 400),
        ("set_interval", json!({"seconds": 1e30}), 400),
    ] {
        let answer = m1(method, params.clone()).await;
        assert_eq!(answer["code"], code, "{method} {params}: {answer}");
        assert!(answer["error"].is_string());
    }
    // The meter away: said at once.
    let id = site.headend.meters()[0].definition.id;
    site.headend
        .command(crate::headend::Command::Stop(id))
        .await
        .unwrap();
    site.until(|| site.headend.meters()[0].status.phase == Phase::Stopped)
        .await;
    let away = m1("read", json!({"obis": "1-1:32.7.0"})).await;
    assert_eq!(away, json!({"error": "the meter is stopped", "code": 503}));
    site.headend.shutdown().await;
}

#[tokio::test]
async fn what_is_not_allowed_is_refused() {
    let site = site(Dialect::ThingsBoardGateway, |broker, meter| {
        broker.allow = vec!["write".to_owned()];
        meter.read_only = true;
    })
    .await;
    for (method, params, words) in [
        ("clock_sync", Value::Null, "not allowed"),
        ("set_interval", json!({"seconds": 60}), "not allowed"),
        ("reconnect", Value::Null, "not allowed"),
        (
            "write",
            json!({"object": "8/0-0:1.0.0/2", "value": "2026-11-20 10:00:00"}),
            "read-only",
        ),
    ] {
        let answer = site.call("M-1", method, params).await;
        assert_eq!(answer["code"], 403, "{method}: {answer}");
        assert!(
            answer["error"].as_str().unwrap().contains(words),
            "{answer}"
        );
    }
    let gateway = site.call("gate", "reconnect", Value::Null).await;
    assert_eq!(gateway["code"], 403);
    site.platform
        .set_shared_attributes("M-1", &json!({"poll_interval": 60}));
    assert_eq!(site.call("M-1", "ping", Value::Null).await["resp"], "pong");
    assert_eq!(
        site.store.meters().await.unwrap()[0].poll,
        Duration::from_secs(5)
    );
    site.headend.shutdown().await;
}

#[tokio::test]
async fn the_gateway_answers_for_itself_and_follows_what_it_is_told() {
    let site = site(Dialect::ThingsBoardGateway, |_, _| {}).await;
    let gate = async |method: &str| site.call("gate", method, Value::Null).await;
    assert_eq!(
        gate("gateway_ping").await,
        json!({"code": 200, "resp": "pong"})
    );
    assert_eq!(
        gate("gateway_devices").await["resp"],
        json!({"M-1": "ready"})
    );
    assert_eq!(gate("version").await["resp"], env!("CARGO_PKG_VERSION"));
    let stats = gate("stats").await;
    assert_eq!(
        (&stats["devicesTotal"], &stats["devicesUp"]),
        (&json!(1), &json!(1))
    );
    assert!(stats["meters"]["M-1"]["success"].is_f64(), "{stats}");
    assert_eq!(
        gate("gateway_sendCommand").await,
        json!({"error": "Method not found", "code": 404})
    );
    site.platform
        .set_shared_attributes("M-1", &json!({"poll_interval": 30, "else": "x"}));
    site.until(|| site.headend.meters()[0].definition.poll == Duration::from_secs(30))
        .await;
    site.platform.delete_shared_attributes("M-1", &["else"]);
    site.platform.disconnect_device("M-1");
    site.platform.rename("gate", "gate"); // A device that is none of ours.
    let connect = Message::new(Kind::Lifecycle, "v1/gateway/connect", r#"{"device":"M-1"}"#);
    let id = site.headend.brokers()[0].definition.id;
    site.store
        .enqueue(id, jiff::Timestamp::now(), vec![connect])
        .await
        .unwrap();
    site.until(|| site.platform.connected("M-1")).await;
    site.platform.rename("M-1", "M-2");
    site.until(|| site.headend.meters()[0].definition.device_name() == "M-2")
        .await;
    assert_eq!(
        site.store.meters().await.unwrap()[0].device.as_deref(),
        Some("M-2")
    );
    site.until(|| {
        let notices = site.headend.take_changes().notices;
        notices
            .iter()
            .any(|it| it.level == Level::Info && it.text.contains("renamed device M-1"))
    })
    .await;
    site.headend.shutdown().await;
}

#[tokio::test]
async fn one_meter_s_own_token_stands_for_the_meter() {
    let site = site(Dialect::ThingsBoard, |_, _| {}).await;
    let voltage = site
        .call("M-1", "read", json!({"obis": "1-1:32.7.0"}))
        .await;
    assert_eq!(voltage["unit"], "V");
    site.headend.shutdown().await;
}

#[tokio::test]
async fn a_plain_broker_s_command_topic_is_answered_too() {
    let mut site = site(Dialect::Json, |_, meter| meter.device = Some("M/1".into())).await;
    let topic = "meters/M_1/rpc/request/a7";
    let handle = site.broker.handle.clone();
    site.until(|| handle.subscribers(topic) == 1).await;
    handle.publish(
        topic,
        r#"{"method":"read","params":{"obis":"1-1:32.7.0"}}"#,
        false,
    );
    let answer = async {
        loop {
            let message = site.broker.received.recv().await.unwrap();
            if message.topic == "meters/M_1/rpc/response/a7" {
                return message.payload;
            }
        }
    };
    let answer = tokio::time::timeout(PATIENCE, answer).await.unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["unit"], "V");
    site.headend.shutdown().await;
}

/// Two installations on one broker: each answers for its own meters and leaves the other's alone.
#[tokio::test]
async fn another_s_meter_on_a_plain_broker_gets_no_answer_from_us() {
    let mut site = site(Dialect::Json, |_, _| {}).await;
    let handle = site.broker.handle.clone();
    let ours = "meters/M-1/rpc/request/2";
    site.until(|| handle.subscribers(ours) == 1).await;
    let ping = r#"{"method":"ping"}"#;
    handle.publish("meters/theirs/rpc/request/1", ping, false);
    handle.publish(ours, ping, false);
    let answers = async {
        loop {
            let message = site.broker.received.recv().await.unwrap();
            if message.topic.contains("/rpc/response/") {
                return message.topic;
            }
        }
    };
    // Heard in order: an answer to the first would have come first.
    let first = tokio::time::timeout(PATIENCE, answers).await.unwrap();
    assert_eq!(first, "meters/M-1/rpc/response/2");
    site.headend.shutdown().await;
}

/// Whoever saved something else meanwhile keeps it.
#[tokio::test]
async fn a_change_from_outside_is_of_one_field_of_what_is_saved_now() {
    let site = site(Dialect::ThingsBoardGateway, |_, _| {}).await;
    let mut saved = site.store.meters().await.unwrap().remove(0);
    saved.timeout = Duration::from_secs(3);
    saved.objects.truncate(1);
    // As another process does.
    site.store.save_meter(saved.clone()).await.unwrap();
    let minute = json!({"seconds": 60});
    assert_eq!(
        site.call("M-1", "set_interval", minute.clone()).await["seconds"],
        60.0
    );
    saved.poll = Duration::from_mins(1);
    assert_eq!(site.store.meters().await.unwrap(), [saved.clone()]);
    assert_eq!(*site.headend.meters()[0].definition, saved);
    // The platform says the same again after each connect: nothing is written.
    let inner = &site.headend.inner;
    let again = inner.change(saved.id, |it| it.poll = Duration::from_mins(1));
    assert_eq!(again.await, Ok(false));
    let wrong = inner.change(saved.id, |it| it.poll = Duration::ZERO).await;
    assert!(wrong.is_err(), "{wrong:?}");
    site.headend.shutdown().await;
}

/// The first statistics after a minute, to a platform that is there.
#[tokio::test]
async fn statistics_come_as_telemetry_of_the_gateway() {
    let site = site(Dialect::ThingsBoardGateway, |_, _| {}).await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(61)).await;
    tokio::time::resume();
    site.until(|| !site.platform.telemetry("gate").is_empty())
        .await;
    let keys: Vec<_> = (site.platform.telemetry("gate").into_keys())
        .map(|(_, key)| key)
        .collect();
    for key in [
        "devicesTotal",
        "devicesUp",
        "devicesDown",
        "messagesSent",
        "bytesReceived",
        "queueDepth",
        "oldestUnsentSeconds",
        "deadLetters",
        "meters",
    ] {
        assert!(keys.iter().any(|it| it == key), "{key} in {keys:?}");
    }
    site.headend.shutdown().await;
}
