//! `obiscope bridge` itself, the binary, as the process that is killed: simulated meters on one side, the broker that
//! writes before it acknowledges on the other. What the database says was read is what must have arrived.

use crate::kills::{Kill, Lines, Plan, kills};
use crate::roles::{Role, broker};
use crate::verdict::Verdict;
use obiscope::dlms::security::Secret;
use obiscope::meter::Definition;
use obiscope::simulator::broker::read_sink;
use obiscope::store::{BrokerDefinition, Dialect, Protocol, Store};
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

const BINARY: &str = env!("CARGO_BIN_EXE_obiscope");
/// The one object each meter is asked for, once a second: its value moves all the time.
const KEY: &str = "voltage";
const OBJECT: &str = "1-1:32.7.0";
/// Half of the kills come at once with the reading that calls for them, the others so many milliseconds later at most:
/// while nothing is under way, or while meters associate anew.
const LATER: u64 = 500;
/// Nothing arrives for so long only when nothing will.
const QUIET: Duration = Duration::from_secs(45);
/// What `obiscope bridge` promises to be gone within, and half as much again.
const GONE: Duration = Duration::from_secs(20);

/// Runs it to its end; a reading that is missing stops it.
pub fn run(plan: &Plan, meters: u16) -> Verdict {
    let began = Instant::now();
    let folder = tempfile::tempdir().unwrap();
    let sink = folder.path().join("sink");
    let (mut broker_role, port) = broker(&sink, 0, plan.shuffle);
    let (_meters, addresses) = simulated(meters, plan.seed);
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(furnish(folder.path(), port, plan.seed, &addresses));

    let mut process = bridge(folder.path());
    let mut arrived = Lines::of(&sink);
    let mut random = fastrand::Rng::with_seed(plan.seed ^ 0xB1D6E);
    let mut wait_for = |place: u64, process: &mut Role| {
        let (mut last, mut since) = (0, Instant::now());
        loop {
            let count = arrived.count();
            if count >= place {
                return;
            }
            if count > last {
                (last, since) = (count, Instant::now());
            }
            let ended = process.ended();
            assert!(
                since.elapsed() < QUIET && ended.is_none(),
                "{count} arrived, then nothing (ended: {ended:?}): {}",
                said(folder.path())
            );
            std::thread::sleep(Duration::from_millis(1));
        }
    };
    for (place, kill) in kills(plan) {
        wait_for(place, &mut process);
        if random.bool() {
            std::thread::sleep(Duration::from_millis(random.u64(0..LATER)));
        }
        match kill {
            Kill::Broker => {
                broker_role.kill();
                (broker_role, _) = broker(&sink, port, plan.shuffle);
            }
            Kill::Process => {
                process.kill();
                process = bridge(folder.path());
            }
        }
    }
    wait_for(plan.readings, &mut process);
    process.terminate();
    let until = Instant::now() + GONE;
    let well = loop {
        if let Some(well) = process.ended() {
            break well;
        }
        assert!(Instant::now() < until, "SIGTERM: {}", said(folder.path()));
        std::thread::sleep(Duration::from_millis(5));
    };
    assert!(well, "{}", said(folder.path()));
    drop(broker_role);
    let (readings, duplicates, most) = runtime.block_on(compare(folder.path(), &sink));
    assert!(readings >= plan.readings / 2, "only {readings} were read");
    Verdict::new(plan, readings, duplicates, most, began.elapsed())
}

/// What the bridge said, for a test that fails.
fn said(folder: &Path) -> String {
    std::fs::read_to_string(folder.join("said")).unwrap_or_default()
}

fn bridge(folder: &Path) -> Role {
    let said = OpenOptions::new()
        .create(true)
        .append(true)
        .open(folder.join("said"))
        .unwrap();
    let child = Command::new(BINARY)
        .arg("--data-dir")
        .arg(folder)
        .arg("bridge")
        .env_remove("NOTIFY_SOCKET")
        .env_remove("JOURNAL_STREAM")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(said)
        .spawn();
    Role::of(child.unwrap())
}

/// All of them in one process, which lives as long as the test; where each listens.
fn simulated(meters: u16, seed: u64) -> (Role, Vec<String>) {
    let mut child = Command::new(BINARY)
        .args(["simulate", "--profile", "microstar"])
        .args(["--meters", &meters.to_string()])
        .args(["--seed", &seed.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let role = Role::of(child);
    let addresses: Vec<String> = (lines.take(meters.into()))
        .map(|line| {
            let ready: Value = serde_json::from_str(&line.unwrap()).unwrap();
            ready["listening"].as_str().unwrap().to_owned()
        })
        .collect();
    assert_eq!(addresses.len(), usize::from(meters));
    (role, addresses)
}

async fn furnish(folder: &Path, port: u16, seed: u64, addresses: &[String]) {
    let store = Store::open(&folder.join("obiscope.db")).unwrap();
    let url = format!("mqtt://127.0.0.1:{port}");
    let mut sink = BrokerDefinition::new("sink", &url, Dialect::Json).unwrap();
    if seed.is_multiple_of(2) {
        sink.protocol = Protocol::V5;
    }
    store.save_broker(sink).await.unwrap();
    let meters = addresses.iter().zip(1..).map(|(address, number)| {
        let (host, port) = address.rsplit_once(':').unwrap();
        let mut meter = Definition::microstar(format!("m{number}"), host, port.parse().unwrap());
        meter.password = Some(Secret::new("22222222"));
        meter.poll = Duration::from_secs(1);
        meter.publish = Some("sink".into());
        meter.objects = vec![obiscope::meter::PolledObject::new(
            OBJECT.parse().unwrap(),
            KEY,
        )];
        meter
    });
    store.save_meters(meters.collect()).await.unwrap();
    store.close().await;
}

/// Holds what was read against what arrived: how many there were, how many came more than once, the most copies of one.
async fn compare(folder: &Path, sink: &Path) -> (u64, u64, u64) {
    let store = Store::open(&folder.join("obiscope.db")).unwrap();
    let broker = store.broker_named("sink").await.unwrap();
    let depth = store.depth(broker.id).await.unwrap();
    assert_eq!(
        (depth.waiting, depth.dropped, depth.rejected),
        (0, 0, 0),
        "waiting, dropped, given up on"
    );
    // device → seq → (what arrived, copies)
    let mut arrived: BTreeMap<String, BTreeMap<u64, (Value, u64)>> = BTreeMap::new();
    for message in read_sink(sink).unwrap() {
        let payload: Value = serde_json::from_slice(&message.payload).unwrap();
        let device = payload["device_id"].as_str().unwrap().to_owned();
        assert_eq!(message.topic, format!("meters/{device}/telemetry"));
        let seq = payload["seq"].as_u64().unwrap();
        let of_device = arrived.entry(device).or_default();
        let (first, copies) = of_device.entry(seq).or_insert((payload.clone(), 0));
        assert_eq!(*first, payload, "one sequence number, two readings");
        *copies += 1;
    }
    let (mut readings, mut missing) = (0, Vec::new());
    for meter in store.meters().await.unwrap() {
        let came = arrived.get(&meter.name);
        let read = store.readings(meter.id, KEY, 1_000_000).await.unwrap();
        // Committed together: the sequence counts as the readings do, without a gap.
        for (seq, reading) in (1_u64..).zip(&read) {
            let Some((payload, _)) = came.and_then(|came| came.get(&seq)) else {
                missing.push(format!("{} {seq}", meter.name));
                continue;
            };
            let value = &payload["measurements"][KEY];
            let raw = value.get("raw_value").map(Value::to_string);
            assert_eq!(raw, reading.raw, "{} {seq}: {payload}", meter.name);
        }
        let more = came.map_or(0, BTreeMap::len);
        assert!(more <= read.len(), "{}: more than was read", meter.name);
        assert!(!read.is_empty(), "{} was never read", meter.name);
        readings += read.len() as u64;
    }
    store.close().await;
    assert!(
        missing.is_empty(),
        "{} of {readings} are missing: {missing:?}",
        missing.len()
    );
    let copies = (arrived.values()).flat_map(|of_device| of_device.values().map(|it| it.1));
    let total: u64 = copies.clone().sum();
    (readings, total - readings, copies.max().unwrap_or(0))
}
