//! Result codes by name: what each data-access-result and exception is called. The rule: a row a code.

use super::association_rows as associations;
use super::service_rows as rows;
use crate::diagnosis::Diagnosis;

/// Of GET, SET and ACTION alike; success is no result to name.
pub(super) fn of_access(result: u8) -> &'static Diagnosis {
    match result {
        3 => &rows::X1,
        4 => &rows::X2,
        9 => &rows::X3,
        11 => &rows::X4,
        12 => &rows::X5,
        13 => &rows::X6,
        14 => &rows::X8,
        15 | 16 => &rows::X9,
        17..=19 => &rows::X10,
        // 1 hardware-fault, 2 temporary-failure, 250 other-reason, and what no table names.
        _ => &rows::X7,
    }
}

/// Of an exception-response: its state and service error.
pub(super) fn of_exception(state: u8, service: u8) -> &'static Diagnosis {
    match (state, service) {
        (_, 6) => &associations::A21,
        (_, 5) => &associations::A22,
        (_, 4) => &rows::X14,
        (2, _) | (_, 2) => &rows::X13,
        _ => &rows::X26,
    }
}
