//! What a platform behind a real connection is told: meters that come, are renamed and go, and readings by their report
//! strategy.

use super::*;
use crate::meter::PolledObject;
use crate::simulator::broker::{Behaviour, Broker, Received};
use crate::store::{Kind, Message, Protocol};
use serde_json::Value as Json;

struct Platform {
    store: Store,
    headend: Headend,
    broker: Broker,
    stop: CancellationToken,
}

async fn platform(dialect: Dialect, meter: Definition) -> Platform {
    let stop = CancellationToken::new();
    let listen = "127.0.0.1:0".parse().unwrap();
    let broker = broker::start(listen, Behaviour::default(), stop.clone())
        .await
        .unwrap();
    let store = Store::in_memory().unwrap();
    let url = format!("mqtt://{}", broker.address);
    let mut definition = BrokerDefinition::new("lab", &url, dialect).unwrap();
    definition.protocol = Protocol::V311;
    store.save_broker(definition).await.unwrap();
    store.save_meter(meter).await.unwrap();
    let world = World::default();
    world.meter("a", &shared(Profile::microstar(1), Clock::System.now()));
    let headend = Headend::start(Options {
        store: store.clone(),
        connector: world.connector(),
        clock: Clock::System,
        seed: 1,
        trace_bytes: 1024,
    })
    .await
    .unwrap();
    Platform {
        store,
        headend,
        broker,
        stop,
    }
}

impl Platform {
    /// The next message on this topic, and what came before it.
    async fn until(&mut self, topic: &str) -> (Json, Vec<Received>) {
        let mut before = Vec::new();
        loop {
            let next = tokio::time::timeout(10 * SECOND, self.broker.received.recv()).await;
            let message = next.unwrap_or_else(|_| panic!("no {topic} after {before:?}"));
            let message = message.unwrap();
            if message.topic == topic {
                return (serde_json::from_slice(&message.payload).unwrap(), before);
            }
            before.push(message);
        }
    }

    async fn end(self) {
        self.headend.shutdown().await;
        self.stop.cancel();
    }
}

fn publishing(name: &str) -> Definition {
    let mut meter = microstar(name, "22222222");
    meter.publish = Some("lab".into());
    meter
}

#[tokio::test]
async fn a_gateway_says_who_comes_and_goes() {
    let mut it = platform(Dialect::ThingsBoardGateway, publishing("a")).await;
    let (connect, before) = it.until("v1/gateway/connect").await;
    assert_eq!(connect, serde_json::json!({"device": "a", "type": "dlms"}));
    // Nothing of a meter before it; what the connection is allowed may be asked.
    assert!(before.iter().all(|it| it.topic.contains("/rpc/request/")));
    let (attributes, _) = it.until("v1/gateway/attributes").await;
    assert_eq!(attributes["a"]["meter"], "a");
    let (telemetry, _) = it.until("v1/gateway/telemetry").await;
    assert!(telemetry["a"][0]["values"]["voltage_l1"].is_number());

    let mut renamed = it.store.meter_named("a").await.unwrap();
    renamed.device = Some("M-7".into());
    let id = renamed.id;
    let save = Command::Save(Box::new(renamed));
    it.headend.command(save).await.unwrap();
    let (gone, _) = it.until("v1/gateway/disconnect").await;
    assert_eq!(gone["device"], "a");
    let (connect, _) = it.until("v1/gateway/connect").await;
    assert_eq!(connect["device"], "M-7");
    it.headend.command(Command::Delete(id)).await.unwrap();
    let (gone, _) = it.until("v1/gateway/disconnect").await;
    assert_eq!(gone["device"], "M-7");
    it.end().await;
}

/// A full disk delays it, and it is told once.
#[tokio::test]
async fn what_could_not_be_queued_is_told_later() {
    let mut meter = publishing("a");
    meter.enabled = false;
    let it = platform(Dialect::ThingsBoardGateway, meter).await;
    let saved = it.store.meter_named("a").await.unwrap();
    let inner = &it.headend.inner;
    let lab = it.store.broker_named("lab").await.unwrap();
    let pause = BrokerCommand::Pause;
    it.headend.broker(lab.id, pause).await.unwrap();
    let mut renamed = saved.clone();
    renamed.device = Some("M-7".into());
    lock(&inner.state).replace(renamed);
    it.store.limit_pages(1).await.unwrap();
    let filler = Message::new(Kind::Test, "t", vec![0; 2_000]);
    let now = Clock::System.now();
    let mut rows = 0;
    while (it.store.enqueue(lab.id, now, vec![filler.clone()]).await).is_ok() {
        rows += 1;
        assert!(rows < 1_000);
    }
    inner.tell_roster().await;
    let told = async || {
        let rows = it.store.outbox(lab.id, 0, 2_000).await.unwrap();
        let rows = rows.into_iter().filter(|row| row.kind == Kind::Lifecycle);
        rows.map(|row| row.topic).collect::<Vec<_>>()
    };
    assert!(told().await.is_empty());
    it.store.limit_pages(1_000_000).await.unwrap();
    // With the next polls, whatever they say.
    for _ in 0..2 {
        inner.learn(std::iter::empty()).await;
        assert_eq!(
            told().await,
            ["v1/gateway/disconnect", "v1/gateway/connect"]
        );
    }
    // And nothing is kept of a broker that is gone.
    inner.stop_broker(lab.id).await;
    assert!(lock(&inner.state).roster.is_closed(lab.id));
    it.end().await;
}

/// The register's unit comes with its first value; only then the sensor is announced, before or after its state.
#[tokio::test]
async fn home_assistant_hears_of_a_sensor_once_its_unit_is_known() {
    let mut meter = publishing("a");
    meter.objects.truncate(1);
    let mut it = platform(Dialect::HomeAssistant, meter).await;
    let lab = it.store.broker_named("lab").await.unwrap();
    let topic = format!("homeassistant/sensor/{}_1/voltage_l1/config", lab.client_id);
    let (config, before) = it.until(&topic).await;
    assert_eq!(config["device_class"], "voltage");
    assert!(before.iter().all(|it| it.topic == "obiscope/a/voltage_l1"));
    it.end().await;
}

/// What is reported on change only is not sent again, and is stored all the same.
#[tokio::test(start_paused = true)]
async fn what_did_not_move_is_stored_and_not_sent() {
    let mut meter = publishing("a");
    let serial: PolledObject = PolledObject {
        report: "change".parse().unwrap(),
        ..PolledObject::new("1-0:0.0.0".parse().unwrap(), "serial")
    };
    let often = PolledObject::new("1-1:32.7.0".parse().unwrap(), "voltage_l1");
    meter.objects = vec![serial, often];
    let store = Store::in_memory().unwrap();
    // Nobody is there: everything waits in the table.
    let lab = BrokerDefinition::new("lab", "mqtt://127.0.0.1:1", Dialect::Json).unwrap();
    let lab = store.save_broker(lab).await.unwrap();
    let id = store.save_meter(meter).await.unwrap().id;
    let world = World::default();
    world.meter("a", &simulated(Profile::microstar(1)));
    let headend = Headend::start(Options {
        store: store.clone(),
        connector: world.connector(),
        clock: clock(),
        seed: 1,
        trace_bytes: 1024,
    })
    .await
    .unwrap();
    tokio::time::sleep(Duration::from_mins(1)).await;
    let rows = store.outbox(lab.id, 0, 100).await.unwrap();
    assert!(rows.len() >= 5, "{}", rows.len());
    let told: Vec<bool> = (rows.iter())
        .map(|row| {
            let json: Json = serde_json::from_slice(&row.payload).unwrap();
            assert!(json["measurements"]["voltage_l1"]["value"].is_number());
            json["measurements"].get("serial").is_some()
        })
        .collect();
    assert_eq!(told.iter().filter(|told| **told).count(), 1);
    assert!(told[0], "the first after a start");
    assert!(store.readings(id, "serial", 100).await.unwrap().len() >= rows.len());
    headend.shutdown().await;
}
