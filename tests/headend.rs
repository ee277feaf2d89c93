//! The running whole under abuse: real poller, session, link and store with simulated meters behind lines that misbehave,
//! in virtual time, on one thread, from one seed. Hours pass in seconds.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at what it did not expect"
)]

#[expect(dead_code, reason = "the other tests of the house use the rest")]
mod line;

use line::site::Site;
use line::{Faults, Line, PASSWORD, Reach, SECOND, WELL, World, microstar, trouble};
use obiscope::headend::Command;
use obiscope::meter::Phase;
use obiscope::meter::tap::{Chunk, Direction};
use obiscope::simulator::profile::Profile;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// Nine meters, of which three are well.
struct Town {
    site: Site,
    lines: Vec<(&'static str, Line)>,
}

async fn town(seed: u64) -> Town {
    let world = World::default();
    let dead = Faults {
        reach: Reach::Nowhere,
        ..WELL
    };
    let profile = Profile::microstar;
    let lines = [
        ("alpha", profile(1), WELL),
        ("beta", profile(2), WELL),
        ("rare", profile(3), WELL),
        ("dead", profile(4), dead),
        (
            "slow",
            profile(5).delayed(Duration::from_millis(1500)),
            WELL,
        ),
        ("locked", profile(6), WELL),
        ("fickle", profile(7), WELL),
        ("poor", profile(8), trouble(10)),
        ("awful", profile(9), trouble(100)),
    ]
    .map(|(name, profile, faults)| (name, world.line(name, profile, faults)));
    let meters = lines.each_ref().map(|(name, _)| {
        let password = if *name == "locked" {
            "33333333"
        } else {
            PASSWORD
        };
        let mut meter = microstar(name, password);
        meter.poll = match *name {
            "rare" => Duration::from_mins(10),
            "poor" | "awful" | "slow" | "fickle" => 15 * SECOND,
            _ => 5 * SECOND,
        };
        meter
    });
    Town {
        site: Site::start(&world, meters.to_vec(), seed).await,
        lines: lines.to_vec(),
    }
}

impl Town {
    fn line(&self, name: &str) -> &Line {
        &self.lines.iter().find(|(n, _)| *n == name).unwrap().1
    }

    /// Time passes; one meter is now there and now not.
    async fn live(&self, hours: u64) {
        for _ in 0..hours * 2 {
            self.line("fickle").plug(true);
            sleep(Duration::from_mins(23)).await;
            self.line("fickle").kill();
            sleep(Duration::from_mins(7)).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn hours_of_abuse_leave_the_well_on_their_grid_and_no_value_wrong() {
    const HOURS: u64 = 2;
    let town = town(1).await;
    town.live(HOURS).await;
    let site = &town.site;
    for (name, period, polls) in [("alpha", 5, 720), ("beta", 5, 720), ("rare", 600, 6)] {
        let readings = site.readings(name, "voltage_l1").await;
        assert!(
            readings.len() as u64 >= HOURS * polls,
            "{name}: {}",
            readings.len()
        );
        for pair in readings.windows(2) {
            let between = pair[1].at.duration_since(pair[0].at);
            assert_eq!(between, jiff::SignedDuration::from_secs(period), "{name}");
        }
        let counters = site.view(name).status.counters;
        let troubles = [
            counters.polls_missed,
            counters.polls_failed,
            counters.polls_lost,
            counters.reconnects,
            counters.resyncs,
        ];
        assert_eq!(troubles, [0; 5], "{name}");
    }

    // The dead one: pauses of full jitter under a ceiling that doubles, none like another; after ten reconnects the breaker
    // has its say, and from then on it is one try every five minutes, for ever.
    let tries = town.line("dead").connects();
    let pauses: Vec<_> = (tries.windows(2))
        .map(|w| w[1].duration_since(w[0] + 7 * SECOND))
        .collect();
    let (jittered, rest) = pauses.split_at(10);
    for (pause, ceiling) in jittered.iter().zip([2, 4, 8, 16, 32, 60, 60, 60, 60, 60]) {
        assert!(
            (SECOND..=ceiling * SECOND).contains(pause),
            "{ceiling}: {pauses:?}"
        );
    }
    let mut different = jittered.to_vec();
    different.sort();
    different.dedup();
    assert_eq!(different.len(), jittered.len(), "{pauses:?}");
    let minutes = Duration::from_mins(5);
    assert!(
        rest.iter()
            .all(|pause| (minutes..minutes + SECOND).contains(pause)),
        "{pauses:?}"
    );
    // Five minutes and the timeout, in what ten tries with the longest pauses leave of the time.
    assert!(
        rest.len() as u64 >= (HOURS * 60 - 8) * 60 / 307,
        "{pauses:?}"
    );
    assert!(matches!(
        site.view("dead").status.phase,
        Phase::Waiting { .. } | Phase::Connecting
    ));

    assert_eq!(town.line("locked").secrets(), 1);
    assert_eq!(site.view("locked").status.phase, Phase::NeedsPerson);
    site.headend
        .command(Command::Proceed(site.id("locked")))
        .await
        .unwrap();
    sleep(Duration::from_hours(1)).await;
    assert_eq!(town.line("locked").secrets(), 2);

    for (name, line) in &town.lines {
        let values = site.all_true(name, line).await;
        let least = match *name {
            "dead" | "locked" => 0,
            "awful" => 100,
            "rare" => 9 * 12,
            _ => 9 * 330,
        };
        assert!(values >= least, "{name}: {values}");
    }
    site.headend.shutdown().await;
    for (name, line) in &town.lines {
        // On the worst line DISC itself may be lost, as often as it is sent.
        assert!(!line.is_associated() || *name == "awful", "{name}");
    }
}

#[test]
fn the_same_seed_writes_the_same_log() {
    let run = |seed| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        runtime.block_on(async {
            let town = town(seed).await;
            sleep(Duration::from_mins(20)).await;
            town.site.log().await
        })
    };
    let (first, second, other) = (run(5), run(5), run(6));
    assert!(first.len() > 100_000, "{}", first.len());
    if let Some((n, (a, b))) = (first.lines().zip(second.lines()))
        .enumerate()
        .find(|(_, (a, b))| a != b)
    {
        panic!("line {n}:\n{a}\n{b}");
    }
    assert_ne!(first, other);
}

#[tokio::test(start_paused = true)]
async fn two_hours_of_sleep_are_one_poll_late_and_no_burst() {
    let (site, line) = Site::one(WELL).await;
    site.polls("m", 3).await;
    let before = site.view("m").status.counters;
    // The laptop's lid: no task runs, and then it is two hours later.
    tokio::time::advance(Duration::from_hours(2)).await;
    let awake = Instant::now();
    site.polls("m", 1).await;
    assert!(awake.elapsed() < 2 * SECOND, "{:?}", awake.elapsed());
    sleep(Duration::from_mins(1)).await;
    let after = site.view("m").status.counters;
    assert!(after.polls - before.polls <= 15, "{after:?}");
    assert!(after.polls_missed >= 1430, "{after:?}");
    assert_eq!(site.view("m").status.phase, Phase::Ready);
    let readings = site.readings("m", "voltage_l1").await;
    let grid = |n: usize| readings[n].at.duration_since(readings[0].at).as_millis() % 5000;
    let last = readings.len() - 1;
    assert_eq!((grid(last), grid(last - 1)), (0, 0));
    assert!(site.all_true("m", &line).await > 9);
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_between_polls_are_bridged_for_a_meter_that_waits_three() {
    let mut meter = microstar("m", PASSWORD);
    meter.poll = Duration::from_mins(10);
    let (site, line) = Site::one_of(meter, WELL).await;
    for _ in 0..50 {
        sleep(Duration::from_mins(3)).await;
        assert!(line.is_associated());
    }
    assert_eq!(line.connects().len(), 1);
    assert_eq!(line.secrets(), 1);
    assert!(site.readings("m", "voltage_l1").await.len() >= 15);
}

#[tokio::test(start_paused = true)]
async fn the_trace_is_complete_in_order_and_without_the_password() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace.jsonl");
    let mut meter = microstar("m", PASSWORD);
    meter.enabled = false;
    let (site, line) = Site::one_of(meter, trouble(30)).await;
    let id = site.id("m");
    let tap = site.headend.trace(id).unwrap();
    tap.record_to(&path, "m").unwrap();
    site.headend.command(Command::Start(id)).await.unwrap();
    sleep(Duration::from_hours(1)).await;
    site.headend.shutdown().await;

    let counters = site.view("m").status.counters;
    assert!(counters.reconnects + counters.resyncs > 0 && line.secrets() > 1);
    let text = std::fs::read_to_string(&path).unwrap();
    assert!(!text.contains("3232323232323232") && text.contains("2A2A2A2A2A2A2A2A"));
    let mut bytes = [0u64; 2];
    let mut last = None;
    for row in text.lines() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        let at: jiff::Timestamp = row["at"].as_str().unwrap().parse().unwrap();
        assert!(last.is_none_or(|last| last <= at), "{row}");
        last = Some(at);
        if let Some(direction) = row["dir"].as_str() {
            bytes[usize::from(direction == "rx")] += row["hex"].as_str().unwrap().len() as u64 / 2;
        }
    }
    // To the last octet, the goodbyes included.
    assert_eq!(bytes, [counters.bytes_sent, counters.bytes_received]);
    let (records, made_way) = tap.since(0);
    let held: usize = (records.iter())
        .map(|r| match &r.what {
            Chunk::Bytes { bytes, .. } => bytes.len(),
            Chunk::Note(_) => 0,
        })
        .sum();
    assert!(held <= 1 << 20 && records.len() as u64 + made_way == tap.next_seq());
    assert!(records.is_sorted_by_key(|r| r.at));
    assert!(records.iter().any(|r| matches!(
        &r.what,
        Chunk::Bytes {
            direction: Direction::Sent,
            ..
        }
    )));
}
