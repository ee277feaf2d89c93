//! Healthy GETs in a row, known by their octets. The rule: usual is only what no rule could have a word on; at the least
//! doubt it is not.

use super::Direction;
use crate::dlms::hdlc::{FLAG, LLC_COMMAND, LLC_RESPONSE, fcs};
use crate::dlms::xdlms::tag;

/// Exchanges in a row after which more of the same is no news: the numbers of a link have come round twice, so that
/// whatever a rule kept of earlier trouble has met them all.
const SETTLED: u32 = 16;
/// Octets of a usual chunk, flags and all; room for a clock or a short string.
pub(super) const LONGEST: usize = 48;
/// Addresses of a frame: a server of four octets, and the client.
const ENDS: usize = 5;
/// Data, registers, clocks and profiles: what they hold says nothing about the conversation.
const CLASSES: [u8; 6] = [1, 3, 4, 5, 7, 8];

/// Follows a client that asks and a meter that answers, one I frame each.
#[derive(Clone, Debug, Default)]
pub(super) struct Pace {
    turn: Turn,
    /// Whole exchanges so far.
    run: u32,
    /// The client's next N(S), and the meter's.
    send: u8,
    receive: u8,
    /// The addresses as the client writes them, and as the meter does.
    there: [u8; ENDS],
    back: [u8; ENDS],
    ends: usize,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Turn {
    #[default]
    Lost,
    Ask,
    Answer {
        invoke: u8,
    },
}

impl Pace {
    /// The run is over.
    pub fn lose(&mut self) {
        self.turn = Turn::Lost;
        self.run = 0;
    }

    /// More of the same is no news.
    pub fn is_settled(&self) -> bool {
        self.run >= SETTLED
    }

    /// Takes a chunk; true where it goes on as it should. A request after anything else begins anew.
    pub fn follow(&mut self, direction: Direction, chunk: &[u8]) -> bool {
        let usual = match (self.turn, direction) {
            (Turn::Ask, Direction::Sent) => self.asks(chunk).is_some(),
            (Turn::Answer { invoke }, Direction::Received) => self.answers(chunk, invoke).is_some(),
            _ => false,
        };
        if !usual {
            self.lose();
            if direction == Direction::Sent {
                let _ = self.begins(chunk);
            }
        }
        usual
    }

    fn begins(&mut self, chunk: &[u8]) -> Option<()> {
        let addresses = chunk.get(3..)?;
        let server = addresses.iter().take(4).position(|octet| octet & 1 == 1)?;
        let server = server.saturating_add(1);
        let client = *addresses.get(server)?;
        if server == 3 || client & 1 == 0 {
            return None;
        }
        self.ends = server.saturating_add(1);
        let there = addresses.get(..self.ends)?;
        self.there.get_mut(..self.ends)?.copy_from_slice(there);
        let (first, rest) = self.back.split_first_mut()?;
        *first = client;
        rest.get_mut(..server)?
            .copy_from_slice(there.get(..server)?);
        let control = *addresses.get(self.ends)?;
        (self.send, self.receive) = (control >> 1 & 7, control >> 5);
        self.asks(chunk)
    }

    fn asks(&mut self, chunk: &[u8]) -> Option<()> {
        let control = self.receive << 5 | 0x10 | self.send << 1;
        let information = information(chunk, self.there.get(..self.ends)?, control)?;
        // get-request-normal: invoke-id, class, six octets of OBIS code, attribute, no selection.
        let (llc, apdu) = information.split_first_chunk()?;
        let &[
            tag::GET_REQUEST,
            1,
            invoke,
            0,
            class,
            _,
            _,
            _,
            _,
            _,
            _,
            _,
            0,
        ] = apdu
        else {
            return None;
        };
        if *llc != LLC_COMMAND || !CLASSES.contains(&class) {
            return None;
        }
        self.turn = Turn::Answer { invoke };
        self.send = self.send.wrapping_add(1) & 7;
        Some(())
    }

    fn answers(&mut self, chunk: &[u8], asked: u8) -> Option<()> {
        let control = self.send << 5 | 0x10 | self.receive << 1;
        let information = information(chunk, self.back.get(..self.ends)?, control)?;
        let (llc, apdu) = information.split_first_chunk()?;
        let &[tag::GET_RESPONSE, 1, invoke, 0, ref data @ ..] = apdu else {
            return None;
        };
        if *llc != LLC_RESPONSE || invoke != asked || !is_plain(data) {
            return None;
        }
        self.turn = Turn::Ask;
        self.receive = self.receive.wrapping_add(1) & 7;
        self.run = self.run.saturating_add(1);
        Some(())
    }
}

/// The information of one whole frame between its flags, nothing beside it, with these addresses, this control octet
/// and right checks.
fn information<'a>(chunk: &'a [u8], ends: &[u8], control: u8) -> Option<&'a [u8]> {
    let (&[FLAG, 0xA0, length], rest) = chunk.split_first_chunk()? else {
        return None;
    };
    let (&[.., FLAG], true) = (rest, usize::from(length).checked_add(2)? == chunk.len()) else {
        return None;
    };
    if chunk.len() > LONGEST || rest.get(..ends.len())? != ends || *rest.get(ends.len())? != control
    {
        return None;
    }
    let header = ends.len().checked_add(5)?;
    let (header, content) = chunk
        .get(1..chunk.len().checked_sub(1)?)?
        .split_at_checked(header)?;
    fcs::both_right(header, content).then(|| content.get(..content.len().checked_sub(2)?))?
}

/// A value that ends where it says: a number, a short string, or scaler and unit.
fn is_plain(data: &[u8]) -> bool {
    match *data {
        [0x0F | 0x11 | 0x16, _]
        | [0x10 | 0x12, _, _]
        | [0x05 | 0x06 | 0x17, _, _, _, _]
        | [0x14 | 0x15 | 0x18, _, _, _, _, _, _, _, _]
        | [0x02, 2, 0x0F, _, 0x16, _] => true,
        [0x09, length @ 0..0x80, ref octets @ ..] => octets.len() == usize::from(length),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cosem::Data;
    use crate::dlms::hdlc::{Control, frame};

    #[test]
    fn a_plain_value_can_be_decoded() {
        for tag in 0..=0xFF_u8 {
            for length in 0..20 {
                for fill in [0, 1, 2, 0x0F, 0x16, 0xFF] {
                    let mut data = vec![fill; length];
                    data.insert(0, tag);
                    if is_plain(&data) {
                        assert!(Data::decode(&data).is_ok(), "{data:02X?}");
                    }
                }
            }
        }
        assert!(is_plain(&[2, 2, 0x0F, 0xFE, 0x16, 0x23]));
        assert!(Data::decode(&[2, 2, 0x0F, 0xFE, 0x16, 0x23]).is_ok());
    }

    fn chunk(server: &[u8], ours: bool, send: u8, receive: u8, apdu: &[u8]) -> Vec<u8> {
        let poll = true;
        let control = Control::Information {
            send,
            receive,
            poll,
        };
        let (to, from): (&[u8], &[u8]) = if ours {
            (server, &[0x21])
        } else {
            (&[0x21], server)
        };
        let llc: [u8; 3] = if ours { LLC_COMMAND } else { LLC_RESPONSE };
        let information = [&llc, apdu].concat();
        let mut out = Vec::new();
        frame::build(to, from, control, false, &information, &mut out).unwrap();
        out
    }

    const GET: [u8; 13] = [0xC0, 1, 0xC1, 0, 3, 1, 0, 32, 7, 0, 255, 2, 0];
    const DATA: [u8; 9] = [0xC4, 1, 0xC1, 0, 6, 0, 0, 0x34, 0xE4];

    #[test]
    fn a_run_settles_with_addresses_of_every_size() {
        for server in [&[3][..], &[2, 0x23], &[0, 2, 4, 7]] {
            let mut pace = Pace::default();
            for n in 0..SETTLED {
                let n = u8::try_from(n & 7).unwrap();
                let next = (n + 1) & 7;
                assert!(!pace.is_settled());
                let asked = pace.follow(Direction::Sent, &chunk(server, true, n, n, &GET));
                assert_eq!(asked, n > 0 || pace.run > 0, "the first begins");
                assert!(pace.follow(Direction::Received, &chunk(server, false, n, next, &DATA)));
            }
            assert!(pace.is_settled());
            pace.lose();
            assert!(!pace.is_settled());
        }
    }

    #[test]
    fn any_octet_changed_is_not_usual() {
        let asked = chunk(&[3], true, 0, 0, &GET);
        let answer = chunk(&[3], false, 0, 1, &DATA);
        for at in 0..answer.len() {
            for bit in 0..8 {
                let mut pace = Pace::default();
                pace.follow(Direction::Sent, &asked);
                let mut damaged = answer.clone();
                damaged[at] ^= 1 << bit;
                assert!(!pace.follow(Direction::Received, &damaged), "{at} {bit}");
            }
        }
        // Nor is one that is cut, doubled, refused, or for another request.
        let refused = chunk(&[3], false, 0, 1, &[0xC4, 1, 0xC1, 1, 4]);
        let other = chunk(&[3], false, 0, 1, &[0xC4, 1, 0xC2, 0, 0x11, 4]);
        let twice = [&answer[..], &answer].concat();
        for wrong in [&answer[..9], &twice, &refused, &other, &[]] {
            let mut pace = Pace::default();
            pace.follow(Direction::Sent, &asked);
            assert!(!pace.follow(Direction::Received, wrong), "{wrong:02X?}");
        }
    }
}
