//! The command from its words to its lines.

use super::*;
use crate::cosem::{AttributeRef, Data, Obis, ObjectSpec, ScalerUnit, Unit};
use crate::meter::{Definition, MeterId, Poll, Reading};
use crate::store::Traffic;
use clap::Parser;
use std::sync::Arc;

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    args: Args,
}

const BEGIN: &str = "2026-11-20T00:00:00Z";

async fn site() -> (Store, MeterId) {
    let store = Store::in_memory().unwrap();
    let meter = Definition::new("feeder-7", "10.0.4.7", 3333);
    let meter = store.save_meter(meter).await.unwrap().id;
    let begin: Timestamp = BEGIN.parse().unwrap();
    for n in 0..20 {
        let at = begin + Duration::from_secs(60 * n);
        let obis = Obis::new(1, 1, 32, 7, 0, 255);
        let reading = Reading {
            spec: ObjectSpec::Value(obis),
            key: "voltage_l1".into(),
            attribute: AttributeRef {
                class: 3,
                obis,
                attribute: 2,
            },
            scaler_unit: Some(ScalerUnit {
                scaler: -2,
                unit: Unit(35),
            }),
            at,
            value: Ok(Data::DoubleLong(13_540 + i32::try_from(n).unwrap())),
        };
        let poll = Poll {
            meter,
            at,
            readings: vec![reading],
        };
        let lot = vec![(Arc::new(poll), None)];
        store
            .commit_polls(lot)
            .await
            .unwrap()
            .pop()
            .unwrap()
            .unwrap();
    }
    (store, meter)
}

async fn told(store: &Store, words: &[&str]) -> Result<String, String> {
    let line = Line::try_parse_from([&["history"], words].concat()).map_err(|e| e.to_string())?;
    let now = "2026-11-20T01:00:00Z".parse().unwrap();
    let mut out = Vec::new();
    match run(&line.args, store, now, &mut out).await {
        Ok(_) => Ok(String::from_utf8(out).unwrap()),
        Err(failure) => Err(failure.words),
    }
}

#[tokio::test]
async fn readings_have_the_names_of_read() {
    let (store, _) = site().await;
    let json = told(&store, &["feeder-7", "1-1:32.7.0", "--json"])
        .await
        .unwrap();
    assert_eq!(json.lines().count(), 20);
    let first: serde_json::Value = serde_json::from_str(json.lines().next().unwrap()).unwrap();
    let at: Timestamp = first["at"].as_str().unwrap().parse().unwrap();
    assert_eq!(at, BEGIN.parse().unwrap());
    let mut first = first.as_object().unwrap().clone();
    first.remove("at");
    assert_eq!(
        serde_json::Value::Object(first),
        serde_json::json!({"obis":"1-1:32.7.0.255","class":3,"attribute":2,"key":"voltage_l1",
            "value":"135.40","unit":"V","unit_code":35,"scaler":-2,"raw":13540})
    );
    let csv = told(&store, &["feeder-7", "--csv", "--from", "50m"])
        .await
        .unwrap();
    assert_eq!(csv.lines().count(), 1 + 10);
    assert!(csv.starts_with("at,key,obis,class,attribute,value,unit,scaler,raw,error\r\n"));
    assert!(
        csv.contains(",voltage_l1,1-1:32.7.0.255,3,2,135.50,V,-2,13550,\r\n"),
        "{csv}"
    );
    let table = told(&store, &["feeder-7", "voltage_l1"]).await.unwrap();
    assert!(
        table.contains("1-1:32.7.0") && table.contains("135.59"),
        "{table}"
    );
}

#[tokio::test]
async fn steps_are_whole_and_exact() {
    let (store, _) = site().await;
    let json = told(&store, &["feeder-7", "--every", "15m", "--json"])
        .await
        .unwrap();
    let lines: Vec<serde_json::Value> = json
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let counts: Vec<_> = lines
        .iter()
        .map(|it| it["count"].as_u64().unwrap())
        .collect();
    assert_eq!(counts, [15, 5]);
    assert_eq!(
        (&lines[0]["first"], &lines[0]["value"]),
        (&"135.40".into(), &"135.54".into())
    );
    assert_eq!(lines[0]["step"], "15m");
    let second = told(&store, &["feeder-7", "--every", "1s", "--json"])
        .await
        .unwrap();
    assert_eq!(second.lines().count(), 20);
}

#[tokio::test]
async fn a_file_is_whole_or_not_there() {
    let (store, _) = site().await;
    let folder = tempfile::TempDir::new().unwrap();
    let path = folder.path().join("out.csv");
    let name = path.to_str().unwrap();
    told(&store, &["feeder-7", "--output", name]).await.unwrap();
    let written = std::fs::read_to_string(&path).unwrap();
    assert_eq!(written.lines().count(), 21);
    let again = told(&store, &["feeder-7", "--output", name])
        .await
        .unwrap_err();
    assert!(again.contains("--force"), "{again}");
    let lost = folder.path().join("no/out.csv");
    let words = ["feeder-7", "--json", "--output", lost.to_str().unwrap()];
    assert!(told(&store, &words).await.is_err());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[tokio::test]
async fn what_is_not_there_is_told_with_what_is() {
    let (store, _) = site().await;
    for (words, wanted) in [
        (&["feedr-7"][..], "did you mean feeder-7?"),
        (&["x"], "`obiscope meter list` shows"),
        (
            &["feeder-7", "voltage_l2"],
            "did you mean voltage_l1? there is voltage_l1 (1-1:32.7.0.255)",
        ),
        (&["feeder-7", "1-0:1.8.0"], "there is voltage_l1"),
        (
            &["feeder-7", "--from", "1h", "--to", "2h"],
            "is not before --to",
        ),
        (&["feeder-7", "--from", "soon"], "24h for so long ago"),
        (&["feeder-7", "--every", "0s"], "a second is the least"),
        (
            &["keep", "--rows", "0"],
            "--rows 0 would keep next to nothing",
        ),
        (&["keep", "--age", "0s"], "--age 0s is too short"),
        (&["keep", "--bytes", "many"], "write 500MB or 2GB"),
    ] {
        let error = told(&store, words).await.unwrap_err();
        assert!(error.contains(wanted), "{words:?}: {error}");
    }
}

#[tokio::test]
async fn what_is_kept_is_shown_and_changed() {
    let (store, meter) = site().await;
    let shown = told(&store, &["keep"]).await.unwrap();
    assert!(
        shown.contains("readings") && shown.contains("50000000"),
        "{shown}"
    );
    let json = told(
        &store,
        &["keep", "--age", "30d", "--bytes", "500MB", "--json"],
    )
    .await
    .unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["age"], &json["bytes"]),
        (&"30days".into(), &500_000_000.into())
    );
    assert_eq!(
        store.keep().await.unwrap().age,
        Duration::from_hours(24 * 30)
    );
    let traffic = Traffic {
        span: Duration::from_mins(1),
        requests: 60,
        responses: 59,
        bytes_sent: 1_200,
        peak_sent: 40,
        ..Traffic::none(BEGIN.parse().unwrap())
    };
    store.keep_network(vec![(meter, traffic)]).await.unwrap();
    let json = told(&store, &["feeder-7", "--network", "--json"])
        .await
        .unwrap();
    let json: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(
        (&json["responses"], &json["sent_per_second"]),
        (&59.into(), &20.into())
    );
    let table = told(&store, &["feeder-7", "--network"]).await.unwrap();
    assert!(table.contains("59/60") && table.contains("40/0"), "{table}");
}
