//! Each misbehaviour, seen from a client.

use super::raw::{CONNECT_4, CONNECT_5, Raw, publish};
use super::*;

async fn with(change: impl FnOnce(&mut Behaviour)) -> (Broker, CancellationToken) {
    let mut behaviour = Behaviour::default();
    change(&mut behaviour);
    broker(behaviour).await
}

#[tokio::test]
async fn it_hangs_until_it_is_told_to_let_go() {
    let (broker, _stop) = with(|it| it.hang = true).await;
    let mut raw = Raw::connecting(&broker, CONNECT_4).await;
    let silence = tokio::time::timeout(Duration::from_millis(50), raw.packet()).await;
    assert!(silence.is_err());
    broker.handle.change(|it| it.hang = false);
    broker.handle.drop_all();
    assert_eq!(raw.rest().await, (vec![], true));
    Raw::connected(&broker, CONNECT_4).await.quiet().await;
    assert_eq!(broker.handle.accepted(), 1);
}

#[tokio::test]
async fn connack_and_puback_come_late() {
    let late = Duration::from_millis(60);
    let (broker, _stop) = with(|it| (it.connack_after, it.ack_after) = (late, late)).await;
    let began = Instant::now();
    let mut raw = Raw::connected(&broker, CONNECT_4).await;
    assert!(began.elapsed() >= late);
    let began = Instant::now();
    raw.send(&publish(false, "t", 1, "")).await;
    raw.quiet().await;
    assert_eq!(raw.packet().await, [0x40, 2, 0, 1]);
    assert!(began.elapsed() >= late);
}

#[tokio::test]
async fn pubacks_are_kept_back_all_or_the_first() {
    let (broker, _stop) = with(|it| it.withhold_first = true).await;
    for _ in 0..2 {
        let mut raw = Raw::connected(&broker, CONNECT_5).await;
        for packet in 1..=3 {
            raw.send(&publish(true, "t", packet, "")).await;
        }
        assert_eq!(raw.packet().await, [0x40, 2, 0, 2]);
        assert_eq!(raw.packet().await, [0x40, 2, 0, 3]);
        raw.quiet().await;
    }
    broker.handle.change(|it| it.never_ack = true);
    let mut raw = Raw::connected(&broker, CONNECT_5).await;
    for packet in 1..=3 {
        raw.send(&publish(true, "t", packet, "")).await;
    }
    raw.quiet().await;
    // It can be changed while a client is connected.
    broker.handle.behave(Behaviour::default());
    raw.send(&publish(true, "t", 4, "")).await;
    assert_eq!(raw.packet().await, [0x40, 2, 0, 4]);
}

#[tokio::test]
async fn pubacks_come_in_an_order_that_the_seed_decides() {
    let mut orders = Vec::new();
    for seed in [1, 1, 2] {
        let (broker, _stop) = with(|it| (it.shuffle, it.seed) = (8, seed)).await;
        let mut raw = Raw::connected(&broker, CONNECT_4).await;
        // In one go: a pause between two would end a group.
        let all: Vec<u8> = (1..=19)
            .flat_map(|packet| publish(false, "t", packet, ""))
            .collect();
        raw.send(&all).await;
        let mut order = Vec::new();
        for _ in 0..19 {
            order.push(raw.packet().await[3]);
        }
        // Groups of 8, and the last three after a moment of silence.
        for (group, whole) in order.chunks(8).zip([1..=8, 9..=16, 17..=19]) {
            let mut sorted = group.to_vec();
            sorted.sort_unstable();
            assert_eq!(sorted, whole.collect::<Vec<u8>>());
        }
        orders.push(order);
    }
    assert_eq!(orders[0], orders[1]);
    assert_ne!(orders[0], orders[2]);
    assert!(!orders[0].is_sorted());
}

#[tokio::test]
async fn pubacks_come_twice_and_for_nobody() {
    let (broker, _stop) = with(|it| (it.duplicate_acks, it.stray_acks) = (true, true)).await;
    let mut raw = Raw::connected(&broker, CONNECT_4).await;
    raw.send(&publish(false, "t", 5, "")).await;
    assert_eq!(raw.packet().await, [0x40, 2, 0, 5]);
    assert_eq!(raw.packet().await, [0x40, 2, 0, 5]);
    let stray = raw.packet().await;
    assert!(stray[2] >= 0xFC, "{stray:x?}");
    raw.quiet().await;
}

#[tokio::test]
async fn connections_are_dropped_by_count_by_age_and_for_a_poison_row() {
    let (mut broker, _stop) = with(|it| it.drop_after = Some(2)).await;
    let mut raw = Raw::connected(&broker, CONNECT_4).await;
    raw.send(&publish(false, "t", 1, "a")).await;
    raw.send(&publish(false, "t", 2, "b")).await;
    assert_eq!(raw.rest().await, (vec![0x40, 2, 0, 1], true));
    assert!(broker.received.recv().await.unwrap().taken());
    assert!(broker.received.recv().await.unwrap().taken());

    broker.handle.behave(Behaviour {
        poison: Some(b"bad".to_vec()),
        abrupt: true,
        ..Behaviour::default()
    });
    let mut raw = Raw::connected(&broker, CONNECT_5).await;
    raw.send(&publish(true, "t", 1, "good")).await;
    assert_eq!(raw.packet().await, [0x40, 2, 0, 1]);
    raw.send(&publish(true, "t", 2, "a bad one")).await;
    assert_eq!(raw.rest().await, (vec![], false), "a reset");
    assert!(broker.received.recv().await.unwrap().taken());
    assert!(!broker.received.recv().await.unwrap().taken());

    let age = Duration::from_millis(40);
    broker.handle.behave(Behaviour {
        drop_every: Some(age),
        ..Behaviour::default()
    });
    let began = Instant::now();
    let mut raw = Raw::connected(&broker, CONNECT_4).await;
    assert_eq!(raw.rest().await, (vec![], true));
    assert!(began.elapsed() >= age);
}

#[tokio::test]
async fn topics_are_refused_by_pattern_and_payload() {
    let (broker, _stop) = with(|it| {
        it.answers = vec![
            Answer::new(0x87).on("secret/#"),
            Answer::new(0x99).containing("{").closing(),
        ];
    })
    .await;
    let mut raw = Raw::connected(&broker, CONNECT_5).await;
    raw.send(&publish(true, "open", 1, "1")).await;
    raw.send(&publish(true, "secret/x", 2, "1")).await;
    raw.send(&publish(true, "open", 3, "{")).await;
    let (rest, _) = raw.rest().await;
    assert_eq!(rest, b"\x40\x02\0\x01\x40\x03\0\x02\x87\x40\x03\0\x03\x99");
}

#[tokio::test]
async fn more_under_way_than_allowed_ends_it() {
    let (broker, _stop) = with(|it| (it.receive_max, it.never_ack) = (Some(2), true)).await;
    let mut raw = Raw::connected(&broker, CONNECT_5).await;
    for packet in 1..=3 {
        raw.send(&publish(true, "t", packet, "")).await;
    }
    assert_eq!(raw.rest().await.0, [0xE0, 2, 0x93, 0]);
}

#[tokio::test]
async fn silence_beyond_the_keep_alive_ends_it() {
    let (broker, _stop) = with(|_| {}).await;
    let mut raw = Raw::connected(&broker, b"\x10\x0e\0\x04MQTT\x05\x02\0\x01\0\0\x01c").await;
    raw.quiet().await;
    tokio::time::pause();
    tokio::time::advance(Duration::from_millis(1_400)).await;
    raw.quiet().await;
    tokio::time::advance(Duration::from_millis(1_600)).await;
    tokio::time::resume();
    assert_eq!(raw.rest().await.0, [0xE0, 2, 0x8D, 0]);
}

#[tokio::test]
async fn down_and_up_again_on_the_same_port() {
    let (broker, stop) = with(|_| {}).await;
    for (ending, five, four) in [
        (
            Ending::Graceful,
            (vec![0xE0, 2, 0x8B, 0], true),
            (vec![], true),
        ),
        (Ending::Abrupt, (vec![], false), (vec![], false)),
    ] {
        let mut new = Raw::connected(&broker, CONNECT_5).await;
        let old = b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01d";
        let mut old = Raw::connected(&broker, old).await;
        broker.handle.publish("kept", "x", true);
        broker.handle.down(ending).await.unwrap();
        assert_eq!(new.rest().await, five);
        assert_eq!(old.rest().await, four);
        let refused = TcpStream::connect(broker.address).await.unwrap_err();
        assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
        assert_eq!(broker.handle.clients(), [""; 0]);
        broker.handle.up().await.unwrap();
        let mut again = Raw::connected(&broker, CONNECT_4).await;
        again.send(b"\x82\x09\0\x01\0\x04kept\0").await;
        assert_eq!(again.packet().await, [0x90, 3, 0, 1, 0]);
        again.quiet().await;
    }
    broker.handle.restart(Ending::Abrupt).await.unwrap();
    let mut raw = Raw::connected(&broker, CONNECT_5).await;
    broker.handle.disconnect_all(0x98);
    assert_eq!(raw.rest().await.0, [0xE0, 2, 0x98, 0]);
    let mut raw = Raw::connected(&broker, CONNECT_5).await;
    broker.handle.reset_all();
    assert!(!raw.rest().await.1);
    stop.cancel();
    broker.task.await.unwrap();
    assert!(broker.handle.up().await.is_err());
}
