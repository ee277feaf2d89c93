//! Which way bytes went, where the log does not say. The rule: what only one side can have sent decides; else the same
//! two addresses as before; else it is the other side's turn.

use super::Direction;
use super::cut::{is_command, look};
use crate::dlms::hdlc::{FLAG, Frame};
use crate::dlms::wrapper::{HEADER_LENGTH, Header};
use crate::dlms::xdlms::tag;

/// Looks at one frame, wrapper PDU or APDU after the other.
#[derive(Clone, Debug, Default)]
pub struct Guess {
    last: Option<Direction>,
    /// Destination and source as the client writes them.
    client: Option<(Vec<u8>, Vec<u8>)>,
}

impl Guess {
    /// What the log itself said.
    pub fn told(&mut self, direction: Direction) {
        self.last = Some(direction);
    }

    /// Flags around a frame do no harm. Octets that are none of the three go with those before them.
    pub fn of(&mut self, octets: &[u8]) -> Direction {
        let direction = self.look(octets);
        self.last = Some(direction);
        direction
    }

    fn look(&mut self, octets: &[u8]) -> Direction {
        let before = self.last.unwrap_or(Direction::Received);
        if let Some(frame) = frame(octets) {
            let other = match before {
                Direction::Sent => Direction::Received,
                Direction::Received => Direction::Sent,
            };
            return self.of_frame(frame).unwrap_or(other);
        }
        let apdu = match Header::parse(octets) {
            Ok(_) => octets.get(HEADER_LENGTH..).unwrap_or_default(),
            Err(_) => octets,
        };
        of_apdu(apdu).unwrap_or(before)
    }

    fn of_frame(&mut self, frame: Frame<'_>) -> Option<Direction> {
        let ends = (frame.destination(), frame.source());
        let hdlc = look(frame.bytes(), false, Direction::Sent);
        let found = match is_command(&hdlc) {
            Some(true) => Some(Direction::Sent),
            Some(false) => Some(Direction::Received),
            // A later segment of an APDU: its first octet is no tag.
            None => None,
        };
        let (to, from) = match (found, &self.client) {
            (Some(Direction::Sent), _) => ends,
            (Some(Direction::Received), _) => (ends.1, ends.0),
            // Where both sides have the same number, addresses tell nothing.
            (None, Some((to, from))) if to != from => {
                return if (ends.0, ends.1) == (to, from) {
                    Some(Direction::Sent)
                } else if (ends.1, ends.0) == (to, from) {
                    Some(Direction::Received)
                } else {
                    None
                };
            }
            (None, _) => return None,
        };
        if self
            .client
            .as_ref()
            .is_none_or(|(t, f)| (t.as_slice(), f.as_slice()) != (to, from))
        {
            self.client = Some((to.to_vec(), from.to_vec()));
        }
        found
    }
}

/// As long as it says, after any flags.
fn frame(octets: &[u8]) -> Option<Frame<'_>> {
    let from = octets.iter().position(|octet| *octet != FLAG)?;
    let rest = octets.get(from..)?;
    let [high, low, ..] = *rest else { return None };
    let length = usize::from(u16::from_be_bytes([high & 7, low]));
    Frame::parse(rest.get(..length)?).ok()
}

/// By the tag of the APDU.
fn of_apdu(octets: &[u8]) -> Option<Direction> {
    match *octets.first()? {
        // Requests, plain and ciphered; the even ones of 60..63 open and release.
        0x01 | 0x05 | 0x06 | 0x16 | 0x21 | 0x25 | 0x26 | 0x45 | 0x46 | 0x60 | 0x62 | 0xC0
        | 0xC1 | 0xC3 | 0xC8 | 0xC9 | 0xCB | 0xD0 | 0xD1 | 0xD3 | 0xD9 => Some(Direction::Sent),
        // General forms carry either.
        0xDB..=0xE0 => None,
        other => tag::name(other).map(|_| Direction::Received),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dlms::hdlc::{Control, frame::build};

    fn framed(to: &[u8], from: &[u8], control: Control, information: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        build(to, from, control, false, information, &mut out).unwrap();
        out
    }

    const RR: Control = Control::ReceiveReady {
        receive: 1,
        poll: true,
    };

    #[test]
    fn what_tells_nothing_itself_goes_by_its_addresses() {
        let mut guess = Guess::default();
        let snrm = framed(&[3], &[0x21], Control::Snrm { poll: true }, &[]);
        assert_eq!(guess.of(&snrm), Direction::Sent);
        for _ in 0..2 {
            assert_eq!(
                guess.of(&framed(&[0x21], &[3], RR, &[])),
                Direction::Received
            );
            assert_eq!(
                guess.of(&framed(&[0x21], &[3], RR, &[])),
                Direction::Received
            );
            assert_eq!(guess.of(&framed(&[3], &[0x21], RR, &[])), Direction::Sent);
        }
    }

    #[test]
    fn where_both_have_one_number_they_take_turns() {
        let mut guess = Guess::default();
        let (snrm, ua) = (Control::Snrm { poll: true }, Control::Ua { poll: true });
        assert_eq!(guess.of(&framed(&[3], &[3], snrm, &[])), Direction::Sent);
        assert_eq!(guess.of(&framed(&[3], &[3], ua, &[])), Direction::Received);
        assert_eq!(guess.of(&framed(&[3], &[3], RR, &[])), Direction::Sent);
        assert_eq!(guess.of(&framed(&[3], &[3], RR, &[])), Direction::Received);
        // Octets that are no frame belong to what was before them.
        assert_eq!(guess.of(&[0xFF, 0x00]), Direction::Received);
        guess.told(Direction::Sent);
        assert_eq!(guess.of(&[0xFF, 0x00]), Direction::Sent);
    }

    #[test]
    fn apdus_go_by_their_tags_in_any_envelope() {
        let mut guess = Guess::default();
        assert_eq!(guess.of(&[0xC0, 1, 0xC1]), Direction::Sent);
        assert_eq!(guess.of(&[0xC4, 1, 0xC1]), Direction::Received);
        let wrapped = [0, 1, 0, 16, 0, 1, 0, 3, 0xC0, 1, 0xC1];
        assert_eq!(guess.of(&wrapped), Direction::Sent);
        assert_eq!(guess.of(&[]), Direction::Sent);
    }
}
