//! A ciphered APDU taken apart, nothing deciphered yet. The one rule: lengths are believed only as far as octets follow.
use super::cipher::Incoming;
use super::control::SecurityControl;
use super::error::SecurityError;
use super::form::{self, Form};
use super::general::{Header, KeyInfo};
use super::title::SystemTitle;
use crate::cosem::data::decode_length;

pub(super) struct Envelope<'a> {
    tag: u8,
    pub dedicated: bool,
    /// What stands in the APDU; meters that leave it out send none or an empty one.
    title: &'a [u8],
    /// Only in general-ciphering.
    pub general: Option<(Header, KeyInfo)>,
    /// The octets of that header, which its tag covers.
    pub head: &'a [u8],
    pub control: SecurityControl,
    pub counter: u32,
    /// Content and tag.
    pub payload: &'a [u8],
}

impl<'a> Envelope<'a> {
    pub(super) fn read(apdu: &'a [u8]) -> Result<Self, SecurityError> {
        let mut from = Cursor(apdu);
        let tag = from.octet()?;
        let mut title: &[u8] = &[];
        let mut general = None;
        let mut head: &[u8] = &[];
        let dedicated = match tag {
            form::GENERAL_GLO | form::GENERAL_DED => {
                title = from.string()?;
                tag == form::GENERAL_DED
            }
            form::GENERAL => {
                let before = from.0;
                let header = Header::read(&mut from)?;
                let used = before.len().saturating_sub(from.0.len());
                head = before.get(..used).unwrap_or_default();
                general = Some((header, KeyInfo::read(&mut from)?));
                false
            }
            _ => form::plain(tag).ok_or(SecurityError::NotCiphered(tag))?.1,
        };
        let mut body = Cursor(from.string()?);
        if !from.0.is_empty() {
            return Err(SecurityError::Trailing(from.0.len()));
        }
        let &[control, a, b, c, d] = body.chunk::<5>()?;
        Ok(Self {
            tag,
            dedicated,
            title,
            general,
            head,
            control: SecurityControl(control),
            counter: u32::from_be_bytes([a, b, c, d]),
            payload: body.0,
        })
    }

    /// The tag the APDU inside must have, where the outer one says so.
    pub(super) fn inside(&self) -> Option<u8> {
        form::plain(self.tag).map(|(plain, _)| plain)
    }

    pub(super) const fn form(&self) -> Form {
        match self.tag {
            form::GENERAL_GLO | form::GENERAL_DED | form::GENERAL => Form::General,
            _ if self.dedicated => Form::Dedicated,
            _ => Form::Global,
        }
    }

    /// Whose title the nonce begins with. One that is not of the peer we know is refused when proof is asked for.
    pub(super) fn sender(&self, with: Incoming) -> Result<SystemTitle, SecurityError> {
        let said = match &self.general {
            Some((header, _)) => header.originator.as_slice(),
            None => self.title,
        };
        if said.is_empty() {
            return with.peer_title.ok_or(SecurityError::NoTitle);
        }
        let got =
            SystemTitle::try_from(said).map_err(|_| SecurityError::TitleLength(said.len()))?;
        match with.peer_title {
            Some(wanted) if with.verify && wanted != got => {
                Err(SecurityError::OtherTitle { wanted, got })
            }
            _ => Ok(got),
        }
    }
}

/// Reads from the front.
pub(super) struct Cursor<'a>(pub &'a [u8]);

impl<'a> Cursor<'a> {
    pub(super) fn octet(&mut self) -> Result<u8, SecurityError> {
        self.chunk::<1>().map(|&[octet]| octet)
    }

    pub(super) fn chunk<const N: usize>(&mut self) -> Result<&'a [u8; N], SecurityError> {
        let (chunk, rest) = self
            .0
            .split_first_chunk::<N>()
            .ok_or(SecurityError::Truncated {
                needed: N,
                got: self.0.len(),
            })?;
        self.0 = rest;
        Ok(chunk)
    }

    /// A length, then as many octets.
    pub(super) fn string(&mut self) -> Result<&'a [u8], SecurityError> {
        let (length, used) = decode_length(self.0).map_err(|_| {
            self.0
                .first()
                .filter(|first| matches!(first, 0x80 | 0x85..))
                .map_or(SecurityError::Truncated { needed: 1, got: 0 }, |first| {
                    SecurityError::BadLength(*first)
                })
        })?;
        let rest = self.0.get(used..).unwrap_or_default();
        let (string, rest) = rest
            .split_at_checked(length)
            .ok_or(SecurityError::Truncated {
                needed: length,
                got: rest.len(),
            })?;
        self.0 = rest;
        Ok(string)
    }
}
