//! Follows one APDU octet by octet. The one rule: it knows only as much of each form as it takes to find the next field,
//! as tasks on a small stack: the uppermost takes the octet.

use super::length::Length;
use super::value::Value;
use super::{Caution, Talk};
use crate::meter::tap::Direction;

/// Tasks within tasks; forms need half as many, and a hostile one ends here.
const DEEP: usize = 16;

#[derive(Clone, Copy, Debug)]
pub(super) enum Task {
    /// LLC octets, or the tag where there are none.
    Llc,
    Tag,
    Skip(u32),
    Hide(u32),
    PassRest,
    HideRest,
    Length(Length, Sized),
    /// One octet that decides what comes.
    Octet(Choice),
    /// Of class, OBIS code, attribute or method, so many octets are there.
    Descriptor(usize, Member),
    /// A short name, its first octet, whether that is there.
    Name(u8, bool),
    /// The octets of a block's number that are to come, the number so far, and whether the value in blocks is followed.
    Number(u8, u32, bool),
    List(u32, Item),
    /// Fields of an AARQ, AARE or release.
    Fields,
    /// What should follow the authentication value; else its length was wrong, and it goes on.
    AfterSecret,
    /// So many values, hidden if any of them is a secret.
    Values(u32),
    /// As `Values`, with nothing behind it.
    LastValues(u32),
    /// One that is no secret.
    Plain,
    Value,
    /// A part of a value in blocks.
    Block(u32),
    /// A part of an APDU in blocks.
    Through(u32),
}

/// What a length is of.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sized {
    /// Of all that follows; believed later, field by field.
    Whole,
    Skip,
    Hide,
    Block,
    Through,
    /// A field of this tag.
    Field(u8),
    /// `security-control counter ciphertext`, of an APDU of this tag.
    Ciphered(u8),
    List(Item),
    Values,
    LastValues,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Item {
    Attribute,
    Method,
    GetResult,
    ActionResult,
    Specification,
    Variable,
    ReadResult,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Member {
    Attribute,
    Method,
}

#[derive(Clone, Copy, Debug)]
pub(super) enum Choice {
    /// The form of this service.
    Form(u8),
    /// 00, or 01 and a selection.
    Selection,
    /// 00, or 01 and parameters.
    Parameters,
    /// 00 data, or 01 and a result.
    Result,
    /// 00 and the last block's octets, or 01 and a result.
    BlockResult,
    /// 00, or 01 and a result with data.
    Optional,
    Specification,
    Specifications,
    Variable,
    ReadResult,
    /// 00, or 01 and a dedicated key.
    DedicatedKey,
    /// 80 before the authentication value of so many octets, then its length.
    Charstring(u32),
    CharstringLength(u32),
    SecurityControl(u8),
    KeyInfo,
    KeyForm,
    /// The control octet of a general block transfer, and its block's number before the octets.
    LastBlock,
}

#[derive(Clone, Copy, Debug)]
#[expect(
    clippy::struct_excessive_bools,
    reason = "each is one fact of the APDU"
)]
pub(super) struct Machine {
    tasks: [Task; DEEP],
    top: usize,
    pub(super) sent: bool,
    /// What this APDU carries is secret.
    pub(super) secret: bool,
    pub(super) request: bool,
    descriptor: [u8; 9],
    value: Value,
    /// The block of a general transfer is the last.
    pub(super) last_block: bool,
    /// What a value in blocks has come to; over APDUs.
    pub(super) block: Option<Value>,
}

/// What becomes of an octet.
pub(super) enum Fate {
    Show,
    Hide,
    /// It belongs to the APDU within.
    Through,
}

impl Machine {
    pub(super) const fn new(direction: Direction) -> Self {
        Self {
            tasks: [Task::Llc; DEEP],
            top: 1,
            sent: matches!(direction, Direction::Sent),
            secret: false,
            request: false,
            descriptor: [0; 9],
            value: Value::of(0, false),
            last_block: false,
            block: None,
        }
    }

    /// The next APDU begins with `first`.
    pub(super) fn begin(&mut self, first: Task) {
        self.top = 0;
        self.push(first);
        (self.secret, self.request, self.last_block) = (false, false, false);
    }

    /// Nothing that was under way goes on: a new link.
    pub(super) fn reset(&mut self) {
        self.begin(Task::Llc);
        self.block = None;
    }

    pub(super) const fn at_rest(&self) -> bool {
        self.top == 1 && matches!(self.tasks[0], Task::Llc) && self.block.is_none()
    }

    pub(super) fn push(&mut self, task: Task) {
        match self.tasks.get_mut(self.top) {
            Some(place) => {
                *place = task;
                self.top += 1;
            }
            None => self.tasks = [Task::HideRest; DEEP],
        }
    }

    /// `tasks` in the order they are to come.
    pub(super) fn then(&mut self, tasks: &[Task]) {
        for task in tasks.iter().rev() {
            self.push(*task);
        }
    }

    fn pop(&mut self) -> Option<Task> {
        self.top = self.top.checked_sub(1)?;
        self.tasks.get(self.top).copied()
    }

    /// The next task that takes an octet.
    fn ready(&mut self, caution: Caution) -> Option<Task> {
        loop {
            match self.pop()? {
                Task::Skip(0) | Task::Hide(0) | Task::Through(0) | Task::List(0, _) => {}
                Task::Block(0) => self.block = self.block.filter(|block| !block.over()),
                Task::Value if self.value.over() => {}
                Task::List(n, item) => {
                    self.push(Task::List(n - 1, item));
                    self.item(item);
                }
                Task::Values(n) => {
                    self.value = Value::of(n, self.hides(caution));
                    self.push(Task::Value);
                }
                Task::LastValues(n) => {
                    if self.hides(caution) {
                        self.push(Task::HideRest);
                    }
                    self.push(Task::Values(n));
                }
                Task::Plain => {
                    self.value = Value::of(1, false);
                    self.push(Task::Value);
                }
                task => return Some(task),
            }
        }
    }

    fn hides(&self, caution: Caution) -> bool {
        self.secret || (self.request && caution == Caution::Told)
    }

    pub(super) fn step(&mut self, octet: u8, caution: Caution, talk: &mut Talk) -> Fate {
        let Some(next) = self.ready(caution) else {
            return Fate::Show;
        };
        match next {
            Task::Hide(n) => {
                self.push(Task::Hide(n - 1));
                return Fate::Hide;
            }
            Task::HideRest => {
                self.push(next);
                return Fate::Hide;
            }
            Task::Through(n) => {
                self.push(Task::Through(n - 1));
                return Fate::Through;
            }
            Task::Value => {
                self.push(next);
                return fate(self.value.step(octet));
            }
            Task::Block(n) => {
                self.push(Task::Block(n - 1));
                // Its beginning was not seen: what a request carries may be a secret.
                let hide = self.request || self.secret;
                let block = self.block.get_or_insert(Value::unseen(hide));
                return fate(block.step(octet));
            }
            Task::AfterSecret => {
                const IMPLEMENTATION: u8 = 0xBD;
                const USER: u8 = 0xBE;
                if matches!(octet, IMPLEMENTATION | USER) {
                    self.then(&[
                        Task::Length(Length::Start, Sized::Field(octet)),
                        Task::Fields,
                    ]);
                } else {
                    self.push(Task::HideRest);
                    return Fate::Hide;
                }
            }
            Task::Llc if octet == 0xE6 => self.then(&[Task::Skip(2), Task::Tag]),
            Task::Llc | Task::Tag => self.tag(octet, caution, talk),
            Task::Skip(n) => self.push(Task::Skip(n - 1)),
            Task::PassRest => self.push(next),
            Task::Length(length, of) => match length.step(octet) {
                Length::Is(n) => self.sized(of, n),
                length => self.push(Task::Length(length, of)),
            },
            // Not a string as it should be: this may be the password itself.
            Task::Octet(Choice::Charstring(n)) if octet != 0x80 => {
                self.push(Task::Hide(n.saturating_sub(1)));
                return Fate::Hide;
            }
            Task::Octet(choice) => self.chosen(choice, octet, caution, talk),
            Task::Descriptor(got, member) => self.described(got, member, octet, talk),
            Task::Name(_, false) => self.push(Task::Name(octet, true)),
            Task::Name(high, true) => {
                let secret = super::short_name(u16::from_be_bytes([high, octet]));
                self.learn(secret, talk);
            }
            Task::Number(left, number, followed) => {
                let number = number << 8 | u32::from(octet);
                if left > 1 {
                    self.push(Task::Number(left - 1, number, followed));
                } else if number <= 1 {
                    let hide = self.hides(caution);
                    let followed = followed && (self.request || !talk.list);
                    self.block = Some(if followed {
                        Value::of(1, hide)
                    } else {
                        Value::unseen(hide)
                    });
                }
            }
            Task::Fields => self.then(&[Task::Length(Length::Start, Sized::Field(octet)), next]),
            // These take no octet: they were gone into above.
            Task::List(..) | Task::Values(_) | Task::LastValues(_) | Task::Plain => {}
        }
        Fate::Show
    }

    fn described(&mut self, got: usize, member: Member, octet: u8, talk: &mut Talk) {
        if let Some(to) = self.descriptor.get_mut(got) {
            *to = octet;
        }
        if got + 1 < self.descriptor.len() {
            self.push(Task::Descriptor(got + 1, member));
            return;
        }
        let [high, low, .., which] = self.descriptor;
        let (class, which) = (u16::from_be_bytes([high, low]), which.cast_signed());
        let secret = match member {
            Member::Attribute => super::attribute(class, which),
            Member::Method => super::method(class, which),
        };
        self.learn(secret, talk);
    }

    /// What this APDU is about; its answer is about the same.
    fn learn(&mut self, secret: bool, talk: &mut Talk) {
        self.secret |= secret;
        if self.request {
            talk.asked |= secret;
        }
    }
}

const fn fate(hide: bool) -> Fate {
    if hide { Fate::Hide } else { Fate::Show }
}
