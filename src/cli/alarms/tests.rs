//! The command from its words to its lines.

use super::*;
use crate::cli::exit::ExitKind;
use crate::meter::{Definition, MeterId};
use crate::store::Severity;
use clap::Parser;
use std::sync::Arc;
use std::time::Duration;

#[derive(Debug, Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

const NOW: &str = "2026-11-20T14:00:00Z";

fn now() -> Timestamp {
    NOW.parse().unwrap()
}

fn alarm(id: i64, name: &str, hours_ago: u64, cleared: bool) -> Arc<Alarm> {
    let last = now() - Duration::from_hours(hours_ago);
    Arc::new(Alarm {
        id,
        meter: Some(MeterId(id)),
        name: name.to_owned(),
        key: "voltage_l1".to_owned(),
        cause: "high".to_owned(),
        severity: Severity::Warning,
        text: "voltage_l1 is 254.1 V: over 253".to_owned(),
        first: last - Duration::from_mins(1),
        last,
        count: 3,
        value: Some("254.1".to_owned()),
        acknowledged: None,
        cleared: cleared.then_some(last),
    })
}

async fn site() -> Store {
    let store = Store::in_memory().unwrap();
    for name in ["a", "b"] {
        let meter = Definition::new(name, name, 1);
        store.save_meter(meter).await.unwrap();
    }
    let all = vec![
        alarm(1, "a", 3, true),
        alarm(2, "b", 2, false),
        alarm(3, "gone", 1, false),
    ];
    store.save_alarms(all).await.unwrap();
    store
}

async fn told(store: &Store, words: &[&str]) -> Result<String, String> {
    let line = Line::try_parse_from([&["alarms"], words].concat()).map_err(|e| e.to_string())?;
    let mut out = Vec::new();
    run(&line.args, store, now(), &mut out)
        .await
        .map_err(|error| {
            assert_eq!(error.exit(), ExitKind::Usage, "{error}");
            error.to_string()
        })?;
    Ok(String::from_utf8(out).unwrap())
}

async fn ids(store: &Store, words: &[&str]) -> Vec<i64> {
    let text = told(store, &[&["--json"], words].concat()).await.unwrap();
    let json: Vec<Value> = serde_json::from_str(&text).unwrap();
    json.iter().map(|it| it["id"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn listed_as_asked_for() {
    let store = site().await;
    assert_eq!(ids(&store, &[]).await, [2, 3]);
    assert_eq!(ids(&store, &["--all"]).await, [1, 2, 3]);
    assert_eq!(ids(&store, &["--all", "--meter", "a"]).await, [1]);
    assert_eq!(ids(&store, &["--meter", "a"]).await, [0_i64; 0]);
    assert_eq!(ids(&store, &["--meter", "gone"]).await, [3]);
    assert_eq!(ids(&store, &["--all", "--since", "90m"]).await, [3]);
    let since = "2026-11-20T12:00:00Z";
    assert_eq!(ids(&store, &["--all", "--since", since]).await, [2, 3]);
    let text = told(&store, &["--all"]).await.unwrap();
    assert!(
        text.contains("warning") && text.contains("254.1 V: over 253"),
        "{text}"
    );
    assert_eq!(
        told(&store, &["--meter", "a"]).await.unwrap(),
        "no alarm stands\n"
    );
    let json: Value = serde_json::from_str(&told(&store, &["--json"]).await.unwrap()).unwrap();
    let mut keys: Vec<_> = json[0].as_object().unwrap().keys().cloned().collect();
    let mut ought = [
        "id",
        "meter",
        "key",
        "cause",
        "severity",
        "text",
        "first",
        "last",
        "count",
        "value",
        "acknowledged",
        "cleared",
    ];
    keys.sort();
    ought.sort_unstable();
    assert_eq!(keys, ought);
    assert_eq!(json[0]["value"], "254.1");
    assert_eq!(json[0]["acknowledged"], Value::Null);
}

#[tokio::test]
async fn acknowledged_once_by_name() {
    let store = site().await;
    let said = told(
        &store,
        &["ack", "2", "--by", "Ana", "--note", "fuse ordered"],
    )
    .await;
    assert_eq!(
        said.unwrap(),
        "alarm 2 acknowledged by Ana: b: voltage_l1 is 254.1 V: over 253\n"
    );
    let error = told(&store, &["ack", "2", "--by", "Bo"]).await.unwrap_err();
    assert!(error.contains("acknowledged by Ana already"), "{error}");
    let said = told(&store, &["ack", "--all", "--by", "Bo"]).await.unwrap();
    assert_eq!(said, "1 alarm acknowledged by Bo\n");
    let text = told(&store, &[]).await.unwrap();
    assert!(text.contains("known to Ana (fuse ordered)"), "{text}");
    let json: Value = serde_json::from_str(&told(&store, &["--json"]).await.unwrap()).unwrap();
    assert_eq!(json[0]["acknowledged"]["by"], "Ana");
    assert_eq!(json[0]["acknowledged"]["note"], "fuse ordered");
    assert_eq!(json[1]["acknowledged"]["by"], "Bo");
}

#[tokio::test]
async fn what_cannot_be_is_refused_in_words() {
    let store = site().await;
    for (words, why) in [
        (&["ack", "9", "--by", "Ana"][..], "there is no alarm 9"),
        (&["ack", "2", "--by", " "], "say who"),
        (&["ack", "2", "--by", "a\u{1b}b"], "control characters"),
        (&["ack", "2"], "--by"),
        (&["ack", "--by", "Ana"], "required"),
        (&["ack", "2", "--all", "--by", "Ana"], "cannot be used"),
        (&["--meter", "nobody"], "no meter named \"nobody\""),
        (&["--since", "yesterday"], "is no time"),
    ] {
        let error = told(&store, words).await.unwrap_err();
        assert!(error.contains(why), "{words:?}: {error}");
    }
}
