//! Opens a pushed APDU with the keys there are, and says how far what comes out can be trusted.
//! The rule: without a right tag nothing is given out, unless the meter sends none or the caller asked for it; and then it is marked.

use crate::dlms::security::{
    Cipher, Keys, Opened, Opening, SecurityControl, SecurityError, SystemTitle, signing,
};
use crate::dlms::xdlms::tag;

const GENERAL_SIGNING: u8 = 0xDF;

/// What protected the APDU, and whether that held.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Guard {
    /// Sent in clear: nobody can tell who wrote it.
    Clear,
    /// Ciphered, and not opened.
    Sealed(Sealed),
    Opened {
        title: Option<SystemTitle>,
        counter: u32,
        control: SecurityControl,
        /// A tag was there and right.
        verified: bool,
    },
    /// Signed (general-signing); `verified` with the meter's public key.
    Signed {
        title: Option<SystemTitle>,
        verified: bool,
    },
}

impl Guard {
    pub const fn is_verified(&self) -> bool {
        matches!(
            self,
            Self::Opened { verified: true, .. } | Self::Signed { verified: true, .. }
        )
    }
}

/// What a closed APDU shows of itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    pub title: Option<SystemTitle>,
    pub counter: Option<u32>,
    pub control: Option<SecurityControl>,
}

/// Why a ciphered APDU stays closed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Closed {
    #[error("it is ciphered and no keys were given")]
    NoKeys,
    #[error(
        "its tag can only be verified with the authentication key (ak), which was not given; \
         with the encryption key alone it can be deciphered but not verified"
    )]
    NoAuthenticationKey,
    #[error("{0}")]
    Security(#[from] SecurityError),
}

/// The plain APDU, or None where it was plain from the start, with its guard.
pub(super) fn open(
    apdu: &[u8],
    keys: Option<&Keys>,
    title: Option<SystemTitle>,
    unverified_too: bool,
) -> (Guard, Result<Option<Vec<u8>>, Closed>) {
    let Some(&first) = apdu.first() else {
        return (Guard::Clear, Ok(None));
    };
    if first == GENERAL_SIGNING {
        return signed(apdu, keys);
    }
    if !tag::is_ciphered(first) {
        return (Guard::Clear, Ok(None));
    }
    let sealed = Guard::Sealed(look(apdu));
    let Some(keys) = keys else {
        return (sealed, Err(Closed::NoKeys));
    };
    match decipher(apdu, keys, title, unverified_too) {
        Ok(opened) => {
            let guard = Guard::Opened {
                title: opened.title,
                counter: opened.counter,
                control: opened.control,
                verified: opened.verified,
            };
            (guard, Ok(Some(opened.plain)))
        }
        Err(closed) => (sealed, Err(closed)),
    }
}

fn decipher(
    apdu: &[u8],
    keys: &Keys,
    title: Option<SystemTitle>,
    unverified_too: bool,
) -> Result<Opened, Closed> {
    let mut with = Opening {
        peer_title: title,
        ..Opening::new(keys)
    };
    let trouble = match crate::dlms::security::open(apdu, &with) {
        Ok(opened) => return Ok(opened),
        Err(trouble) => trouble,
    };
    let unprovable = keys.authentication.is_none()
        && matches!(
            trouble,
            SecurityError::MissingKey("authentication") | SecurityError::TagMismatch { .. }
        );
    if unverified_too
        && matches!(
            trouble,
            SecurityError::MissingKey(_)
                | SecurityError::TagMismatch { .. }
                | SecurityError::OtherTitle { .. }
        )
    {
        with.verify = false;
        return Ok(crate::dlms::security::open(apdu, &with)?);
    }
    Err(if unprovable {
        Closed::NoAuthenticationKey
    } else {
        Closed::Security(trouble)
    })
}

fn signed(apdu: &[u8], keys: Option<&Keys>) -> (Guard, Result<Option<Vec<u8>>, Closed>) {
    match signing::read(apdu) {
        Ok(signed) => {
            let guard = Guard::Signed {
                title: SystemTitle::try_from(signed.header.originator.as_slice()).ok(),
                verified: keys.is_some_and(|keys| signed.verify(keys).is_ok()),
            };
            (guard, Ok(Some(signed.content.to_vec())))
        }
        Err(error) => (
            Guard::Sealed(Sealed::default()),
            Err(Closed::Security(error)),
        ),
    }
}

/// Title and counter as they stand in front of the ciphertext, for who cannot open it.
fn look(apdu: &[u8]) -> Sealed {
    let mut sealed = Sealed::default();
    let mut rest = match *apdu {
        [0xDB | 0xDC, 8, ref after @ ..] => {
            let Some((title, rest)) = after.split_first_chunk::<8>() else {
                return sealed;
            };
            sealed.title = Some(SystemTitle(*title));
            rest
        }
        [] | [0xDD, ..] => return sealed,
        [0xDB | 0xDC, 0, ref rest @ ..] | [_, ref rest @ ..] => rest,
    };
    if let Ok((_, used)) = crate::cosem::data::decode_length(rest) {
        rest = rest.get(used..).unwrap_or_default();
    }
    if let [control, a, b, c, d, ..] = *rest {
        sealed.control = Some(SecurityControl(control));
        sealed.counter = Some(u32::from_be_bytes([a, b, c, d]));
    }
    sealed
}

/// Keys of a length that no suite has would fail at every APDU: better said at the start.
pub(super) fn check(keys: &Keys) -> Result<(), SecurityError> {
    use crate::dlms::security::Suite;
    let long = keys
        .encryption
        .as_ref()
        .is_some_and(|key| key.expose().len() == Suite::Two.key_length());
    let suite = if long { Suite::Two } else { Suite::Zero };
    Cipher::new(suite, keys).map(|_| ())
}
