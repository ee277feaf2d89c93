//! Sessions between public implementations: nothing is wrong with them, and nothing is said.

use super::play::findings;
use std::fs;
use std::path::Path;

/// What these meters really do: two answer RLRQ with an exception; one agrees to short names, and then neither to READ
/// nor to RLRQ.
const TRUE: [(&str, &str); 5] = [
    ("c_hdlc_gxpy_gmac_glo_ded.txt", "A28"),
    ("c_wrap_u9n_gmac.txt", "A28"),
    ("c_sn_hdlc_gxc_none.txt", "A15"),
    ("c_sn_hdlc_gxc_none.txt", "X16"),
    ("c_sn_hdlc_gxc_none.txt", "A28"),
];

#[test]
fn a_healthy_session_has_no_finding() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/traces");
    let (mut seen, mut found) = (0, 0);
    let mut wrong = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        // Requests that are wrong on purpose, and a wrong password.
        let sick = name.starts_with("neg_") || name.contains("badpw");
        if sick || !name.contains(".txt") || !["c_", "p_"].iter().any(|p| name.starts_with(p)) {
            continue;
        }
        seen += 1;
        for finding in findings(&fs::read_to_string(&path).unwrap()) {
            if TRUE.contains(&(&name, finding.id)) {
                found += 1;
                continue;
            }
            wrong.push(format!(
                "{name}: {} {} {:?}",
                finding.id, finding.title, finding.evidence
            ));
        }
    }
    assert!(seen >= 30, "{seen}");
    assert_eq!(found, TRUE.len());
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}
