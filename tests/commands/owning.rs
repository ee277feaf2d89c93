//! Two obiscopes and one meter: the second says who has it, never disturbs the first, and waits when told to.
#![cfg(target_os = "linux")]

use super::desk::{Desk, Simulator};
use std::io::{BufRead, BufReader};
use std::process::{Child, Stdio};

/// Reads until it is ended; returns once the meter has answered.
fn reader(desk: &Desk, address: &str) -> Child {
    let line = ["read", address, "1/0-0:42.0.0/2", "--every", "100ms"];
    let mut child = desk
        .command(&line)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut first = String::new();
    let out = child.stdout.take().unwrap();
    let mut out = BufReader::new(out);
    out.read_line(&mut first).unwrap();
    assert!(!first.is_empty());
    // Emptied on, so that it never waits for us.
    std::thread::spawn(move || out.lines().map_while(Result::ok).count());
    child
}

fn end(mut child: Child) {
    let id = rustix::process::Pid::from_child(&child);
    rustix::process::kill_process(id, rustix::process::Signal::TERM).unwrap();
    child.wait().unwrap();
}

#[test]
fn the_second_says_who_has_it_and_waits_when_told_to() {
    // Each has its own folder: the meter is one all the same.
    let (desk, other) = (Desk::new(), Desk::new());
    let meter = Simulator::start(&["--profile", "generic"]);
    let first = reader(&desk, &meter.address);
    let line = ["read", &meter.address, "1/0-0:42.0.0/2"];
    let refused = other.run(&line);
    assert_eq!(refused.status, 3, "{}{}", refused.out, refused.err);
    let process = format!(
        "held by another obiscope: process {} (obiscope read), since",
        first.id()
    );
    assert!(refused.err.contains(&process), "{}", refused.err);
    assert!(refused.err.contains("--when-free"), "{}", refused.err);
    let port = meter.address.rsplit_once(':').unwrap().1;
    let scanned = other.run(&["scan", "127.0.0.1", "--ports", port]);
    assert!(
        scanned.out.contains("not asked: held by"),
        "{}",
        scanned.out
    );

    let waiting = other
        .command(&[&line[..], &["--when-free", "30s"]].concat())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    end(first);
    let done = waiting.wait_with_output().unwrap();
    assert_eq!(
        done.status.code(),
        Some(0),
        "{}",
        String::from_utf8_lossy(&done.stderr)
    );
}
