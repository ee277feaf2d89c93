//! What values show of a meter, and what is kept of refused secrets, as one saves, reads and edits a meter.

use super::desk::{Desk, Simulator};
use serde_json::Value;

const OBJECTS: [&str; 4] = ["--object", "1-1:32.7.0", "--object", "1-1:14.7.0"];

fn saved(desk: &Desk, password: &[u8], rest: &[&str]) -> Simulator {
    let meter = Simulator::start(&["--profile", "microstar", "--seed", "7"]);
    let password = desk.file("password", password);
    let line = ["meter", "add", "m", "--host", &meter.address];
    let how = ["--client", "1", "--password-file", &password];
    desk.ok(&[&line[..], &how, &OBJECTS, rest].concat());
    meter
}

#[test]
fn an_implausible_value_is_named_beside_the_values_and_not_among_them() {
    let desk = Desk::new();
    let _meter = saved(&desk, b"22222222\n", &["--nominal-voltage", "230"]);
    let ended = desk.run(&["read", "m", "--json"]);
    assert_eq!(ended.status, 0, "a doubtful value was read all the same");
    let array: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(array.as_array().unwrap().len(), 2);
    assert_eq!(array[0]["unit"], "V");
    for words in [
        "V1   The voltage is far from its nominal value (likely)",
        "seen  1-1:32.7.0.255 = ",
        "do    check the nominal voltage",
    ] {
        assert!(ended.err.contains(words), "{words}: {}", ended.err);
    }
    // Told once, however often it is read.
    let ended = desk.run(&["read", "m", "--every", "1ms", "--count", "5"]);
    assert_eq!(ended.err.matches("V1   ").count(), 1, "{}", ended.err);

    desk.ok(&["meter", "edit", "m", "--nominal-voltage", "131"]);
    let shown = desk.ok(&["meter", "show", "m"]);
    assert!(shown.contains("131 V"), "{shown}");
    desk.ok(&["read", "m"]);
}

#[test]
fn a_changed_password_resets_the_question_and_not_the_count() {
    let desk = Desk::new();
    let _meter = saved(&desk, b"00000000\n", &[]);
    let refused = desk.run(&["read", "m"]);
    assert_eq!(refused.status, 3);
    let asked = desk.run(&["read", "m"]);
    assert!(asked.err.contains("nothing was sent"), "{}", asked.err);
    assert!(asked.err.contains("in all once counted"), "{}", asked.err);

    // The same password saved again is no other.
    let change = |password: &str| {
        let line = ["meter", "edit", "m", "--password-env", "NEW_PASSWORD"];
        let mut command = desk.command(&line);
        let done = command.env("NEW_PASSWORD", password).output().unwrap();
        assert!(done.status.success());
    };
    change("00000000");
    let asked = desk.run(&["read", "m"]);
    assert!(asked.err.contains("nothing was sent"), "{}", asked.err);
    // Another goes without a question, and its refusal is counted on.
    change("99999999");
    let refused = desk.run(&["read", "m"]);
    assert!(
        refused.err.contains("authentication-failure"),
        "{}",
        refused.err
    );
    let asked = desk.run(&["read", "m"]);
    for words in ["2 in a row", "in all 2 times", "nothing is known"] {
        assert!(asked.err.contains(words), "{words}: {}", asked.err);
    }
    change("22222222");
    desk.ok(&["read", "m"]);
}
