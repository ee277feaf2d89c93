//! GETs per second over one loopback connection, beside a bare tokio and a bare blocking ping-pong of the same bytes
//! against the same server in the same run. `cargo bench --bench get_rate`; takes about ten seconds.
//!
//! The server is another process with canned answers, so that only the client differs and its CPU time is its own.
//! Rounds are interleaved and the median of the ratios is told: what else the machine does hits all alike.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_precision_loss,
    clippy::cast_possible_truncation,
    clippy::single_match_else,
    clippy::unchecked_time_subtraction,
    reason = "a bench prints and stops at the first surprise"
)]

mod canned;
mod idle;

use canned::{REQUESTS, Server};
use obiscope::cosem::{AttributeRef, Obis};
use obiscope::meter::session::Session;
use obiscope::meter::tap::Tap;
use obiscope::meter::transport::Tcp;
use obiscope::meter::{Clock, Definition};
use rustix::thread::{CpuSet, sched_setaffinity};
use rustix::time::{ClockId, clock_gettime};
use std::io::{Read, Write};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

const ROUNDS: usize = 40;
/// Exchanges a round: some tens of milliseconds.
const EXCHANGES: usize = 2_000;
const VALUE: AttributeRef = AttributeRef {
    class: 3,
    obis: Obis::new(1, 1, 32, 7, 0, 255),
    attribute: 2,
};

/// Keeps both ends on one core: whether they share one matters more than what either does, and the scheduler decides
/// it anew for every connection. Sharing is the harder measure: no waking of another core hides what we add. Where it
/// cannot be had, the figures are only rougher.
fn share_a_core() {
    let mut cores = CpuSet::new();
    cores.set(0);
    let _ = sched_setaffinity(None, &cores);
}

fn main() {
    share_a_core();
    if canned::is_server() {
        return canned::serve();
    }
    let server = Server::spawn();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut session = runtime.block_on(open(server.port));
    let mut pong = runtime
        .block_on(tokio::net::TcpStream::connect(("127.0.0.1", server.port)))
        .unwrap();
    pong.set_nodelay(true).unwrap();
    let mut bare = std::net::TcpStream::connect(("127.0.0.1", server.port)).unwrap();
    bare.set_nodelay(true).unwrap();
    let requests = canned::requests();

    let mut rounds = Vec::new();
    for round in 0..=ROUNDS {
        let mut session_round = || measure(|| runtime.block_on(gets(&mut session, EXCHANGES)));
        let mut tokio_round =
            || measure(|| runtime.block_on(tokio_ping_pong(&mut pong, &requests)));
        // Whoever goes first finds colder caches: take turns.
        let (session, tokio) = if round % 2 == 0 {
            let first = session_round();
            (first, tokio_round())
        } else {
            let first = tokio_round();
            (session_round(), first)
        };
        let blocking = measure(|| blocking_ping_pong(&mut bare, &requests));
        // The first warms up.
        if round > 0 {
            rounds.push([session, tokio, blocking]);
        }
    }
    report(&rounds);

    let allocations =
        allocation_counter::measure(|| runtime.block_on(gets(&mut session, EXCHANGES)));
    let each = allocations.count_total as f64 / EXCHANGES as f64;
    println!("allocations per GET (the value is an integer)   {each:10.3}");
    runtime.block_on(session.release());
    drop(server);
    idle::report();
}

async fn open(port: u16) -> Session {
    let meter = Definition::new("bench", "127.0.0.1", port);
    // As in the head-end: a trace is kept.
    let tap = Tap::new(64 * 1024);
    Session::open(&meter, &Tcp, Clock::System, tap, &mut |_, _| {})
        .await
        .unwrap()
}

async fn gets(session: &mut Session, count: usize) {
    for _ in 0..count {
        session.get(VALUE).await.unwrap().unwrap();
    }
}

async fn tokio_ping_pong(stream: &mut tokio::net::TcpStream, requests: &[Vec<u8>; REQUESTS]) {
    let mut answer = [0; 2048];
    for request in requests.iter().cycle().take(EXCHANGES) {
        stream.write_all(request).await.unwrap();
        let mut got = 0;
        while got < canned::ANSWER {
            got += stream.read(&mut answer[got..]).await.unwrap();
        }
    }
}

fn blocking_ping_pong(stream: &mut std::net::TcpStream, requests: &[Vec<u8>; REQUESTS]) {
    let mut answer = [0; 2048];
    for request in requests.iter().cycle().take(EXCHANGES) {
        stream.write_all(request).unwrap();
        let mut got = 0;
        while got < canned::ANSWER {
            got += stream.read(&mut answer[got..]).unwrap();
        }
    }
}

/// Wall and CPU time of one exchange.
#[derive(Clone, Copy)]
struct Cost {
    wall: Duration,
    cpu: Duration,
}

fn measure(run: impl FnOnce()) -> Cost {
    let cpu = || Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap();
    let (started, before) = (Instant::now(), cpu());
    run();
    let exchanges = u32::try_from(EXCHANGES).unwrap();
    Cost {
        wall: started.elapsed() / exchanges,
        cpu: (cpu() - before) / exchanges,
    }
}

fn report(rounds: &[[Cost; 3]]) {
    let of = |f: &dyn Fn(&[Cost; 3]) -> f64| median(rounds.iter().map(f).collect());
    let rate = |i: usize| of(&move |r| 1.0 / r[i].wall.as_secs_f64());
    let cpu = |i: usize| of(&move |r| r[i].cpu.as_secs_f64() * 1e6);
    println!(
        "one loopback connection, {EXCHANGES} exchanges a round, median of {ROUNDS} interleaved rounds"
    );
    println!("                            exchanges/s    CPU µs each");
    for (i, name) in ["obiscope GET", "tokio ping-pong", "blocking ping-pong"]
        .iter()
        .enumerate()
    {
        println!("{name:<24}{:>15.0}{:>15.2}", rate(i), cpu(i));
    }
    let ratio = |i: usize| of(&move |r| r[i].wall.as_secs_f64() / r[0].wall.as_secs_f64());
    println!(
        "GET against tokio ping-pong, ratio of rates     {:10.3}",
        ratio(1)
    );
    println!(
        "GET against blocking ping-pong, ratio of rates  {:10.3}",
        ratio(2)
    );
    let beyond = of(&|r| (r[0].cpu.as_secs_f64() - r[1].cpu.as_secs_f64()) * 1e6);
    println!("CPU per GET beyond tokio ping-pong, µs          {beyond:10.3}");
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
