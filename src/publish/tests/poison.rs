//! A message that no connection survives is found among good ones and set aside; while nothing at all gets through, no
//! message is blamed.

use super::*;

/// What the broker does at that message, and what it is told to have died of.
fn traps() -> [(Behaviour, &'static str); 2] {
    let poison = Some(b"poison".to_vec());
    [
        (
            Behaviour {
                poison: poison.clone(),
                ..Behaviour::default()
            },
            "closed the connection",
        ),
        (
            Behaviour {
                withhold: poison,
                ..Behaviour::default()
            },
            "did not acknowledge",
        ),
    ]
}

#[tokio::test]
async fn it_is_found_and_the_good_ones_lose_nothing() {
    for protocol in VERSIONS {
        for (behaviour, words) in traps() {
            let (mut broker, _stop) = broker(behaviour).await;
            let bench = Bench::speaking(broker.address.port(), protocol).await;
            bench.queue(0..25).await;
            bench.queue_text("poison").await;
            bench.queue(25..60).await;
            let mut handle = bench.spawn();
            let found = |it: &BrokerStatus| it.depth.rejected > 0 || it.reconnects >= 7;
            hurried(&mut handle.status, found).await;
            // Should it be the last one that waits, what comes next shows that the broker is well.
            bench.queue(60..70).await;
            handle.wake.notify_one();
            let status = hurried(&mut handle.status, |it| {
                drained(it) && it.depth.rejected > 0
            })
            .await;
            assert!(status.reconnects < 12, "{}", status.reconnects);
            ended(handle).await;
            let dead = bench.dead().await;
            assert_eq!(dead.len(), 1);
            assert_eq!(dead[0].row.payload, b"poison");
            assert!(dead[0].reason.contains(words), "{}", dead[0].reason);
            assert_all(&copies(&mut broker), 0..70);
        }
    }
}

/// Several of them, and as the last ones that wait: each is found by the help of what comes later.
#[tokio::test]
async fn several_are_found_one_after_the_other() {
    for (behaviour, _) in traps() {
        let (mut broker, _stop) = broker(behaviour).await;
        let bench = Bench::speaking(broker.address.port(), Protocol::V311).await;
        bench.queue(0..5).await;
        for text in ["poison 1", "poison 2", "poison 3"] {
            bench.queue_text(text).await;
        }
        let mut handle = bench.spawn();
        // Alone in the queue nothing shows that the broker is well: they stay.
        let status = hurried(&mut handle.status, |it| it.reconnects >= 12).await;
        assert_eq!((status.depth.waiting, status.depth.rejected), (3, 0));
        let mut number = 5;
        let mut dead = 0;
        while dead < 3 && number < 40 {
            bench.queue(number..number + 1).await;
            number += 1;
            handle.wake.notify_one();
            let before = status.reconnects;
            let now = hurried(&mut handle.status, |it| {
                it.depth.rejected > dead || it.reconnects > before + u64::from(number) * 2
            })
            .await;
            dead = now.depth.rejected;
        }
        let status = hurried(&mut handle.status, drained).await;
        assert_eq!(status.depth.rejected, 3);
        ended(handle).await;
        assert!((bench.dead().await.iter()).all(|it| it.row.payload.starts_with(b"poison")));
        assert_all(&copies(&mut broker), 0..number);
    }
}

#[tokio::test]
async fn while_nothing_gets_through_nothing_is_set_aside() {
    for protocol in VERSIONS {
        for behaviour in [
            Behaviour {
                never_ack: true,
                ..Behaviour::default()
            },
            Behaviour {
                poison: Some(Vec::new()),
                ..Behaviour::default()
            },
        ] {
            let (mut broker, _stop) = broker(behaviour).await;
            let bench = Bench::speaking(broker.address.port(), protocol).await;
            bench.queue(0..30).await;
            let mut handle = bench.spawn();
            hurried(&mut handle.status, |it| it.reconnects >= 25).await;
            let depth = bench.store.depth(bench.broker.id).await.unwrap();
            assert_eq!((depth.waiting, depth.rejected, depth.dropped), (30, 0, 0));
            copies(&mut broker);
            broker.handle.behave(Behaviour::default());
            broker.handle.drop_all();
            let status = hurried(&mut handle.status, drained).await;
            assert_eq!(status.depth.rejected, 0);
            ended(handle).await;
            assert_all(&copies(&mut broker), 0..30);
        }
    }
}

/// A broker that is stopped again and again, and says so, casts no suspicion on what was under way.
#[tokio::test]
async fn a_broker_that_goes_for_its_own_reasons_blames_nobody() {
    let (mut broker, _stop) = broker(Behaviour {
        disconnect_after: Some((2, 0x8B)),
        ..Behaviour::default()
    })
    .await;
    let bench = Bench::speaking(broker.address.port(), Protocol::V5).await;
    bench.queue(0..12).await;
    let mut handle = bench.spawn();
    let status = hurried(&mut handle.status, |it| it.reconnects >= 8).await;
    assert!(
        status
            .last_error
            .unwrap()
            .1
            .contains("server shutting down")
    );
    let rows = bench.store.outbox(bench.broker.id, 0, 99).await.unwrap();
    assert!(rows.iter().all(|row| row.attempts == 0), "{rows:?}");
    broker.handle.behave(Behaviour::default());
    hurried(&mut handle.status, drained).await;
    ended(handle).await;
    assert_all(&copies(&mut broker), 0..12);
}
