//! ACSE (ISO 8650): AARQ, AARE, RLRQ and RLRE as values. Every length is computed on writing and checked on reading; nothing is a template.
//!
//! Reading is tolerant of order (fields may come in any), of length forms (81, 82 … are fine) and of fields nobody here
//! has a use for: those are kept as [`RawField`] so that encoding gives them back. It is strict on bounds: a field that
//! runs over its frame, a known field twice or bytes after the end are an [`AcseError`] with their offset.
//! What is *inside* user-information never hides the verdict: if it cannot be read it comes as [`UserInformation::Other`]
//! beside the result and the diagnostic.

mod aare;
mod aarq;
pub(in crate::dlms) mod ber;
mod information;
mod initiate;
mod names;
mod release;
#[cfg(test)]
mod tests;

pub use aare::Aare;
pub use aarq::Aarq;
pub use information::UserInformation;
pub use initiate::{InitiateRequest, InitiateResponse};
pub use names::{
    ApplicationContext, Diagnostic, Mechanism, result_name, rlre_reason_name, rlrq_reason_name,
};
pub use release::{Rlre, Rlrq};

/// What is wrong, and at which byte of the APDU.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {offset}")]
pub struct AcseError {
    pub offset: usize,
    pub what: &'static str,
}

/// A field the association has no use for (protocol version, called and calling identifiers, qualifiers …), as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawField {
    /// The BER identifier octet, such as `0x80` or `0xA9`.
    pub tag: u8,
    pub contents: Vec<u8>,
}

impl RawField {
    /// Writes those of `fields` whose tag numbers lie in `numbers`: ACSE orders fields by tag number.
    fn encode(fields: &[Self], numbers: std::ops::RangeInclusive<u8>, out: &mut Vec<u8>) {
        for field in fields.iter().filter(|f| numbers.contains(&(f.tag & 0x1F))) {
            ber::field(out, field.tag, &field.contents);
        }
    }
}
