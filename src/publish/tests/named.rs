//! What is wrong is named over a real connection too, and is gone when it is over. (The twin and the token that is no
//! gateway: `platform.rs`.)

use super::*;
use crate::diagnosis::Finding;
use crate::simulator::broker::Answer;

fn named<'a>(status: &'a BrokerStatus, id: &str) -> Option<&'a Finding> {
    status.findings.iter().find(|it| it.id == id)
}

fn evidence(status: &BrokerStatus, id: &str) -> String {
    let said = &named(status, id).unwrap().evidence;
    let said: Vec<_> = said.iter().map(ToString::to_string).collect();
    said.join("\n")
}

#[tokio::test]
async fn a_token_that_is_refused() {
    let refusing = Behaviour {
        refuse: Some(5),
        ..Behaviour::default()
    };
    let (broker, _stop) = broker(refusing).await;
    let bench = Bench::new(broker.address.port()).await;
    let mut handle = bench.spawn();
    let status = until(&mut handle.status, |it| named(it, "P2").is_some()).await;
    assert!(evidence(&status, "P2").contains("CONNACK 5"));
    broker.handle.behave(Behaviour::default());
    hurried(&mut handle.status, |it| it.findings.is_empty()).await;
    ended(handle).await;
}

#[tokio::test]
async fn more_than_the_platform_takes() {
    let (broker, _stop) = broker(Behaviour {
        answers: vec![Answer::new(0x97)],
        ..Behaviour::default()
    })
    .await;
    let bench = Bench::speaking(broker.address.port(), Protocol::V5).await;
    bench.queue(0..3).await;
    let mut handle = bench.spawn();
    let status = hurried(&mut handle.status, |it| named(it, "P4").is_some()).await;
    assert!(evidence(&status, "P4").contains("takes no more for now"));
    ended(handle).await;
}

#[tokio::test]
async fn a_queue_that_is_full() {
    let (broker, _stop) = broker(Behaviour {
        hang: true,
        ..Behaviour::default()
    })
    .await;
    let mut bench = Bench::new(broker.address.port()).await;
    bench.broker.limits.rows = 10;
    bench.broker = bench.store.save_broker(bench.broker).await.unwrap();
    bench.queue(0..8).await;
    let mut handle = bench.spawn();
    let status = hurried(&mut handle.status, |it| named(it, "P5").is_some()).await;
    assert!(named(&status, "P5").unwrap().title.contains("nearly full"));
    bench.queue(8..15).await;
    let bites = |it: &BrokerStatus| named(it, "P5").is_some_and(|it| it.count == 5);
    let status = hurried(&mut handle.status, bites).await;
    assert!(evidence(&status, "P5").contains("5 messages dropped unsent"));
    broker.handle.behave(Behaviour::default());
    hurried(&mut handle.status, |it| it.findings.is_empty()).await;
    ended(handle).await;
}

#[tokio::test]
async fn acknowledgements_that_are_too_slow() {
    let (mut broker, _stop) = broker(Behaviour {
        never_ack: true,
        ..Behaviour::default()
    })
    .await;
    let bench = Bench::new(broker.address.port()).await;
    bench.queue(0..100).await;
    let mut handle = bench.spawn();
    for number in 0..bench.broker.window {
        assert_eq!(next(&mut broker).await, u32::from(number));
    }
    skip(Duration::from_secs(11)).await;
    let status = until(&mut handle.status, |it| named(it, "P6").is_some()).await;
    assert!(evidence(&status, "P6").contains("wait behind"));
    handle.stop.cancel();
}

#[tokio::test]
async fn a_template_that_says_no_time() {
    let (broker, _stop) = broker(Behaviour::default()).await;
    let mut bench = Bench::new(broker.address.port()).await;
    bench.broker.dialect = Dialect::Template;
    bench.broker.topic = Some("site/{device}/{key}".to_owned());
    bench.broker.payload = Some("{value}".to_owned());
    bench.broker = bench.store.save_broker(bench.broker).await.unwrap();
    let mut handle = bench.spawn();
    let status = until(&mut handle.status, |it| named(it, "P7").is_some()).await;
    assert!(evidence(&status, "P7").contains("the template is {value}"));
    ended(handle).await;
}

#[tokio::test]
async fn messages_that_were_given_up_on() {
    let (broker, _stop) = broker(Behaviour {
        answers: vec![Answer::new(0x99).containing("bad")],
        ..Behaviour::default()
    })
    .await;
    let bench = Bench::speaking(broker.address.port(), Protocol::V5).await;
    bench.queue(0..3).await;
    bench.queue_text("bad").await;
    let mut handle = bench.spawn();
    let status = until(&mut handle.status, |it| named(it, "P8").is_some()).await;
    assert!(evidence(&status, "P8").contains("1 message was given up on"));
    bench.store.empty_dead(bench.broker.id, None).await.unwrap();
    until(&mut handle.status, |it| it.findings.is_empty()).await;
    ended(handle).await;
}
