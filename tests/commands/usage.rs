//! Wrong usage, and the help that keeps from it.

use super::desk::Desk;

/// What a clumsy hand types, and what it is told: always status 2, always with what would be right.
#[test]
#[expect(clippy::too_many_lines, reason = "a table")]
fn wrong_usage_is_told_with_an_example() {
    let desk = Desk::new();
    desk.ok(&["meter", "add", "a", "--host", "h:1"]);
    let long = "x".repeat(101);
    let add = |option: &'static str, value: &'static str| {
        vec!["meter", "add", "b", "--host", "h:1", option, value]
    };
    let broker = |url: &'static str| vec!["broker", "add", "b", "--dialect", "json", "--url", url];
    for (line, words) in [
        (vec!["frobnicate"], "frobnicate"),
        (vec![], "needs a terminal"),
        (vec!["meter", "add", "b"], "--host <HOST:PORT|DEVICE>"),
        (
            vec!["meter", "add", "b", "--host", "10.0.4.7"],
            "192.168.1.127:3333",
        ),
        (
            vec!["meter", "add", "b", "--host", "::1:3333"],
            "[fe80::1]:4059",
        ),
        (vec!["meter", "add", "b", "--host", "h:99999"], "HOST:PORT"),
        (vec!["meter", "add", "", "--host", "h:1"], "feeder-7"),
        (
            vec!["meter", "add", "a\u{1b}[31m", "--host", "h:1"],
            "control characters",
        ),
        (
            vec!["meter", "add", &long, "--host", "h:1"],
            "longer than 100",
        ),
        (
            vec!["meter", "add", "h:1", "--host", "h:1"],
            "looks like HOST:PORT",
        ),
        (
            vec!["meter", "add", "a", "--host", "h:1"],
            "already a meter named \"a\"",
        ),
        (add("--client", "128"), "0 to 127, for example 16"),
        (add("--client", "x"), "0 to 127, for example 16"),
        (add("--server", "1/"), "1/17"),
        (add("--address-size", "3"), "1, 2 or 4"),
        (
            add("--auth", "lls"),
            "--password-env VAR or --password-file FILE",
        ),
        (
            add("--auth", "hls-gmac"),
            "--keys-file FILE or --keys-env VAR",
        ),
        (add("--transport", "serial"), "\"h:1\" is no serial device"),
        (add("--security", "auth-enc"), "need keys"),
        (add("--ciphering", "general"), "say --security auth, enc"),
        (add("--system-title", "00"), "8 octets, this one 1"),
        (add("--keys-file", "/no/such"), "/no/such cannot be read"),
        (
            add("--password-env", "OBISCOPE_NO_SUCH"),
            "OBISCOPE_NO_SUCH is not set",
        ),
        (
            add("--password-file", "/no/such"),
            "/no/such cannot be read",
        ),
        (add("--password-file", "/"), "cannot be read"),
        (add("--password-file", "/dev/null"), "it is empty"),
        (add("--password-file", "/dev/zero"), "longer than"),
        (add("--timeout", "7"), "write 7s, 500ms or 3m"),
        (add("--timeout", "0s"), "100ms to 60s"),
        (add("--poll", "soon"), "write 7s, 500ms or 3m"),
        (add("--window", "9"), "from 1 to 7"),
        (add("--max-info", "70000"), "from 32 to 2030"),
        (add("--retries", "300"), "from 0 to 10"),
        (add("--object", "voltage"), "Write 1-1:32.7.0"),
        (add("--object", "1-1:32.7.0="), "such as voltage_l1"),
        (add("--publish", "gone"), "no broker named \"gone\""),
        (add("--preset", "acme"), "there is microstar"),
        (vec!["meter", "show", "z"], "`obiscope meter list`"),
        (
            vec!["meter", "edit", "z", "--poll", "9s"],
            "no meter named \"z\"",
        ),
        (
            vec!["meter", "import", "/no/such"],
            "/no/such cannot be read",
        ),
        (vec!["meter", "import", "/dev/zero"], "/dev/zero"),
        (
            vec![
                "broker",
                "add",
                &long,
                "--url",
                "mqtt://h",
                "--dialect",
                "json",
            ],
            "1 to 100 printable",
        ),
        (broker("10.0.0.1"), "mqtt://192.168.1.10:1883"),
        (broker("http://h"), "not mqtt or mqtts"),
        (broker("mqtt://h:0"), "1 to 65535"),
        (broker("mqtt://u:hunter2@h:0"), "1 to 65535"),
        (
            vec![
                "broker",
                "add",
                "b",
                "--url",
                "mqtt://h",
                "--dialect",
                "xml",
            ],
            "write one of json, thingsboard",
        ),
        (
            vec![
                "broker",
                "add",
                "b",
                "--url",
                "mqtts://h",
                "--dialect",
                "json",
                "--ca",
                "/no/such",
            ],
            "/no/such",
        ),
        (vec!["broker", "test", "z"], "no broker named \"z\""),
        (vec!["read", "nobody", "1-1:32.7.0"], "10.0.4.7:4059"),
        (vec!["read", "127.0.0.1", "1-1:32.7.0"], "nor HOST:PORT"),
        (vec!["read", "127.0.0.1:1"], "say what to read"),
        (vec!["read", "127.0.0.1:1", "voltage"], "Write 1-1:32.7.0"),
        (
            vec!["read", "127.0.0.1:1", "1-1:32.7.0", "--count", "2"],
            "--every <TIME>",
        ),
        (
            vec![
                "read",
                "127.0.0.1:1",
                "1-1:32.7.0",
                "--every",
                "1s",
                "--count",
                "0",
            ],
            "--count",
        ),
        (
            vec!["read", "127.0.0.1:1", "1-1:32.7.0", "--trace", "/no/such/t"],
            "--trace /no/such/t",
        ),
        (vec!["decode", "xyz"], "7E A0 07 03 03 93 8C 11 7E"),
        (vec!["decode", "7"], "a byte has two"),
        (vec!["decode", ""], "no bytes"),
        (vec!["decode", "/"], "cannot be read"),
        (vec!["decode", "/dev/zero"], "more than 64 MiB"),
        (
            vec!["simulate", "--listen", "localhost"],
            "127.0.0.1:0 or [::1]:4059",
        ),
        (
            vec!["simulate", "--listen", "0.0.0.0:0"],
            "127.0.0.1 or [::1]",
        ),
        (
            vec![
                "simulate",
                "--listen",
                "127.0.0.1:65000",
                "--meters",
                "1000",
            ],
            "port 0",
        ),
    ] {
        desk.refused(2, &line, words);
    }
    assert_eq!(
        desk.json(&["meter", "list", "--json"])
            .as_array()
            .unwrap()
            .len(),
        1
    );
    assert_eq!(desk.ok(&["broker", "list", "--json"]), "[]\n");
}

#[test]
fn help_is_there_for_everything_and_fits_eighty_columns() {
    let desk = Desk::new();
    for line in [
        "",
        "demo",
        "meter",
        "meter add",
        "meter list",
        "meter show",
        "meter edit",
        "meter remove",
        "meter import",
        "meter export",
        "broker",
        "broker add",
        "broker list",
        "broker show",
        "broker edit",
        "broker remove",
        "broker test",
        "read",
        "decode",
        "simulate",
    ] {
        let line: Vec<_> = line.split_whitespace().chain(["--help"]).collect();
        let help = desk.ok(&line);
        assert!(help.contains("Usage: obiscope"), "{line:?}");
        for text in help.lines() {
            assert!(text.chars().count() <= 80, "{line:?}: {text}");
        }
        // Every argument and option says what it is for.
        let all: Vec<_> = help.lines().collect();
        for (number, text) in all.iter().enumerate() {
            let trimmed = text.trim();
            if trimmed.starts_with('-') || trimmed.starts_with('<') {
                let alone = !trimmed.contains("  ");
                let next = all
                    .get(number + 1)
                    .is_some_and(|next| next.starts_with("        "));
                assert!(!alone || next, "{line:?}: {text} says nothing");
            }
        }
    }
    assert!(desk.ok(&["--version"]).starts_with("obiscope "));
}
