//! Every recorded frame is explained, and what is wrong with the wrong ones is said where it is.
//!
//! The one rule: the bytes are others' (recorded sessions, the vendor's manual), never our own encoder's.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "the helpers of a test may fail as its assertions do"
)]

mod damaged;
mod lines;
mod opened;
mod recorded;
mod streams;

use obiscope::dlms::explain::{Direction, Explanation};
use std::path::Path;

struct Line {
    place: String,
    case: String,
    direction: Direction,
    bytes: Vec<u8>,
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: Vec<u8> = hex.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits
        .chunks(2)
        .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
        .collect()
}

fn traces() -> Vec<Line> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/traces");
    let mut files: Vec<_> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    files.sort();
    let mut lines = Vec::new();
    for file in files {
        let name = file.file_stem().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&file).unwrap();
        let mut case = String::new();
        for (index, line) in text.lines().enumerate() {
            if let Some(named) = line.strip_prefix("# case: ") {
                named.clone_into(&mut case);
            }
            let (direction, rest) = match line.split_once(' ') {
                Some(("TX", rest)) => (Direction::ToMeter, rest),
                Some(("RX", rest)) => (Direction::FromMeter, rest),
                _ => continue,
            };
            let hex = rest.split('#').next().unwrap();
            let place = format!("{name}:{}", index + 1);
            lines.push(Line {
                place,
                case: case.clone(),
                direction,
                bytes: bytes(hex),
            });
        }
    }
    assert!(
        lines.len() > 1000,
        "the recorded traces are there: {}",
        lines.len()
    );
    lines
}

/// Ranges lie inside, children inside their parent, siblings apart and in order, text safe.
fn assert_sound(input: &[u8], explanation: &Explanation) {
    let inside = |offset: usize, length: usize| {
        offset
            .checked_add(length)
            .is_some_and(|end| end <= input.len())
    };
    for &(offset, length) in &explanation.junk {
        assert!(length > 0 && inside(offset, length));
    }
    assert!(explanation.rest.end <= input.len());
    let mut before = 0;
    for frame in &explanation.frames {
        assert!(inside(frame.offset, frame.length), "{frame:?}");
        // Two frames may share one flag.
        assert!(frame.offset + 1 >= before, "frames overlap: {frame:?}");
        before = frame.offset + frame.length;
        let mut open: Vec<(usize, usize, usize)> = vec![(frame.offset, before, frame.offset)];
        for field in &frame.fields {
            let depth = usize::from(field.depth) + 1;
            assert!(depth <= open.len(), "a field skips a level: {field:?}");
            open.truncate(depth);
            let (start, end, from) = *open.last().unwrap();
            let to = field.offset + field.length;
            assert!(
                field.offset >= start && to <= end,
                "outside its parent: {field:?}"
            );
            assert!(field.offset >= from, "overlaps its sibling: {field:?}");
            open.last_mut().unwrap().2 = to;
            open.push((field.offset, to, field.offset));
            let text = [
                Some(&field.name),
                Some(&field.value),
                field.problem.as_ref(),
            ];
            assert!(
                !text
                    .into_iter()
                    .flatten()
                    .any(|text| text.contains(char::is_control)),
                "{field:?}"
            );
            assert!(!field.name.is_empty());
        }
        let any = frame.fields.iter().any(|field| field.problem.is_some());
        assert!(frame.trouble || !any, "a problem is trouble");
        assert!(!frame.summary.contains(char::is_control));
    }
}

fn problems(explanation: &Explanation) -> Vec<String> {
    let fields = explanation.frames.iter().flat_map(|frame| &frame.fields);
    fields
        .filter_map(|field| Some(format!("{}: {}", field.name, field.problem.as_ref()?)))
        .collect()
}
