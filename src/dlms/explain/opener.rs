//! Keys, and what a conversation says of itself, to open the ciphered APDUs in it.
//!
//! The one rule: what no tag vouches for is never said to be verified, and no key is ever shown.
use crate::dlms::security::{Keys, Opened, Opening, Secret, SecurityError, SystemTitle, open};
use crate::dlms::xdlms::tag::is_ciphered;

/// Goes along a conversation from APDU to APDU: titles are learned from AARQ and AARE, the dedicated key from the
/// initiate request.
#[derive(Clone, Debug, Default)]
pub struct Opener {
    keys: Keys,
    client: Option<SystemTitle>,
    meter: Option<SystemTitle>,
    /// Segments of an APDU under way.
    joined: Option<Vec<u8>>,
}

/// An APDU in more segments than this is not put together.
const MOST: usize = 1 << 20;

impl Opener {
    /// The titles serve until the conversation says its own.
    pub const fn new(keys: Keys, client: Option<SystemTitle>, meter: Option<SystemTitle>) -> Self {
        Self {
            keys,
            client,
            meter,
            joined: None,
        }
    }

    pub(super) const fn keys(&self) -> &Keys {
        &self.keys
    }

    /// A first segment, or a whole APDU that ends whatever was under way.
    pub(super) fn begin(&mut self, segment: &[u8], more: bool) {
        self.joined = more.then(|| segment.to_vec());
    }

    /// A later segment; gives the ciphered APDU that ends with it.
    pub(super) fn go_on(&mut self, segment: &[u8], more: bool) -> Option<Vec<u8>> {
        let mut joined = self.joined.take()?;
        if joined.len().saturating_add(segment.len()) > MOST {
            return None;
        }
        joined.extend_from_slice(segment);
        if more {
            self.joined = Some(joined);
            return None;
        }
        Some(joined).filter(|apdu| apdu.first().copied().is_some_and(is_ciphered))
    }

    pub(super) fn learn_title(&mut self, of_client: bool, octets: &[u8]) {
        let Ok(title) = SystemTitle::try_from(octets) else {
            return;
        };
        if of_client {
            self.client = Some(title);
        } else {
            self.meter = Some(title);
        }
    }

    pub(super) fn learn_dedicated(&mut self, key: &[u8]) {
        self.keys.dedicated = Some(Secret::new(key));
    }

    /// The plain APDU and, where nothing vouches for it, why. Either side may have sealed it, so both titles are tried.
    pub(super) fn open(
        &self,
        apdu: &[u8],
    ) -> Result<(Opened, Option<SecurityError>), SecurityError> {
        let mut failed = None;
        let titles = if apdu.first().copied().is_some_and(is_asked) {
            [self.client, self.meter]
        } else {
            [self.meter, self.client]
        };
        let known = titles.into_iter().flatten().map(Some);
        // None last: the APDU may bring its own.
        for peer_title in known.chain([None]) {
            let opening = Opening {
                peer_title,
                ..Opening::new(&self.keys)
            };
            match open(apdu, &opening) {
                Ok(opened) => return Ok((opened, None)),
                // The evidence of the side that should have sealed it, which is tried first; that its title
                // is another's says less than that its tag is wrong.
                Err(error) => match &failed {
                    None | Some(SecurityError::OtherTitle { .. }) => failed = Some(error),
                    Some(_) => {}
                },
            }
        }
        let failed = failed.unwrap_or(SecurityError::NoTitle);
        for peer_title in titles.into_iter().flatten().map(Some).chain([None]) {
            let opening = Opening {
                peer_title,
                verify: false,
                ..Opening::new(&self.keys)
            };
            if let Ok(opened) = open(apdu, &opening)
                && seems_right(&opened.plain, &failed)
            {
                return Ok((opened, Some(failed)));
            }
        }
        Err(failed)
    }
}

/// What nothing vouches for begins like an APDU; where the tag says that some key is wrong, it must be a whole one, for one
/// wrong key in eight gives a right first octet.
fn seems_right(plain: &[u8], failed: &SecurityError) -> bool {
    match failed {
        SecurityError::TagMismatch { .. } => {
            super::apdu::reads(plain) && !plain.first().copied().is_some_and(is_ciphered)
        }
        _ => plain.first().is_some_and(|tag| super::apdu::is_tag(*tag)),
    }
}

/// Whether only a client asks with this tag.
const fn is_asked(tag: u8) -> bool {
    matches!(
        tag,
        0x21 | 0x25
            | 0x26
            | 0x36
            | 0x41
            | 0x45
            | 0x46
            | 0x56
            | 0xC8
            | 0xC9
            | 0xCB
            | 0xD0
            | 0xD1
            | 0xD3
    )
}
