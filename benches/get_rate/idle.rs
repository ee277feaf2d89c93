//! Memory per connected meter that waits for its next poll: resident memory of this process before and after
//! connecting many, each with its owner task, its trace and nine values.

use crate::canned::Server;
use obiscope::meter::transport::Tcp;
use obiscope::meter::{Clock, Definition, Phase, poller};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

const METERS: usize = 400;

pub fn report() {
    let server = Server::spawn();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (polls, mut finished) = mpsc::channel(METERS);
        let start = |n: usize| {
            let mut meter = Definition::microstar(format!("m{n}"), "127.0.0.1", server.port);
            meter.auth = obiscope::meter::definition::Auth::None;
            meter.poll = Duration::from_hours(1);
            poller::spawn(meter, Arc::new(Tcp), Clock::System, polls.clone(), n as u64)
        };
        // What the first one makes the process load and reserve is not a meter's.
        let mut handles = vec![start(0)];
        finished.recv().await.unwrap();
        let before = resident();
        handles.extend((1..=METERS).map(start));
        for _ in 0..METERS {
            let wait = tokio::time::timeout(Duration::from_secs(30), finished.recv());
            drop(wait.await.unwrap());
        }
        let after = resident();
        let ready = handles
            .iter()
            .filter(|h| h.status.borrow().phase == Phase::Ready)
            .count();
        println!(
            "memory per idle connected meter ({ready} ready), KiB  {:10.1}",
            (after - before) as f64 / METERS as f64 / 1024.0
        );
        for handle in handles {
            drop(handle.orders);
            let _ = handle.task.await;
        }
    });
}

/// Resident memory of this process, bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
    let pages: usize = statm.split_whitespace().nth(1).unwrap().parse().unwrap();
    pages * rustix::param::page_size()
}
