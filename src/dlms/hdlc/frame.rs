//! One type-3 frame: a view over its octets, and a builder.
//! The view never judges: a wrong checksum or address is still shown; only fields that cannot be told apart are refused.

#[cfg(test)]
mod tests;

use super::{Control, FLAG, fcs};

/// The length field has eleven bits.
pub const MAX_LENGTH: usize = 2047;

/// Format, two one-octet addresses, control, FCS.
pub(super) const MIN_LENGTH: usize = 7;

/// Format (2), control (1), HCS (2), FCS (2); addresses come on top.
const OVERHEAD: usize = 7;

/// Octets of an address field before it counts as endless.
const MAX_ADDRESS: usize = 4;

/// Bit 11 of the format: more segments of this APDU follow.
const SEGMENTED: u8 = 0x08;

/// A view over octets delimited by the length field, flags excluded (format … FCS).
/// Never panics; every accessor says what is there even if it is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    bytes: &'a [u8],
    layout: Layout,
    /// Someone has checked the HCS already and found it right.
    header_right: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {offset} of the frame")]
pub struct FrameError {
    pub offset: usize,
    pub what: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a frame of {0} bytes does not fit: its length field goes up to 2047")]
pub struct TooLong(pub usize);

/// Where the fields of a header lie, as the low bits of its address octets tell.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Layout {
    source_at: usize,
    control_at: usize,
}

impl Layout {
    /// Octets before the HCS, or before the FCS where there is no information.
    pub(super) const fn header(self) -> usize {
        self.control_at.saturating_add(1)
    }

    /// Neither address has three octets.
    pub(super) const fn is_legal(self) -> bool {
        self.source_at != 5 && self.control_at != self.source_at.saturating_add(3)
    }
}

/// Why there is no `Layout`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NoLayout {
    /// The octets end inside an address.
    Short,
    /// The address that starts here is longer than any.
    Endless { at: usize },
}

pub(super) fn layout(bytes: &[u8]) -> Result<Layout, NoLayout> {
    let after_address = |at: usize| {
        let rest = bytes.get(at..).unwrap_or_default();
        match rest
            .iter()
            .take(MAX_ADDRESS)
            .position(|octet| octet & 1 == 1)
        {
            Some(last) => Ok(at.saturating_add(last).saturating_add(1)),
            None if rest.len() < MAX_ADDRESS => Err(NoLayout::Short),
            None => Err(NoLayout::Endless { at }),
        }
    };
    let source_at = after_address(2)?;
    let control_at = after_address(source_at)?;
    Ok(Layout {
        source_at,
        control_at,
    })
}

/// What the format field says: the length, if it is a type-3 format.
pub(super) fn length(high: u8, low: u8) -> Option<usize> {
    (high >> 4 == 0xA).then(|| (usize::from(high & 0x07) << 8) | usize::from(low))
}

impl<'a> Frame<'a> {
    /// `bytes` without flags, exactly as long as its length field says. Fails only where fields cannot be told
    /// apart: no type-3 format, another length, an address that does not end, no room for the checksums.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, FrameError> {
        let wrong = |offset, what| Err(FrameError { offset, what });
        let [high, low, ..] = *bytes else {
            return wrong(bytes.len(), "no whole format field");
        };
        match length(high, low) {
            None => return wrong(0, "no type-3 frame format (A…)"),
            Some(length) if length > bytes.len() => {
                return wrong(bytes.len(), "fewer octets than the length field says");
            }
            Some(length) if length < bytes.len() => {
                return wrong(length, "more octets than the length field says");
            }
            Some(_) => {}
        }
        let layout = match layout(bytes) {
            Ok(layout) => layout,
            Err(NoLayout::Endless { at }) => {
                return wrong(at, "an address that does not end within four bytes");
            }
            Err(NoLayout::Short) => return wrong(bytes.len(), "an address that does not end"),
        };
        match bytes.len().checked_sub(layout.header()) {
            None | Some(0 | 1) => wrong(bytes.len(), "no room for control and FCS"),
            Some(3) => wrong(layout.header(), "no room for both HCS and FCS"),
            Some(_) => Ok(Self {
                bytes,
                layout,
                header_right: false,
            }),
        }
    }

    /// Takes the decoder's word that the HCS is right, so that it is not computed again.
    pub fn with_header_right(self, header_right: bool) -> Self {
        Self {
            header_right,
            ..self
        }
    }

    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    fn range(&self, from: usize, to: usize) -> &'a [u8] {
        self.bytes.get(from..to).unwrap_or_default()
    }

    pub fn segmented(&self) -> bool {
        self.bytes
            .first()
            .is_some_and(|format| format & SEGMENTED != 0)
    }

    /// Address fields as sent; may be of an illegal size. Starts at byte 2.
    pub fn destination(&self) -> &'a [u8] {
        self.range(2, self.layout.source_at)
    }

    /// Follows the destination.
    pub fn source(&self) -> &'a [u8] {
        self.range(self.layout.source_at, self.layout.control_at)
    }

    /// Where the control octet is, from the start of the frame.
    pub fn control_at(&self) -> usize {
        self.layout.control_at
    }

    pub fn control(&self) -> Control {
        Control::decode(
            self.bytes
                .get(self.layout.control_at)
                .copied()
                .unwrap_or_default(),
        )
    }

    /// Where the FCS is, from the start of the frame.
    pub fn fcs_at(&self) -> usize {
        self.bytes.len().saturating_sub(2)
    }

    /// Where the HCS is. None when there is no information field, hence no HCS.
    pub fn hcs_at(&self) -> Option<usize> {
        let at = self.layout.header();
        (at < self.fcs_at()).then_some(at)
    }

    /// Empty when the frame has none.
    pub fn information(&self) -> &'a [u8] {
        self.hcs_at()
            .map_or(&[], |hcs| self.range(hcs.saturating_add(2), self.fcs_at()))
    }

    /// None when there is no information field, hence no HCS.
    pub fn hcs_ok(&self) -> Option<bool> {
        self.hcs_at()
            .map(|hcs| self.header_right || fcs::ends_right(self.range(0, hcs.saturating_add(2))))
    }

    pub fn fcs_ok(&self) -> bool {
        fcs::ends_right(self.bytes)
    }
}

/// Appends a whole frame, flags included. Refuses, and appends nothing, over 2047 octets between the flags.
pub fn build(
    destination: &[u8],
    source: &[u8],
    control: Control,
    segmented: bool,
    information: &[u8],
    out: &mut Vec<u8>,
) -> Result<(), TooLong> {
    let bare = if information.is_empty() { 2 } else { 0 };
    let length = OVERHEAD
        .saturating_add(destination.len())
        .saturating_add(source.len())
        .saturating_add(information.len())
        .saturating_sub(bare);
    let format = u16::try_from(length)
        .ok()
        .filter(|length| usize::from(*length) <= MAX_LENGTH)
        .ok_or(TooLong(length))?
        .to_be_bytes();
    let [high, low] = format;
    let high = 0xA0 | high | if segmented { SEGMENTED } else { 0 };

    out.reserve(length.saturating_add(2));
    out.push(FLAG);
    let start = out.len();
    out.extend_from_slice(&[high, low]);
    out.extend_from_slice(destination);
    out.extend_from_slice(source);
    out.push(control.encode());
    let mut checksum = fcs::Running::new();
    checksum.add(out.get(start..).unwrap_or_default());
    if !information.is_empty() {
        let hcs = checksum.fcs().to_le_bytes();
        checksum.add(&hcs);
        checksum.add(information);
        out.extend_from_slice(&hcs);
        out.extend_from_slice(information);
    }
    out.extend_from_slice(&checksum.fcs().to_le_bytes());
    out.push(FLAG);
    Ok(())
}
