//! Meters that answer, and a small broker: for the demo, for tests, for learning. Everything a simulated meter does comes
//! from its profile, its seed and the time it is told; nothing here reads a clock but `server`.

pub mod broker;
pub mod clients;
pub mod load;
pub mod meter;
pub mod objects;
pub mod profile;
pub mod push;
pub mod server;
