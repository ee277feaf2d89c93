//! From a reading to its PUBACK: a thousand meters, each read once a second, committed as they come and durable.

use crate::{Desk, SIZE};
use obiscope::meter::{Definition, MeterId, Poll};
use obiscope::store::{Kind, Message, Protocol, Render};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;

const METERS: u32 = 1_000;
const SECONDS: u32 = 12;
/// As the head-end has it.
const LOT: usize = 64;

pub fn measure(runtime: &Runtime, port: u16) {
    println!("from reading to PUBACK, {METERS} meters each read once a second for {SECONDS} s\n");
    for window in [20, 100] {
        let mut times = runtime.block_on(times(port, window));
        times.sort_unstable();
        let at = |share: usize| times[(times.len() - 1) * share / 1_000].as_secs_f64() * 1e3;
        println!(
            "window {window:>3}: p50 {:.2} ms, p99 {:.2} ms, p99.9 {:.2} ms, most {:.2} ms ({} readings)",
            at(500),
            at(990),
            at(999),
            at(1_000),
            times.len()
        );
    }
}

async fn times(port: u16, window: u16) -> Vec<Duration> {
    let desk = Desk::new(port, Protocol::V5, window).await;
    let meters =
        (0..METERS).map(|place| Definition::new(format!("m{place}"), format!("m{place}"), 1));
    let meters = desk.store.save_meters(meters.collect()).await.unwrap();
    let mut handle = desk.publish();
    let total = u64::from(METERS * SECONDS);
    let (read, mut finished) = mpsc::channel::<(MeterId, Instant)>(1_024);
    // In the order of their commit, which is the order of their PUBACKs.
    let under_way = Arc::new(Mutex::new(VecDeque::new()));

    let reading = tokio::spawn(async move {
        let began = tokio::time::Instant::now();
        for number in 0..METERS * SECONDS {
            let due = began + Duration::from_secs(1) * number / METERS;
            tokio::time::sleep_until(due).await;
            let meter = meters[number as usize % meters.len()].id;
            read.send((meter, Instant::now())).await.unwrap();
        }
    });
    let (store, broker, wake) = (desk.store.clone(), desk.broker.id, handle.wake.clone());
    let committed = Arc::clone(&under_way);
    let committing = tokio::spawn(async move {
        let mut came = Vec::new();
        while finished.recv_many(&mut came, LOT).await > 0 {
            let lot = came.iter().map(|(meter, _)| {
                let poll = Poll {
                    meter: *meter,
                    at: jiff::Timestamp::now(),
                    readings: Vec::new(),
                };
                let message = || Message::new(Kind::Telemetry, "bench/latency", vec![b'x'; SIZE]);
                let render: Render = Arc::new(move |_| vec![message()]);
                (Arc::new(poll), Some((broker, render)))
            });
            let lot = lot.collect();
            // Before the commit: the publisher may be faster than we are back.
            committed
                .lock()
                .unwrap()
                .extend(came.drain(..).map(|(_, at)| at));
            for done in store.commit_polls(lot).await.unwrap() {
                done.unwrap();
            }
            wake.notify_one();
        }
    });
    let mut times = Vec::new();
    while (times.len() as u64) < total {
        handle.status.changed().await.unwrap();
        let count = handle.status.borrow_and_update().acknowledged;
        let now = Instant::now();
        let mut under_way = under_way.lock().unwrap();
        while (times.len() as u64) < count {
            let at: Instant = under_way.pop_front().unwrap();
            times.push(now - at);
        }
    }
    reading.await.unwrap();
    committing.await.unwrap();
    handle.stop.cancel();
    handle.task.await.unwrap();
    times
}
