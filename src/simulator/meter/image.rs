//! Image transfer (class 18): a new firmware in blocks, in any order, then checked and switched to. The one rule: what is
//! kept of an image is bounded, and only a complete one passes its check.

use super::attributes::{array, octets, structure};
use crate::cosem::Data;
use crate::cosem::data::encode_length;
use crate::dlms::xdlms::{ActionResult, DataAccessResult};
use std::time::{Duration, Instant};

/// Octets of one block; the last one may be shorter.
pub(super) const BLOCK: u32 = 512;
/// A larger image is refused when it is announced.
const LARGEST: u32 = 8 * 1024 * 1024;
/// What an image may call itself.
const LONGEST_NAME: usize = 64;
/// How long the check, and then the switch, take.
const MOMENT: Duration = Duration::from_millis(200);
/// An image that calls itself so fails its check; so clients can be tried.
const CORRUPT: &[u8] = b"corrupt";

/// `image_transfer_status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Status {
    NotInitiated = 0,
    Initiated = 1,
    Verifying = 2,
    Verified = 3,
    VerificationFailed = 4,
    Activating = 5,
    Activated = 6,
}

#[derive(Clone, Debug)]
pub(super) struct Image {
    enabled: bool,
    status: Status,
    name: Vec<u8>,
    size: u32,
    /// Grows with the highest block that came.
    octets: Vec<u8>,
    arrived: Vec<bool>,
    /// When what runs is done.
    done: Option<Instant>,
    /// The name of the image that was switched to.
    active: Option<Vec<u8>>,
}

impl Default for Image {
    fn default() -> Self {
        Self {
            enabled: true,
            status: Status::NotInitiated,
            name: Vec::new(),
            size: 0,
            octets: Vec::new(),
            arrived: Vec::new(),
            done: None,
            active: None,
        }
    }
}

impl Image {
    /// Attributes 2 to 7.
    pub fn attribute(&self, now: Instant, attribute: i8, out: &mut Vec<u8>) {
        match attribute {
            2 => Data::DoubleLongUnsigned(BLOCK).encode(out),
            3 => self.blocks(out),
            4 => {
                let first = self.arrived.iter().position(|arrived| !arrived);
                let first = first.unwrap_or(self.arrived.len());
                Data::DoubleLongUnsigned(first.try_into().unwrap_or(u32::MAX)).encode(out);
            }
            5 => Data::Boolean(self.enabled).encode(out),
            6 => Data::Enum(self.status(now) as u8).encode(out),
            _ => self.to_activate(now, out),
        }
    }

    /// Bit 0, the first, is block 0.
    fn blocks(&self, out: &mut Vec<u8>) {
        out.push(4);
        encode_length(self.arrived.len(), out);
        out.extend(self.arrived.chunks(8).map(|eight| {
            let bits = eight.iter().enumerate().filter(|(_, arrived)| **arrived);
            bits.fold(0u8, |octet, (bit, _)| octet | (0x80 >> bit))
        }));
    }

    fn to_activate(&self, now: Instant, out: &mut Vec<u8>) {
        let there = matches!(
            self.status(now),
            Status::Verified | Status::Activating | Status::Activated
        );
        array(usize::from(there), out);
        if there {
            structure(3, out);
            Data::DoubleLongUnsigned(self.size).encode(out);
            octets(&self.name, out);
            octets(&[], out);
        }
    }

    /// Once an image was switched to, the firmware goes by its name.
    pub fn active(&self, now: Instant) -> Option<&[u8]> {
        if self.status(now) == Status::Activated {
            return Some(&self.name);
        }
        self.active.as_deref()
    }

    fn status(&self, now: Instant) -> Status {
        match self.status {
            Status::Verifying if self.is_done(now) && self.is_good() => Status::Verified,
            Status::Verifying if self.is_done(now) => Status::VerificationFailed,
            Status::Activating if self.is_done(now) => Status::Activated,
            status => status,
        }
    }

    fn is_done(&self, now: Instant) -> bool {
        self.done.is_none_or(|done| done <= now)
    }

    fn is_good(&self) -> bool {
        self.arrived.iter().all(|arrived| *arrived) && self.name != CORRUPT
    }

    pub fn enable(&mut self, value: &Data) -> Result<(), DataAccessResult> {
        match value {
            Data::Boolean(enabled) => {
                self.enabled = *enabled;
                Ok(())
            }
            _ => Err(DataAccessResult::TYPE_UNMATCHED),
        }
    }

    /// Methods 1 to 4: initiate, block, verify, activate.
    pub fn method(
        &mut self,
        now: Instant,
        method: i8,
        parameters: &Data,
    ) -> Result<(), ActionResult> {
        if !self.enabled {
            return Err(ActionResult::READ_WRITE_DENIED);
        }
        self.status = self.status(now);
        if self.status == Status::Activated {
            self.active = Some(self.name.clone());
        }
        match (method, parameters) {
            (1, Data::Structure(fields)) => match fields.as_slice() {
                [Data::OctetString(name), Data::DoubleLongUnsigned(size)] => {
                    self.initiate(name, *size)
                }
                _ => Err(ActionResult::TYPE_UNMATCHED),
            },
            (2, Data::Structure(fields)) => match fields.as_slice() {
                [Data::DoubleLongUnsigned(block), Data::OctetString(octets)] => {
                    self.block(*block, octets)
                }
                _ => Err(ActionResult::TYPE_UNMATCHED),
            },
            (3, Data::Integer(_)) => self.verify(now),
            (4, Data::Integer(_)) => self.activate(now),
            _ => Err(ActionResult::TYPE_UNMATCHED),
        }
    }

    /// Whatever was begun before is thrown away.
    fn initiate(&mut self, name: &[u8], size: u32) -> Result<(), ActionResult> {
        if size == 0 || size > LARGEST || name.len() > LONGEST_NAME {
            return Err(ActionResult::OTHER_REASON);
        }
        if matches!(self.status, Status::Verifying | Status::Activating) {
            return Err(ActionResult::TEMPORARY_FAILURE);
        }
        let blocks = usize::try_from(size.div_ceil(BLOCK)).unwrap_or(usize::MAX);
        *self = Self {
            status: Status::Initiated,
            name: name.to_vec(),
            size,
            arrived: vec![false; blocks],
            active: self.active.take(),
            ..Self::default()
        };
        Ok(())
    }

    /// A block may come again, and before an earlier one; its length must be right.
    fn block(&mut self, block: u32, octets: &[u8]) -> Result<(), ActionResult> {
        // A failed check may be mended by sending what was wrong once more.
        if !matches!(self.status, Status::Initiated | Status::VerificationFailed) {
            return Err(ActionResult::TEMPORARY_FAILURE);
        }
        let wrong = ActionResult::OTHER_REASON;
        let index = usize::try_from(block).map_err(|_| wrong)?;
        let arrived = self.arrived.get_mut(index).ok_or(wrong)?;
        let start = block * BLOCK;
        let due = usize::try_from(BLOCK.min(self.size - start)).map_err(|_| wrong)?;
        if octets.len() != due {
            return Err(ActionResult::TYPE_UNMATCHED);
        }
        *arrived = true;
        let start = usize::try_from(start).map_err(|_| wrong)?;
        let end = start + due;
        if self.octets.len() < end {
            self.octets.resize(end, 0);
        }
        if let Some(place) = self.octets.get_mut(start..end) {
            place.copy_from_slice(octets);
        }
        self.status = Status::Initiated;
        Ok(())
    }

    /// Says temporary-failure while the check runs, then how it ended, as often as it is asked.
    fn verify(&mut self, now: Instant) -> Result<(), ActionResult> {
        match self.status {
            Status::Initiated if self.arrived.contains(&false) => Err(ActionResult::OTHER_REASON),
            Status::Initiated => {
                self.status = Status::Verifying;
                self.done = now.checked_add(MOMENT);
                Err(ActionResult::TEMPORARY_FAILURE)
            }
            Status::Verifying => Err(ActionResult::TEMPORARY_FAILURE),
            Status::Verified => Ok(()),
            _ => Err(ActionResult::OTHER_REASON),
        }
    }

    fn activate(&mut self, now: Instant) -> Result<(), ActionResult> {
        match self.status {
            Status::Verified => {
                self.status = Status::Activating;
                self.done = now.checked_add(MOMENT);
                Err(ActionResult::TEMPORARY_FAILURE)
            }
            Status::Activating => Err(ActionResult::TEMPORARY_FAILURE),
            Status::Activated => Ok(()),
            _ => Err(ActionResult::OTHER_REASON),
        }
    }

    /// What came of it so far; for tests of clients.
    pub fn octets(&self) -> &[u8] {
        &self.octets
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn announce(name: &[u8], size: u32) -> Data {
        Data::Structure(vec![
            Data::OctetString(name.to_vec()),
            Data::DoubleLongUnsigned(size),
        ])
    }

    fn block(number: u32, octets: &[u8]) -> Data {
        Data::Structure(vec![
            Data::DoubleLongUnsigned(number),
            Data::OctetString(octets.to_vec()),
        ])
    }

    fn read(image: &Image, now: Instant, attribute: i8) -> Data {
        let mut out = Vec::new();
        image.attribute(now, attribute, &mut out);
        Data::decode_all(&out).unwrap()
    }

    const ZERO: Data = Data::Integer(0);
    const TEMPORARY: Result<(), ActionResult> = Err(ActionResult::TEMPORARY_FAILURE);
    const REFUSED: Result<(), ActionResult> = Err(ActionResult::OTHER_REASON);

    #[test]
    fn blocks_in_any_order_and_again() {
        let now = Instant::now();
        let mut image = Image::default();
        assert_eq!(read(&image, now, 6), Data::Enum(0));
        assert_eq!(image.method(now, 1, &announce(b"fw2", 1100)), Ok(()));
        let whole: Vec<u8> = (0..1100u32)
            .map(|n| u8::try_from(n % 251).unwrap())
            .collect();
        let part = |n: usize| {
            block(
                u32::try_from(n).unwrap(),
                &whole[n * 512..whole.len().min(n * 512 + 512)],
            )
        };
        for (number, first) in [(2, 0), (0, 1), (0, 1)] {
            assert_eq!(image.method(now, 2, &part(number)), Ok(()));
            assert_eq!(read(&image, now, 4), Data::DoubleLongUnsigned(first));
        }
        let Data::BitString(bits) = read(&image, now, 3) else {
            panic!("no bits");
        };
        assert_eq!((bits.bits, bits.bytes), (3, vec![0b1010_0000]));
        assert_eq!(image.method(now, 3, &ZERO), REFUSED, "one is missing");
        assert_eq!(image.method(now, 2, &part(1)), Ok(()));
        assert_eq!(read(&image, now, 4), Data::DoubleLongUnsigned(3));
        assert_eq!(image.octets(), whole);

        assert_eq!(image.method(now, 3, &ZERO), TEMPORARY);
        assert_eq!(read(&image, now, 6), Data::Enum(2));
        assert_eq!(image.method(now, 2, &part(1)), TEMPORARY);
        assert_eq!(read(&image, now, 7), Data::Array(vec![]));
        let later = now + MOMENT;
        assert_eq!(read(&image, later, 6), Data::Enum(3));
        assert_eq!(image.method(later, 3, &ZERO), Ok(()));
        let named = Data::Structure(vec![
            Data::DoubleLongUnsigned(1100),
            Data::OctetString(b"fw2".to_vec()),
            Data::OctetString(vec![]),
        ]);
        assert_eq!(read(&image, later, 7), Data::Array(vec![named]));

        assert_eq!(image.active(later), None);
        assert_eq!(image.method(later, 4, &ZERO), TEMPORARY);
        let end = later + MOMENT;
        assert_eq!(read(&image, end, 6), Data::Enum(6));
        assert_eq!(image.method(end, 4, &ZERO), Ok(()));
        // It stays the active one while the next comes.
        assert_eq!(image.method(end, 1, &announce(b"fw3", 10)), Ok(()));
        assert_eq!(image.active(end), Some(&b"fw2"[..]));
    }

    #[test]
    fn what_is_refused() {
        let now = Instant::now();
        let mut image = Image::default();
        assert_eq!(image.method(now, 2, &block(0, &[1])), TEMPORARY);
        assert_eq!(image.method(now, 3, &ZERO), REFUSED);
        for size in [0, LARGEST + 1, u32::MAX] {
            assert_eq!(image.method(now, 1, &announce(b"x", size)), REFUSED);
        }
        assert_eq!(image.method(now, 1, &announce(b"corrupt", 600)), Ok(()));
        assert_eq!(
            image.method(now, 2, &block(2, &[1])),
            REFUSED,
            "no such block"
        );
        let unmatched = Err(ActionResult::TYPE_UNMATCHED);
        assert_eq!(image.method(now, 2, &block(0, &[1])), unmatched, "short");
        assert_eq!(image.method(now, 1, &ZERO), unmatched);
        assert_eq!(image.method(now, 2, &block(0, &[1; 512])), Ok(()));
        assert_eq!(image.method(now, 2, &block(1, &[1; 88])), Ok(()));
        assert_eq!(image.method(now, 3, &ZERO), TEMPORARY);
        let later = now + MOMENT;
        assert_eq!(read(&image, later, 6), Data::Enum(4));
        assert_eq!(image.method(later, 3, &ZERO), REFUSED);
        assert_eq!(image.method(later, 4, &ZERO), REFUSED);
        image.enable(&Data::Boolean(false)).unwrap();
        assert_eq!(
            image.method(later, 1, &announce(b"x", 1)),
            Err(ActionResult::READ_WRITE_DENIED)
        );
    }
}
