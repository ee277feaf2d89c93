//! Security suites 0, 1 and 2: keys, system titles, sealing and opening of ciphered APDUs, the HLS proofs.
//!
//! The one rule: no key, password or proof of this room can be printed; every refusal says its evidence instead.
//!
//! [`Cipher`] is prepared once per association and seals and opens APDU after APDU; [`seal`] and [`open`] are the same
//! for one APDU. [`hls`] holds the proofs of passes 3 and 4.
mod aad;
mod agreement;
mod cipher;
mod control;
pub mod curve;
mod envelope;
mod error;
mod form;
mod gcm;
mod general;
pub mod hls;
mod keys;
mod open;
mod seal;
mod secret;
pub mod signing;
mod suite;
mod title;
pub mod wrap;

pub use cipher::{Cipher, Incoming, Outgoing};
pub use control::{Protection, SecurityControl};
pub use error::SecurityError;
pub use form::Form;
pub use general::{Agreed, Header, Key, KeyInfo};
pub use keys::{KeyError, Keys};
pub use open::{Opened, Opening, open};
pub use seal::{Sealing, seal};
pub use secret::Secret;
pub use suite::Suite;
pub use title::{SystemTitle, TitleError};

/// What an association needs to speak and understand ciphered APDUs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Security {
    pub suite: Suite,
    /// None: the APDUs go in clear and the keys serve the HLS proof only.
    pub protection: Option<Protection>,
    pub form: Form,
    /// Our own; the other side's comes with its AARQ or AARE.
    pub title: SystemTitle,
    pub keys: Keys,
}

#[cfg(test)]
mod tests;
