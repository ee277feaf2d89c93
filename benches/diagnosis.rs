//! What the diagnosis costs: of a GET over loopback TCP, and of a trace of a million frames.
//! `cargo bench --bench diagnosis`; takes a few seconds.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a bench prints and stops at the first surprise"
)]

use obiscope::diagnosis::{Direction, Engine, Observation, Settings};
use obiscope::dlms::hdlc::{Control, frame};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

const GET: &[u8] = &[
    0xE6, 0xE6, 0x00, 0xC0, 0x01, 0xC1, 0x00, 0x03, 0x01, 0x01, 0x20, 0x07, 0x00, 0xFF, 0x02, 0x00,
];
const DATA: &[u8] = &[
    0xE6, 0xE7, 0x00, 0xC4, 0x01, 0xC1, 0x00, 0x06, 0x00, 0x00, 0x34, 0xE4,
];
const EXCHANGES: usize = 500_000;
const PINGS: usize = 20_000;

fn built(control: Control, information: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    frame::build(&[3], &[3], control, false, information, &mut out).unwrap();
    out
}

/// The eight exchanges after which the numbers begin again.
fn exchanges() -> Vec<(Vec<u8>, Vec<u8>)> {
    let numbered = |send, receive, information| {
        let poll = true;
        let control = Control::Information {
            send,
            receive,
            poll,
        };
        built(control, information)
    };
    (0..8)
        .map(|n| (numbered(n, n, GET), numbered(n, (n + 1) & 7, DATA)))
        .collect()
}

fn opened() -> Engine {
    let mut engine = Engine::new(Settings::default());
    let (snrm, ua) = (
        built(Control::Snrm { poll: true }, &[]),
        built(Control::Ua { poll: true }, &[]),
    );
    engine.observe(0, &Observation::Bytes(Direction::Sent, &snrm));
    engine.observe(1, &Observation::Bytes(Direction::Received, &ua));
    engine
}

/// Time of an exchange over loopback, the barest client and server there are.
fn bare() -> Duration {
    let (request, answer) = exchanges().remove(0);
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (asked, length) = (request.len(), answer.len());
    let server = std::thread::spawn(move || {
        let (mut line, _) = listener.accept().unwrap();
        line.set_nodelay(true).unwrap();
        let mut heard = vec![0; asked];
        while line.read_exact(&mut heard).is_ok() {
            line.write_all(&answer).unwrap();
        }
    });
    let mut line = TcpStream::connect(address).unwrap();
    line.set_nodelay(true).unwrap();
    let mut heard = vec![0; length];
    let start = Instant::now();
    for _ in 0..PINGS {
        line.write_all(&request).unwrap();
        line.read_exact(&mut heard).unwrap();
    }
    let each = start.elapsed() / u32::try_from(PINGS).unwrap();
    drop(line);
    server.join().unwrap();
    each
}

fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM"));
    let digits = line.and_then(|line| line.split_whitespace().nth(1));
    digits.and_then(|digits| digits.parse().ok()).unwrap_or(0)
}

fn main() {
    let exchanges = exchanges();
    let run = |engine: &mut Engine, count: usize| {
        for (at, (request, answer)) in exchanges.iter().cycle().take(count).enumerate() {
            let at = i64::try_from(at).unwrap() * 40;
            engine.observe(at, &Observation::Bytes(Direction::Sent, request));
            engine.observe(at + 20, &Observation::Bytes(Direction::Received, answer));
        }
    };
    let mut engine = opened();
    run(&mut engine, 1_000);
    let before = peak_kib();
    let start = Instant::now();
    run(&mut engine, EXCHANGES);
    let took = start.elapsed();
    assert!(engine.findings().is_empty(), "{:?}", engine.findings());
    let frames = EXCHANGES * 2;
    println!(
        "{frames} frames: {:.0} frames/s, memory grown by {} KiB",
        frames as f64 / took.as_secs_f64(),
        peak_kib() - before
    );
    let each = took / u32::try_from(EXCHANGES).unwrap();
    let bare = bare();
    println!(
        "a GET's two frames: {each:?}; the barest exchange over loopback: {bare:?}; {:.1} %",
        each.as_secs_f64() / bare.as_secs_f64() * 100.0
    );
}
