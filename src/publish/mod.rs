//! MQTT: payload dialects, the outbox drain, one connection (one generation) at a time.
//!
//! The rule: the table is the truth. A row leaves it on PUBACK only; whatever a lost connection held
//! in memory is thrown away and sent again from the table. A receiver may see a message twice, never
//! not at all. "Delivered" means acknowledged by the broker.

mod calls;
mod connection;
mod device;
pub mod dialect;
pub mod drain;
mod findings;
mod generation;
mod given;
mod incoming;
mod limits;
mod line;
pub mod provision;
mod pump;
mod rate;
mod request;
mod status;
mod suspects;
mod takeover;
#[cfg(test)]
mod tests;
mod trail;
mod trial;
mod verdict;
mod window;
mod words;

pub use connection::{check_ca, check_pair};
pub use device::{DEVICE_TYPE, Device, DeviceObject};
pub use drain::{Control, PublisherHandle, Spawn};
pub use findings::QUEUE_FULL;
pub use given::{Dial, Ends, Said, Told};
pub use request::{INTERVAL, Request, is_named, refusal};
pub use status::{BrokerPhase, BrokerStatus, Cause, Happening, Latency, TREND};
pub use trail::{Delivered, Trail, Trails};
pub use trial::{Trial, publish_one, test_message, where_to_look};
