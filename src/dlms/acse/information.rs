//! User-information: the xDLMS APDU inside an ACSE one. What cannot be read stays as bytes; it never hides the verdict beside it.
use super::ber::{self, Field};
use super::{AcseError, InitiateRequest, InitiateResponse};
use crate::dlms::xdlms::{ServiceError, tag};

/// What came in the user-information field (BE).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum UserInformation {
    None,
    /// In an AARQ.
    Request(InitiateRequest),
    /// In an AARE; also in refused ones.
    Initiate(InitiateResponse),
    ServiceError(ServiceError),
    /// A glo-, ded- or general- APDU, whole.
    Ciphered(Vec<u8>),
    /// Anything else, as bytes.
    Other(Vec<u8>),
}

impl UserInformation {
    pub(super) const TAG: u8 = 0xBE;

    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        if matches!(self, Self::None) {
            return;
        }
        ber::wrap(out, Self::TAG, |out| {
            ber::wrap(out, 0x04, |out| match self {
                Self::None => {}
                Self::Request(request) => request.encode(out),
                Self::Initiate(response) => response.encode(out),
                Self::ServiceError(error) => error.encode(out),
                Self::Ciphered(bytes) | Self::Other(bytes) => out.extend_from_slice(bytes),
            });
        });
    }

    pub(super) fn decode(field: &Field<'_>) -> Result<Self, AcseError> {
        let inner = field.only("user-information that is empty")?;
        if inner.tag != 0x04 {
            return Ok(Self::Other(field.contents.to_vec()));
        }
        Ok(Self::from_apdu(inner.contents))
    }

    /// Tells what an APDU inside user-information is.
    pub fn from_apdu(apdu: &[u8]) -> Self {
        let read = match apdu.first() {
            Some(&tag::INITIATE_REQUEST) => InitiateRequest::decode(apdu).ok().map(Self::Request),
            Some(&tag::INITIATE_RESPONSE) => {
                InitiateResponse::decode(apdu).ok().map(Self::Initiate)
            }
            Some(&tag::CONFIRMED_SERVICE_ERROR) => {
                ServiceError::decode(apdu).ok().map(Self::ServiceError)
            }
            Some(&first) if tag::is_ciphered(first) => Some(Self::Ciphered(apdu.to_vec())),
            _ => None,
        };
        read.unwrap_or_else(|| Self::Other(apdu.to_vec()))
    }
}
