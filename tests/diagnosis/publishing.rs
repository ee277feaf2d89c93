//! The publishing rows: each finding about a broker, what brings it about, and the tests that name it, in
//! `tests/DIAGNOSES.md`. A row without a test that says its number, or a finding without a row, fails.

use crate::matrix::hold;
use std::fmt::Write;

/// Number, what is done, and the test over a real connection; the one from evidence alone is found by its name.
const ROWS: [(&str, &str, &str, &str); 8] = [
    (
        "P1",
        "another client comes with the same token, is pushed out and comes back",
        "platform",
        "a_twin_is_named_and_not_fought",
    ),
    (
        "P2",
        "CONNACK 4 or 5 (MQTT 5: 0x86, 0x87)",
        "named",
        "a_token_that_is_refused",
    ),
    (
        "P3",
        "no PUBACK for `v1/gateway/…`, and the connection stays",
        "platform",
        "a_token_that_is_no_gateway_is_named",
    ),
    (
        "P4",
        "PUBACK 0x97, or messages wait for the platform's own limits",
        "named",
        "more_than_the_platform_takes",
    ),
    (
        "P5",
        "nobody there, and rows, bytes or age come near their limit and beyond it",
        "named",
        "a_queue_that_is_full",
    ),
    (
        "P6",
        "as many under way as may be for ten seconds, and more behind",
        "named",
        "acknowledgements_that_are_too_slow",
    ),
    (
        "P7",
        "a template without a time",
        "named",
        "a_template_that_says_no_time",
    ),
    (
        "P8",
        "PUBACK 0x99: a message is set aside",
        "named",
        "messages_that_were_given_up_on",
    ),
];

fn source(path: &str) -> String {
    let path = format!("{}/src/publish/{path}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// From the line that begins it to the bracket that ends it.
fn function<'a>(text: &'a str, name: &str) -> &'a str {
    let start = text.find(&format!("fn {name}("));
    let start = start.unwrap_or_else(|| panic!("there is no test {name}"));
    let rest = &text[start..];
    &rest[..rest.find("\n}\n").unwrap()]
}

fn titles() -> Vec<(String, String)> {
    let text = source("findings.rs");
    let between = |line: &str, key: &str| {
        let line = line.trim().strip_prefix(key)?.strip_suffix("\",")?;
        Some(line.replace("\\\"", "\""))
    };
    let ids = text.lines().filter_map(|line| {
        // An id that others name, too, is a constant.
        let named = line.trim().strip_prefix("id: ")?.strip_suffix(',')?;
        between(line, "id: \"").or_else(|| {
            let start = format!("pub const {named}: &str = \"");
            let line = text.lines().find(|line| line.starts_with(&start))?;
            Some(line.strip_prefix(&start)?.strip_suffix("\";")?.to_owned())
        })
    });
    let titles = text.lines().filter_map(|line| between(line, "title: \""));
    ids.zip(titles).collect()
}

#[test]
fn every_finding_about_a_broker_is_named_by_tests() {
    let titles = titles();
    let numbers: Vec<&str> = titles.iter().map(|(id, _)| id.as_str()).collect();
    assert_eq!(numbers, ROWS.map(|(id, ..)| id));
    let alone = source("findings/tests.rs");
    let mut table = String::from(
        "| number | title | what is done | from evidence alone | over a connection |\n|---|---|---|---|---|\n",
    );
    for ((id, title), (_, done, file, test)) in titles.iter().zip(ROWS) {
        let number = format!("\"{id}\"");
        let wanted = format!("_{}", id.to_lowercase());
        let unit = (alone.split("#[test]\nfn ").skip(1))
            .filter_map(|text| text.split('(').next())
            .find(|name| name.split("_before").next().unwrap().ends_with(&wanted))
            .unwrap_or_else(|| panic!("no test of {id} alone"));
        assert!(function(&alone, unit).contains(&number), "{unit}: {id}");
        let text = source(&format!("tests/{file}.rs"));
        assert!(function(&text, test).contains(&number), "{test}: {id}");
        let _ = writeln!(
            table,
            "| {id} | {title} | {done} | {unit} | {file}::{test} |"
        );
    }
    hold("publishing", &table);
}
