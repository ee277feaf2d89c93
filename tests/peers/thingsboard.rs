//! What we send to ThingsBoard beside what ThingsBoard's own client library sends for the same data: the same topics, and
//! JSON that parses to the same.

use crate::broker::mosquitto;
use crate::process::{INSTALL, Peer, script};
use obiscope::cosem::{AttributeRef, Data, Obis, ObjectSpec, ScalerUnit, Unit};
use obiscope::meter::{Clock, Definition, Poll, Reading};
use obiscope::publish::{Device, Spawn, dialect, drain};
use obiscope::store::{BrokerDefinition, Dialect, Render, Store};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

type Heard = BTreeMap<String, Vec<Value>>;

/// Everything that goes through the broker, in order.
fn listen(port: u16, out: &Path) -> Peer {
    let child = Command::new("mosquitto_sub")
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-q", "1"])
        .args(["-t", "v1/#", "-F", "%t %p"])
        .stdout(File::create(out).unwrap())
        .stderr(Stdio::null())
        .spawn();
    let child = child.unwrap_or_else(|error| panic!("mosquitto_sub: {error}: {INSTALL}"));
    std::thread::sleep(Duration::from_millis(300));
    Peer { child }
}

/// What was sent in the wished topics, once all of them were heard.
fn heard(out: &Path, topics: &[&str]) -> Heard {
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let text = std::fs::read_to_string(out).unwrap();
        let mut heard = Heard::new();
        for line in text.lines() {
            let (topic, payload) = line.split_once(' ').unwrap();
            if topics.contains(&topic) {
                let payload = serde_json::from_str(payload).unwrap();
                heard.entry(topic.to_owned()).or_default().push(payload);
            }
        }
        if heard.len() == topics.len() {
            return heard;
        }
        assert!(Instant::now() < end, "of {topics:?} only came {text}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn theirs(port: u16, role: &str) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let python = root.join("target/peers/tb/bin/python");
    let output = Command::new(&python)
        .arg(script("thingsboard_client.py"))
        .args([&port.to_string(), role])
        .output()
        .unwrap_or_else(|error| panic!("{}: {error}: {INSTALL}", python.display()));
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("sent"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

fn reading(key: &str, obis: Obis, scaler: Option<i8>, value: Data) -> Reading {
    Reading {
        spec: ObjectSpec::Value(obis),
        key: key.into(),
        attribute: AttributeRef {
            class: 3,
            obis,
            attribute: 2,
        },
        scaler_unit: scaler.map(|scaler| ScalerUnit {
            scaler,
            unit: Unit(35),
        }),
        at: jiff::Timestamp::from_millisecond(TS).unwrap(),
        value: Ok(value),
    }
}

const TS: i64 = 1_760_000_000_000;

fn ours(port: u16, dialect: Dialect) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let store = Store::in_memory().unwrap();
        let url = format!("mqtt://127.0.0.1:{port}");
        let broker = BrokerDefinition::new("tb", &url, dialect).unwrap();
        let broker = store.save_broker(broker).await.unwrap();
        let meter = store
            .save_meter(Definition::new("M-1", "10.0.4.7", 1))
            .await;
        let device = Device {
            meter: meter.unwrap().id,
            name: "M-1".into(),
            kind: "dlms".into(),
            attributes: vec![
                ("serial".into(), r#""DE-0012""#.into()),
                ("address".into(), r#""10.0.4.7:4059""#.into()),
            ],
            objects: Vec::new(),
        };
        let poll = Poll {
            meter: device.meter,
            at: jiff::Timestamp::from_millisecond(TS).unwrap(),
            readings: vec![
                reading(
                    "voltage_l1",
                    Obis::new(1, 0, 32, 7, 0, 255),
                    Some(-1),
                    Data::LongUnsigned(2301),
                ),
                reading(
                    "energy",
                    Obis::new(1, 0, 1, 8, 0, 255),
                    Some(0),
                    Data::DoubleLongUnsigned(1_200_345),
                ),
                reading(
                    "serial",
                    Obis::new(0, 0, 96, 1, 0, 255),
                    None,
                    Data::VisibleString(b"DE-0012".to_vec()),
                ),
            ],
        };
        let (told, to, who) = (poll.clone(), broker.clone(), device.clone());
        let render: Render = Arc::new(move |seq| dialect::render(&to, &who, seq, &told));
        store
            .commit_poll(poll, Some((broker.id, render)))
            .await
            .unwrap();
        let mut handle = drain::spawn(Spawn {
            broker,
            store,
            clock: Clock::System,
            flush: Duration::from_secs(5),
            seed: 1,
            roster: tokio::sync::watch::channel(Arc::from([device])).1,
            requests: None,
        });
        let sent = handle.status.wait_for(|it| it.acknowledged >= 1);
        drop(
            tokio::time::timeout(Duration::from_secs(20), sent)
                .await
                .unwrap(),
        );
        handle.stop.cancel();
        handle.task.await.unwrap();
    });
}

/// Ours and theirs on these topics, each through a listener of its own.
fn both(role: &str, dialect: Dialect, topics: &[&str]) -> (Heard, Heard) {
    let folder = tempfile::tempdir().unwrap();
    let (_broker, port) = mosquitto(folder.path());
    let out = folder.path().join("theirs");
    let listener = listen(port, &out);
    theirs(port, role);
    let library = heard(&out, topics);
    drop(listener);
    let out = folder.path().join("ours");
    let _listener = listen(port, &out);
    ours(port, dialect);
    (heard(&out, topics), library)
}

/// One sample may stand alone or in a list; ThingsBoard takes both for the same.
fn unlisted(heard: Heard) -> Heard {
    let one = |value: Value| match value {
        Value::Array(list) if list.len() == 1 => list.into_iter().next().unwrap(),
        other => other,
    };
    (heard.into_iter())
        .map(|(topic, values)| (topic, values.into_iter().map(one).collect()))
        .collect()
}

#[test]
fn a_device_sends_what_their_library_sends() {
    let topics = ["v1/devices/me/telemetry", "v1/devices/me/attributes"];
    let (ours, theirs) = both("device", Dialect::ThingsBoard, &topics);
    assert_eq!(unlisted(ours), unlisted(theirs));
}

#[test]
fn a_gateway_sends_what_their_library_sends() {
    let topics = [
        "v1/gateway/connect",
        "v1/gateway/telemetry",
        "v1/gateway/attributes",
    ];
    let (ours, theirs) = both("gateway", Dialect::ThingsBoardGateway, &topics);
    assert_eq!(ours, theirs);
}
