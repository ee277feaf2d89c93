//! One frame taken apart, to be changed and put together again.

use crate::dlms::hdlc::frame::build;
use crate::dlms::hdlc::{Control, Frame};

#[derive(Clone, Debug)]
pub(super) struct Parts {
    pub segmented: bool,
    pub destination: Vec<u8>,
    pub source: Vec<u8>,
    pub control: Control,
    pub information: Vec<u8>,
}

impl Parts {
    pub fn of(frame: &Frame<'_>) -> Self {
        Self {
            segmented: frame.segmented(),
            destination: frame.destination().to_vec(),
            source: frame.source().to_vec(),
            control: frame.control(),
            information: frame.information().to_vec(),
        }
    }

    /// An answer to this one.
    pub fn reply(&self, control: Control, information: &[u8]) -> Self {
        Self {
            segmented: false,
            destination: self.source.clone(),
            source: self.destination.clone(),
            control,
            information: information.to_vec(),
        }
    }

    /// With its flags. A frame that outgrew its length field is lost.
    pub fn octets(&self) -> Vec<u8> {
        let mut out = Vec::new();
        let _ = build(
            &self.destination,
            &self.source,
            self.control,
            self.segmented,
            &self.information,
            &mut out,
        );
        out
    }

    pub fn is_information(&self) -> bool {
        matches!(self.control, Control::Information { .. })
    }

    /// Carries an APDU of a service, or goes on with one: anything but the answer to AARQ.
    pub fn is_service(&self) -> bool {
        self.is_information() && self.information.get(3) != Some(&0x61)
    }
}
