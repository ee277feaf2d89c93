//! MQTT: payload dialects, the outbox drain, one connection (one generation) at a time.
//!
//! The rule: the table is the truth. A row leaves it on PUBACK only; whatever a lost connection held
//! in memory is thrown away and sent again from the table. A receiver may see a message twice, never
//! not at all. "Delivered" means acknowledged by the broker.

mod connection;
pub mod dialect;
pub mod drain;
mod generation;
mod rate;
#[cfg(test)]
mod tests;
mod window;
mod words;

pub use connection::check_ca;
pub use drain::{BrokerPhase, BrokerStatus, PublisherHandle};
