//! InitiateRequest and InitiateResponse (A-XDR), as they ride in user-information. Offsets in errors count from their tag.
use super::AcseError;
use crate::dlms::security::Secret;
use crate::dlms::xdlms::conformance::Conformance;
use crate::dlms::xdlms::reader::Reader;
use crate::dlms::xdlms::tag;

/// What the client proposes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InitiateRequest {
    pub dedicated_key: Option<Secret>,
    /// True (the default) is written by leaving it out.
    pub response_allowed: bool,
    pub quality_of_service: Option<u8>,
    pub dlms_version: u8,
    pub conformance: Conformance,
    /// The longest APDU the client takes; 0 and FFFF say there is no limit.
    pub max_pdu: u16,
}

/// What the meter grants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitiateResponse {
    pub quality_of_service: Option<u8>,
    pub dlms_version: u8,
    pub conformance: Conformance,
    /// The longest APDU the meter takes.
    pub max_pdu: u16,
    /// 0007 where objects go by logical names, FA00 by short names.
    pub vaa_name: u16,
}

impl InitiateRequest {
    /// The usual one: version 6, no dedicated key, an answer wanted.
    pub const fn new(conformance: Conformance, max_pdu: u16) -> Self {
        Self {
            dedicated_key: None,
            response_allowed: true,
            quality_of_service: None,
            dlms_version: 6,
            conformance,
            max_pdu,
        }
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(tag::INITIATE_REQUEST);
        match &self.dedicated_key {
            None => out.push(0),
            Some(key) => {
                // Present (01), then an octet string: to BER's eyes a field of tag 1.
                super::ber::field(out, 1, key.expose());
            }
        }
        out.extend_from_slice(if self.response_allowed { &[0] } else { &[1, 0] });
        encode_optional(self.quality_of_service, out);
        out.push(self.dlms_version);
        encode_conformance(self.conformance, out);
        out.extend_from_slice(&self.max_pdu.to_be_bytes());
    }

    /// Reads an InitiateRequest that fills `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<Self, AcseError> {
        let mut reader = Reader::new(bytes);
        reader.tag(tag::INITIATE_REQUEST, "not an InitiateRequest")?;
        let dedicated_key = if reader.flag("the dedicated key's presence")? {
            Some(Secret::new(reader.octets("the dedicated key")?))
        } else {
            None
        };
        let response_allowed =
            !reader.flag("response-allowed")? || reader.byte("response-allowed")? != 0;
        let quality_of_service = decode_optional(&mut reader)?;
        let dlms_version = reader.byte("the DLMS version")?;
        let conformance = decode_conformance(&mut reader)?;
        let max_pdu = reader.u16("the client's largest APDU")?;
        reader.end("bytes after the InitiateRequest")?;
        Ok(Self {
            dedicated_key,
            response_allowed,
            quality_of_service,
            dlms_version,
            conformance,
            max_pdu,
        })
    }
}

impl InitiateResponse {
    /// The usual one: version 6, logical names.
    pub const fn new(conformance: Conformance, max_pdu: u16) -> Self {
        Self {
            quality_of_service: None,
            dlms_version: 6,
            conformance,
            max_pdu,
            vaa_name: 7,
        }
    }

    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(tag::INITIATE_RESPONSE);
        encode_optional(self.quality_of_service, out);
        out.push(self.dlms_version);
        encode_conformance(self.conformance, out);
        out.extend_from_slice(&self.max_pdu.to_be_bytes());
        out.extend_from_slice(&self.vaa_name.to_be_bytes());
    }

    /// Reads an InitiateResponse that fills `bytes`.
    pub fn decode(bytes: &[u8]) -> Result<Self, AcseError> {
        let mut reader = Reader::new(bytes);
        reader.tag(tag::INITIATE_RESPONSE, "not an InitiateResponse")?;
        let quality_of_service = decode_optional(&mut reader)?;
        let dlms_version = reader.byte("the DLMS version")?;
        let conformance = decode_conformance(&mut reader)?;
        let max_pdu = reader.u16("the meter's largest APDU")?;
        let vaa_name = reader.u16("the VAA name")?;
        reader.end("bytes after the InitiateResponse")?;
        Ok(Self {
            quality_of_service,
            dlms_version,
            conformance,
            max_pdu,
            vaa_name,
        })
    }
}

fn encode_optional(value: Option<u8>, out: &mut Vec<u8>) {
    match value {
        None => out.push(0),
        Some(value) => out.extend_from_slice(&[1, value]),
    }
}

fn decode_optional(reader: &mut Reader<'_>) -> Result<Option<u8>, AcseError> {
    Ok(if reader.flag("the quality of service's presence")? {
        Some(reader.byte("the quality of service")?)
    } else {
        None
    })
}

/// `5F 1F 04 00` and three octets: [APPLICATION 31] BIT STRING (SIZE(24)).
fn encode_conformance(conformance: Conformance, out: &mut Vec<u8>) {
    out.extend_from_slice(&[0x5F, 0x1F, 0x04, 0x00]);
    out.extend_from_slice(&conformance.octets());
}

fn decode_conformance(reader: &mut Reader<'_>) -> Result<Conformance, AcseError> {
    reader.tag(0x5F, "no conformance block where it is due")?;
    // The tag number's second octet is left out by some codecs.
    if reader.peek() == Some(0x1F) {
        reader.byte("the conformance tag")?;
    }
    reader.tag(0x04, "a conformance block that is not four octets")?;
    reader.byte("the conformance block's unused bits")?;
    Ok(Conformance::from_octets(
        reader.array("the conformance block")?,
    ))
}
