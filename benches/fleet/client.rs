//! The head-end with its store on disk, as `obiscope bridge` runs it: everything between the sockets and the database.

use super::children::{cpu_us, number};
use super::watched::{self, Watched};
use super::{OBJECTS, PERIOD};
use obiscope::dlms::security::Secret;
use obiscope::headend::{Headend, Options, PhaseGroup, Scope};
use obiscope::meter::{Clock, Definition};
use obiscope::store::Store;
use rustix::time::{ClockId, clock_gettime};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// As the bridge keeps.
const TRACE_BYTES: usize = 64 * 1024;
const LONGEST_RAMP: Duration = Duration::from_mins(2);

pub fn run() {
    let mut places: Vec<SocketAddr> = Vec::new();
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        if line.is_empty() {
            break;
        }
        places.extend(line.split(' ').map(|it| it.parse::<SocketAddr>().unwrap()));
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(measured(&places));
}

async fn measured(places: &[SocketAddr]) {
    let folder = tempfile::TempDir::new().unwrap();
    let store = Store::open(&folder.path().join("obiscope.db")).unwrap();
    let meters = places.iter().enumerate().map(|(n, place)| {
        let mut meter =
            Definition::microstar(format!("m{n:05}"), place.ip().to_string(), place.port());
        meter.password = Some(Secret::new("22222222"));
        meter.poll = PERIOD;
        meter.objects.truncate(OBJECTS);
        meter
    });
    drop(store.save_meters(meters.collect()).await.unwrap());
    println!("rss_before {}", resident());
    let whole = Instant::now();
    let headend = Headend::start_on(
        Options {
            store,
            connector: Arc::new(Watched),
            clock: Clock::System,
            seed: 1,
            trace_bytes: TRACE_BYTES,
        },
        Scope::default(),
        None,
    )
    .await
    .unwrap();
    let many = places.len() as u64;
    while headend.totals().group(PhaseGroup::Ready) < many {
        assert!(whole.elapsed() < LONGEST_RAMP, "{:?}", headend.totals());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    println!("ramp {}", whole.elapsed().as_secs_f64());
    // Until each has its grid and what the connecting took is given back.
    tokio::time::sleep(2 * PERIOD).await;
    let cpu = || Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap();
    watched::begin_anew();
    let (began, before, store_before) = (headend.totals(), cpu(), store_cpu());
    let started = Instant::now();
    tokio::time::sleep(Duration::from_secs(number("SECONDS"))).await;
    let (seconds, used, store_used) =
        (started.elapsed(), cpu().saturating_sub(before), store_cpu());
    let rss = resident();
    let now = headend.totals();
    println!("seconds {}", seconds.as_secs_f64());
    println!("cpu_us {}", used.as_micros());
    println!("store_us {}", store_used - store_before);
    println!("rss {rss}");
    println!("cycles {}", now.cycles - began.cycles);
    println!("missed {}", now.missed - began.missed);
    println!("lost {}", now.lost - began.lost);
    println!("lost_in_ramp {}", began.lost);
    println!("gets {}", now.requests - began.requests);
    println!("stored {}", now.stored - began.stored);
    println!(
        "short {}",
        (now.start.of - now.start.good) - (began.start.of - began.start.good)
    );
    for (name, thousandths) in [("late_p50", 500), ("late_p99", 990), ("late_max", 1000)] {
        println!("{name} {}", watched::late(thousandths));
    }
    headend.shutdown().await;
    println!("whole {}", whole.elapsed().as_secs_f64());
}

/// Of the thread that writes the database.
fn store_cpu() -> f64 {
    let tasks = std::fs::read_dir("/proc/self/task").unwrap().flatten();
    let of_store = tasks.filter(|task| {
        let name = std::fs::read_to_string(task.path().join("comm")).unwrap_or_default();
        name.trim() == "store"
    });
    of_store
        .map(|task| cpu_us(&task.path().join("stat").display().to_string()))
        .sum()
}

/// Resident memory of this process, bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * rustix::param::page_size()
}
