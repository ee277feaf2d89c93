//! One plain APDU into its ciphered form. The one rule: the caller says the counter, and never the same twice.
use super::cipher::{Cipher, Outgoing};
use super::control::Protection;
use super::error::SecurityError;
use super::form::Form;
use super::keys::Keys;
use super::suite::Suite;
use super::title::SystemTitle;

/// How one APDU is sealed.
#[derive(Clone, Copy, Debug)]
pub struct Sealing<'a> {
    pub suite: Suite,
    pub protection: Protection,
    pub form: Form,
    /// Our own.
    pub title: SystemTitle,
    pub keys: &'a Keys,
    /// Never used before with this key.
    pub counter: u32,
}

/// Adds the ciphered APDU to `out`; the tag is chosen by the plain one's. On an error `out` is as it was.
///
/// For many APDUs under the same keys prepare a [`Cipher`] once.
pub fn seal(plain: &[u8], how: &Sealing<'_>, out: &mut Vec<u8>) -> Result<(), SecurityError> {
    let outgoing = Outgoing {
        protection: how.protection,
        form: how.form,
        title: how.title,
        counter: how.counter,
    };
    Cipher::new(how.suite, how.keys)?.seal(plain, outgoing, out)
}
