//! Rows, ring, filter and walking, with frames others recorded.
use super::*;
use crate::meter::tap::{Chunk, Direction, Note, Record};
use crate::tui::app::fixture::{records, unhex, wall};

fn pane() -> TracePane {
    let mut pane = TracePane::default();
    pane.push(Assembler::new().rows(&records()));
    pane
}

fn note(seq: u64) -> TraceRow {
    TraceRow {
        seq,
        at: wall(),
        what: What::Note(format!("note {seq}")),
        took: None,
        frame: None,
        about: None,
    }
}

fn kinds(rows: &[TraceRow]) -> Vec<String> {
    rows.iter()
        .map(|row| match &row.what {
            What::Frame { explained, .. } => explained.kind.clone(),
            What::Junk { bytes, .. } => format!("junk {}", bytes.len()),
            What::Note(text) => text.clone(),
        })
        .collect()
}

#[test]
fn records_become_rows_with_times() {
    let rows = Assembler::new().rows(&records());
    assert_eq!(
        kinds(&rows),
        [
            "connected",
            "SNRM",
            "UA",
            "AARQ",
            "AARE",
            "GET.request",
            "GET.response",
            "GET.request",
            "GET.response",
            "GET.response"
        ]
    );
    let took = |n: usize| rows[n].took.map(|t| t.as_millis());
    assert_eq!((took(1), took(2), took(4)), (None, Some(31), Some(31)));
    assert_eq!(
        took(9),
        None,
        "the second answer to one request has no time"
    );
    assert!(rows[9].trouble() && !rows[8].trouble());
}

#[test]
fn the_same_bytes_in_any_pieces_are_the_same_rows() {
    let whole = Assembler::new().rows(&records());
    for size in [1, 2, 3, 7] {
        let mut pieces = Vec::new();
        for record in records() {
            match record.what {
                Chunk::Bytes { direction, bytes } => {
                    for piece in bytes.chunks(size) {
                        let what = Chunk::Bytes {
                            direction,
                            bytes: piece.to_vec(),
                        };
                        pieces.push(Record {
                            seq: 0,
                            at: record.at,
                            what,
                        });
                    }
                }
                what @ Chunk::Note(_) => pieces.push(Record { what, ..record }),
            }
        }
        let mut assembler = Assembler::new();
        let rows: Vec<_> = pieces
            .chunks(2)
            .flat_map(|some| assembler.rows(some))
            .collect();
        assert_eq!(kinds(&rows), kinds(&whole), "pieces of {size}");
    }
}

#[test]
fn junk_and_what_a_closed_connection_left_unfinished_are_rows() {
    let bytes = |hex: &str| Record {
        seq: 0,
        at: wall(),
        what: Chunk::Bytes {
            direction: Direction::Received,
            bytes: unhex(hex),
        },
    };
    let closed = Record {
        seq: 1,
        at: wall(),
        what: Chunk::Note(Note::Closed),
    };
    let mut assembler = Assembler::new();
    let mut rows = assembler.rows(&[bytes("FFFE0102"), bytes("7EA00721037301407E")]);
    rows.extend(assembler.rows(&[bytes("7EA01E2103"), closed, bytes("7EA00721037301407E")]));
    let kinds = kinds(&rows);
    assert_eq!(kinds.iter().filter(|k| *k == "UA").count(), 2, "{kinds:?}");
    assert!(kinds.iter().any(|k| k.starts_with("junk")), "{kinds:?}");
    let held: usize = rows.iter().map(|row| row.bytes().len()).sum();
    assert!(held >= 4 + 9 + 4 + 9, "nothing is lost: {held}");
}

#[test]
fn the_ring_is_bounded_and_the_eye_stays_where_it_is() {
    let mut pane = TracePane::default();
    pane.push((0..100).map(note).collect());
    pane.choose(50);
    pane.push((100..5_040).map(note).collect());
    assert_eq!(pane.held(), ROWS);
    assert_eq!(pane.selected_seq(), Some(50));
    assert_eq!(pane.position(50), 10);
    pane.push((5_040..6_000).map(note).collect());
    assert_eq!(
        pane.selected_seq(),
        Some(1_000),
        "it fell out at the far end"
    );
    pane.follow();
    assert_eq!(pane.selected_seq(), Some(5_999));
    pane.push(vec![note(3), note(6_000)]);
    assert_eq!(pane.position(7_000), ROWS, "an old number is no new row");
    assert_eq!(pane.len(), ROWS);
}

#[test]
fn stepping_up_stops_following_and_stepping_off_the_end_follows_again() {
    let mut pane = TracePane::default();
    pane.push((0..10).map(note).collect());
    pane.step(-1);
    assert_eq!((pane.follow, pane.selected_seq()), (false, Some(8)));
    pane.step(1);
    assert_eq!((pane.follow, pane.selected_seq()), (false, Some(9)));
    pane.step(1);
    assert!(pane.follow);
    pane.to_top();
    assert_eq!(pane.selected_seq(), Some(0));
    pane.step(-5);
    assert_eq!(pane.selected_seq(), Some(0));
}

#[test]
fn words_filter() {
    let mut pane = pane();
    let mut count = |text: &str| {
        pane.set_filter(text);
        pane.len()
    };
    assert_eq!(count(""), 10);
    assert_eq!(count("rx"), 5);
    assert_eq!(count("tx snrm"), 1);
    assert_eq!(count("err"), 1);
    assert_eq!(count("note"), 1);
    assert_eq!(count("GET"), 5, "by name, direction apart");
    assert_eq!(count("C001C1"), 2);
    assert_eq!(count("0x7ea007"), 1);
    assert_eq!(count("1-0:32.7.0"), 1);
    assert_eq!(count("nothing of the kind"), 0);
    pane.set_filter("err");
    assert_eq!(pane.selected().map(TraceRow::trouble), Some(true));
    pane.push(vec![note(100)]);
    assert_eq!(pane.len(), 1, "what does not pass stays out");
}

#[test]
fn trouble_is_jumped_to_round_and_round() {
    let mut pane = pane();
    let mut bad = pane.row(9).unwrap().clone();
    bad.seq = 20;
    pane.push((10..20).map(note).chain([bad, note(21)]).collect());
    pane.to_top();
    assert_eq!(pane.jump(false), Some(false));
    assert_eq!(pane.selected_seq(), Some(9));
    assert_eq!(pane.jump(false), Some(false));
    assert_eq!(pane.selected_seq(), Some(20));
    assert_eq!(pane.jump(false), Some(true), "round");
    assert_eq!(pane.selected_seq(), Some(9));
    assert_eq!(pane.jump(true), Some(true));
    assert_eq!(pane.selected_seq(), Some(20));
    pane.set_filter("note");
    assert_eq!(pane.jump(false), None);
    assert!(pane.any_trouble());
}

#[test]
fn the_selected_frame_is_explained_and_its_fields_are_walked() {
    let mut pane = pane();
    pane.choose(5);
    let fields = pane.explained().unwrap().fields.len();
    assert!(fields > 8);
    for _ in 0..fields + 5 {
        pane.step_field(1);
    }
    assert_eq!(pane.field, fields - 1);
    let last = pane.current_field().unwrap();
    assert!(last.offset + last.length <= pane.selected().unwrap().bytes().len());
    pane.choose(0);
    assert!(pane.explained().is_none(), "a note has no fields");
    pane.step_field(1);
    assert!(pane.current_field().is_none());
}

#[test]
fn while_following_an_answer_rests_long_enough_to_be_read() {
    let now = std::time::Instant::now();
    let mut pane = pane();
    pane.rest(now);
    assert_eq!(pane.selected_seq(), Some(9), "the newest answer");
    assert_eq!(
        pane.current_field().map(|field| field.name.as_ref()),
        Some("data-access-result"),
        "and what it says"
    );
    let again = |seq: u64| TraceRow { seq, ..pane_row(9) };
    pane.push((10..40).map(again).collect());
    pane.top = Some(5);
    assert!(!pane.rest(now + READ_IN), "still in sight");
    pane.top = Some(20);
    assert!(!pane.rest(now + READ_IN / 2), "not yet read");
    assert!(pane.rest(now + READ_IN));
    assert_eq!((pane.follow, pane.selected_seq()), (true, Some(39)));
    pane.push((40..60).map(again).collect());
    pane.top = Some(50);
    pane.step(-1);
    assert_eq!(
        (pane.follow, pane.selected_seq()),
        (false, Some(58)),
        "what is out of sight is not stepped from"
    );
    assert!(!pane.rest(now + 9 * READ_IN), "what a person chose stays");
}

fn pane_row(seq: u64) -> TraceRow {
    pane().row(seq).unwrap().clone()
}

#[test]
fn a_frozen_picture_ends_where_it_was_frozen() {
    let mut pane = TracePane::default();
    pane.push((0..10).map(note).collect());
    pane.freeze();
    pane.push((10..25).map(note).collect());
    assert_eq!((pane.len(), pane.beyond()), (10, 15));
    pane.step(100);
    assert_eq!(pane.selected_seq(), Some(9));
    pane.thaw();
    assert_eq!((pane.len(), pane.beyond()), (25, 0));
}

#[test]
fn the_export_is_json_lines() {
    let mut pane = pane();
    pane.set_filter("rx");
    let mut text = Vec::new();
    let entries = pane.document("microstar-001");
    document::write(&entries, document::Format::Jsonl, &mut text).unwrap();
    let text = String::from_utf8(text).unwrap();
    let lines: Vec<serde_json::Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 5);
    assert_eq!(lines[0]["dir"], "rx");
    assert_eq!(lines[0]["meter"], "microstar-001");
    assert!(lines[0]["hex"].as_str().unwrap().starts_with("7EA01E21"));
    let at: jiff::Timestamp = lines[0]["at"].as_str().unwrap().parse().unwrap();
    assert_eq!(at.to_string(), "2026-11-20T14:32:13.062Z");
}
