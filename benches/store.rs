//! Readings into SQLite while a chart is drawn from it, and a year of one meter for a chart: `cargo bench --bench store`.
//!
//! Beside bare SQLite that inserts the same readings a row each, in lots of the same size, with the same waits for the disk.
#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::cast_precision_loss,
    reason = "a bench prints and stops at the first surprise"
)]

use jiff::Timestamp;
use obiscope::cosem::{AttributeRef, Data, Obis, ObjectSpec, ScalerUnit, Unit};
use obiscope::meter::{Definition, MeterId, Poll, Reading};
use obiscope::store::{Query, Store};
use rusqlite::{Connection, params};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tempfile::TempDir;

const METERS: i64 = 10_000;
/// What the head-end commits together at most.
const LOT: usize = 64;
const OBJECTS: u8 = 5;
const SUSTAINED: Duration = Duration::from_secs(20);
/// 5 November 2025.
const BEGIN: i64 = 1_762_300_800_000;
const YEAR: i64 = 365 * 86_400_000;

fn poll(meter: MeterId, ms: i64, n: i64) -> Poll {
    let at = Timestamp::from_millisecond(ms).unwrap();
    let reading = |object: u8| {
        let obis = Obis::new(1, 1, 32 + object, 7, 0, 255);
        Reading {
            spec: ObjectSpec::Value(obis),
            key: format!("object_{object}"),
            attribute: AttributeRef {
                class: 3,
                obis,
                attribute: 2,
            },
            scaler_unit: Some(ScalerUnit {
                scaler: -2,
                unit: Unit(35),
            }),
            at: Timestamp::from_millisecond(ms + i64::from(object) * 40).unwrap(),
            value: Ok(Data::Long64(13_500 + (n * 7 + i64::from(object)) % 100)),
        }
    };
    Poll {
        meter,
        at,
        readings: (0..OBJECTS).map(reading).collect(),
    }
}

fn query(meter: MeterId, points: usize) -> Query {
    Query {
        meter,
        key: "object_0".to_owned(),
        from: Timestamp::from_millisecond(BEGIN).unwrap(),
        to: Timestamp::from_millisecond(BEGIN + YEAR).unwrap(),
        points,
    }
}

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap();
    let bare = bare();
    let (ours, slowest, charts) = runtime.block_on(sustained());
    println!(
        "readings a second into SQLite, {METERS} meters, lots of {LOT} cycles of {OBJECTS}, synchronous FULL\n"
    );
    println!("{:<52}{:>10}  {:>8}", "", "a second", "ratio");
    println!(
        "{:<52}{bare:>10.0}  {:>7.2}x",
        "bare SQLite, a row a reading, an index, no reader", 1.0
    );
    let what = format!("obiscope, steps kept, {charts} charts drawn meanwhile");
    println!("{what:<52}{ours:>10.0}  {:>7.2}x", ours / bare);
    println!("\nslowest chart meanwhile {slowest:.1?}; wanted: 50000 a second\n");
    println!(
        "{:<52}{:>10}  {:>8}",
        "a year of one meter, 500 points", "median", "a cycle"
    );
    for every in [900_000, 5_000] {
        let (took, bytes) = runtime.block_on(year(every));
        let what = format!("every {} s, {} cycles", every / 1_000, YEAR / every);
        println!("{what:<52}{took:>10.1?}  {bytes:>6} B");
    }
}

async fn meters(store: &Store, many: i64) -> Vec<MeterId> {
    let each = (0..many).map(|n| Definition::new(format!("m{n}"), format!("m{n}"), 3333));
    let saved = store.save_meters(each.collect()).await.unwrap();
    saved.iter().map(|it| it.id).collect()
}

/// Readings a second, the slowest chart, and how many were drawn.
async fn sustained() -> (f64, Duration, u64) {
    let folder = TempDir::new().unwrap();
    let store = Store::open(&folder.path().join("obiscope.db")).unwrap();
    let ids = meters(&store, METERS).await;
    let ended = Arc::new(AtomicBool::new(false));
    let reader = tokio::spawn({
        let (store, ended, id) = (store.clone(), Arc::clone(&ended), ids[0]);
        async move {
            let (mut slowest, mut charts) = (Duration::ZERO, 0);
            while !ended.load(Ordering::Relaxed) {
                let began = Instant::now();
                store.history(query(id, 500)).await.unwrap();
                slowest = slowest.max(began.elapsed());
                charts += 1;
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            (slowest, charts)
        }
    });
    let began = Instant::now();
    let (mut done, mut round) = (0_u64, 0);
    while began.elapsed() < SUSTAINED {
        for lot in ids.chunks(LOT) {
            let lot = lot
                .iter()
                .map(|id| (Arc::new(poll(*id, BEGIN + round * 5_000, round)), None));
            for committed in store.commit_polls(lot.collect()).await.unwrap() {
                committed.unwrap();
                done += u64::from(OBJECTS);
            }
        }
        round += 1;
    }
    let rate = done as f64 / began.elapsed().as_secs_f64();
    ended.store(true, Ordering::Relaxed);
    let (slowest, charts) = reader.await.unwrap();
    store.close().await;
    (rate, slowest, charts)
}

/// The same readings as rows of a plain table.
fn bare() -> f64 {
    let folder = TempDir::new().unwrap();
    let mut connection = Connection::open(folder.path().join("bare.db")).unwrap();
    connection
        .execute_batch(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
             CREATE TABLE reading (id INTEGER PRIMARY KEY, meter INTEGER, key TEXT, at INTEGER, raw INTEGER);
             CREATE INDEX of_key ON reading (meter, key, at);",
        )
        .unwrap();
    let keys: Vec<String> = (0..OBJECTS)
        .map(|object| format!("object_{object}"))
        .collect();
    let began = Instant::now();
    let (mut done, mut round) = (0_u64, 0);
    let all: Vec<i64> = (1..=METERS).collect();
    while began.elapsed() < SUSTAINED / 2 {
        for lot in all.chunks(LOT) {
            let transaction = connection.transaction().unwrap();
            let mut insert = transaction
                .prepare_cached("INSERT INTO reading (meter, key, at, raw) VALUES (?, ?, ?, ?)")
                .unwrap();
            for meter in lot {
                for key in &keys {
                    insert
                        .execute(params![
                            meter,
                            key,
                            BEGIN + round * 5_000,
                            13_500 + round % 100
                        ])
                        .unwrap();
                    done += 1;
                }
            }
            drop(insert);
            transaction.commit().unwrap();
        }
        round += 1;
    }
    done as f64 / began.elapsed().as_secs_f64()
}

/// The median of a chart, and what a cycle takes on disk.
async fn year(every: i64) -> (Duration, u64) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("obiscope.db");
    let store = Store::open(&path).unwrap();
    let id = meters(&store, 1).await[0];
    let cycles = YEAR / every;
    let mut n = 0;
    while n < cycles {
        let until = (n + 20_000).min(cycles);
        let lot = (n..until).map(|n| (Arc::new(poll(id, BEGIN + n * every, n)), None));
        for committed in store.commit_polls(lot.collect()).await.unwrap() {
            committed.unwrap();
        }
        n = until;
    }
    let mut took = Vec::new();
    for _ in 0..21 {
        let began = Instant::now();
        let series = store.history(query(id, 500)).await.unwrap();
        took.push(began.elapsed());
        let count: u64 = series.points.iter().map(|it| it.count).sum();
        assert_eq!(i64::try_from(count).unwrap(), cycles);
    }
    took.sort();
    store.close().await;
    let bytes = std::fs::metadata(&path).unwrap().len();
    (took[took.len() / 2], bytes / cycles.unsigned_abs())
}
