//! RLRQ and RLRE: the association ends in good order. User-information beside the reason is legal and left unread; in a ciphered association RLRQ carries the protected InitiateRequest again.
use super::{AcseError, UserInformation, ber};
use crate::dlms::xdlms::tag;

/// Release request; the usual reason is 0, normal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rlrq {
    pub reason: Option<u8>,
}

/// Release response.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rlre {
    pub reason: Option<u8>,
}

impl Rlrq {
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode(tag::RLRQ, self.reason, out);
    }

    /// With user-information beside the reason, as a ciphered association asks for.
    pub fn encode_with(&self, information: &UserInformation, out: &mut Vec<u8>) {
        ber::wrap(out, tag::RLRQ, |out| {
            encode_reason(self.reason, out);
            information.encode(out);
        });
    }

    pub fn decode(apdu: &[u8]) -> Result<Self, AcseError> {
        let reason = decode(apdu, tag::RLRQ, "not an RLRQ")?;
        Ok(Self { reason })
    }
}

impl Rlre {
    pub fn encode(&self, out: &mut Vec<u8>) {
        encode(tag::RLRE, self.reason, out);
    }

    pub fn decode(apdu: &[u8]) -> Result<Self, AcseError> {
        let reason = decode(apdu, tag::RLRE, "not an RLRE")?;
        Ok(Self { reason })
    }
}

fn encode(tag: u8, reason: Option<u8>, out: &mut Vec<u8>) {
    ber::wrap(out, tag, |out| encode_reason(reason, out));
}

fn encode_reason(reason: Option<u8>, out: &mut Vec<u8>) {
    match reason {
        None => {}
        Some(reason) if reason < 0x80 => ber::field(out, 0x80, &[reason]),
        Some(reason) => ber::field(out, 0x80, &[0, reason]),
    }
}

fn decode(apdu: &[u8], tag: u8, wrong: &'static str) -> Result<Option<u8>, AcseError> {
    let mut fields = ber::open(apdu, tag, wrong)?.fields();
    let mut reason = None;
    while let Some(field) = fields.next()? {
        if field.tag == 0x80 {
            super::aarq::set(&mut reason, &field, field.small_integer()?)?;
        }
    }
    Ok(reason)
}
