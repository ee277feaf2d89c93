//! Where a bare APDU ends: nothing around it says so, only its own lengths.
//! The rule: an answer never changes when more octets arrive; until it is sure, it is `Open`.

use crate::cosem::Data;
use crate::cosem::data::{DataErrorKind, decode_length};
use crate::dlms::xdlms::tag;

/// More than a notification in clear ever takes; what does not end within is none.
const LONGEST_CLEAR: usize = 8 * 1024;

/// What the octets of an APDU tell of its length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Measure {
    /// It ends here.
    Whole(usize),
    /// More octets are needed to tell.
    Open,
    /// No APDU that is ever pushed begins like this.
    Not,
}

/// Whether a meter pushes APDUs that begin with this tag.
pub(super) const fn is_pushed(octet: u8) -> bool {
    matches!(
        octet,
        tag::DATA_NOTIFICATION
            | tag::EVENT_NOTIFICATION
            | tag::GENERAL_BLOCK_TRANSFER
            | 0x18
            | 0x38
            | 0x58
            | 0xCA
            | 0xD2
            | 0xDB..=0xDD | 0xDF
    )
}

pub(super) fn measure(bytes: &[u8]) -> Measure {
    let mut from = Cursor {
        bytes,
        rest: bytes,
        clear: false,
    };
    match from.apdu() {
        Ok(()) => Measure::Whole(bytes.len().saturating_sub(from.rest.len())),
        Err(measure) => measure,
    }
}

struct Cursor<'a> {
    bytes: &'a [u8],
    rest: &'a [u8],
    /// A notification in clear: the bound above holds.
    clear: bool,
}

impl<'a> Cursor<'a> {
    fn short(&self) -> Measure {
        if self.clear && self.bytes.len() >= LONGEST_CLEAR {
            Measure::Not
        } else {
            Measure::Open
        }
    }

    fn take(&mut self, count: usize) -> Result<&'a [u8], Measure> {
        let (taken, rest) = self
            .rest
            .split_at_checked(count)
            .ok_or_else(|| self.short())?;
        self.rest = rest;
        Ok(taken)
    }

    fn octet(&mut self) -> Result<u8, Measure> {
        let octet = self.rest.first().copied();
        self.take(1)?;
        octet.ok_or(Measure::Open)
    }

    fn length(&mut self) -> Result<usize, Measure> {
        match decode_length(self.rest) {
            Ok((length, used)) => {
                self.take(used)?;
                Ok(length)
            }
            Err(error) if matches!(error.kind, DataErrorKind::Truncated { .. }) => {
                Err(self.short())
            }
            Err(_) => Err(Measure::Not),
        }
    }

    /// A length and so many octets; `fits` says which lengths may be.
    fn string(&mut self, fits: impl Fn(usize) -> bool) -> Result<(), Measure> {
        let length = self.length()?;
        if !fits(length) {
            return Err(Measure::Not);
        }
        self.take(length).map(|_| ())
    }

    fn value(&mut self) -> Result<(), Measure> {
        // One decision whatever has arrived beyond the bound.
        let used = self.bytes.len().saturating_sub(self.rest.len());
        let here = self
            .rest
            .get(..LONGEST_CLEAR.saturating_sub(used))
            .unwrap_or(self.rest);
        match Data::decode(here) {
            Ok((_, used)) => self.take(used).map(|_| ()),
            // A count or length that is more than what is here yet may be more than what will be.
            Err(error)
                if matches!(
                    error.kind,
                    DataErrorKind::Truncated { .. }
                        | DataErrorKind::LengthLies(_)
                        | DataErrorKind::TooMany(_)
                ) =>
            {
                Err(self.short())
            }
            Err(_) => Err(Measure::Not),
        }
    }

    fn date_time(&mut self) -> Result<(), Measure> {
        if self.rest.first() == Some(&0x09) {
            self.octet()?;
        }
        self.string(|length| matches!(length, 0 | 12))
    }

    /// security-control and invocation counter are always there.
    fn secured(&mut self) -> Result<(), Measure> {
        self.string(|length| (5..=65_535).contains(&length))
    }

    fn apdu(&mut self) -> Result<(), Measure> {
        let title = |length| matches!(length, 0 | 8);
        let tag = self.octet()?;
        match tag {
            tag::DATA_NOTIFICATION => {
                self.clear = true;
                self.take(4)?;
                self.date_time()?;
                self.value()
            }
            tag::EVENT_NOTIFICATION => {
                self.clear = true;
                self.optional(|from| from.string(|length| length == 12))?;
                self.take(9)?;
                self.value()
            }
            0x18 => {
                self.clear = true;
                self.optional(|from| from.string(|length| length <= 24))?;
                let names = self.length()?;
                for _ in 0..names {
                    if self.octet()? != 2 {
                        return Err(Measure::Not);
                    }
                    self.take(2)?;
                }
                let values = self.length()?;
                for _ in 0..values {
                    self.value()?;
                }
                Ok(())
            }
            tag::GENERAL_BLOCK_TRANSFER => {
                self.take(5)?;
                self.string(|length| length <= 65_535)
            }
            0x38 | 0x58 | 0xCA | 0xD2 => self.secured(),
            0xDB | 0xDC => {
                self.string(title)?;
                self.secured()
            }
            0xDD => {
                self.general_head()?;
                match self.octet()? {
                    0 => {}
                    1 => self.key_info()?,
                    _ => return Err(Measure::Not),
                }
                self.secured()
            }
            0xDF => {
                self.general_head()?;
                self.string(|length| (1..=65_535).contains(&length))?;
                self.string(|length| matches!(length, 64 | 96))
            }
            _ => Err(Measure::Not),
        }
    }

    fn optional(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<(), Measure>,
    ) -> Result<(), Measure> {
        match self.octet()? {
            0 => Ok(()),
            1 => read(self),
            _ => Err(Measure::Not),
        }
    }

    /// transaction-id, originator, recipient, date-time, other-information.
    fn general_head(&mut self) -> Result<(), Measure> {
        let title = |length| matches!(length, 0 | 8);
        self.string(|length| length <= 32)?;
        self.string(title)?;
        self.string(title)?;
        self.string(|length| matches!(length, 0 | 12))?;
        self.string(|length| length <= 255)
    }

    fn key_info(&mut self) -> Result<(), Measure> {
        match self.octet()? {
            0 => self.octet().map(|_| ()),
            1 => {
                self.octet()?;
                self.string(|length| length <= 255)
            }
            2 => {
                self.string(|length| length <= 255)?;
                self.string(|length| length <= 255)
            }
            _ => Err(Measure::Not),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_ends_where_its_lengths_say() {
        let stamped = |head: &[u8]| {
            let mut apdu = vec![0x0F, 0x40, 0, 0, 0];
            apdu.extend_from_slice(head);
            apdu.extend_from_slice(&[0x07, 0xE6, 10, 7, 5, 21, 0, 18, 0xFF, 0x80, 0, 0]);
            apdu.extend_from_slice(&[2, 1, 6, 0, 0, 0x0D, 0x5F]);
            apdu
        };
        let mut general = vec![0xDB, 8];
        general.extend_from_slice(b"ABCDEFGH");
        general.extend_from_slice(&[0x81, 0x06, 0x20, 0, 0, 0, 1, 0xAB]);
        for apdu in [
            stamped(&[0x0C]),
            stamped(&[0x09, 0x0C]),
            vec![0x0F, 0, 0, 0, 1, 0, 0x11, 5],
            vec![0xC2, 0, 0, 1, 0, 0, 96, 11, 0, 255, 2, 0x11, 7],
            vec![0x18, 0, 1, 2, 0xFA, 0x08, 1, 0x11, 7],
            vec![0xE0, 0x80, 0, 1, 0, 0, 2, 0x0F, 0x00],
            general,
            vec![0xCA, 6, 0x30, 0, 0, 0, 1, 9],
        ] {
            for cut in 0..apdu.len() {
                assert_eq!(measure(&apdu[..cut]), Measure::Open, "{apdu:02X?} {cut}");
            }
            assert_eq!(measure(&apdu), Measure::Whole(apdu.len()), "{apdu:02X?}");
            let more = [apdu.as_slice(), &[0x7E, 0x0F]].concat();
            assert_eq!(measure(&more), Measure::Whole(apdu.len()));
        }
    }

    #[test]
    fn what_lies_is_given_up() {
        assert_eq!(measure(&[0x0F, 0, 0, 0, 1, 5]), Measure::Not);
        assert_eq!(measure(&[0x0F, 0, 0, 0, 1, 0, 7]), Measure::Not);
        assert_eq!(measure(&[0xDB, 7]), Measure::Not);
        assert_eq!(measure(&[0xC0]), Measure::Not);
        let mut endless = vec![0x0F, 0, 0, 0, 1, 0, 1, 0x82, 0xFF, 0xFF];
        endless.resize(LONGEST_CLEAR - 1, 0);
        assert_eq!(measure(&endless), Measure::Open);
        endless.resize(LONGEST_CLEAR * 9, 0);
        assert_eq!(measure(&endless), Measure::Not);
    }
}
