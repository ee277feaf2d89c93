//! The real binary on the command line: what each command prints and where, how it ends, and what it says to a
//! clumsy hand. Every process is our own, every address a loopback one, every folder a temporary one.
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

mod database;
mod desk;
mod judging;
mod listening;
mod owning;
mod probing;
mod reading;
mod scanning;
mod usage;
mod visits;

use desk::Desk;
use serde_json::Value;
use std::process::Stdio;

/// A frame that needs nothing else.
const SNRM: &str = "7EA0070303938C117E";

#[test]
fn a_meter_is_added_shown_edited_exported_and_removed() {
    let desk = Desk::new();
    let said = desk.ok(&["meter", "list"]);
    assert!(said.contains("no meters yet; for example: obiscope meter add"));
    assert_eq!(desk.ok(&["meter", "list", "--json"]), "[]\n");
    let password = desk.file("password", b"hunter2\r\nsecond line\n");
    let said = desk.ok(&[
        "meter",
        "add",
        "Zähler 7",
        "--host",
        "[::1]:3333",
        "--client",
        "1",
        "--password-file",
        &password,
        "--poll",
        "3m",
    ]);
    assert_eq!(
        said,
        "meter Zähler 7 added: [::1]:3333\nit reads nothing yet; for example: obiscope meter edit 'Zähler 7' --object 1-0:32.7.0\n"
    );
    let said = desk.ok(&[
        "meter",
        "edit",
        "Zähler 7",
        "--object",
        "1.1.32.7.0.255=voltage_l1",
        "--json",
    ]);
    let edited: Value = serde_json::from_str(&said).unwrap();
    let shown: Value = desk.json(&["meter", "show", "Zähler 7", "--json"]);
    assert_eq!(edited, shown);
    assert_eq!(shown["name"], "Zähler 7");
    assert_eq!(
        (&shown["host"], &shown["port"]),
        (&Value::from("::1"), &Value::from(3333))
    );
    assert_eq!(
        (&shown["auth"], &shown["password"]),
        (&Value::from("lls"), &Value::from("set"))
    );
    assert_eq!(shown["server"]["upper"], 1);
    assert_eq!(shown["poll"], "3m");
    assert_eq!(shown["objects"][0]["key"], "voltage_l1");
    assert_eq!(shown["last_seen"], Value::Null);
    assert_eq!(
        desk.json(&["meter", "list", "--json"]),
        Value::from(vec![shown])
    );
    let said = desk.ok(&["meter", "edit", "Zähler 7"]);
    assert!(said.contains("is as it was"), "{said}");

    let exported = desk.ok(&["meter", "export"]);
    assert!(!exported.contains("hunter2"));
    let file = desk.file("meters.toml", exported.as_bytes());
    assert_eq!(
        desk.ok(&["meter", "import", &file]),
        "0 meters added, 1 replaced\n"
    );
    assert_eq!(desk.ok(&["meter", "export"]), exported);

    desk.refused(2, &["meter", "remove", "Zähler 7"], "say --yes");
    assert_eq!(
        desk.ok(&["meter", "remove", "Zähler 7", "--yes"]),
        "meter Zähler 7 removed\n"
    );
    // The secret was in the database only; nothing of it, nor of the log beside it, is for others.
    assert_eq!(desk.mode("obiscope.db") & 0o077, 0);
    assert!(
        !desk.folder().join("obiscope.db-wal").exists(),
        "the log is back in the file"
    );
}

#[test]
fn a_broker_is_added_shown_edited_and_removed() {
    let desk = Desk::new();
    assert_eq!(desk.ok(&["broker", "list", "--json"]), "[]\n");
    let said = desk.ok(&[
        "broker",
        "add",
        "lab",
        "--url",
        "mqtt://10.0.0.1",
        "--dialect",
        "json",
    ]);
    assert_eq!(said, "broker lab added: mqtt://10.0.0.1:1883\n");
    let token = desk.file("token", b"hunter2\n");
    desk.ok(&[
        "broker",
        "edit",
        "lab",
        "--dialect",
        "thingsboard",
        "--token-file",
        &token,
    ]);
    let shown = desk.json(&["broker", "show", "lab", "--json"]);
    assert_eq!(shown["token"], "set");
    assert_eq!(
        (&shown["waiting"], &shown["rejected"]),
        (&Value::from(0), &Value::from(0))
    );
    assert_eq!(desk.json(&["broker", "list", "--json"])[0], shown);
    desk.ok(&["meter", "add", "a", "--host", "h:1", "--publish", "lab"]);
    desk.refused(
        2,
        &["broker", "remove", "lab", "--yes"],
        "still published to by a",
    );
    desk.ok(&["meter", "edit", "a", "--no-publish"]);
    assert_eq!(
        desk.ok(&["broker", "remove", "lab", "--yes"]),
        "broker lab removed\n"
    );

    // Nothing listens on a port that was free a moment ago.
    let free = std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap();
    desk.ok(&[
        "broker",
        "add",
        "gone",
        "--url",
        &format!("mqtt://{free}"),
        "--dialect",
        "json",
    ]);
    desk.refused(4, &["broker", "test", "gone"], "connection refused");
}

#[test]
fn decode_explains_and_a_reader_may_have_enough() {
    let desk = Desk::new();
    let json = desk.json(&["decode", SNRM, "--json"]);
    let frame = &json["frames"][0];
    assert_eq!(
        (&frame["kind"], &frame["offset"]),
        (&Value::from("SNRM"), &Value::from(0))
    );
    assert_eq!(
        (&frame["fcs_ok"], &frame["length_ok"]),
        (&Value::from(true), &Value::from(true))
    );
    assert_eq!(
        (&frame["hcs_ok"], &frame["client"]),
        (&Value::Null, &Value::from(1))
    );
    assert_eq!(
        frame["server"],
        serde_json::json!({"upper": 1, "lower": null, "bytes": 1})
    );
    assert!(frame["fields"][0]["length"].is_u64());
    assert!(json["findings"].is_array() && json["rest"].is_string());
    assert_eq!(
        desk.run_with(&["decode", "-"], SNRM.as_bytes()).out,
        desk.ok(&["decode", SNRM])
    );

    // Junk is explained as junk; escape sequences in it do not reach the terminal.
    let junk = desk.file("junk", b"\x00\x1b[31m\xff\x9b7m\x07");
    let said = desk.ok(&["decode", &junk]);
    assert!(!said.contains(['\u{1b}', '\u{9b}', '\u{7}']), "{said:?}");

    let many = desk.file("many", format!("{SNRM}\n").repeat(2_000).as_bytes());
    for line in [
        vec!["decode", &*many],
        vec!["decode", &*many, "--json"],
        vec!["meter", "list"],
        vec!["meter", "export"],
        vec!["broker", "list", "--json"],
    ] {
        let (reader, writer) = std::io::pipe().unwrap();
        drop(reader);
        let ended = desk
            .command(&line)
            .stdout(writer)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        assert_eq!(ended.status.code(), Some(0), "{line:?}");
        assert_eq!(ended.stderr, b"", "{line:?}");
        let full = std::fs::File::options().write(true).open("/dev/full");
        if let Ok(full) = full {
            let ended = desk
                .command(&line)
                .stdout(full)
                .stdin(Stdio::null())
                .output()
                .unwrap();
            assert_eq!(ended.status.code(), Some(1), "{line:?}");
            let said = String::from_utf8(ended.stderr).unwrap();
            assert!(said.contains("standard output cannot be written"), "{said}");
        }
    }
}
