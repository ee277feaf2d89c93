//! Faults of the hand-over from IEC 62056-21 to HDLC, on the bytes before and after the acknowledgement.

use super::{Faults, Kind};
use crate::dlms::hdlc::FLAG;
use crate::simulator::profile::Profile;
use std::time::Instant;

/// Acknowledgement: protocol 2, any speed, mode 2.
const LENGTH: usize = 6;
/// What a meter shows that was asked for its readout.
const READOUT: &[u8] = b"\x02F.F(00000000)\r\n1.8.0(000123.4*kWh)\r\n32.7.0(131.0*V)\r\n!\r\n\x03";

#[derive(Debug, Default)]
pub(super) struct SignOnFaults {
    /// The last octets received.
    tail: Vec<u8>,
    acknowledged: bool,
    deaf_until: Option<Instant>,
}

impl SignOnFaults {
    /// False: the meter does not get them.
    pub fn received(
        &mut self,
        now: Instant,
        bytes: &[u8],
        profile: &Profile,
        client: &mut Vec<u8>,
    ) -> bool {
        let faults = &profile.faults;
        if self.deaf_until.is_some_and(|until| now < until) {
            return false;
        }
        if self.acknowledged {
            return true;
        }
        // Without their parity, where a converter hands it on.
        self.tail.extend(bytes.iter().map(|octet| octet & 0x7F));
        let over = self.tail.len().saturating_sub(64);
        self.tail.drain(..over);
        self.acknowledged = self
            .tail
            .windows(LENGTH)
            .any(|line| matches!(line, [0x06, b'2', _, b'2', b'\r', b'\n']));
        if self.acknowledged {
            self.deaf_until = faults
                .time(Kind::SlowSwitch)
                .and_then(|time| now.checked_add(time));
            if faults.has(Kind::ModeC) {
                client.extend_from_slice(READOUT);
                let sum = READOUT.iter().skip(1).fold(0, |sum, octet| sum ^ octet);
                client.push(sum);
                self.forget_stream();
                return false;
            }
            return !faults.has(Kind::NoModeE);
        }
        let asked = self.tail.ends_with(b"!\r\n") && self.tail.windows(2).any(|two| two == b"/?");
        if faults.has(Kind::NoModeE) && asked {
            self.tail.clear();
            let line = profile.identification().replace("\\2", "");
            client.extend_from_slice(line.as_bytes());
            client.extend_from_slice(b"\r\n");
            return false;
        }
        if faults.has(Kind::AsciiPort) && bytes.contains(&FLAG) {
            client.extend_from_slice(profile.identification().as_bytes());
            client.extend_from_slice(b"\r\n");
            return false;
        }
        true
    }

    /// The line stays at seven bits and a parity when the meter speaks eight.
    pub fn damages(&self, faults: &Faults) -> bool {
        self.acknowledged && faults.has(Kind::NoParitySwitch)
    }

    pub fn forget_stream(&mut self) {
        *self = Self::default();
    }
}
