//! The house has an order: a room may use only rooms that stand before it in `src/lib.rs`.
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

use std::fs;
use std::path::{Path, PathBuf};

/// From the ground up. `main.rs` and `lib.rs` stand outside.
const ORDER: [&str; 10] = [
    "cosem",
    "dlms",
    "diagnosis",
    "simulator",
    "meter",
    "store",
    "publish",
    "headend",
    "tui",
    "cli",
];

#[test]
fn a_room_uses_only_rooms_before_it() {
    let mut faults = Vec::new();
    for (height, room) in ORDER.iter().enumerate() {
        for file in rust_files(&source().join(room)) {
            let text = fs::read_to_string(&file).unwrap();
            for (number, line) in text.lines().enumerate() {
                for used in rooms_used(line) {
                    let allowed = ORDER
                        .iter()
                        .position(|r| *r == used)
                        .is_some_and(|at| at <= height);
                    if !allowed {
                        faults.push(format!(
                            "{}:{}: {room} must not use {used}",
                            file.display(),
                            number + 1
                        ));
                    }
                }
            }
        }
    }
    assert!(faults.is_empty(), "\n{}", faults.join("\n"));
}

#[test]
fn every_room_is_in_the_order_and_none_is_a_lumber_room() {
    for entry in fs::read_dir(source()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            let name = entry.file_name().into_string().unwrap();
            assert!(
                ORDER.contains(&name.as_str()),
                "src/{name} is in no place of the order"
            );
        }
    }
    for file in rust_files(&source()) {
        let stem = file.file_stem().unwrap().to_str().unwrap().to_owned();
        assert!(
            !["utils", "util", "common", "helpers", "misc"].contains(&stem.as_str()),
            "{}: say what the room is for",
            file.display()
        );
        let text = fs::read_to_string(&file).unwrap();
        assert!(
            text.starts_with("//! "),
            "{}: the first line says what the file is for",
            file.display()
        );
    }
}

#[test]
fn the_reader_of_lines_sees_what_it_must() {
    assert_eq!(rooms_used("use crate::tui::app::Model;"), ["tui"]);
    assert_eq!(
        rooms_used("    let x = crate::cli::run(crate::meter::Clock::System);"),
        ["cli", "meter"]
    );
    assert_eq!(rooms_used("// see crate::tui"), Vec::<String>::new());
}

/// Every `crate::room` a line of code names; comments do not count.
fn rooms_used(line: &str) -> Vec<String> {
    let code = line.split("//").next().unwrap_or_default();
    code.split("crate::")
        .skip(1)
        .filter_map(|rest| {
            let room: String = rest
                .chars()
                .take_while(|c| c.is_ascii_alphanumeric() || *c == '_')
                .collect();
            (!room.is_empty()).then_some(room)
        })
        .collect()
}

fn source() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn rust_files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(rust_files(&path));
        } else if path.extension().is_some_and(|e| e == "rs") {
            found.push(path);
        }
    }
    found.sort();
    found
}
