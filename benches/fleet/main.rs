//! From one meter to ten thousand on one computer, simulators included: lateness on the grid, missed cycles, memory and CPU a meter
//! beside a bare ping-pong of the same bytes, and the screen on top. `cargo bench --bench fleet`; about four minutes.
//!
//! `cargo bench --bench fleet -- --minutes 10 --meters 10000` measures for longer, and only that many; `-- --screen` only the
//! screen. Meters, head-end and ping-pong are processes of their own, all on the same two cores, over loopback TCP.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a bench prints and stops at the first surprise"
)]

mod children;
mod client;
mod pong;
mod screen;
mod simulators;
mod watched;

use children::{Child, Figures};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use rustix::thread::{CpuSet, sched_setaffinity};
use std::time::Duration;

/// What is polled, and how often.
const OBJECTS: usize = 5;
const PERIOD: Duration = Duration::from_secs(5);
/// One process holds two open files for each: a port and a connection.
const A_SIMULATOR: usize = 5_000;
const SIZES: [usize; 5] = [1, 10, 100, 1_000, 10_000];
const SECONDS: u64 = 30;
const SECONDS_OF_MANY: u64 = 60;

fn main() {
    two_cores();
    if let Ok(role) = std::env::var(children::ROLE) {
        return match role.as_str() {
            "simulator" => simulators::serve(),
            "pong" => pong::serve(),
            "ping" => pong::ping(),
            "client" => client::run(),
            other => panic!("{other}"),
        };
    }
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |name: &str| -> Option<u64> {
        let at = words.iter().position(|word| word == name)?;
        words.get(at + 1)?.parse().ok()
    };
    if !words.iter().any(|word| word == "--screen") {
        let only = number("--meters").map(|meters| meters as usize);
        let sizes = only.map_or(SIZES.to_vec(), |only| vec![only]);
        fleets(&sizes, number("--minutes").map(|minutes| minutes * 60));
    }
    screen::report();
}

/// As many cores as the figures are told for, and as many open files as there may be.
fn two_cores() {
    let mut cores = CpuSet::new();
    cores.set(0);
    cores.set(1);
    let _ = sched_setaffinity(None, &cores);
    let maximum = getrlimit(Resource::Nofile).maximum;
    let _ = setrlimit(
        Resource::Nofile,
        Rlimit {
            current: maximum,
            maximum,
        },
    );
}

fn fleets(sizes: &[usize], seconds: Option<u64>) {
    println!(
        "{OBJECTS} objects every {} s over loopback TCP, two cores, simulators included",
        PERIOD.as_secs()
    );
    println!(
        "{:>7} {:>6} {:>8} {:>7} {:>7} {:>8} {:>9} {:>9} {:>9} {:>8} {:>8} {:>6} {:>7}",
        "meters",
        "s",
        "cycles",
        "missed",
        "lost",
        "late p50",
        "late p99",
        "late max",
        "µs/cycle",
        "µs/GET",
        "ping µs",
        "ratio",
        "RSS MiB"
    );
    let mut resident = Vec::new();
    for meters in sizes {
        let few = if *meters >= A_SIMULATOR {
            SECONDS_OF_MANY
        } else {
            SECONDS
        };
        let it = one(*meters, seconds.unwrap_or(few));
        let ping = ping(*meters, 20);
        let gets = it.of("gets").max(1.0);
        let each = it.of("cpu_us") / gets;
        println!(
            "{meters:>7} {:>6.0} {:>8.0} {:>7.0} {:>7.0} {:>6.1}ms {:>7.1}ms {:>7.1}ms {:>9.0} {each:>8.1} {ping:>8.1} {:>5.2}x {:>7.1}",
            it.of("seconds"),
            it.of("cycles"),
            it.of("missed"),
            it.of("lost"),
            it.of("late_p50"),
            it.of("late_p99"),
            it.of("late_max"),
            it.of("cpu_us") / it.of("cycles").max(1.0),
            each / ping,
            it.of("rss") / 1_048_576.0,
        );
        println!(
            "        of the CPU: store {:.0} %; of two cores: client {:.1} %, simulators {:.1} %; ramp {:.1} s; values stored {:.0}, \
             came late or not at all {:.0}; polls lost in the ramp {:.0}",
            it.of("store_us") / it.of("cpu_us").max(1.0) * 100.0,
            it.of("cpu_us") / it.of("seconds") / 20_000.0,
            it.of("simulators_us") / it.of("seconds") / 20_000.0,
            it.of("ramp"),
            it.of("stored"),
            it.of("short"),
            it.of("lost_in_ramp"),
        );
        resident.push((*meters as f64, it.of("rss"), it.of("rss_before")));
    }
    for pair in resident.windows(2) {
        let [(few, less, _), (many, more, _)] = pair else {
            continue;
        };
        println!(
            "from {few:.0} to {many:.0} meters: {:.1} KiB of memory for each more",
            (more - less) / (many - few) / 1024.0
        );
    }
    if let Some((meters, rss, before)) = resident.last() {
        println!(
            "at {meters:.0}: {:.1} KiB each above the process without meters",
            (rss - before) / meters / 1024.0
        );
    }
}

fn one(meters: usize, seconds: u64) -> Figures {
    let simulators = simulators::start(meters);
    let before: f64 = simulators.iter().map(Child::cpu_us).sum();
    let mut client = Child::spawn("client", &[("METERS", meters as u64), ("SECONDS", seconds)]);
    for simulator in &simulators {
        client.say(&simulator.first);
    }
    client.say("");
    let mut figures = client.figures();
    // The ramp is in it, which makes the simulators dearer than they are.
    let simulated: f64 = simulators.iter().map(Child::cpu_us).sum::<f64>() - before;
    let whole = figures.of("whole");
    figures.set("simulators_us", simulated * figures.of("seconds") / whole);
    figures
}

/// CPU microseconds of an exchange between the same number of bare connections, on the same grid.
fn ping(meters: usize, seconds: u64) -> f64 {
    let server = Child::spawn("pong", &[]);
    let server_line = server.first_line();
    let mut client = Child::spawn("ping", &[("METERS", meters as u64), ("SECONDS", seconds)]);
    client.say(&server_line);
    let figures = client.figures();
    figures.of("cpu_us") / figures.of("exchanges").max(1.0)
}
