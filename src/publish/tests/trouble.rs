//! What goes wrong is said in words, and does not stop the rest.

use super::*;
use crate::dlms::security::Secret;

#[tokio::test]
async fn a_refusal_is_named_and_not_hammered() {
    for (code, words) in [
        (4, "bad user name or password (CONNACK 4)"),
        (5, "not authorised (CONNACK 5)"),
    ] {
        let (mut broker, _stop) = broker(Behaviour {
            refuse: Some(code),
            ..Behaviour::default()
        })
        .await;
        let mut bench = Bench::new(broker.address.port()).await;
        bench.broker.token = Some(Secret::new("tok-hunter2"));
        bench.queue(0..3).await;
        let mut handle = bench.spawn();
        let status = until(&mut handle.status, |it| it.phase == BrokerPhase::Refused).await;
        let (_, error) = status.last_error.unwrap();
        assert!(
            error.contains(words) && error.contains("the token"),
            "{error}"
        );
        assert!(!error.contains("hunter2"));
        let status = until(&mut handle.status, |it| it.depth.waiting == 3).await;
        assert_eq!(status.reconnects, 0);
        // Stopping does not wait for the minute to pass.
        ended(handle).await;
        assert_eq!(bench.waiting().await, 3);
        assert!(broker.received.try_recv().is_err());
    }
}

/// Virtual time runs only once the messages are out, so that the sockets are not overtaken by it.
#[tokio::test]
async fn a_missing_acknowledgement_ends_the_connection() {
    let (mut broker, _stop) = broker(Behaviour {
        never_ack: true,
        ..Behaviour::default()
    })
    .await;
    let bench = Bench::new(broker.address.port()).await;
    bench.queue(0..1).await;
    let mut handle = bench.spawn();
    assert_eq!(next(&mut broker).await, 0);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(21)).await;
    tokio::time::resume();
    let status = until(&mut handle.status, |it| it.last_error.is_some()).await;
    let (_, error) = status.last_error.unwrap();
    assert!(
        error.contains("did not acknowledge a message on meters/m/telemetry"),
        "{error}"
    );
    // It comes again on the next connection.
    assert_eq!(next(&mut broker).await, 0);
    handle.stop.cancel();
    drop(handle);
}

#[tokio::test]
async fn what_can_never_be_sent_is_set_aside_once() {
    let (mut broker, _stop) = broker(Behaviour::default()).await;
    let bench = Bench::new(broker.address.port()).await;
    let strange = [
        ("t", 300_000),
        ("a/+/b", 1),
        ("a/#", 1),
        ("a\0", 1),
        ("", 1),
        ("t", 256 * 1024),
    ];
    for (topic, size) in strange {
        let payload = vec![b'1'; size];
        bench
            .commit(Arc::new(move |_| {
                vec![Message::new(Kind::Telemetry, topic, payload.clone())]
            }))
            .await;
    }
    bench.queue(7..8).await;
    let mut handle = bench.spawn();
    assert_eq!(next(&mut broker).await, 7);
    let status = until(&mut handle.status, |it| {
        it.depth.rejected == 6 && it.depth.waiting == 0
    })
    .await;
    assert_eq!(status.reconnects, 0);
    assert!(status.last_error.unwrap().1.contains("set aside"));
    ended(handle).await;
}

/// The largest that passes the check also passes rumqttc.
#[tokio::test]
async fn the_largest_packet_goes_through() {
    let (mut broker, _stop) = broker(Behaviour::default()).await;
    let bench = Bench::new(broker.address.port()).await;
    let payload = vec![b'x'; 256 * 1024 - 64];
    bench
        .commit(Arc::new(move |_| {
            vec![Message::new(Kind::Telemetry, "large", payload.clone())]
        }))
        .await;
    let mut handle = bench.spawn();
    let message = timeout(LIMIT, broker.received.recv())
        .await
        .unwrap()
        .unwrap();
    assert_eq!(message.payload.len(), 256 * 1024 - 64);
    let status = until(&mut handle.status, |it| it.acknowledged == 1).await;
    let shown = status.last_payload.unwrap();
    assert_eq!(shown.chars().count(), 4097);
    assert!(shown.ends_with('…'));
    ended(handle).await;
}

#[tokio::test]
async fn what_a_payload_holds_cannot_drive_a_terminal() {
    let (broker, _stop) = broker(Behaviour::default()).await;
    let bench = Bench::new(broker.address.port()).await;
    bench
        .commit(Arc::new(|_| {
            vec![Message::new(
                Kind::Telemetry,
                "a\u{202e}]0;x",
                b"\x1b[2J\xff",
            )]
        }))
        .await;
    let mut handle = bench.spawn();
    let status = until(&mut handle.status, |it| it.last_payload.is_some()).await;
    for shown in [status.last_topic.unwrap(), status.last_payload.unwrap()] {
        assert!(!shown.chars().any(char::is_control), "{shown:?}");
    }
    ended(handle).await;
}

#[tokio::test]
async fn nobody_there_is_said_and_stopping_is_quick() {
    let (gone, stop) = broker(Behaviour::default()).await;
    let port = gone.address.port();
    stop.cancel();
    gone.task.await.unwrap();
    let bench = Bench::new(port).await;
    bench.queue(0..1).await;
    let mut handle = bench.spawn();
    let status = until(&mut handle.status, |it| it.last_error.is_some()).await;
    assert!(status.last_error.unwrap().1.contains("connection refused"));
    ended(handle).await;

    let error = drain::test(&bench.broker, LIMIT).await.unwrap_err();
    assert!(error.contains("connection refused"), "{error}");
}

#[tokio::test]
async fn something_else_there_is_said() {
    for (answer, words) in [
        (&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], "not MQTT"),
        (b"", "before answering CONNECT"),
        (&[0xD0, 0x00], "something else"),
    ] {
        let listener = tokio::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
            .await
            .unwrap();
        let bench = Bench::new(listener.local_addr().unwrap().port()).await;
        let serve = async {
            use tokio::io::{AsyncReadExt, AsyncWriteExt};
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut connect = [0; 64];
            assert!(stream.read(&mut connect).await.unwrap() > 0);
            stream.write_all(answer).await.unwrap();
            stream.shutdown().await.unwrap();
        };
        let (found, ()) = tokio::join!(drain::test(&bench.broker, LIMIT), serve);
        let error = found.unwrap_err();
        assert!(error.contains(words), "{words}: {error}");
    }
}

#[tokio::test]
async fn testing_a_broker_publishes_nothing_and_pushes_nobody_out() {
    let (mut broker, _stop) = broker(Behaviour::default()).await;
    let bench = Bench::new(broker.address.port()).await;
    let mut handle = bench.spawn();
    until(&mut handle.status, |it| it.phase == BrokerPhase::Connected).await;
    bench.queue(0..1).await;
    let took = drain::test(&bench.broker, LIMIT).await.unwrap();
    assert!(took < LIMIT);
    handle.wake.notify_one();
    assert_eq!(next(&mut broker).await, 0);
    assert_eq!(handle.status.borrow().reconnects, 0);
    ended(handle).await;
}

#[tokio::test]
async fn an_ipv6_address_is_reached() {
    let stop = CancellationToken::new();
    let place = "[::1]:0".parse().unwrap();
    // Not every machine has it.
    let Ok(running) = start(place, Behaviour::default(), stop).await else {
        return;
    };
    let url = format!("mqtt://{}", running.address);
    let broker = BrokerDefinition::new("six", &url, Dialect::Json).unwrap();
    drain::test(&broker, LIMIT).await.unwrap();
}
