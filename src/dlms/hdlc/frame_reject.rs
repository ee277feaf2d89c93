//! The information field of FRMR: which frame the meter refuses, where it stands, and why.
//! Reason bits count from the low end (ISO 13239): W 01, X 02, Y 04, Z 08, V 10.

use super::Control;
use std::fmt;

/// What a FRMR says. Some meters send it without information: then there is none of this.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FrameReject {
    /// The control octet of the frame that was refused.
    pub rejected: Control,
    /// V(S) of who refuses: the number its next I frame will carry.
    pub send: u8,
    /// V(R) of who refuses: the N(S) it waits for.
    pub receive: u8,
    /// The refused frame was a response, not a command.
    pub response: bool,
    /// The reason octet as sent.
    pub reasons: u8,
}

/// In place of reasons, where there is no information field.
pub const UNEXPLAINED: &str = "it gives no reason";

/// Letter, bit, meaning.
const REASONS: [(&str, u8, &str); 5] = [
    (
        "W",
        0x01,
        "the control field is undefined or not implemented",
    ),
    ("X", 0x02, "this frame must not carry information"),
    ("Y", 0x04, "the information field is too long"),
    ("Z", 0x08, "N(R) is invalid"),
    ("V", 0x10, "N(S) is invalid"),
];

impl FrameReject {
    /// None where the information is shorter than three octets.
    pub fn decode(information: &[u8]) -> Option<Self> {
        let [control, state, reasons, ..] = *information else {
            return None;
        };
        Some(Self {
            rejected: Control::decode(control),
            send: (state >> 1) & 7,
            receive: state >> 5,
            response: state & 0x10 != 0,
            reasons,
        })
    }

    /// As the three octets of an information field.
    pub fn encode(self) -> [u8; 3] {
        let state = ((self.send & 7) << 1) | ((self.receive & 7) << 5);
        let response = if self.response { 0x10 } else { 0 };
        [self.rejected.encode(), state | response, self.reasons]
    }
}

impl fmt::Display for FrameReject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.response { "response" } else { "command" };
        write!(
            f,
            "it refuses the {kind} {:02X} ({}): ",
            self.rejected.encode(),
            self.rejected
        )?;
        let low: u8 = self.reasons & 0x1F;
        // Some count the same five bits from the high end; 10 means V in one reading and Z in the other.
        let reversed = self.reasons.reverse_bits();
        let readings: &[u8] = match (low, reversed & 0x1F) {
            (0, 0) => &[],
            (0, _) => &[reversed],
            _ => &[low],
        };
        if readings.is_empty() {
            f.write_str("no reason given")?;
        }
        for reading in readings {
            let mut first = true;
            for (letter, bit, meaning) in REASONS {
                if reading & bit != 0 {
                    write!(f, "{}{meaning} ({letter})", if first { "" } else { ", " })?;
                    first = false;
                }
            }
        }
        if low == 0x10 {
            f.write_str(" or, read from the other end, N(R) is invalid (Z)")?;
        }
        write!(
            f,
            "; the meter stands at V(S)={} V(R)={}",
            self.send, self.receive
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(information: &[u8]) -> String {
        FrameReject::decode(information).unwrap().to_string()
    }

    #[test]
    fn field_frames_in_words() {
        assert_eq!(
            text(&[0x10, 0x00, 0x01]),
            "it refuses the command 10 (I N(S)=0 N(R)=0 P/F): the control field is undefined or not implemented (W); \
             the meter stands at V(S)=0 V(R)=0"
        );
        assert_eq!(
            text(&[0x54, 0x00, 0x10]),
            "it refuses the command 54 (I N(S)=2 N(R)=2 P/F): N(S) is invalid (V) or, read from the other end, \
             N(R) is invalid (Z); the meter stands at V(S)=0 V(R)=0"
        );
    }

    #[test]
    fn states_reasons_and_reversed_bits() {
        let two = FrameReject::decode(&[0x93, 0x64, 0x06]).unwrap();
        assert_eq!((two.send, two.receive, two.response), (2, 3, false));
        assert_eq!(two.encode(), [0x93, 0x64, 0x06]);
        assert!(
            two.to_string()
                .contains("(X), the information field is too long (Y)")
        );
        assert!(
            text(&[0x31, 0x10, 0x80])
                .contains("response 31 (RR N(R)=1 P/F): the control field is undefined")
        );
        assert!(text(&[0x31, 0x00, 0x00]).contains("no reason given"));
        assert_eq!(FrameReject::decode(&[0x31, 0x00]), None);
    }
}
