//! What meters push unasked: bytes and `Instant`s in, whole APDUs and notes out; then the APDU opened and read.
//! The rule: the input is nobody's promise. Any bytes give at most a note, memory is bounded, nothing is ever sent.
//!
//! [`Stream`] listens to one line or peer: it recognises the framing (HDLC, M-Bus, wrapper, none), joins segments and
//! general blocks, and tells what it could not use. [`Reader`] serves all of them: it opens with keys, remembers
//! invocation counters, and turns an APDU into values with names and units.

mod assemble;
mod blocks;
mod body;
mod cutter;
pub mod mbus;
mod measure;
mod notification;
mod open;
mod patterns;
mod read;
mod stream;
mod telegram;
#[cfg(test)]
mod tests;

pub use body::{Source, Value};
pub use notification::{Notification, Service};
pub use open::{Guard, Sealed};
pub use read::{Pushed, Reader, Replay};
pub use stream::{Apdu, Counts, Event, Framing, Note, PATIENCE, Stream};
