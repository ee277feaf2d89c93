//! Meters, clients and a broker written by others, each a process of its own on a free loopback port.
//!
//! Runs with `cargo test --features peers --test peers`. A missing peer is a failure that says how to
//! install it, never a silent skip.
#![cfg(feature = "peers")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at what it did not expect"
)]

use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

const INSTALL: &str =
    "install the peers with .ci/peers (mosquitto by apt, gurux-dlms and dlms-cosem in a venv)";

/// A process that is stopped when the test is over, however it ends.
struct Peer {
    child: Child,
}

impl Drop for Peer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn python() -> PathBuf {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/peers/venv/bin/python");
    assert!(
        python.exists(),
        "{} is missing: {INSTALL}",
        python.display()
    );
    python
}

fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/peers")
        .join(name)
}

/// Starts a peer and gives the first line it prints.
fn start(command: &mut Command) -> (Peer, String) {
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{command:?}: {error}: {INSTALL}"));
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut line)
        .unwrap();
    (Peer { child }, line)
}

fn gurux_meter() -> (Peer, u16) {
    let (peer, line) = start(Command::new(python()).arg(script("gurux_meter.py")));
    let port = line
        .strip_prefix("ready ")
        .unwrap_or_else(|| panic!("the gurux meter did not start: {line:?}"));
    (peer, port.trim().parse().unwrap())
}

fn simulated_meter(profile: &str) -> (Peer, u16) {
    let (peer, line) = start(Command::new(env!("CARGO_BIN_EXE_obiscope")).args([
        "simulate",
        "--profile",
        profile,
        "--seed",
        "7",
    ]));
    let ready: Value = serde_json::from_str(&line).unwrap();
    let address = ready["listening"].as_str().unwrap();
    (peer, address.rsplit(':').next().unwrap().parse().unwrap())
}

fn obiscope(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_obiscope"))
        .args(arguments)
        .env("PEER_PASSWORD", "12345678")
        .env("PEER_WRONG_PASSWORD", "87654321")
        .output()
        .unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!(
            "{error}\nstdout: {}\nstderr: {}",
            String::from_utf8_lossy(&output.stdout),
            String::from_utf8_lossy(&output.stderr)
        )
    })
}

#[test]
fn the_gurux_meter_gives_register_scaler_clock_and_object_list() {
    let (_peer, port) = gurux_meter();
    let target = format!("127.0.0.1:{port}");
    let output = obiscope(&[
        "read",
        &target,
        "1-0:32.7.0",
        "3/1-0:32.7.0/3",
        "0-0:1.0.0",
        "15/0-0:40.0.0/2",
        "0-0:42.0.0",
        "--json",
        "--client",
        "16",
    ]);
    let read = json(&output);
    assert_eq!(output.status.code(), Some(0), "{read}");
    assert_eq!(read[0]["value"], "230.5");
    assert_eq!(read[0]["unit"], "V");
    assert_eq!(read[0]["raw"], 2305);
    assert_eq!(read[1]["raw"], serde_json::json!([-1, 35]));
    assert_eq!(read[2]["class"], 8);
    assert!(
        read[2]["value"]
            .as_str()
            .unwrap()
            .starts_with("2026-01-02 03:04:05"),
        "{}",
        read[2]
    );
    let objects = read[3]["raw"].as_array().unwrap();
    assert_eq!(objects.len(), 33);
    assert!(
        read[4]["value"]
            .as_str()
            .unwrap()
            .contains("GRX0000000123456")
    );
}

#[test]
fn the_gurux_meter_takes_our_password_and_refuses_a_wrong_one_by_name() {
    let (_peer, port) = gurux_meter();
    let target = format!("127.0.0.1:{port}");
    let right = obiscope(&[
        "read",
        &target,
        "1-0:1.8.0",
        "--json",
        "--client",
        "17",
        "--auth",
        "lls",
        "--password-env",
        "PEER_PASSWORD",
    ]);
    assert_eq!(json(&right)[0]["value"], "1234567");

    let wrong = obiscope(&[
        "read",
        &target,
        "1-0:1.8.0",
        "--json",
        "--client",
        "17",
        "--auth",
        "lls",
        "--password-env",
        "PEER_WRONG_PASSWORD",
    ]);
    let words = String::from_utf8_lossy(&wrong.stderr).into_owned();
    assert_eq!(wrong.status.code(), Some(3), "{words}");
    assert!(words.contains("authentication-failure"), "{words}");
    assert!(!words.contains("87654321"), "{words}");
}

#[test]
fn an_object_the_gurux_meter_lacks_fails_alone() {
    let (_peer, port) = gurux_meter();
    let output = obiscope(&[
        "read",
        &format!("127.0.0.1:{port}"),
        "1-0:32.7.0",
        "3/1-0:99.7.0/2",
        "--json",
    ]);
    let read = json(&output);
    assert_eq!(output.status.code(), Some(1), "{read}");
    assert_eq!(read[0]["value"], "230.5");
    assert_eq!(read[1]["error"]["kind"], "data-access-result", "{read}");
}

/// The client that may write, then what is asked of it.
fn at_the_gurux_meter(port: u16, command: &str, rest: &[&str]) -> Output {
    let target = format!("127.0.0.1:{port}");
    let mut arguments = vec![command, &target];
    arguments.extend(rest);
    arguments.extend([
        "--json",
        "--client",
        "17",
        "--password-env",
        "PEER_PASSWORD",
    ]);
    obiscope(&arguments)
}

#[test]
fn the_gurux_meter_is_browsed_completely() {
    let (_peer, port) = gurux_meter();
    let output = at_the_gurux_meter(port, "browse", &[]);
    let list = json(&output);
    assert_eq!(output.status.code(), Some(0));
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 33);
    let find = |obis: &str| list.iter().find(|object| object["obis"] == obis).unwrap();
    let clock = find("0-0:1.0.0.255");
    assert_eq!(clock["class"], 8);
    assert_eq!(clock["attributes"][1]["name"], "time");
    assert_eq!(clock["attributes"][1]["access"], "read-write");
    assert_eq!(clock["attributes"][2]["access"], "read");
    let relay = find("0-0:96.3.10.255");
    assert_eq!(relay["methods"][0]["name"], "remote_disconnect");
    assert_eq!(relay["methods"][0]["access"], "call");
}

#[test]
fn a_profile_of_the_gurux_meter_by_range_by_entry_and_whole() {
    let (_peer, port) = gurux_meter();
    let profile = |rest: &[&str]| {
        let arguments: Vec<_> = std::iter::once(&"1-0:99.1.0")
            .chain(rest)
            .copied()
            .collect();
        let output = at_the_gurux_meter(port, "profile", &arguments);
        let table = json(&output);
        assert_eq!(output.status.code(), Some(0), "{table}");
        table
    };
    let whole = profile(&[]);
    assert_eq!(whole["columns"][1]["unit"], "V");
    let rows = whole["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 96);
    for (index, row) in rows.iter().enumerate() {
        let tenths = 2300 + index % 17;
        let time = format!("2026-01-01 {:02}:{:02}:00", index / 4, index % 4 * 15);
        assert!(row[0].as_str().unwrap().starts_with(&time), "{row}");
        assert_eq!(row[1], format!("{}.{}", tenths / 10, tenths % 10));
        assert_eq!(row[2], format!("{}", 1_200_000 + 7 * index));
    }
    let last = profile(&["--last", "3"]);
    assert_eq!(last["rows"].as_array().unwrap(), &rows[93..]);
    let range = profile(&["--from", "2026-01-01T06:00", "--to", "2026-01-01T07:00"]);
    assert_eq!(range["rows"].as_array().unwrap(), &rows[24..=28]);
}

#[test]
fn what_is_set_at_the_gurux_meter_is_read_back() {
    let (_peer, port) = gurux_meter();
    let note = "1/0-0:96.1.9/2";
    let read = || json(&at_the_gurux_meter(port, "read", &[note]))[0]["raw"].clone();
    assert_eq!(read(), "6E6F7465");

    // Nobody is there to ask: nothing is written.
    let unasked = at_the_gurux_meter(port, "set", &[note, "other"]);
    assert_eq!(unasked.status.code(), Some(2));
    assert_eq!(read(), "6E6F7465");

    let set = at_the_gurux_meter(port, "set", &[note, "hello meter", "--yes"]);
    assert_eq!(json(&set)["before"], "6E6F7465");
    assert_eq!(json(&set)["after"], "68656C6C6F206D65746572");
    assert_eq!(read(), "68656C6C6F206D65746572");

    // Longer than one frame, and one that only encodes to text the meter did not show.
    let long = "x".repeat(600);
    let set = at_the_gurux_meter(port, "set", &[note, &long, "--yes"]);
    assert_eq!(set.status.code(), Some(0), "{}", json(&set));
    assert_eq!(read(), "78".repeat(600));

    let unfit = at_the_gurux_meter(port, "set", &[note, "unsigned:5", "--yes"]);
    assert_eq!(unfit.status.code(), Some(2));
    let denied = at_the_gurux_meter(port, "set", &["3/1-0:32.7.0/2", "1", "--yes"]);
    assert_eq!(denied.status.code(), Some(3));
    let words = String::from_utf8_lossy(&denied.stderr).into_owned();
    assert!(words.contains("denied"), "{words}");
}

#[test]
fn a_relay_of_the_gurux_meter_is_switched_and_read_back() {
    let (_peer, port) = gurux_meter();
    let state = || {
        let output = at_the_gurux_meter(port, "read", &["70/0-0:96.3.10/2", "70/0-0:96.3.10/3"]);
        let read = json(&output);
        (read[0]["raw"].clone(), read[1]["raw"].clone())
    };
    assert_eq!(state(), (true.into(), 1.into()));
    let unasked = at_the_gurux_meter(port, "call", &["70/0-0:96.3.10/1"]);
    assert_eq!(unasked.status.code(), Some(2));
    assert_eq!(state(), (true.into(), 1.into()));
    let off = at_the_gurux_meter(port, "call", &["70/0-0:96.3.10/1", "--yes"]);
    assert_eq!(json(&off)["name"], "remote_disconnect");
    assert_eq!(state(), (false.into(), 0.into()));
    at_the_gurux_meter(port, "call", &["70/0-0:96.3.10/2", "--yes"]);
    assert_eq!(state(), (true.into(), 1.into()));
}

#[test]
fn the_gurux_meter_says_who_it_is_and_takes_our_time() {
    let (_peer, port) = gurux_meter();
    let who = json(&at_the_gurux_meter(port, "identify", &[]));
    assert_eq!(who["manufacturer"], "GRX");
    assert_eq!(who["serial"], "123456");
    let set = at_the_gurux_meter(port, "clock", &["--sync", "--yes"]);
    let clock = json(&set);
    assert!(clock["drift_seconds"].as_i64().unwrap() < -60, "{clock}");
    assert!(
        clock["after"]["drift_seconds"].as_i64().unwrap().abs() < 60,
        "{clock}"
    );
}

/// What a foreign client printed, one JSON object a line.
fn client(name: &str, arguments: &[&str]) -> Result<Vec<Value>, String> {
    let mut command = Command::new(python());
    let output = command
        .arg(script(name))
        .args(arguments)
        .output()
        .unwrap_or_else(|error| panic!("{error}: {INSTALL}"));
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into_owned());
    }
    Ok(String::from_utf8_lossy(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect())
}

const MICROSTAR: [&str; 3] = ["objects", "3/1.1.32.7.0.255/2", "3/1.1.32.7.0.255/3"];

fn check_microstar(steps: &[Value]) {
    let value = |name: &str| {
        &steps
            .iter()
            .find(|step| step["step"] == name)
            .unwrap_or_else(|| panic!("{steps:?}"))["value"]
    };
    assert!(value("objects").as_array().unwrap().len() > 50);
    let millivolts = value(MICROSTAR[1]).as_i64().unwrap();
    assert!((9_000..30_000).contains(&millivolts), "{millivolts}");
    assert_eq!(*value(MICROSTAR[2]), serde_json::json!([-2, 35]));
}

#[test]
fn the_gurux_client_reads_our_simulated_meter() {
    let (_peer, port) = simulated_meter("microstar");
    let mut arguments = vec![port.to_string(), "1".into(), "22222222".into(), "1".into()];
    arguments.extend(MICROSTAR.map(String::from));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let steps = client("gurux_client.py", &arguments).unwrap();
    check_microstar(&steps);
    assert_eq!(steps.last().unwrap()["step"], "close");
}

#[test]
fn the_u9n_client_reads_our_simulated_meter() {
    let (_peer, port) = simulated_meter("microstar");
    let mut arguments = vec![port.to_string(), "1".into(), "22222222".into(), "1".into()];
    arguments.extend(MICROSTAR.map(String::from));
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    // That client ends a frame at any 7E (see its script): values that hold one cost it a try.
    let mut last = String::new();
    for _ in 0..4 {
        match client("u9n_client.py", &arguments) {
            Ok(steps) => return check_microstar(&steps),
            Err(error) => last = error,
        }
    }
    panic!("{last}");
}

/// Debian's broker on a port that was free a moment ago; another is tried when someone else was faster.
fn mosquitto(folder: &Path) -> (Peer, u16) {
    for _ in 0..5 {
        let port = TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let config = folder.join("mosquitto.conf");
        std::fs::write(
            &config,
            format!("listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n"),
        )
        .unwrap();
        let child = Command::new("mosquitto")
            .arg("-c")
            .arg(&config)
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("mosquitto: {error}: {INSTALL}"));
        let peer = Peer { child };
        let end = Instant::now() + Duration::from_secs(5);
        while Instant::now() < end {
            if std::net::TcpStream::connect(("127.0.0.1", port)).is_ok() {
                return (peer, port);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
    }
    panic!("mosquitto did not start");
}

#[test]
fn a_reading_reaches_a_subscriber_of_mosquitto_and_leaves_the_outbox() {
    let folder = tempfile::tempdir().unwrap();
    let (_broker, port) = mosquitto(folder.path());
    let subscriber = Command::new("mosquitto_sub")
        .args(["-h", "127.0.0.1", "-p", &port.to_string(), "-q", "1"])
        .args(["-t", "meters/#", "-C", "2", "-W", "30", "-F", "%t %p"])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("mosquitto_sub: {error}: {INSTALL}"));
    let (_meter, meter_port) = simulated_meter("microstar");

    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let store = obiscope::store::Store::open(&folder.path().join("obiscope.db")).unwrap();
    let seen = runtime.block_on(async {
        let broker = store.save_broker(plain_broker(port)).await.unwrap();
        let mut meter =
            obiscope::meter::Definition::microstar("microstar-001", "127.0.0.1", meter_port);
        meter.password = Some(obiscope::dlms::security::Secret::new("22222222"));
        meter.poll = Duration::from_secs(1);
        meter.publish = Some("lab".into());
        store.save_meter(meter).await.unwrap();
        let headend = obiscope::headend::Headend::start(obiscope::headend::Options {
            store: store.clone(),
            connector: std::sync::Arc::new(obiscope::meter::transport::Tcp),
            clock: obiscope::meter::Clock::System,
            seed: 1,
            trace_bytes: 4096,
        })
        .await
        .unwrap();
        let seen = tokio::task::spawn_blocking(|| subscriber.wait_with_output().unwrap())
            .await
            .unwrap();
        // Stop reading, then everything queued has its PUBACK and no row is left.
        let id = headend.meters()[0].definition.id;
        headend
            .command(obiscope::headend::Command::Stop(id))
            .await
            .unwrap();
        let end = Instant::now() + Duration::from_secs(20);
        while store.depth(broker.id).await.unwrap().waiting > 0 {
            assert!(Instant::now() < end, "rows stay in the outbox");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        headend.shutdown().await;
        seen
    });
    let text = String::from_utf8(seen.stdout).unwrap();
    let mut sequence = Vec::new();
    for line in text.lines() {
        let (topic, payload) = line.split_once(' ').unwrap();
        assert_eq!(topic, "meters/microstar-001/telemetry");
        let sent = payload;
        let payload: Value = serde_json::from_str(payload).unwrap();
        assert_eq!(payload["device_id"], "microstar-001");
        let voltage = &payload["measurements"]["voltage_l1"];
        assert_eq!(voltage["obis"], "1-1:32.7.0");
        assert_eq!(voltage["unit_code"], 35);
        let raw = voltage["raw_value"].as_i64().unwrap();
        // In the text itself: a parsed number has lost its trailing zero.
        let exact = format!("\"value\":{}.{:02},", raw / 100, raw % 100);
        assert!(sent.contains(&exact), "{exact} in {sent}");
        sequence.push(payload["seq"].as_u64().unwrap());
    }
    assert_eq!(sequence.len(), 2, "{text}");
    assert!(sequence[0] < sequence[1]);
}

fn plain_broker(port: u16) -> obiscope::store::BrokerDefinition {
    obiscope::store::BrokerDefinition {
        id: 0,
        name: "lab".into(),
        host: "127.0.0.1".into(),
        port,
        tls: false,
        ca: None,
        dialect: obiscope::store::Dialect::Json,
        user: None,
        password: None,
        token: None,
        client_id: "obiscope-peers".into(),
    }
}
