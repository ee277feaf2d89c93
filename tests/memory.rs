//! What a connected meter that waits for its next poll holds of memory, its task, session, trace and diagnosis included.
//! `allocation_counter` counts this thread only: the simulated meters are served by another.

#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

use obiscope::dlms::security::Secret;
use obiscope::meter::transport::Tcp;
use obiscope::meter::{Clock, Definition, Phase, poller};
use obiscope::simulator::profile::Profile;
use obiscope::simulator::server::serve;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio_util::sync::CancellationToken;

const METERS: u64 = 16;
/// Bytes a meter, as allocated; in a build without optimisation, whose futures are the wider ones.
const LIMIT: i64 = 30 * 1024;

/// Ports of so many meters, served until the sender is dropped.
fn serve_all() -> (Vec<u16>, CancellationToken) {
    let (tell, told) = mpsc::channel();
    let stop = CancellationToken::new();
    let until = stop.clone();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let clock = "2026-11-04T12:00:00Z".parse().unwrap();
            let meters: Vec<_> = (0..=METERS)
                .map(|n| {
                    let listen = "127.0.0.1:0".parse().unwrap();
                    serve(Profile::microstar(n), listen, clock, None, &until).unwrap()
                })
                .collect();
            let ports: Vec<u16> = meters.iter().map(|meter| meter.address.port()).collect();
            tell.send(ports).unwrap();
            until.cancelled().await;
        });
    });
    (told.recv().unwrap(), stop)
}

#[test]
fn an_idle_meter_holds_no_more_than_this() {
    let (ports, stop) = serve_all();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (polls, mut finished) = tokio::sync::mpsc::channel(64);
    let start = |n: usize| {
        let mut meter = Definition::microstar(format!("m{n}"), "127.0.0.1", ports[n]);
        meter.password = Some(Secret::new("22222222"));
        meter.poll = Duration::from_hours(1);
        poller::spawn(meter, Arc::new(Tcp), Clock::System, polls.clone(), n as u64)
    };
    let mut handles = Vec::new();
    // What the first one makes the process reserve is not a meter's.
    runtime.block_on(async {
        handles.reserve(ports.len());
        handles.push(start(0));
        finished.recv().await.unwrap();
    });
    let counted = allocation_counter::measure(|| {
        runtime.block_on(async {
            for n in 1..ports.len() {
                handles.push(start(n));
            }
            for _ in 1..ports.len() {
                drop(finished.recv().await.unwrap());
            }
            // Until each has gone to wait.
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
        });
    });
    for handle in &handles {
        assert_eq!(handle.status.borrow().phase, Phase::Ready);
        assert!(handle.tap.findings().is_empty());
    }
    let each = counted.bytes_current / i64::try_from(METERS).unwrap();
    println!("{each} bytes a meter");
    assert!(each <= LIMIT, "{each} bytes a meter, {LIMIT} at most");
    runtime.block_on(async {
        for handle in handles {
            drop(handle.orders);
            handle.task.await.unwrap();
        }
    });
    stop.cancel();
}
