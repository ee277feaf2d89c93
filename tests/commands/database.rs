//! The database that cannot be used, the one in use, and where it lives.

use super::SNRM;
use super::desk::{Desk, in_a_terminal};
use std::process::Command;

#[test]
fn a_database_that_cannot_be_used_is_named_and_left_alone() {
    let desk = Desk::new();
    desk.ok(&["meter", "add", "a", "--host", "h:1"]);
    let database = desk.folder().join("obiscope.db");
    let good = std::fs::read(&database).unwrap();
    let mut newer = good.clone();
    newer[60..64].copy_from_slice(&99_u32.to_be_bytes());
    let mut torn = good.clone();
    torn[4096..12288].fill(0xFF);
    let mut foreign = good.clone();
    foreign[68..72].fill(0);
    for (bytes, words) in [
        (newer, "newer obiscope (schema 99"),
        (torn, "is damaged"),
        (foreign, "of another program"),
        (good[..5000].to_vec(), "is damaged"),
        (good[..50].to_vec(), "is damaged"),
        (
            b"not a database at all, only some text".to_vec(),
            "not an SQLite database",
        ),
    ] {
        std::fs::write(&database, &bytes).unwrap();
        for line in [
            &["meter", "list"][..],
            &["meter", "add", "b", "--host", "h:1"],
            &["broker", "list", "--json"],
            &["read", "a", "1-1:32.7.0"],
        ] {
            desk.refused(4, line, words);
        }
        assert_eq!(std::fs::read(&database).unwrap(), bytes, "{words}");
    }
    std::fs::remove_file(&database).unwrap();
    std::fs::create_dir(&database).unwrap();
    desk.refused(4, &["meter", "list"], "it is a folder");
    let file = desk.file("file", b"");
    let said = Desk::refused_in(&file, 4, &["meter", "list"]);
    assert!(
        said.contains("a file stands where a folder is needed") && said.contains("--data-dir"),
        "{said}"
    );
    // What needs no database does not ask for one.
    assert_eq!(Desk::run_in(&file, &["decode", SNRM]).status, 0);
}

#[test]
fn where_things_live() {
    let desk = Desk::new();
    let home = desk.folder().join("home");
    let listed = |command: &mut Command| {
        let ended = command
            .args(["meter", "list", "--json"])
            .current_dir(desk.folder())
            .output()
            .unwrap();
        assert_eq!(
            ended.stdout,
            b"[]\n",
            "{}",
            String::from_utf8_lossy(&ended.stderr)
        );
    };
    let binary = env!("CARGO_BIN_EXE_obiscope");
    listed(
        Command::new(binary)
            .env_remove("OBISCOPE_DATA_DIR")
            .env_remove("XDG_DATA_HOME")
            .env("HOME", &home),
    );
    listed(
        Command::new(binary)
            .env("OBISCOPE_DATA_DIR", "by/variable")
            .env("HOME", &home),
    );
    listed(
        Command::new(binary)
            .args(["--data-dir", "by/option"])
            .env("OBISCOPE_DATA_DIR", "not/here"),
    );
    listed(
        Command::new(binary)
            .env("OBISCOPE_DATA_DIR", "")
            .env_remove("XDG_DATA_HOME")
            .env("HOME", &home),
    );
    if cfg!(target_os = "linux") {
        assert!(home.join(".local/share/obiscope/obiscope.db").exists());
    }
    assert!(desk.folder().join("by/variable/obiscope.db").exists());
    assert!(desk.folder().join("by/option/obiscope.db").exists());
    assert!(!desk.folder().join("not").exists());
}

/// A head-end holds the lock; here the test does.
#[test]
fn a_second_head_end_is_refused_and_everything_else_works() {
    let desk = Desk::new();
    desk.ok(&[
        "meter",
        "add",
        "a",
        "--host",
        "127.0.0.1:1",
        "--object",
        "1-1:32.7.0",
    ]);
    let folder = desk.folder().to_str().unwrap();
    let lock = desk.file("obiscope.lock", b"4711");
    let held = std::fs::File::open(lock).unwrap();
    held.lock().unwrap();
    let (status, shown) = in_a_terminal(folder, &[], "");
    assert_eq!(status, 4, "{shown}");
    assert!(
        shown.contains("another obiscope (process 4711) already reads the meters of"),
        "{shown}"
    );
    desk.ok(&["meter", "list"]);
    let ended = desk.run(&["meter", "edit", "a", "--poll", "9s"]);
    assert_eq!(
        (ended.status, ended.out.as_str()),
        (0, "meter a changed: 127.0.0.1:1\n")
    );
    assert!(
        ended
            .err
            .contains("(process 4711) takes it up within seconds"),
        "{}",
        ended.err
    );
    desk.refused(3, &["read", "a"], "stop this meter there first");
    drop(held);
    desk.ok(&["meter", "edit", "a", "--poll", "8s"]);
}

#[test]
fn a_password_is_asked_for_at_the_terminal_and_not_shown() {
    let desk = Desk::new();
    let folder = desk.folder().to_str().unwrap();
    let line = [
        "meter", "add", "a", "--host", "h:1", "--client", "1", "--auth", "lls",
    ];
    let (status, shown) = in_a_terminal(folder, &line, "hunter2\r");
    assert_eq!(status, 0, "{shown}");
    assert!(shown.contains("Password of client 1 at h:1: "), "{shown}");
    assert!(!shown.contains("hunter2"), "{shown}");
    assert_eq!(
        desk.json(&["meter", "show", "a", "--json"])["password"],
        "set"
    );
    let (status, shown) = in_a_terminal(folder, &["meter", "remove", "a"], "n\r");
    assert_eq!(status, 0, "{shown}");
    assert!(
        shown.contains("[y/N]") && shown.contains("nothing was removed"),
        "{shown}"
    );
    let (status, shown) = in_a_terminal(
        folder,
        &["meter", "add", "b", "--host", "h:1", "--auth", "lls"],
        "\u{3}",
    );
    assert_eq!(status, 2, "{shown}");
    assert!(shown.contains("no password"), "{shown}");
    let (_, shown) = in_a_terminal(folder, &["meter", "remove", "a"], "y\r");
    assert!(shown.contains("meter a removed"), "{shown}");
    assert_eq!(desk.ok(&["meter", "list", "--json"]), "[]\n");
}
