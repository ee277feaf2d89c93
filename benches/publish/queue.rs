//! What a long queue costs: memory and processor time of the same work with ten thousand and with a million rows waiting.

use crate::{Desk, acknowledged};
use obiscope::store::Protocol;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;

const SENT: u64 = 20_000;

pub fn measure(runtime: &Runtime, port: u16) {
    println!("a queue that waits, {SENT} of it sent (MQTT 5, window 20)\n");
    println!(
        "{:>10}  {:>10}  {:>14}  {:>17}  {:>16}",
        "waiting", "a second", "processor, s", "memory more, KiB", "idle processor"
    );
    for rows in [20_000, 1_000_000] {
        runtime.block_on(one(port, rows));
    }
    println!();
}

async fn one(port: u16, rows: u64) {
    let desk = Desk::new(port, Protocol::V5, 20).await;
    for _ in 0..rows / 1_000 {
        desk.enqueue(1_000).await;
    }
    // Waiting, with nobody there to take it: what that costs by itself.
    let mut away = desk.broker.clone();
    away.port = 1;
    let mut handle = Desk {
        broker: away,
        store: desk.store.clone(),
        _folder: tempfile::tempdir().unwrap(),
    }
    .publish();
    let before = processor();
    tokio::time::sleep(Duration::from_secs(3)).await;
    let idle = (processor() - before) / 3.0;
    let (memory, before, began) = (resident(), processor(), Instant::now());
    let there = Box::new(desk.broker.clone());
    let replace = obiscope::publish::Control::Replace(there);
    handle.control.send(replace).await.unwrap();
    acknowledged(&mut handle, SENT).await;
    let rate = SENT as f64 / began.elapsed().as_secs_f64();
    println!(
        "{rows:>10}  {rate:>10.0}  {:>14.2}  {:>17}  {:>14.2} %",
        processor() - before,
        resident().saturating_sub(memory),
        idle * 100.0
    );
    handle.task.abort();
}

fn statistics(file: &str, field: usize) -> f64 {
    let text = std::fs::read_to_string(format!("/proc/self/{file}")).unwrap();
    // The second field of `stat` is the program's name in brackets, and has no space in ours.
    let found = text.split_whitespace().nth(field);
    found.and_then(|it| it.parse().ok()).unwrap()
}

/// Seconds of processor time of this process so far, at 100 ticks a second.
fn processor() -> f64 {
    (statistics("stat", 13) + statistics("stat", 14)) / 100.0
}

/// KiB.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a count of pages"
)]
fn resident() -> u64 {
    statistics("statm", 1) as u64 * 4
}
