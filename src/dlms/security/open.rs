//! One ciphered APDU into the plain one. The one rule: nothing is given out before its tag was right, unless asked for.
use super::cipher::Cipher;
use super::control::{Protection, SecurityControl};
use super::error::SecurityError;
use super::form::Form;
use super::general::Header;
use super::keys::Keys;
use super::suite::Suite;
use super::title::SystemTitle;

/// What is known and what is wanted when an APDU is opened.
#[derive(Clone, Copy, Debug)]
pub struct Opening<'a> {
    /// None: whichever the APDU says.
    pub suite: Option<Suite>,
    pub keys: &'a Keys,
    /// Who sealed it, where the APDU does not say so itself.
    pub peer_title: Option<SystemTitle>,
    /// Anything below is a replay.
    pub lowest_counter: Option<u32>,
    /// False: deciphered without a look at the tag, for who has no authentication key. The answer says so.
    pub verify: bool,
    /// Anything weaker is refused, so that nobody in between can talk the other side down.
    pub least: Option<Protection>,
}

impl<'a> Opening<'a> {
    /// Verified, any suite, any counter, title from the APDU.
    pub const fn new(keys: &'a Keys) -> Self {
        Self {
            suite: None,
            keys,
            peer_title: None,
            lowest_counter: None,
            verify: true,
            least: None,
        }
    }
}

/// A plain APDU and what was around it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Opened {
    pub plain: Vec<u8>,
    pub control: SecurityControl,
    pub counter: u32,
    /// Who sealed it: from the APDU, else who it was taken to be from.
    pub title: Option<SystemTitle>,
    pub form: Form,
    /// Whether a tag was there and right.
    pub verified: bool,
    /// What general-ciphering (DD) said besides; an answer in the same form repeats the transaction-id.
    pub header: Option<Header>,
}

/// Opens a glo-, ded-, general-glo, general-ded or general-ciphering APDU, all of `apdu`.
///
/// For many APDUs under the same keys prepare a [`Cipher`] once.
pub fn open(apdu: &[u8], with: &Opening<'_>) -> Result<Opened, SecurityError> {
    Cipher::for_opening(apdu, with)?.open(apdu, with.into())
}
