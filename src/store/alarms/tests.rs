//! What is kept of alarms, for how long, and whose word stays.

use super::*;
use crate::meter::Definition;

fn at(milliseconds: i64) -> Timestamp {
    Timestamp::from_millisecond(milliseconds).unwrap()
}

fn alarm(id: i64, cleared: Option<i64>) -> Alarm {
    Alarm {
        id,
        meter: Some(MeterId(1)),
        name: "a".to_owned(),
        key: String::new(),
        cause: "breaker".to_owned(),
        severity: Severity::Critical,
        text: "open".to_owned(),
        first: at(id),
        last: at(id + 1),
        count: 1,
        value: None,
        acknowledged: None,
        cleared: cleared.map(at),
    }
}

fn all() -> AlarmQuery {
    AlarmQuery {
        cleared: true,
        limit: usize::MAX,
        ..AlarmQuery::default()
    }
}

async fn saved(alarms: &[Alarm]) -> Store {
    let store = Store::in_memory().unwrap();
    let alarms = alarms.iter().cloned().map(Arc::new).collect();
    store.save_alarms(alarms).await.unwrap();
    store
}

#[tokio::test]
async fn one_row_an_alarm_and_what_a_person_said_stays() {
    let mut one = alarm(1, None);
    let store = saved(&[one.clone(), alarm(2, Some(9))]).await;
    let ack = Ack::new(" Ana ", "seen", at(5)).unwrap();
    store.acknowledge_alarm(1, ack.clone()).await.unwrap();
    // Who writes it anew does not know of that yet.
    (one.count, one.value, one.text) = (2, Some("1.5".to_owned()), "again".to_owned());
    store
        .save_alarms(vec![Arc::new(one.clone())])
        .await
        .unwrap();
    one.acknowledged = Some(ack);
    assert_eq!(
        store.alarms(all()).await.unwrap(),
        [one.clone(), alarm(2, Some(9))]
    );
    let standing = AlarmQuery {
        limit: 9,
        ..AlarmQuery::default()
    };
    assert_eq!(store.alarms(standing).await.unwrap(), [one]);
    let again = Ack::new("Bo", "", at(6)).unwrap();
    assert_eq!(store.acknowledge_alarms(again.clone()).await.unwrap(), 0);
    let error = store.acknowledge_alarm(1, again.clone()).await.unwrap_err();
    assert!(
        error.is_request() && error.to_string().contains("Ana"),
        "{error}"
    );
    // What is over may be acknowledged by its number.
    assert!(store.acknowledge_alarm(2, again).await.is_ok());
}

#[tokio::test]
async fn what_is_over_goes_when_it_is_old_and_numbers_never_come_back() {
    let now = at(2_000_000_000_000);
    let age = i64::try_from(CLEARED_FOR.as_millis()).unwrap();
    let edge = now.as_millisecond() - age;
    let store = saved(&[
        alarm(1, None),
        alarm(2, Some(edge - 1)),
        alarm(3, Some(edge)),
        alarm(4, Some(edge + 5)),
    ])
    .await;
    assert_eq!(store.trim_alarms(now).await.unwrap(), 1);
    let keep = |keep| store.worker.run(move |it| trim(it, now, keep));
    assert_eq!(keep(2).await.unwrap(), 0);
    assert_eq!(keep(1).await.unwrap(), 1);
    let left = store.alarms(all()).await.unwrap();
    assert_eq!(left.iter().map(|it| it.id).collect::<Vec<_>>(), [1, 4]);
    let far = now + std::time::Duration::from_hours(9_000);
    assert_eq!(store.trim_alarms(far).await.unwrap(), 1);
    assert_eq!(store.last_alarm().await.unwrap(), 4);
}

#[tokio::test]
async fn alarms_outlive_their_meter() {
    let store = Store::in_memory().unwrap();
    assert_eq!(store.last_alarm().await.unwrap(), 0);
    let meter = store
        .save_meter(Definition::new("a", "h", 1))
        .await
        .unwrap();
    store
        .save_alarms(vec![Arc::new(alarm(7, None))])
        .await
        .unwrap();
    store.delete_meter(meter.id).await.unwrap();
    assert_eq!(store.alarms(all()).await.unwrap(), [alarm(7, None)]);
}
