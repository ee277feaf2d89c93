//! M-Bus link frames (EN 13757-2) as meters push them: `68 L L 68 C A CI … checksum 16`, and the short `10 C A checksum 16`.
//! The rule: only the repeated length and a right checksum make a frame; what it carries is told by its CI field.

/// Opens a long frame, and stands again behind the two lengths.
pub const LONG: u8 = 0x68;
pub const SHORT: u8 = 0x10;
pub const STOP: u8 = 0x16;

/// A short frame has no length field.
pub const SHORT_LENGTH: usize = 5;

/// What stands around the counted octets of a long frame: start, two lengths, start, checksum, stop.
pub const AROUND: usize = 6;

/// What some octets are as the beginning of an M-Bus frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Judged {
    Not,
    /// So far it may be one; `sure` when the long header stands.
    Open {
        sure: bool,
    },
    /// A long frame of so many octets whose checksum or stop octet is wrong.
    Damaged(usize),
    Long(usize),
    Short,
}

/// A view over a whole long frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    pub control: u8,
    pub address: u8,
    pub information: u8,
    /// Behind the CI field, in front of the checksum.
    pub data: &'a [u8],
}

/// A CI field of 00 to 1F: one segment of an APDU (EN 13757-3, as DLMS over M-Bus uses it), with the two transport
/// addresses that follow it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment<'a> {
    /// Counts from 0, modulo 16.
    pub number: u8,
    pub last: bool,
    /// STSAP and DTSAP.
    pub source: u8,
    pub destination: u8,
    pub payload: &'a [u8],
}

/// The sum of octets modulo 256.
pub fn checksum(octets: &[u8]) -> u8 {
    octets
        .iter()
        .fold(0, |sum: u8, octet| sum.wrapping_add(*octet))
}

/// Looks at the beginning of `bytes` only.
pub fn judge(bytes: &[u8]) -> Judged {
    match *bytes {
        [SHORT, control, address, sum, STOP, ..] => {
            if sum == control.wrapping_add(address) {
                Judged::Short
            } else {
                Judged::Not
            }
        }
        [LONG, length, again, LONG, ..] if length == again && length >= 3 => {
            let whole = usize::from(length).saturating_add(AROUND);
            let Some(frame) = bytes.get(..whole) else {
                return Judged::Open { sure: true };
            };
            match frame {
                [_, _, _, _, counted @ .., sum, STOP] if checksum(counted) == *sum => {
                    Judged::Long(whole)
                }
                _ => Judged::Damaged(whole),
            }
        }
        [SHORT, _, _, _, _, ..] | [LONG, _, _, _, ..] => Judged::Not,
        [LONG, length, again] if length != again => Judged::Not,
        [SHORT | LONG, ..] => Judged::Open { sure: false },
        _ => Judged::Not,
    }
}

impl<'a> Frame<'a> {
    /// `bytes` is one long frame as [`judge`] measured it.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let [
            LONG,
            _,
            _,
            LONG,
            control,
            address,
            information,
            data @ ..,
            _,
            _,
        ] = bytes
        else {
            return None;
        };
        Some(Self {
            control: *control,
            address: *address,
            information: *information,
            data,
        })
    }

    /// None where the CI field says that this is no part of a DLMS APDU.
    pub fn segment(&self) -> Option<Segment<'a>> {
        match *self.data {
            [source, destination, ref payload @ ..] if self.information < 0x20 => Some(Segment {
                number: self.information & 0x0F,
                last: self.information & 0x10 != 0,
                source,
                destination,
                payload,
            }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_frame_and_a_long_one() {
        assert_eq!(judge(&[0x10, 0x40, 0x01, 0x41, 0x16]), Judged::Short);
        assert_eq!(judge(&[0x10, 0x40, 0x01, 0x42, 0x16]), Judged::Not);
        let mut long = vec![0x68, 6, 6, 0x68, 0x53, 0xFF, 0x11, 0x01, 0x67, 0xAB];
        long.push(checksum(&long[4..]));
        for cut in 1..long.len() {
            let sure = cut >= 4;
            assert_eq!(judge(&long[..cut]), Judged::Open { sure }, "{cut}");
        }
        long.push(STOP);
        assert_eq!(judge(&long), Judged::Long(12));
        let segment = Frame::parse(&long).unwrap().segment().unwrap();
        assert_eq!(
            (segment.number, segment.last, segment.payload),
            (1, true, [0xAB].as_slice())
        );
        long[9] ^= 1;
        assert_eq!(judge(&long), Judged::Damaged(12));
        assert_eq!(judge(&[0x68, 5, 6]), Judged::Not);
        assert_eq!(judge(&[0x68, 6, 6, 0x69]), Judged::Not);
        assert_eq!(judge(&[0x68, 2, 2, 0x68]), Judged::Not);
    }
}
