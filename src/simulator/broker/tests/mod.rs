//! The small broker, spoken to with rumqttc's clients, with plain bytes and, where they are installed, by mosquitto's.
#![expect(
    clippy::cast_possible_truncation,
    reason = "the packets made here are short"
)]

mod clients;
mod misbehaving;
#[cfg(feature = "peers")]
mod peers;
mod raw;
mod sink;
mod thingsboard;

use super::*;
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use std::net::Ipv4Addr;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::Instant;

const ANY: SocketAddr = SocketAddr::new(std::net::IpAddr::V4(Ipv4Addr::LOCALHOST), 0);

async fn broker(behaviour: Behaviour) -> (Broker, CancellationToken) {
    let stop = CancellationToken::new();
    let broker = start(ANY, behaviour, stop.clone()).await.unwrap();
    (broker, stop)
}

fn client(broker: &Broker, id: &str) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(id, "127.0.0.1", broker.address.port());
    options.set_keep_alive(Duration::from_secs(30));
    AsyncClient::new(options, 10)
}

async fn until<T>(events: &mut EventLoop, wanted: impl Fn(&Packet) -> Option<T>) -> T {
    loop {
        if let Event::Incoming(packet) = events.poll().await.unwrap()
            && let Some(found) = wanted(&packet)
        {
            return found;
        }
    }
}

fn ack(packet: &Packet) -> Option<u16> {
    match packet {
        Packet::PubAck(ack) => Some(ack.pkid),
        _ => None,
    }
}

#[tokio::test]
async fn a_message_is_received_before_it_is_acknowledged_and_forwarded() {
    let (mut broker, stop) = broker(Behaviour::default()).await;
    let (listener, mut heard) = client(&broker, "listener");
    listener
        .subscribe("meters/+/telemetry", QoS::AtLeastOnce)
        .await
        .unwrap();
    until(&mut heard, |packet| {
        matches!(packet, Packet::SubAck(_)).then_some(())
    })
    .await;
    let (speaker, mut said) = client(&broker, "speaker");
    for topic in ["meters/a/telemetry", "other"] {
        speaker
            .publish(topic, QoS::AtLeastOnce, false, topic)
            .await
            .unwrap();
    }
    assert_eq!(until(&mut said, ack).await, 1);
    let first = broker.received.try_recv().unwrap();
    assert_eq!(first.topic, "meters/a/telemetry");
    assert_eq!(first.payload, b"meters/a/telemetry");
    assert_eq!(until(&mut said, ack).await, 2);
    assert_eq!(broker.received.try_recv().unwrap().topic, "other");
    let topic = until(&mut heard, |packet| match packet {
        Packet::Publish(publish) => Some(publish.topic.clone()),
        _ => None,
    })
    .await;
    assert_eq!(topic, "meters/a/telemetry");
    stop.cancel();
    broker.task.await.unwrap();
}

#[tokio::test]
async fn goes_on_when_nobody_reads_what_it_received() {
    let (broker, _stop) = broker(Behaviour::default()).await;
    let (speaker, mut said) = client(&broker, "speaker");
    drop(broker.received);
    for _ in 0..3 {
        speaker
            .publish("t", QoS::AtLeastOnce, false, "x")
            .await
            .unwrap();
        until(&mut said, ack).await;
    }
}

#[tokio::test]
async fn refuses_as_told() {
    for code in [4, 5] {
        let (broker, _stop) = broker(Behaviour {
            refuse: Some(code),
            ..Behaviour::default()
        })
        .await;
        let (_speaker, mut said) = client(&broker, "speaker");
        let error = said.poll().await.unwrap_err();
        assert!(
            matches!(error, rumqttc::ConnectionError::ConnectionRefused(found) if found as u8 == code),
            "{error}"
        );
    }
}

#[tokio::test]
async fn the_same_client_id_pushes_the_older_one_out() {
    let (broker, _stop) = broker(Behaviour::default()).await;
    let (_first, mut older) = client(&broker, "twin");
    older.poll().await.unwrap();
    let (_second, mut newer) = client(&broker, "twin");
    newer.poll().await.unwrap();
    assert!(older.poll().await.is_err());
}

#[tokio::test]
async fn garbage_ends_only_its_own_connection() {
    let (mut broker, _stop) = broker(Behaviour::default()).await;
    for garbage in [
        &b"GET / HTTP/1.1\r\n\r\n"[..],
        &[0x10, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF],
        &[0x30, 0x03, 0x00, 0x05, b'x'],
        &[0x00; 64],
    ] {
        let mut stream = TcpStream::connect(broker.address).await.unwrap();
        stream.write_all(garbage).await.unwrap();
        stream.shutdown().await.unwrap();
        let mut answer = Vec::new();
        // Closed by FIN or reset, without an answer.
        drop(stream.read_to_end(&mut answer).await);
        assert!(answer.is_empty());
    }
    let (speaker, mut said) = client(&broker, "speaker");
    speaker
        .publish("t", QoS::AtLeastOnce, false, "x")
        .await
        .unwrap();
    until(&mut said, ack).await;
    assert_eq!(broker.received.recv().await.unwrap().topic, "t");
}

#[tokio::test]
async fn only_loopback() {
    let everywhere = "0.0.0.0:0".parse().unwrap();
    let error = start(everywhere, Behaviour::default(), CancellationToken::new()).await;
    assert_eq!(error.err().unwrap().kind(), io::ErrorKind::InvalidInput);
}
