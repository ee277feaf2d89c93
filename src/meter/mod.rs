//! One meter, alive: one task owns one link. Everything else asks that owner.

pub mod advice;
pub mod attempts;
pub mod clock;
pub mod counters;
pub mod definition;
pub mod document;
pub mod drift;
pub mod evidence;
#[cfg(test)]
pub(crate) mod fake;
pub mod health;
pub mod identity;
pub mod image;
pub mod judge;
pub mod known_good;
mod locks;
pub mod objects;
pub mod poller;
pub mod probe;
pub mod randomness;
pub mod reading;
pub mod recovery;
pub mod scan;
pub mod session;
pub mod status;
pub mod tap;
pub mod transport;
mod veil;
pub use clock::Clock;
pub use definition::{Definition, MeterId, PolledObject};
pub use reading::{Poll, Reading, ReadingError};
pub use status::{Counters, MeterStatus, Phase, Rung, RungState};
