//! Our commands against the gurux meter, one by one: what each shows, and what each refuses.
use crate::process::{gurux_meter, json, obiscope};
use std::process::Output;

#[test]
fn the_gurux_meter_gives_register_scaler_clock_and_object_list() {
    let meter = gurux_meter();
    let port = meter.hdlc;
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
    assert_eq!(objects.len(), 34);
    assert!(
        read[4]["value"]
            .as_str()
            .unwrap()
            .contains("GRX0000000123456")
    );
}

#[test]
fn the_gurux_meter_takes_our_password_and_refuses_a_wrong_one_by_name() {
    let meter = gurux_meter();
    let port = meter.hdlc;
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
    let meter = gurux_meter();
    let port = meter.hdlc;
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
    let meter = gurux_meter();
    let port = meter.hdlc;
    let output = at_the_gurux_meter(port, "browse", &[]);
    let list = json(&output);
    assert_eq!(output.status.code(), Some(0));
    let list = list.as_array().unwrap();
    assert_eq!(list.len(), 34);
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
    let meter = gurux_meter();
    let port = meter.hdlc;
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
    let meter = gurux_meter();
    let port = meter.hdlc;
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
    let meter = gurux_meter();
    let port = meter.hdlc;
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
    let meter = gurux_meter();
    let port = meter.hdlc;
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
