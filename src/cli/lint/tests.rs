//! Files as people have them, through the whole command.

use super::{Args, run};
use crate::cli::exit::ExitKind;
use serde_json::Value;

fn lint(text: &str, json: bool) -> (ExitKind, String) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("trace");
    std::fs::write(&path, text).unwrap();
    let args = Args {
        input: path.to_str().unwrap().to_owned(),
        json,
    };
    let mut out = Vec::new();
    let kind = run(&args, &mut out).unwrap();
    (kind, String::from_utf8(out).unwrap())
}

fn ids(text: &str) -> Vec<String> {
    let (_, json) = lint(text, true);
    let value: Value = serde_json::from_str(&json).unwrap();
    let found = value["findings"].as_array().unwrap().iter();
    found
        .map(|f| f["id"].as_str().unwrap().to_owned())
        .collect()
}

const HEALTHY: &str =
    "TX 7EA0070303938C117E\nRX 7EA00703037382F67E\nTX 7EA00703035380D77E\nRX 7EA00703037382F67E\n";

#[test]
fn a_healthy_trace_ends_with_zero() {
    let (kind, text) = lint(HEALTHY, false);
    assert_eq!(
        (kind, text.as_str()),
        (ExitKind::Done, "4 frames: nothing wrong was found\n")
    );
    // The same as pasted, without a word on directions.
    assert!(ids(&HEALTHY.replace("TX ", "").replace("RX ", "")).is_empty());
}

#[test]
fn a_silent_meter_is_told_of_in_eighty_columns() {
    let (kind, text) = lint("[10:00:00] TX 7EA0070303938C117E\n", false);
    assert_eq!(kind, ExitKind::Partly);
    assert!(text.starts_with("H1   Nobody answers"), "{text}");
    assert!(
        text.contains("     seen  frame 1: SNRM to server 1"),
        "{text}"
    );
    assert!(
        text.lines().all(|line| line.chars().count() <= 80),
        "{text}"
    );
}

#[test]
fn meters_are_told_apart() {
    let json = r#"{"at":"2026-11-04T10:52:01Z","meter":"a","dir":"tx","hex":"7EA0070303938C117E"}
{"at":"2026-11-04T10:52:01Z","meter":"b","dir":"tx","hex":"7EA0070303938C117E"}
{"at":"2026-11-04T10:52:02Z","meter":"b","dir":"rx","hex":"7EA00703031FE8B67E"}"#;
    let (_, text) = lint(json, true);
    let value: Value = serde_json::from_str(&text).unwrap();
    let first = &value["findings"][0];
    assert_eq!((&first["id"], &first["meter"]), (&"H1".into(), &"a".into()));
    for key in ["title", "confidence", "evidence", "remedy"] {
        assert!(!first[key].is_null(), "{key}");
    }
    assert!(
        value["findings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|f| f["meter"] == "b")
    );
}

#[test]
fn a_log_of_words_is_explained_by_the_length_field() {
    let log = "2025-11-04 17:13:01 ERROR Checksum mismatch on GET response\n\
               2025-11-04 17:13:02 ERROR Invalid HDLC frame boundary\n\
               2025-11-04 17:13:03 ERROR Incomplete HDLC frame (missing FCS)\n";
    let (kind, text) = lint(log, false);
    assert_eq!(kind, ExitKind::Partly);
    assert!(
        text.starts_with("H27") && text.contains("length field"),
        "{text}"
    );
}
