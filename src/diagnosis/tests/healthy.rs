//! Sessions between public implementations: nothing is wrong with them, and nothing is said.

use super::play::findings;
use std::fs;
use std::path::Path;

#[test]
fn a_healthy_session_has_no_finding() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/traces");
    let mut seen = 0;
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        // Requests that are wrong on purpose, and a wrong password.
        let sick = name.starts_with("neg_") || name.contains("badpw");
        if sick || !name.ends_with(".txt") || !["c_", "p_"].iter().any(|p| name.starts_with(p)) {
            continue;
        }
        seen += 1;
        for finding in findings(&fs::read_to_string(&path).unwrap()) {
            wrong.push(format!(
                "{name}: {} {} {:?}",
                finding.id, finding.title, finding.evidence
            ));
        }
    }
    assert!(seen >= 30, "{seen}");
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
