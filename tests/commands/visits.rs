//! The commands that write, and what is kept between visits, against a simulated meter in a process of its own.

use super::desk::{Desk, Simulator};
use serde_json::Value;

fn start() -> Simulator {
    Simulator::start(&["--profile", "generic", "--seed", "7"])
}

#[test]
fn an_image_is_sent_verified_and_activated_only_when_told_to() {
    let desk = Desk::new();
    let meter = start();
    let password = desk.file("password", b"12345678\n");
    let login = ["--client", "1", "--password-file", &password];
    let with = |rest: &[&str]| -> Vec<String> {
        let line = [&["image", &meter.address], rest, &login].concat();
        line.iter().map(|word| (*word).to_owned()).collect()
    };
    let run = |rest: &[&str]| {
        let line = with(rest);
        let line: Vec<_> = line.iter().map(String::as_str).collect();
        desk.run(&line)
    };
    let image: Vec<u8> = (0..5000_u32).map(|n| (n % 251) as u8).collect();
    let file = desk.file("fw-2.bin", &image);
    let empty = desk.file("empty.bin", b"");

    // Nothing is sent unasked, and nothing of a file that is none.
    let ended = run(&[&file]);
    assert_eq!(ended.status, 2, "{}", ended.err);
    assert!(ended.err.contains("say --yes"), "{}", ended.err);
    assert!(ended.err.contains("10 blocks of 512"), "{}", ended.err);
    let ended = run(&[&empty, "--yes"]);
    assert_eq!(ended.status, 2);
    assert!(ended.err.contains("the image is empty"), "{}", ended.err);
    let ended = run(&["/nowhere.bin", "--yes"]);
    assert_eq!(ended.status, 2);
    let ended = run(&[&file, "--yes", "--resume"]);
    assert_eq!(ended.status, 3);
    assert!(ended.err.contains("nothing to go on with"), "{}", ended.err);

    let ended = run(&[&file, "--yes", "--json"]);
    assert_eq!(ended.status, 0, "{}", ended.err);
    let json: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(
        (&json["blocks"], &json["sent"]),
        (&Value::from(10), &Value::from(10))
    );
    assert_eq!(json["before"]["status"]["code"], 0);
    assert_eq!(json["after"]["status"]["code"], 3);
    assert_eq!(
        json["after"]["to_activate"][0]["identification"],
        "fw-2.bin"
    );
    assert_eq!(json["activated"], false);

    let ended = run(&[&file, "--yes", "--resume", "--activate"]);
    assert_eq!(ended.status, 0, "{}", ended.err);
    assert!(
        ended.out.contains("activation successful (6)"),
        "{}",
        ended.out
    );

    let ended = run(&[&file, "--yes", "--identifier", "corrupt"]);
    assert_eq!(ended.status, 3);
    assert!(ended.err.contains("verification failed"), "{}", ended.err);
}

#[test]
fn the_object_list_of_a_saved_meter_is_kept_until_its_firmware_changes() {
    let desk = Desk::new();
    let meter = start();
    let password = desk.file("password", b"12345678\n");
    desk.ok(&[
        "meter",
        "add",
        "m",
        "--host",
        &meter.address,
        "--client",
        "1",
        "--password-file",
        &password,
    ]);
    let first = desk.ok(&["browse", "m"]);
    assert!(first.contains("object(s), from the meter"), "{first}");
    let second = desk.run(&["browse", "m"]);
    assert!(
        second.out.contains("object(s), from the cache"),
        "{}",
        second.out
    );
    assert!(second.err.contains("--refresh"), "{}", second.err);
    let lines = |text: &str| text.lines().count();
    assert_eq!(lines(&second.out), lines(&first));
    assert!(
        desk.ok(&["browse", "m", "--refresh"])
            .contains("from the meter")
    );
    // Another client is shown another list.
    let public = desk.ok(&["browse", "m", "--client", "16", "--auth", "none"]);
    assert!(public.contains("from the meter"), "{public}");
    // The class of the relay is known from the list.
    let read = desk.ok(&["read", "m", "0-0:96.3.10", "--json"]);
    let read: Value = serde_json::from_str(&read).unwrap();
    assert_eq!(read[0]["class"], 70);

    let file = desk.file("fw-3.bin", &[7; 100]);
    desk.ok(&["image", "m", &file, "--yes", "--activate"]);
    let said = desk.run(&["identify", "m"]);
    assert!(
        said.err.contains("object list kept of that one is gone"),
        "{}",
        said.err
    );
    assert!(desk.ok(&["browse", "m"]).contains("from the meter"));
}

#[test]
fn set_and_call_refuse_before_anything_is_sent() {
    let desk = Desk::new();
    let meter = start();
    let password = desk.file("password", b"12345678\n");
    let at = meter.address.as_str();
    let login = ["--client", "1", "--password-file", &password];
    let refused = |line: &[&str], words: &str| {
        let line = [line, &login].concat();
        desk.refused(2, &line, words)
    };
    refused(&["set", at, "1/0-0:96.1.9/2", "unsigned:x", "--yes"], "");
    refused(&["set", at, "8/0-0:1.0.0/3", "70000", "--yes"], "");
    refused(&["set", at, "1/0-0:96.1.9/2", "new"], "say --yes");
    refused(
        &["set", at, "1-0:32.7.0", "1", "--yes"],
        "CLASS/OBIS/ATTRIBUTE",
    );
    refused(&["call", at, "70/0-0:96.3.10/1", "integer:x", "--yes"], "");
    refused(&["call", at, "70/0-0:96.3.10/1"], "say --yes");
    refused(&["call", at, "0-0:96.3.10", "--yes"], "CLASS/OBIS/METHOD");

    let trace = desk.folder().join("trace.jsonl");
    let trace = trace.to_str().unwrap();
    let secret = desk.file("secret", b"octet-string:68756E746572323268756E7465723232");
    let line = [
        &[
            "call",
            at,
            "15/0-0:40.0.0/2",
            "--value-file",
            &secret,
            "--yes",
            "--trace",
            trace,
        ],
        &login[..],
    ]
    .concat();
    let ended = desk.run(&line);
    let text = std::fs::read_to_string(trace).unwrap();
    assert!(
        text.contains("C301"),
        "the call is in the trace: {} {text}",
        ended.err
    );
    assert!(!text.contains("68756E746572"), "and its secret is not");
    assert!(!ended.err.contains("68756E74") && !ended.out.contains("68756E74"));

    let line = [
        &["call", at, "70/0-0:96.3.10/1", "--yes", "--json"],
        &login[..],
    ]
    .concat();
    let called: Value = desk.json(&line);
    assert_eq!(called["name"], "remote_disconnect");
    let line = [
        &["set", at, "1/0-0:96.1.9/2", "new", "--yes", "--json"],
        &login[..],
    ]
    .concat();
    let set: Value = desk.json(&line);
    assert_eq!(set["sent"], set["after"]);
}

#[test]
fn by_short_names_the_commands_say_what_they_say_by_logical_names() {
    let desk = Desk::new();
    let meter = start();
    let password = desk.file("password", b"12345678\n");
    let run = |naming: &str, words: &[&str]| {
        let login = [
            "--client",
            "1",
            "--password-file",
            &password,
            "--naming",
            naming,
        ];
        let line = [&words[..1], &[&meter.address[..]], &words[1..], &login].concat();
        let ended = desk.run(&line);
        assert_eq!(ended.status, 0, "{words:?} {naming}: {}", ended.err);
        ended.out
    };
    let json = |naming: &str, words: &[&str]| -> Value {
        serde_json::from_str(&run(naming, words)).unwrap()
    };
    let note = "1/0-0:96.1.9/2";
    let set = json("sn", &["set", note, "by short names", "--yes", "--json"]);
    assert_eq!(set["sent"], set["after"]);
    for words in [
        &["read", note, "--json"][..],
        &["profile", "1-0:99.1.0", "--last", "3", "--json"],
    ] {
        let [ln, sn] = ["ln", "sn"].map(|naming| {
            let mut said = json(naming, words);
            if let Some(reading) = said.get_mut(0) {
                reading["at"] = Value::Null;
            }
            said
        });
        assert_eq!(ln, sn, "{words:?}");
    }
    let reading = json("sn", &["read", "1-0:32.7.0", "--json"]);
    assert_eq!(reading[0]["unit"], "V");
    let names = |naming| -> Vec<String> {
        let objects = json(naming, &["browse", "--json"]);
        let of = |object: &Value| format!("{}/{}", object["class"], object["obis"]);
        objects.as_array().unwrap().iter().map(of).collect()
    };
    let short = names("sn");
    assert!(short.len() > 20);
    let long = names("ln");
    // Each has an association of its own class, 15 or 12; all else is the same meter.
    let missing: Vec<_> = short.iter().filter(|it| !long.contains(it)).collect();
    assert!(
        missing.iter().all(|it| it.starts_with("12/")),
        "{missing:?}"
    );
}

#[test]
fn a_secret_is_no_argument() {
    let desk = Desk::new();
    let meter = start();
    let password = desk.file("password", b"12345678\n");
    let value = desk.file("value", b"from a file\n");
    let login = ["--client", "1", "--password-file", &password];
    let run = |words: &[&str]| {
        let line = [&words[..1], &[&meter.address[..]], &words[1..], &login].concat();
        desk.run(&line)
    };
    let note = "1/0-0:96.1.9/2";
    let set = run(&["set", note, "--value-file", &value, "--yes"]);
    assert_eq!(set.status, 0, "{}", set.err);
    assert!(set.out.contains("from a file"), "{}", set.out);
    for (words, why) in [
        (
            &["set", "15/0-0:40.0.0/7", "hunter22", "--yes"][..],
            "--value-file",
        ),
        (
            &["call", "64/0-0:43.0.0/2", "null", "--yes"],
            "--value-file",
        ),
        (&["set", note, "--yes"], "say what to write"),
        (
            &["set", note, "text", "--value-file", &value],
            "one of them",
        ),
        (
            &["set", note, "--value-env", "OBISCOPE_NOT_THERE"],
            "not set",
        ),
    ] {
        let ended = run(words);
        assert_eq!(ended.status, 2, "{words:?}: {}", ended.err);
        assert!(ended.err.contains(why), "{words:?}: {}", ended.err);
    }
}
