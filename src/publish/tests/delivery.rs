//! Whatever happens to the connection, nothing committed is lost.

use std::collections::BTreeSet;

use super::*;

#[tokio::test]
async fn everything_arrives_in_order_and_leaves_the_table() {
    let (mut broker, _stop) = broker(Behaviour::default()).await;
    let bench = Bench::new(broker.address.port()).await;
    bench.queue(0..100).await;
    let mut handle = bench.spawn();
    for number in 0..100 {
        assert_eq!(next(&mut broker).await, number);
    }
    // And what comes later, on the open connection, when told.
    bench.queue(100..150).await;
    handle.wake.notify_one();
    for number in 100..150 {
        assert_eq!(next(&mut broker).await, number);
    }
    let status = until(&mut handle.status, |it| it.acknowledged == 150).await;
    assert_eq!(status.phase, BrokerPhase::Connected);
    assert_eq!((status.per_minute, status.reconnects), (150, 0));
    assert_eq!(status.last_topic.as_deref(), Some("meters/m/telemetry"));
    assert_eq!(status.last_payload.as_deref(), Some("149"));
    assert!(status.latency.is_some() && status.last_error.is_none());
    ended(handle).await;
    assert_eq!(bench.waiting().await, 0);
}

#[tokio::test]
async fn a_broker_restarted_in_the_middle_loses_nothing() {
    let (mut first, stop) = broker(Behaviour::default()).await;
    let port = first.address.port();
    let bench = Bench::new(port).await;
    bench.queue(0..2_000).await;
    let mut handle = bench.spawn();
    let mut seen = BTreeSet::new();
    while seen.len() < 300 {
        seen.insert(next(&mut first).await);
    }
    stop.cancel();
    first.task.await.unwrap();
    while let Some(message) = first.received.recv().await {
        seen.insert(String::from_utf8(message.payload).unwrap().parse().unwrap());
    }
    assert!(seen.len() < 2_000, "it was not in the middle");
    let waiting = until(&mut handle.status, |it| {
        matches!(it.phase, BrokerPhase::Waiting { .. })
    })
    .await;
    assert!(waiting.last_error.is_some());
    let (mut second, _stop) = broker_at(port, Behaviour::default()).await;
    while seen.len() < 2_000 {
        seen.insert(next(&mut second).await);
    }
    assert!(seen.into_iter().eq(0..2_000));
    let status = until(&mut handle.status, |it| it.depth.waiting == 0).await;
    assert!(status.reconnects >= 1 && status.acknowledged >= 2_000);
    ended(handle).await;
    assert_eq!(bench.waiting().await, 0);
}

#[tokio::test]
async fn dropped_again_and_again_it_still_gets_through() {
    let (mut broker, _stop) = broker(Behaviour {
        drop_after: Some(30),
        ..Behaviour::default()
    })
    .await;
    let bench = Bench::new(broker.address.port()).await;
    bench.queue(0..60).await;
    let mut handle = bench.spawn();
    let mut seen = BTreeSet::new();
    let mut copies = 0;
    while seen.len() < 60 {
        seen.insert(next(&mut broker).await);
        copies += 1;
    }
    assert!(copies > 60, "the dropped ones come again");
    let status = until(&mut handle.status, |it| it.reconnects >= 1).await;
    assert!(
        status
            .last_error
            .unwrap()
            .1
            .contains("closed the connection")
    );
    ended(handle).await;
}

#[tokio::test]
async fn without_acknowledgement_nothing_leaves_the_table() {
    let (mut broker, _stop) = broker(Behaviour {
        never_ack: true,
        ..Behaviour::default()
    })
    .await;
    let bench = Bench::new(broker.address.port()).await;
    bench.queue(0..50).await;
    let handle = bench.spawn_with(Duration::from_millis(50));
    for number in 0..20 {
        assert_eq!(next(&mut broker).await, number);
    }
    // The flush is bounded: stopping comes through all the same.
    let mut status = handle.status.clone();
    ended(handle).await;
    assert!(broker.received.try_recv().is_err(), "beyond the window");
    assert_eq!(bench.waiting().await, 50);
    assert_eq!(status.borrow_and_update().acknowledged, 0);
}

#[tokio::test]
async fn stopping_flushes_what_was_committed_before() {
    let (mut broker, _stop) = broker(Behaviour::default()).await;
    let bench = Bench::new(broker.address.port()).await;
    let mut handle = bench.spawn();
    until(&mut handle.status, |it| it.phase == BrokerPhase::Connected).await;
    bench.queue(0..500).await;
    // Not woken.
    ended(handle).await;
    for number in 0..500 {
        assert_eq!(next(&mut broker).await, number);
    }
    assert_eq!(bench.waiting().await, 0);
}
