//! Orders from outside: heard at any moment, and none leaves the meter occupied.

use super::*;
use crate::cosem::{Obis, ObjectSpec};
use crate::meter::PolledObject;

#[tokio::test(start_paused = true)]
async fn a_wrong_password_is_tried_once_until_a_person_says_so() {
    let mut it = run(microstar("00000000"));
    let status = it.until(|s| s.phase == Phase::NeedsPerson).await;
    let error = status.last_error.unwrap();
    assert!(error.what.contains("authentication-failure"), "{error:?}");
    assert!(error.try_next.contains("client 1"), "{error:?}");
    assert!(
        matches!(status.rungs[4], RungState::Failed { .. }),
        "{:?}",
        status.rungs
    );
    tokio::time::sleep(Duration::from_hours(1)).await;
    for order in [Order::Start, Order::PollNow, Order::Reconnect] {
        it.order(order).await;
    }
    tokio::time::sleep(SECOND).await;
    assert_eq!(it.world.connects(), 1);
    it.order(Order::Proceed).await;
    it.until(|s| s.phase != Phase::NeedsPerson).await;
    it.until(|s| s.phase == Phase::NeedsPerson).await;
    assert_eq!(it.world.connects(), 2);
    // A new name is no new password.
    let mut renamed = microstar("00000000");
    renamed.name = "n".into();
    it.order(Order::Replace(Box::new(renamed))).await;
    tokio::time::sleep(SECOND).await;
    assert_eq!(it.world.connects(), 2);
    it.order(Order::Replace(Box::new(microstar("22222222"))))
        .await;
    it.ready().await;
}

#[tokio::test(start_paused = true)]
async fn every_way_out_releases_the_meter() {
    for way in 0..5 {
        let mut it = run(microstar("22222222"));
        it.poll().await;
        assert!(associated(&it.meter));
        match way {
            0 => it.order(Order::Stop).await,
            1 => it.order(Order::Shutdown).await,
            2 => {
                let mut other = microstar("11111111");
                other.host = "nowhere".into();
                it.order(Order::Replace(Box::new(other))).await;
            }
            3 => it.handle.task.abort(),
            _ => {
                // Nobody left to give orders.
                let (orders, _) = mpsc::channel(1);
                it.handle.orders = orders;
            }
        }
        tokio::time::sleep(3 * SECOND).await;
        assert!(!associated(&it.meter), "way {way}");
        if way == 1 || way == 4 {
            assert!(it.handle.task.is_finished());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn stopping_in_the_middle_of_anything_is_prompt_and_leaves_nothing_behind() {
    // An answer takes 300 ms: these moments fall into drain, SNRM, AARQ, first and later GETs.
    for after in [0, 50, 150, 250, 450, 600, 750, 900, 1_100, 3_000] {
        let slow = Profile::microstar(7).delayed(Duration::from_millis(300));
        let mut it = run_with(microstar("22222222"), slow);
        tokio::time::sleep(Duration::from_millis(after)).await;
        let asked = Instant::now();
        it.order(Order::Stop).await;
        it.until(|s| s.phase == Phase::Stopped).await;
        assert!(
            asked.elapsed() < 3 * SECOND,
            "after {after}: {:?}",
            asked.elapsed()
        );
        tokio::time::sleep(SECOND).await;
        assert!(!associated(&it.meter), "after {after}");
        it.order(Order::Start).await;
        it.ready().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_change_of_objects_needs_no_new_link() {
    let mut it = run(microstar("22222222"));
    it.poll().await;
    let mut fewer = microstar("22222222");
    fewer.objects.truncate(2);
    let clock = "8/0-0:1.0.0/2".parse().unwrap();
    fewer.objects.push(PolledObject::new(clock, "clock"));
    it.order(Order::Replace(Box::new(fewer))).await;
    let status = it.until(|s| s.values.len() == 3).await;
    assert_eq!(status.values.iter().flatten().count(), 2);
    let poll = it.poll().await;
    assert_eq!(poll.readings.len(), 3);
    assert!(
        poll.readings[2].text().starts_with("2026-11-20"),
        "{}",
        poll.readings[2].text()
    );
    assert_eq!(it.status().counters.connects, 1);
}

#[tokio::test(start_paused = true)]
async fn reads_from_outside_go_over_the_same_link() {
    let mut it = run(microstar("22222222"));
    let ask = |specs: Vec<ObjectSpec>| {
        let (reply, answer) = oneshot::channel();
        (Order::Read(Box::new(ReadOrder { specs, reply })), answer)
    };
    let spec = ObjectSpec::Value(Obis::new(1, 1, 32, 7, 0, 255));
    let absent = ObjectSpec::Value(Obis::new(1, 1, 199, 7, 0, 255));
    it.ready().await;
    let (order, answer) = ask(vec![spec, absent]);
    it.order(order).await;
    let readings = answer.await.unwrap().unwrap();
    assert!(readings[0].decimal().is_some());
    let json = readings[1].to_json();
    assert_eq!(json["error"]["kind"], "data-access-result", "{json}");
    it.order(Order::Stop).await;
    it.until(|s| s.phase == Phase::Stopped).await;
    let (order, answer) = ask(vec![spec]);
    it.order(order).await;
    assert!(answer.await.unwrap().unwrap_err().contains("stopped"));
}

#[tokio::test(start_paused = true)]
async fn a_longer_timeout_shows_no_refused_password_again() {
    let mut it = run(microstar("00000000"));
    it.until(|s| s.phase == Phase::NeedsPerson).await;
    let mut patient = microstar("00000000");
    patient.timeout = 9 * SECOND;
    it.order(Order::Replace(Box::new(patient))).await;
    tokio::time::sleep(10 * SECOND).await;
    assert_eq!(
        (it.status().phase, it.world.connects()),
        (Phase::NeedsPerson, 1)
    );
}

/// A scaler learned of one meter would make the other's values wrong.
#[tokio::test(start_paused = true)]
async fn a_meter_that_moved_while_it_was_away_is_learned_anew() {
    let mut it = run(microstar("22222222"));
    it.poll().await;
    it.line.unplug();
    it.until(|s| matches!(s.phase, Phase::Waiting { .. })).await;
    let other = simulated(Profile::microstar(8));
    it.world.meter("elsewhere", &other);
    let mut moved = microstar("22222222");
    moved.host = "elsewhere".into();
    let gets = it.status().counters.gets;
    it.order(Order::Replace(Box::new(moved))).await;
    it.until(|s| s.phase != Phase::Ready && s.values.iter().flatten().count() == 0)
        .await;
    it.poll().await;
    assert_eq!(
        it.until(|s| s.counters.gets > gets).await.counters.gets,
        gets + 2 + 18
    );
}

#[tokio::test(start_paused = true)]
async fn a_link_that_breaks_after_each_association_is_not_hammered() {
    let mut bare = microstar("22222222");
    bare.objects.clear();
    let mut it = run(bare);
    for _ in 0..40 {
        it.ready().await;
        it.line.unplug();
        it.until(|s| s.phase != Phase::Ready).await;
        it.line.plug_in();
    }
    let Phase::Waiting { failures, .. } = it
        .until(|s| matches!(s.phase, Phase::Waiting { .. }))
        .await
        .phase
    else {
        unreachable!()
    };
    assert!(failures >= 40, "{failures}");
}
