//! What travels: bytes and `Instant`s in, bytes and events out. No I/O, no clock, and no panic on any input.
//!
//! From the wire up: [`hdlc`] cuts frames out of a stream and keeps one link in step, [`acse`] opens and closes an
//! association over it, [`xdlms`] asks and answers, [`association`] ties the three together as the client's one value,
//! and [`explain`] says of any bytes what they are. [`push`] listens to what meters send unasked. What must stay secret
//! lives in [`security`].
#![cfg_attr(
    not(test),
    deny(clippy::indexing_slicing, clippy::arithmetic_side_effects)
)]

pub mod acse;
pub mod association;
pub mod explain;
pub mod hdlc;
pub mod push;
pub mod security;
pub mod wrapper;
pub mod xdlms;
