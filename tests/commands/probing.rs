//! `obiscope probe`, and the guard of secrets, against a simulated meter in a process of its own.

use super::desk::{Desk, Simulator};
use serde_json::Value;
use std::time::{Duration, Instant};

fn microstar() -> Simulator {
    Simulator::start(&["--profile", "microstar", "--seed", "4"])
}

#[test]
fn a_probe_finds_the_address_and_says_why_it_was_silent() {
    let (desk, meter) = (Desk::new(), microstar());
    let password = desk.file("password", b"22222222\n");
    desk.ok(&[
        "meter",
        "add",
        "a",
        "--host",
        &meter.address,
        "--client",
        "1",
        "--server",
        "1/1",
        "--address-size",
        "2",
        "--password-file",
        &password,
    ]);
    let began = Instant::now();
    let ended = desk.run(&["probe", "a", "--json", "--save"]);
    assert_eq!(ended.status, 0, "{}{}", ended.out, ended.err);
    assert!(
        began.elapsed() < Duration::from_secs(30),
        "{:?}",
        began.elapsed()
    );
    let json: Value = serde_json::from_str(&ended.out).unwrap();
    assert_eq!(json["steps"][0]["step"], "tcp");
    assert_eq!(json["working"]["hex"], "03");
    assert_eq!(json["working"]["client"], 1);
    assert_eq!(json["working"]["server"]["bytes"], 1);
    assert_eq!(json["findings"][0]["id"], "H1", "{json:#}");
    assert!(
        json["findings"][0]["remedy"]
            .as_array()
            .is_some_and(|it| !it.is_empty())
    );
    // What worked was kept, and works.
    assert_eq!(
        desk.json(&["meter", "show", "a", "--json"])["server"]["bytes"],
        1
    );
    let ended = desk.run(&["probe", "a"]);
    assert_eq!(ended.status, 0, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("an association stands"), "{}", ended.out);
}

#[test]
fn a_refused_password_is_not_shown_again_unasked() {
    let (desk, meter) = (Desk::new(), microstar());
    let wrong = desk.file("wrong", b"00000000\n");
    let right = desk.file("right", b"22222222\n");
    let trace = desk.folder().join("trace").to_str().unwrap().to_owned();
    let read = |password: &str, rest: &[&str]| {
        let line = [
            "read",
            &meter.address,
            "1-1:32.7.0",
            "--client",
            "1",
            "--password-file",
            password,
        ];
        desk.run(&[&line[..], rest].concat())
    };
    let ended = read(&wrong, &[]);
    assert_eq!(ended.status, 3, "{}", ended.err);
    assert!(
        ended.err.contains("authentication-failure"),
        "{}",
        ended.err
    );
    let ended = read(&wrong, &["--trace", &trace]);
    assert_eq!(ended.status, 3);
    for words in [
        "nothing was sent",
        "refused once",
        "last try",
        "lock",
        "--try-again",
    ] {
        assert!(ended.err.contains(words), "{words}: {}", ended.err);
    }
    assert!(
        !std::fs::read_to_string(&trace)
            .unwrap_or_default()
            .contains("\"tx\"")
    );
    let ended = read(&wrong, &["--try-again"]);
    assert!(
        ended.err.contains("authentication-failure"),
        "{}",
        ended.err
    );
    let ended = read(&wrong, &[]);
    assert!(ended.err.contains("refused 2 times"), "{}", ended.err);
    // Another password goes without a question. The wrong one stays wrong when the right one was found.
    assert_eq!(read(&right, &[]).status, 0);
    let ended = read(&wrong, &["--trace", &trace]);
    assert_eq!(ended.status, 3);
    for words in ["nothing was sent", "refused 2 times", "--try-again"] {
        assert!(ended.err.contains(words), "{words}: {}", ended.err);
    }
    assert!(
        !std::fs::read_to_string(&trace)
            .unwrap_or_default()
            .contains("\"tx\"")
    );
    // And the right one goes as before.
    assert_eq!(read(&right, &[]).status, 0);
}

#[test]
fn steps_are_shown_before_they_go() {
    let (desk, meter) = (Desk::new(), microstar());
    let password = desk.file("password", b"22222222\n");
    let line = [
        "probe",
        &meter.address,
        "--step",
        "--client",
        "1",
        "--password-file",
        &password,
    ];
    // Connect, drain, no DISC, SNRM, AARQ, GET, then a frame by hand that is not confirmed, then the end.
    let input = b"s\ns\nk\ns\ns\ns\nh 7EA0070303938C117E\nn\nx\n";
    let ended = desk.run_with(&line, input);
    assert_eq!(ended.status, 0, "{}{}", ended.out, ended.err);
    for words in [
        "SNRM",
        "UA",
        "AARQ",
        "AARE",
        "associated",
        "GET",
        "DISC",
        "send it as it is?",
    ] {
        assert!(ended.out.contains(words), "{words}: {}", ended.out);
    }
    assert!(
        !ended.out.contains("32 32 32 32 32 32 32 32"),
        "the password is stars"
    );
    assert!(
        ended.out.lines().all(|line| line.chars().count() < 80),
        "{}",
        ended.out
    );
    let ended = desk.run_with(&line, b"s\ne server=1/1 size=2\ns\nx\n");
    assert_eq!(ended.status, 3, "{}{}", ended.out, ended.err);
    assert!(ended.out.contains("02 03"), "{}", ended.out);
    // The end of the lines is the end of the session: it is released.
    let ended = desk.run_with(&line, b"s\nk\nk\ns\ns\n");
    assert_eq!(ended.status, 0, "{}{}", ended.out, ended.err);
    let (_, end) = ended.out.split_once("released:").unwrap();
    assert!(end.contains("RLRQ") && end.contains("DISC"), "{end}");
}

#[test]
fn a_ciphered_session_runs_on_to_its_end_explained_in_clear() {
    let (desk, meter) = (Desk::new(), Simulator::start(&["--profile", "generic"]));
    let keys = obiscope::dlms::security::Suite::Zero;
    let keys = obiscope::simulator::clients::client_keys(keys);
    let keys = desk.private_file("keys", keys.as_bytes());
    let line = [
        "probe",
        &meter.address,
        "--step",
        "--client",
        "64",
        "--server",
        "1/17",
        "--auth",
        "hls-gmac",
        "--security",
        "auth-enc",
        "--keys-file",
        &keys,
    ];
    let ended = desk.run_with(&line, b"r\n");
    assert_eq!(ended.status, 0, "{}{}", ended.out, ended.err);
    for words in ["HLS pass 3", "verified", "0-0:42.0.0", "RLRE", "+close"] {
        assert!(ended.out.contains(words), "{words}: {}", ended.out);
    }
    assert!(!ended.out.contains("NOT VERIFIED"), "{}", ended.out);
}

#[test]
fn a_step_that_is_refused_stops_and_says_why() {
    let fault = ["--profile", "generic", "--fault", "dm-to-snrm"];
    let (desk, meter) = (Desk::new(), Simulator::start(&fault));
    let line = ["probe", &meter.address, "--step", "--server", "1/17"];
    let ended = desk.run_with(&line, b"r\nx\n");
    assert_eq!(ended.status, 3, "{}{}", ended.out, ended.err);
    for words in ["!SNRM", "over: ", "H8"] {
        assert!(ended.out.contains(words), "{words}: {}", ended.out);
    }
}
