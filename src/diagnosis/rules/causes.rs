//! Which findings explain which: the one table of cause and consequence. The rule: a consequence is not listed beside a
//! cause that is at least as sure; what is surer than its cause stays, and is ranked.

/// A cause, and what a conversation shows because of it.
const CAUSES: &[(&str, &[&str])] = &[
    // Whoever is cut off, or meets another protocol, has not been ignored.
    ("T3", &["H1", "T19"]),
    (
        "T7",
        &[
            "X12", "X25", "H17", "H18", "H20", "H27", "H29", "H8", "H11", "H13", "A1", "A28", "H1",
            "T19", "T6",
        ],
    ),
    ("T8", &["T6", "T12", "T13", "H24", "H25", "H28"]),
    ("T9", &["H1", "T19"]),
    ("T14", &["H1", "T19", "T12", "T6", "X13", "A17"]),
    ("T15", &["H1", "T19", "A1"]),
    ("T16", &["H1", "T19", "T6", "T12", "T13", "H28", "A1"]),
    ("T17", &["H1", "T19", "T6", "T12", "T13", "H28", "A1"]),
    ("T18", &["H7", "H20", "H29"]),
    ("T20", &["H32", "X18", "X25"]),
    // Octets lost or changed on the way: frames are damaged, then missing, and every count is off.
    (
        "T11",
        &[
            "T6", "T12", "T13", "H24", "H25", "H27", "H28", "H17", "H18", "H20", "H13", "A1",
            "A28", "X11", "H1", "T19",
        ],
    ),
    (
        "T12",
        &["T6", "T13", "H24", "H25", "H28", "H13", "H1", "T19", "A1"],
    ),
    (
        "T13",
        &[
            "T6", "H24", "H25", "H28", "H17", "H18", "H20", "H13", "A1", "A28", "X11", "H1", "T19",
        ],
    ),
    ("H24", &["H13", "H17", "H18", "A1", "A28"]),
    ("H25", &["H13", "H17", "H18", "A1", "A28"]),
    (
        "H26",
        &["T13", "H24", "H25", "H13", "A1", "A28", "H1", "T19"],
    ),
    ("T6", &["H17", "H29"]),
    // The sign-on comes before everything.
    ("E1", &["T2", "H1", "T19", "A1"]),
    ("E2", &["T2", "T16", "H1", "T19", "A1"]),
    ("E3", &["T2", "T16", "H1", "T19", "A1"]),
    (
        "E4",
        &[
            "T6", "T12", "T13", "H24", "H25", "H28", "H1", "T19", "E5", "A1",
        ],
    ),
    ("E5", &["H1", "T19", "A1"]),
    // The link.
    ("H2", &["H1", "T19", "H3"]),
    ("H3", &["H1", "T19", "A1"]),
    ("H8", &["H1", "T19", "A1"]),
    // Somebody else's session was in the way.
    ("H10", &["A8", "A9", "A12", "A17"]),
    ("H11", &["H1", "A8", "A9", "A12", "A17"]),
    ("H17", &["H20"]),
    ("H18", &["H20"]),
    ("H20", &["H22"]),
    ("H21", &["H13", "H17", "H18", "H20", "A1"]),
    ("H22", &["H13"]),
    ("H28", &["H1", "T19"]),
    ("H30", &["H29"]),
    // The association, and silences that have a name of their own.
    ("A1", &["H13"]),
    ("A12", &["A30"]),
    ("A14", &["H13", "X11", "X14"]),
    ("A15", &["H13", "X11"]),
    ("A17", &["A30"]),
    ("A18", &["A8", "A9"]),
    ("A22", &["H13"]),
    (
        "A23",
        &["A22", "X1", "X6", "X7", "X13", "X16", "X26", "H13"],
    ),
    ("A26", &["A2"]),
    ("A28", &["H13"]),
    ("A29", &["A8", "A10"]),
    ("X10", &["X9", "X11"]),
    ("X11", &["H13"]),
];

/// What may stand behind `id`.
pub(in crate::diagnosis) fn behind(id: &str) -> impl Iterator<Item = &'static str> {
    CAUSES
        .iter()
        .filter(move |(_, consequences)| consequences.contains(&id))
        .map(|(cause, _)| *cause)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Two that explained each other would both be gone.
    #[test]
    fn no_cause_is_its_own_consequence() {
        fn reaches(from: &str, to: &str, depth: u32) -> bool {
            depth > 0
                && CAUSES
                    .iter()
                    .filter(|(cause, _)| *cause == from)
                    .any(|(_, consequences)| {
                        consequences
                            .iter()
                            .any(|it| *it == to || reaches(it, to, depth - 1))
                    })
        }
        for (cause, _) in CAUSES {
            assert!(!reaches(cause, cause, 6), "{cause}");
            assert_eq!(CAUSES.iter().filter(|(it, _)| it == cause).count(), 1);
        }
    }
}
