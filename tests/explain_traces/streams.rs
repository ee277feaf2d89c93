//! Bytes as they arrive: pasted in one piece, or chunk by chunk through the reader.
use crate::{Line, assert_sound, bytes, traces};
use obiscope::dlms::explain::{Direction, Reader, RowKind, explain};

#[test]
fn a_whole_session_pasted_as_one_is_cut_into_its_frames() {
    let lines: Vec<Line> = traces()
        .into_iter()
        .filter(|line| line.place.starts_with("p_hdlc_gxpy_low:"))
        .collect();
    let all: Vec<u8> = lines.iter().flat_map(|line| line.bytes.clone()).collect();
    let explanation = explain(&all);
    assert_sound(&all, &explanation);
    assert_eq!(explanation.frames.len(), lines.len());
    assert!(explanation.junk.is_empty() && explanation.rest.is_empty());
    for (frame, line) in explanation.frames.iter().zip(&lines) {
        assert_eq!(all[frame.offset..frame.offset + frame.length], line.bytes);
    }
}

/// However the line cut it, the reader gives the same rows, each under the chunk it began in.
#[test]
fn the_reader_gives_the_same_rows_for_any_chunks() {
    let lines: Vec<Line> = traces()
        .into_iter()
        .filter(|line| {
            line.place.starts_with("c_hdlc_gxpy_none:") && line.direction == Direction::FromMeter
        })
        .collect();
    let stream: Vec<u8> = lines.iter().flat_map(|line| line.bytes.clone()).collect();
    for size in [1, 3, 7, 64, 1000, 100_000] {
        let mut reader = Reader::new();
        let mut rows = Vec::new();
        for (number, chunk) in stream.chunks(size).enumerate() {
            reader.push(number, chunk);
            rows.extend(std::iter::from_fn(|| reader.next()));
        }
        assert_eq!(rows.len(), lines.len(), "chunks of {size}");
        let mut at = 0;
        for (row, line) in rows.iter().zip(&lines) {
            assert_eq!(row.kind, RowKind::Frame);
            // With small chunks the closing flag may come after the row.
            assert!(
                line.bytes.starts_with(&row.octets) && row.octets.len() + 1 >= line.bytes.len()
            );
            assert_eq!(row.tag, at / size, "chunks of {size}");
            at += line.bytes.len();
        }
    }
}

#[test]
fn the_reader_shows_what_lies_between_frames() {
    let mut reader = Reader::new();
    reader.push("first", &bytes("A3F201B4 7EA00703037382F67E"));
    reader.push("second", &bytes("A00703031FE85F7E 7EA0070303"));
    reader.flush();
    let rows: Vec<_> = std::iter::from_fn(|| reader.next()).collect();
    let found: Vec<_> = rows
        .iter()
        .map(|row| (row.tag, row.kind, row.octets.len()))
        .collect();
    assert_eq!(
        found,
        [
            ("first", RowKind::Junk, 4),
            ("first", RowKind::Frame, 9),
            // its opening flag is the one that closed the frame before, in the first chunk
            ("first", RowKind::Frame, 9),
            ("second", RowKind::Junk, 5),
        ]
    );
    let cut = explain(&rows[3].octets);
    assert_eq!(cut.rest, 0..5);
    assert!(!cut.frames[0].length_ok);
}
