//! The fields MQTT packets are made of: numbers, strings, properties. The rule: every length is checked against what is
//! there, every string is UTF-8 without NUL (clause 1.5.4), and a property stands only where table 2-4 allows it.

use super::packet::{Fault, MALFORMED, PROTOCOL};
use tokio_util::bytes::{BufMut, Bytes, BytesMut};

pub(super) struct Fields(pub Bytes);

impl Fields {
    fn take(&mut self, count: usize) -> Result<Bytes, Fault> {
        if self.0.len() < count {
            return Err(MALFORMED);
        }
        Ok(self.0.split_to(count))
    }

    pub fn byte(&mut self) -> Result<u8, Fault> {
        self.take(1)?.first().copied().ok_or(MALFORMED)
    }

    pub fn number(&mut self) -> Result<u16, Fault> {
        Ok(u16::from(self.byte()?) << 8 | u16::from(self.byte()?))
    }

    fn long(&mut self) -> Result<u32, Fault> {
        Ok(u32::from(self.number()?) << 16 | u32::from(self.number()?))
    }

    /// A packet identifier is never 0 (clause 2.2.1).
    pub fn identifier(&mut self) -> Result<u16, Fault> {
        match self.number()? {
            0 => Err(PROTOCOL),
            number => Ok(number),
        }
    }

    /// A number of one to four bytes (clause 1.5.5).
    fn variable(&mut self) -> Result<u32, Fault> {
        let mut value = 0;
        for at in 0..4 {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x7F) << (7 * at);
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(MALFORMED)
    }

    pub fn binary(&mut self) -> Result<Bytes, Fault> {
        let length = self.number()?;
        self.take(usize::from(length))
    }

    pub fn text(&mut self) -> Result<String, Fault> {
        let bytes = self.binary()?;
        match std::str::from_utf8(&bytes) {
            Ok(text) if !text.contains('\0') => Ok(text.to_owned()),
            _ => Err(MALFORMED),
        }
    }

    pub fn end(&self) -> Result<(), Fault> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(MALFORMED)
        }
    }
}

#[derive(Debug, Default)]
pub(super) struct Properties {
    numbers: Vec<(u8, u32)>,
    raw: Bytes,
    /// Where in `raw` the Will Delay Interval stands: it is no part of the message.
    delay: Option<usize>,
}

impl Properties {
    pub const OF_CONNECT: &[u8] = &[0x11, 0x15, 0x16, 0x17, 0x19, 0x21, 0x22, 0x26, 0x27];
    pub const OF_WILL: &[u8] = &[0x01, 0x02, 0x03, 0x08, 0x09, 0x18, 0x26];
    /// A client sends no Subscription Identifier (clause 3.3.4).
    pub const OF_PUBLISH: &[u8] = &[0x01, 0x02, 0x03, 0x08, 0x09, 0x23, 0x26];
    pub const OF_SUBSCRIBE: &[u8] = &[0x0B, 0x26];
    pub const OF_UNSUBSCRIBE: &[u8] = &[0x26];
    pub const OF_DISCONNECT: &[u8] = &[0x11, 0x1F, 0x26];

    pub fn read(fields: &mut Fields, allowed: &[u8]) -> Result<Self, Fault> {
        let length = fields.variable()?;
        let raw = fields.take(usize::try_from(length).map_err(|_| MALFORMED)?)?;
        let mut rest = Fields(raw.clone());
        let mut numbers: Vec<(u8, u32)> = Vec::new();
        let mut delay = None;
        while !rest.0.is_empty() {
            let at = raw.len() - rest.0.len();
            let name = rest.byte()?;
            // A user property may come again, no other may.
            let again = name != 0x26 && numbers.iter().any(|(known, _)| *known == name);
            if !allowed.contains(&name) || again {
                return Err(PROTOCOL);
            }
            let value = match name {
                0x01 | 0x17 | 0x19 => match rest.byte()? {
                    flag @ 0..=1 => u32::from(flag),
                    _ => return Err(PROTOCOL),
                },
                0x21..=0x23 => rest.number()?.into(),
                0x02 | 0x11 | 0x18 | 0x27 => rest.long()?,
                0x0B => rest.variable()?,
                0x03 | 0x08 | 0x15 | 0x1F => rest.text().map(|_| 0)?,
                0x09 | 0x16 => rest.binary().map(|_| 0)?,
                0x26 => {
                    rest.text()?;
                    rest.text().map(|_| 0)?
                }
                _ => return Err(PROTOCOL),
            };
            if name == 0x18 {
                delay = Some(at);
            }
            if name != 0x26 {
                numbers.push((name, value));
            }
        }
        Ok(Self {
            numbers,
            raw,
            delay,
        })
    }

    pub fn number(&self, name: u8) -> Option<u32> {
        self.numbers
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| *value)
    }

    /// Those that go with the message to its subscribers.
    pub fn forwarded(self) -> Bytes {
        let Some(at) = self.delay else {
            return self.raw;
        };
        let mut kept = BytesMut::with_capacity(self.raw.len());
        kept.put_slice(&self.raw[..at]);
        kept.put_slice(&self.raw[at + 5..]);
        kept.freeze()
    }
}
