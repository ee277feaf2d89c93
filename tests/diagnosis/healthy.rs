//! Recorded sessions in which nothing went wrong: no finding. The few with a known trouble: that one and no other.
use crate::talk::{findings, recorded};
use std::path::Path;

/// Sessions that do hold a trouble, and its name.
pub const TROUBLED: [(&str, &str); 4] = [
    ("c_hdlc_gxpy_low_badpw.txt", "A2"),
    ("c_hdlc_gxpy_gmac_glo_ded.txt", "A28"),
    ("c_wrap_u9n_gmac.txt", "A28"),
    ("c_sn_hdlc_gxc_none.txt", "A15"),
];

/// Sessions between sound sides.
pub fn sessions() -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/traces");
    let mut names: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| {
            let troubled = TROUBLED.iter().any(|(trouble, _)| trouble == name);
            // A push without a question is its own matter; `neg_` are faults throughout.
            name.contains(".txt") && !name.starts_with("neg_") && !troubled
        })
        .collect();
    names.sort();
    names
}

#[test]
fn a_healthy_session_has_no_finding() {
    let mut found = Vec::new();
    for name in sessions() {
        for finding in findings(&recorded(&name)) {
            found.push(format!("{name}: {finding:?}"));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
}

#[test]
fn a_troubled_one_has_its_own() {
    for (name, due) in TROUBLED {
        let found = findings(&recorded(name));
        let first = found.first().map(|finding| finding.id);
        assert_eq!(first, Some(due), "{name}: {found:?}");
    }
}
