//! The fields of an AARQ, AARE or release that hold a secret, and ciphered APDUs. The rule: better a star too many than
//! a password, so that what does not fit its length is hidden to the end.

use super::apdu::{Choice, Machine, Sized, Task};
use super::length::Length;

/// responding- and calling-authentication-value, user-information.
const RESPONDING: u8 = 0xAA;
const CALLING: u8 = 0xAC;
const USER: u8 = 0xBE;

impl Machine {
    pub(super) fn sized(&mut self, of: Sized, n: u32) {
        match of {
            Sized::Whole => {}
            Sized::Hide => self.push(Task::Hide(n)),
            Sized::Block => self.push(Task::Block(n)),
            Sized::Through => self.push(Task::Through(n)),
            Sized::Field(CALLING | RESPONDING) if n > 0 => {
                self.then(&[Task::Octet(Choice::Charstring(n)), Task::AfterSecret]);
            }
            Sized::Field(USER) => self.then(&[
                // `04`, its length, and what is in it.
                Task::Skip(1),
                Task::Length(Length::Start, Sized::Whole),
                Task::Tag,
                Task::PassRest,
            ]),
            Sized::Skip | Sized::Field(_) => self.push(Task::Skip(n)),
            Sized::Ciphered(tag) => self.push(Task::Octet(Choice::SecurityControl(tag))),
            Sized::List(item) => self.push(Task::List(n, item)),
            Sized::Values => self.push(Task::Values(n)),
            Sized::LastValues => self.push(Task::LastValues(n)),
        }
    }

    /// Behind `80`, in `n` octets: length and octets.
    pub(super) fn charstring_length(&mut self, n: u32, octet: u8) {
        let left = n.saturating_sub(1);
        match octet {
            // A long length: one or two octets of it are shown.
            0x81 | 0x82 => {
                let more = u32::from(octet & 3).min(left);
                self.then(&[Task::Skip(more), Task::Hide(left - more)]);
            }
            _ => self.push(Task::Hide(left)),
        }
    }
}
