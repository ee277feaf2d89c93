//! What happens between CONNACK and SUBACK, with a broker that takes its time: a few octets of MQTT 3.1.1, written here.

use super::*;
use crate::publish::{Control, Device, Request};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// One packet of at most 127 octets, without its fixed header.
async fn packet(stream: &mut TcpStream) -> (u8, Vec<u8>) {
    let kind = stream.read_u8().await.unwrap();
    let length = stream.read_u8().await.unwrap();
    let mut body = vec![0; usize::from(length)];
    stream.read_exact(&mut body).await.unwrap();
    (kind, body)
}

/// Up to SUBSCRIBE, whose packet id is what SUBACK needs.
async fn subscribed(listener: &TcpListener) -> (TcpStream, [u8; 2]) {
    let (mut stream, _) = listener.accept().await.unwrap();
    // CONNECT may be longer.
    let mut octets = vec![0; 1024];
    assert!(stream.read(&mut octets).await.unwrap() > 0);
    stream.write_all(&[0x20, 2, 0, 0]).await.unwrap();
    let (kind, body) = packet(&mut stream).await;
    assert_eq!(kind, 0x82);
    (stream, [body[0], body[1]])
}

async fn slow() -> (TcpListener, PublisherHandle, mpsc::Receiver<Request>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let mut bench = Bench::speaking(port, Protocol::V311).await;
    bench.broker.allow = vec!["clock_sync".into()];
    bench.queue(0..1).await;
    let (requests, asked) = mpsc::channel(4);
    let device = |meter, name: &str| Device {
        meter: MeterId(meter),
        name: name.into(),
        kind: "dlms".into(),
        attributes: Vec::new(),
        objects: Vec::new(),
    };
    let handle = drain::spawn(Spawn {
        broker: bench.broker.clone(),
        store: bench.store.clone(),
        clock: Clock::System,
        flush: FLUSH,
        seed: 7,
        roster: watch::channel(Arc::from([device(1, "m"), device(2, "M/2")])).1,
        requests: Some(requests),
    });
    (listener, handle, asked)
}

fn publish(topic: &str, payload: &str) -> Vec<u8> {
    let length = u8::try_from(2 + topic.len() + payload.len()).unwrap();
    let topic_length = u16::try_from(topic.len()).unwrap().to_be_bytes();
    let header = [0x30, length, topic_length[0], topic_length[1]];
    [&header, topic.as_bytes(), payload.as_bytes()].concat()
}

/// And of a meter that is another installation's nothing is heard.
#[tokio::test]
async fn what_is_asked_before_suback_is_heard() {
    let (listener, handle, mut asked) = slow().await;
    let work = async {
        let (mut stream, id) = subscribed(&listener).await;
        for (device, method) in [("m", "ping"), ("other", "ping"), ("M_2", "stats")] {
            let topic = format!("meters/{device}/rpc/request/7");
            let payload = json!({ "method": method }).to_string();
            let said = publish(&topic, &payload);
            stream.write_all(&said).await.unwrap();
        }
        stream.write_all(&[0x90, 3, id[0], id[1], 1]).await.unwrap();
        let first = asked.recv().await.unwrap();
        assert_eq!(
            (first.device.as_deref(), &*first.method),
            (Some("m"), "ping")
        );
        let second = asked.recv().await.unwrap();
        assert_eq!(
            (second.device.as_deref(), &*second.method),
            (Some("M_2"), "stats")
        );
    };
    timeout(LIMIT, work).await.unwrap();
    assert!(asked.try_recv().is_err());
    handle.task.abort();
}

/// Neither stopping nor pausing waits for the ten seconds.
#[tokio::test]
async fn a_broker_that_never_answers_subscribe_keeps_nobody_waiting() {
    let (listener, mut handle, _asked) = slow().await;
    let work = async {
        let (_stream, _) = subscribed(&listener).await;
        handle.control.send(Control::Flush).await.unwrap();
        handle.control.send(Control::Pause).await.unwrap();
        until(&mut handle.status, |it| it.phase == BrokerPhase::Paused).await;
        handle.control.send(Control::Resume).await.unwrap();
        let (_stream, _) = subscribed(&listener).await;
        ended(handle).await;
    };
    timeout(Duration::from_secs(4), work).await.unwrap();
}
