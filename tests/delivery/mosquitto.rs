//! The same through Debian's broker, restarted as its own package restarts it (SIGTERM), into a subscriber whose session
//! the broker keeps. Killed outright mosquitto forgets what it had acknowledged; that loss is its own and not tested here.

use crate::roles::bridge;
use crate::verdict::arrivals;
use rustix::process::{Pid, Signal, kill_process};
use std::fs::File;
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const INSTALL: &str = "install the peers with .ci/peers (mosquitto and mosquitto-clients by apt)";
const READINGS: u64 = 6_000;
const LIMIT: Duration = Duration::from_mins(3);

struct Peer(Child);

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

impl Peer {
    /// SIGTERM, and until it is gone.
    fn stop(&mut self) {
        let id = Pid::from_child(&self.0);
        kill_process(id, Signal::TERM).unwrap();
        self.0.wait().unwrap();
    }
}

fn mosquitto(folder: &Path, port: u16) -> Peer {
    let config = folder.join("mosquitto.conf");
    let text = format!(
        "listener {port} 127.0.0.1\nallow_anonymous true\nuser root\npersistence true\n\
         persistence_location {0}/\nmax_queued_messages 0\nlog_dest file {0}/log\nlog_type all\n",
        folder.display()
    );
    std::fs::write(&config, text).unwrap();
    let child = Command::new("mosquitto")
        .arg("-c")
        .arg(&config)
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("mosquitto: {error}: {INSTALL}"));
    let peer = Peer(child);
    let end = Instant::now() + Duration::from_secs(10);
    while TcpStream::connect(("127.0.0.1", port)).is_err() {
        assert!(Instant::now() < end, "mosquitto does not listen on {port}");
        std::thread::sleep(Duration::from_millis(20));
    }
    peer
}

fn subscriber(port: u16, out: &Path) -> Peer {
    let child = Command::new("mosquitto_sub")
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-q", "1"])
        .args(["-c", "-i", "listener", "-t", "meters/#", "-F", "%p"])
        .stdout(File::create(out).unwrap())
        .stderr(Stdio::null())
        .spawn()
        .unwrap_or_else(|error| panic!("mosquitto_sub: {error}: {INSTALL}"));
    Peer(child)
}

#[test]
fn mosquitto_restarted_again_and_again_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let port = {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        free.local_addr().unwrap().port()
    };
    let began = Instant::now();
    let mut broker = mosquitto(folder.path(), port);
    // Its session exists from here on, connected or not.
    let made = Command::new("mosquitto_sub")
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-q", "1"])
        .args(["-c", "-i", "listener", "-t", "meters/#", "-E"])
        .status()
        .unwrap_or_else(|error| panic!("mosquitto_sub: {error}: {INSTALL}"));
    assert!(made.success());
    let out = at("heard");
    let _subscriber = subscriber(port, &out);
    let start = |life| bridge(&at("obiscope.db"), port, READINGS, life, &at("progress"));
    let heard = || {
        let text = std::fs::read(&out).unwrap_or_default();
        text.split(|byte| *byte == b'\n').count() as u64
    };
    let mut process = start(1);
    for round in 1..=7 {
        while heard() < round * READINGS / 8 {
            assert!(began.elapsed() < LIMIT, "{} heard, then nothing", heard());
            if process.ended().is_some() {
                break;
            }
            std::thread::sleep(Duration::from_millis(2));
        }
        if round % 2 == 1 {
            broker.stop();
            broker = mosquitto(folder.path(), port);
        } else {
            process.kill();
            process = start(1 + round * 2);
        }
    }
    while process.ended().is_none() {
        assert!(began.elapsed() < LIMIT, "the process does not end");
        std::thread::sleep(Duration::from_millis(20));
    }
    // Everything was acknowledged; what the subscriber has not heard yet is on its way to it.
    let whole = || {
        let text = std::fs::read(&out).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        let lines = text.split_inclusive(|byte| *byte == b'\n');
        let lines: Vec<Vec<u8>> = lines
            .filter_map(|line| line.strip_suffix(b"\n"))
            .map(<[u8]>::to_vec)
            .collect();
        seen.extend(lines.iter().cloned());
        (lines, seen.len() as u64)
    };
    while whole().1 < READINGS && began.elapsed() < LIMIT {
        std::thread::sleep(Duration::from_millis(100));
    }
    let (duplicates, most) = arrivals(whole().0.into_iter(), READINGS);
    println!(
        "mosquitto: 4 restarts, 3 kills of the process, {READINGS} readings: missing 0, {duplicates} twice, most {most}"
    );
    // Ended, mosquitto gives a kept session again whatever it had not heard of; what was sent twice stands in its log.
    broker.stop();
    let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
    let came = log
        .lines()
        .filter(|line| line.contains("Received PUBLISH from obiscope"))
        .count() as u64;
    println!("mosquitto: {came} messages were sent for {READINGS} readings");
    assert!(came >= READINGS, "its log tells of {came} messages only");
    // What a window holds, and what was acknowledged and not yet out of the table, at each of seven ends.
    assert!(
        came - READINGS < READINGS * 3 / 100 + 7 * 100,
        "{came} messages were sent"
    );
}
