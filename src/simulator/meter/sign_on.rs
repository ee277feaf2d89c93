//! IEC 62056-21 mode E before HDLC: request (`/?!`), identification, then an acknowledgement that asks for the binary
//! protocol, which is repeated to the client. The one rule: until then nothing is a frame.

/// No line of the hand-over is longer; more is junk.
const LONGEST: usize = 64;
const ACK: u8 = 0x06;

#[derive(Debug, Default)]
pub(super) struct SignOn {
    line: Vec<u8>,
    /// The identification was sent.
    identified: bool,
}

impl SignOn {
    /// Takes octets up to the end of the hand-over; what is to be said goes to `out`. Once HDLC is agreed: what follows.
    pub fn take<'a>(
        &mut self,
        bytes: &'a [u8],
        identification: &str,
        out: &mut Vec<u8>,
    ) -> Option<&'a [u8]> {
        for (at, byte) in bytes.iter().enumerate() {
            // Even parity, where a serial converter hands it on.
            let byte = byte & 0x7F;
            if matches!(byte, b'/' | ACK) || self.line.len() >= LONGEST {
                self.line.clear();
            }
            self.line.push(byte);
            if byte != b'\n' {
                continue;
            }
            let line = std::mem::take(&mut self.line);
            match line.as_slice() {
                [b'/', b'?', .., b'!', b'\r', b'\n'] => {
                    self.identified = true;
                    out.extend_from_slice(identification.as_bytes());
                    out.extend_from_slice(b"\r\n");
                }
                // Protocol 2 (HDLC), any speed: TCP has none. Mode 2 (binary).
                [ACK, b'2', _, b'2', b'\r', b'\n'] if self.identified => {
                    out.extend_from_slice(&line);
                    return bytes.get(at + 1..);
                }
                _ => {}
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_recorded_hand_over() {
        let mut sign_on = SignOn::default();
        let mut out = Vec::new();
        assert_eq!(
            sign_on.take(b"\x7E\xA0/?!\r", "/GRX512345678", &mut out),
            None
        );
        assert_eq!(sign_on.take(b"\n", "/GRX512345678", &mut out), None);
        assert_eq!(out, b"/GRX512345678\r\n");
        out.clear();
        // What follows the acknowledgement is HDLC.
        let rest = sign_on.take(b"\x06252\r\n\x7E\xA0", "", &mut out);
        assert_eq!(rest, Some(&b"\x7E\xA0"[..]));
        assert_eq!(out, b"\x06252\r\n");
    }

    #[test]
    fn only_in_order_and_only_the_binary_mode() {
        let mut sign_on = SignOn::default();
        let mut out = Vec::new();
        assert_eq!(sign_on.take(b"\x06252\r\n", "/X", &mut out), None);
        assert!(out.is_empty(), "not before the request");
        // With an address, and with parity bits.
        assert_eq!(
            sign_on.take(b"\xAF\x3F12345\x21\x8D\x0A", "/X", &mut out),
            None
        );
        assert_eq!(out, b"/X\r\n");
        assert_eq!(sign_on.take(b"\x06050\r\n", "/X", &mut out), None);
        assert_eq!(sign_on.take(&[b'x'; 500], "/X", &mut out), None);
        assert!(sign_on.line.len() <= LONGEST);
        assert_eq!(sign_on.take(b"\x06252\r\n", "/X", &mut out), Some(&[][..]));
    }
}
