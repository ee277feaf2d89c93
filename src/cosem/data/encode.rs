//! `Data` to bytes: what `decode` makes, `encode` writes, with lengths in their shortest form.

use super::{Data, encode_length};

impl Data {
    pub fn encode(&self, out: &mut Vec<u8>) {
        out.push(self.tag());
        match self {
            Self::Null | Self::DontCare => {}
            Self::Array(v) | Self::Structure(v) => {
                encode_length(v.len(), out);
                for element in v {
                    element.encode(out);
                }
            }
            Self::Boolean(v) => out.push(u8::from(*v)),
            Self::BitString(v) => {
                // Trust `bits`: what follows must be exactly as long as it says.
                encode_length(v.bits, out);
                let length = v.bits.div_ceil(8);
                let kept = v.bytes.get(..length).unwrap_or(&v.bytes);
                out.extend_from_slice(kept);
                out.resize(
                    out.len().saturating_add(length.saturating_sub(kept.len())),
                    0,
                );
            }
            Self::OctetString(v) | Self::VisibleString(v) | Self::Utf8String(v) => {
                encode_length(v.len(), out);
                out.extend_from_slice(v);
            }
            Self::CompactArray(v) => {
                out.extend_from_slice(&v.description);
                encode_length(v.contents.len(), out);
                out.extend_from_slice(&v.contents);
            }
            Self::Bcd(v) | Self::Unsigned(v) | Self::Enum(v) | Self::DeltaUnsigned(v) => {
                out.push(*v);
            }
            Self::Integer(v) | Self::DeltaInteger(v) => out.extend_from_slice(&v.to_be_bytes()),
            Self::Long(v) | Self::DeltaLong(v) => out.extend_from_slice(&v.to_be_bytes()),
            Self::LongUnsigned(v) | Self::DeltaLongUnsigned(v) => {
                out.extend_from_slice(&v.to_be_bytes());
            }
            Self::DoubleLong(v) | Self::DeltaDoubleLong(v) => {
                out.extend_from_slice(&v.to_be_bytes());
            }
            Self::DoubleLongUnsigned(v) | Self::DeltaDoubleLongUnsigned(v) => {
                out.extend_from_slice(&v.to_be_bytes());
            }
            Self::Long64(v) => out.extend_from_slice(&v.to_be_bytes()),
            Self::Long64Unsigned(v) => out.extend_from_slice(&v.to_be_bytes()),
            Self::Float32(v) => out.extend_from_slice(&v.to_be_bytes()),
            Self::Float64(v) => out.extend_from_slice(&v.to_be_bytes()),
            Self::DateTime(v) => out.extend_from_slice(&v.raw),
            Self::Date(v) => out.extend_from_slice(&v.raw),
            Self::Time(v) => out.extend_from_slice(&v.raw),
        }
    }

    /// [`encode`](Self::encode) into a vector of its own.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.encode(&mut out);
        out
    }
}
