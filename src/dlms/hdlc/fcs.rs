//! CRC-16/X-25 over frames, for HCS and FCS alike; on the wire the low byte goes first.

use crc::{CRC_16_IBM_SDLC, Crc, Digest, Table};

static CRC: Crc<u16, Table<16>> = Crc::<u16, Table<16>>::new(&CRC_16_IBM_SDLC);

/// The checksum of octets followed by their own right checksum, always.
const RIGHT: u16 = CRC_16_IBM_SDLC.residue ^ CRC_16_IBM_SDLC.xorout;

/// The checksum of `bytes`.
pub fn fcs(bytes: &[u8]) -> u16 {
    CRC.checksum(bytes)
}

/// Whether the last two octets are the checksum of those before them.
pub fn ends_right(bytes: &[u8]) -> bool {
    bytes.len() >= 2 && CRC.checksum(bytes) == RIGHT
}

/// Whether a header ends with its right HCS, and the whole that it begins with its right FCS; in one pass.
pub fn both_right(header: &[u8], rest: &[u8]) -> bool {
    let mut running = Running::new();
    running.add(header);
    let header_right = header.len() >= 2 && running.fcs() == RIGHT;
    running.add(rest);
    header_right && rest.len() >= 2 && running.fcs() == RIGHT
}

/// The checksum as octets arrive; a copy of it can be read at any point, so that one pass gives HCS and FCS.
#[derive(Clone)]
pub struct Running(Digest<'static, u16, Table<16>>);

impl Running {
    pub fn new() -> Self {
        Self(CRC.digest())
    }

    pub fn add(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The checksum of all octets so far.
    pub fn fcs(&self) -> u16 {
        self.0.clone().finalize()
    }
}

impl Default for Running {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn check_value_of_the_catalogue() {
        assert_eq!(fcs(b"123456789"), 0x906E);
    }

    #[test]
    fn a_bare_snrm_low_byte_first() {
        assert_eq!(
            fcs(&[0xA0, 0x07, 0x03, 0x21, 0x93]).to_le_bytes(),
            [0x0F, 0x01]
        );
        assert!(ends_right(&[0xA0, 0x07, 0x03, 0x21, 0x93, 0x0F, 0x01]));
        assert!(!ends_right(&[0xA0, 0x07, 0x03, 0x21, 0x93, 0x01, 0x0F]));
        assert!(!ends_right(&[]));
    }

    #[test]
    fn header_and_whole_at_once() {
        let mut header = vec![0xA0, 0x0B, 0x03, 0x21, 0x13];
        header.extend(fcs(&header).to_le_bytes());
        let mut whole = [header.as_slice(), &[0xE6, 0x7E]].concat();
        whole.extend(fcs(&whole).to_le_bytes());
        assert!(both_right(&header, &whole[7..]));
        for at in 0..whole.len() {
            let mut wrong = whole.clone();
            wrong[at] ^= 4;
            assert!(!both_right(&wrong[..7], &wrong[7..]), "{at}");
        }
        assert!(!both_right(&header, &[]));
    }

    #[test]
    fn running_agrees_at_every_cut() {
        let bytes: Vec<u8> = (0..200u8).collect();
        for cut in 0..bytes.len() {
            let mut running = Running::new();
            running.add(&bytes[..cut]);
            assert_eq!(running.fcs(), fcs(&bytes[..cut]));
            running.add(&bytes[cut..]);
            assert_eq!(running.fcs(), fcs(&bytes));
        }
    }
}
