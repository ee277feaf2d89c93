//! What a request asks, taken from its first octets. The rule: a copy of a few numbers, no allocation, no judgement.

use crate::cosem::Obis;
use crate::diagnosis::Apdu;
use crate::dlms::xdlms::{Conformance, tag};
use std::fmt;

/// One request as it waits for its answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Frame in which it began.
    pub frame: u64,
    pub tag: u8,
    /// 1 normal, 2 next …; 0 where the service has none or it is ciphered.
    pub choice: u8,
    pub invoke: Option<u8>,
    /// Class, logical name, attribute or method; of single requests in clear.
    pub target: Option<(u16, Obis, i8)>,
    pub selective: bool,
    pub octets: usize,
}

impl Asked {
    pub fn read(apdu: &Apdu<'_>) -> Option<Self> {
        let tag = apdu.tag()?;
        let octet = |at: usize| apdu.octets.get(at).copied();
        let clear = matches!(
            tag,
            tag::GET_REQUEST | tag::SET_REQUEST | tag::ACTION_REQUEST
        );
        let choice = if clear { octet(1)? } else { 0 };
        let target = match (clear && choice == 1, apdu.octets.get(3..12)) {
            (true, Some(&[high, low, ref obis @ .., member])) => obis.try_into().ok().map(|obis| {
                (
                    u16::from_be_bytes([high, low]),
                    Obis(obis),
                    member.cast_signed(),
                )
            }),
            _ => None,
        };
        Some(Self {
            frame: apdu.first,
            tag,
            choice,
            invoke: if clear { octet(2) } else { None },
            target,
            selective: tag != tag::ACTION_REQUEST && target.is_some() && octet(12) == Some(1),
            octets: apdu.octets.len(),
        })
    }

    /// ACTION on method 1 of an association object: pass 3 of the HLS handshake.
    pub fn is_pass_3(&self) -> bool {
        self.tag == tag::ACTION_REQUEST
            && self
                .target
                .is_some_and(|(class, _, method)| matches!((class, method), (15, 1) | (12, 8)))
    }

    /// Sealed with the key of this association alone: ded- services, and general-ded-ciphering.
    pub const fn is_dedicated(&self) -> bool {
        matches!(self.tag, 0x41..=0x5F | 0xD0..=0xD7 | 0xDC)
    }

    pub const fn is_list(&self) -> bool {
        matches!(
            (self.tag, self.choice),
            (tag::GET_REQUEST, 3) | (tag::SET_REQUEST, 4 | 5) | (tag::ACTION_REQUEST, 3 | 5)
        )
    }

    /// Asks for the next block of a long answer.
    pub const fn is_next(&self) -> bool {
        matches!(
            (self.tag, self.choice),
            (tag::GET_REQUEST | tag::ACTION_REQUEST, 2)
        )
    }

    /// Whether `answer` is the tag that answers this service well; refusals have tags of their own.
    pub const fn expects(&self, answer: u8) -> bool {
        match self.tag {
            tag::READ_REQUEST => answer == tag::READ_RESPONSE,
            tag::WRITE_REQUEST => answer == tag::WRITE_RESPONSE,
            0x25 | 0x26 | 0x45 | 0x46 => answer == self.tag.wrapping_add(7),
            0xC0..=0xD3 => answer == self.tag.wrapping_add(4),
            tag::ACCESS_REQUEST => answer == tag::ACCESS_RESPONSE,
            // A general form tells nothing of the service inside, and blocks carry anything.
            _ => true,
        }
    }

    /// The bit of the conformance block without which this may not be asked.
    pub fn lacks(&self, agreed: Conformance) -> Option<u8> {
        let service = match self.tag {
            tag::GET_REQUEST => Conformance::GET,
            tag::SET_REQUEST => Conformance::SET,
            tag::ACTION_REQUEST => Conformance::ACTION,
            tag::READ_REQUEST => Conformance::READ,
            tag::WRITE_REQUEST => Conformance::WRITE,
            tag::ACCESS_REQUEST => Conformance::ACCESS,
            _ => return None,
        };
        let needs = [
            Some(service),
            self.is_list().then_some(Conformance::MULTIPLE_REFERENCES),
            self.selective.then_some(Conformance::SELECTIVE_ACCESS),
        ];
        needs.into_iter().flatten().find(|bit| !agreed.has(*bit))
    }

    /// By logical names, where the service says so.
    pub const fn by_logical_name(&self) -> Option<bool> {
        match self.tag {
            tag::GET_REQUEST | tag::SET_REQUEST | tag::ACTION_REQUEST | tag::ACCESS_REQUEST => {
                Some(true)
            }
            tag::READ_REQUEST | tag::WRITE_REQUEST => Some(false),
            _ => None,
        }
    }
}

/// `get-request 3/1-1:32.7.0.255/2`
impl fmt::Display for Asked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(tag::name(self.tag).unwrap_or("request"))?;
        match self.target {
            Some((class, obis, member)) => write!(f, " {class}/{obis}/{member}"),
            None if self.is_list() => f.write_str(" with a list"),
            None if self.is_next() => f.write_str(" for the next block"),
            None => Ok(()),
        }
    }
}
