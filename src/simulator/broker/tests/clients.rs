//! rumqttc's clients of both versions: forwarding, retained messages, wills, no local, take-over.

use super::*;
use rumqttc::v5::mqttbytes::QoS as Qos5;
use rumqttc::v5::mqttbytes::v5::{
    DisconnectReasonCode, Filter, LastWill, Packet as Packet5, PubAckReason, Publish as Publish5,
};
use rumqttc::v5::{
    AsyncClient as Client5, ConnectionError, Event as Event5, EventLoop as Events5,
    MqttOptions as Options5, StateError,
};

fn client5(broker: &Broker, id: &str, will: Option<&str>) -> (Client5, Events5) {
    let mut options = Options5::new(id, "127.0.0.1", broker.address.port());
    options.set_keep_alive(Duration::from_secs(30));
    options.set_clean_start(true);
    if let Some(topic) = will {
        options.set_last_will(LastWill::new(topic, "gone", Qos5::AtLeastOnce, true, None));
    }
    Client5::new(options, 10)
}

async fn until5<T>(events: &mut Events5, wanted: impl Fn(&Packet5) -> Option<T>) -> T {
    let find = async {
        loop {
            if let Event5::Incoming(packet) = events.poll().await.unwrap()
                && let Some(found) = wanted(&packet)
            {
                return found;
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(10), find)
        .await
        .expect("in time")
}

fn message5(packet: &Packet5) -> Option<Publish5> {
    match packet {
        Packet5::Publish(publish) => Some(publish.clone()),
        _ => None,
    }
}

fn ack5(packet: &Packet5) -> Option<PubAckReason> {
    match packet {
        Packet5::PubAck(ack) => Some(ack.reason),
        _ => None,
    }
}

async fn subscribed(broker: &Broker, id: &str, filters: Vec<Filter>) -> (Client5, Events5) {
    let (client, mut events) = client5(broker, id, None);
    client.subscribe_many(filters).await.unwrap();
    until5(&mut events, |packet| {
        matches!(packet, Packet5::SubAck(_)).then_some(())
    })
    .await;
    (client, events)
}

#[tokio::test]
async fn both_versions_hear_each_other_with_qos_1() {
    let (broker, _stop) = broker(Behaviour::default()).await;
    let (_five, mut heard5) =
        subscribed(&broker, "five", vec![Filter::new("m/#", Qos5::AtLeastOnce)]).await;
    let (four, mut heard4) = client(&broker, "four");
    four.subscribe("m/+", QoS::AtLeastOnce).await.unwrap();
    until(&mut heard4, |packet| {
        matches!(packet, Packet::SubAck(_)).then_some(())
    })
    .await;
    for number in 0..5 {
        four.publish("m/4", QoS::AtLeastOnce, false, number.to_string())
            .await
            .unwrap();
    }
    // Both must be polled: each acknowledges what it hears.
    let mine = async {
        for number in 0..5 {
            let (qos, text) = until(&mut heard4, |packet| match packet {
                Packet::Publish(it) => Some((it.qos, it.payload.clone())),
                _ => None,
            })
            .await;
            assert_eq!(
                (qos, &text[..]),
                (QoS::AtLeastOnce, number.to_string().as_bytes())
            );
        }
    };
    let theirs = async {
        for number in 0..5 {
            let message = until5(&mut heard5, message5).await;
            assert_eq!(message.payload, number.to_string());
            assert_eq!(message.qos, Qos5::AtLeastOnce);
        }
    };
    tokio::join!(mine, theirs);
}

#[tokio::test]
async fn no_local_and_retained() {
    let (broker, _stop) = broker(Behaviour::default()).await;
    broker.handle.publish("kept/a", "1", true);
    broker.handle.publish("kept/b", "2", true);
    broker.handle.publish("kept/b", "", true);
    let mut own = Filter::new("kept/#", Qos5::AtLeastOnce);
    own.nolocal = true;
    let (speaker, mut heard) = subscribed(&broker, "speaker", vec![own]).await;
    let first = until5(&mut heard, message5).await;
    assert_eq!((&first.payload[..], first.retain), (&b"1"[..], true));
    speaker
        .publish("kept/c", Qos5::AtLeastOnce, false, "mine")
        .await
        .unwrap();
    assert_eq!(until5(&mut heard, ack5).await, PubAckReason::Success);
    broker.handle.publish("kept/d", "theirs", true);
    let next = until5(&mut heard, message5).await;
    assert_eq!((&next.payload[..], next.retain), (&b"theirs"[..], false));
}

#[tokio::test]
async fn a_will_is_done_unless_it_said_goodbye() {
    let (broker, _stop) = broker(Behaviour::default()).await;
    let (_watch, mut heard) = subscribed(
        &broker,
        "watch",
        vec![Filter::new("status/+", Qos5::AtLeastOnce)],
    )
    .await;
    let (polite, mut events) = client5(&broker, "polite", Some("status/polite"));
    events.poll().await.unwrap();
    polite.disconnect().await.unwrap();
    while events.poll().await.is_ok() {}
    let (_rude, mut events) = client5(&broker, "rude", Some("status/rude"));
    events.poll().await.unwrap();
    drop(events);
    let will = until5(&mut heard, message5).await;
    assert_eq!(
        (&will.topic[..], &will.payload[..]),
        (&b"status/rude"[..], &b"gone"[..])
    );
    // It is retained, as it asked.
    let (_late, mut late) = subscribed(
        &broker,
        "late",
        vec![Filter::new("status/rude", Qos5::AtMostOnce)],
    )
    .await;
    assert!(until5(&mut late, message5).await.retain);
}

#[tokio::test]
async fn a_take_over_is_told_to_the_older_one_of_5() {
    let (broker, _stop) = broker(Behaviour::default()).await;
    let (_first, mut older) = client5(&broker, "twin", None);
    older.poll().await.unwrap();
    let (_second, mut newer) = client(&broker, "twin");
    newer.poll().await.unwrap();
    let gone = loop {
        if let Err(error) = older.poll().await {
            break error;
        }
    };
    assert!(
        matches!(
            gone,
            ConnectionError::MqttState(StateError::ServerDisconnect {
                reason_code: DisconnectReasonCode::SessionTakenOver,
                ..
            })
        ),
        "{gone}"
    );
    assert_eq!(broker.handle.clients(), ["twin"]);
}

#[tokio::test]
async fn rumqttc_reads_every_reason() {
    for (code, reason) in [
        (0x10, PubAckReason::NoMatchingSubscribers),
        (0x83, PubAckReason::ImplementationSpecificError),
        (0x91, PubAckReason::PacketIdentifierInUse),
        (0x97, PubAckReason::QuotaExceeded),
        (0x99, PubAckReason::PayloadFormatInvalid),
    ] {
        let (broker, _stop) = broker(Behaviour {
            answers: vec![Answer::new(code)],
            ..Behaviour::default()
        })
        .await;
        let (speaker, mut events) = client5(&broker, "speaker", None);
        speaker
            .publish("t", Qos5::AtLeastOnce, false, "x")
            .await
            .unwrap();
        assert_eq!(until5(&mut events, ack5).await, reason);
    }
}
