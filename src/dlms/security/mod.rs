//! What must stay secret, as a type: no value of this room can be printed or serialised, and each is wiped when it goes.
pub mod secret;
pub use secret::Secret;
