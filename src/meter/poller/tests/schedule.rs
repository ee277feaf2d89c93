//! Intervals of their own, lists, who the meter is, and whose turn it is to connect.

use super::*;
use crate::meter::PolledObject;
use crate::meter::status::Points;

fn whole(points: &[Points]) {
    for it in points {
        assert_eq!(it.due, it.read + it.busy + it.away + it.paused, "{it:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_object_with_an_interval_of_its_own_is_read_with_the_others_when_both_are_due() {
    let mut meter = microstar("22222222");
    meter.objects[4].every = Some(15 * SECOND);
    let mut it = run(meter);
    let first = it.poll().await;
    for n in 1..=36_i64 {
        let poll = it.poll().await;
        let due = jiff::SignedDuration::from_secs(5 * n);
        assert_eq!(poll.at.duration_since(first.at), due);
        let energy = poll.readings.iter().any(|it| it.key == "active_energy");
        assert_eq!(energy, n % 3 == 0, "{n}");
        assert_eq!(poll.readings.len(), if energy { 9 } else { 8 });
    }
    let status = it.until(|s| s.counters.polls == 37).await;
    assert_eq!((status.points[4].due, status.points[4].read), (13, 13));
    assert_eq!((status.points[0].due, status.points[0].read), (37, 37));
    // A person's poll is of all, at once, and no tick of any grid.
    tokio::time::sleep(SECOND).await;
    it.order(Order::PollNow).await;
    assert_eq!(it.poll().await.readings.len(), 9);
    let status = it.until(|s| s.counters.polls == 38).await;
    assert_eq!(status.points[4].due, 13);
}

#[tokio::test(start_paused = true)]
async fn every_tick_is_read_or_has_its_cause() {
    let mut meter = microstar("22222222");
    meter.objects[4].every = Some(17 * SECOND);
    let mut it = run(meter);
    it.poll().await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    it.line.unplug();
    tokio::time::sleep(Duration::from_mins(2)).await;
    it.line.plug_in();
    it.until(|s| s.phase == Phase::Ready).await;
    it.poll().await;
    tokio::time::sleep(Duration::from_mins(1)).await;
    let status = it.status();
    whole(&status.points);
    let quick = status.points[0];
    assert!(quick.away >= 20 && quick.busy == 0, "{quick:?}");
    assert!(status.points[4].away >= 5, "{:?}", status.points);
    // On the bench it is not asked.
    let (reply, loan) = oneshot::channel();
    it.order(Order::Lend(reply)).await;
    let loan = loan.await.unwrap();
    tokio::time::sleep(Duration::from_mins(1)).await;
    drop(loan);
    it.until(|s| s.phase == Phase::Ready).await;
    it.poll().await;
    let status = it.status();
    whole(&status.points);
    assert!(
        (11..=13).contains(&status.points[0].paused),
        "{:?}",
        status.points[0]
    );
    // A meter that answers too slowly is busy.
    let slow = Profile::microstar(7).delayed(Duration::from_millis(900));
    let mut it = run_with(microstar("22222222"), slow);
    for _ in 0..10 {
        it.poll().await;
    }
    let status = it.until(|s| s.counters.polls == 10).await;
    whole(&status.points);
    assert!(status.points[0].busy >= 9, "{:?}", status.points[0]);
}

#[tokio::test(start_paused = true)]
async fn a_meter_that_grants_lists_is_read_in_one_request() {
    let mut meter = Definition::new("m", "meter", 1);
    let profile = Profile::generic(3);
    meter.server = profile.address;
    meter.auth = crate::meter::definition::Auth::Lls;
    meter.client = crate::dlms::hdlc::ClientAddress::new(1).unwrap();
    meter.password = Some(Secret::new(b"12345678".as_slice()));
    meter.objects = ["32.7.0", "31.7.0", "1.7.0", "14.7.0", "1.8.0"]
        .map(|code| PolledObject::new(format!("1-0:{code}").parse().unwrap(), code))
        .to_vec();
    let mut it = run_with(meter, profile);
    let first = it.poll().await;
    let gets = it.until(|s| s.counters.polls == 1).await.counters.gets;
    let second = it.poll().await;
    let status = it.until(|s| s.counters.polls == 2).await;
    assert_eq!(status.counters.gets, gets + 1, "{status:#?}");
    for (a, b) in first.readings.iter().zip(&second.readings) {
        assert!(b.value.is_ok() && b.scaler_unit.is_some(), "{b:?}");
        assert_eq!(
            (a.scaler_unit, &a.key, a.attribute),
            (b.scaler_unit, &b.key, b.attribute)
        );
    }
    assert!(
        status
            .identity
            .as_ref()
            .is_some_and(|it| it.serial.is_some()),
        "{status:#?}"
    );
}

#[tokio::test(start_paused = true)]
async fn another_meter_in_the_same_place_is_noticed_and_learned_anew() {
    let mut it = run(microstar("22222222"));
    it.poll().await;
    let before = it.status().identity.unwrap();
    assert!(before.serial.is_some() && before.firmware.is_some());
    it.line.unplug();
    it.until(|s| matches!(s.phase, Phase::Waiting { .. })).await;
    let gets = it.status().counters.gets;
    let other = simulated(Profile::microstar(8));
    let _line = it.world.meter("meter", &other);
    it.poll().await;
    let status = it
        .until(|s| s.counters.gets > gets && s.phase == Phase::Ready)
        .await;
    let now = status.identity.clone().unwrap();
    assert_ne!(now.serial, before.serial);
    // Who it is, and every scaler once more.
    let status = it.until(|s| s.counters.gets >= gets + 20).await;
    assert_eq!(status.counters.gets, gets + 2 + 18);
    let (records, _) = it.handle.tap.since(0);
    let said = records.iter().any(|record| {
        matches!(&record.what, Chunk::Note(crate::meter::tap::Note::Text(text))
            if text.starts_with("meter changed: serial"))
    });
    assert!(said);
}

/// A meter that answers at once is not waited for as long as one that hangs, and no frame is given up sooner.
#[tokio::test(start_paused = true)]
async fn a_lost_frame_is_asked_for_by_how_soon_the_meter_usually_answers() {
    let mut it = run(microstar("22222222"));
    it.poll().await;
    let status = it.until(|s| s.counters.polls == 1).await;
    assert_eq!(status.waits, Some(SECOND));
    // Deaf over the next tick, but not for long.
    tokio::time::sleep(4 * SECOND).await;
    it.line.deaf_for(1_500 * SECOND / 1_000);
    let started = Instant::now();
    it.poll().await;
    assert!(started.elapsed() < 5 * SECOND, "{:?}", started.elapsed());
    let status = it.until(|s| s.counters.polls == 2).await;
    assert!(status.link.resent >= 1);
    assert_eq!(status.counters.resyncs, 0);
    let mut patient = microstar("22222222");
    patient.timeout_floor = patient.timeout;
    let mut it = run(patient);
    it.poll().await;
    it.poll().await;
    assert_eq!(it.status().waits, None);
}

#[tokio::test(start_paused = true)]
async fn no_more_connect_at_once_than_may_and_a_hanging_one_gives_its_turn_away() {
    let world = World::default();
    world.silent("dead");
    let (sender, mut polls) = mpsc::channel(64);
    let turns = Turns::new(2);
    let start = |host: &str| {
        let mut definition = microstar("22222222");
        definition.host = host.into();
        let kept = Kept {
            gate: Gate {
                turns: Some(turns.clone()),
                ramp: Duration::ZERO,
            },
            ..Kept::default()
        };
        let tap = Tap::new(1024);
        spawn_with(
            definition,
            world.connector(),
            clock(),
            sender.clone(),
            1,
            tap,
            kept,
        )
    };
    let started = Instant::now();
    let dead: Vec<_> = (0..4).map(|_| start("dead")).collect();
    tokio::time::sleep(SECOND).await;
    assert_eq!(world.connects(), 2);
    let queued = dead.iter().filter(|it| it.status.borrow().queued).count();
    assert_eq!(queued, 2);
    let meter = simulated(Profile::microstar(7));
    world.meter("good", &meter);
    let good = start("good");
    tokio::time::sleep(SECOND).await;
    let status = good.status.borrow().clone();
    assert!(status.queued && status.last_error.is_none(), "{status:#?}");
    // Two times seven seconds, and those that failed wait among their like.
    polls.recv().await.unwrap();
    let took = started.elapsed();
    assert!((14 * SECOND..15 * SECOND).contains(&took), "{took:?}");
    assert!(!good.status.borrow().queued);
    // A person does not wait.
    let late: Vec<_> = (0..2).map(|_| start("dead")).collect();
    let asked = start("good");
    tokio::time::sleep(SECOND).await;
    assert!(asked.status.borrow().queued);
    asked.orders.send(Order::PollNow).await.unwrap();
    let now = Instant::now();
    let mut status = asked.status.clone();
    status.wait_for(|s| !s.queued).await.unwrap();
    assert!(now.elapsed() < SECOND / 10);
    drop(late);
}
