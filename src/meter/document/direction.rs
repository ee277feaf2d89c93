//! Which way bytes went, where the log does not say. The one rule: only what no other side could have sent decides;
//! else the same two addresses as before, else whoever spoke last.

use crate::dlms::hdlc::{Control, Frame};
use crate::meter::tap::Direction;

/// LLC headers: of a command, of a response.
const COMMAND: [u8; 3] = [0xE6, 0xE6, 0x00];
const RESPONSE: [u8; 3] = [0xE6, 0xE7, 0x00];
const WRAPPER: [u8; 2] = [0, 1];
const WRAPPER_HEADER: usize = 8;

#[derive(Debug, Default)]
pub(super) struct Guess {
    last: Option<Direction>,
    /// Destination and source as the client writes them.
    client: Option<(Vec<u8>, Vec<u8>)>,
}

impl Guess {
    /// What the log itself said.
    pub(super) fn told(&mut self, direction: Direction) {
        self.last = Some(direction);
    }

    /// One frame, wrapper PDU or APDU.
    pub(super) fn of(&mut self, bytes: &[u8]) -> Direction {
        let found = self.look(bytes);
        let direction = found.or(self.last).unwrap_or(Direction::Received);
        self.last = Some(direction);
        direction
    }

    fn look(&mut self, bytes: &[u8]) -> Option<Direction> {
        if bytes.starts_with(&WRAPPER) {
            return apdu(bytes.get(WRAPPER_HEADER..)?);
        }
        let from = bytes.iter().position(|octet| *octet != 0x7E)?;
        let rest = bytes.get(from..)?;
        let length = match rest {
            [high, low, ..] if high >> 4 == 0x0A => usize::from(high & 7) << 8 | usize::from(*low),
            _ => return apdu(rest),
        };
        let frame = Frame::parse(rest.get(..length)?).ok()?;
        let ends = (frame.destination().to_vec(), frame.source().to_vec());
        let found = match frame.control() {
            Control::Snrm { .. } | Control::Disc { .. } => Some(Direction::Sent),
            Control::Ua { .. } | Control::Dm { .. } | Control::Frmr { .. } => {
                Some(Direction::Received)
            }
            _ => apdu(frame.information()),
        };
        match (found, &self.client) {
            (Some(Direction::Sent), _) => self.client = Some(ends),
            (Some(Direction::Received), _) => self.client = Some((ends.1, ends.0)),
            (None, Some(client)) if *client == ends => return Some(Direction::Sent),
            (None, Some((to, from))) if (from, to) == (&ends.0, &ends.1) => {
                return Some(Direction::Received);
            }
            _ => {}
        }
        found
    }
}

/// By the LLC header or the tag of the APDU.
fn apdu(bytes: &[u8]) -> Option<Direction> {
    if bytes.starts_with(&COMMAND) {
        return Some(Direction::Sent);
    }
    if bytes.starts_with(&RESPONSE) {
        return Some(Direction::Received);
    }
    match bytes.first()? {
        // Requests, plain and ciphered; the even ones of 60..63 open and release.
        0x60 | 0x62 | 0x05 | 0x06 | 0xC0 | 0xC1 | 0xC3 | 0xC8 | 0xC9 | 0xCB | 0xD0 | 0xD1
        | 0xD3 | 0xD9 => Some(Direction::Sent),
        0x61 | 0x63 | 0x0C | 0x0D | 0x0E | 0x0F | 0xC2 | 0xC4 | 0xC5 | 0xC7 | 0xCC | 0xCD
        | 0xCF | 0xD4 | 0xD5 | 0xD7 | 0xD8 | 0xDA => Some(Direction::Received),
        _ => None,
    }
}
