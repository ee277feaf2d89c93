//! The whole head-end with simulated meters, lines and broker as one deterministic simulation: one thread, virtual time,
//! in-memory links, the store inline, every random choice from one seed. A day passes in seconds, and a seed that fails
//! fails again to the byte.
//!
//! What must hold after every step, whatever goes wrong:
//! 1. No reading is lost on its way into the store, and none is stored twice. (A poll that was handed on is in the store,
//!    once; two rows of one object never have one time.)
//! 2. No reading is stored that the meter did not say of that object, within the time an answer may take.
//! 3. No meter has two owners: no stream to it is opened while another of ours is open.
//! 4. No association is left behind: when a DISC reached the meter, it is free.
//! 5. No secret goes out again after a refusal, until a person says so.
//! 6. Every point of the grid of every object is in the books once it is over, read or with its cause: `due` is the sum of
//!    the others at any moment, it is the points that passed, and what was read is stored.
//! 7. What was stored is published: every poll, its messages numbered without a gap, a message that comes twice the same.
//! 8. No meter waits for another: one whose line is well misses nothing, whatever becomes of the others.
//!
//! `cargo test --test simulation` runs some seeds in under a minute. Days of the field by three seeds, and a hundred thousand
//! meter-hours, seed after seed: `cargo test --release --test simulation -- --ignored --nocapture long`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at what it did not expect"
)]
#![expect(clippy::print_stdout, reason = "what a run came to")]

mod availability;
mod broker;
mod faults;
mod log;
mod original;
mod schedule;
mod site;
mod witness;
mod world;

use broker::Ill;
use schedule::{Noise, Plan, Trouble};
use site::{Site, microstar};
use std::future::Future;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

/// One thread, virtual time, no sockets.
fn simulate<T>(run: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build();
    runtime.unwrap().block_on(run)
}

/// A meter and its troubles for an hour; the log, its hash.
async fn an_hour(seed: u64) -> (u64, Vec<String>) {
    let plan = Plan::healthy()
        .with(200, 60, Trouble::Off)
        .with(500, 1, Trouble::Refuse)
        .with(800, 45, Trouble::Cable)
        .with(1200, 600, Trouble::Noise(Noise::all(10)))
        .with(2000, 300, Trouble::Noise(Noise::all(100)))
        .with(2600, 20, Trouble::Busy)
        .with(3000, 180, Trouble::Held);
    let ills = vec![
        (300, 60, Ill::Down),
        (900, 300, Ill::Forgets),
        (1_500, 1, Ill::Kick),
    ];
    let mut site = Site::publishing(seed, vec![microstar("m1", 1, plan)], true, ills).await;
    site.run(Duration::from_hours(1), 10 * SECOND).await;
    let world = site.end().await;
    let inner = world.look();
    (inner.log.hash(), inner.log.lines().to_vec())
}

#[test]
fn one_seed_gives_one_log_to_the_byte() {
    let (first, lines) = simulate(an_hour(1));
    let (second, again) = simulate(an_hour(1));
    let differs = lines.iter().zip(&again).position(|(a, b)| a != b);
    if let Some(place) = differs {
        panic!("line {place} differs:\n{}\n{}", lines[place], again[place]);
    }
    assert_eq!(lines.len(), again.len());
    assert_eq!(first, second);
    println!("seed 1: {} events, {first:016x}", lines.len());
}

const DAY: Duration = Duration::from_hours(24);

/// The field's fault mix for a day, beside the original design: at least 99.5 % by the wall clock, where that has its 75 %.
#[test]
fn a_day_of_the_field_ours() {
    let line = simulate(availability::ours(1, DAY));
    println!("{}\n{line}", availability::HEADER);
    assert!(line.fresh >= 0.995, "{line}");
}

#[test]
fn hours_of_the_field_the_original() {
    println!("{}", availability::HEADER);
    for supervised in [false, true] {
        let line = simulate(availability::theirs(1, DAY / 4, true, supervised));
        println!("{line}");
        assert!((0.3..0.95).contains(&line.fresh), "{line}");
    }
}

#[test]
#[ignore = "twelve days, two minutes; see above"]
fn long_days_of_the_field() {
    for seed in 1..=3 {
        println!("seed {seed}\n{}", availability::HEADER);
        let line = simulate(availability::ours(seed, DAY));
        println!("{line}");
        assert!(line.fresh >= 0.995, "{line}");
        for (faults, supervised) in [(true, false), (true, true), (false, false)] {
            let line = simulate(availability::theirs(seed, DAY, faults, supervised));
            println!("{line}");
            assert!((0.3..0.95).contains(&line.fresh), "{line}");
        }
    }
}

/// So many meters, each with a mix of every trouble by its own seed, and a broker with its ills, for so many hours.
async fn mixed(seed: u64, meters: u64, hours: u64, poll: Duration) -> u64 {
    let mut dice = fastrand::Rng::with_seed(seed);
    let seconds = hours * 3_600;
    let given = (0..meters).map(|number| {
        let plan = if number == 0 {
            Plan::healthy()
        } else {
            Plan::mixed(&mut dice, seconds)
        };
        let mut given = microstar(&format!("m{number:03}"), number, plan);
        given.definition.objects.truncate(2);
        given.definition.poll = poll;
        // One of its objects has a grid of its own.
        given.definition.objects[1].every = Some(3 * poll);
        given
    });
    let given: Vec<_> = given.collect();
    let ills = [
        Ill::Down,
        Ill::Refusing,
        Ill::Hangs,
        Ill::Forgets,
        Ill::Kick,
    ];
    // The last hour is the broker's to catch up.
    let ills = ills.map(|ill| (dice.u64(0..seconds - 3_600), dice.u64(1..600), ill));
    let mut site = Site::publishing(seed, given, false, ills.to_vec()).await;
    site.run(Duration::from_secs(seconds), 10 * poll.max(6 * SECOND))
        .await;
    let world = site.end().await;
    let inner = world.look();
    println!(
        "seed {seed}: {} events, {:016x}",
        inner.log.events,
        inner.log.hash()
    );
    inner.log.events
}

#[test]
fn every_trouble_mixed_by_some_seeds() {
    for seed in 1..=2 {
        simulate(mixed(seed, 5, 2, 15 * SECOND));
    }
}

#[test]
#[ignore = "a hundred thousand meter-hours; see above"]
fn long_every_trouble_mixed() {
    let began = std::time::Instant::now();
    let (meters, hours) = (50, 25);
    for seed in 1..=80 {
        simulate(mixed(1_000 + seed, meters, hours, MINUTE));
    }
    println!(
        "{} meter-hours in {:?}",
        80 * meters * hours,
        began.elapsed()
    );
}
