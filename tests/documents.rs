//! What going through a long trace asks of the allocator: as much at once for a long one as for a short one, whatever it
//! was written in and is written as.
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

use obiscope::meter::document::{Format, Redaction, Redactor, Writer, open, write};
use std::collections::VecDeque;
use std::path::{Path, PathBuf};

/// A recorded session over and over, as a file of about so many frames.
fn file(folder: &Path, format: Format, frames: usize) -> PathBuf {
    let recorded = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/tests/data/traces/c_hdlc_gxc_low.txt"
    );
    let once: Vec<_> = open(Path::new(recorded))
        .unwrap()
        .map(Result::unwrap)
        .collect();
    let all: Vec<_> = once.iter().cycle().take(frames).cloned().collect();
    let path = folder.join(format!("{frames}.{}", format.extension()));
    let mut out = Vec::new();
    write(&all, format, &mut out).unwrap();
    std::fs::write(&path, out).unwrap();
    path
}

/// Most bytes held at once.
fn converted(path: &Path, to: Format) -> u64 {
    allocation_counter::measure(|| {
        let mut learning = Redactor::new(Redaction::default());
        let mut ready = VecDeque::new();
        for entry in open(path).unwrap() {
            learning.take(entry.unwrap(), &mut ready);
            ready.clear();
        }
        learning.end(&mut ready);
        ready.clear();
        let mut writing = learning.again();
        let mut out = std::io::sink();
        let mut writer = Writer::new(to, &mut out).unwrap();
        for entry in open(path).unwrap() {
            writing.take(entry.unwrap(), &mut ready);
            for entry in ready.drain(..) {
                writer.entry(&entry, &mut out).unwrap();
            }
        }
        writing.end(&mut ready);
        for entry in ready.drain(..) {
            writer.entry(&entry, &mut out).unwrap();
        }
        writer.end(&mut out).unwrap();
    })
    .bytes_max
}

#[test]
fn a_trace_ten_times_as_long_takes_no_more_memory() {
    let folder = tempfile::tempdir().unwrap();
    for form in Format::ALL {
        let short = file(folder.path(), form, 400);
        let long = file(folder.path(), form, 4_000);
        // The two that remember something of the meters.
        let to = if form == Format::Jsonl {
            Format::Pcapng
        } else {
            Format::Text
        };
        let (few, many) = (converted(&short, to), converted(&long, to));
        assert!(
            many < few + few / 10 && many < 4 << 20,
            "{form:?} to {to:?}: {few} bytes for 400 frames, {many} for 4,000"
        );
    }
}
