//! What the fuzz targets share. The rooms are compiled from their own files, without the rest of the house: the build
//! is short, and only what meets a meter's bytes is counted as covered.

#[path = "../../src/cosem/mod.rs"]
pub mod cosem;
#[path = "../../src/dlms/mod.rs"]
pub mod dlms;

mod meter;
mod script;

pub use meter::Meter;
pub use script::Script;

/// The most one input may make us hold at a time.
pub const MOST: u64 = 64 << 20;

/// Runs `work` and stops the fuzzer when it held more than [`MOST`] at once.
pub fn bounded<T>(work: impl FnOnce() -> T) -> T {
    let mut result = None;
    let held = allocation_counter::measure(|| result = Some(work())).bytes_max;
    assert!(held <= MOST, "{held} bytes were held at once");
    result.expect("it ran")
}
