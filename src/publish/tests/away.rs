//! While the broker is away: what waits stays within its limits, the oldest goes first, and is counted.

use super::*;
use crate::simulator::broker::Ending;
use crate::store::Limits;

async fn kept(limits: Limits) -> (Vec<u32>, crate::store::QueueDepth) {
    let (mut broker, _stop) = broker(Behaviour::default()).await;
    let mut bench = Bench::speaking(broker.address.port(), Protocol::V5).await;
    bench.broker.limits = limits;
    bench.broker = bench.store.save_broker(bench.broker).await.unwrap();
    let mut handle = bench.spawn();
    bench.queue(0..10).await;
    handle.wake.notify_one();
    until(&mut handle.status, |it| it.acknowledged == 10).await;
    broker.handle.down(Ending::Abrupt).await.unwrap();
    let start = jiff::Timestamp::now();
    for number in 10..110 {
        let render: Render = Arc::new(move |_| vec![message(number.to_string())]);
        let poll = Poll {
            meter: bench.meter,
            at: start + Duration::from_secs(number),
            readings: Vec::new(),
        };
        let outlet = Some((bench.broker.id, render));
        bench.store.commit_poll(poll, outlet).await.unwrap();
    }
    let depth = bench.store.depth(bench.broker.id).await.unwrap();
    broker.handle.up().await.unwrap();
    while broker.received.try_recv().is_ok() {}
    hurried(&mut handle.status, drained).await;
    ended(handle).await;
    let mut numbers = Vec::new();
    while let Ok(received) = broker.received.try_recv() {
        numbers.push(
            String::from_utf8(received.payload)
                .unwrap()
                .parse()
                .unwrap(),
        );
    }
    (numbers, depth)
}

#[tokio::test]
async fn without_a_limit_reached_nothing_is_missing() {
    let (numbers, depth) = kept(Limits::default()).await;
    assert!(numbers.into_iter().eq(10..110));
    assert_eq!((depth.waiting, depth.dropped), (100, 0));
}

#[tokio::test]
async fn rows_bytes_and_age_keep_the_newest() {
    let rows = Limits {
        rows: 30,
        ..Limits::default()
    };
    let (numbers, depth) = kept(rows).await;
    assert!(numbers.into_iter().eq(80..110));
    assert_eq!((depth.waiting, depth.dropped), (30, 70));

    // A message is 18 octets of topic and 2 or 3 of payload.
    let bytes = Limits {
        bytes: 1_000,
        ..Limits::default()
    };
    let (numbers, depth) = kept(bytes).await;
    assert!(depth.bytes <= 1_000 && depth.waiting + depth.dropped == 100);
    let first = 110 - u32::try_from(depth.waiting).unwrap();
    assert!(depth.waiting > 20 && numbers.into_iter().eq(first..110));

    let age = Limits {
        age: Some(Duration::from_secs(20)),
        ..Limits::default()
    };
    let (numbers, depth) = kept(age).await;
    assert!(numbers.into_iter().eq(89..110));
    assert_eq!(depth.dropped, 79);
}

/// A clock set back makes neither order nor stamps another, and nothing looks old.
#[tokio::test]
async fn a_clock_that_jumps_back_keeps_order_and_stamps() {
    let (mut broker, _stop) = broker(Behaviour::default()).await;
    let mut bench = Bench::speaking(broker.address.port(), Protocol::V5).await;
    bench.broker.limits.age = Some(Duration::from_hours(1));
    bench.broker = bench.store.save_broker(bench.broker).await.unwrap();
    let noon = jiff::Timestamp::now();
    let steps = [0, 1, 2, -7_200, -7_199, -86_400, 3];
    for (number, step) in (0..).zip(steps) {
        let at = noon + jiff::SignedDuration::from_secs(step);
        let text = format!("{number}");
        let poll = Poll {
            meter: bench.meter,
            at,
            readings: Vec::new(),
        };
        let render: Render = Arc::new(move |_| vec![message(text.clone())]);
        let outlet = Some((bench.broker.id, render));
        bench.store.commit_poll(poll, outlet).await.unwrap();
    }
    let rows = bench.store.outbox(bench.broker.id, 0, 99).await.unwrap();
    let stamps: Vec<i64> = (rows.iter())
        .map(|row| row.created.as_second() - noon.as_second())
        .collect();
    assert_eq!(stamps, steps);
    let handle = bench.spawn();
    for number in 0..7 {
        assert_eq!(next(&mut broker).await, number);
    }
    ended(handle).await;
}
