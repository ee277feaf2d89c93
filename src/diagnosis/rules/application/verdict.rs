//! An AARE's verdict by name. The rule: the meter's own numbers decide; a table, no guesses.

use super::association_rows as rows;
use crate::diagnosis::{Confidence, Diagnosis};
use crate::dlms::acse::Diagnostic;
use crate::dlms::xdlms::ServiceError;
use std::ops::Range;

/// What a refusal is called, by result and diagnostic.
pub(super) fn refusal(
    result: u8,
    diagnostic: Diagnostic,
    error: Option<&ServiceError>,
) -> (&'static Diagnosis, Confidence) {
    use Confidence::{Certain, Likely};
    if error.is_some_and(|error| error.kind == 6) {
        return (&rows::A13, Certain);
    }
    match diagnostic {
        Diagnostic::User(2) => (&rows::A7, Certain),
        Diagnostic::User(3..=10) => (&rows::A10, Certain),
        Diagnostic::User(11) => (&rows::A5, Certain),
        Diagnostic::User(12) => (&rows::A6, Certain),
        Diagnostic::User(13) => (&rows::A2, Certain),
        Diagnostic::User(14) => (&rows::A3, Certain),
        Diagnostic::Provider(_) => (&rows::A11, Certain),
        _ if result == 2 => (&rows::A9, Certain),
        _ => (&rows::A8, Likely),
    }
}

/// Where result and diagnostic stand in an AARE.
pub(super) fn verdict_octets(apdu: &[u8]) -> Option<Range<usize>> {
    let start = apdu
        .windows(4)
        .position(|four| four == [0xA2, 0x03, 0x02, 0x01])?;
    let result_ends = start.checked_add(5)?;
    let end = match apdu.get(result_ends..) {
        Some([0xA3, length, ..]) => result_ends
            .saturating_add(2)
            .saturating_add(usize::from(*length)),
        _ => result_ends,
    };
    Some(start..end.min(apdu.len()))
}
