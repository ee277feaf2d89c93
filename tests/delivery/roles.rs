//! The processes that are killed: this test binary again, in another role. Each ends by itself when who started it is gone.

use obiscope::cosem::{AttributeRef, Data, Obis, ObjectSpec};
use obiscope::meter::{Clock, Definition, MeterId, Poll, Reading};
use obiscope::publish::{Device, Spawn, dialect, drain};
use obiscope::simulator::broker::{Behaviour, Options, start_with};
use obiscope::store::{BrokerDefinition, Dialect, Protocol, Render, Store};
use rustix::process::{Pid, Signal, kill_process};
use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

pub const METERS: u64 = 10;
/// The key of the one value in each reading: its number.
pub const NUMBER: &str = "number";
/// Between two rounds over all meters.
const PACE: Duration = Duration::from_millis(4);

/// A process that is gone with its owner.
pub struct Role(Child);

impl Drop for Role {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Role {
    pub const fn of(child: Child) -> Self {
        Self(child)
    }

    /// SIGTERM: it may take its leave.
    pub fn terminate(&self) {
        kill_process(Pid::from_child(&self.0), Signal::TERM).unwrap();
    }

    /// SIGKILL: nothing of it runs any more.
    pub fn kill(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }

    /// Whether it ended by itself, and well.
    pub fn ended(&mut self) -> Option<bool> {
        self.0.try_wait().unwrap().map(|status| status.success())
    }
}

fn start(test: &str, environment: &[(&str, String)]) -> Command {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--ignored", "--exact", "--nocapture", test])
        .envs(environment.iter().map(|(name, value)| (name, value)))
        .stdin(Stdio::piped())
        .stdout(Stdio::null());
    command
}

pub fn bridge(database: &Path, port: u16, readings: u64, seed: u64, progress: &Path) -> Role {
    let child = start(
        "roles::bridge_process",
        &[
            ("DELIVERY_DATABASE", database.display().to_string()),
            ("DELIVERY_PORT", port.to_string()),
            ("DELIVERY_READINGS", readings.to_string()),
            ("DELIVERY_SEED", seed.to_string()),
            ("DELIVERY_PROGRESS", progress.display().to_string()),
        ],
    )
    .spawn();
    Role(child.unwrap())
}

/// With the port it listens on; 0 takes a free one.
pub fn broker(sink: &Path, port: u16, shuffle: usize) -> (Role, u16) {
    // Who held the port a moment ago may be slow to let go of it.
    for _ in 0..50 {
        let mut child = start(
            "roles::broker_process",
            &[
                ("DELIVERY_SINK", sink.display().to_string()),
                ("DELIVERY_PORT", port.to_string()),
                ("DELIVERY_SHUFFLE", shuffle.to_string()),
            ],
        )
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        let told = lines.find_map(|line| line.split('=').nth(1)?.parse().ok());
        // The test harness says so when a role runs for a minute, and ends it when nobody listens.
        std::thread::spawn(move || lines.for_each(drop));
        let role = Role(child);
        if let Some(port) = told {
            return (role, port);
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    panic!("no broker on port {port}");
}

fn told(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// No process outlives the test that started it.
fn end_with_parent() {
    std::thread::spawn(|| {
        drop(std::io::stdin().read_to_end(&mut Vec::new()));
        std::process::exit(9);
    });
}

#[test]
#[ignore = "a role in the tests of this file, not a test"]
fn broker_process() {
    let Some(sink) = told("DELIVERY_SINK") else {
        return;
    };
    end_with_parent();
    let port = told("DELIVERY_PORT").unwrap().parse().unwrap();
    let runtime = tokio::runtime::Runtime::new().unwrap();
    runtime.block_on(async {
        let options = Options {
            behaviour: Behaviour {
                shuffle: told("DELIVERY_SHUFFLE").unwrap().parse().unwrap(),
                ..Behaviour::default()
            },
            sink: Some(sink.into()),
            ..Options::default()
        };
        let place = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let broker = start_with(place, options, CancellationToken::new())
            .await
            .unwrap();
        println!("port={}=", broker.address.port());
        drop(broker.received);
        broker.task.await.unwrap();
    });
}

#[test]
#[ignore = "a role in the tests of this file, not a test"]
fn bridge_process() {
    let Some(database) = told("DELIVERY_DATABASE") else {
        return;
    };
    end_with_parent();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(publish(Path::new(&database)));
}

/// Commits what is still to be committed, and ends when all of it was acknowledged.
async fn publish(database: &Path) {
    let number = |name| told(name).unwrap().parse::<u64>().unwrap();
    let (port, readings, seed) = (
        u16::try_from(number("DELIVERY_PORT")).unwrap(),
        number("DELIVERY_READINGS"),
        number("DELIVERY_SEED"),
    );
    let store = Store::open(database).unwrap();
    let (broker, meters) = furnished(&store, port, seed).await;
    let mut handle = drain::spawn(Spawn {
        broker: broker.clone(),
        store: store.clone(),
        clock: Clock::System,
        flush: Duration::from_secs(5),
        seed,
        roster: watch::channel(Arc::default()).1,
        requests: None,
    });
    let mut progress = OpenOptions::new()
        .create(true)
        .append(true)
        .open(told("DELIVERY_PROGRESS").unwrap())
        .unwrap();
    // Readings are their own memory of how far it went: they are committed with their messages.
    let mut next = Vec::new();
    for meter in &meters {
        let last = store.readings(*meter, NUMBER, 1).await.unwrap();
        let last = last.first().and_then(|it| it.value.clone());
        next.push(last.map_or(1, |it| it.parse::<u64>().unwrap() + 1));
    }
    say(&mut progress, "start", &next);
    let each = readings / METERS;
    while next.iter().any(|number| *number <= each) {
        let mut lot = Vec::new();
        for ((meter, number), place) in meters.iter().zip(&mut next).zip(0..) {
            if *number <= each {
                lot.push((poll(*meter, *number), known(*meter, place)));
                *number += 1;
            }
        }
        let lot = lot.into_iter().map(|(poll, device)| {
            let poll = Arc::new(poll);
            let (read, to) = (Arc::clone(&poll), broker.clone());
            let render: Render = Arc::new(move |seq| dialect::render(&to, &device, seq, &read));
            (poll, Some((broker.id, render)))
        });
        for done in store.commit_polls(lot.collect()).await.unwrap() {
            done.unwrap();
        }
        handle.wake.notify_one();
        say(&mut progress, "done", &next);
        tokio::time::sleep(PACE).await;
    }
    while store.depth(broker.id).await.unwrap().waiting > 0 {
        let changed = handle.status.changed();
        drop(tokio::time::timeout(Duration::from_millis(50), changed).await);
    }
    handle.stop.cancel();
    handle.task.await.unwrap();
    store.close().await;
}

fn say(progress: &mut File, what: &str, next: &[u64]) {
    let numbers: Vec<String> = next.iter().map(u64::to_string).collect();
    // In one piece, or a kill could leave half a line.
    let line = format!("{what} {}\n", numbers.join(" "));
    progress.write_all(line.as_bytes()).unwrap();
}

fn device(place: u64) -> String {
    format!("m{place}")
}

fn known(meter: MeterId, place: u64) -> Device {
    Device {
        meter,
        name: device(place),
        kind: "meter".into(),
        attributes: Vec::new(),
        objects: Vec::new(),
    }
}

async fn furnished(store: &Store, port: u16, seed: u64) -> (BrokerDefinition, Vec<MeterId>) {
    let mut brokers = store.brokers().await.unwrap();
    let broker = if let Some(broker) = brokers.pop() {
        broker
    } else {
        let url = format!("mqtt://127.0.0.1:{port}");
        let mut broker = BrokerDefinition::new("sink", &url, Dialect::Json).unwrap();
        if seed.is_multiple_of(2) {
            broker.protocol = Protocol::V5;
        }
        store.save_broker(broker).await.unwrap()
    };
    if store.meters().await.unwrap().is_empty() {
        let meters = (0..METERS).map(|place| Definition::new(device(place), device(place), 1));
        store.save_meters(meters.collect()).await.unwrap();
    }
    let meters = store.meters().await.unwrap();
    (broker, meters.into_iter().map(|it| it.id).collect())
}

fn poll(meter: MeterId, number: u64) -> Poll {
    let at = jiff::Timestamp::now();
    let obis = Obis::new(1, 0, 1, 8, 0, 255);
    let reading = Reading {
        spec: ObjectSpec::Value(obis),
        key: NUMBER.into(),
        attribute: AttributeRef {
            class: 1,
            obis,
            attribute: 2,
        },
        scaler_unit: None,
        at,
        value: Ok(Data::DoubleLongUnsigned(u32::try_from(number).unwrap())),
    };
    Poll {
        meter,
        at,
        readings: vec![reading],
    }
}
