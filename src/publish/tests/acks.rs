//! Acknowledgements that come late, in another order, twice, or for something that was never sent.

use super::*;

#[tokio::test]
async fn in_any_order_each_message_leaves_the_table_once() {
    for protocol in VERSIONS {
        for (window, count) in [(1, 15), (20, 500), (100, 500)] {
            let (mut broker, _stop) = broker(Behaviour {
                seed: u64::from(window),
                shuffle: 8,
                ..Behaviour::default()
            })
            .await;
            let mut bench = Bench::speaking(broker.address.port(), protocol).await;
            bench.broker.window = window;
            bench.queue(0..count).await;
            let mut handle = bench.spawn();
            for number in 0..count {
                assert_eq!(next(&mut broker).await, number);
            }
            let all = u64::from(count);
            let status = until(&mut handle.status, |it| it.acknowledged == all).await;
            assert_eq!((status.reconnects, status.last_error), (0, None));
            ended(handle).await;
            assert_eq!(bench.waiting().await, 0);
        }
    }
}

#[tokio::test]
async fn late_ones_are_waited_for() {
    for protocol in VERSIONS {
        let (mut broker, _stop) = broker(Behaviour {
            ack_after: Duration::from_millis(30),
            ..Behaviour::default()
        })
        .await;
        let bench = Bench::speaking(broker.address.port(), protocol).await;
        bench.queue(0..60).await;
        let mut handle = bench.spawn();
        let status = until(&mut handle.status, |it| it.acknowledged == 60).await;
        assert!(status.latency.unwrap().p50 >= Duration::from_millis(30));
        ended(handle).await;
        let found = copies(&mut broker);
        assert_all(&found, 0..60);
        assert!(found.values().all(|copies| *copies == 1));
    }
}

/// Such a broker ends each connection after the first of them, as nobody knows any more what it means. What it
/// acknowledged before counts all the same, and no message is blamed.
#[tokio::test]
async fn twice_or_out_of_nowhere_they_stop_nothing() {
    for protocol in VERSIONS {
        for stray in [false, true] {
            let (mut broker, _stop) = broker(Behaviour {
                duplicate_acks: !stray,
                stray_acks: stray,
                ..Behaviour::default()
            })
            .await;
            let bench = Bench::speaking(broker.address.port(), protocol).await;
            bench.queue(0..20).await;
            let mut handle = bench.spawn();
            let status = hurried(&mut handle.status, drained).await;
            assert!(status.reconnects > 0);
            let (_, error) = status.last_error.unwrap();
            assert!(error.contains("which was not sent"), "{error}");
            assert_eq!(status.depth.rejected, 0);
            ended(handle).await;
            assert_all(&copies(&mut broker), 0..20);
        }
    }
}
