//! Writing over the poller's own link: read back, refused with words, and never in the way of polls.

use super::*;
use crate::cosem::{Obis, ObjectSpec};
use tokio::sync::oneshot;

fn write(attribute: &str, value: &str) -> (Order, oneshot::Receiver<Result<Written, String>>) {
    let (reply, answer) = oneshot::channel();
    let ObjectSpec::Attribute(attribute) = attribute.parse().unwrap() else {
        unreachable!()
    };
    let value = value.to_owned();
    let order = Order::Write(Box::new(WriteOrder {
        attribute,
        value,
        reply,
    }));
    (order, answer)
}

fn sync() -> (Order, oneshot::Receiver<Result<Synced, String>>) {
    let (reply, answer) = oneshot::channel();
    (Order::SyncClock { reply }, answer)
}

#[tokio::test(start_paused = true)]
async fn the_clock_is_set_over_the_same_link() {
    let mut it = run(microstar("22222222"));
    it.ready().await;
    let (order, answer) = sync();
    it.order(order).await;
    let synced = answer.await.unwrap().unwrap();
    let after = synced.after.unwrap();
    assert!(after.seconds.unwrap().abs() <= 1, "{after:?}");
    let (order, answer) = write("8/0-0:1.0.0/2", "2026-11-20 10:00:00");
    it.order(order).await;
    let written = answer.await.unwrap().unwrap();
    assert!(written.before.is_some() && written.after.is_some());
    assert_eq!(it.status().counters.connects, 1);
}

#[tokio::test(start_paused = true)]
async fn what_must_not_be_written_is_not() {
    let mut it = run(microstar("22222222"));
    it.ready().await;
    for (attribute, value, words) in [
        ("15/0-0:40.0.0/7", "12345678", "key or password"),
        ("8/0-0:1.0.0/2", "nonsense", "does not fit"),
        ("3/1-1:199.7.0/2", "5", "type is not known"),
        ("3/1-1:32.7.0/2", "5", "was not set"),
    ] {
        let (order, answer) = write(attribute, value);
        it.order(order).await;
        let error = answer.await.unwrap().unwrap_err();
        assert!(error.contains(words), "{attribute}: {error}");
        assert!(!error.contains("12345678"));
    }
    let mut locked = microstar("22222222");
    locked.read_only = true;
    it.order(Order::Replace(Box::new(locked))).await;
    let (order, answer) = sync();
    it.order(order).await;
    assert!(answer.await.unwrap().unwrap_err().contains("read-only"));
    it.order(Order::Stop).await;
    it.until(|s| s.phase == Phase::Stopped).await;
    it.order(Order::Replace(Box::new(microstar("22222222"))))
        .await;
    let (order, answer) = sync();
    it.order(order).await;
    assert!(answer.await.unwrap().unwrap_err().contains("stopped"));
}

/// Each read takes a third of the period, and there is always one more.
#[tokio::test(start_paused = true)]
async fn whoever_asks_without_end_starves_no_poll() {
    let slow = Profile::microstar(7).delayed(Duration::from_millis(150));
    let mut it = run_with(microstar("22222222"), slow);
    it.ready().await;
    it.poll().await;
    let orders = it.handle.orders.clone();
    let flood = tokio::spawn(async move {
        let spec = ObjectSpec::Value(Obis::new(1, 1, 32, 7, 0, 255));
        let mut answered = 0_u32;
        loop {
            let asked: Vec<_> = (0..8)
                .map(|_| {
                    let (reply, answer) = oneshot::channel();
                    let specs = vec![spec; 3];
                    (Order::Read(Box::new(ReadOrder { specs, reply })), answer)
                })
                .collect();
            let mut answers = Vec::new();
            for (order, answer) in asked {
                if orders.send(order).await.is_err() {
                    return answered;
                }
                answers.push(answer);
            }
            for answer in answers {
                answered += u32::from(answer.await.is_ok_and(|it| it.is_ok()));
            }
        }
    });
    let from = it.status().counters.polls;
    tokio::time::sleep(Duration::from_mins(5)).await;
    let polls = it.status().counters.polls - from;
    assert!(polls >= 50, "{polls} of 60");
    it.order(Order::Shutdown).await;
    assert!(flood.await.unwrap() > 100);
}
