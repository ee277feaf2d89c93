//! Each reason a broker can give: for a message (PUBACK), for a client (CONNACK), for the end (DISCONNECT).

use super::*;
use crate::publish::Cause;
use crate::simulator::broker::Answer;

fn answering(answer: Answer) -> Behaviour {
    Behaviour {
        answers: vec![answer],
        ..Behaviour::default()
    }
}

fn cause(status: &BrokerStatus) -> Option<Cause> {
    status.history.last().map(|it| it.cause)
}

#[tokio::test]
async fn too_much_for_now_waits_and_is_delivered_later() {
    for reason in [0x97, 0x91] {
        for close in [false, true] {
            let mut answer = Answer::new(reason);
            answer.close = close;
            let (mut broker, _stop) = broker(answering(answer)).await;
            let bench = Bench::speaking(broker.address.port(), Protocol::V5).await;
            bench.queue(0..30).await;
            let mut handle = bench.spawn();
            let status = hurried(&mut handle.status, |it| it.reconnects >= 10).await;
            assert_eq!((status.depth.waiting, status.depth.rejected), (30, 0));
            assert!(status.history.iter().any(|it| it.cause == Cause::Quota));
            broker.handle.behave(Behaviour::default());
            let status = hurried(&mut handle.status, drained).await;
            assert_eq!(status.depth.rejected, 0);
            ended(handle).await;
            assert_all(&copies(&mut broker), 0..30);
        }
    }
}

#[tokio::test]
async fn a_message_that_will_never_be_taken_goes_aside_at_once() {
    for (reason, words) in [
        (0x99, "payload format invalid"),
        (0x90, "topic name invalid"),
    ] {
        let (mut broker, _stop) = broker(answering(Answer::new(reason).containing("bad"))).await;
        let bench = Bench::speaking(broker.address.port(), Protocol::V5).await;
        bench.queue(0..10).await;
        bench.queue_text("bad").await;
        bench.queue(10..50).await;
        let mut handle = bench.spawn();
        let status = until(&mut handle.status, drained).await;
        assert_eq!((status.reconnects, status.depth.rejected), (0, 1));
        ended(handle).await;
        let dead = bench.dead().await;
        assert!(dead[0].reason.contains(words), "{}", dead[0].reason);
        assert_eq!(dead[0].row.payload, b"bad");
        let found = copies(&mut broker);
        assert_all(&found, 0..50);
        assert!(found.values().all(|copies| *copies == 1));
    }
}

#[tokio::test]
async fn without_a_clear_cause_it_is_tried_a_few_times() {
    for reason in [0x80, 0x83] {
        let (mut broker, _stop) = broker(answering(Answer::new(reason).containing("bad"))).await;
        let bench = Bench::speaking(broker.address.port(), Protocol::V5).await;
        bench.queue(0..10).await;
        bench.queue_text("bad").await;
        bench.queue(10..50).await;
        let mut handle = bench.spawn();
        // Alone it may be the broker's fault: it is tried again and again, and kept.
        let status = hurried(&mut handle.status, |it| it.reconnects >= 8).await;
        assert_eq!((status.depth.rejected, status.acknowledged), (0, 50));
        // Others that pass show whose fault it is.
        bench.queue(50..60).await;
        handle.wake.notify_one();
        hurried(&mut handle.status, |it| {
            drained(it) && it.depth.rejected == 1
        })
        .await;
        ended(handle).await;
        assert_eq!(bench.dead().await[0].row.payload, b"bad");
        assert_all(&copies(&mut broker), 0..60);
    }
}

#[tokio::test]
async fn not_allowed_to_publish_is_told_and_nothing_is_thrown_away() {
    let (mut broker, _stop) = broker(answering(Answer::new(0x87))).await;
    let bench = Bench::speaking(broker.address.port(), Protocol::V5).await;
    bench.queue(0..30).await;
    let mut handle = bench.spawn();
    let status = until(&mut handle.status, |it| it.phase == BrokerPhase::Refused).await;
    let (_, error) = status.last_error.clone().unwrap();
    assert!(
        error.contains("does not let us publish on meters/m/telemetry")
            && error.contains("not authorised"),
        "{error}"
    );
    assert_eq!(cause(&status), Some(Cause::Forbidden));
    assert_eq!(bench.waiting().await, 30);
    broker.handle.behave(Behaviour::default());
    let status = hurried(&mut handle.status, drained).await;
    assert_eq!((status.depth.rejected, status.reconnects), (0, 1));
    ended(handle).await;
    assert_all(&copies(&mut broker), 0..30);
}

/// 0x10: nobody subscribed; and MQTT 3.1.1 cannot say no at all.
#[tokio::test]
async fn what_looks_like_a_success_is_one() {
    for (protocol, reason) in [(Protocol::V5, 0x10), (Protocol::V311, 0x97)] {
        let (broker, _stop) = broker(answering(Answer::new(reason))).await;
        let bench = Bench::speaking(broker.address.port(), protocol).await;
        bench.queue(0..30).await;
        let mut handle = bench.spawn();
        let status = until(&mut handle.status, |it| it.acknowledged == 30).await;
        assert_eq!((status.depth.rejected, status.reconnects), (0, 0));
        ended(handle).await;
    }
}

/// A reason that no standard knows ends the connection, and loses nothing.
#[tokio::test]
async fn an_unknown_reason_loses_nothing() {
    let (mut broker, _stop) = broker(answering(Answer::new(0xEE))).await;
    let bench = Bench::speaking(broker.address.port(), Protocol::V5).await;
    bench.queue(0..10).await;
    let mut handle = bench.spawn();
    hurried(&mut handle.status, |it| it.reconnects >= 3).await;
    broker.handle.behave(Behaviour::default());
    let status = hurried(&mut handle.status, drained).await;
    assert_eq!(status.depth.rejected, 0);
    ended(handle).await;
    assert_all(&copies(&mut broker), 0..10);
}

#[tokio::test]
async fn each_refusal_of_a_client_is_named() {
    let lasting = [
        (
            Protocol::V311,
            1,
            "unacceptable protocol version (CONNACK 1)",
        ),
        (Protocol::V311, 2, "client identifier rejected (CONNACK 2)"),
        (Protocol::V311, 4, "bad user name or password (CONNACK 4)"),
        (Protocol::V311, 5, "not authorised (CONNACK 5)"),
        (Protocol::V5, 0x84, "CONNACK 0x84"),
        (Protocol::V5, 0x85, "CONNACK 0x85"),
        (Protocol::V5, 0x86, "CONNACK 0x86"),
        (Protocol::V5, 0x87, "CONNACK 0x87"),
        (Protocol::V5, 0x8A, "banned"),
    ];
    let passing = [
        (Protocol::V311, 3, "server unavailable (CONNACK 3)"),
        (Protocol::V5, 0x80, "unspecified"),
        (Protocol::V5, 0x88, "unavailable"),
        (Protocol::V5, 0x89, "busy"),
        (Protocol::V5, 0x97, "quota exceeded (CONNACK 0x97)"),
        (Protocol::V5, 0x9F, "connected too often (CONNACK 0x9F)"),
    ];
    let all = (lasting.iter().map(|it| (it, true))).chain(passing.iter().map(|it| (it, false)));
    for (&(protocol, code, words), stays) in all {
        let (broker, _stop) = broker(Behaviour {
            refuse: Some(code),
            ..Behaviour::default()
        })
        .await;
        let bench = Bench::speaking(broker.address.port(), protocol).await;
        bench.queue(0..3).await;
        let mut handle = bench.spawn();
        let status = until(&mut handle.status, |it| {
            matches!(it.phase, BrokerPhase::Refused | BrokerPhase::Waiting { .. })
        })
        .await;
        let (_, error) = status.last_error.unwrap();
        assert!(error.contains(words), "{code}: {error}");
        assert_eq!(status.phase == BrokerPhase::Refused, stays, "{code}");
        broker.handle.behave(Behaviour::default());
        hurried(&mut handle.status, drained).await;
        ended(handle).await;
    }
}

#[tokio::test]
async fn each_reason_to_send_us_away_is_named() {
    for (code, named, words) in [
        (0x8E, Cause::TakenOver, "find the twin"),
        (0x97, Cause::Quota, "more than it takes"),
        (0x96, Cause::Quota, "more than it takes"),
        (0x87, Cause::Forbidden, "not authorised"),
        (0x8B, Cause::Closed, "server shutting down"),
        (0x98, Cause::Closed, "administrative action"),
    ] {
        let (mut broker, _stop) = broker(Behaviour {
            disconnect_after: Some((3, code)),
            ..Behaviour::default()
        })
        .await;
        let bench = Bench::speaking(broker.address.port(), Protocol::V5).await;
        bench.queue(0..10).await;
        let mut handle = bench.spawn();
        let status = until(&mut handle.status, |it| it.last_error.is_some()).await;
        assert_eq!(cause(&status), Some(named), "{code:#x}");
        let (_, error) = status.last_error.unwrap();
        assert!(error.contains(words), "{code:#x}: {error}");
        let status = until(&mut handle.status, |it| {
            matches!(it.phase, BrokerPhase::Refused | BrokerPhase::Waiting { .. })
        })
        .await;
        if let BrokerPhase::Waiting { until } = status.phase
            && named == Cause::TakenOver
        {
            let pause = until - tokio::time::Instant::now();
            assert!(pause > Duration::from_secs(25), "{pause:?}");
        }
        broker.handle.behave(Behaviour::default());
        hurried(&mut handle.status, drained).await;
        ended(handle).await;
        assert_all(&copies(&mut broker), 0..10);
    }
}
