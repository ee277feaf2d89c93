//! What a person tells a running publisher, and what the status topic tells others.

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tokio::sync::mpsc;

use super::*;
use crate::publish::drain::Control;

/// Somebody who wants to know whether we are there.
async fn listener(port: u16) -> mpsc::UnboundedReceiver<String> {
    let options = MqttOptions::new("listener", "127.0.0.1", port);
    let (client, mut events) = AsyncClient::new(options, 10);
    client
        .subscribe("status/obiscope", QoS::AtLeastOnce)
        .await
        .unwrap();
    let (tell, told) = mpsc::unbounded_channel();
    let (ready, subscribed) = tokio::sync::oneshot::channel();
    tokio::spawn(async move {
        let mut ready = Some(ready);
        let _client = client;
        while let Ok(event) = events.poll().await {
            match event {
                Event::Incoming(Packet::SubAck(_)) => drop(ready.take().map(|it| it.send(()))),
                Event::Incoming(Packet::Publish(publish)) => {
                    let word = String::from_utf8(publish.payload.to_vec()).unwrap();
                    if tell.send(word).is_err() {
                        return;
                    }
                }
                _ => {}
            }
        }
    });
    subscribed.await.unwrap();
    told
}

async fn word(told: &mut mpsc::UnboundedReceiver<String>) -> String {
    timeout(LIMIT, told.recv()).await.unwrap().unwrap()
}

async fn phase(handle: &mut PublisherHandle, wanted: BrokerPhase) -> BrokerStatus {
    until(&mut handle.status, |it| it.phase == wanted).await
}

#[tokio::test]
async fn others_see_whether_we_are_there() {
    for protocol in VERSIONS {
        let (broker, _stop) = broker(Behaviour::default()).await;
        let mut told = listener(broker.address.port()).await;
        let mut bench = Bench::speaking(broker.address.port(), protocol).await;
        bench.broker.status_topic = Some("status/obiscope".into());
        bench.queue(0..5).await;
        let mut handle = bench.spawn();
        assert_eq!(word(&mut told).await, "online");
        // Dropped: the broker says it for us, and we come back.
        until(&mut handle.status, |it| it.acknowledged == 5).await;
        broker.handle.drop_all();
        let mut told = listener_again(told, broker.address.port()).await;
        hurried(&mut handle.status, |it| {
            it.reconnects == 1 && it.phase == BrokerPhase::Connected
        })
        .await;
        while word(&mut told).await != "online" {}
        handle.control.send(Control::Pause).await.unwrap();
        phase(&mut handle, BrokerPhase::Paused).await;
        assert_eq!(word(&mut told).await, "offline");
        handle.control.send(Control::Resume).await.unwrap();
        assert_eq!(word(&mut told).await, "online");
        // Without a farewell: the last will.
        handle.task.abort();
        assert_eq!(word(&mut told).await, "offline");
    }
}

/// `drop_all` ends every connection: the listener's too.
async fn listener_again(
    told: mpsc::UnboundedReceiver<String>,
    port: u16,
) -> mpsc::UnboundedReceiver<String> {
    drop(told);
    listener(port).await
}

#[tokio::test]
async fn paused_it_stays_away_and_everything_waits() {
    for protocol in VERSIONS {
        let (mut broker, _stop) = broker(Behaviour::default()).await;
        let bench = Bench::speaking(broker.address.port(), protocol).await;
        let mut handle = bench.spawn();
        phase(&mut handle, BrokerPhase::Connected).await;
        handle.control.send(Control::Pause).await.unwrap();
        phase(&mut handle, BrokerPhase::Paused).await;
        bench.queue(0..10).await;
        handle.wake.notify_one();
        // Saying it twice, or waiting for long, changes nothing.
        handle.control.send(Control::Pause).await.unwrap();
        skip(Duration::from_mins(10)).await;
        let status = until(&mut handle.status, |it| it.depth.waiting == 10).await;
        assert_eq!(status.phase, BrokerPhase::Paused);
        assert!(broker.handle.clients().is_empty());
        assert!(copies(&mut broker).is_empty());
        handle.control.send(Control::Resume).await.unwrap();
        until(&mut handle.status, |it| it.acknowledged == 10).await;
        ended(handle).await;
        assert_all(&copies(&mut broker), 0..10);
    }
}

#[tokio::test]
async fn paused_it_can_be_stopped_and_so_it_can_in_a_pause_between_connections() {
    let (broker, _stop) = broker(Behaviour {
        refuse: Some(5),
        ..Behaviour::default()
    })
    .await;
    let bench = Bench::speaking(broker.address.port(), Protocol::V311).await;
    let mut handle = bench.spawn();
    phase(&mut handle, BrokerPhase::Refused).await;
    handle.control.send(Control::Pause).await.unwrap();
    phase(&mut handle, BrokerPhase::Paused).await;
    ended(handle).await;
}

#[tokio::test]
async fn flush_and_reconnect_do_not_wait_for_the_pause_to_pass() {
    for control in [Control::Flush, Control::Reconnect, Control::Resume] {
        let (mut broker, _stop) = broker(Behaviour {
            refuse: Some(5),
            ..Behaviour::default()
        })
        .await;
        let bench = Bench::speaking(broker.address.port(), Protocol::V5).await;
        bench.queue(0..4).await;
        let mut handle = bench.spawn();
        phase(&mut handle, BrokerPhase::Refused).await;
        broker.handle.behave(Behaviour::default());
        handle.control.send(control).await.unwrap();
        let status = until(&mut handle.status, |it| it.acknowledged == 4).await;
        assert_eq!(status.reconnects, 1);
        // On an open connection: a new one, and nothing twice that was acknowledged.
        handle.control.send(Control::Reconnect).await.unwrap();
        until(&mut handle.status, |it| {
            it.reconnects == 2 && it.phase == BrokerPhase::Connected
        })
        .await;
        bench.queue(4..6).await;
        handle.control.send(Control::Flush).await.unwrap();
        until(&mut handle.status, |it| it.acknowledged == 6).await;
        ended(handle).await;
        let found = copies(&mut broker);
        assert_all(&found, 0..6);
        assert!(found.values().all(|copies| *copies == 1));
    }
}

#[tokio::test]
async fn replaced_in_mid_stream_the_rest_goes_to_the_new_place() {
    let (mut old, _stop) = broker(Behaviour {
        ack_after: Duration::from_millis(5),
        ..Behaviour::default()
    })
    .await;
    let (mut new, _stop) = broker(Behaviour::default()).await;
    let bench = Bench::speaking(old.address.port(), Protocol::V5).await;
    bench.queue(0..500).await;
    let mut handle = bench.spawn();
    until(&mut handle.status, |it| it.acknowledged >= 20).await;
    let mut moved = bench.broker.clone();
    (moved.port, moved.protocol) = (new.address.port(), Protocol::V311);
    let replace = Control::Replace(Box::new(moved));
    handle.control.send(replace).await.unwrap();
    until(&mut handle.status, drained).await;
    ended(handle).await;
    let mut found = copies(&mut old);
    assert!(found.len() < 500);
    found.extend(copies(&mut new));
    assert_all(&found, 0..500);
}
