//! `obiscope scan` over loopback: meters in both dresses, one at another address, ports that are no meters.

use super::desk::{Desk, Simulator};
use serde_json::Value;
use std::io::Read;
use std::net::TcpListener;
use std::process::Stdio;
use std::time::{Duration, Instant};

fn port(address: &str) -> &str {
    address.rsplit_once(':').unwrap().1
}

/// A port that takes connections and says nothing, and one that ends them at once.
fn no_meters() -> (String, String) {
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let ends = TcpListener::bind("127.0.0.1:0").unwrap();
    let ports = [&mute, &ends].map(|it| it.local_addr().unwrap().port().to_string());
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in mute.incoming().flatten().take(64) {
            held.push(stream);
        }
    });
    std::thread::spawn(move || {
        for mut stream in ends.incoming().flatten().take(64) {
            // The first octets are taken, so that it ends with FIN.
            let _ = stream.read(&mut [0; 64]);
        }
    });
    let [mute, ends] = ports;
    (mute, ends)
}

#[test]
fn what_is_open_is_told_from_what_answers_and_both_dresses_are_known() {
    let desk = Desk::new();
    let hdlc = Simulator::start(&["--profile", "microstar", "--seed", "4"]);
    let wrapper = Simulator::start(&["--profile", "generic", "--transport", "wrapper-tcp"]);
    let (mute, ends) = no_meters();
    let closed = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port().to_string()
    };
    let ports = [
        port(&hdlc.address),
        port(&wrapper.address),
        &mute,
        &ends,
        &closed,
    ]
    .join(",");
    let line = [
        "scan",
        "127.0.0.1/32",
        "--ports",
        &ports,
        "--timeout",
        "300ms",
    ];
    let ended = desk.run(&[&line[..], &["--json"]].concat());
    assert_eq!(ended.status, 0, "{}{}", ended.out, ended.err);
    let all: Value = serde_json::from_str(&ended.out).unwrap();
    let at = |port: &str| {
        let found = all.as_array().unwrap().iter();
        let mut found = found.filter(|one| one["port"].as_u64() == port.parse().ok());
        found.next().cloned().unwrap_or_default()
    };
    let meter = at(port(&hdlc.address));
    assert_eq!(meter["state"], "dlms");
    assert_eq!(
        (&meter["transport"], &meter["client"]),
        (&"hdlc-tcp".into(), &16.into())
    );
    assert_eq!(meter["server"]["bytes"], 1);
    assert_eq!(at(port(&wrapper.address))["transport"], "wrapper-tcp");
    assert_eq!(at(&mute)["state"], "open");
    assert_eq!(at(&ends)["state"], "ended");
    assert_eq!(at(&closed), Value::Null, "{all}");
    assert!(ended.err.contains("DLMS answers at 2"), "{}", ended.err);
    assert!(ended.err.contains("refused 1"), "{}", ended.err);
    // A meter that was let go answers the next client at once.
    let again = desk.run(&line);
    assert!(
        again.out.contains("DLMS, hdlc-tcp, client 16 → 03"),
        "{}",
        again.out
    );
}

#[test]
fn a_probe_finds_the_other_address_says_who_it_is_and_saves_it() {
    let desk = Desk::new();
    let plain = Simulator::start(&["--profile", "microstar", "--seed", "4"]);
    let other = Simulator::start(&["--profile", "generic", "--fault", "address-size=4"]);
    let ports = [port(&plain.address), port(&other.address)].join(",");
    let line = [
        "scan",
        "127.0.0.1",
        "--ports",
        &ports,
        "--timeout",
        "300ms",
        "--probe",
        "--add",
    ];
    let ended = desk.run(&line);
    assert_eq!(ended.status, 0, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("00 02 00 23"), "{}", ended.out);
    let meters = desk.json(&["meter", "list", "--json"]);
    let meters = meters.as_array().unwrap();
    assert_eq!(meters.len(), 2, "{meters:?}");
    let found = |address: &str| {
        let mut found = meters
            .iter()
            .filter(|it| it["port"].as_u64() == port(address).parse().ok());
        found.next().cloned().unwrap_or_default()
    };
    assert_eq!(found(&other.address)["server"]["bytes"], 4, "{meters:?}");
    // Its serial number is its name.
    let name = found(&plain.address)["name"].as_str().unwrap().to_owned();
    assert!(name.chars().all(|c| c.is_ascii_digit()), "{name}");
    // What is saved is said, and not saved twice.
    let ended = desk.run(&line);
    assert!(
        ended.out.contains(&format!("saved as {name}")),
        "{}",
        ended.out
    );
    assert_eq!(
        desk.json(&["meter", "list", "--json"])
            .as_array()
            .unwrap()
            .len(),
        2
    );
}

/// The ladder of addresses at a mute port takes minutes.
#[test]
fn whoever_stops_a_scan_does_not_wait_for_the_whole_ladder() {
    let desk = Desk::new();
    let mute = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = mute.local_addr().unwrap().port().to_string();
    let (say, came) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let mut held = Vec::new();
        for stream in mute.incoming().flatten().take(64) {
            held.push(stream);
            let _ = say.send(());
        }
    });
    let line = [
        "scan",
        "127.0.0.1",
        "--ports",
        &port,
        "--probe",
        "--timeout",
        "500ms",
    ];
    let child = desk
        .command(&line)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // As often as the port is knocked at, and then the prober.
    for _ in 0..3 {
        let _ = came.recv_timeout(Duration::from_secs(5));
    }
    let pid = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(pid, rustix::process::Signal::INT).unwrap();
    let asked = Instant::now();
    let ended = child.wait_with_output().unwrap();
    assert!(asked.elapsed() < Duration::from_secs(10), "{ended:?}");
    let err = String::from_utf8_lossy(&ended.stderr);
    assert!(err.contains("stopped early"), "{err}");
}

#[test]
fn nothing_there_is_status_3_and_too_much_is_refused() {
    let desk = Desk::new();
    let line = ["scan", "127.0.0.8/30", "--ports", "1", "--timeout", "500ms"];
    let ended = desk.run(&line);
    assert_eq!(ended.status, 3, "{}{}", ended.out, ended.err);
    assert!(ended.err.contains("2 of 2 hosts"), "{}", ended.err);
    assert_eq!(ended.out, "");
    desk.refused(2, &["scan", "127.0.0.0/8"], "--yes");
    desk.refused(2, &["scan", "127.0.0.0/99"], "0 to 32");
    desk.refused(2, &["scan", "meter-7"], "10.0.4.0/24");
    desk.refused(2, &["scan", "127.0.0.1", "--ports", "0"], "4059-4061");
    desk.refused(2, &["scan", "127.0.0.1", "--timeout", "0s"], "30s at most");
    desk.refused(2, &["scan", "127.0.0.1", "--at-once", "0"], "1 to 512");
}
