//! What is typed, what is shown, what is refused.

use super::*;
use std::collections::BTreeSet;

#[test]
fn each_row_parses_prints_and_is_named() {
    let mut seen = BTreeSet::new();
    for row in ROWS {
        let text = row.example.map_or_else(
            || row.name.to_owned(),
            |example| format!("{}={example}", row.name),
        );
        let parsed = fault(&text);
        assert_eq!(parsed.kind, row.kind, "{text}");
        assert_eq!(parsed.to_string(), text);
        assert_eq!(fault(&parsed.to_string()), parsed);
        assert_eq!(parsed.finding(), row.finding, "{text}");
        assert!(seen.insert(text), "{} twice", row.name);
        assert_eq!(
            row.form == Form::None,
            row.example.is_none(),
            "{}",
            row.name
        );
        assert!(
            row.name
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b == b'-'),
            "{}",
            row.name
        );
        let (group, number) = row.finding.split_at(1);
        assert!("TEHAX".contains(group) && number.parse::<u8>().is_ok());
        // One kind, one name, one form.
        let of_kind = ROWS.iter().filter(|other| other.kind == row.kind);
        assert!(
            of_kind
                .clone()
                .all(|other| other.name == row.name && other.form == row.form)
        );
        let of_name = ROWS.iter().filter(|other| other.name == row.name);
        assert_eq!(of_kind.count(), of_name.count());
        assert_eq!(Fault::of(row.kind).kind, row.kind);
    }
}

#[test]
fn arguments_in_other_words() {
    for (text, shown) in [
        ("late", "late=8s"),
        ("late=90s", "late=1m30s"),
        ("late=1m 30s", "late=1m30s"),
        ("locked=60s", "locked=1m/3"),
        ("locked=10m/5", "locked=10m/5"),
        ("bit-flips=0.5", "bit-flips=0.5"),
        ("bit-flips=1e-3", "bit-flips=0.001"),
        ("aare", "aare=1/13"),
        ("address-size=4", "address-size=4"),
    ] {
        assert_eq!(fault(text).to_string(), shown);
    }
    for (text, finding) in [
        ("aare=2/13", "A9"),
        ("aare=1/7", "A10"),
        ("aare-info=1/14", "A3"),
        ("exception=2/1", "X13"),
        ("access-result=17", "X10"),
        ("access-result=99", "X7"),
        ("rnr=9", "H21"),
    ] {
        assert_eq!(fault(text).finding(), finding, "{text}");
    }
}

#[test]
fn what_is_not_understood_is_refused_with_what_would_be() {
    for (text, words) in [
        ("adress-size=4", "did you mean address-size?"),
        ("frmr", "frmr-"),
        ("sillent", "silent"),
        ("one_behind", "one-behind"),
        ("", "--list-faults"),
        ("xyzzy", "--list-faults"),
        ("silent=3", "takes no argument"),
        ("late=", "late=8s"),
        ("late=0s", "a time"),
        ("late=99999y", "a time"),
        ("rnr=0", "from 1 to 1000"),
        ("rnr=-1", "from 1 to 1000"),
        ("max-info=31", "from 32 to 2030"),
        ("aare=1", "aare=1/13"),
        ("aare=1/256", "aare=1/13"),
        ("bit-flips=0", "up to 1"),
        ("bit-flips=NaN", "up to 1"),
        ("bit-flips=2", "up to 1"),
        ("locked=1m/0", "locked=1m/3"),
    ] {
        let error = text.parse::<Fault>().unwrap_err().to_string();
        assert!(error.contains(words), "{text}: {error}");
    }
    assert!("x".repeat(100_000).parse::<Fault>().is_err());
}

#[test]
fn the_last_of_a_kind_holds() {
    let profile = Profile::generic(1)
        .with_fault(fault("rnr=2"))
        .with_fault(fault("echo"))
        .with_fault(fault("rnr=5"));
    let shown: Vec<String> = profile.faults.iter().map(Fault::to_string).collect();
    assert_eq!(shown, ["echo", "rnr=5"]);
}
