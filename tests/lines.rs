//! One meter behind a line that is strange, poor, dead or half open: values come all the same, or what keeps them away is
//! named, and everything mends itself.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at what it did not expect"
)]

#[expect(dead_code, reason = "the other tests of the house use the rest")]
mod line;

use line::site::Site;
use line::{CUT, Faults, Line, PASSWORD, Reach, SECOND, WELL, World, microstar, trouble};
use obiscope::headend::MeterView;
use obiscope::meter::Phase;
use obiscope::meter::recovery::Breaker;
use obiscope::meter::tap::Chunk;
use obiscope::simulator::profile::Profile;
use std::sync::Arc;
use std::time::Duration;
use tokio::time::{Instant, sleep};

/// How long the circuit breaker still keeps it from trying.
fn rests_for(site: &Site) -> Duration {
    match site.view("m").status.recovery.breaker {
        Breaker::Open { until } => until.saturating_duration_since(Instant::now()),
        _ => Duration::ZERO,
    }
}

/// What it takes to have values again; the line is as it should be, but for the fault.
async fn a_whole_poll(site: &Site, line: &Line) -> Arc<MeterView> {
    let view = site.polls("m", 2).await;
    assert_eq!(view.status.values.iter().flatten().count(), 9);
    assert!(site.all_true("m", line).await >= 9);
    view
}

#[tokio::test(start_paused = true)]
async fn strange_lines_still_bring_values_on_the_first_connection() {
    let half_an_answer = b"\x7E\xA0\x1B\x03\x03\x74\x13\x65";
    let late_answer =
        b"\x7E\xA0\x14\x03\x03\x52\xB8\xD8\xE6\xE7\x00\xC4\x01\xC1\x00\x12\x33\x2C\xCF\x5D\x8E\x7E";
    let strange = [
        Faults { echo: true, ..WELL },
        Faults {
            junk: b"\x00\xFF\x00",
            ..WELL
        },
        Faults {
            junk: b"\x7E\x7E\xA0",
            ..WELL
        },
        Faults {
            residue: half_an_answer,
            ..WELL
        },
        Faults {
            residue: late_answer,
            ..WELL
        },
        Faults {
            bare_ua: true,
            ..WELL
        },
        Faults {
            echo: true,
            junk: b"\x00",
            residue: half_an_answer,
            ..WELL
        },
    ];
    for (n, faults) in strange.into_iter().enumerate() {
        let (site, line) = Site::one(faults).await;
        let started = Instant::now();
        let view = a_whole_poll(&site, &line).await;
        assert!(
            started.elapsed() < 7 * SECOND,
            "{n}: {:?}",
            started.elapsed()
        );
        let counters = view.status.counters;
        let troubles = [counters.reconnects, counters.resyncs, counters.get_errors];
        assert_eq!(troubles, [0; 3], "{n}");
        assert_eq!(view.status.link.resent, 0, "{n}: {:#?}", view.status.link);
        site.headend.shutdown().await;
        assert!(!line.is_associated(), "{n}");
        if faults.echo {
            let (records, _) = site.headend.trace(view.definition.id).unwrap().since(0);
            let mut bytes = records.iter().filter_map(|r| match &r.what {
                Chunk::Bytes { bytes, .. } => Some(bytes),
                Chunk::Note(_) => None,
            });
            assert!(bytes.all(|b| !b.windows(8).any(|w| w == PASSWORD.as_bytes())));
        }
    }
}

/// The object list comes in blocks of segments: the most that can go wrong on one answer.
#[tokio::test(start_paused = true)]
async fn long_answers_arrive_over_an_echo_and_over_a_poor_line() {
    let echo = Faults { echo: true, ..WELL };
    for (faults, delay) in [(echo, 0), (echo, 500), (echo, 3000), (trouble(20), 0)] {
        let mut meter = microstar("m", PASSWORD);
        meter.objects.truncate(1);
        meter.objects[0].spec = "15/0-0:40.0.0/2".parse().unwrap();
        meter.poll = Duration::from_mins(5);
        let world = World::default();
        let profile = Profile::microstar(7).delayed(Duration::from_millis(delay));
        world.line("m", profile, faults);
        let site = Site::start(&world, vec![meter], 1).await;
        let mut lists = 0;
        for _ in 0..10 {
            let view = site.polls("m", 1).await;
            let Some(reading) = &view.status.values[0] else {
                continue;
            };
            if let Ok(obiscope::cosem::Data::Array(objects)) = &reading.value {
                assert!(objects.len() > 50);
                lists += 1;
            }
        }
        let status = &site.view("m").status;
        assert!(lists >= 8, "{lists}: {:#?}", status.counters);
        if faults.echo {
            assert_eq!(status.link.resent, 0, "{delay} ms: {:#?}", status.link);
            assert_eq!(status.counters.resyncs, 0, "{delay} ms");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_keeps_a_meter_away_is_named_and_mended_by_itself() {
    let cases = [
        (
            Faults {
                reach: Reach::HangsUp,
                ..WELL
            },
            "closed the connection",
            "another client",
        ),
        (CUT, "SNRM", "03"),
        (
            Faults {
                reach: Reach::Nowhere,
                ..WELL
            },
            "no answer",
            "on",
        ),
    ];
    for (faults, what, advice) in cases {
        let (site, line) = Site::one(faults).await;
        let named = site.until("m", |v| v.status.last_error.is_some()).await;
        let error = named.status.last_error.clone().unwrap();
        assert!(
            error.what.contains(what) && error.try_next.contains(advice),
            "{error:?}"
        );
        sleep(Duration::from_mins(30)).await;
        // The first and ten again, then the circuit breaker: one every five minutes.
        let tries = line.connects().len();
        assert!((14..=17).contains(&tries), "{what}: {tries}");
        assert_ne!(site.view("m").status.recovery.breaker, Breaker::Closed);
        line.set(WELL);
        let (mended, rests) = (Instant::now(), rests_for(&site));
        a_whole_poll(&site, &line).await;
        // What is left of its pause, what was under way, two polls.
        assert!(
            mended.elapsed() < rests + 40 * SECOND,
            "{what}: {:?}",
            mended.elapsed()
        );
        assert_eq!(site.view("m").status.recovery.breaker, Breaker::Closed);
    }
    // A wrong server address: silence, and the words say which address was asked.
    let mut wrong = microstar("m", PASSWORD);
    wrong.server = "2".parse().unwrap();
    let (site, _line) = Site::one_of(wrong, WELL).await;
    let named = site.until("m", |v| v.status.last_error.is_some()).await;
    let error = named.status.last_error.clone().unwrap();
    assert!(
        error.what.contains("SNRM") && error.try_next.contains("server address 05"),
        "{error:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_was_restarted_is_back_within_a_pause_and_a_poll() {
    let (site, line) = Site::one(WELL).await;
    a_whole_poll(&site, &line).await;
    for away in [1u32, 4, 30] {
        line.kill();
        sleep(away * SECOND).await;
        line.plug(true);
        let back = Instant::now();
        site.polls("m", 1).await;
        let limit = (away * SECOND * 3 / 2).max(3 * SECOND) + SECOND;
        assert!(back.elapsed() < limit, "{away}: {:?}", back.elapsed());
        sleep(20 * SECOND).await;
        assert_eq!(site.view("m").status.phase, Phase::Ready);
    }
    assert!(site.all_true("m", &line).await > 9);
}

/// A peer that is gone without FIN: nothing comes back, and nothing says so.
#[tokio::test(start_paused = true)]
async fn a_half_open_connection_is_noticed_within_timeout_times_tries() {
    let minutes = Duration::from_mins(10);
    for (poll, echo) in [(5 * SECOND, false), (minutes, false), (minutes, true)] {
        let mut meter = microstar("m", PASSWORD);
        meter.poll = poll;
        // An echo of ours is no sign of life.
        let (site, line) = Site::one_of(meter, Faults { echo, ..WELL }).await;
        site.polls("m", 1).await;
        line.set(Faults { echo, ..CUT });
        let cut = Instant::now();
        let view = site.until("m", |v| v.status.phase != Phase::Ready).await;
        let error = view.status.last_error.clone().unwrap();
        assert!(error.what.contains("no answer"), "{error:?}");
        // A poll is due within its period; with rare polls it is the keep-alive that finds out.
        let limit = poll.min(60 * SECOND) + 3 * 7 * SECOND + SECOND;
        assert!(cut.elapsed() <= limit, "{:?}", cut.elapsed());
        line.set(WELL);
        site.until("m", |v| v.status.phase == Phase::Ready).await;
    }
}

/// Late answers beyond every timeout, echoes, lost and doubled chunks: the link is made anew again and again, and an answer
/// to something of before is never taken for one of now.
#[tokio::test(start_paused = true)]
async fn no_trouble_of_any_kind_makes_a_value_wrong_or_lasts_longer_than_itself() {
    let mut values = 0;
    for seed in 0..12u32 {
        let mut meter = microstar("m", PASSWORD);
        meter.timeout = [1, 2, 7][seed as usize % 3] * SECOND;
        let world = World::of_seed(seed.into());
        let faults = Faults {
            echo: seed % 5 == 0,
            ..trouble([10, 20, 60, 150][seed as usize % 4])
        };
        let line = world.line("m", Profile::microstar(7), faults);
        let site = Site::start(&world, vec![meter], seed.into()).await;
        sleep(Duration::from_mins(20)).await;
        values += site.all_true("m", &line).await;
        line.set(WELL);
        let (mended, rests) = (Instant::now(), rests_for(&site));
        site.polls("m", 2).await;
        // What is left of the breaker's pause, or one of the others.
        assert!(
            mended.elapsed() < rests.max(60 * SECOND) + 20 * SECOND,
            "{:?} of {rests:?}",
            mended.elapsed()
        );
        site.headend.shutdown().await;
        assert!(!line.is_associated(), "{seed}");
    }
    assert!(values > 5_000, "{values}");
}
