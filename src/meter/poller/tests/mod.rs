//! The owner against simulated meters over pipes, in virtual time.

mod changes;
mod judged;
mod orders;
mod recovery;
mod schedule;
mod stale;

use super::*;
use crate::dlms::security::Secret;
use crate::meter::RungState;
use crate::meter::fake::{Line, World};
use crate::meter::status::Counters;
use crate::meter::tap::{Chunk, Direction};
use crate::simulator::profile::Profile;
use crate::simulator::server::{SharedMeter, shared};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn clock() -> Clock {
    Clock::From {
        base: "2026-11-20T14:32:07Z".parse().unwrap(),
        at: Instant::now(),
    }
}

fn simulated(profile: Profile) -> SharedMeter {
    shared(profile, clock().now())
}

fn associated(meter: &SharedMeter) -> bool {
    meter
        .lock()
        .unwrap()
        .is_associated(Instant::now().into_std())
}

fn microstar(password: &str) -> Definition {
    let mut definition = Definition::microstar("m", "meter", 1);
    definition.password = Some(Secret::new(password.as_bytes()));
    definition
}

struct Under {
    meter: SharedMeter,
    line: Line,
    world: World,
    handle: PollerHandle,
    polls: mpsc::Receiver<Poll>,
}

fn run(definition: Definition) -> Under {
    run_with(definition, Profile::microstar(7))
}

fn run_with(definition: Definition, profile: Profile) -> Under {
    let meter = simulated(profile);
    let world = World::default();
    let line = world.meter("meter", &meter);
    let (sender, polls) = mpsc::channel(64);
    let handle = spawn(definition, world.connector(), clock(), sender, 1);
    Under {
        meter,
        line,
        world,
        handle,
        polls,
    }
}

impl Under {
    async fn order(&self, order: Order) {
        self.handle.orders.send(order).await.unwrap();
    }

    fn status(&self) -> MeterStatus {
        self.handle.status.borrow().clone()
    }

    /// Waits in virtual time until the phase fits; an hour is for ever.
    async fn until(&mut self, fits: impl Fn(&MeterStatus) -> bool) -> MeterStatus {
        let hour = Duration::from_hours(1);
        let mut status = self.handle.status.clone();
        let waited = tokio::time::timeout(hour, status.wait_for(|s| fits(s))).await;
        let now = self.status();
        waited
            .unwrap_or_else(|_| panic!("it never came: {now:#?}"))
            .unwrap()
            .clone()
    }

    async fn ready(&mut self) -> MeterStatus {
        self.until(|s| s.phase == Phase::Ready).await
    }

    async fn poll(&mut self) -> Poll {
        tokio::time::timeout(Duration::from_hours(1), self.polls.recv())
            .await
            .unwrap()
            .unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn values_come_at_once_and_scalers_are_read_once() {
    let started = Instant::now();
    let mut it = run(microstar("22222222"));
    let first = it.poll().await;
    assert!(started.elapsed() < 2 * SECOND, "{:?}", started.elapsed());
    assert_eq!(first.readings.len(), 9);
    for reading in &first.readings {
        assert!(reading.value.is_ok(), "{reading:?}");
        assert!(reading.scaler_unit.is_some(), "{reading:?}");
    }
    assert_eq!(first.readings[0].scaler_unit.unwrap().unit.symbol(), "V");
    let status = it.until(|s| s.counters.polls == 1).await;
    // Who the meter is, then nine values and their scalers.
    assert_eq!(status.counters.gets, 2 + 18);
    let climbed = status
        .rungs
        .iter()
        .filter(|r| matches!(r, RungState::Done { .. }));
    assert_eq!(climbed.count(), 6, "{status:#?}");
    let hls = status.rung(crate::meter::status::Rung::Hls);
    assert_eq!(*hls, RungState::Pending, "a password has no proof");
    assert_eq!(status.values.iter().flatten().count(), 9);
    let second = it.poll().await;
    assert_eq!(
        second.at.duration_since(first.at),
        jiff::SignedDuration::from_secs(5)
    );
    let status = it.until(|s| s.counters.polls == 2).await;
    assert_eq!(status.counters.gets, 2 + 27);
    assert!(status.counters.bytes_sent > 0 && status.counters.bytes_received > 0);
    assert!(associated(&it.meter));
}

#[tokio::test(start_paused = true)]
async fn the_grid_holds_for_an_hour() {
    let mut it = run(microstar("22222222"));
    let first = it.poll().await;
    for n in 1..720 {
        let poll = it.poll().await;
        let due = jiff::SignedDuration::from_secs(5 * n);
        assert_eq!(poll.at.duration_since(first.at), due);
    }
    let counters = it.status().counters;
    assert_eq!((counters.polls_missed, counters.reconnects), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn a_slow_meter_skips_ticks_and_counts_them() {
    let slow = Profile::microstar(7).delayed(Duration::from_millis(900));
    let mut it = run_with(microstar("22222222"), slow);
    let first = it.poll().await;
    // Eighteen answers took over 16 s: three ticks passed.
    let second = it.poll().await;
    assert_eq!(
        second.at.duration_since(first.at),
        jiff::SignedDuration::from_secs(20)
    );
    // Now nine answers in 8.1 s: every second tick.
    let third = it.poll().await;
    assert_eq!(
        third.at.duration_since(second.at),
        jiff::SignedDuration::from_secs(10)
    );
    assert_eq!(
        it.until(|s| s.counters.polls == 3)
            .await
            .counters
            .polls_missed,
        3 + 1 + 1
    );
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_goes_away_is_tried_with_growing_pauses_and_comes_back() {
    let mut patient = microstar("22222222");
    patient.recovery.breaker = 100;
    let mut it = run(patient);
    it.poll().await;
    it.line.unplug();
    let mut pauses = Vec::new();
    for n in 1..=12 {
        let status = it
            .until(|s| matches!(s.phase, Phase::Waiting { failures, .. } if failures == n))
            .await;
        let Phase::Waiting { until, .. } = status.phase else {
            unreachable!()
        };
        pauses.push(until.duration_since(status.since));
        let error = status.last_error.unwrap();
        if n > 1 {
            assert!(error.what.contains("connection refused"), "{error:?}");
            assert!(error.try_next.contains("nothing listens"), "{error:?}");
        }
    }
    assert!(
        pauses.iter().all(|p| (SECOND..=60 * SECOND).contains(p)),
        "{pauses:?}"
    );
    assert!(
        pauses[0] <= 2 * SECOND && pauses[5..].iter().any(|p| *p >= 30 * SECOND),
        "{pauses:?}"
    );
    it.line.plug_in();
    let Counters { gets, polls, .. } = it.status().counters;
    it.ready().await;
    let status = it.until(|s| s.counters.polls > polls).await;
    // What was learned before was not asked again, but for who it is.
    assert_eq!(status.counters.gets, gets + 2 + 9);
    assert_eq!(status.counters.reconnects, 1);
    assert!(status.counters.polls_missed > 0);
}

#[tokio::test(start_paused = true)]
async fn a_lost_exchange_is_mended_on_the_same_connection() {
    let mut it = run(microstar("22222222"));
    it.poll().await;
    it.line.deaf_for(25 * SECOND);
    let status = it.until(|s| s.counters.resyncs == 1).await;
    assert!(status.last_error.unwrap().what.contains("no answer"));
    it.until(|s| s.counters.polls >= 3).await;
    let counters = it.ready().await.counters;
    assert_eq!((counters.connects, counters.reconnects), (1, 0));
    // Once more, and for good: after the one try comes a new connection.
    it.line.deaf_for(90 * SECOND);
    let status = it.until(|s| s.counters.reconnects >= 1).await;
    assert_eq!(status.counters.resyncs, 2);
    it.ready().await;
}

#[tokio::test(start_paused = true)]
async fn a_short_deafness_costs_a_resend_only() {
    let mut it = run(microstar("22222222"));
    it.poll().await;
    it.line.deaf_for(8 * SECOND);
    it.until(|s| s.counters.polls == 3).await;
    let status = it.status();
    assert!(status.link.resent >= 1);
    assert_eq!((status.counters.resyncs, status.counters.connects), (0, 1));
}

#[tokio::test(start_paused = true)]
async fn a_rare_poll_is_bridged_by_keep_alive() {
    let mut rare = microstar("22222222");
    rare.poll = Duration::from_mins(30);
    let mut it = run(rare);
    it.poll().await;
    for _ in 0..3 {
        it.poll().await;
    }
    let counters = it.status().counters;
    assert_eq!(
        (counters.connects, counters.resyncs, counters.gets),
        (1, 0, 2 + 18 + 3 * 9)
    );
}

#[tokio::test(start_paused = true)]
async fn the_password_is_in_no_trace() {
    let mut it = run(microstar("22222222"));
    it.poll().await;
    let (records, lost) = it.handle.tap.since(0);
    assert_eq!(lost, 0);
    let mut stars = 0;
    for record in &records {
        let Chunk::Bytes { direction, bytes } = &record.what else {
            continue;
        };
        assert!(!bytes.windows(8).any(|w| w == b"22222222"));
        if bytes.windows(8).any(|w| w == b"********") {
            stars += 1;
            assert_eq!(*direction, Direction::Sent);
            let frame = crate::dlms::hdlc::Frame::parse(&bytes[1..bytes.len() - 1]).unwrap();
            assert!(frame.fcs_ok());
        }
    }
    assert_eq!(stars, 1);
    assert!(!format!("{:?}", it.status()).contains("22222222"));
}

#[tokio::test(start_paused = true)]
async fn silence_names_the_address_that_was_asked() {
    let mut other = microstar("22222222");
    other.server = "1/1".parse().unwrap();
    other.timeout = SECOND;
    let mut it = run(other);
    let status = it.until(|s| s.last_error.is_some()).await;
    let error = status.last_error.unwrap();
    assert!(error.what.contains("SNRM"), "{error:?}");
    assert!(
        error.try_next.contains("02 03") && error.try_next.contains("03 (1 byte)"),
        "{error:?}"
    );
    assert!(
        matches!(status.rungs[1], RungState::Failed { .. }),
        "{:?}",
        status.rungs
    );
}
