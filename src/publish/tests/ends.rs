//! Brokers with little patience or little room.

use super::*;

#[tokio::test]
async fn one_that_accepts_and_hangs_is_named_and_holds_nobody_up() {
    for protocol in VERSIONS {
        let (hanging, _stop) = broker(Behaviour {
            hang: true,
            ..Behaviour::default()
        })
        .await;
        let bench = Bench::speaking(hanging.address.port(), protocol).await;
        bench.queue(0..3).await;
        let mut handle = bench.spawn();
        while hanging.handle.arrived() == 0 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        skip(Duration::from_secs(11)).await;
        let status = until(&mut handle.status, |it| it.last_error.is_some()).await;
        let (_, error) = status.last_error.unwrap();
        assert!(
            error.contains("did not answer within ten seconds"),
            "{error}"
        );
        // While it hangs again, another place is taken at once.
        handle.control.send(drain::Control::Flush).await.unwrap();
        while hanging.handle.arrived() == 1 {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        let (mut well, _stop) = broker(Behaviour::default()).await;
        let mut moved = bench.broker.clone();
        moved.port = well.address.port();
        let replace = drain::Control::Replace(Box::new(moved));
        handle.control.send(replace).await.unwrap();
        until(&mut handle.status, |it| it.acknowledged == 3).await;
        ended(handle).await;
        assert_all(&copies(&mut well), 0..3);
    }
}

/// More under way than it said would be a protocol error, which it answers with a DISCONNECT.
#[tokio::test]
async fn no_more_is_under_way_than_it_takes() {
    for (receive_max, shuffle) in [(1, 0), (2, 2), (7, 5)] {
        let (mut broker, _stop) = broker(Behaviour {
            receive_max: Some(receive_max),
            shuffle,
            ..Behaviour::default()
        })
        .await;
        let mut bench = Bench::speaking(broker.address.port(), Protocol::V5).await;
        bench.broker.window = 100;
        bench.broker.status_topic = Some("status".into());
        bench.queue(0..200).await;
        let mut handle = bench.spawn();
        let status = until(&mut handle.status, drained).await;
        assert_eq!((status.reconnects, status.last_error), (0, None));
        ended(handle).await;
        let found = copies(&mut broker);
        assert_all(&found, 0..200);
        assert!(found.values().all(|copies| *copies == 1));
    }
}

/// MQTT 5 says what fits, and what does not fit is never tried; with 3.1.1 the broker hangs up on it, and it is found.
#[tokio::test]
async fn what_is_too_large_for_it_goes_aside_and_the_rest_flows() {
    let large = || -> Render { Arc::new(|_| vec![message(vec![b'x'; 500])]) };
    for protocol in VERSIONS {
        let (mut broker, _stop) = broker(Behaviour {
            max_packet: Some(200),
            ..Behaviour::default()
        })
        .await;
        let bench = Bench::speaking(broker.address.port(), protocol).await;
        bench.queue(0..10).await;
        bench.commit(large()).await;
        bench.queue(10..40).await;
        let mut handle = bench.spawn();
        let status = hurried(&mut handle.status, |it| {
            drained(it) && it.depth.rejected == 1
        })
        .await;
        if protocol == Protocol::V5 {
            assert_eq!(status.reconnects, 0);
            let reason = &bench.dead().await[0].reason;
            assert!(
                reason.contains("more than the 200 a packet may have"),
                "{reason}"
            );
        }
        ended(handle).await;
        assert_eq!(bench.dead().await[0].row.payload.len(), 500);
        assert_all(&copies(&mut broker), 0..40);
    }
}

/// The largest that is tried is one the broker takes, to the octet or a few below.
#[tokio::test]
async fn the_largest_it_takes_goes_through() {
    for protocol in VERSIONS {
        for size in 165..200 {
            let (broker, _stop) = broker(Behaviour {
                max_packet: Some(200),
                ..Behaviour::default()
            })
            .await;
            if protocol == Protocol::V311 && size > 170 {
                continue;
            }
            let bench = Bench::speaking(broker.address.port(), protocol).await;
            bench
                .commit(Arc::new(move |_| vec![message(vec![b'x'; size])]))
                .await;
            let mut handle = bench.spawn();
            let status = until(&mut handle.status, |it| {
                it.acknowledged == 1 || it.depth.rejected == 1 || it.last_error.is_some()
            })
            .await;
            assert_eq!(status.reconnects, 0);
            assert!(size > 170 || status.acknowledged == 1, "{size}");
            assert!(status.history.iter().all(|it| it.what == "connected"));
            ended(handle).await;
        }
    }
}
