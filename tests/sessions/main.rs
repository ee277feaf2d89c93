//! Recorded sessions of others: what our decoders say of the bytes is what the client that spoke there printed.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at what it did not expect"
)]

mod answers;
mod differences;
mod printed;
mod steps;
mod trace;

use differences::{Difference, KNOWN};
use std::fs;
use std::path::{Path, PathBuf};

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn names() -> Vec<String> {
    let files = fs::read_dir(data().join("sessions")).unwrap();
    let mut names: Vec<_> = files
        .map(|file| {
            let path = file.unwrap().path();
            path.file_stem().unwrap().to_str().unwrap().to_owned()
        })
        .collect();
    names.sort();
    names
}

/// Every step of every session that says what was printed; what differs is in the table, with the reason, and what is
/// in the table differs.
#[test]
fn what_we_decode_is_what_their_clients_printed() {
    let mut found: Vec<(String, String, String)> = Vec::new();
    let (mut sessions, mut compared) = (0, 0);
    for name in names() {
        let file = |folder: &str, end: &str| {
            let path = data().join(folder).join(format!("{name}.{end}"));
            fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
        };
        let answers = answers::answers(&trace::apdus(&file("traces", "txt")));
        let report = steps::compare(&file("sessions", "json"), &answers);
        sessions += 1;
        compared += report.compared;
        let step = |(step, what)| (name.clone(), step, what);
        found.extend(report.differences.into_iter().map(step));
    }
    let unexplained: Vec<_> = found
        .iter()
        .filter(|(session, step, _)| !KNOWN.iter().any(|known| known.is(session, step)))
        .collect();
    assert!(unexplained.is_empty(), "{unexplained:#?}");
    let gone: Vec<&Difference> = KNOWN
        .iter()
        .filter(|known| {
            !found
                .iter()
                .any(|(session, step, _)| known.is(session, step))
        })
        .collect();
    assert!(gone.is_empty(), "no difference any more: {gone:#?}");
    assert_eq!(sessions, 25);
    assert!(compared > 200, "{compared}");
}
