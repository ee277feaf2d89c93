//! `read` against a simulated meter in a process of its own.

use super::desk::{Desk, Simulator};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::Stdio;
use std::time::{Duration, Instant};

#[test]
fn read_prints_values_on_stdout_and_failures_on_stderr() {
    let desk = Desk::new();
    let meter = Simulator::start(&[]);
    let at = meter.address.as_str();
    let trace = desk.folder().join("trace.jsonl");
    let ended = desk.run(&[
        "read",
        at,
        "1-1:32.7.0",
        "9.9.9.9.9.9",
        "--json",
        "--trace",
        trace.to_str().unwrap(),
    ]);
    assert_eq!(ended.status, 1, "{}", ended.err);
    assert!(ended.err.contains("object-undefined (4)"), "{}", ended.err);
    let json: Value = serde_json::from_str(&ended.out).unwrap();
    let (good, bad) = (&json[0], &json[1]);
    assert_eq!(good["obis"], "1-1:32.7.0.255");
    assert_eq!(
        (&good["class"], &good["attribute"]),
        (&Value::from(3), &Value::from(2))
    );
    assert_eq!(
        (&good["unit"], &good["unit_code"], &good["scaler"]),
        (&Value::from("V"), &Value::from(35), &Value::from(-2))
    );
    assert_eq!(good["type"], "double-long");
    let cents = good["value"].as_str().unwrap().replace('.', "");
    assert_eq!(cents, good["raw"].to_string());
    assert!(
        good["at"]
            .as_str()
            .unwrap()
            .parse::<jiff::Timestamp>()
            .is_ok()
    );
    assert_eq!(
        bad["error"],
        serde_json::json!({"kind": "data-access-result", "code": 4, "name": "object-undefined"})
    );
    // Two meters may share a host: a trace names the whole address.
    for line in std::fs::read_to_string(&trace).unwrap().lines() {
        let line: Value = serde_json::from_str(line).unwrap();
        assert_eq!(line["meter"], at);
    }

    let lines = desk.ok(&[
        "read",
        at,
        "1-1:32.7.0",
        "--every",
        "20ms",
        "--count",
        "3",
        "--json",
    ]);
    let rounds: Vec<Value> = lines
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(rounds.len(), 3);
    assert!(
        rounds
            .iter()
            .all(|round| round.as_array().unwrap().len() == 1)
    );

    let password = desk.file("password", b"wrong-hunter2\n");
    let line = [
        "read",
        at,
        "1-1:32.7.0",
        "--client",
        "1",
        "--password-file",
        &password,
    ];
    let said = desk.refused(3, &line, "authentication-failure");
    assert!(said.contains("try:"), "{said}");
    let said = desk.refused(
        3,
        &[
            "read",
            at,
            "1-1:32.7.0",
            "--server",
            "2",
            "--timeout",
            "100ms",
        ],
        "no answer to SNRM",
    );
    assert!(said.contains("(3 tries)"), "{said}");
}

#[test]
fn saved_meters_are_read_by_name_and_ipv6_works() {
    let desk = Desk::new();
    let meter = Simulator::start(&["--profile", "generic", "--listen", "[::1]:0"]);
    let add = [
        "meter",
        "add",
        "six",
        "--host",
        &meter.address,
        "--server",
        "1/17",
        "--object",
        "1-0:32.7.0",
        "--retries",
        "0",
    ];
    desk.ok(&add);
    let json = desk.json(&["read", "six", "--json"]);
    assert_eq!(json[0]["obis"], "1-0:32.7.0.255");
    let json = desk.json(&[
        "read",
        &meter.address,
        "1-0:32.7.0",
        "--server",
        "1/17",
        "--json",
    ]);
    assert_eq!(json[0]["unit"], "V");
    let said = desk.refused(
        3,
        &["read", "six", "--server", "1/18", "--timeout", "100ms"],
        "no answer",
    );
    assert!(said.contains("(1 try)"), "{said}");
}

/// One client at a time: were the meter not released, another client would be kept out for its inactivity time.
#[test]
fn an_interrupted_read_releases_the_meter() {
    for (signal, started) in [
        (rustix::process::Signal::INT, true),
        (rustix::process::Signal::TERM, true),
        (rustix::process::Signal::INT, false),
    ] {
        let desk = Desk::new();
        let meter = Simulator::start(&["--delay", "80ms"]);
        let trace = desk.folder().join("trace.jsonl");
        let line = [
            "read",
            &meter.address,
            "1-1:32.7.0",
            "1-1:1.8.0",
            "--every",
            "10ms",
            "--json",
            "--trace",
            trace.to_str().unwrap(),
        ];
        let mut child = desk
            .command(&line)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        if started {
            let mut first = String::new();
            BufReader::new(child.stdout.as_mut().unwrap())
                .read_line(&mut first)
                .unwrap();
            assert!(first.starts_with('['), "{first}");
        } else {
            // Somewhere in the handshake: after the quiet before SNRM, before the first value.
            std::thread::sleep(Duration::from_millis(350));
        }
        let pid = rustix::process::Pid::from_child(&child);
        rustix::process::kill_process(pid, signal).unwrap();
        let asked = Instant::now();
        let status = child.wait().unwrap();
        assert!(asked.elapsed() < Duration::from_secs(5));
        assert_eq!(status.code(), Some(i32::from(!started)), "{signal:?}");
        if started {
            let trace = std::fs::read_to_string(trace).unwrap();
            assert!(trace.contains("7EA00703215303C77E"), "no DISC: {trace}");
        }
        let password = desk.file("password", b"22222222");
        let other = [
            "read",
            &meter.address,
            "1-1:32.7.0",
            "--client",
            "1",
            "--password-file",
            &password,
            "--timeout",
            "500ms",
            "--json",
        ];
        desk.json(&other);
    }
}
