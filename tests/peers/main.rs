//! Meters, clients and a broker written by others, each a process of its own on a free loopback port.
//!
//! Runs with `cargo test --features peers --test peers`. A missing peer is a failure that says how to
//! install it, never a silent skip.
#![cfg(feature = "peers")]
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test may stop at what it did not expect"
)]

mod bridge;
mod broker;
mod gurux_meter;
mod interop;
mod platform;
mod process;
mod table;
mod thingsboard;
mod thingsboard_asks;
