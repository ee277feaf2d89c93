//! Every fault is named, first or tied first, with its evidence; a healthy session is left alone. The table is `tests/DIAGNOSES.md`.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at what it did not expect"
)]

mod faults;
mod healthy;
mod lines;
mod matrix;
mod polite;
mod publishing;
mod scenario;
mod simulated;
mod talk;
