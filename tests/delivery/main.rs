//! Nothing lost on the way, as a property of the whole: numbered readings are committed by one process and arrive in the
//! file of another, while both are killed again and again. What arrived twice is counted; what is missing fails the test.
//!
//! A short run is part of `cargo test`. The long one, 60,000 readings, 20 kills of the broker and 10 of the process for
//! each of three seeds: `cargo test --release --test delivery -- --ignored --nocapture --exact long`.
//!
//! The same with `obiscope bridge` itself as the process that is killed, reading simulated meters; its long run:
//! `cargo test --release --test delivery -- --ignored --nocapture --exact long_bridge`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at what it did not expect"
)]

mod bridge;
mod kills;
mod memory;
#[cfg(feature = "peers")]
mod mosquitto;
mod roles;
mod verdict;

use kills::{Plan, run};

#[test]
fn short() {
    let plan = Plan {
        readings: 3_000,
        broker_kills: 3,
        process_kills: 3,
        seed: 1,
        shuffle: 0,
    };
    println!("{}", run(&plan));
}

#[test]
fn short_with_acknowledgements_out_of_order() {
    let plan = Plan {
        readings: 2_000,
        broker_kills: 2,
        process_kills: 2,
        seed: 2,
        shuffle: 8,
    };
    println!("{}", run(&plan));
}

#[test]
#[ignore = "minutes; see above"]
fn long() {
    let mut table = Vec::new();
    for seed in 1..=3 {
        let plan = Plan {
            readings: 60_000,
            broker_kills: 20,
            process_kills: 10,
            seed,
            shuffle: if seed == 2 { 8 } else { 0 },
        };
        let line = run(&plan).to_string();
        println!("{line}");
        table.push(line);
    }
    println!("\n{}\n{}", verdict::HEADER, table.join("\n"));
}

#[test]
fn short_bridge() {
    let plan = Plan {
        readings: 1_000,
        broker_kills: 3,
        process_kills: 3,
        seed: 3,
        shuffle: 0,
    };
    println!("{}", bridge::run(&plan, 80));
}

#[test]
#[ignore = "minutes; see above"]
fn long_bridge() {
    let mut table = Vec::new();
    for seed in 1..=3 {
        let plan = Plan {
            readings: 60_000,
            broker_kills: 20,
            process_kills: 10,
            seed,
            shuffle: if seed == 2 { 8 } else { 0 },
        };
        let line = bridge::run(&plan, 400).to_string();
        println!("{line}");
        table.push(line);
    }
    println!("\n{}\n{}", verdict::HEADER, table.join("\n"));
}
