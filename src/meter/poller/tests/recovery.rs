//! Levels of recovery against simulated meters, in virtual time: what is counted, when it pauses, when it gives a try.

use super::*;
use crate::meter::PolledObject;
use crate::meter::reading::ReadingError;
use crate::meter::recovery::{Breaker, Cause, Level};

const MINUTE: Duration = Duration::from_mins(1);
/// Class, code and attribute as they stand in a GET.
const FREQUENCY: &[u8] = &[0, 3, 1, 1, 14, 7, 0, 255, 2];
const VOLTAGE: &[u8] = &[0, 3, 1, 1, 32, 7, 0, 255, 2];

fn field() -> Definition {
    microstar("22222222")
}

fn settings(text: &str) -> Definition {
    let mut meter = field();
    meter.recovery = text.parse().unwrap();
    meter
}

impl Under {
    /// The link is lost once, the next try finds the meter, and a value comes.
    async fn lose_and_find(&mut self) {
        let before = self.status().counters.polls;
        self.line.unplug();
        self.until(|s| matches!(s.phase, Phase::Waiting { .. }))
            .await;
        self.line.plug_in();
        self.until(|s| s.phase == Phase::Ready && s.counters.polls > before)
            .await;
    }

    async fn open(&mut self) -> MeterStatus {
        self.until(|s| {
            matches!(s.recovery.breaker, Breaker::Open { .. })
                && matches!(s.phase, Phase::Waiting { .. })
        })
        .await
    }
}

#[tokio::test(start_paused = true)]
async fn ten_reconnects_in_an_hour_open_the_breaker_for_five_minutes() {
    let mut it = run(field());
    it.poll().await;
    for n in 1..=10 {
        it.lose_and_find().await;
        let recovery = it.status().recovery;
        assert_eq!(recovery.breaker, Breaker::Closed, "after {n}");
        assert_eq!(
            (recovery.recent, recovery.reconnects(Cause::Closed)),
            (n, n)
        );
    }
    it.line.unplug();
    let status = it.open().await;
    let Phase::Waiting { until, .. } = status.phase else {
        unreachable!()
    };
    assert_eq!(until.duration_since(status.since), 5 * MINUTE);
    assert_eq!(status.recovery.breaker, Breaker::Open { until });
    assert_eq!(
        (status.recovery.opened, status.acted(Level::Breaker)),
        (1, 1)
    );
    // Not one try within, exactly one after it, and open again.
    let connects = it.world.connects();
    it.order(Order::PollNow).await;
    tokio::time::sleep_until(until - SECOND).await;
    assert_eq!(it.world.connects(), connects);
    it.until(|s| s.recovery.opened == 2).await;
    assert_eq!(it.world.connects(), connects + 1);
    // The meter is back: the one try closes it, and what was counted is forgotten.
    it.line.plug_in();
    let status = it.until(|s| s.recovery.breaker == Breaker::Closed).await;
    assert_eq!(it.world.connects(), connects + 2);
    assert_eq!(status.recovery.recent, 0);
    it.lose_and_find().await;
    assert_eq!(it.status().recovery.breaker, Breaker::Closed);
}

#[tokio::test(start_paused = true)]
async fn nine_an_hour_open_nothing_for_ever() {
    let mut it = run(field());
    it.poll().await;
    for _ in 0..40 {
        it.lose_and_find().await;
        tokio::time::sleep(7 * MINUTE).await;
    }
    let recovery = it.status().recovery;
    assert_eq!((recovery.opened, recovery.all_reconnects()), (0, 40));
}

#[tokio::test(start_paused = true)]
async fn a_person_gets_one_try_of_an_open_breaker() {
    let mut it = run(settings("breaker=2"));
    it.poll().await;
    it.line.unplug();
    it.open().await;
    let connects = it.world.connects();
    it.order(Order::Reconnect).await;
    it.until(|s| s.recovery.opened == 2).await;
    assert_eq!(it.world.connects(), connects + 1);
    assert_eq!(it.status().recovery.reconnects(Cause::Person), 1);
    it.line.plug_in();
    it.order(Order::Reconnect).await;
    it.ready().await;
    it.until(|s| s.recovery.breaker == Breaker::Closed).await;
    // Stopped while open, and started: the same.
    it.line.unplug();
    it.open().await;
    it.order(Order::Stop).await;
    it.until(|s| s.phase == Phase::Stopped).await;
    it.line.plug_in();
    let asked = Instant::now();
    it.order(Order::Start).await;
    it.ready().await;
    assert!(asked.elapsed() < 2 * SECOND);
}

#[tokio::test(start_paused = true)]
async fn no_level_shows_a_refused_password_again() {
    let mut wrong = microstar("00000000");
    wrong.recovery = "breaker=1,silence=1m,preventive=1m".parse().unwrap();
    let mut it = run(wrong);
    it.until(|s| s.phase == Phase::NeedsPerson).await;
    tokio::time::sleep(Duration::from_hours(24)).await;
    assert_eq!(
        (it.status().phase, it.world.connects()),
        (Phase::NeedsPerson, 1)
    );
    for order in [Order::Reconnect, Order::Start, Order::PollNow] {
        it.order(order).await;
    }
    tokio::time::sleep(SECOND).await;
    assert_eq!(it.world.connects(), 1);
    let recovery = it.status().recovery;
    assert_eq!((recovery.all_reconnects(), recovery.back_offs), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn each_reconnect_is_counted_under_its_cause() {
    let mut it = run(field());
    it.poll().await;
    it.line.unplug();
    it.until(|s| s.recovery.reconnects(Cause::Refused) == 2)
        .await;
    assert_eq!(it.status().recovery.reconnects(Cause::Closed), 1);
    it.line.plug_in();
    it.ready().await;
    it.poll().await;
    it.line.deaf_for(3 * MINUTE);
    it.until(|s| s.recovery.reconnects(Cause::NoAnswer) >= 1)
        .await;
    let mut other = field();
    other.timeout = 3 * SECOND;
    it.order(Order::Replace(Box::new(other))).await;
    it.until(|s| s.recovery.reconnects(Cause::Settings) == 1)
        .await;
    let status = it.ready().await;
    assert_eq!(
        status.acted(Level::Reconnect),
        u64::from(status.recovery.all_reconnects())
    );
    assert!(status.acted(Level::Resend) > 0 && status.acted(Level::Resync) > 0);
    assert!(status.acted(Level::BackOff) > 2);
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_may_hold_an_old_link_is_asked_seldom() {
    let mut it = run(field());
    it.poll().await;
    let mut pauses = Vec::new();
    // Deaf for longer than its own inactivity time.
    it.line.deaf_for(10 * MINUTE);
    for n in 1..=5 {
        let status = it
            .until(|s| matches!(s.phase, Phase::Waiting { failures, .. } if failures >= n))
            .await;
        let Phase::Waiting { until, .. } = status.phase else {
            unreachable!()
        };
        pauses.push(until.duration_since(status.since));
    }
    assert!(
        pauses[1] >= 2 * SECOND && pauses[2] >= 4 * SECOND,
        "{pauses:?}"
    );
}

#[tokio::test(start_paused = true)]
async fn fifteen_link_errors_in_a_row_make_the_link_anew() {
    let mut stubborn = field();
    // Else the link gives up before the watchdog has to.
    stubborn.retries = 10;
    let mut it = run(stubborn);
    it.poll().await;
    it.line.garble();
    let status = it.until(|s| s.recovery.fired(Cause::LinkErrors) == 1).await;
    assert_eq!(status.counters.resyncs, 0);
    it.line.mend();
    let status = it
        .until(|s| s.recovery.reconnects(Cause::LinkErrors) == 1)
        .await;
    let error = status.last_error.unwrap();
    assert!(error.what.starts_with("15 frames in a row"), "{error:?}");
    it.ready().await;
    it.poll().await;
    assert!(associated(&it.meter));
}

/// Neither of these is known to the meter.
fn unknown(count: u8) -> Vec<PolledObject> {
    (0..count)
        .map(|c| {
            let spec = format!("3/1-1:{}.7.0/2", 190 + c);
            PolledObject::new(spec.parse().unwrap(), format!("x{c}"))
        })
        .collect()
}

#[tokio::test(start_paused = true)]
async fn ten_cycles_without_a_value_make_the_link_anew_once() {
    let mut empty = field();
    empty.objects = unknown(2);
    let mut it = run(empty);
    let status = it
        .until(|s| s.recovery.fired(Cause::FailedCycles) == 1)
        .await;
    assert_eq!(status.counters.polls_failed, 10);
    assert!(status.recovery.resting.is_empty(), "{:?}", status.recovery);
    let error = status.last_error.unwrap();
    assert!(error.what.contains("10 polls in a row"), "{error:?}");
    // A new link did not help: it is the objects, and they rest instead of the link being made anew without end.
    let status = it.until(|s| s.recovery.resting.len() == 2).await;
    assert_eq!(status.recovery.reconnects(Cause::FailedCycles), 1);
    let gets = status.counters.gets;
    tokio::time::sleep(4 * MINUTE).await;
    assert_eq!(it.status().counters.gets, gets);
    tokio::time::sleep(2 * MINUTE).await;
    assert_eq!(it.status().counters.gets, gets + 2, "one try each");
    tokio::time::sleep(Duration::from_hours(3)).await;
    let recovery = it.status().recovery;
    assert_eq!((recovery.all_reconnects(), recovery.opened), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn ten_minutes_without_a_value_make_the_link_anew() {
    let mut rare = field();
    rare.poll = 3 * MINUTE;
    rare.objects = unknown(1);
    let mut it = run(rare);
    let started = Instant::now();
    let status = it.until(|s| s.recovery.fired(Cause::Silence) == 1).await;
    let after = started.elapsed();
    assert!((10 * MINUTE..11 * MINUTE).contains(&after), "{after:?}");
    assert_eq!(status.recovery.fired(Cause::FailedCycles), 0);
    it.until(|s| s.recovery.reconnects(Cause::Silence) == 1)
        .await;
    // Values keep it quiet, however rarely they come.
    let mut rare = field();
    rare.poll = Duration::from_mins(50);
    let mut it = run(rare);
    for _ in 0..5 {
        it.poll().await;
    }
    assert_eq!(it.status().recovery.all_reconnects(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_preventive_reconnect_falls_between_polls_and_trips_nothing() {
    let mut it = run(settings("preventive=30m,breaker=1"));
    let mut count = 0;
    let started = Instant::now();
    while started.elapsed() < Duration::from_hours(6) {
        let poll = it.poll().await;
        assert!(poll.readings.iter().all(|r| r.value.is_ok()));
        count += 1;
    }
    let status = it.status();
    let recovery = &status.recovery;
    assert_eq!(
        recovery.reconnects(Cause::Preventive),
        recovery.all_reconnects()
    );
    assert!(
        (11..=12).contains(&recovery.all_reconnects()),
        "{recovery:?}"
    );
    assert_eq!((recovery.opened, recovery.recent), (0, 0));
    assert_eq!(status.counters.polls_missed, 0);
    assert!(count >= 6 * 720, "{count}");
    assert_eq!(status.last_error, None);
}

#[tokio::test(start_paused = true)]
async fn an_object_that_is_refused_rests_alone_and_comes_back() {
    let mut meter = field();
    meter.objects.insert(0, unknown(1).remove(0));
    let mut it = run(meter.clone());
    let status = it.until(|s| s.recovery.resting.len() == 1).await;
    assert_eq!(status.counters.polls, 5);
    let resting = &status.recovery.resting[0];
    assert_eq!((resting.key.as_str(), resting.times), ("x0", 1));
    assert!(resting.why.contains("object-undefined"), "{resting:?}");
    assert_eq!(resting.next.duration_since(resting.since), 5 * MINUTE);
    assert_eq!(status.recovery.rested, 1);
    while it.polls.try_recv().is_ok() {}
    let poll = it.poll().await;
    let error = poll.readings[0].value.clone().unwrap_err();
    assert!(matches!(&error, ReadingError::Resting(why) if why.contains("asked again in")));
    assert!(poll.readings[1..].iter().all(|r| r.value.is_ok()));
    it.until(|s| s.recovery.resting.iter().any(|it| it.times == 2))
        .await;
    assert_eq!(it.status().recovery.all_reconnects(), 0);
    // No longer read, no longer resting.
    meter.objects.remove(0);
    it.order(Order::Replace(Box::new(meter))).await;
    it.until(|s| s.recovery.resting.is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn an_object_that_makes_the_meter_hang_is_found_out_and_rested() {
    let mut it = run(field());
    it.poll().await;
    it.line.swallow(&[FREQUENCY]);
    let status = it.until(|s| s.recovery.resting.len() == 1).await;
    let resting = &status.recovery.resting[0];
    assert_eq!(resting.key, "frequency");
    assert!(resting.why.contains("whenever it is asked"), "{resting:?}");
    assert_eq!(status.recovery.opened, 0);
    // The others live, with no loss, until it is given its one try.
    it.ready().await;
    while it.polls.try_recv().is_ok() {}
    let resyncs = it.status().counters.resyncs;
    for _ in 0..30 {
        let poll = it.poll().await;
        let good = poll.readings.iter().filter(|r| r.value.is_ok()).count();
        assert_eq!((poll.readings.len(), good), (9, 8));
    }
    assert_eq!(it.status().counters.resyncs, resyncs);
    // Mended, it answers its next try.
    it.line.mend();
    it.until(|s| s.recovery.resting.is_empty()).await;
}

#[tokio::test(start_paused = true)]
async fn an_object_on_which_the_converter_hangs_up_is_found_out_before_the_breaker() {
    let mut it = run(field());
    it.poll().await;
    // The first of all: then nothing had answered before it.
    it.line.hang_up_on(VOLTAGE);
    let status = it.until(|s| s.recovery.resting.len() == 1).await;
    assert_eq!(status.recovery.resting[0].key, "voltage_l1");
    tokio::time::sleep(Duration::from_hours(2)).await;
    let recovery = it.status().recovery;
    assert_eq!(recovery.opened, 0, "{recovery:?}");
    assert_eq!(recovery.resting.len(), 1);
    it.ready().await;
}

#[tokio::test(start_paused = true)]
async fn two_culprits_are_both_rested_and_a_deaf_meter_blames_none() {
    let mut it = run(field());
    it.poll().await;
    it.line.swallow(&[FREQUENCY, VOLTAGE]);
    it.until(|s| s.recovery.resting.len() == 2).await;
    let mut it = run(field());
    it.poll().await;
    // Links come about, but no GET is answered.
    it.line.swallow(&[&[0xC0, 1]]);
    tokio::time::sleep(Duration::from_hours(2)).await;
    let recovery = it.status().recovery;
    assert!(
        recovery.resting.is_empty() && recovery.opened > 0,
        "{recovery:?}"
    );
}
