//! The object model: object lists and profiles as two independent meters sent them, and the commands that show and change
//! objects, against a simulated meter over TCP.
#![expect(
    clippy::unwrap_used,
    reason = "a test may stop at what it did not expect"
)]

use obiscope::cosem::object_list::ObjectList;
use obiscope::cosem::profile::{capture_objects, rows};
use obiscope::cosem::{Data, Obis};
use serde_json::Value;
use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Output, Stdio};

fn recorded(name: &str) -> Data {
    let path = format!("{}/tests/data/cosem/{name}", env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(path).unwrap();
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    let byte = |two: &[u8]| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap();
    let bytes: Vec<u8> = digits.chunks(2).map(byte).collect();
    Data::decode_all(&bytes).unwrap()
}

#[test]
fn recorded_object_lists_are_read_to_the_last_entry() {
    for (name, objects) in [("object_list_13.hex", 13), ("object_list_52.hex", 52)] {
        let list = ObjectList::from_data(&recorded(name)).unwrap();
        assert_eq!(
            (list.objects.len(), list.problems.len()),
            (objects, 0),
            "{name}"
        );
        let unknown = |object: &&obiscope::cosem::object_list::ObjectEntry| {
            let attributes = object.attributes.iter().map(|a| a.access);
            attributes
                .chain(object.methods.iter().map(|m| m.access))
                .any(|access| access.unknown.is_some())
        };
        assert_eq!(list.objects.iter().find(unknown), None, "{name}");
    }
    let list = ObjectList::from_data(&recorded("object_list_13.hex")).unwrap();
    let note = list.find(1, Obis::new(0, 0, 96, 1, 9, 255)).unwrap();
    assert_eq!(note.attribute(1).unwrap().to_string(), "read");
    assert_eq!(note.attribute(2).unwrap().to_string(), "read-write");
    let clock = list.find(8, Obis::new(0, 0, 1, 0, 0, 255)).unwrap();
    assert_eq!((clock.attributes.len(), clock.methods.len()), (9, 6));
}

#[test]
fn a_recorded_profile_becomes_a_table() {
    let columns = capture_objects(&recorded("capture_objects.hex")).unwrap();
    assert_eq!(columns.len(), 4);
    assert!(columns[0].is_time());
    assert_eq!(columns[1].attribute.obis, Obis::new(1, 0, 32, 7, 0, 255));
    let table = rows(&recorded("profile_rows_96.hex"), &columns, 900, None).unwrap();
    assert_eq!(table.len(), 96);
    assert_eq!(table[0][1], Data::LongUnsigned(2300));
    assert!(table[95][0].to_text().starts_with("2026-01-01 23:45:00"));
    // The same rows with a column too few are not a table.
    let lying = rows(&recorded("profile_rows_3.hex"), &columns[..3], 900, None).unwrap_err();
    assert!(lying.to_string().contains("row 1"), "{lying}");
    assert!(lying.to_string().contains("4 value(s)"), "{lying}");
}

/// A simulated meter that is gone when the test is over.
struct Meter {
    child: Child,
    address: String,
}

impl Drop for Meter {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Meter {
    fn start() -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_obiscope"))
            .args(["simulate", "--profile", "generic", "--seed", "7"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap())
            .read_line(&mut line)
            .unwrap();
        let ready: Value = serde_json::from_str(&line).unwrap();
        let address = ready["listening"].as_str().unwrap().to_owned();
        Self { child, address }
    }

    fn obiscope(&self, command: &str, rest: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_obiscope"))
            .args([command, &self.address])
            .args(rest)
            .stdin(Stdio::null())
            .output()
            .unwrap()
    }

    fn json(&self, command: &str, rest: &[&str]) -> (Option<i32>, Value) {
        let output = self.obiscope(command, &[rest, &["--json"]].concat());
        let value = serde_json::from_slice(&output.stdout).unwrap_or(Value::Null);
        (output.status.code(), value)
    }
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn browse_lists_objects_with_names_and_rights() {
    let meter = Meter::start();
    let (status, list) = meter.json("browse", &[]);
    assert_eq!(status, Some(0));
    let list = list.as_array().unwrap();
    let clock = list.iter().find(|object| object["class"] == 8).unwrap();
    assert_eq!(clock["obis"], "0-0:1.0.0.255");
    assert_eq!(clock["attributes"][1]["id"], 2);
    assert_eq!(clock["attributes"][1]["name"], "time");
    assert_eq!(clock["attributes"][1]["access"], "read");
    assert_eq!(clock["methods"][0]["access"], "none");
    let shown = meter.obiscope("browse", &[]);
    let text = String::from_utf8(shown.stdout).unwrap();
    assert!(
        text.contains(&format!("{} object(s)", list.len())),
        "{text}"
    );
}

#[test]
fn identify_says_who_is_there() {
    let meter = Meter::start();
    let (status, who) = meter.json("identify", &[]);
    assert_eq!(status, Some(0));
    let name = who["logical_device_name"].as_str().unwrap();
    assert_eq!(who["manufacturer"].as_str().unwrap(), &name[..3]);
    assert_eq!(who["firmware"], "3.2.0 simulated");
    assert!(
        who["clock"]["drift_seconds"].as_i64().unwrap().abs() < 60,
        "{who}"
    );
    assert_eq!(who["saps"][0]["logical_device_name"], name);
}

#[test]
fn a_value_that_does_not_fit_is_refused_before_anything_is_sent() {
    let meter = Meter::start();
    let folder = tempfile::tempdir().unwrap();
    let trace = folder.path().join("trace.jsonl");
    let trace = trace.to_str().unwrap();
    let voltage = "3/1-0:32.7.0/2";
    let unfit = meter.obiscope("set", &[voltage, "much", "--yes", "--trace", trace]);
    assert_eq!(unfit.status.code(), Some(2));
    assert!(words(&unfit).contains("whole number"), "{}", words(&unfit));
    // And without a person, nothing is sent either.
    let unasked = meter.obiscope("set", &[voltage, "1", "--trace", trace]);
    assert_eq!(unasked.status.code(), Some(2));
    assert!(words(&unasked).contains("--yes"), "{}", words(&unasked));
    let unasked = meter.obiscope("call", &["3/1-0:32.7.0/1", "--trace", trace]);
    assert_eq!(unasked.status.code(), Some(2));
    let sent = std::fs::read_to_string(trace).unwrap();
    assert!(sent.contains("E6E600C001"), "GET is in the trace");
    for request in ["E6E600C1", "E6E600C3"] {
        assert!(!sent.to_uppercase().contains(request), "{sent}");
    }
}

#[test]
fn what_a_meter_lacks_is_said_by_name() {
    let meter = Meter::start();
    let profile = meter.obiscope("profile", &["1-0:99.77.0"]);
    assert_eq!(profile.status.code(), Some(3));
    assert!(
        words(&profile).contains("1-0:99.77.0"),
        "{}",
        words(&profile)
    );
    for (command, rest) in [
        ("set", &["1-0:32.7.0", "1"][..]),
        ("call", &["1-0:32.7.0"]),
        (
            "profile",
            &["1-0:99.1.0", "--from", "soon", "--to", "later"],
        ),
        ("profile", &["1-0:99.1.0", "--last", "0"]),
    ] {
        let wrong = meter.obiscope(command, rest);
        assert_eq!(
            wrong.status.code(),
            Some(2),
            "{command} {rest:?}: {}",
            words(&wrong)
        );
    }
}

#[test]
fn the_clock_is_shown_and_left_alone() {
    let meter = Meter::start();
    let (status, clock) = meter.json("clock", &[]);
    assert_eq!(status, Some(0));
    assert!(
        clock["drift_seconds"].as_i64().unwrap().abs() < 60,
        "{clock}"
    );
    assert_eq!(clock.get("after"), None);
}

#[test]
fn what_is_written_is_read_back() {
    let meter = Meter::start();
    let note = "1/0-0:96.1.9/2";
    // The public client may only read.
    let denied = meter.obiscope("set", &[note, "unit 7, cellar", "--yes"]);
    assert_eq!(denied.status.code(), Some(3));
    assert!(words(&denied).contains("denied"), "{}", words(&denied));

    let folder = tempfile::tempdir().unwrap();
    let password = folder.path().join("password");
    std::fs::write(&password, "12345678").unwrap();
    let known = [
        "--client",
        "1",
        "--password-file",
        password.to_str().unwrap(),
    ];
    let json = |command: &str, rest: &[&str]| meter.json(command, &[rest, &known].concat());
    let (status, set) = json("set", &[note, "unit 7, cellar", "--yes"]);
    assert_eq!(status, Some(0), "{set}");
    assert_eq!(set["sent"], set["after"]);
    let (_, read) = json("read", &[note]);
    assert_eq!(read[0]["raw"], set["sent"]);

    let relay = |method: &str| {
        let (status, _) = json("call", &[&format!("70/0-0:96.3.10/{method}"), "--yes"]);
        let (_, read) = json("read", &["70/0-0:96.3.10/3"]);
        (status, read[0]["decoded"]["name"].clone())
    };
    assert_eq!(relay("1"), (Some(0), "disconnected".into()));
    assert_eq!(relay("9").0, Some(3));
}

#[test]
fn a_profile_in_parts_is_the_profile_in_one() {
    let meter = Meter::start();
    let (status, last) = meter.json("profile", &["1-0:99.1.0", "--last", "100"]);
    assert_eq!(status, Some(0), "{last}");
    let rows = last["rows"].as_array().unwrap();
    assert_eq!(rows.len(), 100);
    let width = last["columns"].as_array().unwrap().len();
    assert!(
        rows.iter()
            .all(|row| row.as_array().unwrap().len() == width)
    );
    let stamp = |row: &Value| row[0].as_str().unwrap()[..19].to_owned();
    assert!(rows.is_sorted_by(|a, b| stamp(a) < stamp(b)));

    let (from, to) = (stamp(&rows[10]), stamp(&rows[12]));
    let (status, range) = meter.json("profile", &["1-0:99.1.0", "--from", &from, "--to", &to]);
    assert_eq!(status, Some(0), "{range}");
    assert_eq!(range["rows"].as_array().unwrap(), &rows[10..=12]);

    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("load.csv");
    let csv = meter.obiscope(
        "profile",
        &["1-0:99.1.0", "--last", "3", "--csv", file.to_str().unwrap()],
    );
    assert_eq!(csv.status.code(), Some(0), "{}", words(&csv));
    let text = std::fs::read_to_string(file).unwrap();
    assert_eq!(text.lines().count(), 4, "{text}");
    assert!(text.lines().nth(1).unwrap().starts_with("20"), "{text}");
}
