//! What the simulation cannot hold: real processes, real sockets, a real disk. `obiscope bridge` is killed outright at
//! random points, and its disk fills up under it.
//!
//! Ten kills are part of `cargo test`; the fifty take two minutes:
//! `cargo test --test survival -- --ignored --nocapture long`.
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]
#![expect(clippy::print_stdout, reason = "what a run came to")]

mod site;

use site::{INACTIVITY, METERS, Site, until};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_mins(1);

/// No meter lost, no reading twice with different values, the database whole, no association that outlives its timeout.
fn killed(times: u32, seed: u64) {
    let mut dice = fastrand::Rng::with_seed(seed);
    let site = Site::new();
    for life in 1..=times {
        let mut bridge = site.bridge();
        // Anywhere from its first instruction to well into its polls.
        std::thread::sleep(Duration::from_millis(dice.u64(0..2_000)));
        bridge.kill();
        let killed = Instant::now();
        site.look(&format!("life {life}"));
        if life == times || dice.u8(0..5) == 0 {
            std::thread::sleep(
                INACTIVITY.saturating_sub(killed.elapsed()) + Duration::from_millis(100),
            );
            assert_eq!(site.associated(), 0, "life {life}");
        }
    }
    let before = site.readings();
    let mut bridge = site.bridge();
    until(LONG, || site.readings() >= before + 5 * METERS);
    until(LONG, || site.associated() == METERS);
    bridge.terminate();
    assert_eq!(bridge.ended(LONG), Some(0), "{}", bridge.said());
    assert_eq!(site.associated(), 0, "let go on the way out");
    site.look("the end");
    let (messages, twice) = site.published();
    println!(
        "{times} kills: {} readings, {messages} messages, {twice} of them twice",
        site.readings()
    );
}

#[test]
fn killed_ten_times() {
    killed(10, 1);
}

#[test]
#[ignore = "two minutes; see above"]
fn long_killed_fifty_times() {
    killed(50, 2);
}

#[test]
fn a_disk_that_fills_up_stops_no_meter_is_told_and_loses_nothing() {
    let site = Site::new();
    let mut bridge = site.bridge();
    until(LONG, || site.readings() >= 2 * METERS);
    // No file may grow past this: the log of the database is fuller than that.
    bridge.limit_files(Some(4096));
    until(LONG, || {
        bridge.said().contains("readings are not stored yet")
    });
    let (polls, stored) = (bridge.polls(), site.readings());
    until(LONG, || bridge.polls() >= polls + 3 * METERS as u64);
    assert!(site.readings() <= stored + METERS);
    assert!(bridge.runs());
    bridge.limit_files(None);
    until(LONG, || site.readings() >= stored + 3 * METERS);
    bridge.terminate();
    assert_eq!(bridge.ended(LONG), Some(0), "{}", bridge.said());
    // Everything that was read in that time came in when there was room again.
    assert_eq!(site.readings() as u64, bridge.polls(), "{}", bridge.said());
    assert_eq!(site.associated(), 0);
    site.look("the end");
}
