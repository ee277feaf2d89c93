//! Files as people have them, through the whole command.

use super::{Args, Trace, run};
use crate::cli::exit::ExitKind;
use crate::dlms::hdlc::{Control, frame};
use serde_json::Value;
use std::io::{BufReader, Read};

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

/// The lines of a long trace, made as they are read: a poll of one meter, a refused request now and then.
struct Long {
    frames: u32,
    made: u32,
    line: std::io::Cursor<Vec<u8>>,
}

impl Read for Long {
    fn read(&mut self, to: &mut [u8]) -> std::io::Result<usize> {
        if self.line.position() == self.line.get_ref().len() as u64 && self.made < self.frames {
            let line = frame_line(self.made);
            self.line = std::io::Cursor::new(line.into_bytes());
            self.made += 1;
        }
        self.line.read(to)
    }
}

fn frame_line(n: u32) -> String {
    let exchange = n / 2;
    let number = (exchange % 8) as u8;
    let (sent, refused) = (n.is_multiple_of(2), exchange % 1_000 == 999);
    let information: &[u8] = match (sent, refused) {
        (true, _) => &[
            0xE6, 0xE6, 0, 0xC0, 1, 0xC1, 0, 3, 1, 1, 32, 7, 0, 255, 2, 0,
        ],
        (false, false) => &[0xE6, 0xE7, 0, 0xC4, 1, 0xC1, 0, 6, 0, 0, 0x34, 0xE4],
        (false, true) => &[0xE6, 0xE7, 0, 0xC4, 1, 0xC1, 1, 4],
    };
    let control = Control::Information {
        send: number,
        receive: if sent { number } else { (number + 1) & 7 },
        poll: true,
    };
    let (to, from) = if sent { (3, 0x21) } else { (0x21, 3) };
    let mut octets = Vec::new();
    frame::build(&[to], &[from], control, false, information, &mut octets).unwrap();
    let hex = crate::cosem::hex::joined(&octets, "");
    let way = if sent { "tx" } else { "rx" };
    let at = jiff::Timestamp::from_millisecond(1_762_000_000_000 + i64::from(n) * 20).unwrap();
    format!("{{\"at\":\"{at}\",\"meter\":\"m1\",\"dir\":\"{way}\",\"hex\":\"{hex}\"}}\n")
}

#[test]
fn memory_does_not_grow_with_the_trace() {
    let most = |frames: u32| {
        let long = Long {
            frames,
            made: 0,
            line: std::io::Cursor::default(),
        };
        let mut trace = Trace::default();
        let mut reader = BufReader::new(long);
        let counted = allocation_counter::measure(|| trace.read(&mut reader).unwrap());
        let (seen, found) = trace.findings();
        assert_eq!(seen, u64::from(frames));
        let refused = found.iter().map(|(_, finding)| finding.count).sum::<u64>();
        assert_eq!(refused, u64::from(frames / 2_000));
        counted.bytes_max
    };
    let (short, long) = (most(20_000), most(200_000));
    assert!(long <= short + 1024, "{short} bytes, then {long}");
    assert!(long < 256 * 1024, "{long}");
}

#[test]
fn the_line_for_which_there_is_no_more_room_is_kept() {
    let mut trace = Trace::default();
    trace.meter("").unwrap().pasted = vec![0; super::PASTED - 3];
    trace.line(1, "7EA0070303938C117E");
    assert_eq!(
        trace.meters[""].pasted,
        [0x7E, 0xA0, 0x07, 0x03, 0x03, 0x93, 0x8C, 0x11, 0x7E]
    );
}
