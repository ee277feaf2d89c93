//! The SNRM/UA parameter group: information lengths and windows, always told from the sender's view.
//! What a peer says is held to the limits of the standard; `decode_raw` shows what it really said.

#[cfg(test)]
mod tests;

/// Octets of information in one frame.
const INFORMATION: (u16, u16) = (32, 2030);
/// Frames on the way without an acknowledgement.
const WINDOW: (u8, u8) = (1, 7);

const FORMAT: u8 = 0x81;
const GROUP: u8 = 0x80;
const USER_GROUP: u8 = 0xF0;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parameters {
    pub max_info_transmit: u16,
    pub max_info_receive: u16,
    pub window_transmit: u8,
    pub window_receive: u8,
}

/// The values as sent, before any limit. None: not sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RawParameters {
    pub max_info_transmit: Option<u32>,
    pub max_info_receive: Option<u32>,
    pub window_transmit: Option<u32>,
    pub window_receive: Option<u32>,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("link parameters: {what} at byte {offset}")]
pub struct ParametersError {
    pub offset: usize,
    pub what: &'static str,
}

impl Default for Parameters {
    fn default() -> Self {
        Self {
            max_info_transmit: 128,
            max_info_receive: 128,
            window_transmit: 1,
            window_receive: 1,
        }
    }
}

impl RawParameters {
    /// Held to the limits; what was not sent gets its default.
    pub fn clamp(self) -> Parameters {
        let size = |value: Option<u32>| {
            let (least, most) = INFORMATION;
            value.map_or(128, |v| u16::try_from(v).unwrap_or(most).clamp(least, most))
        };
        let window = |value: Option<u32>| {
            let (least, most) = WINDOW;
            value.map_or(1, |v| u8::try_from(v).unwrap_or(most).clamp(least, most))
        };
        Parameters {
            max_info_transmit: size(self.max_info_transmit),
            max_info_receive: size(self.max_info_receive),
            window_transmit: window(self.window_transmit),
            window_receive: window(self.window_receive),
        }
    }

    /// Whether any value sent lies outside the limits.
    pub fn is_clamped(self) -> bool {
        let held = self.clamp();
        let differs = |sent: Option<u32>, held: u32| sent.is_some_and(|sent| sent != held);
        differs(self.max_info_transmit, held.max_info_transmit.into())
            || differs(self.max_info_receive, held.max_info_receive.into())
            || differs(self.window_transmit, held.window_transmit.into())
            || differs(self.window_receive, held.window_receive.into())
    }
}

/// Walks identifier, length, value; knows where it is for error messages.
struct Walk<'a> {
    rest: &'a [u8],
    offset: usize,
}

impl<'a> Walk<'a> {
    fn fail<T>(&self, what: &'static str) -> Result<T, ParametersError> {
        Err(ParametersError {
            offset: self.offset,
            what,
        })
    }

    fn octet(&mut self) -> Option<u8> {
        let (octet, rest) = self.rest.split_first()?;
        self.rest = rest;
        self.offset = self.offset.saturating_add(1);
        Some(*octet)
    }

    fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (value, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        self.offset = self.offset.saturating_add(length);
        Some(value)
    }

    fn values(&mut self, into: &mut RawParameters) -> Result<(), ParametersError> {
        while let Some(identifier) = self.octet() {
            let Some(length) = self.octet() else {
                return self.fail("a value without a length");
            };
            if !matches!(length, 1..=4) {
                self.offset = self.offset.saturating_sub(1);
                return self.fail("a value that is not 1 to 4 bytes long");
            }
            let Some(octets) = self.take(length.into()) else {
                return self.fail("a value that runs past its group");
            };
            let value = octets
                .iter()
                .fold(0u32, |value, octet| (value << 8) | u32::from(*octet));
            match identifier {
                0x05 => into.max_info_transmit = Some(value),
                0x06 => into.max_info_receive = Some(value),
                0x07 => into.window_transmit = Some(value),
                0x08 => into.window_receive = Some(value),
                _ => {}
            }
        }
        Ok(())
    }
}

/// Fills `into` as far as the field can be read, so that a caller can go on with that.
fn read(information: &[u8], into: &mut RawParameters) -> Result<(), ParametersError> {
    let mut walk = Walk {
        rest: information,
        offset: 0,
    };
    match walk.octet() {
        None => return Ok(()),
        Some(FORMAT) => {}
        Some(_) => {
            walk.offset = 0;
            return walk.fail("no format identifier 81");
        }
    }
    while let Some(group) = walk.octet() {
        // What follows the user group's identifier is the meter's own affair, to the end of the field.
        if group == USER_GROUP {
            return Ok(());
        }
        let Some(length) = walk.octet() else {
            return walk.fail("a group without a length");
        };
        let start = walk.offset;
        let whole = walk.take(length.into());
        let short = whole.is_none();
        if group == GROUP {
            // A group that claims more than there is still shows its values.
            let rest = whole.unwrap_or(walk.rest);
            Walk {
                rest,
                offset: start,
            }
            .values(into)?;
        }
        if short {
            walk.offset = start.saturating_sub(1);
            return walk.fail("a group longer than the field");
        }
    }
    Ok(())
}

impl Parameters {
    /// From the sender's view. An empty field gives the defaults 128/128/1/1; values outside 32..=2030 and 1..=7
    /// are held to those limits (`decode_raw` tells).
    pub fn decode(information: &[u8]) -> Result<Self, ParametersError> {
        Self::decode_raw(information).map(RawParameters::clamp)
    }

    /// What was sent, whether legal or not.
    pub fn decode_raw(information: &[u8]) -> Result<RawParameters, ParametersError> {
        let mut raw = RawParameters::default();
        read(information, &mut raw).map(|()| raw)
    }

    /// As much as can be read, defaults for the rest: for a link that would rather go on than give up.
    pub fn decode_readable(information: &[u8]) -> Self {
        let mut raw = RawParameters::default();
        let _ = read(information, &mut raw);
        raw.clamp()
    }

    /// Two-byte sizes and four-byte windows, as most clients write them.
    pub fn encode(&self, out: &mut Vec<u8>) {
        self.encode_with(out, false);
    }

    /// One-byte sizes where both fit, as Microstar and others answer; windows in four bytes all the same.
    pub fn encode_short(&self, out: &mut Vec<u8>) {
        let fits = self.max_info_transmit <= 0xFF && self.max_info_receive <= 0xFF;
        self.encode_with(out, fits);
    }

    fn encode_with(self, out: &mut Vec<u8>, short: bool) {
        out.extend_from_slice(&[FORMAT, GROUP, if short { 0x12 } else { 0x14 }]);
        for (identifier, size) in [
            (0x05, self.max_info_transmit),
            (0x06, self.max_info_receive),
        ] {
            let [high, low] = size.to_be_bytes();
            if short {
                out.extend_from_slice(&[identifier, 1, low]);
            } else {
                out.extend_from_slice(&[identifier, 2, high, low]);
            }
        }
        for (identifier, window) in [(0x07, self.window_transmit), (0x08, self.window_receive)] {
            out.extend_from_slice(&[identifier, 4, 0, 0, 0, window]);
        }
    }

    /// What holds for us: our transmit is capped by the peer's receive and the other way round.
    pub fn negotiate(ours: &Self, peer: &Self) -> Self {
        Self {
            max_info_transmit: ours.max_info_transmit.min(peer.max_info_receive),
            max_info_receive: ours.max_info_receive.min(peer.max_info_transmit),
            window_transmit: ours.window_transmit.min(peer.window_receive),
            window_receive: ours.window_receive.min(peer.window_transmit),
        }
    }
}
