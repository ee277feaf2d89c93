//! What only we know: we count what was shown. The rule: said in the words and ids of the table of
//! diagnoses, and only where the bytes alone cannot say it.

use crate::diagnosis::{Book, Confidence, Diagnosis, Evidence, Finding};
use crate::meter::Definition;
use crate::meter::attempts::Record;
use crate::meter::session::SessionError;

static A26: Diagnosis = Diagnosis {
    id: "A26",
    title: "The right password may be refused too: a lock after wrong ones is running",
    specific: 7,
    remedy: &[
        "Send nothing for the time of the lock (often 1 to 15 minutes, with some until midnight), then try once.",
        "Each try within it may begin it anew; a lock that stays is lifted by power-down, keys or the supplier, as the maker says.",
    ],
};

/// Refused in a row before one more refusal may be a lock's.
const MANY: u32 = 2;

/// A refusal after others, as counted before this one.
pub(super) fn lock(before: &Record, meter: &Definition, error: &SessionError) -> Vec<Finding> {
    let SessionError::Association(failure) = error else {
        return Vec::new();
    };
    if !failure.is_authentication() || before.refused < MANY {
        return Vec::new();
    }
    let words = format!(
        "{} wrong ones in a row were counted for client {} before this one",
        before.refused,
        meter.client.sap()
    );
    named(&A26, Confidence::Likely, &words)
}

fn named(row: &'static Diagnosis, sure: Confidence, words: &str) -> Vec<Finding> {
    let mut book = Book::default();
    book.note(row, sure, || Evidence::words(words));
    book.ranked()
}
