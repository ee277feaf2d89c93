//! Every way of the table, tried: object list, register, clock, profile by range, SET and ACTION, both directions.
use crate::process::{GuruxMeter, client, gurux_meter, json, obiscope_in, simulated_meter};
use crate::table::{Link, Pair, WAYS, Way, lists_objects};
use serde_json::{Value, json};
use std::path::Path;

const TITLE: &str = "4D4D4D0000BC614E";

/// A command of ours at the gurux meter, one way; what it printed.
fn ours(meter: &GuruxMeter, link: Link, way: &Way, folder: &Path, command: &[&str]) -> Value {
    let port = match link {
        Link::Hdlc => meter.hdlc,
        Link::Wrapper => meter.wrapper,
    };
    let target = format!("127.0.0.1:{port}");
    let keys = match (way.auth, way.form, way.suite) {
        ("hls-ecdsa", ..) => "PEER_SIGNING_KEYS",
        (_, _, "2") => "PEER_LONG_KEYS",
        (_, "dedicated" | "general-dedicated", _) => "PEER_DEDICATED_KEYS",
        _ => "PEER_KEYS",
    };
    let mut arguments = vec![command[0], &target];
    arguments.extend(&command[1..]);
    arguments.extend(["--json", "--client", way.at_gurux, "--auth", way.auth]);
    arguments.extend(["--transport", link.transport()]);
    if !matches!(way.auth, "none" | "hls-gmac" | "hls-ecdsa") {
        arguments.extend(["--password-env", "PEER_PASSWORD"]);
    }
    if matches!(way.auth, "hls-gmac" | "hls-sha256" | "hls-ecdsa") {
        arguments.extend(["--system-title", TITLE]);
    }
    if matches!(way.auth, "hls-gmac" | "hls-ecdsa") {
        arguments.extend(["--keys-env", keys, "--suite", way.suite]);
    }
    if way.security != "none" {
        let form = way
            .form
            .strip_prefix("general-")
            .map_or(way.form, |_| "general");
        arguments.extend(["--security", way.security, "--ciphering", form]);
    }
    let output = obiscope_in(folder, &arguments);
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(
        output.status.code(),
        Some(0),
        "{}: {arguments:?}: {words}",
        way.name
    );
    json(&output)
}

fn our_client_at_the_gurux_meter(link: Link) {
    let meter = gurux_meter();
    let folder = tempfile::tempdir().unwrap();
    for way in WAYS
        .iter()
        .filter(|way| way.gap(Pair::GuruxMeter).is_none())
    {
        let ask = |command: &[&str]| ours(&meter, link, way, folder.path(), command);
        let objects = ask(&["browse"]);
        assert_eq!(objects.as_array().unwrap().len(), 34, "{}", way.name);
        let read = ask(&["read", "1-0:32.7.0", "0-0:1.0.0"]);
        assert_eq!(read[0]["value"], "230.5", "{}", way.name);
        assert_eq!(read[1]["class"], 8, "{}", way.name);
        let range = ["--from", "2026-01-01T03:00", "--to", "2026-01-01T04:00"];
        let rows = ask(&[&["profile", "1-0:99.1.0"], &range[..]].concat());
        assert_eq!(rows["rows"].as_array().unwrap().len(), 5, "{}", way.name);
        assert_eq!(rows["rows"][0][2], "1200084", "{}", way.name);
        if way.auth == "none" {
            continue;
        }
        // Read back, so that what was written last by another way proves nothing.
        let note = format!("by {}", way.name);
        let set = ask(&["set", "1/0-0:96.1.9/2", &note, "--yes"]);
        let hex = note
            .bytes()
            .fold(String::new(), |hex, octet| format!("{hex}{octet:02X}"));
        assert_eq!(set["after"], Value::from(hex), "{}", way.name);
        for (method, state) in [("1", false), ("2", true)] {
            ask(&["call", &format!("70/0-0:96.3.10/{method}"), "--yes"]);
            let read = ask(&["read", "70/0-0:96.3.10/2"]);
            assert_eq!(read[0]["raw"], Value::from(state), "{}", way.name);
        }
    }
}

#[test]
fn our_client_at_the_gurux_meter_over_hdlc_every_way() {
    our_client_at_the_gurux_meter(Link::Hdlc);
}

#[test]
fn our_client_at_the_gurux_meter_over_the_wrapper_every_way() {
    our_client_at_the_gurux_meter(Link::Wrapper);
}

/// What our generic meter is asked, by whatever client.
const OBJECTS: &str = "objects";
const READING: [&str; 3] = [
    "3/1.0.32.7.0.255/2",
    "3/1.0.32.7.0.255/3",
    "8/0.0.1.0.0.255/2",
];
const WRITING: [&str; 4] = [
    "set:1/0.0.96.1.9.255/2:414243",
    "1/0.0.96.1.9.255/2",
    "call:70/0.0.96.3.10.255/1",
    "70/0.0.96.3.10.255/2",
];

fn their_client_at_our_meter(script: &str, pair: Pair, link: Link) {
    let (_peer, port) = simulated_meter(&["--profile", "generic", "--transport", link.transport()]);
    let port = port.to_string();
    let mut counter = 1_000_u32;
    for way in WAYS.iter().filter(|way| way.gap(pair).is_none()) {
        let range = last_two_hours();
        let mut steps = READING.to_vec();
        steps.push(&range);
        if lists_objects(pair, link) {
            steps.push(OBJECTS);
        }
        if way.auth != "none" {
            steps.extend(WRITING);
        }
        // The u9n client ends an HDLC frame at any 7E inside: an answer that holds one costs it a try.
        let tries = if pair == Pair::U9nClient { 6 } else { 1 };
        let mut last = String::new();
        let printed = (0..tries).find_map(|_| {
            counter += 1_000;
            let counter = counter.to_string();
            let mut arguments = vec![port.as_str(), way.at_ours, "1"];
            arguments.extend(["--link", link.name(), "--auth", way.auth]);
            arguments.extend(["--title", TITLE, "--counter", &counter]);
            if pair == Pair::GuruxClient {
                arguments.extend(["--security", way.security, "--form", way.form]);
                arguments.extend(["--suite", way.suite]);
                if way.suite == "2" {
                    arguments.extend(["--long-keys"]);
                }
            }
            arguments.extend(&steps);
            client(script, &arguments)
                .map_err(|error| last = error)
                .ok()
        });
        let printed =
            printed.unwrap_or_else(|| panic!("{} over {}: {last}", way.name, link.name()));
        check_generic(way, &printed, &range);
        if lists_objects(pair, link) {
            let objects = printed.iter().find(|step| step["step"] == OBJECTS).unwrap();
            assert!(
                objects["value"].as_array().unwrap().len() > 30,
                "{}",
                way.name
            );
        }
    }
}

/// The simulated meter's clock goes with this computer's, and its profile has a row every quarter of an hour.
fn last_two_hours() -> String {
    let now = jiff::Timestamp::now();
    let at = |hours: i64| {
        (now - jiff::SignedDuration::from_hours(hours))
            .strftime("%Y-%m-%dT%H.%M")
            .to_string()
    };
    format!("range:1.0.99.1.0.255:{}:{}", at(2), at(0))
}

fn check_generic(way: &Way, printed: &[Value], range: &str) {
    let value = |name: &str| {
        let found = printed.iter().find(|step| step["step"] == name);
        &found.unwrap_or_else(|| panic!("{}: no {name} in {printed:?}", way.name))["value"]
    };
    let tenths = value(READING[0]).as_i64().unwrap();
    assert!((20_000..26_000).contains(&tenths), "{}: {tenths}", way.name);
    assert_eq!(*value(READING[1]), json!([-2, 35]), "{}", way.name);
    let rows = value(range).as_array().unwrap().len();
    assert!((7..=9).contains(&rows), "{}: {rows} rows", way.name);
    if way.auth != "none" {
        assert_eq!(*value(WRITING[1]), "414243", "{}", way.name);
        assert_eq!(*value(WRITING[3]), false, "{}", way.name);
    }
}

#[test]
fn the_gurux_client_at_our_meter_over_hdlc_every_way() {
    their_client_at_our_meter("gurux_client.py", Pair::GuruxClient, Link::Hdlc);
}

#[test]
fn the_gurux_client_at_our_meter_over_the_wrapper_every_way() {
    their_client_at_our_meter("gurux_client.py", Pair::GuruxClient, Link::Wrapper);
}

#[test]
fn the_u9n_client_at_our_meter_over_hdlc_every_way() {
    their_client_at_our_meter("u9n_client.py", Pair::U9nClient, Link::Hdlc);
}

#[test]
fn the_u9n_client_at_our_meter_over_the_wrapper_every_way() {
    their_client_at_our_meter("u9n_client.py", Pair::U9nClient, Link::Wrapper);
}

/// The field meter, with its one-byte address and its habits.
const MICROSTAR: [&str; 3] = ["objects", "3/1.1.32.7.0.255/2", "3/1.1.32.7.0.255/3"];

#[test]
fn both_clients_read_a_simulated_microstar() {
    for script in ["gurux_client.py", "u9n_client.py"] {
        let (_peer, port) = simulated_meter(&["--profile", "microstar"]);
        let port = port.to_string();
        let mut arguments = vec![port.as_str(), "16", "1"];
        arguments.extend(MICROSTAR);
        let printed = (0..6)
            .find_map(|_| client(script, &arguments).ok())
            .unwrap();
        let value =
            |name: &str| &printed.iter().find(|step| step["step"] == name).unwrap()["value"];
        assert!(value("objects").as_array().unwrap().len() > 50);
        let hundredths = value(MICROSTAR[1]).as_i64().unwrap();
        assert!((9_000..30_000).contains(&hundredths), "{hundredths}");
        assert_eq!(*value(MICROSTAR[2]), json!([-2, 35]));
    }
}
