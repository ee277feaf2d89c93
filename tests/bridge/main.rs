//! `obiscope bridge` and `obiscope mqtt` as processes: the real binary, a simulated meter, a small broker in this
//! process. Every address is a loopback one, every folder a temporary one, every process our own.
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

mod site;

use serde_json::Value;
use site::{Broker, Process, Site, Started};
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// Far more than anything here takes on a busy machine.
const LONG: Duration = Duration::from_mins(1);

fn sequence(payload: &[u8]) -> u64 {
    let told: Value = serde_json::from_slice(payload).unwrap();
    told["seq"].as_u64().unwrap()
}

#[test]
fn it_reads_publishes_and_when_told_to_stop_leaves_nothing_behind() {
    let broker = Broker::start();
    let site = Site::new(&broker.url());
    let mut bridge = site.bridge(&["--json", "--status-every", "1s"]);
    let first = bridge.status();
    assert_eq!(first["event"], "start");
    assert_eq!(first["meters"]["total"], 1);
    broker.wait_for(3, LONG);
    assert_eq!(bridge.status()["event"], "status");

    let refused = site.run(&["bridge"]);
    assert_eq!(refused.status, 4, "{}", refused.err);
    assert!(
        refused.err.contains("another obiscope (process"),
        "{}",
        refused.err
    );

    bridge.terminate();
    let (status, err) = bridge.ended(LONG);
    assert_eq!(status, Some(0), "{err}");
    let last = bridge.last_status();
    assert_eq!(last["event"], "end");
    assert_eq!(last["brokers"][0]["waiting"], 0);
    assert!(last["brokers"][0]["acknowledged"].as_u64().unwrap() >= 3);
    assert!(err.contains("meter house: ready"), "{err}");
    assert!(err.contains("broker lab: connected"), "{err}");
    for secret in ["22222222", "hunter2"] {
        assert!(!err.contains(secret), "{err}");
    }
    // Whoever reads it next finds the meter free.
    let read = site.run(&["read", "house", "1-1:32.7.0"]);
    assert_eq!(read.status, 0, "{}", read.err);
    assert_eq!(site.queue()["waiting"], 0);
    assert!(site.log().contains("meter house: ready"));
}

#[test]
fn killed_outright_and_started_again_it_loses_nothing() {
    let broker = Broker::start();
    let site = Site::new(&broker.url());
    for round in 1..=3_usize {
        let mut bridge = site.bridge(&[]);
        broker.wait_for(round * 3, LONG);
        if round < 3 {
            bridge.kill();
        } else {
            bridge.terminate();
            let (status, err) = bridge.ended(LONG);
            assert_eq!(status, Some(0), "{err}");
            assert!(err.contains("obiscope bridge: start: 1 meter: "), "{err}");
            assert!(err.contains("obiscope bridge: end: broker lab"), "{err}");
        }
    }
    let seen: BTreeSet<u64> = (broker.received().iter())
        .map(|(_, payload)| sequence(payload))
        .collect();
    let last = *seen.last().unwrap();
    assert_eq!(seen, (1..=last).collect(), "a gap in what arrived");
}

#[test]
fn a_broker_that_is_edited_beside_it_is_taken_up_and_gets_what_waited() {
    let (dead, live) = (site::unused_port(), Broker::start());
    let site = Site::new(&format!("mqtt://127.0.0.1:{dead}"));
    let mut bridge = site.bridge(&["--json", "--status-every", "1s"]);
    // What is read waits, and can be looked at from beside.
    let until = Instant::now() + LONG;
    while site.queue()["waiting"].as_u64().unwrap() < 2 {
        assert!(Instant::now() < until, "nothing was read");
        std::thread::sleep(Duration::from_millis(100));
    }
    let queue = site.queue();
    assert_eq!(queue["first"][0]["topic"], "meters/house/telemetry");
    assert_eq!(queue["first"][0]["kind"], "telemetry");
    let refused = site.run(&["mqtt", "flush", "lab"]);
    assert_eq!(refused.status, 4);
    assert!(
        refused.err.contains("sends what waits by itself"),
        "{}",
        refused.err
    );

    let edited = site.run(&["broker", "edit", "lab", "--url", &live.url()]);
    assert_eq!(edited.status, 0, "{}", edited.err);
    assert!(
        edited.err.contains("takes it up within seconds"),
        "{}",
        edited.err
    );
    live.wait_for(2, LONG);
    assert_eq!(sequence(&live.received()[0].1), 1);
    // And a meter that is switched off beside it stops.
    let edited = site.run(&["meter", "remove", "house", "--yes"]);
    assert_eq!(edited.status, 0, "{}", edited.err);
    let until = Instant::now() + LONG;
    while bridge.status()["meters"]["total"] != 0 {
        assert!(Instant::now() < until, "the meter runs on");
    }
    bridge.terminate();
    let (status, err) = bridge.ended(LONG);
    assert_eq!(status, Some(0), "{err}");
    assert!(err.contains("broker lab: taken up as saved"), "{err}");
    assert!(err.contains("meter house: removed"), "{err}");
}

#[test]
fn without_anything_to_do_it_says_what_to_do() {
    let site = Site::bare();
    let none = site.run(&["bridge"]);
    assert_eq!(none.status, 2, "{}", none.err);
    assert!(none.err.contains("obiscope meter add"), "{}", none.err);
    site.ok(&["meter", "add", "a", "--host", "127.0.0.1:1"]);
    let unknown = site.run(&["bridge", "b"]);
    assert_eq!(unknown.status, 2);
    assert!(
        unknown.err.contains("no meter named \"b\""),
        "{}",
        unknown.err
    );
    let often = site.run(&["bridge", "--status-every", "1ms"]);
    assert_eq!(often.status, 2);
    assert!(often.err.contains("write 60s"), "{}", often.err);
}

#[test]
fn what_waits_is_looked_at_tried_sent_and_dropped_by_hand() {
    let (dead, live) = (site::unused_port(), Broker::start());
    let site = Site::new(&format!("mqtt://127.0.0.1:{dead}"));
    let bridge = site.bridge(&["house"]);
    let until = Instant::now() + LONG;
    while site.queue()["waiting"].as_u64().unwrap() < 2 {
        assert!(Instant::now() < until, "nothing was read");
        std::thread::sleep(Duration::from_millis(100));
    }
    // What is killed keeps what it read.
    drop(bridge);
    let waiting = site.queue()["waiting"].as_u64().unwrap();
    let shown = site.ok(&["mqtt", "queue", "lab", "--limit", "1"]);
    assert!(
        shown.starts_with(&format!("lab: {waiting} messages wait, ")),
        "{shown}"
    );
    assert!(shown.contains("meters/house/telemetry"), "{shown}");
    assert!(
        shown.contains(&format!("  and {} more\n", waiting - 1)),
        "{shown}"
    );
    assert_eq!(site.ok(&["mqtt", "dead"]), "lab: nothing was given up on\n");
    assert_eq!(site.ok(&["mqtt", "dead", "lab", "--json"]), "[]\n");
    assert_eq!(
        site.ok(&["mqtt", "dead", "lab", "--retry"]),
        "0 messages are back in the queue for lab\n"
    );

    let failed = site.run(&["mqtt", "flush", "lab", "--timeout", "1s"]);
    assert_eq!(failed.status, 4);
    assert!(failed.err.contains("connection refused"), "{}", failed.err);
    let failed = site.run(&["mqtt", "test", "lab"]);
    assert_eq!(failed.status, 4);
    assert!(failed.err.contains("connection refused"), "{}", failed.err);

    site.ok(&["broker", "edit", "lab", "--url", &live.url()]);
    let tried = site.ok(&["mqtt", "test", "lab"]);
    assert!(
        tried.contains("acknowledged a message on meters/obiscope-test after"),
        "{tried}"
    );
    assert!(tried.contains("mosquitto_sub -h 127.0.0.1 -p"), "{tried}");
    assert_eq!(live.wait_for(1, LONG)[0].0, "meters/obiscope-test");
    let flushed = site.ok(&["mqtt", "flush", "lab"]);
    assert_eq!(
        flushed,
        format!("lab: {waiting} messages were sent, nothing waits any more\n")
    );
    live.wait_for(1 + usize::try_from(waiting).unwrap(), LONG);
    assert_eq!(site.ok(&["mqtt", "flush", "lab"]), "lab: nothing waits\n");
    assert_eq!(site.ok(&["mqtt", "drop", "lab"]), "lab: nothing waits\n");

    site.ok(&[
        "broker",
        "edit",
        "lab",
        "--url",
        &format!("mqtt://127.0.0.1:{dead}"),
    ]);
    let bridge = site.bridge(&[]);
    let until = Instant::now() + LONG;
    while site.queue()["waiting"].as_u64().unwrap() < 1 {
        assert!(Instant::now() < until, "nothing was read");
        std::thread::sleep(Duration::from_millis(100));
    }
    drop(bridge);
    let asked = site.run(&["mqtt", "drop", "lab"]);
    assert_eq!(asked.status, 2);
    assert!(asked.err.contains("will have a gap there"), "{}", asked.err);
    assert!(
        site.ok(&["mqtt", "drop", "lab", "--yes"])
            .contains("dropped unsent")
    );
    let queue = site.queue();
    assert_eq!(queue["waiting"], 0);
    assert!(queue["dropped"].as_u64().unwrap() >= 1);
}

#[test]
fn a_second_signal_ends_it_at_once() {
    // A broker that lets in and never acknowledges holds the flush for its full ten seconds.
    let broker = Broker::silent();
    let site = Site::new(&broker.url());
    let mut bridge = site.bridge(&["--json", "--status-every", "1s"]);
    broker.wait_for(1, LONG);
    bridge.terminate();
    bridge.until_said("sending what waits", LONG);
    let began = Instant::now();
    bridge.terminate();
    let (status, err) = bridge.ended(LONG);
    assert_eq!(status, Some(1), "{err}");
    assert!(began.elapsed() < Duration::from_secs(8), "{err}");
    assert!(err.contains("asked twice"), "{err}");
}

/// The unit file names what the program knows.
#[test]
fn the_unit_file_runs_this_program() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/assets/obiscope-bridge.service"
    );
    let unit = std::fs::read_to_string(path).unwrap();
    let value = |key: &str| {
        let line = unit
            .lines()
            .find(|line| line.starts_with(&format!("{key}=")));
        line.unwrap().split_once('=').unwrap().1.to_owned()
    };
    assert_eq!(value("Type"), "notify");
    assert_eq!(value("ExecStart"), "/usr/local/bin/obiscope bridge");
    assert_eq!(value("Environment"), "OBISCOPE_DATA_DIR=/var/lib/obiscope");
    assert_eq!(value("StateDirectory"), "obiscope");
    // Releasing, storing and the last ten seconds fit in.
    assert_eq!(value("TimeoutStopSec"), "30");
}

#[test]
fn a_service_manager_hears_when_it_is_ready_and_when_it_ends() {
    let broker = Broker::start();
    let site = Site::new(&broker.url());
    let path = site.folder().join("notify");
    let manager = std::os::unix::net::UnixDatagram::bind(&path).unwrap();
    manager.set_read_timeout(Some(LONG)).unwrap();
    let mut command = site.command(&["bridge"]);
    command.env("NOTIFY_SOCKET", &path);
    let mut bridge: Process = Started::spawn(command);
    let heard = |what: &str| {
        let mut buffer = [0; 1024];
        loop {
            let read = manager.recv(&mut buffer).unwrap();
            let text = String::from_utf8(buffer[..read].to_vec()).unwrap();
            if text.contains(what) {
                break;
            }
        }
    };
    heard("READY=1");
    bridge.terminate();
    heard("STOPPING=1");
    assert_eq!(bridge.ended(LONG).0, Some(0));
}
