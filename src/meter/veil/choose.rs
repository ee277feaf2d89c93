//! What comes after a tag, a form or a choice, service by service (IEC 62056-5-3, the xDLMS ASN.1 module). The rule: a
//! form that is not known is hidden where it is a request that may carry anything, and shown else.

use super::apdu::{Choice, Item, Machine, Member, Sized, Task};
use super::length::Length;
use super::{Caution, Talk};

const INVOKE: Task = Task::Skip(1);
const LONG_INVOKE: Task = Task::Skip(4);
const ATTRIBUTE: Task = Task::Descriptor(0, Member::Attribute);
const METHOD: Task = Task::Descriptor(0, Member::Method);
const SELECTION: Task = Task::Octet(Choice::Selection);
/// Last-block, then the block's number.
const LAST: Task = Task::Skip(1);
const NUMBER: Task = Task::Number(4, 0, true);
/// Of a value whose form is not followed.
const OPAQUE: Task = Task::Number(4, 0, false);
const BLOCK: Task = length(Sized::Block);
const GENERAL_CIPHERING: u8 = 0xDD;

const fn length(of: Sized) -> Task {
    Task::Length(Length::Start, of)
}

impl Machine {
    pub(super) fn tag(&mut self, tag: u8, caution: Caution, talk: &mut Talk) {
        // A request says what its answer is about; an answer goes by that.
        self.request = matches!(tag, 0x05 | 0x06 | 0x16 | 0xC0 | 0xC1 | 0xC3 | 0xD9);
        self.secret = !self.request && talk.asked;
        if matches!(tag, 0x05 | 0x06 | 0x16 | 0x60 | 0x61 | 0xD9) {
            *talk = Talk::default();
        }
        match tag {
            0x60..=0x63 => self.then(&[length(Sized::Whole), Task::Fields]),
            // InitiateRequest.
            0x01 => self.push(Task::Octet(Choice::DedicatedKey)),
            0x05 => self.push(length(Sized::List(Item::Variable))),
            0x06 | 0x16 => {
                // Whose names these are only an object list says.
                self.secret = caution == Caution::Leaving;
                self.then(&[
                    length(Sized::List(Item::Variable)),
                    length(Sized::LastValues),
                ]);
            }
            0x0C => self.push(length(Sized::List(Item::ReadResult))),
            0xC0 | 0xC1 | 0xC3 | 0xC4 | 0xC7 => self.push(Task::Octet(Choice::Form(tag))),
            0xD9 => self.then(&[
                LONG_INVOKE,
                length(Sized::Skip),
                length(Sized::List(Item::Specification)),
                length(Sized::LastValues),
            ]),
            0xDA => self.then(&[
                LONG_INVOKE,
                length(Sized::Skip),
                Task::Octet(Choice::Specifications),
            ]),
            0xE0 => self.push(Task::Octet(Choice::LastBlock)),
            // The glo- and ded- forms.
            0x21
            | 0x25
            | 0x26
            | 0x28
            | 0x2C
            | 0x2D
            | 0x36
            | 0x38
            | 0x41
            | 0x45
            | 0x46
            | 0x48
            | 0x4C
            | 0x4D
            | 0x56
            | 0x58
            | 0xC8..=0xD7 => self.push(length(Sized::Ciphered(tag))),
            0xDB | 0xDC => self.then(&[length(Sized::Skip), length(Sized::Ciphered(tag))]),
            GENERAL_CIPHERING => {
                self.then(&[
                    Task::Octet(Choice::KeyInfo),
                    length(Sized::Ciphered(GENERAL_CIPHERING)),
                ]);
                self.five_strings();
            }
            // general-signing: content, then its signature.
            0xDF => {
                self.then(&[length(Sized::Whole), Task::Tag, Task::PassRest]);
                self.five_strings();
            }
            // Answers that carry no value, notifications of readings.
            0x08 | 0x0D | 0x0E | 0x0F | 0x10 | 0x18 | 0xC2 | 0xC5 | 0xD8 => {
                self.push(Task::PassRest);
            }
            _ if caution == Caution::Told || (caution == Caution::Leaving && self.sent) => {
                self.push(Task::HideRest);
            }
            _ => self.push(Task::PassRest),
        }
    }

    /// transaction-id, originator, recipient, date-time, other-information.
    fn five_strings(&mut self) {
        self.then(&[length(Sized::Skip); 5]);
    }

    pub(super) fn item(&mut self, item: Item) {
        match item {
            Item::Attribute => self.then(&[ATTRIBUTE, SELECTION]),
            Item::Method => self.push(METHOD),
            Item::GetResult => self.push(Task::Octet(Choice::Result)),
            Item::ActionResult => self.then(&[Task::Skip(1), Task::Octet(Choice::Optional)]),
            Item::Specification => self.push(Task::Octet(Choice::Specification)),
            Item::Variable => self.push(Task::Octet(Choice::Variable)),
            Item::ReadResult => self.push(Task::Octet(Choice::ReadResult)),
        }
    }

    pub(super) fn chosen(&mut self, choice: Choice, octet: u8, caution: Caution, talk: &mut Talk) {
        match (choice, octet) {
            (Choice::Form(tag), form) => self.form(tag, form, talk),
            (Choice::Selection, 1) => self.selection(),
            (Choice::Parameters, 1) => self.push(Task::LastValues(1)),
            (Choice::Result | Choice::ReadResult, 0) => self.push(Task::Values(1)),
            (Choice::Result, _) | (Choice::ReadResult, 1) | (Choice::KeyForm, 0) => {
                self.push(Task::Skip(1));
            }
            (Choice::BlockResult, 0) => self.push(BLOCK),
            (Choice::Optional, 1) => self.push(Task::Octet(Choice::Result)),
            (Choice::Specifications, 0) => self.answers(),
            (Choice::Specifications, 1) => {
                self.answers();
                self.push(length(Sized::List(Item::Specification)));
            }
            (Choice::Specification, 1 | 2) => self.push(ATTRIBUTE),
            (Choice::Specification, 3) => self.push(METHOD),
            (Choice::Specification, 4 | 5) => {
                // A selection follows without an octet that says so.
                self.then(&[ATTRIBUTE, Task::Skip(1), Task::Plain]);
            }
            (Choice::Variable, 2) => self.push(Task::Name(0, false)),
            (Choice::Variable, 4) => {
                self.then(&[Task::Name(0, false), Task::Skip(1), Task::Values(1)]);
            }
            (Choice::Variable, 5) | (Choice::ReadResult, 3) => self.push(Task::Skip(2)),
            (Choice::Variable, 6) | (Choice::ReadResult, 2) => {
                self.then(&[LAST, Task::Number(2, 0, false), BLOCK]);
            }
            (Choice::Variable, 7) => self.push(Task::Skip(3)),
            (Choice::DedicatedKey, 1) => {
                self.then(&[length(Sized::Hide), Task::PassRest]);
            }
            (Choice::Charstring(n), _) => {
                self.push(Task::Octet(Choice::CharstringLength(n.saturating_sub(1))));
            }
            (Choice::CharstringLength(n), _) => self.charstring_length(n, octet),
            (Choice::SecurityControl(tag), control) => self.secured(tag, control, caution),
            (Choice::KeyInfo, 1) => self.push(Task::Octet(Choice::KeyForm)),
            // Wrapped by a key of this number; agreed with these parameters.
            (Choice::KeyForm, 1) => self.then(&[Task::Skip(1), length(Sized::Hide)]),
            (Choice::KeyForm, 2) => self.then(&[length(Sized::Skip), length(Sized::Hide)]),
            (Choice::LastBlock, control) => {
                self.last_block = control & 0x80 != 0;
                // Number and number acknowledged.
                self.then(&[Task::Skip(4), length(Sized::Through)]);
            }
            (
                Choice::Specification | Choice::Variable | Choice::ReadResult | Choice::KeyForm,
                _,
            ) => {
                self.push(if self.hidden_for_good(caution) {
                    Task::HideRest
                } else {
                    Task::PassRest
                });
            }
            _ => {}
        }
    }

    fn hidden_for_good(&self, caution: Caution) -> bool {
        self.secret || (self.request && caution != Caution::Said)
    }

    fn answers(&mut self) {
        self.then(&[length(Sized::Values), Task::PassRest]);
    }

    /// A selector and its parameters, which are no secret.
    fn selection(&mut self) {
        self.then(&[Task::Skip(1), Task::Plain]);
    }

    fn form(&mut self, tag: u8, form: u8, talk: &mut Talk) {
        const GET: u8 = 0xC0;
        const SET: u8 = 0xC1;
        const ACTION: u8 = 0xC3;
        const GOT: u8 = 0xC4;
        const ACTED: u8 = 0xC7;
        // All but the request for the next block, or one of it, begin anew.
        let goes_on = matches!((tag, form), (GET | ACTION, 2) | (SET, 3) | (ACTION, 6));
        if self.request && !goes_on {
            *talk = Talk {
                asked: false,
                list: form == 3,
            };
        }
        match (tag, form) {
            (GET, 1) => self.then(&[INVOKE, ATTRIBUTE, Task::PassRest]),
            (GET, 3) => self.then(&[INVOKE, length(Sized::List(Item::Attribute))]),
            (SET, 1) => self.then(&[INVOKE, ATTRIBUTE, SELECTION, Task::LastValues(1)]),
            (SET, 2) => self.then(&[INVOKE, ATTRIBUTE, SELECTION, LAST, NUMBER, BLOCK]),
            (SET, 3) | (ACTION, 6) => self.then(&[INVOKE, LAST, Task::Skip(4), BLOCK]),
            (SET, 4) => self.then(&[
                INVOKE,
                length(Sized::List(Item::Attribute)),
                length(Sized::LastValues),
            ]),
            (SET, 5) => self.then(&[
                INVOKE,
                length(Sized::List(Item::Attribute)),
                LAST,
                OPAQUE,
                BLOCK,
            ]),
            (ACTION, 1) => self.then(&[INVOKE, METHOD, Task::Octet(Choice::Parameters)]),
            (ACTION, 3) => self.then(&[
                INVOKE,
                length(Sized::List(Item::Method)),
                length(Sized::LastValues),
            ]),
            (ACTION, 4) => self.then(&[INVOKE, METHOD, LAST, NUMBER, BLOCK]),
            (ACTION, 5) => self.then(&[
                INVOKE,
                length(Sized::List(Item::Method)),
                LAST,
                OPAQUE,
                BLOCK,
            ]),
            (GOT, 1) => self.then(&[INVOKE, Task::Octet(Choice::Result)]),
            (GOT, 2) => self.then(&[INVOKE, LAST, NUMBER, Task::Octet(Choice::BlockResult)]),
            (GOT, 3) => self.then(&[INVOKE, length(Sized::List(Item::GetResult))]),
            (ACTED, 1) => self.then(&[INVOKE, Task::Skip(1), Task::Octet(Choice::Optional)]),
            (ACTED, 2) => self.then(&[INVOKE, LAST, OPAQUE, BLOCK]),
            (ACTED, 3) => self.then(&[INVOKE, length(Sized::List(Item::ActionResult))]),
            (GET | ACTION, 2) | (ACTED, 4) => self.push(Task::PassRest),
            _ => self.push(if self.request || self.secret {
                Task::HideRest
            } else {
                Task::PassRest
            }),
        }
    }

    /// Counter, then the APDU itself or its ciphertext.
    fn secured(&mut self, tag: u8, control: u8, caution: Caution) {
        const COUNTER: Task = Task::Skip(4);
        const ENCRYPTED: u8 = 0x20;
        const COMPRESSED: u8 = 0x80;
        let open = control & (ENCRYPTED | COMPRESSED) == 0;
        // Of requests: the forms of SET and ACTION (WRITE), and those that may hold any.
        let may_carry = matches!(
            tag,
            0x26 | 0x36 | 0x46 | 0x56 | 0xC9 | 0xCB | 0xD1 | 0xD3 | 0xDB..=0xDD
        );
        let hide = match caution {
            Caution::Said => false,
            Caution::Told => self.sent,
            Caution::Leaving => !open && may_carry && self.sent,
        };
        let rest = if hide { Task::HideRest } else { Task::PassRest };
        if open && !hide {
            self.then(&[COUNTER, Task::Tag, Task::PassRest]);
        } else {
            self.then(&[COUNTER, rest]);
        }
    }
}
