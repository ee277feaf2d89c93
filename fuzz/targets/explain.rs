//! Any bytes explained: ranges lie inside the input and inside their parents, siblings in order, no control character
//! in what a person reads.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rooms::bounded;
use rooms::dlms::explain::{Direction, Explained, Reader, explain_from, summarise_from};

fn check(explained: &Explained, all: usize) {
    assert!(explained.offset + explained.length <= all);
    let texts = [&explained.kind, &explained.link, &explained.summary];
    for text in texts {
        assert!(!text.chars().any(char::is_control), "{text:?}");
    }
    // The end of the last field at each depth: siblings follow one another, children stay inside.
    let mut open: Vec<(u8, usize, usize)> = Vec::new();
    for field in &explained.fields {
        let end = field.offset + field.length;
        assert!(end <= all, "{field:?}");
        assert!(!field.value.chars().any(char::is_control), "{field:?}");
        assert!(!field.name.chars().any(char::is_control), "{field:?}");
        while let Some(&(depth, _, sibling_end)) = open.last() {
            if depth < field.depth {
                break;
            }
            assert!(
                depth != field.depth || sibling_end <= field.offset,
                "{field:?} overlaps"
            );
            open.pop();
        }
        if let Some(&(_, start, parent_end)) = open.last() {
            assert!(
                start <= field.offset && end <= parent_end,
                "{field:?} leaves its parent"
            );
        }
        open.push((field.depth, field.offset, end));
    }
}

fuzz_target!(|input: &[u8]| {
    for direction in [None, Some(Direction::ToMeter), Some(Direction::FromMeter)] {
        bounded(|| {
            let all = explain_from(input, direction);
            all.frames
                .iter()
                .for_each(|frame| check(frame, input.len()));
            for (offset, length) in all.junk {
                assert!(offset + length <= input.len());
            }
            assert!(all.rest.end <= input.len());
            let summary = summarise_from(input, direction);
            assert!(summary.fields.is_empty());
        });
    }
    bounded(|| {
        let mut reader = Reader::new();
        for (n, chunk) in input.chunks(37).enumerate() {
            reader.push(n, chunk);
        }
        reader.flush();
        while reader.next().is_some() {}
    });
});
