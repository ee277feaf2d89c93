//! Meters that answer, and a small broker that can play a ThingsBoard: for the demo, for tests, for learning. Everything a simulated meter does comes
//! from its profile, its seed and the time it is told; nothing here reads a clock but `server` and `broker`. What goes wrong on purpose is
//! in `fault`, as layers around the meter.

pub mod broker;
pub mod clients;
pub mod fault;
pub mod load;
pub mod meter;
pub mod objects;
pub mod profile;
pub mod push;
pub mod server;
