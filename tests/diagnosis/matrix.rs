//! The confusion matrix: what was done against what was found, in `tests/DIAGNOSES.md` and on `cargo test`'s output.
use crate::faults::cases;
use crate::healthy::{TROUBLED, sessions};
use crate::talk::{findings, recorded};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Mutex, PoisonError};

/// `H2` before `H10`.
fn order(id: &str) -> (String, u32) {
    let (letters, digits): (String, String) = id.chars().partition(char::is_ascii_alphabetic);
    (letters, digits.parse().unwrap_or(0))
}

type Row = BTreeMap<(String, u32), (String, u32)>;

fn count(row: &mut Row, id: &str) {
    row.entry(order(id)).or_insert_with(|| (id.to_owned(), 0)).1 += 1;
}

fn table() -> String {
    let mut rows: BTreeMap<(String, u32), (String, String, Row, Row)> = BTreeMap::new();
    let (mut total, mut first_right) = (0, 0);
    for case in cases() {
        let found = findings(&case.acts);
        let title = found
            .iter()
            .find(|f| f.id == case.finding)
            .map_or_else(String::new, |f| f.title.clone());
        let (_, _, first, beside) = rows
            .entry(order(case.finding))
            .or_insert_with(|| (case.finding.to_owned(), title, Row::new(), Row::new()));
        total += 1;
        for (rank, finding) in found.iter().enumerate() {
            count(if rank == 0 { first } else { beside }, finding.id);
        }
        if found.is_empty() {
            count(first, "nothing");
        }
        first_right += u32::from(found.first().is_some_and(|f| f.id == case.finding));
    }
    let healthy = sessions();
    let false_findings: usize = healthy
        .iter()
        .map(|name| findings(&recorded(name)).len())
        .sum();
    let mut out = String::new();
    let _ = writeln!(
        out,
        "{first_right} of {total} faults are named first; {} healthy recorded sessions have {false_findings} findings.\n",
        healthy.len()
    );
    out.push_str("| done | title | named first | listed below it |\n|---|---|---|---|\n");
    let list = |row: &Row| {
        let cells: Vec<String> = row.values().map(|(id, n)| format!("{id} ×{n}")).collect();
        cells.join(", ")
    };
    for (id, title, first, beside) in rows.values() {
        let _ = writeln!(
            out,
            "| {id} | {title} | {} | {} |",
            list(first),
            list(beside)
        );
    }
    out.push_str("\nRecorded sessions with a trouble of their own:\n\n| session | named first |\n|---|---|\n");
    for (name, id) in TROUBLED {
        let _ = writeln!(out, "| {name} | {id} |");
    }
    out
}

/// Two tests write into one document.
static DOCUMENT: Mutex<()> = Mutex::new(());

/// The part of the document between these marks is `table`; `UPDATE_README=1` makes it so.
pub fn hold(mark: &str, table: &str) {
    let _alone = DOCUMENT.lock().unwrap_or_else(PoisonError::into_inner);
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/DIAGNOSES.md");
    let document = std::fs::read_to_string(path).unwrap();
    let (begin, end) = (format!("<!-- {mark} -->\n"), format!("<!-- /{mark} -->"));
    let (before, rest) = document.split_once(&begin).unwrap();
    let (listed, after) = rest.split_once(&end).unwrap();
    if listed != table {
        if std::env::var_os("UPDATE_README").is_some() {
            std::fs::write(path, format!("{before}{begin}{table}{end}{after}")).unwrap();
            return;
        }
        assert_eq!(
            listed, table,
            "run UPDATE_README=1 cargo test --test diagnosis"
        );
    }
}

#[test]
fn the_matrix_is_as_the_document_says() {
    let table = table();
    println!("{table}");
    hold("matrix", &table);
}
