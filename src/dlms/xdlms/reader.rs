//! Reads an APDU from its start, saying which part was missing and where. Never reaches past the end.
use super::error::ApduError;
use crate::cosem::Data;
use crate::dlms::acse::AcseError;

#[derive(Clone, Copy, Debug)]
pub struct Reader<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub const fn new(apdu: &'a [u8]) -> Self {
        Self {
            rest: apdu,
            offset: 0,
        }
    }

    pub const fn error(&self, what: &'static str) -> ApduError {
        ApduError {
            offset: self.offset,
            what,
        }
    }

    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], ApduError> {
        let (array, rest) = self.rest.split_first_chunk().ok_or(ApduError {
            offset: self.offset,
            what,
        })?;
        self.rest = rest;
        self.offset = self.offset.saturating_add(N);
        Ok(*array)
    }

    pub fn byte(&mut self, what: &'static str) -> Result<u8, ApduError> {
        let [byte] = self.array(what)?;
        Ok(byte)
    }

    pub fn u16(&mut self, what: &'static str) -> Result<u16, ApduError> {
        self.array(what).map(u16::from_be_bytes)
    }

    pub fn u32(&mut self, what: &'static str) -> Result<u32, ApduError> {
        self.array(what).map(u32::from_be_bytes)
    }

    /// The octet that must come next.
    pub fn tag(&mut self, tag: u8, what: &'static str) -> Result<(), ApduError> {
        if self.peek() == Some(tag) {
            self.byte(what).map(|_| ())
        } else {
            Err(self.error(what))
        }
    }

    /// A presence or choice octet: 00 or 01.
    pub fn flag(&mut self, what: &'static str) -> Result<bool, ApduError> {
        match self.peek() {
            Some(flag @ (0 | 1)) => {
                self.byte(what)?;
                Ok(flag == 1)
            }
            _ => Err(self.error(what)),
        }
    }

    /// An A-XDR octet string: length, then so many octets.
    pub fn octets(&mut self, what: &'static str) -> Result<&'a [u8], ApduError> {
        let error = self.error(what);
        let length = self.length(what)?;
        self.octets_of(length).map_err(|_| error)
    }

    /// A count or length, alone.
    pub fn length(&mut self, what: &'static str) -> Result<usize, ApduError> {
        let error = self.error(what);
        let (length, used) =
            crate::cosem::data::decode_length(self.rest).map_err(|_| error.clone())?;
        self.rest = self.rest.get(used..).ok_or(error)?;
        self.offset = self.offset.saturating_add(used);
        Ok(length)
    }

    /// One encoded value, and its octets.
    pub fn value(&mut self, what: &'static str) -> Result<(Data, &'a [u8]), ApduError> {
        match Data::decode(self.rest) {
            Ok((value, used)) => Ok((value, self.octets_of(used)?)),
            Err(error) => Err(ApduError {
                offset: self.offset.saturating_add(error.offset),
                what,
            }),
        }
    }

    /// The next so many octets.
    pub fn octets_of(&mut self, length: usize) -> Result<&'a [u8], ApduError> {
        let error = self.error("octets that are missing");
        let (octets, rest) = self.rest.split_at_checked(length).ok_or(error)?;
        self.rest = rest;
        self.offset = self.offset.saturating_add(length);
        Ok(octets)
    }

    /// All that is left, and that is not nothing.
    pub fn something(&mut self, what: &'static str) -> Result<&'a [u8], ApduError> {
        if self.rest.is_empty() {
            Err(self.error(what))
        } else {
            Ok(self.rest())
        }
    }

    pub const fn offset(&self) -> usize {
        self.offset
    }

    pub const fn left(&self) -> usize {
        self.rest.len()
    }

    /// The block that ends a SET or ACTION (DataBlock-SA): last-block, number, raw data.
    pub fn block(&mut self) -> Result<(bool, u32, &'a [u8]), ApduError> {
        let last = self.byte("a block without its last-block flag")? != 0;
        let number = self.u32("a block without its number")?;
        let data = self.octets("a block whose length is not what follows")?;
        self.end("bytes after the block")?;
        Ok((last, number, data))
    }

    pub fn peek(&self) -> Option<u8> {
        self.rest.first().copied()
    }

    /// All that is left.
    pub fn rest(&mut self) -> &'a [u8] {
        self.offset = self.offset.saturating_add(self.rest.len());
        std::mem::take(&mut self.rest)
    }

    /// Nothing may be left.
    pub fn end(&self, what: &'static str) -> Result<(), ApduError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(self.error(what))
        }
    }
}

impl From<ApduError> for AcseError {
    fn from(error: ApduError) -> Self {
        Self {
            offset: error.offset,
            what: error.what,
        }
    }
}
