//! What is sent, byte by byte, beside the tables of MQTT 5.0 and 3.1.1: no codec stands between that could forgive.

use super::*;

/// A client made of bytes.
pub(super) struct Raw(pub TcpStream);

pub(super) const CONNECT_4: &[u8] = b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01c";
pub(super) const CONNECT_5: &[u8] = b"\x10\x0e\0\x04MQTT\x05\x02\0\0\0\0\x01c";

impl Raw {
    pub async fn new(broker: &Broker) -> Self {
        Self(TcpStream::connect(broker.address).await.unwrap())
    }

    /// Connected, with the CONNACK still to be read.
    pub async fn connecting(broker: &Broker, connect: &[u8]) -> Self {
        let mut raw = Self::new(broker).await;
        raw.send(connect).await;
        raw
    }

    pub async fn connected(broker: &Broker, connect: &[u8]) -> Self {
        let mut raw = Self::connecting(broker, connect).await;
        let connack = raw.packet().await;
        assert_eq!((connack[0], connack[3]), (0x20, 0), "{connack:x?}");
        raw
    }

    pub async fn send(&mut self, bytes: &[u8]) {
        self.0.write_all(bytes).await.unwrap();
    }

    /// The next packet, shorter than 128 bytes.
    pub async fn packet(&mut self) -> Vec<u8> {
        let read = async {
            let mut packet = vec![0; 2];
            self.0.read_exact(&mut packet).await.unwrap();
            packet.resize(2 + usize::from(packet[1]), 0);
            self.0.read_exact(&mut packet[2..]).await.unwrap();
            packet
        };
        tokio::time::timeout(Duration::from_secs(10), read)
            .await
            .expect("a packet")
    }

    /// What still comes until it is closed, and whether by FIN.
    pub async fn rest(&mut self) -> (Vec<u8>, bool) {
        let mut rest = Vec::new();
        let read = self.0.read_to_end(&mut rest);
        let end = tokio::time::timeout(Duration::from_secs(10), read);
        let fin = end.await.expect("the end").is_ok();
        (rest, fin)
    }

    /// Nothing is under way: a ping comes back before anything else.
    pub async fn quiet(&mut self) {
        self.send(&[0xC0, 0]).await;
        assert_eq!(self.packet().await, [0xD0, 0]);
    }
}

/// PUBLISH with QoS 1.
pub(super) fn publish(five: bool, topic: &str, packet: u16, payload: &str) -> Vec<u8> {
    let mut body = vec![0, topic.len() as u8];
    body.extend(topic.as_bytes());
    body.extend(packet.to_be_bytes());
    if five {
        body.push(0);
    }
    body.extend(payload.as_bytes());
    let mut whole = vec![0x32];
    if body.len() > 127 {
        whole.extend([body.len() as u8 | 0x80, (body.len() >> 7) as u8]);
    } else {
        whole.push(body.len() as u8);
    }
    whole.extend(body);
    whole
}

#[tokio::test]
async fn connack_says_what_is_not_served_and_what_was_set() {
    let (broker, _stop) = broker(Behaviour {
        receive_max: Some(20),
        max_packet: Some(4096),
        ..Behaviour::default()
    })
    .await;
    let mut five = Raw::connecting(&broker, CONNECT_5).await;
    assert_eq!(
        five.packet().await,
        b"\x20\x11\0\0\x0e\x21\0\x14\x24\x01\x29\0\x2a\0\x27\0\0\x10\0"
    );
    let mut four = Raw::connecting(&broker, CONNECT_4).await;
    assert_eq!(four.packet().await, [0x20, 2, 0, 0]);
    // No client id, and a session that is to last: a name is given, and no session is kept.
    let nameless = b"\x10\x12\0\x04MQTT\x05\x02\0\0\x05\x11\0\0\0\x3c\0\0";
    let mut nameless = Raw::connecting(&broker, nameless).await;
    let connack = nameless.packet().await;
    assert_eq!(connack[5..10], [0x11, 0, 0, 0, 0]);
    let name = connack.windows(13).any(|it| it == b"\x12\0\x0anameless-2");
    assert!(name, "{connack:x?}");
}

#[tokio::test]
async fn connect_is_refused_in_the_words_of_each_version() {
    // 3.1.1 table 3.1 beside MQTT 5 table 3-1.
    for (told, four, five) in [
        (1, 1, 0x84),
        (2, 2, 0x85),
        (3, 3, 0x88),
        (4, 4, 0x86),
        (5, 5, 0x87),
        (0x87, 5, 0x87),
        (0x8A, 3, 0x8A),
        (0x97, 3, 0x97),
        (0x9F, 3, 0x9F),
    ] {
        let (broker, _stop) = broker(Behaviour {
            refuse: Some(told),
            ..Behaviour::default()
        })
        .await;
        let mut raw = Raw::connecting(&broker, CONNECT_4).await;
        assert_eq!(raw.rest().await, (vec![0x20, 2, 0, four], true));
        let mut raw = Raw::connecting(&broker, CONNECT_5).await;
        assert_eq!(raw.rest().await, (vec![0x20, 3, 0, five, 0], true));
        assert_eq!((broker.handle.accepted(), broker.handle.arrived()), (0, 2));
    }
    let (broker, _stop) = super::broker(Behaviour::default()).await;
    let mut six = Raw::connecting(&broker, b"\x10\x0d\0\x04MQTT\x06\x02\0\0\0\x01c").await;
    assert_eq!(six.rest().await.0, [0x20, 2, 0, 1]);
    let mut lasting = Raw::connecting(&broker, b"\x10\x0c\0\x04MQTT\x04\0\0\0\0\0").await;
    assert_eq!(lasting.rest().await.0, [0x20, 2, 0, 2]);
}

#[tokio::test]
async fn puback_has_a_reason_in_5_only() {
    for reason in [0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99] {
        for close in [false, true] {
            let mut answer = Answer::new(reason);
            answer.close = close;
            let (mut broker, _stop) = broker(Behaviour {
                answers: vec![answer],
                ..Behaviour::default()
            })
            .await;
            let mut five = Raw::connected(&broker, CONNECT_5).await;
            five.send(&publish(true, "t", 7, "x")).await;
            assert_eq!(five.packet().await, [0x40, 3, 0, 7, reason]);
            let mut four = Raw::connected(&broker, CONNECT_4).await;
            // The same client id: the older one is told, if it is still there.
            let mut rest = five.rest().await.0;
            assert_eq!(rest.is_empty(), close);
            rest.truncate(4);
            assert!(close || rest == [0xE0, 2, 0x8E, 0]);
            four.send(&publish(false, "t", 8, "x")).await;
            assert_eq!(four.packet().await, [0x40, 2, 0, 8]);
            if close {
                assert!(four.rest().await.0.is_empty());
            } else {
                four.quiet().await;
            }
            let received = broker.received.recv().await.unwrap();
            assert_eq!((received.reason, received.packet), (reason, 7));
            assert_eq!(received.taken(), reason == 0x10);
        }
    }
}

#[tokio::test]
async fn every_end_has_its_disconnect_in_5_and_a_close_in_4() {
    let too_large = publish(true, "t", 1, &"x".repeat(90));
    for (wrong, reason) in [
        (too_large, 0x95),
        (vec![0xF0, 0], 0x82),
        (vec![0x36, 0], 0x81),
        (b"\x34\x06\0\x01t\0\x01\0".to_vec(), 0x9B),
        (publish(true, "a/+", 1, ""), 0x90),
        (publish(true, "", 1, ""), 0x90),
        (b"\x32\x06\0\x01t\0\0\0".to_vec(), 0x82),
        (b"\x32\x09\0\x01t\0\x01\x03\x23\0\x01".to_vec(), 0x94),
        (b"\x82\x0a\0\x01\x02\x0b\x05\0\x01t\x01\0".to_vec(), 0xA1),
        (b"\x82\x07\0\x01\0\0\x01t\x03".to_vec(), 0x81),
        (b"\x30\x04\0\x02\xff\xfe".to_vec(), 0x81),
        (CONNECT_5.to_vec(), 0x82),
        (b"\xC0\xff\xff\xff\xff".to_vec(), 0x81),
    ] {
        let (broker, _stop) = broker(Behaviour {
            max_packet: Some(64),
            ..Behaviour::default()
        })
        .await;
        let mut five = Raw::connected(&broker, CONNECT_5).await;
        five.send(&wrong).await;
        let (rest, _) = five.rest().await;
        assert_eq!(rest, [0xE0, 2, reason, 0], "{wrong:x?}");
    }
    let (broker, _stop) = broker(Behaviour {
        disconnect_after: Some((2, 0x98)),
        ..Behaviour::default()
    })
    .await;
    for (five, connect) in [(true, CONNECT_5), (false, CONNECT_4)] {
        let mut raw = Raw::connected(&broker, connect).await;
        raw.send(&publish(five, "t", 1, "")).await;
        raw.send(&publish(five, "t", 2, "")).await;
        let rest = raw.rest().await.0;
        let expected = if five {
            vec![0x40, 2, 0, 1, 0xE0, 2, 0x98, 0]
        } else {
            vec![0x40, 2, 0, 1]
        };
        assert_eq!(rest, expected);
    }
}

#[tokio::test]
async fn subscribing_is_answered_filter_by_filter() {
    let (broker, _stop) = broker(Behaviour::default()).await;
    let mut five = Raw::connected(&broker, CONNECT_5).await;
    five.send(b"\x82\x12\0\x09\0\0\x01a\x01\0\x02a#\x01\0\x03b/+\0")
        .await;
    assert_eq!(five.packet().await, [0x90, 6, 0, 9, 0, 1, 0x8F, 0]);
    five.send(b"\xA2\x09\0\x0a\0\0\x01a\0\x01z").await;
    assert_eq!(five.packet().await, [0xB0, 5, 0, 10, 0, 0, 0x11]);
    let mut four = Raw::connected(&broker, b"\x10\x0d\0\x04MQTT\x04\x02\0\0\0\x01d").await;
    four.send(b"\x82\x0b\0\x09\0\x01a\x02\0\x02a#\x01").await;
    assert_eq!(four.packet().await, [0x90, 4, 0, 9, 1, 0x80]);
    four.send(b"\xA2\x05\0\x0a\0\x01a").await;
    assert_eq!(four.packet().await, [0xB0, 2, 0, 10]);
    // DISCONNECT of MQTT 5 without reason, and with a reason but no properties.
    for goodbye in [&[0xE0, 0][..], &[0xE0, 1, 4]] {
        let mut raw = Raw::connected(&broker, CONNECT_5).await;
        raw.send(goodbye).await;
        assert_eq!(raw.rest().await, (vec![], true));
    }
}

/// Nothing that can be sent makes it fall over: the codec is our own.
#[test]
fn any_bytes_are_read_or_refused() {
    use crate::simulator::broker::packet::{Version, connect, cut, read};
    use tokio_util::bytes::BytesMut;
    let mut chance = fastrand::Rng::with_seed(5);
    let samples = [
        CONNECT_5.to_vec(),
        publish(true, "a/b", 9, "payload"),
        b"\x82\x12\0\x09\0\0\x01a\x01\0\x02a#\x01\0\x03b/+\0".to_vec(),
        b"\xA2\x09\0\x0a\0\0\x01a\0\x01z".to_vec(),
        b"\xE0\x06\x04\x04\x11\0\0\0\x05".to_vec(),
    ];
    for round in 0..20_000 {
        let mut bytes = samples[round % samples.len()].clone();
        for _ in 0..chance.usize(1..4) {
            let at = chance.usize(0..bytes.len());
            bytes[at] = chance.u8(..);
        }
        let mut stream = BytesMut::from(&bytes[..]);
        if let Ok(Some(frame)) = cut(&mut stream, 1024) {
            let first = frame.first;
            let _ = if first == 0x10 {
                connect(frame).map(|_| ())
            } else {
                read(frame, Version::V5).map(|_| ())
            };
        }
    }
}
